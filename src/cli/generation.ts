import type { Engine, RecallSettings, RouterMix, Sampler } from "../engine/engine.js";
import type { Continuation } from "../tokenizer/continuation.js";

/** One symbol that was written. */
export interface Piece {
  bytes: Uint8Array;
  /** Of the step that the symbol was chosen after: the mean over the layers that have a choice. */
  mix: readonly [local: number, state: number, sparse: number];
  /** Of the mix, in bits: the mean over the same layers. */
  entropyBits: number;
}

/**
 * How a model follows what was said before. `words`: what followed a single symbol, such as a name, while what would make a
 * repetition of four symbols longer loses 3 bits; with `full` a text that the model writes itself goes in circles.
 */
export const RECALLS: Record<"full" | "words" | "off", RecallSettings> = {
  full: { longest: 6, repeats: 7, penalty: 0 },
  words: { longest: 1, repeats: 4, penalty: 3 * 2048 },
  off: { longest: 0, repeats: 0, penalty: 0 },
};
export type RecallName = keyof typeof RECALLS;

export interface GenerationOptions {
  sampler: Sampler;
  maxBytes: number;
  /** The prompt whose symbols the engine was fed; left out where it was fed everything. */
  prompt?: Continuation;
  /** Text that ends the output and is not part of it. */
  stop?: Uint8Array;
}

/**
 * Writes on after what the engine was fed: one piece per symbol, at most `maxBytes` bytes in all; a character of
 * UTF-8 that would be cut off there is left out. Pieces that may turn out to begin the stop text, or such a character, are
 * held back until that is known.
 */
export function* generate(engine: Engine, options: GenerationOptions): Generator<Piece> {
  const { sampler, maxBytes, prompt, stop = new Uint8Array(0) } = options;
  const held: Piece[] = [];
  let total = 0;
  while (total < maxBytes) {
    const router = routerSummary(engine);
    if (prompt?.rest.length) prompt.restrict(engine.logits());
    const symbol = sampler.temperature > 0 ? engine.sample(sampler) : engine.argmax();
    const decoded = engine.decode(symbol);
    const bytes = (prompt?.take(decoded) ?? decoded).slice(0, maxBytes - total);
    total += bytes.length;
    if (bytes.length > 0) held.push({ bytes, ...router });
    const end = stop.length > 0 ? indexOf(joined(held), stop) : -1;
    if (end >= 0) {
      yield* firstBytes(held, end);
      return;
    }
    const heldBytes = Math.max(stop.length - 1, unfinishedBytes(joined(held)));
    while (held.length > 0 && joined(held).length - held[0].bytes.length >= heldBytes) yield held.shift() as Piece;
    engine.step(symbol);
  }
  const rest = joined(held);
  yield* firstBytes(held, rest.length - unfinishedBytes(rest));
}

const joined = (pieces: readonly Piece[]): Uint8Array => Buffer.concat(pieces.map(({ bytes }) => bytes));

const indexOf = (text: Uint8Array, part: Uint8Array): number => Buffer.from(text).indexOf(part);

/** How many bytes at the end begin a character of UTF-8 and do not end it: 0 to 3 (RFC 3629, section 3). */
function unfinishedBytes(text: Uint8Array): number {
  for (let count = 1; count <= 3 && count <= text.length; count++) {
    const byte = text[text.length - count];
    if (byte < 0x80) return 0;
    if (byte >= 0xc0) return count < (byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2) ? count : 0;
  }
  return 0;
}

function* firstBytes(pieces: readonly Piece[], count: number): Generator<Piece> {
  let left = count;
  for (const piece of pieces) {
    const bytes = piece.bytes.slice(0, left);
    left -= bytes.length;
    if (bytes.length > 0) yield { ...piece, bytes };
  }
}

const ONE = 32768;
const BIT = 2048;

function routerSummary(engine: Engine): Pick<Piece, "mix" | "entropyBits"> {
  const layers: RouterMix[] = [];
  for (let layer = 0; layer < engine.nLayers; layer++) {
    const router = engine.router(layer);
    if (router.mix.every((share) => share < ONE)) layers.push(router);
  }
  const mean = (value: (router: RouterMix) => number) =>
    layers.reduce((sum, router) => sum + value(router), 0) / Math.max(layers.length, 1);
  const mix = [0, 1, 2].map((pathway) => mean((router) => router.mix[pathway]) / ONE);
  return { mix: [mix[0], mix[1], mix[2]], entropyBits: mean((router) => router.entropy) / BIT };
}
