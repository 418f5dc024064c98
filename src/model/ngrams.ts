import type { NgramsConfig } from "./config.js";

/** Of multiplicative hashing: the prime next to 2^32 over the golden ratio (Knuth, The Art of Computer Programming 3, 6.4). */
const MULTIPLIER = 0x9e3779b1;

/**
 * The rows of the table that runs of symbols have, as SPEC.md 3.2.1 says.
 *
 * @param symbols from the beginning of a text on: what lies before index 0 counts as the beginning
 * @param at index of the last symbol of the runs
 * @param found is given each order's index and the row, 0 .. buckets - 1
 */
export function ngramRows(
  { buckets, orders }: NgramsConfig,
  symbols: ArrayLike<number>,
  at: number,
  found: (order: number, row: number) => void,
): void {
  let hash = 0;
  let length = 0;
  orders.forEach((order, index) => {
    for (; length < order; length++) {
      const symbol = at >= length ? symbols[at - length] + 1 : 0;
      hash = Math.imul(hash + symbol, MULTIPLIER);
    }
    found(index, ((hash >>> 16) * buckets) >>> 16);
  });
}

/** Symbols before the current one that its runs reach back to. */
export const ngramReach = (ngrams: NgramsConfig | undefined): number =>
  ngrams ? ngrams.orders[ngrams.orders.length - 1] - 1 : 0;

/** The lengths of runs as the bits of SPEC.md 2.6. */
export const orderBits = (orders: readonly number[]): number =>
  orders.reduce((bits, order) => bits | (1 << (order - 2)), 0);
