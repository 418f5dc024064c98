import fc from "fast-check";
import { expect, test } from "vitest";
import { RECALL_KINDS, RECALL_LENGTHS } from "./config.js";
import { Recall } from "./recall.js";

const BONUS = Float64Array.from({ length: RECALL_LENGTHS * RECALL_KINDS }, (_, i) => i + 0.5);
const GATES = [0.25, -1.5];
const OWN = Float64Array.from({ length: 10 }, (_, i) => (i % 3) - i / 4);
const PULL = BONUS.map((bonus) => (bonus % 7) / 8 - 0.1);

/** The logits by the formulas of ARCHITECTURE.md, from the symbols read since the last that empties the memory. */
function byDefinition(symbols: readonly number[], window: number, logits: readonly number[]): number[] {
  const matchAt = (place: number) => {
    let match = 0;
    while (match < Math.min(6, place) && symbols[place - 1 - match] === symbols[symbols.length - 1 - match]) match++;
    return match;
  };
  const places = symbols.map((symbol, place) => ({ symbol, match: matchAt(place) })).slice(-window);
  const longest = Math.max(...places.map(({ match }) => match));
  const all = places.filter(({ match }) => match === longest).length;
  return logits.map((logit, symbol) => {
    const own = places.filter((place) => place.symbol === symbol).map(({ match }) => match);
    if (own.length === 0) return logit;
    const match = Math.max(...own);
    const count = own.filter((value) => value === match).length;
    const kind = match < longest ? 0 : 2 * count <= all ? 1 : count === 1 ? 2 : 3;
    const at = RECALL_KINDS * match + kind;
    const raised = BONUS[at] + Math.min(Math.max(PULL[at], 0), 1) * (Math.max(...logits) - logit);
    const row = Math.min(match, 1);
    return logit + (raised + GATES[row] + OWN[5 * row + symbol]);
  });
}

test("Recall is what its definition says, for any text and window", () => {
  const text = fc.array(fc.nat(3), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 20 }), fc.option(fc.nat(3)), (symbols, window, forget) => {
      const recall = new Recall(window, forget ?? undefined, { bonus: BONUS, pull: PULL, own: OWN });
      symbols.forEach((symbol, t) => {
        recall.read(symbol);
        const known = symbols.slice(symbols.lastIndexOf(forget ?? -1, t) + 1, t + 1);
        const logits = Float64Array.of(2, -3, 0.5, 1, 4);
        const expected = byDefinition(known, window, [...logits]);
        recall.change(logits, GATES);
        expect([...logits]).toEqual(expected);
      });
    }),
  );
});

test("Recall knows nothing after reset()", () => {
  const recall = new Recall(4, undefined, { bonus: BONUS, pull: PULL });
  recall.read(1);
  recall.reset();
  const logits = Float64Array.of(1, 2);
  recall.change(logits, GATES);
  expect([...logits]).toEqual([1, 2]);
});
