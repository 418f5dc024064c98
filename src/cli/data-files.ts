import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { FailureError } from "../model/errors.js";
import type { DataFile, DataSet } from "./data-sets.js";
import { readInput } from "./files.js";
import { Interrupted } from "./interrupt.js";
import { grouped } from "./output.js";

/** Folders with one folder per data set, named like it. */
export interface DataFolders {
  /** The user's; only read. */
  given?: string | undefined;
  /** Where downloads are kept. */
  cache: string;
}

/** $ATOME_DATA, and a folder below the user's folder for caches. */
export const dataFolders = (env: NodeJS.ProcessEnv): DataFolders => ({
  given: env.ATOME_DATA || undefined,
  cache: join(env.XDG_CACHE_HOME || env.LOCALAPPDATA || join(homedir(), ".cache"), "atome", "data"),
});

/** Where a file comes from; later ones are more work, the last one is not at hand. */
export const PLACES = ["ATOME_DATA", "cache", "network", "folder only"] as const;
export type Place = (typeof PLACES)[number];

/** Where a file would be taken from; its bytes are not looked at. */
export function placeOf(set: DataSet, file: DataFile, folders: DataFolders): Place {
  if (folders.given !== undefined && existsSync(pathOf(folders.given, set, file))) return "ATOME_DATA";
  if (existsSync(pathOf(folders.cache, set, file))) return "cache";
  return file.addresses.length > 0 ? "network" : "folder only";
}

const pathOf = (folder: string, set: DataSet, file: DataFile): string =>
  join(folder, set.name, ...file.path.split("/"));

/** How files are fetched. */
export interface Fetching {
  /** Never use the network. */
  offline?: boolean | undefined;
  /** Ends the download at once. */
  signal: AbortSignal;
  /** Told how many bytes of a file have come. */
  onBytes?: (address: string, byteCount: number) => void;
  /** Told when a download could not be kept in the cache. */
  onUnkept?: (reason: string) => void;
}

/**
 * The bytes of a file, proved by their hash: from the user's folder, else from the cache, else from its addresses.
 *
 * @returns the bytes and the path or address they came from
 * @throws FailureError when a folder holds other bytes, or nothing gives the file; it names what was tried and two ways out
 * @throws Interrupted when the signal came
 */
export async function fetchFile(
  set: DataSet,
  file: DataFile,
  folders: DataFolders,
  fetching: Fetching,
): Promise<{ bytes: Uint8Array; from: string }> {
  const place = placeOf(set, file, folders);
  const kept = pathOf(folders.cache, set, file);
  if (place === "cache") return readProved(kept, file);
  if (place === "ATOME_DATA" && folders.given !== undefined) return readProved(pathOf(folders.given, set, file), file);
  if (fetching.offline || place === "folder only") throw notFetched(set, file, folders, [whyNoNetwork(set, place)]);
  const reasons: string[] = [];
  for (const address of file.addresses) {
    const outcome = await download(address, file, fetching);
    if (typeof outcome === "string") {
      reasons.push(`${address} failed (${outcome})`);
      continue;
    }
    keep(kept, outcome, fetching);
    return { bytes: outcome, from: address };
  }
  throw notFetched(set, file, folders, reasons);
}

function readProved(path: string, file: DataFile): { bytes: Uint8Array; from: string } {
  const bytes = readInput(path, "a file of the data set");
  const difference = differenceOf(bytes, file);
  if (difference === undefined) return { bytes, from: path };
  throw new FailureError(`Cannot use "${path}": ${difference}; replace it, or remove it to take it from elsewhere.`);
}

/** In which way the bytes are not the file's; undefined when they are. */
function differenceOf(bytes: Uint8Array, file: DataFile): string | undefined {
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  if (sha256 === file.sha256) return undefined;
  return `its ${grouped(bytes.length)} bytes have the SHA-256 ${sha256}, expected ${grouped(file.byteCount)} bytes with ${file.sha256}`;
}

/** The first bytes of what an address holds, proved; or why there are none. */
async function download(
  address: string,
  file: DataFile,
  { signal, onBytes }: Fetching,
): Promise<Uint8Array<ArrayBuffer> | string> {
  const bytes = new Uint8Array(file.byteCount);
  let count = 0;
  try {
    // A server may ignore the range and send more; it may not compress, because then the range would be of other bytes.
    const headers = { range: `bytes=0-${file.byteCount - 1}`, "accept-encoding": "identity" };
    const { body, ok, status } = await fetch(address, { headers, signal });
    const reader = body?.getReader();
    if (!ok || !reader) {
      await reader?.cancel();
      return `the server says ${status}, expected 200 or 206`;
    }
    while (count < file.byteCount) {
      const { value, done } = await reader.read();
      if (done) break;
      bytes.set(value.subarray(0, file.byteCount - count), count);
      count = Math.min(file.byteCount, count + value.length);
      onBytes?.(address, count);
    }
    await reader.cancel();
  } catch (error) {
    if (signal.aborted) throw new Interrupted("Stopped: no output was written.");
    if (count === 0) return `no connection, the system says ${causeOf(error)}`;
  }
  if (count < file.byteCount) return `it ended after ${grouped(count)} of ${grouped(file.byteCount)} bytes`;
  return differenceOf(bytes, file) ?? bytes;
}

/** `fetch` hides what happened in the cause of its error. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: { code?: string; message?: string } };
  return cause?.code ?? cause?.message ?? (error as Error).message;
}

/** The file has been fetched, so a cache that cannot be written is worth a remark only. */
function keep(path: string, bytes: Uint8Array, { onUnkept }: Fetching): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileAtomically(path, bytes);
  } catch (error) {
    onUnkept?.((error as Error).message);
  }
}

const whyNoNetwork = (set: DataSet, place: Place): string =>
  place === "folder only"
    ? `no address has its bytes (they were made from ${set.origin} by "${set.madeBy}", of which other versions may write others)`
    : "--offline forbids the network";

function notFetched(set: DataSet, file: DataFile, { given, cache }: DataFolders, reasons: readonly string[]): Error {
  const inFolder = `${set.name}/${file.path}`;
  const looked = given === undefined ? "ATOME_DATA is not set" : `"${given}" does not hold it`;
  const download = file.addresses.length > 0 ? `download ${file.addresses[0]}` : "put a copy";
  const hand = `${download} to "${pathOf(cache, set, file)}"`;
  return new FailureError(
    `Cannot fetch "${inFolder}": ${[looked, ...reasons].join(", and ")}; set ATOME_DATA to a folder that holds ${inFolder}, or ${hand}.`,
  );
}
