import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { Command } from "commander";
import type { ModelConfig } from "../model/config.js";
import { configNames } from "../model/configs.js";
import { Interrupted, interruptible } from "./interrupt.js";
import { lossText } from "./loss-text.js";
import { collect, realNumber, wholeNumber } from "./options.js";
import { type CommonOptions, Output, withCommonOptions, withExamples } from "./output.js";
import { ReadingView } from "./reading-view.js";
import { RunFolder } from "./run-folder.js";
import { type Vocabulary, vocabularySize } from "./task.js";
import { trainToEnd } from "./train-loop.js";
import { checkChoice, type PlannedRun, planRun, type StartChoice } from "./train-plan.js";
import { endRun, reportLines, reportOf, type Trained, type TrainReport } from "./train-report.js";
import { dataWords, type TaskChoice, taskOf, usualConfig, withTaskOptions } from "./train-task.js";
import { TrainingView } from "./training-view.js";

export type TrainOptions = CommonOptions &
  Omit<StartChoice, "config"> &
  TaskChoice & {
    output?: string;
    threads: number;
  };

export function trainCommand(): Command {
  const command = new Command("train")
    .description(
      "Train a model on your own text, on labelled texts or on a sensor's samples; the result is a folder with checkpoints, a log and the .atome file.",
    )
    .argument(
      "<corpus...>",
      "text files, read as one text; with --task one table (.csv, .tsv, .jsonl) or folder of classes",
    )
    .option(
      "-o, --output <folder>",
      "folder of the run (default: runs/<configuration>, or runs/fine-tuned with --init)",
    )
    .option(
      "--config <name or file>",
      `${configNames.join(", ")}, or a JSON file (default: by the task; of text gated-20k, from 100 KB on text-20k)`,
    )
    .option("--set <key=value>", "change a key of the configuration, e.g. train.batch=8; may be repeated", collect)
    .option("--steps <n>", "number of optimizer steps", wholeNumber(1, 10_000_000))
    .option("--batch <n>", "windows per step", wholeNumber(1, 1024))
    .option("--context <n>", "symbols per window", wholeNumber(1, 4096))
    .option("--learning-rate <x>", "highest learning rate", realNumber(1e-9, 10))
    .option("--seed <n>", "seed of everything random", wholeNumber(0, 0xffffffff))
    .option("--threads <n>", "worker threads; the result does not depend on it", wholeNumber(1, 64), defaultThreads())
    .option("--validation-file <file>", "held-out text (default: the end of the corpus)")
    .option("--allow-binary", "take files that do not look like text")
    .option(
      "--resume",
      "go on with the run in the folder, to the same bits; from its beginning if it has saved nothing yet",
    )
    .option("--auto-resume", "go on with the run in the folder if one was started there, else start it")
    .option("--force", "replace the run in the folder")
    .option(
      "--init <checkpoint>",
      "fine-tune: start from the weights and, without --config, the settings of a checkpoint",
    )
    .action(train);
  return withExamples(
    withCommonOptions(withTaskOptions(command)),
    ["atome train stories.txt", "a model of about 20 KB into runs/text-20k"],
    [
      "atome train stories.txt --config text-64k",
      "one of 64 KB: better text, three times the time; text-256k is better still",
    ],
    ["atome train a.txt b.txt --config stories --steps 3000 --seed 1 -o runs/mine", "a built-in configuration"],
    ["atome train stories.txt -o runs/mine --resume", "go on after Ctrl-C or a crash, to the same bits"],
    [
      "atome train stories.txt -o runs/mine --auto-resume",
      "the same line to start and to restart, for Slurm, Kubernetes and the like",
    ],
    [
      "atome train mine.txt --init runs/mine/best.safetensors --learning-rate 0.002 --steps 500 -o runs/tuned",
      "fine-tune a model on a little more text of its kind; text of another kind wants the full learning rate",
    ],
    ["atome train orders.csv --task classify --none-label none", "which class a text belongs to, or none"],
    ["atome train rig.csv --task sensor --series machine", "what every sample of a sensor says"],
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
  const config = options.config ?? usualConfig(options.task, paths);
  const path = options.output ?? join("runs", options.init ? "fine-tuned" : basename(config, ".json"));
  const choice = { ...options, config };
  checkChoice(path, choice);
  const folder = RunFolder.open(path);
  const view = new ReadingView(output.quiet, () => folder.beat());
  try {
    const note = (line: string) => {
      view.end();
      output.note(line);
    };
    const task = taskOf(paths, choice, folder.symbols, view, note);
    const run = planRun({ task, choice, given, folder, note });
    const trained = doneBefore(run) ?? (await trainOn(run, options.threads, view, output));
    if (trained.step < run.config.train.steps) {
      throw new Interrupted(
        `Stopped after step ${trained.step} of ${run.config.train.steps}, which is saved; go on with: ${resumeLine(paths, path, options)}`,
      );
    }
    showCurve(folder, output);
    const exported = await endRun(run, output);
    folder.removeSymbols();
    return reportOf(run, trained, exported);
  } finally {
    view.end();
    folder.close();
  }
}

/** A run that was complete already has nothing to train. */
function doneBefore({ config, from }: PlannedRun): Trained | undefined {
  if (!from?.training || from.step < config.train.steps) return undefined;
  return { step: from.step, history: from.history, seconds: 0, symbolsPerSecond: 0 };
}

async function trainOn(run: PlannedRun, threads: number, reading: ReadingView, output: Output): Promise<Trained> {
  const { config, task, data, vocabulary, folder, from } = run;
  const material = data.encode(vocabulary);
  reading.end();
  const firstStep = from?.training ? from.step : 0;
  output.note(introduction(run, material.words, threads, firstStep));
  const view = new TrainingView(config, material.symbolsPerByte, firstStep, output.quiet);
  const { step, history } = await interruptible((isStopped) =>
    trainToEnd({
      config,
      task,
      vocabulary,
      material,
      dataSha256: data.sha256,
      folder,
      description: `${modelWords(config, vocabulary)}, seed ${config.train.seed}`,
      threads,
      isStopped,
      onStep: ({ lossNatsPerSymbol, step }) => view.step(step, lossNatsPerSymbol),
      onValidation: (entry) => view.validation(entry),
      ...(from ? { from } : {}),
    }),
  ).finally(() => {
    view.end();
    material.close();
  });
  return { step, history, seconds: view.seconds, symbolsPerSecond: view.symbolsPerSecond };
}

function showCurve({ curve }: RunFolder, output: Output): void {
  if (output.json) return;
  const columns = Math.max(40, Math.min(100, process.stderr.columns || 80));
  for (const line of lossText(curve, columns)) output.note(line);
}

const modelWords = ({ block, dModel, nLayers }: ModelConfig, vocabulary: Vocabulary): string =>
  `${block} model (dModel ${dModel}, ${nLayers} layers, ${vocabularySize(vocabulary)} symbols)`;

function introduction({ config, vocabulary }: PlannedRun, words: string, threads: number, firstStep: number): string {
  const { steps, batch, context } = config.train;
  return [
    `Training a ${modelWords(config, vocabulary)}`,
    `on ${words}:`,
    `${steps} steps of ${batch} x ${context}, ${threads} thread${threads === 1 ? "" : "s"}${firstStep > 0 ? `; going on after step ${firstStep}` : ""}.`,
  ].join(" ");
}

const shellWord = (word: string): string =>
  /^[\w./=:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;

function resumeLine(paths: readonly string[], folder: string, options: TrainOptions): string {
  const binary = options.allowBinary ? ["--allow-binary"] : [];
  return ["atome", "train", ...paths, "-o", folder, ...dataWords(options), ...binary, "--resume"]
    .map(shellWord)
    .join(" ");
}
