import { existsSync, statSync } from "node:fs";
import { type Command, Option } from "commander";
import { UsageError } from "../model/errors.js";
import { type ClassifyChoice, classifyTask } from "./classify-task.js";
import type { LabelledChoice } from "./labelled-task.js";
import { LanguageTask } from "./language-task.js";
import { collect, realNumber } from "./options.js";
import type { ReadingView } from "./reading-view.js";
import { type SensorChoice, sensorTask } from "./sensor-task.js";
import type { Task } from "./task.js";
import type { DataChoice } from "./train-data.js";

export const TASKS = ["language", "classify", "sensor"] as const;
export type TaskName = (typeof TASKS)[number];

/** What the command line says about the task and its data. */
export type TaskChoice = { task: TaskName; config?: string } & DataChoice &
  Partial<Omit<LabelledChoice & ClassifyChoice & SensorChoice, "config">>;

/** What labelled data train unless the user says otherwise. */
const USUAL_CONFIGS = { classify: "classify-20k", sensor: "sensor-4k" };

/**
 * Bytes of text from which on tokens and recall have enough to learn from. Of the beginning of v1-train-2mib, 3,000 steps, seed 1,
 * bits per byte of its last 100 KB (--validation-file), at the best step: from 30 KB text-20k reaches 3.209 and gated-20k 2.837,
 * from 100 KB 2.025 and 2.305, from 300 KB 1.701 and 2.121.
 */
const ENOUGH_TEXT_BYTES = 100_000;

/** What a task trains unless the user says otherwise; a text by its size. Files that are missing are told of elsewhere. */
export function usualConfig(task: TaskName, paths: readonly string[]): string {
  if (task !== "language") return USUAL_CONFIGS[task];
  const bytes = paths.reduce((sum, path) => sum + (existsSync(path) ? statSync(path).size : 0), 0);
  return bytes < ENOUGH_TEXT_BYTES ? "gated-20k" : "text-20k";
}

/** Share of labelled data that is only measured with, when there is no file of it. */
const USUAL_TEST_SHARE = 0.1;

/** Options that say which data a run is of, and the tasks that have them. */
const DATA_OPTIONS: readonly { key: keyof TaskChoice; flag: string; tasks: readonly TaskName[] }[] = [
  { key: "textColumn", flag: "--text", tasks: ["classify"] },
  { key: "labelColumn", flag: "--label", tasks: ["classify", "sensor"] },
  { key: "columns", flag: "--columns", tasks: ["sensor"] },
  { key: "seriesColumn", flag: "--series", tasks: ["sensor"] },
  { key: "valid", flag: "--valid", tasks: ["sensor"] },
  { key: "noneLabel", flag: "--none-label", tasks: ["classify"] },
  { key: "validationFile", flag: "--validation-file", tasks: TASKS },
  { key: "keepCopies", flag: "--keep-copies", tasks: ["classify"] },
  { key: "testFile", flag: "--test-file", tasks: ["classify", "sensor"] },
  { key: "testShare", flag: "--test-share", tasks: ["classify", "sensor"] },
  { key: "maxRisk", flag: "--max-risk", tasks: ["classify", "sensor"] },
  { key: "coverage", flag: "--coverage", tasks: ["classify", "sensor"] },
];

/** Adds the options of labelled data to `atome train`. */
export const withTaskOptions = (command: Command): Command =>
  command
    .addOption(
      new Option("--task <name>", "to write on, to tell classes of text, or those of a sensor's samples")
        .choices(TASKS)
        .default("language"),
    )
    .addOption(dataOption("--text <column>", "classify: name or number of the column of texts", "textColumn"))
    .addOption(dataOption("--label <column>", "classify, sensor: the column of classes", "labelColumn"))
    .addOption(dataOption("--none-label <label>", "classify: the label of texts that belong to no class", "noneLabel"))
    .addOption(dataOption("--columns <list>", "sensor: the columns of numbers (default: all)", "columns"))
    .addOption(dataOption("--series <column>", "sensor: rows with the same of it are one series", "seriesColumn"))
    .option(
      "--valid <range>",
      "sensor: what numbers are valid, others are missing: 0..4095, or column=0..4095; may be repeated",
      collect,
    )
    .option(
      "--keep-copies",
      "classify: learn also from examples whose copies are held out (default: leave them out, and tell)",
    )
    .option(
      "--test-file <file>",
      "classify, sensor: examples to measure the finished model with; may be repeated",
      collect,
    )
    .option(
      "--test-share <x>",
      `classify, sensor: share of the examples held out for that without such a file (default: ${USUAL_TEST_SHARE})`,
      realNumber(0, 0.5),
    )
    .option(
      "--max-risk <x>",
      'classify, sensor: answer "none" rather than be wrong more often than this, on the validation part',
      realNumber(0, 1),
    )
    .option(
      "--coverage <x>",
      "classify, sensor: share of the examples of a class that get an answer (default: 0.95; sensor: 1)",
      realNumber(0, 1),
    );

const dataOption = (flags: string, description: string, key: keyof TaskChoice): Option => {
  const option = new Option(flags, description);
  option.attributeName = () => key;
  return option;
};

/** The words of the command line that say which data a run is of. */
export function dataWords(choice: TaskChoice): string[] {
  const given = DATA_OPTIONS.filter(({ key }) => choice[key] !== undefined);
  const task = choice.task === "language" ? [] : ["--task", choice.task];
  const words = (flag: string, value: unknown) =>
    value === true ? [flag] : [value].flat().flatMap((each) => [flag, `${each}`]);
  return [...task, ...given.flatMap(({ key, flag }) => words(flag, choice[key]))];
}

/** @throws UsageError when an option is not one of the task */
export function taskOf(
  paths: readonly string[],
  choice: TaskChoice & { config: string },
  symbolPath: string,
  view: ReadingView,
  note: (line: string) => void,
): Task {
  const { task, testShare = USUAL_TEST_SHARE } = choice;
  const odd = DATA_OPTIONS.find(({ key, tasks }) => choice[key] !== undefined && !tasks.includes(task));
  if (odd) {
    throw new UsageError(
      `Cannot use ${odd.flag} with --task ${task}: it is for ${odd.tasks.map((name) => `--task ${name}`).join(" and ")}; leave it out or choose the task.`,
    );
  }
  if (task === "language") return new LanguageTask(paths, choice, symbolPath, view);
  if (task === "classify") return classifyTask(paths, { ...choice, testShare }, note);
  return sensorTask(paths, { ...choice, testShare }, note);
}
