import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { modelOf } from "../../vectors/load.js";
import { createMirror } from "../engine/mirror.js";
import { readModel } from "../format/reader.js";
import { confidenceOf, confidences, DECISION_SIGNALS } from "./confidence.js";

describe("confidenceOf", () => {
  // Probabilities 1/2, 1/4, 1/4.
  const halves = [-2048, 0, -2048];

  test.each([
    ["probability", halves, 16384],
    ["margin", halves, 2048],
    ["entropy", halves, -3072],
    ["energy", halves, 2048],
    ["probability", [7, 7], 16384],
    ["margin", [7, 7], 0],
    ["entropy", [7, 7], -2048],
    ["energy", [7, 7], 2055],
    ["probability", [40000, 0], 32768],
    ["entropy", [40000, 0], 0],
    ["energy", [40000, 0], 40000],
    ["margin", [1e12, -1e12], 2 ** 30],
    ["margin", [0.4, 9.6], 10],
  ] as const)("%s of %j is %d", (signal, logits, expected) => {
    expect(confidenceOf(logits, signal)).toBe(expected);
  });

  test("is close to what real numbers give, and whole", () => {
    const logits = fc.array(fc.integer({ min: -20000, max: 20000 }), { minLength: 2, maxLength: 150 });
    fc.assert(
      fc.property(logits, (values) => {
        const top = Math.max(...values);
        const weights = values.map((logit) => 2 ** ((logit - top) / 2048));
        const sum = weights.reduce((total, weight) => total + weight);
        const near = (signal: "probability" | "entropy" | "energy", real: number, most: number) => {
          const found = confidenceOf(values, signal);
          expect(Number.isInteger(found)).toBe(true);
          expect(Math.abs(found - real)).toBeLessThan(most);
        };
        // A probability is rounded down, as is each weight: by less than 1/32768 per class, which is 15 bits of surprise.
        near("probability", 32768 / sum, 16 + values.length / 2);
        near("energy", top + 2048 * Math.log2(sum), 16);
        const bits = weights.reduce((total, weight) => total - (weight / sum) * Math.log2(weight / sum), 0);
        near("entropy", -2048 * bits, 16 + 3 * values.length);
      }),
    );
  });
});

test("confidences() knows the router's entropy only where every example has it", () => {
  const scored = [
    { label: 0, logits: [7, 7], routerEntropy: 0.5 },
    { label: 0, logits: [2055, 7], routerEntropy: 1.25 },
  ];
  expect(confidences(scored, "router")).toEqual(Float64Array.of(-0.5, -1.25));
  expect(confidences(scored, "margin")).toEqual(Float64Array.of(0, 2048));
  expect(confidences([...scored, { label: 0, logits: [1, 2] }], "router")).toBeUndefined();
});

describe.each(DECISION_SIGNALS.flatMap((signal) => [signal, `${signal}-none`, `${signal}-tied`]))(
  "decision-%s",
  (name) => {
    test("is decided by the engine as confidenceOf says", () => {
      const model = readModel(modelOf(`decision-${name}`));
      const engine = createMirror(model.bytes);
      const { signal, threshold } = model.decision ?? { signal: "probability", threshold: Number.NaN };
      for (let step = 0; step < 40; step++) {
        const logits = engine.step((step * 7) % engine.vocab).slice();
        const likeliest = engine.argmax();
        expect(engine.decide().class).toBe(confidenceOf(logits, signal) >= threshold ? likeliest : -1);
      }
    });
  },
);
