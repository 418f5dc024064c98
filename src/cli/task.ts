import type { Checkpoint, CheckpointAlphabet, HistoryEntry } from "../checkpoint/checkpoint.js";
import type { SourceFile } from "../corpus/corpus.js";
import type { Evaluation } from "../evaluate/evaluation.js";
import type { ModelConfig } from "../model/config.js";
import type { Trainer, TrainerOptions } from "../train/trainer.js";

/** What a model reads and what it answers. */
export type Vocabulary = CheckpointAlphabet & Pick<Checkpoint, "outputs" | "classNames">;

/** Rows of the embedding table. */
export const vocabularySize = ({ alphabet, sensor }: CheckpointAlphabet): number => (alphabet ?? sensor).size;

/** What a validation finds. */
export type Validation = Omit<HistoryEntry, "step" | "trainingLoss">;

/** A checkpoint made into what goes on the chip. */
export interface Ending {
  /** The .atome file. */
  model: Uint8Array;
  /** Of a classifier. */
  evaluation?: Evaluation;
}

/** The data of a run, opened and hashed but not encoded. */
export interface TaskData {
  /** SHA-256 of everything read and of what it was taken for, hexadecimal. */
  readonly sha256: string;
  readonly corpusFiles: readonly SourceFile[];
  /** Null when a part of the corpus is held out. */
  readonly validationFile: SourceFile | null;
  /**
   * What the model reads and answers: learned from the training part alone, or that of the checkpoint to go on from.
   *
   * @throws UsageError when the data are too few
   */
  vocabulary(known: Vocabulary | undefined): Vocabulary;
  encode(vocabulary: Vocabulary): TaskMaterial;
  /** Makes the .atome file of the best checkpoint and measures what is to be measured. */
  end(best: Checkpoint): Promise<Ending>;
}

/** The data of a run as the trainer wants them. */
export interface TaskMaterial {
  readonly trainer: Pick<TrainerOptions, "symbols" | "examples" | "forget">;
  /** What is trained on and held out, in words. */
  readonly words: string;
  /** Symbols of a byte of the training text; undefined where a loss per byte says nothing. */
  readonly symbolsPerByte: number | undefined;
  /** Undefined when nothing is held out. */
  validate(trainer: Trainer): Promise<Validation | undefined>;
  close(): void;
}

/** What is to be learned: `atome train --task`. */
export interface Task {
  /** Reads the data and hashes them. @throws UsageError with the first thing that is wrong */
  open(config: ModelConfig): TaskData;
  /** Whether a validation is better than another. */
  isBetter(one: HistoryEntry, other: HistoryEntry): boolean;
}

/** What a validation found, in words. */
export const validationWords = ({ bitsPerByte, accuracy }: Figures): string =>
  typeof bitsPerByte === "number"
    ? `${bitsPerByte.toFixed(4)} bits per byte`
    : `${(100 * (accuracy ?? 0)).toFixed(2)} % right`;

interface Figures {
  bitsPerByte?: number | null;
  accuracy?: number | null;
}
