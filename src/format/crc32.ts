const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1;
  return remainder;
});

/**
 * CRC-32 (ISO-HDLC: reflected polynomial EDB88320, start and final xor FFFFFFFF).
 *
 * @param pieces the bytes, in order
 * @example crc32(new TextEncoder().encode('123456789')) // 0xcbf43926
 */
export function crc32(...pieces: readonly Uint8Array[]): number {
  let state = 0xffffffff;
  for (const piece of pieces) for (const byte of piece) state = TABLE[(state ^ byte) & 255] ^ (state >>> 8);
  return ~state >>> 0;
}
