import { describe, expect, test } from "vitest";
import { FailureError } from "../model/errors.js";
import {
  factorScale,
  GAIN_MAX,
  gainScale,
  headroomShift,
  largestMagnitude,
  roundTo,
  SCALE_MAX,
} from "./fixed-point.js";

describe("gainScale()", () => {
  test.each([1, 0.7, 3.3e-5, 123.456, 8000, GAIN_MAX, 1.5e-5])("writes %d with a full multiplier", (gain) => {
    const { multiplier, shift } = gainScale(gain, "x");
    expect(multiplier).toBeGreaterThanOrEqual(2 ** 14);
    expect(multiplier).toBeLessThan(2 ** 15);
    expect(shift).toBeGreaterThanOrEqual(2);
    expect(shift).toBeLessThanOrEqual(31);
    expect(Math.abs(multiplier / 2 ** shift / gain - 1)).toBeLessThan(2 ** -15);
  });

  test("gives up bits of the multiplier when the shift would pass 31", () => {
    expect(gainScale(100 / 2 ** 31, "x")).toEqual({ multiplier: 100, shift: 31 });
    expect(gainScale(0.1 / 2 ** 31, "x")).toEqual({ multiplier: 0, shift: 31 });
  });

  test("writes 0 as the unused scale", () => {
    expect(gainScale(0, "x")).toEqual({ multiplier: 0, shift: 2 });
  });

  test("takes a last bit above the limit for the limit", () => {
    expect(gainScale(GAIN_MAX * (1 + 1e-12), "x")).toEqual({ multiplier: 32767, shift: 2 });
  });

  test.each([GAIN_MAX * 1.001, Infinity, Number.NaN, -1])("refuses %d, naming the tensor", (gain) => {
    expect(() => gainScale(gain, "layers.3.out")).toThrow(FailureError);
    expect(() => gainScale(gain, "layers.3.out")).toThrow('the tensor "layers.3.out" needs a scale of');
  });
});

test("factorScale() has 15 bits more to the right", () => {
  expect(factorScale(0.125, "x")).toEqual({ multiplier: 2 ** 14, shift: 2 });
  expect(factorScale(SCALE_MAX, "x")).toEqual({ multiplier: 32767, shift: 2 });
});

test("headroomShift() is the largest that fits", () => {
  expect(headroomShift(1, 32767)).toBe(14);
  expect(headroomShift(0.9999, 32767)).toBe(15);
  expect(headroomShift(40000, 32767)).toBe(0);
  expect(headroomShift(1e-9, 32767)).toBe(31);
  expect(headroomShift(0, 32767)).toBe(0);
});

test("roundTo() rounds, clips, and has no negative zero", () => {
  expect([roundTo(2.5, 9), roundTo(-11.2, 9), roundTo(1e9, 9)]).toEqual([3, -9, 9]);
  expect(Object.is(roundTo(-0.2, 9), 0)).toBe(true);
});

test("largestMagnitude() of nothing is 0", () => {
  expect(largestMagnitude([])).toBe(0);
  expect(largestMagnitude([1, -7, 3])).toBe(7);
});
