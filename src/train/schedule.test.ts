import { expect, test } from "vitest";
import { parseConfig } from "../model/parse-config.js";
import { integerPower, learningRateFactor } from "./schedule.js";

const trainWith = (train: object) =>
  parseConfig({ block: "base", dModel: 8, nLayers: 1, train: { steps: 100, warmup: 0.1, ...train } }, "test").train;

test("the learning rate rises to 1 over the warm-up, then falls to 0", () => {
  const linear = trainWith({ decay: "linear" });
  const at = (steps: number[], train = linear) => steps.map((step) => learningRateFactor(train, step));
  expect(at([0, 4, 9, 10, 55, 100])).toEqual([0.1, 0.5, 1, 1, 0.5, 0]);
  expect(at([9, 10, 99], trainWith({ decay: "none" }))).toEqual([1, 1, 1]);
  const cosine = trainWith({ decay: "cosine" });
  expect(learningRateFactor(cosine, 10)).toBe(1);
  expect(learningRateFactor(cosine, 55)).toBeCloseTo(0.5, 12);
  expect(learningRateFactor(cosine, 100)).toBeCloseTo(0, 12);
});

test("without warm-up the first step has the whole rate", () => {
  expect(learningRateFactor(trainWith({ warmup: 0 }), 0)).toBe(1);
});

test("integerPower() is the power", () => {
  expect([0, 1, 2, 10].map((exponent) => integerPower(3, exponent))).toEqual([1, 3, 9, 59049]);
  expect(integerPower(0.99, 1000)).toBeCloseTo(0.99 ** 1000, 15);
});
