import { describe, expect, test } from "vitest";
import { compareOnText, ENGINE_NATS_PER_UNIT, type Predictor, scoreText } from "./language.js";

/** A predictor that always gives the same logits, and keeps what it was fed. */
function constant(logits: readonly number[], natsPerUnit = 1): Predictor & { fed: number[] } {
  const fed: number[] = [];
  return {
    fed,
    natsPerUnit,
    step: (symbol) => {
      fed.push(symbol);
      return logits;
    },
  };
}

describe("scoreText", () => {
  test("is the logarithm of V for a predictor that knows nothing", () => {
    const score = scoreText(constant([3, 3, 3, 3]), Uint16Array.of(0, 1, 2, 3), 4);
    expect(score.bitsPerByte).toBeCloseTo(2, 12);
    expect(score.perplexity).toBeCloseTo(4, 12);
    expect(score.natsPerSymbol).toBeCloseTo(Math.log(4), 12);
    expect([score.bytes, score.symbols]).toEqual([4, 4]);
  });

  test("adds up the surprise at each next symbol, in any unit", () => {
    // Probabilities 1/2, 1/4, 1/4 as logits of the engine: 1 bit is 2048.
    const engine = constant([0, -2048, -2048], ENGINE_NATS_PER_UNIT);
    const score = scoreText(engine, Uint16Array.of(2, 0, 1, 0), 2);
    expect(score.bitsPerByte).toBeCloseTo((Math.log2(3) + 1 + 2 + 1) / 2, 12);
    expect(engine.fed).toEqual([2, 0, 1]);
  });

  test("stands large logits", () => {
    expect(scoreText(constant([1e6, 0]), Uint16Array.of(0, 0), 2).bitsPerByte).toBeCloseTo(0.5, 12);
  });

  test("takes a text of one symbol", () => {
    expect(scoreText(constant([0, 0]), Uint16Array.of(1), 1).bitsPerByte).toBeCloseTo(1, 12);
  });
});

describe("compareOnText", () => {
  test("finds no difference between equal distributions", () => {
    const engine = constant([2048, 0], ENGINE_NATS_PER_UNIT);
    const fidelity = compareOnText(constant([Math.LN2, 0]), engine, Uint16Array.of(0, 1, 0), 3);
    expect(fidelity.klNatsPerSymbol).toBeCloseTo(0, 12);
    expect(fidelity.top1Agreement).toBe(1);
    expect(fidelity.bitsPerByteRatio).toBeCloseTo(0, 12);
    expect(fidelity.engine).toEqual(scoreText(engine, Uint16Array.of(0, 1, 0), 3));
  });

  test("gives the divergence and the disagreement of different ones", () => {
    // p = 2/3, 1/3 and q = 1/3, 2/3: KL = 1/3 ln 2.
    const fidelity = compareOnText(constant([Math.LN2, 0]), constant([0, Math.LN2]), Uint16Array.of(0, 0), 1);
    expect(fidelity.klNatsPerSymbol).toBeCloseTo(Math.LN2 / 3, 12);
    expect(fidelity.top1Agreement).toBe(0);
    expect(fidelity.reference.bitsPerByte).toBeCloseTo(1 + Math.log2(1.5), 12);
    expect(fidelity.engine.bitsPerByte).toBeCloseTo(1 + Math.log2(3), 12);
    expect(fidelity.bitsPerByteRatio).toBeCloseTo((1 + Math.log2(3)) / (1 + Math.log2(1.5)) - 1, 12);
  });
});
