import { expect, test } from "vitest";
import { fitCosts, predictMs } from "./cost-model.mjs";

test("fitCosts() finds the costs that made the times, and no negative ones", () => {
  const truth = [0.02, 0.05, 3, 0.5, 2, 0, 900];
  let state = 1;
  const draw = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  const magnitudes = [1e8, 5e7, 1e5, 1e7, 1e5, 1e5, 64];
  const rows = Array.from({ length: 40 }, () => {
    const features = magnitudes.map((magnitude) => Math.round(magnitude * draw()));
    return { features, ms: features.reduce((sum, count, i) => sum + count * truth[i], 0) / 1e6 };
  });
  const costs = fitCosts(rows);
  costs.forEach(({ nanoseconds }: { nanoseconds: number }, i: number) => {
    expect(nanoseconds).toBeCloseTo(truth[i], 2);
    expect(nanoseconds).toBeGreaterThanOrEqual(0);
  });
  expect(predictMs(costs, rows[0].features)).toBeCloseTo(rows[0].ms, 3);
});
