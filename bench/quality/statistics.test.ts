import { describe, expect, test } from "vitest";
import { interval95, pairedByBlock, pairedBySeed, standardDeviation, tQuantile } from "./statistics.mjs";

describe("tQuantile()", () => {
  // Two-sided 95 % and 99 % points from the tables of Student's distribution.
  test.each([
    [0.95, 1, 12.7062],
    [0.95, 2, 4.3027],
    [0.95, 3, 3.1824],
    [0.95, 4, 2.7764],
    [0.95, 9, 2.2622],
    [0.95, 30, 2.0423],
    [0.95, 63, 1.9983],
    [0.99, 5, 4.0321],
    [0.5, 1, 1],
  ])("%f with %i degrees of freedom", (probability, degrees, expected) => {
    expect(tQuantile(probability, degrees)).toBeCloseTo(expected, 4);
  });
});

describe("interval95()", () => {
  test("is the mean and the t quantile times the standard error", () => {
    // Deviation 1, standard error 1 / sqrt(3), t = 4.3027.
    const { mean, low, high, count } = interval95([1, 2, 3]);
    expect([mean, count]).toEqual([2, 3]);
    expect(low).toBeCloseTo(2 - 4.3027 / Math.sqrt(3), 4);
    expect(high).toBeCloseTo(2 + 4.3027 / Math.sqrt(3), 4);
  });

  test("one difference has no interval", () => {
    expect(interval95([0.5])).toEqual({ mean: 0.5, low: undefined, high: undefined, count: 1 });
  });
});

test("standardDeviation() divides by one less than the number of values", () => {
  expect(standardDeviation([1, 3])).toBeCloseTo(Math.SQRT2, 12);
  expect(standardDeviation([1])).toBeUndefined();
});

test("pairedBySeed() subtracts what has the same seed and leaves the others out", () => {
  const row = (seed: number, testBpb: number) => ({ seed, testBpb });
  expect(pairedBySeed([row(3, 1.5), row(1, 1.25), row(2, 9)], [row(1, 1), row(3, 2)])).toEqual([-0.5, 0.25]);
});

test("pairedByBlock() subtracts block by block after averaging over the seeds", () => {
  const row = (blockBits: string) => ({ blockBits });
  expect(pairedByBlock([row("1.0 2.0"), row("2.0 4.0")], [row("1.0 5.0")])).toEqual([0.5, -2]);
});
