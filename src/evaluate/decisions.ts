import type { Engine } from "../engine/engine.js";

/** What a classifier says of what it has read. */
export interface Decision {
  /** -1: none of the classes. */
  class: number;
  /** Calibrated probability of each class, in 1/32768. */
  scores: Int32Array;
}

/** Reads a text from its beginning. @returns whether it has any symbol: without one there is nothing to decide on */
export function readText(engine: Engine, text: Uint8Array): boolean {
  const symbols = engine.encode(text);
  engine.reset();
  for (const symbol of symbols) engine.feed(symbol);
  return symbols.length > 0;
}

/** Decides on what the engine has read since its reset. */
export function decide(engine: Engine): Decision {
  // The engine turns its logits into the scores where they stand.
  const scores = engine.logits();
  const { class: index } = engine.decide();
  return { class: index, scores: scores.slice() };
}
