import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { basename, extname, join } from "node:path";
import type { HistoryEntry } from "../checkpoint/checkpoint.js";
import type { SourceFile } from "../corpus/corpus.js";
import { readWhole } from "../corpus/files.js";
import type { Target } from "../evaluate/selective.js";
import type { ModelConfig } from "../model/config.js";
import { UsageError } from "../model/errors.js";
import type { Examples } from "../train/examples.js";
import type { Trainer } from "../train/trainer.js";
import type { Task, TaskData, TaskMaterial, Validation } from "./task.js";

/** What the command line says about labelled data. */
export interface LabelledChoice {
  labelColumn?: string;
  validationFile?: string;
  /** Each is a part of its own. */
  testFile?: readonly string[];
  /** Share of the data that is only measured with, when there is no file of it. */
  testShare: number;
  maxRisk?: number;
  coverage?: number;
}

/** What is asked of the threshold; undefined: every answer stands. */
export function targetOf({ maxRisk, coverage }: LabelledChoice, usual: number): Target | undefined {
  if (maxRisk !== undefined && coverage !== undefined) {
    throw new UsageError("Cannot choose a threshold: --max-risk and --coverage are both given; drop one.");
  }
  if (maxRisk !== undefined) return { maxRisk };
  const share = coverage ?? usual;
  return share < 1 ? { coverage: share } : undefined;
}

/** What test files are called in figures: "test", or their own names when there are several. */
export const testNames = (files: readonly string[]): string[] =>
  files.length === 1 ? ["test"] : files.map((file) => basename(file, extname(file)));

/** @param what is trained, and what it is trained on, in words @throws UsageError when there is more than one path */
export function onlyPath(paths: readonly string[], what: string, expected: string): string {
  if (paths.length === 1) return paths[0];
  throw new UsageError(
    `Cannot train ${what} on ${paths.length} files: expected one ${expected}, or give held-out data with --validation-file and --test-file.`,
  );
}

/** Labelled data of a run, with what the user should know of them, one sentence each. */
export interface LabelledData extends TaskData {
  readonly notes: readonly string[];
}

/** Learning classes, of whatever data. */
export class LabelledTask implements Task {
  readonly #open: (config: ModelConfig) => LabelledData;
  readonly #note: (line: string) => void;

  constructor(open: (config: ModelConfig) => LabelledData, note: (line: string) => void) {
    this.#open = open;
    this.#note = note;
  }

  open(config: ModelConfig): TaskData {
    const data = this.#open(config);
    for (const note of data.notes) this.#note(note);
    return data;
  }

  /** More is right or, with as much, the loss is less. */
  isBetter(one: HistoryEntry, other: HistoryEntry): boolean {
    if (one.accuracy === other.accuracy) return one.validationLoss < other.validationLoss;
    return (one.accuracy ?? 0) > (other.accuracy ?? 0);
  }
}

/** Labelled examples as the trainer wants them. */
export class LabelledMaterial implements TaskMaterial {
  readonly trainer: { examples: Examples };
  readonly words: string;
  readonly symbolsPerByte = undefined;
  readonly #validation: Examples;

  constructor(training: Examples, validation: Examples, words: string) {
    this.trainer = { examples: training };
    this.words = words;
    this.#validation = validation;
  }

  async validate(trainer: Trainer): Promise<Validation> {
    const { natsPerExample, accuracy } = await trainer.evaluateExamples(this.#validation);
    return { validationLoss: natsPerExample, accuracy };
  }

  close(): void {}
}

/** Hash and size of a file, or of all files below a folder. */
function sourceOf(path: string): SourceFile {
  const hash = createHash("sha256");
  let byteCount = 0;
  for (const file of filesBelow(path)) {
    const bytes = readWhole(file);
    if (file !== path) hash.update(`${file.slice(path.length)}\n${bytes.length}\n`);
    hash.update(bytes);
    byteCount += bytes.length;
  }
  return { path, byteCount, sha256: hash.digest("hex") };
}

function filesBelow(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  return readdirSync(path)
    .sort()
    .flatMap((name) => filesBelow(join(path, name)));
}

/** The files of a labelled run: the data, then what is held out. */
export function filesOf(path: string, { validationFile, testFile = [] }: LabelledChoice, choice: object) {
  const files = [path, ...(validationFile === undefined ? [] : [validationFile]), ...testFile].map(sourceOf);
  const hasValidation = validationFile !== undefined;
  return {
    corpusFiles: files.slice(0, 1),
    validationFile: hasValidation ? files[1] : null,
    sha256: hashOf(files, { ...choice, hasValidation }),
  };
}

/** One hash of several files and of what they are taken for. */
const hashOf = (files: readonly SourceFile[], choice: object): string =>
  createHash("sha256")
    .update(JSON.stringify([files.map(({ sha256 }) => sha256), choice]))
    .digest("hex");
