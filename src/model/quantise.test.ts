import { describe, expect, test } from "vitest";
import {
  effectiveWeights,
  quantiseInt4Rows,
  quantiseInt6Rows,
  quantiseInt8Rows,
  quantiseSparse,
  quantiseTernary,
} from "./quantise.js";

test("quantiseSparse() takes the mean of what is not 0", () => {
  const { trits, scale } = quantiseSparse(Float32Array.of(0, 0.5, 0, 0, -2.5, 0));
  expect([scale, ...trits]).toEqual([1.5, 0, 0, 0, 0, -1, 0]);
  expect(quantiseSparse(new Float32Array(3))).toEqual({ trits: new Int8Array(3), scale: 0 });
});

describe("quantiseTernary()", () => {
  test("scale is the mean magnitude; half of it rounds away from zero", () => {
    // Mean magnitude 1: 0.5 is exactly half.
    const { trits, scale } = quantiseTernary(Float32Array.of(0.5, -0.5, 0.49, -2.51, 0, 2));
    expect(scale).toBe(1);
    expect([...trits]).toEqual([1, -1, 0, -1, 0, 1]);
  });

  test("the float just below a half rounds to zero", () => {
    const belowHalf = 0.5 - 2 ** -25;
    const { trits, scale } = quantiseTernary(Float32Array.of(belowHalf, 1.5 + 2 ** -25));
    expect(scale).toBe(1);
    expect([...trits]).toEqual([0, 1]);
  });

  test("zeros have scale 0 and stay zeros", () => {
    expect(quantiseTernary(new Float32Array(3))).toEqual({ trits: new Int8Array(3), scale: 0 });
  });

  test("sums in float32 in index order", () => {
    // 2^24 absorbs a 1 that follows it, but not a 2 collected before it.
    expect(quantiseTernary(Float32Array.of(2 ** 24, 1, 1, 0)).scale).toBe(2 ** 22);
    expect(quantiseTernary(Float32Array.of(1, 1, 2 ** 24, 0)).scale).toBe((2 ** 24 + 2) / 4);
  });
});

describe("quantiseInt4Rows()", () => {
  test("gives each row its own step of 2.6 rms / 7, clamped at 7", () => {
    const { values, steps } = quantiseInt4Rows(Float32Array.of(1, 1, 1, 1, 0, 0, 0, 4), 4);
    expect(steps[0]).toBeCloseTo(2.6 / 7, 7);
    expect(steps[1]).toBeCloseTo(5.2 / 7, 7);
    expect([...values]).toEqual([3, 3, 3, 3, 0, 0, 0, 5]);
    expect([...quantiseInt4Rows(Float32Array.of(...new Array(15).fill(0), -9), 16).values].at(-1)).toBe(-7);
  });

  test("a row of zeros has step 0", () => {
    expect(quantiseInt4Rows(new Float32Array(2), 2)).toEqual({ values: new Int8Array(2), steps: new Float32Array(1) });
  });
});

describe("quantiseInt6Rows()", () => {
  test("the largest magnitude of a row becomes 31", () => {
    const { values, steps } = quantiseInt6Rows(Float32Array.of(-62, 1, 3, 0.9, 0), 5);
    expect(steps[0]).toBe(2);
    expect([...values]).toEqual([-31, 1, 2, 0, 0]);
  });
});

describe("quantiseInt8Rows()", () => {
  test("the largest magnitude of a row becomes 127, halves round away from zero", () => {
    const { values, steps } = quantiseInt8Rows(Float32Array.of(254, -3, 0.9, 0, 0, 0.25, -63.5, 31.5), 4);
    expect([...steps]).toEqual([2, 0.5]);
    expect([...values]).toEqual([127, -2, 0, 0, 0, 1, -127, 63]);
  });

  test("a row of zeros has step 0", () => {
    expect(quantiseInt8Rows(new Float32Array(2), 2)).toEqual({ values: new Int8Array(2), steps: new Float32Array(1) });
  });
});

test("effectiveWeights() is integer times scale in float32", () => {
  const weights = Float32Array.of(0.1, -0.3, 0.2, 0.05);
  const { trits, scale } = quantiseTernary(weights);
  expect([...effectiveWeights(weights, 2, "ternary")]).toEqual([...trits].map((trit) => trit * scale));
  const { values, steps } = quantiseInt4Rows(weights, 2);
  expect(effectiveWeights(weights, 2, "int4")[3]).toBe(Math.fround(values[3] * steps[1]));
  expect(effectiveWeights(weights, 2, "none")).toEqual(weights);
});
