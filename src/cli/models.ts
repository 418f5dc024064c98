import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AtomeModel } from "../format/reader.js";
import { UsageError } from "../model/errors.js";
import { Alphabet } from "../tokenizer/alphabet.js";
import { readInput } from "./files.js";

// The same place seen from src/cli and from dist/cli.
const shipped = fileURLToPath(new URL("../../models/", import.meta.url));

const shippedPath = (name: string): string => join(shipped, name, "model.atome");
const shippedNames = (): string[] => readdirSync(shipped).filter((name) => existsSync(shippedPath(name)));

/** Reads a model's file whole. @param path also the name of a model that comes with the program, unless a file is called so */
export function readModelInput(path: string, kind: string): Uint8Array {
  if (!/^[\w-]+$/.test(path) || statSync(path, { throwIfNoEntry: false })?.isFile()) return readInput(path, kind);
  if (existsSync(shippedPath(path))) return readInput(shippedPath(path), kind);
  return readInput(path, `${kind} or the name of a model that comes with Atome (${shippedNames().join(", ")})`);
}

const MAGIC = "ATOM";

/**
 * Whether the bytes are meant to be a .atome file, else a checkpoint.
 * @throws UsageError when they look like neither
 */
export function isAtomeFile(bytes: Uint8Array, path: string): boolean {
  if (path.endsWith(".atome") || String.fromCharCode(...bytes.subarray(0, 4)) === MAGIC) return true;
  // A safetensors file starts with a length of 8 bytes and a brace.
  if (path.endsWith(".safetensors") || bytes[8] === 0x7b) return false;
  throw new UsageError(
    `Cannot use "${path}": it is neither a .atome file nor a .safetensors checkpoint; give a file that "atome train" or "atome export" wrote.`,
  );
}

/** Reads and checks a .atome file. @param path what the user calls it @throws FormatError with what is wrong */
export async function readModelFile(bytes: Uint8Array, path: string): Promise<AtomeModel> {
  if (!isAtomeFile(bytes, path)) {
    throw new UsageError(
      `Cannot run "${path}": it is a checkpoint, expected a .atome file; make one with "atome export".`,
    );
  }
  const { readModel } = await import("../format/reader.js");
  return readModel(bytes, `"${path}"`);
}

/** The alphabet of a .atome file. */
export const alphabetOf = ({ tokens, dimensions }: AtomeModel): Alphabet =>
  tokens ? Alphabet.ofTokens(tokens) : Alphabet.bytes(Math.min(dimensions.vocab, 256));
