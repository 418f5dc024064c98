import { expect, test } from "vitest";
import { Random } from "./random.js";

test("nextUint32() is xoshiro128** 1.1", () => {
  // The first: word 1 is 2; 2 * 5 = 10, rotated left by 7 is 1280, times 9 is 11520. The others as the authors' C gives them.
  const random = Random.fromState([1, 2, 3, 4]);
  const first = Array.from({ length: 4 }, () => random.nextUint32());
  expect(first).toEqual([11520, 0, 5927040, 70819200]);
});

test("below() stays below and reaches every value", () => {
  const random = Random.fromSeed(1);
  const seen = new Set(Array.from({ length: 200 }, () => random.below(7)));
  expect([...seen].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
});

test("normal() has mean 0 and variance 1", () => {
  const random = Random.fromSeed(2);
  const draws = Array.from({ length: 20_000 }, () => random.normal());
  const mean = draws.reduce((sum, x) => sum + x, 0) / draws.length;
  const variance = draws.reduce((sum, x) => sum + (x - mean) ** 2, 0) / draws.length;
  expect(Math.abs(mean)).toBeLessThan(0.03);
  expect(Math.abs(variance - 1)).toBeLessThan(0.04);
});

test("a state continues the stream", () => {
  const random = Random.fromSeed(7);
  random.nextUint32();
  const copy = Random.fromState(random.state());
  expect([copy.normal(), copy.below(1000)]).toEqual([random.normal(), random.below(1000)]);
});
