import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { runOurs, runReference, runRival } from "./compare.mjs";
import { Outcomes } from "./outcomes.mjs";

const keep = mkdtempSync(join(tmpdir(), "atome-compare-"));
afterAll(() => rmSync(keep, { recursive: true, force: true }));

const labels = Int16Array.from([0, 1, 0, 1]);
const set = {
  kind: "texts",
  classes: ["a", "b"],
  parts: { train: { labels }, validation: { labels }, test: { labels } },
};
const entry = { name: "toy", tuning: {}, passes: 1 };
type Config = { size: number; right: number };

/** Answers the first `right` examples right; a size of 9 fits no flash. */
const rival = {
  ...{ name: "toy-rival", isRandom: true },
  start: () => ({ size: 1, right: 1 }),
  axes: () => [{ size: [1, 9] }, { right: [1, 2, 3] }],
  reference: (start: Config) => ({ ...start, right: 4 }),
  labelOf: ({ size, right }: Config) => `size ${size}, right ${right}`,
  fit(_set: unknown, flashBytes: number | null, { size, right }: Config) {
    if (size === 9) return undefined;
    const answers = [...labels].map((label, i) => (i < right ? label : 1 - label));
    const logits = Float32Array.from(answers.flatMap((answer) => [1 - answer, answer]));
    return { usedBytes: flashBytes ?? 999, shape: "toy", logitsOf: () => logits };
  },
};

const plan = { version: 1, seeds: [1, 2, 3], ours: { toy: { 100: [{ id: 1 }, { id: 2 }, { id: 3 }] } } };
const options = () => ({ plan, outcomes: new Outcomes(mkdtempSync(join(keep, "run-"))), note: () => {} });
type Row = { seed: number; figures: string; label: string; usedBytes: number; tests: { test?: { accuracy: number } } };
const final = (rows: Row[]) => rows.filter(({ figures }) => figures === "all");

describe("runRival()", () => {
  test("trains the best setting that fits with every seed, and tests only that", () => {
    const own = options();
    runRival(entry, set, 100, rival, own);
    const rows: Row[] = own.outcomes.all;
    expect(final(rows).map(({ label, seed }) => [label, seed])).toEqual(
      [1, 2, 3].map((seed) => ["size 1, right 3", seed]),
    );
    expect(final(rows)[0].tests.test?.accuracy).toBe(0.75);
    expect(rows.filter(({ figures }) => figures === "choice").every(({ tests }) => tests.test === undefined)).toBe(
      true,
    );
  });

  test("trains one without chance once", () => {
    const own = options();
    runRival(entry, set, 100, { ...rival, isRandom: false }, own);
    expect(final(own.outcomes.all)).toHaveLength(1);
  });
});

test("runReference() trains once, without a limit", () => {
  const own = options();
  runReference(entry, set, rival, own);
  expect(own.outcomes.all).toMatchObject([{ flashBytes: null, usedBytes: 999, tests: { test: { accuracy: 1 } } }]);
});

describe("runOurs()", () => {
  /** The best of them does not fit. */
  const scores: Record<number, number> = { 1: 0.7, 2: 0.8, 3: 0.9 };
  const train = async (_set: unknown, { id }: { id: number }) => ({
    ...{ usedBytes: id === 3 ? 101 : 100, ramBytes: 50 },
    validation: { score: scores[id], nats: 1 },
    tests: { test: { accuracy: scores[id], macroF1: scores[id] } },
  });
  const named = { id: 0, dModel: 8, dInner: 8, nLayers: 1, train: { learningRate: 0.1, steps: 1 } };

  test("trains the best setting that fits with every seed", async () => {
    const own = options();
    const ours = { toy: { 100: [1, 2, 3].map((id) => ({ ...named, id })) } };
    await runOurs(entry, set, 100, { ...own, plan: { ...plan, ours }, train });
    const rows: (Row & { config: { id: number } })[] = own.outcomes.all;
    expect(rows.filter(({ seed }) => seed === 3).map(({ config }) => config.id)).toEqual([2]);
    expect(rows.filter(({ seed }) => seed === 1)).toHaveLength(3);
  });

  test("goes on with none that does not fit", async () => {
    const own = options();
    const ours = { toy: { 100: [{ ...named, id: 3 }] } };
    await runOurs(entry, set, 100, { ...own, plan: { ...plan, ours }, train });
    expect(own.outcomes.all).toMatchObject([{ seed: 1, usedBytes: 101, tests: {} }]);
  });

  test("trains nothing where no setting is planned", async () => {
    const own = options();
    await runOurs(entry, set, 200, { ...own, train });
    expect(own.outcomes.all).toEqual([]);
  });
});
