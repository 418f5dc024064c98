import type { AtomeModel } from "../format/reader.js";
import { UsageError } from "../model/errors.js";
import { Alphabet } from "../tokenizer/alphabet.js";
import { Prompt } from "../tokenizer/prompt.js";

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

/** The alphabet of a .atome file. */
export const alphabetOf = ({ tokens, dimensions }: AtomeModel): Alphabet =>
  tokens ? Alphabet.ofTokens(tokens) : Alphabet.bytes(Math.min(dimensions.vocab, 256));

/** What a prompt becomes for a model. @throws UsageError when it is empty or a byte has no symbol */
export function promptSymbols(model: AtomeModel, prompt: string): Uint16Array {
  if (prompt === "") throw new UsageError("Cannot use the prompt: it is empty, expected at least one character.");
  return new Prompt(alphabetOf(model), prompt).symbols;
}
