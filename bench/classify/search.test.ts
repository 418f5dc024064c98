import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Outcomes } from "./outcomes.mjs";
import { combinations, isBetter, tune } from "./search.mjs";

test("combinations() gives every one", () => {
  expect(combinations({ a: [1, 2], b: ["x", "y"] })).toEqual([
    { a: 1, b: "x" },
    { a: 1, b: "y" },
    { a: 2, b: "x" },
    { a: 2, b: "y" },
  ]);
});

describe("tune()", () => {
  const outcomeOf = ({ a, b }: { a: number; b: number }) => ({
    validation: { score: -((a - 2) ** 2) - (b - a) ** 2, nats: 0 },
  });

  test("holds an axis at the best of those before", () => {
    const axes = [{ a: [0, 1, 2, 3] }, { b: [0, 1, 2, 3] }];
    // With b at 0, a is best at 1; then b at 1. A second pass moves on to 2.
    expect(tune({ start: { a: 0, b: 0 }, axes, passes: 1 }, outcomeOf)).toEqual({ a: 1, b: 1 });
    expect(tune({ start: { a: 0, b: 0 }, axes: [{ a: [0, 1, 2], b: [0, 1, 2] }], passes: 1 }, outcomeOf)).toEqual({
      a: 2,
      b: 2,
    });
  });
});

test("isBetter() goes by score, then by none, then by nats", () => {
  const of = (score: number, none: number | undefined, nats: number) => ({ validation: { score, none, nats } });
  expect(isBetter(of(0.9, 0.1, 9), of(0.8, 0.9, 1))).toBe(true);
  expect(isBetter(of(0.9, 0.8, 9), of(0.9, 0.7, 1))).toBe(true);
  expect(isBetter(of(0.9, undefined, 1), of(0.9, undefined, 2))).toBe(true);
  expect(isBetter(of(0.9, 0.8, 1), of(0.9, 0.8, 1))).toBe(false);
});

describe("Outcomes", () => {
  const keep = mkdtempSync(join(tmpdir(), "atome-classify-"));
  afterAll(() => rmSync(keep, { recursive: true, force: true }));
  const job = { version: 1, set: "toy", flashBytes: 100, peer: "svm", config: { rate: 1 }, seed: 1, figures: "all" };

  test("makes an outcome once, and finds it again in its folder", async () => {
    let made = 0;
    const make = () => ({ made: ++made });
    const outcomes = new Outcomes(keep);
    expect(outcomes.of(job, make)).toMatchObject({ ...job, made: 1 });
    expect(outcomes.of(job, make).made).toBe(1);
    expect(new Outcomes(keep).of(job, make).made).toBe(1);
    expect(await new Outcomes(keep).ofAsync(job, async () => make())).toMatchObject({ made: 1 });
    expect(outcomes.of({ ...job, seed: 2 }, make).made).toBe(2);
    expect(new Outcomes(keep).all.length).toBe(2);
  });
});
