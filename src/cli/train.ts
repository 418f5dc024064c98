import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { Command } from "commander";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { type Checkpoint, decodeCheckpoint, type HistoryEntry } from "../checkpoint/checkpoint.js";
import { configToJson, type ModelConfig } from "../model/config.js";
import { configNames } from "../model/configs.js";
import { AtomeError, UsageError } from "../model/errors.js";
import { tensorSpecs } from "../model/tensors.js";
import { engineMaker } from "./engines.js";
import { exportCheckpoint, metadataOf } from "./export.js";
import { readInput } from "./files.js";
import { Interrupted, interruptible } from "./interrupt.js";
import { collect, realNumber, wholeNumber } from "./options.js";
import { type CommonOptions, duration, grouped, Output, withCommonOptions, withExamples } from "./output.js";
import { RunFolder } from "./run-folder.js";
import { prepareData, type TrainingData } from "./train-data.js";
import { trainToEnd } from "./train-loop.js";
import { type ConfigChoice, chooseConfig } from "./train-settings.js";
import { TrainingView } from "./training-view.js";

export interface TrainOptions extends CommonOptions, ConfigChoice {
  output?: string;
  threads: number;
  validationFile?: string;
  allowBinary?: boolean;
  resume?: boolean;
  force?: boolean;
  init?: string;
}

/** What a finished run is told as. */
export interface TrainReport {
  run: string;
  steps: number;
  symbols: number;
  bitsPerByte: number | null;
  best: { step: number; bitsPerByte: number } | null;
  seconds: number;
  symbolsPerSecond: number;
  lastCheckpoint: string;
  bestCheckpoint: string;
  /** The .atome file of the best checkpoint; null when its configuration cannot be exported. */
  model: string | null;
  flashBytes: number | null;
  ramBytes: number | null;
}

export function trainCommand(): Command {
  const command = new Command("train")
    .description("Train a model on text files; the result is a folder with checkpoints, a log and the .atome file.")
    .argument("<corpus...>", "text files, read as one text in this order")
    .option("-o, --output <folder>", "folder of the run (default: runs/<configuration>)")
    .option("--config <name or file>", `${configNames.join(", ")}, or a JSON file`, "gated-20k")
    .option("--set <key=value>", "change a key of the configuration, e.g. train.batch=8; may be repeated", collect)
    .option("--steps <n>", "number of optimizer steps", wholeNumber(1, 10_000_000))
    .option("--batch <n>", "windows per step", wholeNumber(1, 1024))
    .option("--context <n>", "symbols per window", wholeNumber(1, 4096))
    .option("--learning-rate <x>", "highest learning rate", realNumber(1e-9, 10))
    .option("--seed <n>", "seed of everything random", wholeNumber(0, 0xffffffff))
    .option("--threads <n>", "worker threads; the result does not depend on it", wholeNumber(1, 64), defaultThreads())
    .option("--validation-file <file>", "held-out text (default: the end of the corpus)")
    .option("--allow-binary", "take files that do not look like text")
    .option("--resume", "go on with the run in the folder")
    .option("--force", "replace the run in the folder")
    .option("--init <checkpoint>", "start from the weights of a checkpoint")
    .action(train);
  return withExamples(
    withCommonOptions(command),
    ["atome train stories.txt", "a model of about 20 KB into runs/gated-20k"],
    ["atome train a.txt b.txt --config stories --steps 3000 --seed 1 -o runs/mine", "a built-in configuration"],
    ["atome train stories.txt -o runs/mine --resume", "go on after Ctrl-C or a crash, to the same bits"],
    ["atome train log.txt --config my.json --set train.batch=8", "a configuration of your own"],
  );
}

const defaultThreads = (): number => Math.min(16, availableParallelism());

async function train(paths: string[], options: TrainOptions, command: Command): Promise<void> {
  const output = new Output(options);
  const report = await runTraining(paths, options, output, givenOptions(command));
  output.result(report);
  for (const line of reportLines(report)) output.print(line);
}

/** Names of the options on the command line. */
const givenOptions = (command: Command): ReadonlySet<string> =>
  new Set(
    command.options
      .map((option) => option.attributeName())
      .filter((name) => command.getOptionValueSource(name) === "cli"),
  );

/**
 * A whole run: settings, data, training, files.
 *
 * @param given names of the options that were chosen and are not defaults
 */
export async function runTraining(
  paths: readonly string[],
  options: TrainOptions,
  output: Output,
  given: ReadonlySet<string>,
): Promise<TrainReport> {
  const folder = new RunFolder(options.output ?? join("runs", basename(options.config, ".json")));
  if (options.resume && (options.force || options.init)) {
    throw new UsageError(`Cannot resume "${folder.path}": --resume goes with neither --force nor --init; drop one.`);
  }
  const resumed = options.resume ? folder.resume() : undefined;
  const init = options.init === undefined ? undefined : readInit(options.init);
  const config = resumed ? resumedConfig(resumed, options, given) : chooseConfig(options);
  const from = resumed ?? init;
  if (init) checkShapes(init, config, options.init as string);
  const data = prepareData(paths, config, options, from?.alphabet);
  if (resumed && resumed.dataSha256 !== data.sha256) {
    throw new UsageError(
      `Cannot resume "${folder.path}": the corpus is not the one it was started with; give the same files in the same order.`,
    );
  }
  if (!resumed) folder.start(configToJson(config), options.force ?? false);
  output.note(introduction(config, data, options.threads));
  const resumeCommand = resumeLine(paths, folder, options);
  return observeTraining(
    { config, data, folder, threads: options.threads, resumeCommand, ...(from ? { from } : {}) },
    output,
  );
}

interface Run {
  config: ModelConfig;
  data: TrainingData;
  folder: RunFolder;
  threads: number;
  from?: Checkpoint;
  /** What the user is told to type after stopping. */
  resumeCommand: string;
}

async function observeTraining(run: Run, output: Output): Promise<TrainReport> {
  const { config, data, folder, from } = run;
  const view = new TrainingView(config, data.training, from?.training ? from.step : 0, output.quiet);
  const result = await interruptible((isStopped) =>
    trainToEnd({
      ...run,
      isStopped,
      onStep: ({ lossNatsPerSymbol, step }) => view.step(step, lossNatsPerSymbol),
      onValidation: (entry) => view.validation(entry),
    }),
  ).finally(() => view.end());
  if (!result.isComplete) {
    throw new Interrupted(
      `Stopped after step ${result.step} of ${config.train.steps}, which is saved; go on with: ${run.resumeCommand}`,
    );
  }
  const { history } = result;
  const best = history.reduce<HistoryEntry | undefined>(
    (least, entry) => (least && least.validationLoss <= entry.validationLoss ? least : entry),
    undefined,
  );
  return {
    run: folder.path,
    steps: result.step,
    symbols: data.alphabet.size,
    bitsPerByte: history.at(-1)?.bitsPerByte ?? null,
    best: best ? { step: best.step, bitsPerByte: best.bitsPerByte } : null,
    seconds: view.seconds,
    symbolsPerSecond: view.symbolsPerSecond,
    lastCheckpoint: folder.last,
    bestCheckpoint: folder.best,
    ...(await exportBest(folder, output)),
  };
}

/** Writes model.atome; a model that cannot be exported (float tables, say) is told and left out. */
async function exportBest(
  folder: RunFolder,
  output: Output,
): Promise<Pick<TrainReport, "model" | "flashBytes" | "ramBytes">> {
  const checkpoint = decodeCheckpoint(readInput(folder.best, "a checkpoint"), `"${folder.best}"`);
  try {
    const model = await exportCheckpoint(checkpoint, metadataOf(checkpoint));
    writeFileAtomically(folder.model, model);
    const { arenaBytes } = (await engineMaker("js")).check(model);
    return { model: folder.model, flashBytes: model.length, ramBytes: arenaBytes };
  } catch (error) {
    if (!(error instanceof AtomeError)) throw error;
    output.note(`The checkpoints are saved, but there is no .atome file: ${error.message}`);
    return { model: null, flashBytes: null, ramBytes: null };
  }
}

/** The run's own configuration; options that ask for another are refused. */
function resumedConfig(checkpoint: Checkpoint, options: TrainOptions, given: ReadonlySet<string>): ModelConfig {
  const choosing = ["config", "set", "steps", "batch", "context", "learningRate", "seed"].filter((name) =>
    given.has(name),
  );
  if (choosing.length === 0) return checkpoint.config;
  const text = (config: ModelConfig) => JSON.stringify(configToJson(config));
  if (text(chooseConfig(options)) !== text(checkpoint.config)) {
    throw new UsageError(
      `Cannot resume the run with another configuration: ${choosing.map((name) => `"${name}"`).join(", ")} must be as it was started; leave out those options or start a new run.`,
    );
  }
  return checkpoint.config;
}

const readInit = (path: string): Checkpoint => {
  const { training: _, ...weights } = decodeCheckpoint(readInput(path, "a checkpoint"), `"${path}"`);
  return weights;
};

/** Weights to start from must be the tensors of the configuration. */
function checkShapes(init: Checkpoint, config: ModelConfig, path: string): void {
  const shapes = (of: ModelConfig) =>
    tensorSpecs(of, init.alphabet.size, init.outputs).map(({ name, shape }) => `${name} [${shape}]`);
  const [wanted, found] = [shapes(config), shapes(init.config)];
  const odd = wanted.findIndex((tensor, index) => tensor !== found[index]);
  if (odd >= 0 || wanted.length !== found.length) {
    throw new UsageError(
      `Cannot start from "${path}": its tensor ${found[Math.max(odd, 0)] ?? "(none)"} should be ${wanted[Math.max(odd, 0)]}; choose the configuration it was trained with.`,
    );
  }
}

function introduction(config: ModelConfig, data: TrainingData, threads: number): string {
  const { training, validation, alphabet } = data;
  const { steps, batch, context } = config.train;
  return [
    `Training a ${config.block} model (dModel ${config.dModel}, ${config.nLayers} layers, ${alphabet.size} symbols)`,
    `on ${grouped(training.byteCount)} bytes (${grouped(training.symbols.length)} symbols), ${grouped(validation.byteCount)} held out:`,
    `${steps} steps of ${batch} x ${context}, ${threads} thread${threads === 1 ? "" : "s"}.`,
  ].join(" ");
}

const shellWord = (word: string): string =>
  /^[\w./=:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

function resumeLine(paths: readonly string[], folder: RunFolder, options: TrainOptions): string {
  const heldOut = options.validationFile === undefined ? [] : ["--validation-file", options.validationFile];
  const binary = options.allowBinary ? ["--allow-binary"] : [];
  return ["atome", "train", ...paths, "-o", folder.path, ...heldOut, ...binary, "--resume"].map(shellWord).join(" ");
}

function reportLines({ steps, seconds, best, model, flashBytes, ramBytes, bestCheckpoint }: TrainReport): string[] {
  return [
    `Trained ${steps} steps in ${duration(seconds)}.`,
    ...(best ? [`Best on the held-out text: ${best.bitsPerByte.toFixed(4)} bits per byte (step ${best.step}).`] : []),
    `Checkpoint: ${bestCheckpoint}`,
    ...(model
      ? [`Model: ${model}, ${grouped(flashBytes ?? 0)} bytes of flash, ${grouped(ramBytes ?? 0)} bytes of RAM.`]
      : []),
  ];
}
