import { dirname, join } from "node:path";
import { Command, Option } from "commander";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { type Checkpoint, decodeCheckpoint } from "../checkpoint/checkpoint.js";
import { Corpus } from "../corpus/corpus.js";
import { UsageError } from "../model/errors.js";
import { checkOutput } from "./files.js";
import { isAtomeFile, readModelFile, readModelInput } from "./models.js";
import { byteSize, collect } from "./options.js";
import { type CommonOptions, grouped, Output, withCommonOptions, withExamples } from "./output.js";
import { encode } from "./train-data.js";
import { type WindowChoice, windowList, withChosenWindows } from "./windows.js";

/** Symbols of the calibration text that are run: ranges do not change with more. */
const CALIBRATION_SYMBOLS = 4096;

interface ExportOptions extends CommonOptions, WindowChoice {
  output?: string;
  metadata: readonly string[] | boolean;
}

export function exportCommand(): Command {
  const command = new Command("export")
    .description("Turn a checkpoint into a .atome file: integers only, ready for the chip.")
    .argument("<checkpoint>", "a .safetensors checkpoint; with other windows also a .atome file")
    .option("-o, --output <file>", "the .atome file (default: model.atome beside the checkpoint)")
    .option("--calibration <text>", "text to fit the number ranges to (default: the model's own text)")
    .option("--windows <list>", "attention windows: one, or one per layer with attention: 64,32,8", windowList)
    .option("--max-ram <bytes>", "shorten windows by what they cost on the --calibration text: 90k", byteSize)
    .addOption(new Option("--tables <n>", "... in a build with ATOME_TABLES").choices(["4", "1"]).default("4"))
    .option("--metadata <key=value>", "put a text into the file, e.g. licence=CC0; may be repeated", collect)
    .option("--no-metadata", "leave out seed, step and hash of the training data")
    .action(exportFile);
  return withExamples(
    withCommonOptions(command),
    ["atome export runs/mine/best.safetensors", "writes runs/mine/model.atome"],
    ["atome export best.safetensors -o story.atome --metadata licence=CC0", "with a licence in it"],
    ["atome export model.atome -o small.atome --max-ram 90k --calibration text.txt", "shorter windows, less RAM"],
  );
}

async function exportFile(path: string, options: ExportOptions): Promise<void> {
  const output = new Output(options);
  const bytes = readModelInput(path, "a checkpoint or a .atome file");
  const isModel = isAtomeFile(bytes, path);
  if (isModel) checkModelExport(path, options);
  const target = options.output ?? join(dirname(path), "model.atome");
  checkOutput(target);
  const exported = isModel ? bytes : await exportBytes(bytes, path, options);
  const { model, ...windows } = await withChosenWindows(exported, path, options, output);
  writeFileAtomically(target, model);
  if (!isModel && (await readModelFile(model, target)).classNames) {
    output.note(
      'The classifier in it is not calibrated and answers always; "atome train" writes a model.atome that is, with its threshold.',
    );
  }
  output.result({ model: target, flashBytes: model.length, ...windows });
  output.print(`Wrote ${target}: ${grouped(model.length)} bytes of flash.`);
}

/** A .atome file is exported already; only its windows can change, and it may not be written over unasked. */
function checkModelExport(path: string, { windows, maxRam, output }: ExportOptions): void {
  const cannot = `Cannot export "${path}": it is a .atome file already`;
  if (windows === undefined && maxRam === undefined) {
    throw new UsageError(`${cannot}; give a .safetensors checkpoint, or other windows with --windows or --max-ram.`);
  }
  if (output === undefined) throw new UsageError(`${cannot}; say with -o where the one with other windows goes.`);
}

async function exportBytes(bytes: Uint8Array, path: string, options: ExportOptions): Promise<Uint8Array> {
  const checkpoint = decodeCheckpoint(bytes, `"${path}"`);
  const calibration = options.calibration === undefined ? undefined : readCalibration(options.calibration, checkpoint);
  const metadata = options.metadata === false ? undefined : metadataOf(checkpoint, options.metadata);
  return exportCheckpoint(checkpoint, metadata, calibration);
}

/** What a model file says of its origin; texts of `--metadata key=value` are added. */
export function metadataOf(checkpoint: Checkpoint, texts: readonly string[] | boolean = []): Record<string, unknown> {
  const { seed, step, dataSha256 } = checkpoint;
  const pairs = (typeof texts === "boolean" ? [] : texts).map((text) => {
    const at = text.indexOf("=");
    if (at < 1)
      throw new UsageError(
        `Cannot use --metadata ${JSON.stringify(text)}: expected key=value, for example licence=CC0.`,
      );
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  const columns = checkpoint.sensor?.columns.map(({ name }) => name);
  return { ...Object.fromEntries(pairs), seed, step, dataSha256, ...(columns ? { columns } : {}) };
}

/** The bytes of the .atome file of a checkpoint. */
export async function exportCheckpoint(
  checkpoint: Checkpoint,
  metadata?: Record<string, unknown>,
  calibration?: Uint16Array,
): Promise<Uint8Array> {
  const { exportModel } = await import("../export/export.js");
  return exportModel({ ...checkpoint, metadata, calibration });
}

function readCalibration(path: string, { alphabet }: Checkpoint): Uint16Array {
  if (alphabet) return encode(Corpus.open([path]).all, alphabet, CALIBRATION_SYMBOLS).symbols;
  throw new UsageError(`Cannot calibrate the model of a sensor by the text "${path}"; leave out --calibration.`);
}
