import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isBelow, upperBound } from "./binomial.js";
import { aurc, auroc, falsePositiveRate, stepsOf } from "./ranking.js";

/** Few different confidences, so that many are equal. */
const examples = fc.array(fc.record({ sure: fc.integer({ min: 0, max: 6 }), marked: fc.boolean() }), { maxLength: 30 });
type Examples = readonly { sure: number; marked: boolean }[];
const steps = (list: Examples) =>
  stepsOf(
    list.map(({ sure }) => sure),
    list.map(({ marked }) => marked),
  );

test("stepsOf() never parts equals", () => {
  expect(stepsOf([5, 9, 5, 1], [true, false, false, true])).toEqual([
    { threshold: 9, count: 1, marked: 0 },
    { threshold: 5, count: 3, marked: 1 },
    { threshold: 1, count: 4, marked: 2 },
  ]);
  expect(stepsOf([], [])).toEqual([]);
});

describe("auroc", () => {
  test("gives what can be counted by hand", () => {
    // Unmarked 9 and 5, marked 5 and 1: of four pairs three are right and one is equal.
    expect(auroc(stepsOf([5, 9, 5, 1], [true, false, false, true]))).toBe(3.5 / 4);
    expect(auroc(stepsOf([1, 2], [true, true]))).toBeNull();
    expect(auroc(stepsOf([1, 2], [false, false]))).toBeNull();
    expect(auroc([])).toBeNull();
  });

  test("is the share of ordered pairs", () => {
    fc.assert(
      fc.property(examples, (list) => {
        const pairs = list
          .filter(({ marked }) => !marked)
          .flatMap(({ sure }) => list.filter(({ marked }) => marked).map((other) => Math.sign(sure - other.sure)));
        const expected = pairs.reduce<number>((sum, sign) => sum + (sign + 1) / 2, 0) / pairs.length;
        if (pairs.length === 0) expect(auroc(steps(list))).toBeNull();
        else expect(auroc(steps(list))).toBeCloseTo(expected, 12);
      }),
    );
  });
});

describe("aurc", () => {
  test("is the mean of the risks of the surest", () => {
    expect(aurc(stepsOf([3, 2, 1], [false, true, false]))).toBeCloseTo((0 + 1 / 2 + 1 / 3) / 3, 15);
    expect(aurc(stepsOf([1, 1, 1], [false, true, false]))).toBeCloseTo(1 / 3, 15);
    expect(aurc([])).toBeNull();
  });

  test("among equals is the mean over every order", () => {
    // 3 is surest; then a right and a wrong one in either order.
    const orders = [
      [0, 0, 1 / 3],
      [0, 1 / 2, 1 / 3],
    ].map((risks) => risks.reduce((sum, risk) => sum + risk) / 3);
    expect(aurc(stepsOf([3, 2, 2], [false, true, false]))).toBeCloseTo((orders[0] + orders[1]) / 2, 15);
  });

  test("is the error rate of a signal that says nothing, and less for one that is right", () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 1, maxLength: 30 }), (marks) => {
        const rate = marks.filter(Boolean).length / marks.length;
        expect(
          aurc(
            stepsOf(
              marks.map(() => 4),
              marks,
            ),
          ),
        ).toBeCloseTo(rate, 12);
        const oracle = stepsOf(
          marks.map((marked) => (marked ? 0 : 1)),
          marks,
        );
        expect(aurc(oracle)).toBeLessThanOrEqual(rate + 1e-12);
      }),
    );
  });
});

describe("falsePositiveRate", () => {
  test("accepts the share of the unmarked that is asked for, and no more than it must", () => {
    const list = [4, 3, 2, 1].map((sure) => ({ sure, marked: false }));
    const marked = [3, 1].map((sure) => ({ sure, marked: true }));
    const found = (recall: number) => falsePositiveRate(steps([...list, ...marked]), recall);
    expect([0.25, 0.5, 0.75, 0.76, 1].map(found)).toEqual([0, 0.5, 0.5, 1, 1]);
    expect(falsePositiveRate(steps(list))).toBeNull();
  });

  test("is 0.95 of 20 without a rounding", () => {
    const unmarked = Array.from({ length: 20 }, (_, index) => ({ sure: 20 - index, marked: false }));
    expect(falsePositiveRate(steps([...unmarked, { sure: 1, marked: true }]))).toBe(0);
    expect(falsePositiveRate(steps([...unmarked, { sure: 2, marked: true }]))).toBe(1);
  });
});

describe("upperBound", () => {
  test.each([
    // 1 - 0.05^(1/n) where none was seen; the others from tables of Clopper-Pearson intervals of 90 %.
    [0, 10, 0.25887],
    [0, 300, 0.00994],
    [1, 10, 0.39416],
    [5, 10, 0.77756],
    [10, 10, 1],
  ])("of %d of %d is %d", (k, n, expected) => {
    expect(upperBound(k, n)).toBeCloseTo(expected, 4);
  });

  test("is where at most k of n have a chance of 5 %, also of many", () => {
    const chance = (k: number, n: number, p: number) => {
      let term = (1 - p) ** n;
      let sum = term;
      for (let i = 1; i <= k; i++) {
        term *= ((n - i + 1) / i) * (p / (1 - p));
        sum += term;
      }
      return sum;
    };
    const counts = fc
      .integer({ min: 1, max: 200 })
      .chain((n) => fc.tuple(fc.integer({ min: 0, max: n - 1 }), fc.constant(n)));
    fc.assert(
      fc.property(counts, ([k, n]) => {
        const bound = upperBound(k, n);
        if (bound < 0.95) expect(chance(k, n, bound)).toBeCloseTo(0.05, 6);
        expect(isBelow(k, n, bound + 1e-6)).toBe(true);
        expect(isBelow(k, n, bound - 1e-6)).toBe(false);
      }),
    );
    expect(isBelow(1, 10, 0)).toBe(false);
    expect(isBelow(0, 10, 1)).toBe(true);
    // Normal approximation: 0.1 + 1.645 sqrt(0.09 / 20000).
    expect(upperBound(2000, 20000)).toBeCloseTo(0.1035, 3);
  });
});
