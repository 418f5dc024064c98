import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { informedCuts } from "./informed-cuts.js";
import { intervalStarts } from "./intervals.js";

const cuts = (values: number[], labels: number[], classes: number, most = 9) => [
  ...informedCuts(Int32Array.from(values), Uint16Array.from(labels), classes, most),
];

describe("informedCuts", () => {
  test("cuts in the middle between the values that part two classes", () => {
    const values = [...Array(40).keys()].map((i) => (i < 20 ? i : i + 100));
    expect(
      cuts(
        values,
        values.map((value) => Number(value >= 100)),
        2,
      ),
    ).toEqual([70]);
  });

  test("finds both edges of a class in the middle, the better one first", () => {
    const values = [...Array(90).keys()];
    const labels = values.map((value) => Number(value >= 30 && value < 50));
    expect(cuts(values, labels, 2)).toEqual([30, 50]);
    expect(cuts(values, labels, 2, 1)).toHaveLength(1);
  });

  test("makes no cut that does not pay", () => {
    const values = [...Array(64).keys()];
    expect(
      cuts(
        values,
        values.map((value) => value % 2),
        2,
      ),
    ).toEqual([]);
    expect(
      cuts(
        values,
        values.map(() => 1),
        2,
      ),
    ).toEqual([]);
    expect(cuts([5, 5, 5], [0, 1, 0], 2)).toEqual([]);
  });

  test("gives increasing thresholds that have values on both sides, whatever the order", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer({ min: 0, max: 2 })), {
      minLength: 1,
      maxLength: 200,
    });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 6 }), (rows, most) => {
        const found = cuts(
          rows.map(([value]) => value),
          rows.map(([, label]) => label),
          3,
          most,
        );
        const turned = [...rows].reverse();
        expect(
          cuts(
            turned.map(([value]) => value),
            turned.map(([, label]) => label),
            3,
            most,
          ),
        ).toEqual(found);
        expect(found.length).toBeLessThanOrEqual(most);
        const edges = [Number.NEGATIVE_INFINITY, ...found, Number.POSITIVE_INFINITY];
        for (let i = 1; i < edges.length; i++)
          expect(rows.some(([value]) => value >= edges[i - 1] && value < edges[i])).toBe(true);
      }),
    );
  });
});

describe("intervalStarts() with cuts", () => {
  test("keeps them and halves what lies between", () => {
    const sorted = Int32Array.from({ length: 16 }, (_, i) => i * 10);
    expect([...intervalStarts(sorted, 4, Int32Array.of(35))]).toEqual([35, 70, 100]);
    expect([...intervalStarts(sorted, 2, Int32Array.of(35))]).toEqual([35]);
  });
});
