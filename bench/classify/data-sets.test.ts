import { describe, expect, test } from "vitest";
import { nab, occupancy } from "./series-sets.mjs";
import { clinc, clincDevice, fnv, sms, snips } from "./text-sets.mjs";

const data = process.env.ATOME_DATA ?? "";
const counts = (labels: Int16Array) => {
  const found: Record<number, number> = {};
  for (const label of labels) found[label] = (found[label] ?? 0) + 1;
  return found;
};

test("fnv() is FNV-1a of 32 bits", () => {
  // Noll's test vectors.
  expect([fnv(""), fnv("a"), fnv("foobar")]).toEqual([0x811c9dc5, 0xe40c292c, 0xbf9cf968]);
});

describe.skipIf(!data)("the data sets, read from ATOME_DATA", () => {
  test("SNIPS has its official split", () => {
    const { classes, parts } = snips(data);
    expect(classes).toHaveLength(7);
    expect([parts.train, parts.validation, parts.test].map(({ texts }) => texts.length)).toEqual([13084, 700, 700]);
    expect(counts(parts.test.labels)[classes.indexOf("AddToPlaylist")]).toBe(124);
  });

  test("CLINC150 has its official split and its queries of none", () => {
    const { classes, parts } = clinc(data);
    expect(classes).toHaveLength(150);
    expect([parts.train, parts.validation, parts.test].map(({ labels }) => counts(labels)[-1])).toEqual([
      100, 100, 1000,
    ]);
    expect(parts.test.texts).toHaveLength(5500);
    expect(new Set(Object.values(counts(parts.train.labels)))).toEqual(new Set([100]));
  });

  test("the device's subset has six intents and all queries of none", () => {
    const { classes, parts } = clincDevice(data);
    expect(counts(parts.test.labels)).toEqual({
      "-1": 1000,
      ...Object.fromEntries(classes.map((_: string, i: number) => [i, 30])),
    });
    expect(parts.train.texts[0]).toMatch(/timer/);
    expect(classes[parts.train.labels[0]]).toBe("timer");
  });

  test("messages that are alike stay on one side", () => {
    const { classes, parts } = sms(data);
    // Letters alone, of the words without digits.
    const keyOf = (text: string) =>
      text
        .toLowerCase()
        .replace(/[^\s.,!?;:]*\d[^\s.,!?;:]*/g, "")
        .replace(/[^a-z]/g, "");
    const keys = Object.values(parts).map(({ texts }) => new Set<string>(texts.map(keyOf)));
    const shared = [...keys[2]].filter((key) => keys[0].has(key) || keys[1].has(key));
    expect(shared).toEqual([]);
    const sizes = Object.values(parts).map(({ labels }) => counts(labels)[classes.indexOf("spam")]);
    expect(sizes.reduce((a, b) => a + b, 0)).toBe(747);
    expect(sizes[0] / 747).toBeCloseTo(0.7, 2);
    expect(sizes[2] / 747).toBeCloseTo(0.2, 2);
  });

  test("occupancy is read by column, in time, and split where the training ends", () => {
    const { columns, parts } = occupancy(data);
    expect(columns).toHaveLength(5);
    expect([...parts.test.samples.subarray(0, 3)]).toEqual([23.7, 26.272, 585.2]);
    expect(counts(parts.test2.labels)).toEqual({ 0: 7703, 1: 2049 });
    expect(parts.train.labels.length + parts.validation.labels.length).toBe(8143);
  });

  test("NAB's files are in one part each, by their probation, with their windows", () => {
    const { parts } = nab(data);
    type Series = { name: string; begin: number; end: number; windows: number[][] };
    const series: Series[] = Object.values(parts).flatMap((part) => part.series);
    expect(new Set(series.map(({ name }) => name)).size).toBe(58);
    expect(series.reduce((sum, { windows }) => sum + windows.length, 0)).toBe(116);
    const { labels, samples } = parts.train;
    const { begin, end, windows } = (parts.train.series as Series[])[4];
    const probation = Math.floor(0.15 * (end - begin));
    expect(labels.subarray(begin, begin + probation).every((label) => label === -1)).toBe(true);
    expect(labels[begin + probation]).toBe(0);
    const early = samples.subarray(begin, begin + probation);
    expect(early.reduce((a, b) => a + b, 0) / probation).toBeCloseTo(0, 9);
    for (const [first, last] of windows) expect([labels[first], labels[last]]).toEqual([1, 1]);
  });
});
