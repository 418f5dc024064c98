import { UsageError } from "../model/errors.js";

/** From here on, a byte is a character of Latin-1 that can be seen. */
const FIRST_LATIN_1 = 0xa1;
const REPLACEMENT = "\ufffd";

/**
 * The text of a file in UTF-8, with or without a byte order mark, or in UTF-16 with one.
 *
 * @param name what the user calls the file, for the error
 * @throws UsageError with line and byte of the first that is not text in that encoding
 */
export function decodeText(bytes: Uint8Array, name: string): string {
  const encoding = encodingOf(bytes);
  const text = new TextDecoder(encoding).decode(bytes);
  const zero = text.indexOf("\0");
  const invalid = encoding === "utf-8" ? firstInvalid(text, bytes) : firstLoneHalf(text);
  if (invalid && (zero < 0 || invalid.index < zero)) {
    throw decodingError(name, text, invalid.index, `${invalid.found}, expected ${encoding.toUpperCase()}`);
  }
  if (zero < 0) return text;
  const found = looksLikeUtf16(bytes) ? "as in UTF-16 without a byte order mark" : "expected text";
  throw decodingError(name, text, zero, `byte ${Buffer.byteLength(text.slice(0, zero))} of the file is 0, ${found}`);
}

function encodingOf(bytes: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  return bytes[0] === 0xfe && bytes[1] === 0xff ? "utf-16be" : "utf-8";
}

/** Where decoding put a replacement that the bytes do not have. */
function firstInvalid(text: string, bytes: Uint8Array): { index: number; found: string } | undefined {
  // The decoder takes a byte order mark away.
  let at = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
  let from = 0;
  for (let index = text.indexOf(REPLACEMENT); index >= 0; index = text.indexOf(REPLACEMENT, from)) {
    at += Buffer.byteLength(text.slice(from, index));
    if (!(bytes[at] === 0xef && bytes[at + 1] === 0xbf && bytes[at + 2] === 0xbd)) {
      const hexadecimal = bytes[at].toString(16).toUpperCase();
      const meant = bytes[at] >= FIRST_LATIN_1 ? ` ("${String.fromCharCode(bytes[at])}" in Latin-1)` : "";
      return { index, found: `byte ${at} of the file is ${hexadecimal}${meant}` };
    }
    at += 3;
    from = index + 1;
  }
  return undefined;
}

/** Where UTF-16 has half a pair, or half a unit at its end. */
function firstLoneHalf(text: string): { index: number; found: string } | undefined {
  const index = text.indexOf(REPLACEMENT);
  return index < 0 ? undefined : { index, found: "there is half a character" };
}

/** Whether nearly every second byte is 0, as in English text of 16 bits a character. */
function looksLikeUtf16(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, 1000);
  return sample.filter((byte) => byte === 0).length * 3 > sample.length;
}

function decodingError(name: string, text: string, index: number, found: string): UsageError {
  const line = text.slice(0, index).split(/\r\n|\n|\r/).length;
  return new UsageError(`Cannot read "${name}": at line ${line}, ${found}; save the file as UTF-8.`);
}
