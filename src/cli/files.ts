import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { writingError } from "../checkpoint/atomic-file.js";
import { FailureError, UsageError } from "../model/errors.js";

/** Reads a model, checkpoint or settings file whole. @param kind what is expected, for the error: `a checkpoint` */
export function readInput(path: string, kind: string): Uint8Array {
  try {
    return new Uint8Array(readFileSync(path));
  } catch (error) {
    throw readingError(path, kind, error as NodeJS.ErrnoException);
  }
}

/** Words for a failed read. @param kind what was expected: `a checkpoint` */
export function readingError(path: string, kind: string, { code }: NodeJS.ErrnoException): Error {
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new UsageError(`Cannot read "${path}": there is no such file, expected ${kind}; check the path.`);
  }
  if (code === "EISDIR") {
    return new UsageError(`Cannot read "${path}": it is a directory, expected ${kind}; name the file in it.`);
  }
  if (code === "EACCES" || code === "EPERM") {
    return new FailureError(`Cannot read "${path}": permission is denied; make it readable.`);
  }
  return new FailureError(`Cannot read "${path}": the system says ${code}; check the file.`);
}

/**
 * Makes a folder and proves that files can be written in it, before long work whose result would go there.
 *
 * @returns the uppermost folder that had to be made, absolute; undefined when all were there
 */
export function prepareFolder(path: string): string | undefined {
  const probe = join(path, ".probe.tmp");
  try {
    // A recursive mkdir on a read-only file system says that the folder does not exist.
    accessSync(nearestFolder(path), constants.W_OK);
    const made = mkdirSync(path, { recursive: true });
    writeFileSync(probe, new Uint8Array(PROBE_BYTES));
    // Another process may have been probing, too.
    rmSync(probe, { force: true });
    return made === undefined ? undefined : resolve(made);
  } catch (error) {
    if (existsSync(probe)) rmSync(probe, { force: true });
    throw folderError(path, error as NodeJS.ErrnoException);
  }
}

const nearestFolder = (path: string): string => (existsSync(path) ? path : nearestFolder(dirname(resolve(path))));

/** A full disk shows only when there is something to write. */
const PROBE_BYTES = 4096;

function folderError(path: string, error: NodeJS.ErrnoException): Error {
  if (error.code === "EEXIST" || error.code === "ENOTDIR") {
    return new UsageError(`Cannot write to "${path}": it is not a directory; choose another with -o.`);
  }
  return writingError(path, error);
}

/** Refuses an output file that cannot be written, before the work that makes it. */
export function checkOutput(path: string): void {
  const folder = dirname(path);
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw writingError(path, error as NodeJS.ErrnoException);
  }
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw new UsageError(`Cannot write "${path}": it is a directory; name a file.`);
  }
}

/** Refuses to replace files without --force. */
export function refuseExisting(paths: readonly string[]): void {
  const existing = paths.find((path) => existsSync(path));
  if (existing === undefined) return;
  throw new UsageError(
    `Cannot write "${existing}": it exists already; choose another place with -o, or replace it with --force.`,
  );
}
