import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { RunLog } from "./run-log.js";

const folder = mkdtempSync(join(tmpdir(), "atome-log-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = join(folder, "log.jsonl");
const log = new RunLog(path);
const stepEntry = (step: number) => ({ step, loss: 2, learningRate: 0.01, gradientNorm: 1 });
const heldOut = { step: 2, trainingLoss: 2, validationLoss: 3, bitsPerByte: 4 };
const read = () => readFileSync(path, "utf8");

/** Steps of the entries that stay. */
function cutAfter(step: number): number[] {
  const kept: number[] = [];
  log.cutAfter(step, (entry) => kept.push(entry.step));
  return kept;
}

beforeEach(() => {
  log.clear();
  for (const entry of [stepEntry(1), stepEntry(2), heldOut, stepEntry(3)]) log.append(entry);
});

describe("RunLog", () => {
  test("adds a line per entry", () => {
    expect(read().split("\n")[2]).toBe(JSON.stringify(heldOut));
    log.sync();
  });

  test("cuts off what comes after a step, a validation of that step not", () => {
    const whole = read();
    expect(cutAfter(3)).toEqual([1, 2, 2, 3]);
    expect(read()).toBe(whole);
    expect(cutAfter(2)).toEqual([1, 2, 2]);
    expect(read()).toBe(whole.slice(0, whole.lastIndexOf('{"step":3')));
    expect(cutAfter(0)).toEqual([]);
    expect(read()).toBe("");
  });

  test("cuts off a line that a crash cut short", () => {
    const whole = read();
    appendFileSync(path, '{"step":4,"los');
    expect(cutAfter(9)).toEqual([1, 2, 2, 3]);
    expect(read()).toBe(whole);
  });

  test("leaves a damaged line where it is, and counts it as missing", () => {
    const lines = read().split("\n");
    for (const damage of ['{"step":2', "", "null", '{"step":2,"loss":null}', "\0".repeat(70_000), "é"]) {
      const damaged = [lines[0], damage, ...lines.slice(2)].join("\n");
      writeFileSync(path, damaged);
      expect(cutAfter(9)).toEqual([1, 2, 3]);
      expect(read()).toBe(damaged);
    }
  });

  test("is made again when it is gone", () => {
    rmSync(path);
    expect(cutAfter(9)).toEqual([]);
    expect(read()).toBe("");
  });
});
