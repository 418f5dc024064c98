import { createHash } from "node:crypto";
import { dirname, resolve } from "node:path";
import { type Checkpoint, decodeCheckpoint } from "../checkpoint/checkpoint.js";
import { configToJson, type ModelConfig } from "../model/config.js";
import { UsageError } from "../model/errors.js";
import { tensorSpecs } from "../model/tensors.js";
import { readInput } from "./files.js";
import { isAtomeFile } from "./models.js";
import { programCommit, programVersion } from "./program.js";
import type { RunFolder, RunOrigin } from "./run-folder.js";
import type { Task, TaskData, Vocabulary } from "./task.js";
import type { DataChoice } from "./train-data.js";
import { type ConfigChoice, chooseConfig } from "./train-settings.js";

/** What the command line says about where a run begins. */
export interface StartChoice extends ConfigChoice, DataChoice {
  resume?: boolean;
  autoResume?: boolean;
  force?: boolean;
  init?: string;
}

export interface PlanRequest {
  task: Task;
  choice: StartChoice;
  /** Names of the options that were chosen and are not defaults. */
  given: ReadonlySet<string>;
  folder: RunFolder;
  /** Takes a remark to the user. */
  note: (line: string) => void;
}

/** A run whose folder is prepared and whose data are open but not encoded. */
export interface PlannedRun {
  folder: RunFolder;
  config: ModelConfig;
  task: Task;
  data: TaskData;
  /** Whether it is a classifier. */
  isLabelled: boolean;
  vocabulary: Vocabulary;
  /** Where to go on, or the weights to start from. */
  from: Checkpoint | undefined;
}

/** @throws UsageError when options exclude each other */
export function checkChoice(path: string, { resume, autoResume, force, init }: StartChoice): void {
  if (resume && (force || init)) {
    throw new UsageError(`Cannot resume "${path}": --resume goes with neither --force nor --init; drop one.`);
  }
  if (autoResume && (force || resume)) {
    throw new UsageError(
      `Cannot train into "${path}": --auto-resume goes with neither --force nor --resume; drop one.`,
    );
  }
  if (force && init && dirname(resolve(init)) === resolve(path)) {
    throw new UsageError(
      `Cannot replace "${path}": the weights to start from are in it; choose another folder with -o.`,
    );
  }
}

/** Starts a run or goes on with one. @throws UsageError when the request does not fit what is there */
export function planRun(request: PlanRequest): PlannedRun {
  const { choice, folder } = request;
  return choice.resume || (choice.autoResume && folder.isStarted) ? goOn(request) : begin(request);
}

function begin({ task, choice, given, folder, note }: PlanRequest): PlannedRun {
  if (!choice.force) folder.checkFree();
  if (choice.autoResume) note(`No run was started in "${folder.path}" yet: a new one begins.`);
  const init = choice.init === undefined ? undefined : readInit(choice.init);
  const config = chooseConfig(choice, given.has("config") ? undefined : init?.weights.config);
  const data = task.open(config);
  const vocabulary = data.vocabulary(init?.weights);
  if (init) checkShapes(init, config, vocabulary);
  folder.start(config, {
    version: programVersion(),
    commit: programCommit(),
    dataSha256: data.sha256,
    corpus: data.corpusFiles,
    validationFile: data.validationFile,
    init: init ? { path: init.path, sha256: init.sha256 } : null,
  });
  return {
    folder,
    config,
    task,
    data,
    vocabulary,
    isLabelled: vocabulary.classNames !== undefined,
    from: init?.weights,
  };
}

function goOn(request: PlanRequest): PlannedRun {
  const { task, folder, note } = request;
  const { config, origin, checkpoint } = folder.resume();
  checkSameConfig(config, request);
  const data = task.open(config);
  const dataSha256 = checkpoint?.dataSha256 ?? origin?.dataSha256;
  if (dataSha256 !== undefined && dataSha256 !== data.sha256) {
    throw new UsageError(
      `Cannot resume "${folder.path}": the corpus is not the one it was started with; give the same files in the same order.`,
    );
  }
  if (origin && (origin.version !== programVersion() || origin.commit !== programCommit())) {
    note("The run was started by another build of the program, which may not give the same bits as this one.");
  }
  if (!checkpoint) note("The run has saved no checkpoint yet: it begins anew.");
  const from = checkpoint ?? startingWeights(origin);
  const vocabulary = data.vocabulary(from);
  const step = checkpoint?.step ?? 0;
  const missing = folder.rewind(config, step);
  if (missing > 0) {
    note(
      `log.jsonl is damaged: ${missing} of ${step} steps are missing in it and in the curve; the model is not affected.`,
    );
  }
  return { folder, config, task, data, vocabulary, isLabelled: vocabulary.classNames !== undefined, from };
}

/** Options that ask for another configuration than the run's are refused. */
function checkSameConfig(config: ModelConfig, { choice, given, folder }: PlanRequest): void {
  const wanted = flatten(configToJson(chooseConfig(choice, given.has("config") ? undefined : config)));
  const own = flatten(configToJson(config));
  const key = [...new Set([...own.keys(), ...wanted.keys()])].find((name) => own.get(name) !== wanted.get(name));
  if (key === undefined) return;
  throw new UsageError(
    `Cannot resume "${folder.path}": it was started with "${key}" ${own.get(key) ?? "unset"}, found ${wanted.get(key) ?? "it unset"}; leave out what changes it or start a new run.`,
  );
}

/** Keys with dots and their values as JSON. */
function flatten(json: Record<string, unknown>): Map<string, string> {
  const { train, ...model } = json;
  const entries = [
    ...Object.entries(model),
    ...Object.entries(train as object).map(([key, value]) => [`train.${key}`, value]),
  ];
  return new Map(entries.map(([key, value]) => [key as string, JSON.stringify(value)]));
}

/** A checkpoint to start from. */
interface Init {
  path: string;
  sha256: string;
  /** Without the state of its training. */
  weights: Checkpoint;
}

function readInit(path: string): Init {
  const bytes = readInput(path, "a checkpoint");
  if (isAtomeFile(bytes, path)) {
    throw new UsageError(
      `Cannot start from "${path}": it is a .atome file, expected a .safetensors checkpoint; give the one that it was exported from.`,
    );
  }
  const { training: _, ...weights } = decodeCheckpoint(bytes, `"${path}"`);
  return { path, sha256: createHash("sha256").update(bytes).digest("hex"), weights };
}

/** The weights of `--init`, for a run that has saved nothing yet. */
function startingWeights(origin: RunOrigin | undefined): Checkpoint | undefined {
  if (!origin?.init) return undefined;
  const { weights, sha256, path } = readInit(origin.init.path);
  if (sha256 === origin.init.sha256) return weights;
  throw new UsageError(
    `Cannot resume: "${path}" is not the checkpoint that the run was started from; start it again with --init and --force.`,
  );
}

/** Weights to start from must be the tensors of the configuration, and of its alphabet. */
function checkShapes({ weights, path }: Init, config: ModelConfig, vocabulary: Vocabulary): void {
  const { outputs, config: own } = weights;
  const alphabet = weights.alphabet ?? weights.sensor;
  const fix = "choose the configuration it was trained with, or leave out --config";
  const [kind, wantedKind] = [own.alphabet, config.alphabet].map((value) => JSON.stringify(value));
  if (kind !== wantedKind) {
    throw new UsageError(`Cannot start from "${path}": its alphabet ${kind} should be ${wantedKind}; ${fix}.`);
  }
  const shapes = (of: ModelConfig, rows: number) =>
    tensorSpecs(of, alphabet.size, rows).map(({ name, shape }) => `${name} [${shape}]`);
  const [wanted, found] = [shapes(config, vocabulary.outputs), shapes(own, outputs)];
  const odd = Array.from({ length: Math.max(wanted.length, found.length) }).findIndex((_, i) => wanted[i] !== found[i]);
  if (odd >= 0) {
    throw new UsageError(
      `Cannot start from "${path}": its tensor ${found[odd] ?? "(none)"} should be ${wanted[odd] ?? "(none)"}; ${fix}.`,
    );
  }
}
