import { UsageError } from "../model/errors.js";

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
