import { describe, expect, test } from "vitest";
import { seriesFigures, textChoice, textFigures } from "./figures.mjs";

const logit = (probability: number) => Math.log(probability);
const rows = (...probabilities: number[][]) => Float32Array.from(probabilities.flat().map(logit));

test("textChoice() gives accuracy, none and nats of a part", () => {
  const labels = Int16Array.from([0, 1, 1, -1]);
  const found = textChoice(labels, rows([0.8, 0.2], [0.3, 0.7], [0.6, 0.4], [0.5, 0.5]));
  expect(found.score).toBeCloseTo(2 / 3, 12);
  expect(found.nats).toBeCloseTo(-(Math.log(0.8) + Math.log(0.7) + Math.log(0.4)) / 3, 6);
  expect(found.none).toBe(1);
  expect(textChoice(labels.subarray(0, 1), rows([0.8, 0.2])).none).toBeUndefined();
});

describe("textFigures()", () => {
  const part = (...labels: number[]) => ({ labels: Int16Array.from(labels) });
  const set = { parts: { train: part(), validation: part(0, 1, 0, 1), test: part(0, 0, 0, 1, -1) } };
  const validation = rows([0.9, 0.1], [0.1, 0.9], [0.9, 0.1], [0.9, 0.1]);
  const answers = rows([0.9, 0.1], [0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.1, 0.9]);
  const found = textFigures(set, (name: string) => (name === "test" ? answers : validation));

  test("judges the answers of examples that have a class", () => {
    expect(found.tests.test.accuracy).toBe(0.75);
    // F1 of the first class 2 * 2 / (3 + 2), of the second 2 * 1 / (1 + 2).
    expect(found.tests.test.macroF1).toBeCloseTo((4 / 5 + 2 / 3) / 2, 12);
    expect(found.tests.test.none.probability).toEqual({ auroc: 0.5, fpr: 1 });
  });

  test("chooses by the validation part", () => {
    expect(found.validation.score).toBe(0.75);
  });
});

describe("seriesFigures()", () => {
  const labels = Int16Array.from({ length: 2000 }, (_, t) => (t < 300 ? -1 : t >= 1000 && t < 1200 ? 1 : 0));
  const part = { labels, series: [{ name: "a", begin: 0, end: 2000, windows: [[1000, 1199]] }] };
  const set = { isNab: true, parts: { train: part, validation: part, test: part } };
  const scored = (of: (t: number) => number) => () =>
    Float32Array.from({ length: 4000 }, (_, i) => (i % 2 === 0 ? 0 : of(i >> 1)));

  test("scores alarms by the rule that is best on the validation part", () => {
    const found = seriesFigures(
      set,
      scored((t) => (t === 1000 ? 5 : 0)),
    );
    expect(found.tests.test).toMatchObject({ windows: 1, found: 1, falseAlarms: 0, precision: 1, f1: 1 });
    expect(found.tests.test.score).toBeCloseTo(100, 9);
  });

  test("gives no reward for saying the same of every step but by silence", () => {
    const found = seriesFigures(
      set,
      scored(() => 0),
    );
    expect("rule" in found && found.rule.silence).toBeGreaterThan(0);
    expect(found.tests.test.falseAlarms).toBeGreaterThan(0);
    expect(found.tests.test.balancedAccuracy).toBe(0.5);
  });

  test("judges the steps of a sensor by accuracy, those without a class left out", () => {
    const plain = { ...set, isNab: false };
    const found = seriesFigures(
      plain,
      scored((t) => (t >= 1100 && t < 1200 ? 1 : -1)),
    );
    expect(found.tests.test.accuracy).toBeCloseTo(1600 / 1700, 12);
    expect(found.validation.score).toBe(-found.validation.nats);
  });
});
