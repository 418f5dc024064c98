import { createHash } from "node:crypto";
import { Corpus, checkWindow, type SourceFile, type TextSpan } from "../corpus/corpus.js";
import type { ModelConfig } from "../model/config.js";
import { UsageError } from "../model/errors.js";
import type { Alphabet } from "../tokenizer/alphabet.js";
import { learnAlphabet } from "../tokenizer/learn.js";
import type { SymbolSource } from "../train/trainer.js";
import type { ReadingView } from "./reading-view.js";
import { SymbolFile } from "./symbol-file.js";

/** Most symbols of the held-out text that a validation reads. */
const VALIDATION_SYMBOLS = 32768;

/** A text as symbols. */
export interface EncodedText<Symbols extends SymbolSource = Uint16Array> {
  symbols: Symbols;
  /** Length of the whole text in bytes. */
  byteCount: number;
}

export interface TrainingData {
  alphabet: Alphabet;
  training: EncodedText<SymbolFile>;
  /** The symbols that a validation reads; none when nothing is held out. */
  validation: EncodedText;
  /** SHA-256 of everything read, hexadecimal. */
  sha256: string;
}

export interface DataChoice {
  allowBinary?: boolean;
  /** Held-out text; without it the end of the corpus is held out. */
  validationFile?: string;
}

/** The texts of a run, opened but not encoded. */
export interface TrainingTexts {
  training: TextSpan;
  validation: TextSpan;
  /** SHA-256 of everything read, hexadecimal. */
  sha256: string;
  corpusFiles: readonly SourceFile[];
  validationFile: SourceFile | null;
}

/**
 * Opens and splits the corpus.
 *
 * @throws UsageError when a file cannot be used
 */
export function openTexts(
  paths: readonly string[],
  config: ModelConfig,
  choice: DataChoice,
  view: ReadingView,
): TrainingTexts {
  const { validationFile } = choice;
  const options = { allowBinary: choice.allowBinary ?? false, onRead: (count: number) => view.read(count) };
  view.beginFiles("Reading the text", validationFile === undefined ? paths : [...paths, validationFile]);
  const corpus = Corpus.open(paths, options);
  const corpusFiles = corpus.files;
  if (validationFile === undefined) {
    return { ...corpus.split(config.train.validation), sha256: corpus.sha256, corpusFiles, validationFile: null };
  }
  const heldOut = Corpus.open([validationFile], options);
  if (corpusFiles.some(({ sha256 }) => sha256 === heldOut.sha256)) {
    throw new UsageError(
      `Cannot validate on "${validationFile}": the same text is in the corpus; hold out a text that is not trained on.`,
    );
  }
  const sha256 = createHash("sha256").update(corpus.sha256).update(heldOut.sha256).digest("hex");
  return { training: corpus.all, validation: heldOut.all, sha256, corpusFiles, validationFile: heldOut.files[0] };
}

/** Learns the alphabet from the training part alone. @throws UsageError when the text is too short for it, or it is a sensor's */
export function learnFrom({ training }: TrainingTexts, config: ModelConfig, view: ReadingView): Alphabet {
  if (config.alphabet.kind === "sensor") {
    throw new UsageError("Cannot train on text: the configuration's alphabet is of a sensor; choose one of symbols.");
  }
  view.begin("Learning the alphabet", training.byteCount);
  return learnAlphabet(config.alphabet, () => training.pieces());
}

/** @throws UsageError when the texts are too short to train or validate on */
export function checkLengths({ training, validation }: TrainingTexts, config: ModelConfig, alphabet: Alphabet): void {
  const { context } = config.train;
  checkWindow("the training text", encode(training, alphabet, context + 1).symbols.length, context);
  if (validation.byteCount > 0 && encode(validation, alphabet, 2).symbols.length < 2) {
    throw new UsageError(
      "Cannot use the held-out text: it has 1 symbol, expected at least 2; give more text or hold nothing out with --set train.validation=0.",
    );
  }
}

/**
 * Encodes the texts: what is trained on into a file, of the held-out text what is read.
 *
 * @param symbolPath a file that is there is used when it holds these symbols
 */
export function encodeTexts(
  texts: TrainingTexts,
  alphabet: Alphabet,
  symbolPath: string,
  view: ReadingView,
): TrainingData {
  const { training, validation, sha256 } = texts;
  const origin = JSON.stringify({ sha256, byteCount: training.byteCount, alphabet: alphabet.toJson() });
  view.begin("Encoding the text", training.byteCount);
  const symbols =
    SymbolFile.open(symbolPath, origin) ?? SymbolFile.create(symbolPath, origin, encodedPieces(training, alphabet));
  return {
    alphabet,
    sha256,
    training: { symbols, byteCount: training.byteCount },
    validation: encode(validation, alphabet, VALIDATION_SYMBOLS),
  };
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

/** The symbols of a text, piece by piece. */
function* encodedPieces(text: TextSpan, alphabet: Alphabet): Iterable<Uint16Array> {
  const encoder = alphabet.encoder();
  for (const piece of text.pieces()) yield encoder.push(piece);
  yield encoder.finish();
}
