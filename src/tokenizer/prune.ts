import type { Chunk } from "./chunks.js";
import { TokenTable } from "./token-table.js";

/** Symbols that a byte without a token takes: the escape and two halves. */
const ESCAPED_BYTE_SYMBOLS = 3;
/** Share of the surplus that one round removes: counts change as tokens go. */
const ROUNDS = 16;

/**
 * Removes tokens until `size` are left, those first whose loss lengthens the text least when it is encoded by longest
 * match. Single bytes compete too: a rare one is left to the escape. Among equals the later token goes.
 */
export function pruneTokens(tokens: readonly Uint8Array[], chunks: readonly Chunk[], size: number): Uint8Array[] {
  let kept = [...tokens];
  const perRound = Math.ceil((tokens.length - size) / ROUNDS);
  while (kept.length > size) {
    const table = new TokenTable(kept);
    const uses = countUses(table, kept, chunks);
    const losses = kept.map((token, index) => uses[index] * (symbolsWithout(table, kept, token) - 1));
    const worst = [...kept.keys()].sort((a, b) => losses[a] - losses[b] || b - a);
    const removed = new Set(worst.slice(0, Math.min(perRound, kept.length - size)));
    kept = kept.filter((_, index) => !removed.has(index));
  }
  return kept;
}

/** How often each token is used to encode all chunks. */
function countUses(table: TokenTable, tokens: readonly Uint8Array[], chunks: readonly Chunk[]): Float64Array {
  const uses = new Float64Array(tokens.length);
  for (const { bytes, count } of chunks) {
    for (let at = 0; at < bytes.length; ) {
      const token = table.match(bytes, at, bytes.length);
      if (token >= 0) uses[token] += count;
      at += token < 0 ? 1 : tokens[token].length;
    }
  }
  return uses;
}

/** Number of symbols that spell `token` without itself. */
function symbolsWithout(table: TokenTable, tokens: readonly Uint8Array[], token: Uint8Array): number {
  let symbols = 0;
  for (let at = 0; at < token.length; ) {
    // Hiding the last byte from the first match hides exactly the token itself.
    const part = table.match(token, at, at === 0 ? token.length - 1 : token.length);
    symbols += part < 0 ? ESCAPED_BYTE_SYMBOLS : 1;
    at += part < 0 ? 1 : tokens[part].length;
  }
  return symbols;
}
