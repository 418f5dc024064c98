import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../model/errors.js";
import { SensorAlphabet } from "../tokenizer/sensor-alphabet.js";
import { parseCsv } from "./csv.js";
import { readTable } from "./examples.js";
import {
  interleaved,
  readSensorTable,
  type SensorOptions,
  type SensorTable,
  splitSensorTable,
} from "./sensor-table.js";

const read = (text: string, options?: SensorOptions) => readSensorTable(parseCsv(text, "a.csv"), options);
const namesOf = (table: SensorTable) => table.columns.map(({ name }) => name);
const valuesOf = (table: SensorTable) => table.columns.map(({ values }) => [...values]);
const nan = Number.NaN;

describe("readSensorTable", () => {
  test("takes the columns of numbers but row numbers, times and words, and says so", () => {
    const table = read("id,n,Time,room,t,h,label\n7,1,5,a,20.5,1e2,on\n3,2,6,b,21,-.5,off\n9,3,9,c,22,3,\n");
    expect(namesOf(table)).toEqual(["t", "h"]);
    expect(valuesOf(table)).toEqual([
      [20.5, 21, 22],
      [100, -0.5, 3],
    ]);
    expect([table.labels, table.classes, table.starts]).toEqual([["on", "off", ""], ["off", "on"], [0]]);
    expect(table.notes).toEqual([
      'Columns of "a.csv" not used, as they are not measurements: "id", "n", "Time", "room".',
      '1 of 3 rows of "a.csv" have no class: read, but not learned.',
    ]);
  });

  test("counts what is missing and what is no number, for each column", () => {
    const table = read("a,b,label\nNaN,1,x\n,2,y\n n/a ,err,x\n4,0x10,y\n5,off,x\n6,err,y\n7,7,y\n8,8,y\n");
    expect(valuesOf(table)).toEqual([
      [nan, nan, nan, 4, 5, 6, 7, 8],
      [1, 2, nan, nan, nan, nan, 7, 8],
    ]);
    expect(table.notes).toEqual([
      'In "a" of "a.csv" 3 of 8 numbers are missing: taken as missing.',
      'In "b" of "a.csv" 4 of 8 fields are not numbers ("err", "0x10", "off"): taken as missing.',
    ]);
  });

  test("takes decimal commas where semicolons separate", () => {
    expect(valuesOf(read("a;b;class\n1,5;-2,25;x\n2;3.5;y\n1,000,5;1;y\n"))).toEqual([
      [1.5, 2, nan],
      [-2.25, 3.5, 1],
    ]);
  });

  test("does not mind space around fields and names", () => {
    const table = read(" id , a , label \n 7 , 1 , x \n 9 , 5,y\n");
    expect([namesOf(table), valuesOf(table), table.labels]).toEqual([["a"], [[1, 5]], ["x", "y"]]);
    expect(valuesOf(read("a;label\n 1,5 ;x\n 2 ;y\n"))).toEqual([[1.5, 2]]);
  });

  test("puts the rows of a series together, in their order", () => {
    const table = read("s,v,label\nb,1,x\na,5,x\nb,1,y\na,7,y\nc,3,x\n", { seriesColumn: "s" });
    expect([valuesOf(table), table.labels, table.starts]).toEqual([
      [[1, 1, 5, 7, 3]],
      ["x", "y", "x", "y", "x"],
      [0, 2, 4],
    ]);
  });

  test("takes columns by name and number, an index too when asked, and no header", () => {
    expect(namesOf(read("id,a,b,on\n1,2,3,x\n2,2,4,y\n", { columns: ["b", 1], labelColumn: "on" }))).toEqual([
      "b",
      "id",
    ]);
    const bare = read("1.5,x,3\n2.5,y,4\n2.5,x,6\n", { labelColumn: 2 });
    expect([namesOf(bare), valuesOf(bare)]).toEqual([
      ["1", "3"],
      [
        [1.5, 2.5, 2.5],
        [3, 4, 6],
      ],
    ]);
  });

  test("does not use a column without any number, and does use one number", () => {
    expect(namesOf(read("a,b,label\n1,,x\n4,,y\n"))).toEqual(["a"]);
    expect(namesOf(read("a\n5\n", { unlabelled: true }))).toEqual(["a"]);
  });

  test("does without classes when asked", () => {
    const table = read("a,b\n1,2\n4,5\n", { unlabelled: true });
    expect([namesOf(table), table.labels]).toEqual([
      ["a", "b"],
      ["", ""],
    ]);
    expect(read("a,label\n1,x\n4,y\n", { unlabelled: true }).labels).toEqual(["x", "y"]);
  });

  const bad: [string, string, SensorOptions, string][] = [
    [
      "no label column",
      "a,b\n1,2\n",
      {},
      'none is known to hold the classes: the columns are "a", "b"; choose it with --label.',
    ],
    ["no header", "1,2\n3,4\n", {}, "the first line looks like data"],
    [
      "an unknown column",
      "a,label\n1,x\n",
      { columns: ["b"] },
      'there is no column "b" but "a", "label"; correct --columns.',
    ],
    ["an unknown series", "a,label\n1,x\n", { seriesColumn: "b" }, "correct --series."],
    ["no numbers", "a,date,label\nx,5,1\ny,6,2\n", {}, "none but the label has numbers that were measured"],
    [
      "the label as number",
      "a,label\n1,1\n2,2\n",
      { columns: ["a", "label"] },
      '"label" is to be both number and label',
    ],
    ["two columns of a name", "a,a,label\n1,2,x\n1,5,y\n", {}, '"a" is there twice; rename one'],
    ["a column twice", "a,label\n1,x\n1,y\n", { columns: ["a", 1] }, '"a" is there twice'],
    ["a column without a name", "1.5,x\n2.5,y\n", { columns: [2], labelColumn: 2 }, "column 2 is to be both number"],
    ["one class", "a,label\n1,x\n1,\n", {}, 'the only class is "x", expected two or more'],
    ["no class", "a,label\n1,\n1,\n", {}, "there is no class"],
  ];
  test.each(bad)("refuses %s", (_, text, options, message) => {
    expect(() => read(text, options)).toThrow(UsageError);
    expect(() => read(text, options)).toThrow(message);
  });
});

describe("splitSensorTable", () => {
  /** A table whose values count its steps. */
  const made = (lengths: readonly number[], label = (step: number) => `${step % 2}`): SensorTable => {
    const steps = Array.from({ length: lengths.reduce((sum, length) => sum + length, 0) }, (_, step) => step);
    const starts = lengths.map((_, index) => lengths.slice(0, index).reduce((sum, length) => sum + length, 0));
    return {
      columns: [{ name: "a", values: Float64Array.from(steps) }],
      labels: steps.map(label),
      classes: ["0", "1"],
      starts,
      notes: ["n"],
    };
  };

  test("holds out the end of every series, behind a gap", () => {
    const { training, validation } = splitSensorTable(made([10, 5]), { validation: 0.2, gap: 1 });
    expect(valuesOf(training)).toEqual([[0, 1, 2, 3, 4, 5, 6, 10, 11, 12]]);
    expect(valuesOf(validation)).toEqual([[8, 9, 14]]);
    expect([training.starts, validation.starts]).toEqual([
      [0, 7],
      [0, 2],
    ]);
    expect(validation.labels).toEqual(["0", "1", "0"]);
    expect([training.notes, validation.notes]).toEqual([["n"], ["n"]]);
  });

  test("may hold out half", () => {
    const { training, validation } = splitSensorTable(made([4]), { validation: 0.5, gap: 0 });
    expect([valuesOf(training), valuesOf(validation)]).toEqual([[[0, 1]], [[2, 3]]]);
  });

  test("keeps a series whole of which nothing is held out, and drops one that the gap eats", () => {
    const { training, validation } = splitSensorTable(made([2, 4, 20]), { validation: 0.2, gap: 3 });
    expect([training.starts, validation.starts]).toEqual([
      [0, 2],
      [0, 1],
    ]);
    expect(valuesOf(training)[0].slice(0, 3)).toEqual([0, 1, 6]);
  });

  test("gives each step to one part at most, every training step of a series before its validation", () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(lengths, fc.double({ min: 0, max: 0.5, noNaN: true }), (series, share) => {
        // Of a series of one step, half is all of it: with no other there is nothing to learn from, which is refused.
        fc.pre(series.some((length) => Math.round(length * share) < length));
        const table = made(series);
        const { training, validation } = splitSensorTable(table, { validation: share, gap: 0 });
        const all = [...valuesOf(training)[0], ...valuesOf(validation)[0]];
        expect(all.sort((a, b) => a - b)).toEqual([...table.columns[0].values]);
        for (const step of valuesOf(validation)[0]) {
          const start = Math.max(...table.starts.filter((first) => first <= step));
          const later = valuesOf(training)[0].filter((other) => other > step);
          expect(later.every((other) => table.starts.some((first) => first > start && first <= other))).toBe(true);
        }
      }),
    );
  });

  test("names classes that are only held out", () => {
    const table = made([10], (step) => (step < 9 ? "ok" : "fault"));
    const { training } = splitSensorTable(table, { validation: 0.2, gap: 0 });
    expect(training.notes[1]).toBe(
      'Classes that occur only at the end of series, so that they are not learned: "fault".',
    );
  });

  test.each([
    [{ validation: 0.6, gap: 0 }, "the share for validation is 0.6, expected 0 to 0.5"],
    [{ validation: 0.2, gap: -1 }, "the gap is -1 steps"],
    [{ validation: 0.2, gap: 99 }, "a gap of 99 steps leaves nothing"],
  ])("refuses %j", (options, message) => {
    expect(() => splitSensorTable(made([10]), options)).toThrow(UsageError);
    expect(() => splitSensorTable(made([10]), options)).toThrow(message);
  });
});

test("interleaved() gives the samples that an alphabet takes", () => {
  const table = read("a,b,label\n1,20,x\n2,,y\n4,25,x\n");
  expect([...interleaved(table)]).toEqual([1, 20, 2, nan, 4, 25]);
  const sensor = SensorAlphabet.fit(table.columns, 4, 0, table.starts);
  expect([...sensor.rows(sensor.toRaw(interleaved(table)), table.starts)]).toEqual([1, 5, 2, 4, 3, 6]);
});

const data = process.env.ATOME_DATA;
test.skipIf(!data)("occupancy detection (skipped without ATOME_DATA)", () => {
  const path = join(data as string, "occupancy-detection", "datatraining.txt");
  const table = readSensorTable(readTable(path), { labelColumn: "Occupancy" });
  expect(namesOf(table)).toEqual(["Temperature", "Humidity", "Light", "CO2", "HumidityRatio"]);
  expect(table.labels.filter((label) => label === "1")).toHaveLength(1729);
  expect(table.notes).toEqual([`Columns of "${path}" not used, as they are not measurements: column 1, "date".`]);
  const { training, validation } = splitSensorTable(table, { validation: 0.2, gap: 0 });
  expect([training.labels.length, validation.labels.length]).toEqual([6514, 1629]);
  const sensor = SensorAlphabet.fit(training.columns, 32, 16);
  expect(sensor.columns.map(({ decimals }) => decimals)).toEqual([4, 3, 2, 2, 7]);
  expect(sensor.columns.map(({ values }) => values.length)).toEqual([31, 31, 31, 31, 31]);
  expect(sensor.rowsPerStep).toBe(10);
});
