import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NONE, type ScoredExample, withTemperature } from "./scored-example.js";
import { calibrationOf, fitTemperature } from "./temperature.js";

// Probabilities 2/3 and 1/3; three of four are right, and an example of no class has no say.
const scored: ScoredExample[] = [0, 0, 0, 1, NONE].map((label) => ({ label, logits: [2048, 0] }));

describe("calibrationOf", () => {
  test("gives what can be worked out by hand", () => {
    const { ece, nllNats, brier, bins } = calibrationOf(scored);
    expect(ece).toBeCloseTo(3 / 4 - 2 / 3, 14);
    expect(nllNats).toBeCloseTo((3 * Math.log(1.5) + Math.log(3)) / 4, 14);
    expect(brier).toBeCloseTo((3 * (2 / 9) + 8 / 9) / 4, 14);
    expect(bins.length).toBe(15);
    expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(4);
  });

  test("weighs bins by their counts", () => {
    // 0.5 lies in (7/15, 8/15], 1 in the last bin.
    const mixed = [
      { label: 1, logits: [0, 0] },
      { label: 0, logits: [1e6, 0] },
      { label: 0, logits: [1e6, 0] },
    ];
    const { ece, bins } = calibrationOf(mixed);
    expect(ece).toBeCloseTo(0.5 / 3, 14);
    expect(bins[7]).toEqual({ lower: 7 / 15, upper: 8 / 15, count: 1, confidence: 0.5, accuracy: 0 });
    expect(bins[14]).toEqual({ lower: 14 / 15, upper: 1, count: 2, confidence: 1, accuracy: 1 });
    expect(bins[0]).toEqual({ lower: 0, upper: 1 / 15, count: 0, confidence: 0, accuracy: 0 });
  });

  test("takes the upper end of a bin into it", () => {
    const { bins } = calibrationOf([{ label: 0, logits: [0, 0, 0, 0, 0] }]);
    expect(bins.findIndex(({ count }) => count > 0)).toBe(2);
  });

  test("is nothing where no example has a class", () => {
    expect(calibrationOf([{ label: NONE, logits: [1, 2] }])).toMatchObject({ ece: 0, nllNats: 0, brier: 0 });
  });
});

describe("fitTemperature", () => {
  test("makes the probability the share of right answers", () => {
    // 2^(1 / T) = 3: then the probabilities are 3/4 and 1/4.
    expect(fitTemperature(scored)).toBeCloseTo(1 / Math.log2(3), 4);
    expect(calibrationOf(scored, fitTemperature(scored)).ece).toBeCloseTo(0, 4);
  });

  test("stays within its bounds, and at 1 where no other is better", () => {
    expect(fitTemperature([{ label: 1, logits: [2048, 0] }])).toBeCloseTo(16, 3);
    expect(fitTemperature([{ label: 1, logits: [0, 0] }])).toBe(1);
  });

  test("is no surer of n right answers than Laplace's rule allows", () => {
    // One of one: 2/3, as 2^(1 / T) = 2 gives. Six of six: 7/8, as 2^(1 / T) = 7.
    const right = { label: 0, logits: [2048, 0] };
    expect(fitTemperature([right])).toBeCloseTo(1, 6);
    expect(fitTemperature(Array(6).fill(right))).toBeCloseTo(1 / Math.log2(7), 5);
  });

  test("refuses examples without a class", () => {
    expect(() => fitTemperature([{ label: NONE, logits: [1, 2] }])).toThrow(
      "Cannot calibrate: none of the validation examples belongs to a class; hold out examples of every class.",
    );
  });

  test("finds a temperature that no higher one beats, and again after it was applied", () => {
    const example = fc.record({
      label: fc.integer({ min: 0, max: 2 }),
      logits: fc.array(fc.integer({ min: -9000, max: 9000 }), { minLength: 3, maxLength: 3 }),
    });
    fc.assert(
      fc.property(fc.array(example, { minLength: 1, maxLength: 12 }), (examples) => {
        const temperature = fitTemperature(examples);
        const { nllNats } = calibrationOf(examples, temperature);
        for (const other of [temperature, 0.2, 0.9, 1, 1.1, 5, 16].filter((one) => one >= temperature))
          expect(nllNats).toBeLessThanOrEqual(calibrationOf(examples, other).nllNats + 1e-5);
        expect(calibrationOf(withTemperature(examples, temperature)).nllNats).toBeCloseTo(nllNats, 9);
      }),
      { numRuns: 40 },
    );
  });
});
