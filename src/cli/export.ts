import { dirname, join } from "node:path";
import { Command } from "commander";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { type Checkpoint, decodeCheckpoint } from "../checkpoint/checkpoint.js";
import { Corpus } from "../corpus/corpus.js";
import { UsageError } from "../model/errors.js";
import { checkOutput, readInput } from "./files.js";
import { isAtomeFile } from "./models.js";
import { collect } from "./options.js";
import { type CommonOptions, grouped, Output, withCommonOptions, withExamples } from "./output.js";
import { encode } from "./train-data.js";

/** Symbols of the calibration text that are run: ranges do not change with more. */
const CALIBRATION_SYMBOLS = 4096;

interface ExportOptions extends CommonOptions {
  output?: string;
  calibration?: string;
  metadata: readonly string[] | boolean;
}

export function exportCommand(): Command {
  const command = new Command("export")
    .description("Turn a checkpoint into a .atome file: integers only, ready for the chip.")
    .argument("<checkpoint>", "a .safetensors checkpoint")
    .option("-o, --output <file>", "the .atome file (default: model.atome beside the checkpoint)")
    .option("--calibration <text>", "text to fit the number ranges to (default: the model's own text)")
    .option("--metadata <key=value>", "put a text into the file, e.g. licence=CC0; may be repeated", collect)
    .option("--no-metadata", "leave out seed, step and hash of the training data")
    .action(exportFile);
  return withExamples(
    withCommonOptions(command),
    ["atome export runs/mine/best.safetensors", "writes runs/mine/model.atome"],
    ["atome export best.safetensors -o story.atome --metadata licence=CC0", "with a licence in it"],
  );
}

async function exportFile(path: string, options: ExportOptions): Promise<void> {
  const output = new Output(options);
  const target = options.output ?? join(dirname(path), "model.atome");
  const bytes = readInput(path, "a .safetensors checkpoint");
  if (isAtomeFile(bytes, path)) {
    throw new UsageError(`Cannot export "${path}": it is a .atome file already, expected a .safetensors checkpoint.`);
  }
  checkOutput(target);
  const checkpoint = decodeCheckpoint(bytes, `"${path}"`);
  const calibration = options.calibration === undefined ? undefined : readCalibration(options.calibration, checkpoint);
  const metadata = options.metadata === false ? undefined : metadataOf(checkpoint, options.metadata);
  const model = await exportCheckpoint(checkpoint, metadata, calibration);
  writeFileAtomically(target, model);
  output.result({ model: target, flashBytes: model.length });
  output.print(`Wrote ${target}: ${grouped(model.length)} bytes of flash.`);
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
  return { ...Object.fromEntries(pairs), seed, step, dataSha256 };
}

/** The bytes of the .atome file of a checkpoint. */
export async function exportCheckpoint(
  { config, tensors, alphabet }: Checkpoint,
  metadata?: Record<string, unknown>,
  calibration?: Uint16Array,
): Promise<Uint8Array> {
  const { exportModel } = await import("../export/export.js");
  return exportModel({ config, tensors, alphabet, metadata, calibration });
}

const readCalibration = (path: string, { alphabet }: Checkpoint): Uint16Array =>
  encode(Corpus.open([path]).all, alphabet, CALIBRATION_SYMBOLS).symbols;
