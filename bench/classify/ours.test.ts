import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ENGINE_NATS_PER_UNIT } from "../../src/evaluate/language.js";
import { engineLogits, writeParts } from "./ours.mjs";

const folder = mkdtempSync(join(tmpdir(), "atome-ours-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const read = (path: string) => readFileSync(path, "utf8").trimEnd().split("\n");

test("writeParts() writes texts with the names of their classes", () => {
  const set = {
    kind: "texts",
    classes: ["on", "off"],
    parts: { train: { texts: ['say "on"', "what?"], labels: [0, -1] }, test: { texts: ["off"], labels: [1] } },
  };
  const paths = writeParts(set, folder);
  expect(read(paths.train).map((line) => JSON.parse(line))).toEqual([
    { text: 'say "on"', label: "on" },
    { text: "what?", label: "none of these" },
  ]);
  expect(read(paths.test)).toEqual(['{"text":"off","label":"off"}']);
});

const part = {
  samples: Float64Array.from([1, 20.5, Number.NaN, 2, 3, 4]),
  labels: Int16Array.from([0, -1, 1]),
  series: [
    { name: "a", begin: 0, end: 2 },
    { name: "b", begin: 2, end: 3 },
  ],
};

test("writeParts() writes samples with their class and series", () => {
  const set = { kind: "series", columns: ["x", "y"], classes: ["low", "high"], parts: { test: part } };
  expect(read(writeParts(set, folder).test)).toEqual(["x,y,label,series", "1,20.5,low,a", "NaN,2,,a", "3,4,high,b"]);
});

test("engineLogits() feeds whole numbers, says what is missing, and begins anew with a series", () => {
  const calls: unknown[] = [];
  const engine = {
    reset: () => calls.push("reset"),
    feedSample: (values: number[]) => calls.push(values),
    logits: () => Int32Array.from([calls.length, -2048]),
  };
  const logits = engineLogits(engine, [0, 1], part);
  expect(calls).toEqual(["reset", [1, 205], [-(2 ** 31), 20], "reset", [3, 40]]);
  expect(logits[0]).toBeCloseTo(2 * ENGINE_NATS_PER_UNIT, 6);
  expect(logits[5]).toBeCloseTo(-Math.LN2, 6);
});
