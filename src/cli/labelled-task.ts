import { createHash } from "node:crypto";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { HistoryEntry } from "../checkpoint/checkpoint.js";
import type { SourceFile } from "../corpus/corpus.js";
import { readWhole } from "../corpus/files.js";
import type { Target } from "../evaluate/selective.js";
import { UsageError } from "../model/errors.js";
import type { Examples } from "../train/examples.js";
import type { Trainer } from "../train/trainer.js";
import type { TaskMaterial, Validation } from "./task.js";

/** What the command line says about labelled data. */
export interface LabelledChoice {
  labelColumn?: string;
  validationFile?: string;
  testFile?: string;
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

/** A classifier's validation is better when more is right or, with as much, when the loss is less. */
export const isBetterClassifier = (one: HistoryEntry, other: HistoryEntry): boolean =>
  one.accuracy === other.accuracy
    ? one.validationLoss < other.validationLoss
    : (one.accuracy ?? 0) > (other.accuracy ?? 0);

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
export function sourceOf(path: string): SourceFile {
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

/** One hash of several files and of what they are taken for. */
export const hashOf = (files: readonly SourceFile[], choice: object): string =>
  createHash("sha256")
    .update(JSON.stringify([files.map(({ sha256 }) => sha256), choice]))
    .digest("hex");
