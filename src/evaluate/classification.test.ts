import { describe, expect, test } from "vitest";
import { accuracyOf, classScores, confusionMatrix, macroF1 } from "./classification.js";
import { isWrong, likeliestClass, logProbabilities, NONE, withTemperature } from "./scored-example.js";

// Class 0: two right, one called 1. Class 1: one right. Class 2: no example. None: one called 2, one rightly none.
const labels = [0, 0, 0, 1, NONE, NONE];
const answers = [0, 0, 1, 1, 2, NONE];
const confusion = confusionMatrix(labels, answers, 3);

test("confusionMatrix() has labels in rows, answers in columns and none last", () => {
  expect(confusion).toEqual([
    [2, 1, 0, 0],
    [0, 1, 0, 0],
    [0, 0, 0, 0],
    [0, 0, 1, 1],
  ]);
});

test("accuracyOf() is the share of the diagonal", () => {
  expect(accuracyOf(confusion)).toBe(4 / 6);
  expect(accuracyOf([[0, 0]])).toBe(0);
});

test("classScores() and macroF1() leave out what has no example", () => {
  const scores = classScores(confusion);
  expect(scores).toEqual([
    { count: 3, answered: 2, precision: 1, recall: 2 / 3, f1: 0.8 },
    { count: 1, answered: 2, precision: 0.5, recall: 1, f1: 2 / 3 },
    { count: 0, answered: 1, precision: 0, recall: 0, f1: 0 },
  ]);
  expect(macroF1(scores)).toBeCloseTo((0.8 + 2 / 3) / 2, 15);
  expect(macroF1([])).toBe(0);
});

describe("a scored example", () => {
  test("is answered by the lowest of the largest logits", () => {
    expect(likeliestClass([1, 3, 3])).toBe(1);
    expect(isWrong({ label: 1, logits: [1, 3, 3] })).toBe(false);
    expect(isWrong({ label: 2, logits: [1, 3, 3] })).toBe(true);
    expect(isWrong({ label: NONE, logits: [1, 3, 3] })).toBe(true);
  });

  test("has probabilities of 2^(logit / 2048), after a temperature", () => {
    const shares = (logits: readonly number[], temperature?: number) =>
      [...logProbabilities(logits, temperature)].map(Math.exp);
    for (const [found, expected] of [
      [shares([4096, 2048, 2048]), [0.5, 0.25, 0.25]],
      [shares([4096, 0], 2), [2 / 3, 1 / 3]],
      [shares([1e8, 0]), [1, 0]],
    ])
      for (const index of expected.keys()) expect(found[index]).toBeCloseTo(expected[index], 14);
    expect(withTemperature([{ text: "a", label: 0, logits: Int32Array.of(3, -4) }], 2)).toEqual([
      { text: "a", label: 0, logits: Float64Array.of(1.5, -2) },
    ]);
  });
});
