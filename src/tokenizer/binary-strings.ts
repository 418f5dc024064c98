/** The bytes as a string of characters 0..255, to serve as a key or for base64. Short byte strings only. */
export const toBinary = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** Inverse of `toBinary`. */
export const bytesOfBinary = (text: string): Uint8Array =>
  Uint8Array.from(text, (character) => character.charCodeAt(0));

/** One array with the bytes of all parts in order. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
