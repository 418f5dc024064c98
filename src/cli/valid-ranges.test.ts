import { describe, expect, test } from "vitest";
import { UsageError } from "../model/errors.js";
import { outsideNotes, validRanges } from "./valid-ranges.js";

const names = ["temperature", "a=b"];

describe("validRanges", () => {
  test("are of all columns or of one, later ones win", () => {
    expect(validRanges([], names)).toEqual([undefined, undefined]);
    expect(validRanges(["temperature=-40..125"], names)).toEqual([{ least: -40, greatest: 125 }, undefined]);
    expect(validRanges(["a=b= 1.. 2", "-5...5"], names)).toEqual([
      { least: -5, greatest: 0.5 },
      { least: -5, greatest: 0.5 },
    ]);
    expect(validRanges(["0..4095", "a=b=1e3..1e3", "temperature=-9..-1.5"], names)).toEqual([
      { least: -9, greatest: -1.5 },
      { least: 1000, greatest: 1000 },
    ]);
  });

  test.each([
    ["4095", "it has no two numbers, expected a range such as 0..4095, or column=0..4095 for one column"],
    ["..4095", "it has no two numbers"],
    ["0..", "it has no two numbers"],
    ["0..x", "it has no two numbers"],
    ["0..Infinity", "it has no two numbers"],
    ["temperature=", "it has no two numbers"],
    ["1..-1", "1 is above -1, expected the least number first"],
    ["pressure=0..1", 'there is no column "pressure", expected one of "temperature", "a=b"'],
  ])("refuse %s", (word, message) => {
    expect(() => validRanges(["0..1", word], names)).toThrow(UsageError);
    expect(() => validRanges(["0..1", word], names)).toThrow(`Cannot use --valid "${word}": ${message}`);
  });
});

test("outsideNotes() count numbers, not gaps, in all tables", () => {
  const table = (...values: number[]) => ({
    columns: ["x", "y"].map((name) => ({ name, values: Float64Array.from(values) })),
    labels: values.map(() => ""),
    ...{ classes: [], starts: [0], notes: [] },
  });
  const tables = [table(0, 4095, 4096, Number.NaN), table(-1, 3)];
  expect(outsideNotes(tables, [{ least: 0, greatest: 4095 }, undefined])).toEqual([
    'In "x" 2 of 5 numbers lie outside of 0..4095: taken as missing.',
  ]);
  expect(outsideNotes(tables, [undefined, { least: -9, greatest: 9999 }])).toEqual([]);
});
