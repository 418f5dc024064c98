import { describe, expect, test } from "vitest";
import { parseConfig } from "../model/parse-config.js";
import { quantiseModel } from "../model/quantised-model.js";
import { randomTensors } from "../model/random-model.js";
import { calibrate, Range } from "./calibration.js";

describe("Range", () => {
  test("keeps the largest value when all are alike", () => {
    const range = new Range();
    range.add(Float64Array.from({ length: 100 }, (_, index) => (index % 2 ? 3 : -3)));
    expect(range.max).toBe(3);
    expect(range.bestLimit(100)).toBe(3);
  });

  test("gives up one outlier of many values for finer steps", () => {
    const values = Float64Array.from({ length: 10_000 }, (_, index) => Math.sin(index));
    values[17] = 8;
    const range = new Range();
    range.add(values);
    const limit = range.bestLimit(100);
    const errorOf = (at: number) =>
      (at / 100) ** 2 / 12 + values.reduce((sum, v) => sum + Math.max(0, Math.abs(v) - at) ** 2, 0) / values.length;
    expect(limit).toBeLessThan(8);
    expect(errorOf(limit)).toBeLessThan(errorOf(8));
    // Within an eighth of an octave of the best.
    for (let at = 0.9; at < 8; at += 0.01) expect(errorOf(limit)).toBeLessThan(1.35 * errorOf(at));
  });

  test("of nothing has the limit 0", () => {
    expect(new Range().bestLimit(100)).toBe(0);
  });
});

describe("calibrate()", () => {
  const config = parseConfig({ block: "gated", dModel: 8, dInner: 10, nLayers: 2 }, "x");
  const model = quantiseModel(config, randomTensors(config, 20, 20, 3), 20, 20);

  test("sees every stage of every layer", () => {
    const calibration = calibrate(model, Uint16Array.from([1, 2, 3]));
    for (const stage of ["norm", "inner", "gate", "local", "mix", "product"] as const) {
      for (const layer of [0, 1]) expect(calibration.range(stage, layer).max).toBeGreaterThan(0);
    }
    expect(calibration.range("norm", 2).max).toBeGreaterThan(0.5);
    expect(calibration.residualMax).toBeGreaterThan(0.5);
  });

  test("writes the same text of its own every time", () => {
    const maxima = () => ["norm", "inner", "product"].map((stage) => calibrate(model).range(stage as "norm", 1).max);
    expect(maxima()).toEqual(maxima());
    expect(maxima()).not.toEqual(
      ["norm", "inner", "product"].map((stage) => calibrate(model, Uint16Array.of(0)).range(stage as "norm", 1).max),
    );
  });

  test("feeds a classifier random symbols", () => {
    const classifier = quantiseModel(config, randomTensors(config, 20, 3, 3), 20, 3);
    expect(calibrate(classifier).range("norm", 0).max).toBeGreaterThan(1);
  });
});
