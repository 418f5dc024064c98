import * as nodeFs from "node:fs";
import { basename, dirname, join } from "node:path";
import { AtomeError, FailureError } from "../model/errors.js";

/** The file operations used, so that a test can make one fail. */
export type FileOperations = Pick<
  typeof nodeFs,
  "openSync" | "fchmodSync" | "writeSync" | "fsyncSync" | "closeSync" | "renameSync" | "rmSync" | "realpathSync"
>;

/**
 * Writes a file so that its name holds either the old bytes or all of the new ones, also after a crash or a power cut:
 * a temporary file beside it is written and synced, renamed over it, and the folder synced. What a killed process left
 * of the temporary file is overwritten by the next write.
 *
 * @param content the bytes, or pieces of them that are made while they are written
 * @param mode permissions of a file that not everyone may read: 0o600
 * @throws FailureError when anything fails; the old file is then intact and the temporary one removed
 */
export function writeFileAtomically(
  path: string,
  content: Uint8Array | Iterable<Uint8Array>,
  fs: FileOperations = nodeFs,
  mode?: number,
): void {
  const target = resolveLink(path, fs);
  const temporary = join(dirname(target), `.${basename(target)}.tmp`);
  let created = false;
  try {
    const file = fs.openSync(temporary, "w", mode);
    created = true;
    try {
      // What a killed process left of the temporary file has the permissions of then.
      if (mode !== undefined) fs.fchmodSync(file, mode);
      for (const piece of content instanceof Uint8Array ? [content] : content) writeAll(file, piece, fs);
      fs.fsyncSync(file);
    } finally {
      fs.closeSync(file);
    }
    fs.renameSync(temporary, target);
  } catch (error) {
    if (created) fs.rmSync(temporary, { force: true });
    // From whoever makes the pieces.
    if (error instanceof AtomeError) throw error;
    throw writingError(path, error as NodeJS.ErrnoException);
  }
  syncFolder(dirname(target), fs);
}

/** Words for a failed write. @param path what the user calls the file or folder */
export function writingError(path: string, { code, message }: NodeJS.ErrnoException): FailureError {
  const reasons: Record<string, string> = {
    ENOSPC: "the disk is full; free some space",
    EDQUOT: "the disk quota is used up; free some space",
    EROFS: "the file system is read-only; choose another folder",
    EACCES: "permission is denied; choose another folder or change its permissions",
    EPERM: "permission is denied; choose another folder or change its permissions",
    ENOENT: "its folder does not exist or takes no files; create it or choose another",
    ENOTDIR: "part of its path is not a directory; choose another path",
    EISDIR: "it is a directory; choose another name",
    EFBIG: "the file would be too large; choose another disk",
  };
  const reason = reasons[code ?? ""] ?? `the system says ${code ?? message}; choose another path`;
  return new FailureError(`Cannot write "${path}": ${reason} and try again.`);
}

/** A link stays a link: the file it points at is replaced. */
function resolveLink(path: string, fs: FileOperations): string {
  try {
    return fs.realpathSync(path);
  } catch {
    return path;
  }
}

function writeAll(file: number, bytes: Uint8Array, fs: FileOperations): void {
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(file, bytes, at, bytes.length - at);
}

function syncFolder(path: string, fs: FileOperations): void {
  try {
    const folder = fs.openSync(path, "r");
    fs.fsyncSync(folder);
    fs.closeSync(folder);
  } catch {
    // Some systems cannot sync a folder; the file itself is complete.
  }
}
