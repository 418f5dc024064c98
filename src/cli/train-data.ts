import { createHash } from "node:crypto";
import { Corpus, checkWindow, type TextSpan } from "../corpus/corpus.js";
import type { ModelConfig } from "../model/config.js";
import { UsageError } from "../model/errors.js";
import type { Alphabet } from "../tokenizer/alphabet.js";
import { learnAlphabet } from "../tokenizer/learn.js";

/** A text as symbols. */
export interface EncodedText {
  symbols: Uint16Array;
  /** Length of the text in bytes. */
  byteCount: number;
}

export interface TrainingData {
  alphabet: Alphabet;
  training: EncodedText;
  /** No symbols when nothing is held out. */
  validation: EncodedText;
  /** SHA-256 of everything read, hexadecimal. */
  sha256: string;
}

export interface DataChoice {
  allowBinary?: boolean;
  /** Held-out text; without it the end of the corpus is held out. */
  validationFile?: string;
}

/**
 * Reads, splits and encodes the corpus.
 *
 * @param alphabet of the model to go on with; without it one is learned from the training part alone
 * @throws UsageError when a file cannot be used or is too short
 */
export function prepareData(
  paths: readonly string[],
  config: ModelConfig,
  choice: DataChoice,
  alphabet?: Alphabet,
): TrainingData {
  const { training, validation, sha256 } = split(Corpus.open(paths, choice), config, choice);
  const used = alphabet ?? learnAlphabet(config.alphabet, () => training.pieces());
  const data = { alphabet: used, sha256, training: encode(training, used), validation: encode(validation, used) };
  checkWindow("the training text", data.training.symbols.length, config.train.context);
  if (validation.byteCount > 0 && data.validation.symbols.length < 2) {
    throw new UsageError("Cannot use the held-out text: it has 1 symbol, expected at least 2; give more text.");
  }
  return data;
}

/** The symbols of a text, piece by piece. */
export function* encodedPieces(text: TextSpan, alphabet: Alphabet): Iterable<Uint16Array> {
  const encoder = alphabet.encoder();
  for (const piece of text.pieces()) yield encoder.push(piece);
  yield encoder.finish();
}

/** Encodes a text into memory. @param maxSymbols reads no further than so many symbols need */
export function encode(text: TextSpan, alphabet: Alphabet, maxSymbols = Number.POSITIVE_INFINITY): EncodedText {
  const parts: Uint16Array[] = [];
  let length = 0;
  for (const part of encodedPieces(text, alphabet)) {
    parts.push(part);
    length += part.length;
    if (length >= maxSymbols) break;
  }
  const symbols = new Uint16Array(length);
  let at = 0;
  for (const part of parts) {
    symbols.set(part, at);
    at += part.length;
  }
  return { symbols: symbols.subarray(0, Math.min(length, maxSymbols)), byteCount: text.byteCount };
}

function split(corpus: Corpus, config: ModelConfig, choice: DataChoice) {
  if (choice.validationFile === undefined) {
    return { ...corpus.split(config.train.validation), sha256: corpus.sha256 };
  }
  const heldOut = Corpus.open([choice.validationFile], choice);
  if (corpus.files.some(({ sha256 }) => sha256 === heldOut.sha256)) {
    throw new UsageError(
      `Cannot validate on "${choice.validationFile}": the same text is in the corpus; hold out a text that is not trained on.`,
    );
  }
  const sha256 = createHash("sha256").update(corpus.sha256).update(heldOut.sha256).digest("hex");
  return { training: corpus.all, validation: heldOut.all, sha256 };
}
