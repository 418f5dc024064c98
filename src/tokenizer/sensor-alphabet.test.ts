import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FailureError, UsageError } from "../model/errors.js";
import { intervalStarts } from "./intervals.js";
import { MISSING, SensorAlphabet } from "./sensor-alphabet.js";

const column = (name: string, ...values: number[]) => ({ name, values: Float64Array.from(values) });
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const fitOne = (values: number[], levels = 4, differences = 0) =>
  SensorAlphabet.fit([column("x", ...values)], levels, differences);

/** Thresholds, decimals and ranges given by hand. */
function made(
  ...columns: { decimals?: number; least?: number; greatest?: number; values?: number[]; differences?: number[] }[]
): SensorAlphabet {
  const full = columns.map((one, index) => ({
    ...{ name: `c${index}`, decimals: 0, least: -(2 ** 30), greatest: 2 ** 30 - 1 },
    ...{ values: [], differences: [], ...one },
  }));
  return SensorAlphabet.fromJson({ kind: "sensor", columns: full });
}

describe("intervalStarts", () => {
  const starts = (values: number[], intervals: number) => [...intervalStarts(Int32Array.from(values), intervals)];

  test("are quantiles of values that all differ", () => {
    expect(starts(range(0, 16), 4)).toEqual([4, 8, 12]);
    expect(starts(range(0, 16), 2)).toEqual([8]);
    expect(starts(range(0, 9), 3)).toEqual([4, 6]);
  });

  test("give few distinct values an interval each", () => {
    expect(starts([1, 1, 1, 5, 9, 9], 3)).toEqual([5, 9]);
    expect(starts([1, 1, 1, 5, 9, 9], 64)).toEqual([5, 9]);
    expect(starts([7, 7], 64)).toEqual([]);
  });

  test("set a frequent value apart, wherever it lies, and share the rest of the intervals evenly", () => {
    const zeros = new Array(100).fill(0);
    expect(starts([...range(-8, 0), ...zeros, ...range(1, 9)], 6)).toEqual([-6, -4, 0, 1, 5]);
    expect(starts([...zeros, ...range(1, 9)], 5)).toEqual([1, 3, 5, 7]);
    expect(starts([...range(-8, 0), ...zeros], 5)).toEqual([-6, -4, -2, 0]);
  });

  test("rise, are values, and leave no interval empty", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: -20, max: 20 }), { minLength: 1 }),
        fc.integer({ min: 2, max: 64 }),
        (values, most) => {
          const sorted = values.sort((a, b) => a - b);
          const cuts = starts(sorted, most);
          expect(cuts.length).toBe(Math.min(most, new Set(sorted).size) - 1);
          expect(cuts).toEqual([...new Set(cuts)].sort((a, b) => a - b));
          for (const cut of cuts) expect(sorted).toContain(cut);
          expect(cuts).not.toContain(sorted[0]);
        },
      ),
    );
  });
});

test("parts() are the columns and the rows of what is missing", () => {
  const sensor = made({ values: [1, 2], differences: [0] }, { differences: [-1, 1] }, { values: [5] });
  expect(sensor.parts()).toEqual([
    { column: 0, missing: 0 },
    { column: 0, missing: 4 },
    { column: 1, missing: 7 },
    { column: 2, missing: 11 },
  ]);
  expect([...sensor.rows(Int32Array.of(MISSING, MISSING, MISSING))]).toEqual([0, 4, 7, 11]);
});

describe("SensorAlphabet.fit: decimals", () => {
  const decimalsOf = (values: number[]) => fitOne(values).columns[0].decimals;
  const cases: [string, number[], number][] = [
    ["whole numbers", [0, 100, 2_000_000], 0],
    ["tenths", [0.1, 23.7, 25], 1],
    ["a number that binary has not exactly", [1.005, 1.5], 3],
    ["halves", [20.5, 21], 1],
    ["more places than five digits of the spread", [0.004764163, 0.009], 7],
    ["a spread of six digits", [0, 0.01, 1000], 1],
    ["a small spread far from zero", [100_000.001, 100_000.002], 3],
    ["a small spread too far from zero", [10_000_000.0001, 10_000_000.0002], 1],
    ["large numbers", [0, 2 ** 29 - 1], 0],
    ["larger numbers", [0, 2 ** 29], -1],
    ["much larger numbers", [-7e20, 1], -13],
    ["a constant", [0.25, 0.25], 2],
    ["zero", [0, 0], 0],
    ["numbers below the smallest unit", [1e-40, 2e-40], 22],
  ];
  test.each(cases)("of %s", (_, values, decimals) => {
    expect(decimalsOf(values)).toBe(decimals);
  });

  test("are not spoilt by one absurd reading among many, which is then missing", () => {
    const alphabet = fitOne([...range(0, 2000).map((i) => 20 + i / 100), 1e30]);
    expect(alphabet.columns[0].decimals).toBe(2);
    expect([...alphabet.toRaw([20.01, 1e30])]).toEqual([2001, MISSING]);
  });

  test("do not grow for a few readings at either end", () => {
    expect(decimalsOf([...range(0, 2000).map((i) => 20 + i / 100), 1.2345, 99.8765])).toBe(2);
  });

  test("count a rare value where all others are equal", () => {
    expect(decimalsOf([...new Array(5000).fill(0), 0.5])).toBe(1);
  });
});

describe("SensorAlphabet.fit: thresholds", () => {
  test("are raw values between which each distinct value has its own interval", () => {
    const { values } = fitOne([20.5, 21, 21, 22, Number.NaN, Number.POSITIVE_INFINITY], 4).columns[0];
    expect([...values]).toEqual([210, 220]);
  });

  test("of differences are of neighbours in the same series, both there", () => {
    const values = [1, 2, 4, Number.NaN, 9, 109, 112];
    const alphabet = SensorAlphabet.fit([column("x", ...values)], 0, 8, [0, 5]);
    // 1, 2 and 3: not 100, and none beside the missing number.
    expect([...alphabet.columns[0].differences]).toEqual([2, 3]);
  });

  test("give a frequent zero difference an interval of its own", () => {
    const steps = [...new Array(50).fill(0), ...range(-10, 11)];
    let level = 0;
    const { differences } = fitOne(
      steps.map((step) => (level += step)),
      0,
      8,
    ).columns[0];
    expect([...differences]).toEqual(expect.arrayContaining([0, 1]));
  });

  test("of a constant column give every number the trained row", () => {
    const alphabet = fitOne([5, 5, 5], 8, 8);
    expect([...alphabet.columns[0].values]).toEqual([MISSING]);
    expect([...alphabet.rows(Int32Array.of(5, 5, -9, 2 ** 29))]).toEqual([2, 3, 2, 5, 2, 5, 2, 5]);
  });

  test("may need 1024 rows, of 64 columns", () => {
    const columns = range(0, 64).map((i) => column(`${i}`, ...range(0, 99)));
    const alphabet = SensorAlphabet.fit(columns, 15, 0);
    expect(alphabet.size).toBe(1024);
    expect(SensorAlphabet.fromJson(alphabet.toJson())).toEqual(alphabet);
  });

  test("leave out differences where no two neighbours are numbers", () => {
    const alphabet = fitOne([1, Number.NaN, 2], 8, 8);
    expect(alphabet.columns[0].differences.length).toBe(0);
    expect([alphabet.size, alphabet.rowsPerStep]).toEqual([3, 1]);
  });

  const nan = Number.NaN;
  const bad: [string, () => SensorAlphabet, string][] = [
    ["a column of nothing", () => fitOne([nan, nan]), '"x": none of its 2 values is a number in range; leave it out'],
    ["only differences of no neighbours", () => fitOne([1, nan, 2], 0, 8), "no two neighbours are numbers"],
    ["no columns", () => SensorAlphabet.fit([], 4, 4), "there are 0 columns, expected 1 to 64"],
    [
      "65 columns",
      () =>
        SensorAlphabet.fit(
          range(0, 65).map((i) => column(`${i}`, 1)),
          4,
          4,
        ),
      "there are 65 columns",
    ],
    ["one level", () => fitOne([1, 2], 1), "levels is 1, expected 2 to 64, or 0 for none"],
    ["65 differences", () => fitOne([1, 2], 2, 65), "differences is 65"],
    ["neither", () => fitOne([1, 2], 0, 0), "levels and differences are 0"],
    [
      "unequal columns",
      () => SensorAlphabet.fit([column("a", 1), column("b", 1, 2)], 4, 4),
      '"b" has 2 values, expected 1',
    ],
    [
      "too many rows",
      () =>
        SensorAlphabet.fit(
          range(0, 16).map((i) => column(`${i}`, ...range(0, 999))),
          64,
          0,
        ),
      "1040 rows, expected at most 1024",
    ],
  ];
  test.each(bad)("refuse %s", (_, fit, message) => {
    expect(fit).toThrow(UsageError);
    expect(fit).toThrow(message);
  });
});

describe("SensorAlphabet: ranges", () => {
  const ranged = (least: number, greatest: number, values: number[], ...sizes: [levels: number, differences: number]) =>
    SensorAlphabet.fit([{ ...column("x", ...values), valid: { least, greatest } }], ...sizes);

  test("leave out codes that training saw and those that it did not", () => {
    const alphabet = ranged(0, 4095, [10, 20, -999, 30, 40, 65535], 64, 64);
    expect(alphabet.columns[0]).toMatchObject({ least: 0, greatest: 4095, decimals: 0 });
    expect([...alphabet.columns[0].values]).toEqual([20, 30, 40]);
    // 10 to 20 and 30 to 40 alone: all differences are 10.
    expect([...alphabet.columns[0].differences]).toEqual([MISSING]);
    expect([...alphabet.toRaw([4095, 4096, 0, -1, 65535, -998])]).toEqual([
      4095,
      MISSING,
      0,
      MISSING,
      MISSING,
      MISSING,
    ]);
    expect([...alphabet.rows(Int32Array.of(10, 65535, 40, 40))]).toEqual([1, 5, 0, 5, 4, 5, 4, 7]);
  });

  test("have a say in the decimals", () => {
    const values = [...range(0, 50).map((i) => i / 10), 0.12345];
    expect(fitOne(values).columns[0].decimals).toBe(4);
    expect(ranged(0.2, 9, values, 4, 0).columns[0]).toMatchObject({ decimals: 1, least: 2, greatest: 90 });
  });

  test("end at the last raw numbers inside of them", () => {
    const rawOf = (least: number, greatest: number) => ranged(least, greatest, [0.1, 0.5, 1], 4, 0).columns[0];
    expect(rawOf(0.07, 1.09)).toMatchObject({ decimals: 1, least: 1, greatest: 10 });
    expect(rawOf(-0.04, 1.1)).toMatchObject({ least: 0, greatest: 11 });
    expect(rawOf(-0.3, 1e30)).toMatchObject({ least: -3, greatest: 2 ** 30 - 1 });
    expect(fitOne([1, 2]).columns[0]).toMatchObject({ least: -(2 ** 30), greatest: 2 ** 30 - 1 });
  });

  test("may be replaced, the intervals kept", () => {
    const alphabet = made({ decimals: 1, values: [5] }, { least: -3, greatest: 3, values: [0] });
    const other = alphabet.withValid([{ least: 0.5, greatest: 2 }, undefined]);
    expect(other.columns[0]).toEqual({ ...alphabet.columns[0], least: 5, greatest: 20 });
    expect(other.columns[1]).toEqual(alphabet.columns[1]);
    expect([...other.rows(Int32Array.of(4, 4, 5, 3))]).toEqual([0, 3, 2, 5]);
    expect(() => alphabet.withValid([{ least: 0.51, greatest: 0.59 }])).toThrow(
      'Cannot use the range 0.51..0.59 of the column "c0": with its 1 decimals no number lies in it',
    );
  });

  test("refuse a column all of which lies outside", () => {
    expect(() => ranged(0, 1, [5, 6], 4, 4)).toThrow('"x": none of its 2 values is a number in range');
    expect(() => ranged(0.2, 0.8, [5, 6], 4, 4)).toThrow('Cannot use the range 0.2..0.8 of the column "x"');
  });
});

describe("SensorAlphabet.toRaw", () => {
  test("rounds to units of each column and says what is missing", () => {
    const alphabet = made({ decimals: 1, values: [0] }, { decimals: -2, differences: [0] });
    expect([...alphabet.toRaw([20.46, 1234, -0.04, 1e11, Number.NaN, -Number.POSITIVE_INFINITY])]).toEqual([
      205,
      12,
      0,
      1e9,
      MISSING,
      MISSING,
    ]);
  });

  test("takes -2^30 to 2^30 - 1", () => {
    const raw = made({ values: [0] }).toRaw([2 ** 30 - 1, 2 ** 30, -(2 ** 30), -(2 ** 30) - 1]);
    expect([...raw]).toEqual([2 ** 30 - 1, MISSING, -(2 ** 30), MISSING]);
  });

  test("refuses a part of a step", () => {
    const alphabet = made({ values: [0] }, { values: [0] });
    expect(() => alphabet.toRaw([1, 2, 3])).toThrow("there are 3 numbers, expected 2 for each step");
    expect(() => alphabet.rows(Int32Array.of(1))).toThrow("there are 1 numbers, expected 2 for each step");
  });
});

describe("SensorAlphabet.rows", () => {
  test("are those of the example", () => {
    const sensor = SensorAlphabet.fit([column("celsius", 20.5, 20.5, 21, 22)], 4, 2);
    expect([...sensor.rows(sensor.toRaw([20.5, 30]))]).toEqual([1, 4, 3, 6]);
  });

  test("number the lists column by column, values first, 0 of each for what is missing", () => {
    const alphabet = made({ values: [0, 10], differences: [1] }, { differences: [-5] }, { values: [7] });
    expect([alphabet.size, alphabet.rowsPerStep]).toEqual([4 + 3 + 3 + 3, 4]);
    const samples = Int32Array.of(-1, 0, 6, /* */ 0, -5, 7, /* */ 10, -11, MISSING, /* */ MISSING, 2 ** 30, 8);
    expect([...alphabet.rows(samples)]).toEqual(
      [
        [1, 0, 0, 1],
        [2, 2, 2, 2],
        [3, 2, 1, 0],
        [0, 0, 0, 2],
      ].flatMap(([a, b, c, d]) => [a, 4 + b, 7 + c, 10 + d]),
    );
  });

  test("have no differences at the starts of series", () => {
    const alphabet = made({ differences: [1] });
    const samples = Int32Array.of(5, 6, 8, 8);
    expect([...alphabet.rows(samples)]).toEqual([0, 2, 2, 1]);
    expect([...alphabet.rows(samples, [0, 2])]).toEqual([0, 2, 0, 1]);
  });

  test("hold the greatest differences there are", () => {
    const samples = Int32Array.of(-(2 ** 30), 2 ** 30 - 1, -(2 ** 30));
    expect([...made({ differences: [1 - 2 ** 31, 2 ** 31 - 1] }).rows(samples)]).toEqual([0, 3, 2]);
  });
});

describe("SensorAlphabet.fromJson", () => {
  test("undoes toJson", () => {
    const values = fc.array(fc.oneof(fc.double(), fc.integer({ min: -9, max: 9 })), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(values, fc.integer({ min: 2, max: 64 }), (numbers, levels) => {
        fc.pre(numbers.some((number) => Math.abs(number) < 1e30));
        const alphabet = fitOne(numbers, levels, 5);
        const again = SensorAlphabet.fromJson(JSON.parse(JSON.stringify(alphabet.toJson())));
        expect(again).toEqual(alphabet);
        expect(Math.max(...alphabet.rows(alphabet.toRaw(numbers)))).toBeLessThan(alphabet.size);
      }),
    );
  });

  const one = { name: "x", decimals: 0, least: -9, greatest: 9, values: [1, 2], differences: [] };
  const sensor = (...columns: unknown[]) => ({ kind: "sensor", columns });
  const bad: [unknown, string][] = [
    [null, 'expected {"kind": "sensor", "columns"}'],
    [{ kind: "bytes", columns: [one] }, 'expected {"kind": "sensor"'],
    [sensor(), "with 1 to 64 columns"],
    [sensor(...new Array(65).fill(one)), "with 1 to 64 columns"],
    [sensor(null), "column 1 has no name"],
    [sensor(one, { ...one, name: 3 }), "column 2 has no name"],
    [sensor({ ...one, decimals: 0.5 }), "column 1 has the decimals 0.5, expected -22 to 22"],
    [sensor({ ...one, decimals: 23 }), "the decimals 23"],
    [
      sensor({ ...one, least: undefined }),
      "column 1 has the range undefined..9, expected whole numbers from -1073741824",
    ],
    [sensor({ ...one, least: 10 }), "column 1 has the range 10..9"],
    [sensor({ ...one, greatest: 2 ** 30 }), "the range -9..1073741824"],
    [sensor({ ...one, least: -(2 ** 30) - 1 }), "the range -1073741825..9"],
    [sensor({ ...one, least: 0.5 }), "the range 0.5..9"],
    [sensor({ ...one, values: [] }), "column 1 has no thresholds"],
    [sensor({ ...one, values: "12" }), "the values of column 1 are not at most 63 whole numbers"],
    [sensor({ ...one, values: [2, 2] }), "that rise"],
    [sensor({ ...one, values: [1.5] }), "whole numbers"],
    [sensor({ ...one, values: [2 ** 31] }), "of 32 bits"],
    [sensor({ ...one, differences: range(0, 64) }), "the differences of column 1 are not at most 63"],
    [sensor(...new Array(64).fill({ ...one, values: range(0, 15) })), "it has 1088 rows, expected at most 1024"],
  ];
  test.each(bad.map(([json, message]) => [message, json] as const))("refuses: %s", (message, json) => {
    expect(() => SensorAlphabet.fromJson(json)).toThrow(FailureError);
    expect(() => SensorAlphabet.fromJson(json)).toThrow(message);
  });
});
