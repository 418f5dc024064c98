// A text cut into equal blocks, so that models with different symbols can be compared on the same pieces of it.

/** Offset of the first byte of each symbol of a text. */
export function firstBytes(alphabet, symbols) {
  const decoder = alphabet.decoder();
  let at = 0;
  return Array.from(symbols, (symbol) => {
    const first = at;
    at += decoder.push(symbol).length;
    return first;
  });
}

/**
 * Bits per byte of each block; a symbol belongs to the block in which it starts.
 *
 * @param nats per symbol
 * @param starts offset of the first byte per symbol
 */
export function bitsOfBlocks(nats, starts, byteCount, blockCount) {
  const bits = new Array(blockCount).fill(0);
  const blockBytes = byteCount / blockCount;
  nats.forEach((value, index) => {
    bits[Math.min(blockCount - 1, Math.floor(starts[index] / blockBytes))] += value / Math.LN2 / blockBytes;
  });
  return bits;
}
