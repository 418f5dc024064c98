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
    const calibration = calibrate(model, { streams: [Uint16Array.of(1, 2, 3)], rowsPerStep: 1 });
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
      ["norm", "inner", "product"].map((stage) => {
        const input = { streams: [Uint16Array.of(0)], rowsPerStep: 1 };
        return calibrate(model, input).range(stage as "norm", 1).max;
      }),
    );
  });

  test("feeds a classifier random symbols", () => {
    const classifier = quantiseModel(config, randomTensors(config, 20, 3, 3), 20, 3);
    expect(calibrate(classifier).range("norm", 0).max).toBeGreaterThan(1);
  });

  test("begins anew with every text", () => {
    const maxOf = (streams: Uint16Array[]) => calibrate(model, { streams, rowsPerStep: 1 }).range("product", 1).max;
    const [a, b] = [Uint16Array.of(4, 9, 2), Uint16Array.of(7, 1)];
    expect(maxOf([a, b])).toBe(Math.max(maxOf([a]), maxOf([b])));
    expect(maxOf([Uint16Array.of(...a, ...b)])).not.toBe(maxOf([a, b]));
  });

  test("feeds a sensor one row of each of its lists", () => {
    const sensor = quantiseModel(config, randomTensors(config, 20, 3, 3), 20, 3);
    const embed = sensor.tensors.get("embed")?.values as Int8Array;
    // Rows 0 to 4, 5 to 15 and 16 to 19 alike: every step then has the same x.
    for (const [from, to] of [
      [0, 5],
      [5, 16],
      [16, 20],
    ]) {
      for (let row = from; row < to; row++) embed.copyWithin(row * 8, from * 8, from * 8 + 8);
    }
    const parts = [{ missing: 0 }, { missing: 5 }, { missing: 16 }];
    const found = calibrate(sensor, undefined, parts).residualMax;
    const expected = calibrate(
      sensor,
      { streams: [new Uint16Array(3 * 512).map((_, i) => [3, 9, 19][i % 3])], rowsPerStep: 3 },
      parts,
    );
    expect(found).toBe(expected.residualMax);
  });
});
