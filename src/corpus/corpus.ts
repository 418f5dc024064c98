import { createHash } from "node:crypto";
import { FailureError, UsageError } from "../model/errors.js";
import { findCut } from "./cut.js";
import { changeMs, filePieces } from "./files.js";

/** Least bytes of a corpus: one symbol predicts the next. */
const MIN_BYTES = 2;
/** More control characters than one in this many bytes are not text. */
const CONTROL_INTERVAL = 50;

/** A contiguous part of a corpus. */
export interface TextSpan {
  /** Length in bytes. */
  byteCount: number;
  /** Reads the bytes, in order, in pieces of at most 1 MiB; may be called again. */
  pieces(): Iterable<Uint8Array>;
}

/** One of the files of a corpus. */
export interface SourceFile {
  path: string;
  byteCount: number;
  /** SHA-256 of its bytes, hexadecimal. */
  sha256: string;
}

export interface CorpusOptions {
  /** Take files that do not look like text. */
  allowBinary?: boolean;
  /** Told of every piece that is read, now and later. */
  onRead?: ((byteCount: number) => void) | undefined;
}

/**
 * Text files read as one text, in the order given, nothing between them. Opening reads everything once: for errors, the
 * hash and the size; the bytes are read again, in pieces, by whoever needs them.
 *
 * @example
 * const { training, validation } = Corpus.open(['stories.txt']).split(0.05);
 */
export class Corpus {
  readonly byteCount: number;
  /** SHA-256 of all bytes, hexadecimal. */
  readonly sha256: string;
  readonly files: readonly SourceFile[];
  /** When each file was last changed, in milliseconds. */
  readonly #changedMs: readonly number[];
  readonly #onRead: ((byteCount: number) => void) | undefined;

  private constructor(
    files: readonly SourceFile[],
    sha256: string,
    changedMs: readonly number[],
    onRead?: (byteCount: number) => void,
  ) {
    this.files = files;
    this.byteCount = files.reduce((total, file) => total + file.byteCount, 0);
    this.sha256 = sha256;
    this.#changedMs = changedMs;
    this.#onRead = onRead;
  }

  /**
   * @param paths text files
   * @throws UsageError when a file is missing, a directory, empty, too short or (unless `allowBinary`) not text
   * @throws FailureError when a file cannot be read
   */
  static open(paths: readonly string[], options: CorpusOptions = {}): Corpus {
    if (paths.length === 0)
      throw new UsageError("Cannot read the corpus: no file is given; name at least one text file.");
    const hash = createHash("sha256");
    const changedMs: number[] = [];
    const files = paths.map((path) => {
      const fileHash = createHash("sha256");
      let byteCount = 0;
      let controls = 0;
      changedMs.push(changeMs(path));
      for (const piece of filePieces(path)) {
        if (!options.allowBinary) controls += countControls(piece, byteCount, path);
        hash.update(piece);
        fileHash.update(piece);
        byteCount += piece.length;
        options.onRead?.(piece.length);
      }
      checkFile(path, byteCount, controls);
      return { path, byteCount, sha256: fileHash.digest("hex") };
    });
    const corpus = new Corpus(files, hash.digest("hex"), changedMs, options.onRead);
    if (corpus.byteCount < MIN_BYTES) {
      throw new UsageError(
        `Cannot use ${quoted(paths)}: it has 1 byte, expected a text to learn from; give more text.`,
      );
    }
    return corpus;
  }

  /** The whole corpus. */
  get all(): TextSpan {
    return this.#span(0, this.byteCount);
  }

  /**
   * Splits off the end of the corpus. The parts are contiguous and share no byte; the cut is moved to the end of a
   * document, paragraph or line when one is near, so that no sentence is half in each.
   *
   * @param fraction of the bytes to hold out, 0..0.5; 0 gives an empty validation part
   */
  split(fraction: number): { training: TextSpan; validation: TextSpan } {
    const wanted = Math.round(this.byteCount * (1 - fraction));
    const cut =
      fraction === 0
        ? this.byteCount
        : findCut(wanted, this.byteCount, this.#ends(), (from, to) => this.#read(from, to));
    return { training: this.#span(0, cut), validation: this.#span(cut, this.byteCount) };
  }

  /** Offsets at which files end, but for the last. */
  #ends(): number[] {
    let end = 0;
    return this.files.slice(0, -1).map((file) => {
      end += file.byteCount;
      return end;
    });
  }

  #span(from: number, to: number): TextSpan {
    return { byteCount: to - from, pieces: () => this.#pieces(from, to) };
  }

  #read(from: number, to: number): Uint8Array {
    return new Uint8Array(Buffer.concat([...this.#pieces(from, to)]));
  }

  *#pieces(from: number, to: number): Iterable<Uint8Array> {
    let end = 0;
    for (const [index, { path, byteCount }] of this.files.entries()) {
      const start = end;
      end += byteCount;
      const first = Math.max(from - start, 0);
      const last = Math.min(to - start, byteCount);
      if (first >= last) continue;
      if (changeMs(path) !== this.#changedMs[index]) {
        throw new FailureError(
          `Cannot read "${path}": it has changed since it was first read; do not change it while it is used.`,
        );
      }
      for (const piece of filePieces(path, first, last)) {
        this.#onRead?.(piece.length);
        yield piece;
      }
    }
  }
}

/**
 * Says when a part is too short to train or validate on.
 * @throws UsageError when there is not one window of `context` symbols and the symbol after it
 */
export function checkWindow(name: string, symbolCount: number, context: number): void {
  if (symbolCount > context) return;
  throw new UsageError(
    `Cannot use ${name}: it has ${symbolCount} symbols, expected at least ${context + 1} (one window and the next symbol); give more text or a smaller window with --context ${Math.max(1, symbolCount - 1)}.`,
  );
}

/** Number of control characters that text does not have; a zero byte ends the search at once. */
function countControls(piece: Uint8Array, offset: number, path: string): number {
  let controls = 0;
  for (let i = 0; i < piece.length; i++) {
    const byte = piece[i];
    if (byte === 0) throw notText(path, `byte ${offset + i} is 0`);
    // Tab, line feed, form feed, carriage return and escape occur in text.
    if (byte < 32 && byte !== 9 && byte !== 10 && byte !== 12 && byte !== 13 && byte !== 27) controls++;
  }
  return controls;
}

function checkFile(path: string, byteCount: number, controls: number): void {
  if (byteCount === 0)
    throw new UsageError(`Cannot use "${path}": it is empty, expected text; give a file with text in it.`);
  if (controls * CONTROL_INTERVAL > byteCount)
    throw notText(path, `${controls} of ${byteCount} bytes are control characters`);
}

const notText = (path: string, found: string): UsageError =>
  new UsageError(`Cannot use "${path}": ${found}, expected text; give a text file or allow it with --allow-binary.`);

const quoted = (paths: readonly string[]): string => paths.map((path) => `"${path}"`).join(", ");
