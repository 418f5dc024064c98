import { concatBytes, toBinary } from "./binary-strings.js";
import type { Chunk } from "./chunks.js";
import { compareBytes } from "./token-table.js";

/** A pair of tokens as one number: left * 65536 + right. */
const PAIR = 65536;
/** Most bytes of a token that merging makes: longer ones repeat whole phrases. */
const LONGEST_MERGE_BYTES = 32;
/** Distinct chunks are taken, most frequent first, until they hold this many bytes: bounds time on any text. */
const CHUNK_BYTES_LIMIT = 1 << 20;

/** A chunk as tokens; merging shortens it in place. */
interface Sequence {
  symbols: Uint16Array;
  length: number;
  count: number;
}

/**
 * Byte-pair merges (Sennrich et al. 2016, section 3.2) from the bytes in use until there are `size` tokens or no pair
 * occurs twice. The most frequent pair is merged; among equals the one with the lower left, then right token number.
 *
 * @returns the tokens, bytes first, then merges in the order made; all distinct
 */
export function learnMerges(chunks: readonly Chunk[], size: number): Uint8Array[] {
  const chosen = mostFrequent(chunks);
  const bytes = [...new Set(chosen.flatMap((chunk) => [...chunk.bytes]))].sort((a, b) => a - b);
  const tokens: Uint8Array[] = bytes.map((byte) => Uint8Array.of(byte));
  const numbers = new Map(tokens.map((token, index) => [toBinary(token), index]));
  const sequences = chosen.map(({ bytes: chunk, count }) => ({
    symbols: Uint16Array.from(chunk, (byte) => numbers.get(String.fromCharCode(byte)) as number),
    length: chunk.length,
    count,
  }));
  const pairs = countPairs(sequences);
  while (tokens.length < size) {
    const pair = bestPair(pairs);
    if (pair < 0) break;
    const token = concatBytes([tokens[Math.floor(pair / PAIR)], tokens[pair % PAIR]]);
    // Two pairs can spell the same token.
    const known = numbers.get(toBinary(token));
    if (token.length > LONGEST_MERGE_BYTES) {
      pairs.set(pair, 0);
      continue;
    }
    if (known === undefined) {
      numbers.set(toBinary(token), tokens.length);
      tokens.push(token);
    }
    for (const sequence of sequences) mergePair(sequence, pair, known ?? tokens.length - 1, pairs);
    pairs.delete(pair);
  }
  return tokens;
}

function mostFrequent(chunks: readonly Chunk[]): Chunk[] {
  const sorted = [...chunks].sort((a, b) => b.count - a.count || compareBytes(a.bytes, b.bytes));
  let total = 0;
  const end = sorted.findIndex((chunk) => {
    total += chunk.bytes.length;
    return total > CHUNK_BYTES_LIMIT;
  });
  return end < 0 ? sorted : sorted.slice(0, end);
}

function countPairs(sequences: readonly Sequence[]): Map<number, number> {
  const pairs = new Map<number, number>();
  for (const { symbols, length, count } of sequences) {
    for (let i = 1; i < length; i++) addPair(pairs, symbols[i - 1], symbols[i], count);
  }
  return pairs;
}

function addPair(pairs: Map<number, number>, left: number, right: number, count: number): void {
  const pair = left * PAIR + right;
  pairs.set(pair, (pairs.get(pair) ?? 0) + count);
}

/** The most frequent pair that occurs at least twice, the lowest among equals, or -1. */
function bestPair(pairs: ReadonlyMap<number, number>): number {
  let best = -1;
  let bestCount = 1;
  for (const [pair, count] of pairs) {
    if (count > bestCount || (count === bestCount && best >= 0 && pair < best)) {
      best = pair;
      bestCount = count;
    }
  }
  return best;
}

/** Replaces each `pair` in a sequence by `merged`, left to right, and keeps the counts of all pairs up to date. */
function mergePair(sequence: Sequence, pair: number, merged: number, pairs: Map<number, number>): void {
  const { symbols, length, count } = sequence;
  const left = Math.floor(pair / PAIR);
  const right = pair % PAIR;
  let end = 0;
  for (let i = 0; i < length; i++, end++) {
    if (symbols[i] !== left || i + 1 === length || symbols[i + 1] !== right) {
      symbols[end] = symbols[i];
      continue;
    }
    if (end > 0) {
      addPair(pairs, symbols[end - 1], left, -count);
      addPair(pairs, symbols[end - 1], merged, count);
    }
    if (i + 2 < length) {
      addPair(pairs, right, symbols[i + 2], -count);
      addPair(pairs, merged, symbols[i + 2], count);
    }
    symbols[end] = merged;
    i++;
  }
  sequence.length = end;
}
