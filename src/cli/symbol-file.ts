import { createHash, type Hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { FailureError } from "../model/errors.js";
import type { SymbolSource } from "../train/trainer.js";

const SYMBOL_BYTES = 2;
/** SHA-256, at the end of the file. */
const DIGEST_BYTES = 32;
/** Bytes read at a time to check a file. */
const PIECE_BYTES = 1 << 20;

/**
 * Symbols of a text in a file, read a window at a time: memory does not grow with the text. The file holds each symbol as
 * u16 little-endian, then the SHA-256 of `origin` and the symbols.
 *
 * @example
 * const symbols = SymbolFile.open("symbols.u16", origin) ?? SymbolFile.create("symbols.u16", origin, pieces);
 * symbols.subarray(0, 65);
 */
export class SymbolFile implements SymbolSource {
  readonly length: number;
  readonly #path: string;
  readonly #file: number;
  #window = new Uint16Array(0);

  private constructor(path: string, file: number, length: number) {
    this.#path = path;
    this.#file = file;
    this.length = length;
  }

  /**
   * Writes the file, whole or not at all, and opens it.
   *
   * @param origin all that the symbols depend on, as text
   * @throws FailureError when it cannot be written
   */
  static create(path: string, origin: string, pieces: Iterable<Uint16Array>): SymbolFile {
    writeFileAtomically(path, contentOf(origin, pieces));
    const file = openSync(path, "r");
    return new SymbolFile(path, file, (fstatSync(file).size - DIGEST_BYTES) / SYMBOL_BYTES);
  }

  /** Opens a file that is there; undefined when there is none, it is damaged or of another origin. */
  static open(path: string, origin: string): SymbolFile | undefined {
    let file: number;
    try {
      file = openSync(path, "r");
    } catch {
      return undefined;
    }
    const symbolBytes = fstatSync(file).size - DIGEST_BYTES;
    if (symbolBytes >= 0 && symbolBytes % SYMBOL_BYTES === 0 && isIntact(file, origin, symbolBytes)) {
      return new SymbolFile(path, file, symbolBytes / SYMBOL_BYTES);
    }
    closeSync(file);
    return undefined;
  }

  subarray(begin: number, end: number): Uint16Array {
    const last = Math.min(end, this.length);
    const count = Math.max(0, last - begin);
    if (count > this.#window.length) this.#window = new Uint16Array(count);
    const window = this.#window.subarray(0, count);
    const bytes = new Uint8Array(window.buffer, 0, window.byteLength);
    if (readFully(this.#file, bytes, begin * SYMBOL_BYTES) < bytes.length) {
      throw new FailureError(
        `Cannot read "${this.#path}": it ends before symbol ${last}; do not change it while it is used, go on with --resume.`,
      );
    }
    return window;
  }

  close(): void {
    closeSync(this.#file);
  }
}

function* contentOf(origin: string, pieces: Iterable<Uint16Array>): Iterable<Uint8Array> {
  const hash = hashOf(origin);
  for (const piece of pieces) {
    const bytes = new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength);
    hash.update(bytes);
    yield bytes;
  }
  yield hash.digest();
}

function isIntact(file: number, origin: string, symbolBytes: number): boolean {
  const hash = hashOf(origin);
  const buffer = new Uint8Array(PIECE_BYTES);
  for (let at = 0; at < symbolBytes; ) {
    const count = readFully(file, buffer.subarray(0, Math.min(PIECE_BYTES, symbolBytes - at)), at);
    if (count === 0) return false;
    hash.update(buffer.subarray(0, count));
    at += count;
  }
  const digest = new Uint8Array(DIGEST_BYTES);
  return readFully(file, digest, symbolBytes) === DIGEST_BYTES && hash.digest().equals(digest);
}

/** The length keeps an origin and the symbols after it apart. */
const hashOf = (origin: string): Hash => createHash("sha256").update(`${origin.length} ${origin}`);

/** Fills `bytes` from the file; returns how many there were. */
function readFully(file: number, bytes: Uint8Array, from: number): number {
  let done = 0;
  while (done < bytes.length) {
    const count = readSync(file, bytes, done, bytes.length - done, from + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}
