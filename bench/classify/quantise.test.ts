import { describe, expect, test } from "vitest";
import { half, matrixBytes, quantiseColumns } from "./quantise.mjs";

test("half() keeps 11 bits", () => {
  expect([0, 1, -1.5, 2048, 2 ** -14].map(half)).toEqual([0, 1, -1.5, 2048, 2 ** -14]);
  // Between 2048 and 4096 the numbers are 2 apart; below 2^-14 they are 2^-24 apart.
  expect(half(2051.1)).toBe(2052);
  expect(half(2 ** -24 * 1.4)).toBe(2 ** -24);
  expect(half(1e6)).toBe(65504);
});

test("matrixBytes() counts codes and a factor per column", () => {
  expect(matrixBytes("ternary", 7, 3)).toBe(5 + 6);
  expect(matrixBytes("int4", 7, 3)).toBe(11 + 6);
  expect(matrixBytes("int8", 7, 3)).toBe(21 + 6);
  expect(matrixBytes("float", 7, 3)).toBe(84);
});

describe("quantiseColumns()", () => {
  const quantised = (kind: string, weights: number[], columns: number) => {
    const into = new Float32Array(weights.length);
    quantiseColumns(kind, Float32Array.from(weights), columns, into);
    return [...into];
  };

  test("gives ternary weights the mean size of their own column", () => {
    // Columns (1, 0.25, -1.75) and (0, 6, 3): means 1 and 3.
    expect(quantised("ternary", [1, 0, 0.25, 6, -1.75, 3], 2)).toEqual([1, 0, 0, 3, -1, 3]);
  });

  test("gives int8 weights 127 steps up to the largest", () => {
    expect(quantised("int8", [127, -63.4, 0.6], 1)).toEqual([127, -63, 1]);
  });

  test("clamps int4 weights at 7 steps of three sevenths of the root mean square", () => {
    // Root mean square 7/3 of (0, ..., 0, 21): a step is 1.
    const weights = [...Array(80).fill(0), 21];
    expect(quantised("int4", weights, 1).at(-1)).toBe(7);
    expect(quantised("int4", [1, 1, 1, 1], 1)).toEqual(Array(4).fill(2 * half(3 / 7)));
  });

  test("leaves zeros and floats alone", () => {
    expect(quantised("ternary", [0, 0], 1)).toEqual([0, 0]);
    expect(quantised("float", [0.123, 4], 1)).toEqual([Math.fround(0.123), 4]);
  });
});
