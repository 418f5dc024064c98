import { UsageError } from "../model/errors.js";
import { Alphabet } from "./alphabet.js";
import { learnMerges } from "./byte-pairs.js";
import { countChunks } from "./chunks.js";
import { pruneTokens } from "./prune.js";
import { compareBytes } from "./token-table.js";

/** Which alphabet to learn: all bytes, one symbol per byte in use, or `size` byte-pair tokens (the escape included). */
export type AlphabetKind = { kind: "bytes" } | { kind: "map" } | { kind: "tokens"; size: number };

/** Fewest symbols of a table with an escape. */
const MIN_TABLE_SYMBOLS = 17;

/**
 * A byte rarer than one in this many is left to the escape: at 20 KB a row of the tables costs more bits per byte (about
 * 0.0003) than the longer spelling of so rare a byte.
 */
const RAREST_BYTE_INTERVAL = 65536;

/**
 * How many more tokens are merged than kept. Merging leaves steps on the way (`omething`) that a longest-match encoder
 * no longer uses; those are pruned. Bits per byte, measured as in chunks.ts: 1 -> 1.635, 1.12 -> 1.617, 1.25 -> 1.612,
 * 1.5 -> 1.613.
 */
const EXCESS = 1.25;

/**
 * Learns the alphabet of a training text. The same text gives the same alphabet, wherever its pieces end.
 *
 * @param text gives the pieces of the text; called once
 * @throws UsageError when the text is too small for `size` tokens
 */
export function learnAlphabet(wanted: AlphabetKind, text: () => Iterable<Uint8Array>): Alphabet {
  if (wanted.kind === "bytes") return Alphabet.bytes();
  if (wanted.kind === "map") return learnByteMap(text());
  return learnTokens(text(), wanted.size);
}

/** One token per byte value in use, in byte order after the escape; rare ones are left to the escape. */
function learnByteMap(pieces: Iterable<Uint8Array>): Alphabet {
  const counts = new Array<number>(256).fill(0);
  let total = 0;
  for (const piece of pieces) {
    for (const byte of piece) counts[byte]++;
    total += piece.length;
  }
  const fewest = Math.max(2, total / RAREST_BYTE_INTERVAL);
  const used = counts.map((_, byte) => byte).filter((byte) => counts[byte] >= fewest);
  const unused = counts.map((_, byte) => byte).filter((byte) => counts[byte] < fewest);
  const filling = unused.slice(0, Math.max(0, MIN_TABLE_SYMBOLS - 1 - used.length));
  return sortedAlphabet([...used, ...filling].map((byte) => Uint8Array.of(byte)));
}

/** `size` - 1 tokens by byte-pair merges, pruned for longest match, in byte order after the escape. */
function learnTokens(pieces: Iterable<Uint8Array>, size: number): Alphabet {
  const chunks = countChunks(pieces);
  const merged = learnMerges(chunks, Math.ceil((size - 1) * EXCESS));
  if (merged.length < size - 1) {
    throw new UsageError(
      `Cannot learn the alphabet: the training text gives ${merged.length + 1} tokens, expected ${size}; give more text or take a smaller alphabet, such as --set 'alphabet={"kind":"map"}'.`,
    );
  }
  return sortedAlphabet(pruneTokens(merged, chunks, size - 1));
}

const sortedAlphabet = (tokens: Uint8Array[]): Alphabet =>
  Alphabet.ofTokens([new Uint8Array(0), ...tokens.sort(compareBytes)]);
