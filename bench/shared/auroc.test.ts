import { expect, test } from "vitest";
import { auroc, rankCorrelation } from "./auroc.mjs";

test("the area is the share of pairs in the right order, ties counting half", () => {
  const scores = [0.1, 0.4, 0.35, 0.8, 0.4];
  const isPositive = [false, false, true, true, true];
  let won = 0;
  scores.forEach((p, i) => {
    scores.forEach((n, j) => {
      if (isPositive[i] && !isPositive[j]) won += p > n ? 1 : p === n ? 0.5 : 0;
    });
  });
  const { area, positives, negatives } = auroc(scores, isPositive);
  expect(area).toBeCloseTo(won / 6, 12);
  expect([positives, negatives]).toEqual([3, 2]);
});

test("the standard error is that of Hanley and McNeil's formula, worked out by hand", () => {
  // Area 3/4 of two positives and two negatives: (3/16 + (3/5 - 9/16) + (9/14 - 9/16)) / 4.
  const { area, standardError } = auroc([1, 3, 2, 4], [false, false, true, true]);
  expect(area).toBe(0.75);
  expect(standardError).toBeCloseTo(Math.sqrt((3 / 16 + 3 / 80 + 9 / 112) / 4), 12);
});

test("rank correlation is 1 for any rising function, -1 for a falling one, and shares ranks among equals", () => {
  const x = [3, 1, 2, 5];
  expect(rankCorrelation(x, x.map(Math.exp))).toBeCloseTo(1, 12);
  expect(
    rankCorrelation(
      x,
      x.map((v) => -v),
    ),
  ).toBeCloseTo(-1, 12);
  // Ranks 1.5, 1.5, 3 against 1, 2, 3: 1.5 / sqrt(1.5 * 2).
  expect(rankCorrelation([1, 1, 2], [1, 2, 3])).toBeCloseTo(1.5 / Math.sqrt(3), 12);
});
