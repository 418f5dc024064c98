const offset = 0x811c9dc5;
const prime = 0x01000193;

/** FNV-1a, 32 bits (Fowler, Noll, Vo; RFC 9923): `hash` is the state so far. */
export const hashByte = (hash: number, byte: number): number => Math.imul(hash ^ byte, prime);

/** FNV-1a over the little-endian bytes of 32-bit words. */
export function hashWords(hash: number, words: ArrayLike<number>): number {
  for (let i = 0; i < words.length; i++) {
    for (let shift = 0; shift < 32; shift += 8) hash = hashByte(hash, (words[i] >>> shift) & 255);
  }
  return hash;
}

/** The state before the first byte. */
export const emptyHash = offset;

/** 8 hexadecimal digits. */
export const hashText = (hash: number): string => (hash >>> 0).toString(16).padStart(8, "0");
