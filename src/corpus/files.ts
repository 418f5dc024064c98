import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { FailureError, UsageError } from "../model/errors.js";

/** Bytes read at a time; what a corpus needs in memory does not grow with its files. */
const PIECE_BYTES = 1 << 20;
/** Most bytes of a file that is read as a whole: half of the longest string there is. */
export const MAX_WHOLE_BYTES = 1 << 28;

/**
 * The bytes of a file that must be looked at as a whole, such as a table.
 * @throws UsageError when it is missing, not a file or larger than `mostBytes`
 * @throws FailureError when it cannot be read
 */
export function readWhole(path: string, mostBytes = MAX_WHOLE_BYTES): Uint8Array {
  const pieces: Uint8Array[] = [];
  let byteCount = 0;
  for (const piece of filePieces(path)) {
    byteCount += piece.length;
    if (byteCount > mostBytes) {
      throw new UsageError(
        `Cannot read "${path}": it has more than ${mostBytes} bytes, expected fewer in a table or an example; split it into several files.`,
      );
    }
    pieces.push(piece);
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/**
 * The bytes from..to of a file, in pieces of at most 1 MiB.
 * @throws UsageError when it is missing or not a file
 * @throws FailureError when it cannot be read
 */
export function* filePieces(path: string, from = 0, to = Number.POSITIVE_INFINITY): Iterable<Uint8Array> {
  const file = openFile(path);
  try {
    const buffer = Buffer.alloc(PIECE_BYTES);
    for (let at = from; at < to; ) {
      const count = readPiece(path, file, buffer, Math.min(PIECE_BYTES, to - at), at);
      if (count === 0 && to !== Number.POSITIVE_INFINITY) {
        throw new FailureError(
          `Cannot read "${path}": it ends at byte ${at} but had ${to}; do not change it while it is used.`,
        );
      }
      if (count === 0) return;
      yield new Uint8Array(buffer.subarray(0, count));
      at += count;
    }
  } finally {
    closeSync(file);
  }
}

/** When a file was last changed, in milliseconds. @throws as `filePieces` */
export function changeMs(path: string): number {
  const file = openFile(path);
  try {
    return fstatSync(file).mtimeMs;
  } finally {
    closeSync(file);
  }
}

function openFile(path: string): number {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    throw openingError(path, (error as NodeJS.ErrnoException).code);
  }
  const stat = fstatSync(file);
  if (stat.isFile()) return file;
  closeSync(file);
  if (stat.isDirectory()) {
    throw new UsageError(`Cannot read "${path}": it is a directory, expected a text file; name the files in it.`);
  }
  // It is read twice.
  throw new UsageError(
    `Cannot read "${path}": it is a pipe or a device, expected a text file; write the text to a file first.`,
  );
}

/** What to say when the system refuses to open or read something. */
export function openingError(path: string, code: string | undefined): Error {
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new UsageError(`Cannot read "${path}": there is no such file; check the path.`);
  }
  if (code === "EACCES" || code === "EPERM") {
    return new FailureError(`Cannot read "${path}": permission is denied; make it readable.`);
  }
  return new FailureError(`Cannot read "${path}": the system says ${code}; check the file.`);
}

function readPiece(path: string, file: number, buffer: Buffer, length: number, at: number): number {
  try {
    return readSync(file, buffer, 0, length, at);
  } catch (error) {
    throw openingError(path, (error as NodeJS.ErrnoException).code);
  }
}
