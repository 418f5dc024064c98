/**
 * Longest match over a list of byte strings; among equal strings the first of the list is found.
 *
 * The tokens are held in byte order; a match narrows the range of tokens that share the bytes read so far, one binary
 * search per byte. That needs no memory beside the tokens themselves, so it carries over to a chip as it is.
 * A trie of 256-way nodes is no faster here and takes 1 KB per node.
 */
export class TokenTable {
  /** Token numbers in byte order, the empty token left out. */
  readonly #order: Uint16Array;
  /** Bytes of the tokens in byte order, one after the other. */
  readonly #pool: Uint8Array;
  /** Start of the i-th token of `#order` in the pool; one entry more than tokens. */
  readonly #start: Uint32Array;
  /** First entry of `#order` whose token starts with a byte >= the index; 257 entries. */
  readonly #first: Uint16Array;

  constructor(tokens: readonly Uint8Array[]) {
    const order = [...tokens.keys()]
      .filter((index) => tokens[index].length > 0)
      .sort((a, b) => compareBytes(tokens[a], tokens[b]) || a - b)
      .filter((index, rank, sorted) => rank === 0 || compareBytes(tokens[index], tokens[sorted[rank - 1]]) !== 0);
    this.#order = Uint16Array.from(order);
    this.#start = new Uint32Array(order.length + 1);
    this.#first = new Uint16Array(257).fill(order.length);
    order.forEach((index, rank) => {
      this.#start[rank + 1] = this.#start[rank] + tokens[index].length;
    });
    this.#pool = new Uint8Array(this.#start[order.length]);
    for (let rank = order.length - 1; rank >= 0; rank--) {
      const token = tokens[order[rank]];
      this.#pool.set(token, this.#start[rank]);
      this.#first.fill(rank, 0, token[0] + 1);
    }
  }

  /** Number of the longest token that `bytes[at .. end)` starts with, or -1. */
  match(bytes: Uint8Array, at: number, end: number): number {
    if (at >= end) return -1;
    let low = this.#first[bytes[at]];
    let high = this.#first[bytes[at] + 1];
    let best = -1;
    for (let depth = 1; low < high; depth++) {
      // The shortest token with this prefix sorts first, and equal ones were left out: at most one ends here.
      if (this.#start[low + 1] - this.#start[low] === depth) best = this.#order[low++];
      if (low === high || at + depth >= end) break;
      const byte = bytes[at + depth];
      low = this.#lowerBound(low, high, depth, byte);
      high = this.#lowerBound(low, high, depth, byte + 1);
    }
    return best;
  }

  /** First rank in [low, high) whose token has a byte >= `byte` at `depth`; those tokens are all longer than `depth`. */
  #lowerBound(low: number, high: number, depth: number, byte: number): number {
    let from = low;
    let to = high;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#pool[this.#start[middle] + depth] < byte) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}

/** Order of byte strings: by the first byte that differs, a prefix before what it starts. Negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return a.length - b.length;
}
