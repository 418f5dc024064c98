import { describe, expect, test } from "vitest";
import { bestRival, chosenRows, createStages } from "./stages.mjs";

const model = (name: string, more = {}) => ({
  name,
  shapes: { small: ["narrow", "wide"] },
  learningRates: [0.01, 0.02, 0.04, 0.08],
  ...more,
});
const setting = (budget: string, contextBytes = 256) => ({ tier: "small", budget, contextBytes, texts: "stories" });
const plan = {
  tuning: { budget: "1x", contextBytes: 256 },
  settings: [setting("1x"), setting("10x")],
  split: { tier: "small", budget: "1x", contextBytes: 64, models: ["ours"] },
  ours: "ours",
  models: [
    model("ours"),
    model("a"),
    model("b"),
    model("c"),
    model("fixed", { hasFixedRate: true, learningRates: [0.001] }),
  ],
  rateLimits: [0.004, 0.3],
  carriedRivals: 2,
  finalists: 2,
  carriedFinalists: 1,
  seededTiers: [] as string[],
  seeds: [1, 2],
  headline: { ...setting("1x"), seeds: [1, 2, 3] },
};

interface Job {
  model: { name: string };
  shape: string;
  setting: { budget: string; texts: string };
  learningRate: number;
  seed: number;
  sha256: string;
}
type Row = { validationBpb?: number; testBpb?: number; failed?: string };

/** Best at rate 0.04 and the wide shape; b is the best rival, then a. */
function validation({ model, shape, learningRate }: Job): number {
  const level = { ours: 1, b: 1.1, a: 1.2, c: 1.3, fixed: 1.4 }[model.name] as number;
  return level + (shape === "wide" ? 0 : 0.5) + Math.abs(Math.log2(learningRate / 0.04)) / 100;
}

/** Does what is pending until nothing is. */
function complete(outcome = validation, filter = {}, ownPlan: object = plan) {
  const rows = new Map<string, Row>();
  const log: { job: Job; isTested: boolean }[] = [];
  const jobOf = (parts: Omit<Job, "sha256">): Job => {
    const { model, shape, setting, learningRate, seed } = parts;
    return { ...parts, sha256: [model.name, shape, setting.texts, setting.budget, learningRate, seed].join(" ") };
  };
  const rowOf = (job: Job) => rows.get(job.sha256);
  const { pending } = createStages(ownPlan, { jobOf, rowOf, filter });
  for (let tasks = pending(); tasks.length > 0; tasks = pending()) {
    const [{ job, isTested }] = tasks as [{ job: Job; isTested: boolean }];
    const validationBpb = outcome(job);
    const row = Number.isFinite(validationBpb)
      ? { validationBpb, ...(isTested ? { testBpb: 1 } : {}) }
      : { failed: "diverged" };
    rows.set(job.sha256, row);
    log.push({ job, isTested });
    if (log.length > 500) throw new Error("It has no end.");
  }
  const keys = [...rows.keys()];
  const tested = [...rows].filter(([, row]) => row.testBpb !== undefined).map(([key]) => key);
  return { keys, tested };
}

describe("createStages()", () => {
  test("tries every shape at a middle rate, then every rate at the best shape", () => {
    const { keys } = complete();
    expect(keys.filter((key) => key.startsWith("c ") && key.includes(" 1x "))).toEqual([
      "c narrow stories 1x 0.04 1",
      "c wide stories 1x 0.04 1",
      "c wide stories 1x 0.01 1",
      "c wide stories 1x 0.02 1",
      "c wide stories 1x 0.08 1",
    ]);
  });

  test("goes on beyond an end of the rates while the best is there, up to the limits", () => {
    const rates = (outcome: (job: Job) => number) =>
      complete(outcome, { models: ["c"], budgets: ["1x"] })
        .keys.filter((key) => key.startsWith("c wide"))
        .filter((key) => key.endsWith(" 1"))
        .map((key) => Number(key.split(" ")[4]))
        .sort((a, b) => a - b);
    const falling = ({ shape, learningRate }: Job) => (shape === "wide" ? 1 : 2) - learningRate;
    expect(rates(falling)).toEqual([0.01, 0.02, 0.04, 0.08, 0.16]);
    expect(rates((job) => (job.learningRate > 0.1 ? Number.POSITIVE_INFINITY : falling(job)))).toEqual([
      0.01, 0.02, 0.04, 0.08, 0.16,
    ]);
    expect(rates(({ shape, learningRate }) => (shape === "wide" ? 1 : 2) + learningRate)).toEqual([
      0.005, 0.01, 0.02, 0.04, 0.08,
    ]);
  });

  test("tests what was chosen alone: all seeds of ours and the two best rivals, one of the others", () => {
    const { tested } = complete(validation, { budgets: ["1x"] });
    expect(tested.filter((key) => key.includes("stories")).sort()).toEqual([
      "a wide stories 1x 0.04 1",
      "a wide stories 1x 0.04 2",
      "a wide stories 1x 0.04 3",
      "b wide stories 1x 0.04 1",
      "b wide stories 1x 0.04 2",
      "b wide stories 1x 0.04 3",
      "c wide stories 1x 0.04 1",
      "fixed wide stories 1x 0.001 1",
      "ours wide stories 1x 0.04 1",
      "ours wide stories 1x 0.04 2",
      "ours wide stories 1x 0.04 3",
    ]);
  });

  test("gives every model the seeds of the plan where it says so, and ours and the two best rivals those of the headline", () => {
    const { tested } = complete(validation, {}, { ...plan, seededTiers: ["small"] });
    const there = (name: string, budget: string) =>
      tested.filter((key) => key.startsWith(`${name} `) && key.includes(` stories ${budget} `)).length;
    expect(["ours", "a", "b", "c", "fixed"].map((name) => there(name, "1x"))).toEqual([3, 3, 3, 2, 2]);
    expect(["ours", "a", "b", "c", "fixed"].map((name) => there(name, "10x"))).toEqual([2, 1, 2, 0, 0]);
  });

  test("takes no variant for a rival, however well it does", () => {
    const models = [...plan.models, model("variant", { isVariant: true })];
    const outcome = (job: Job) =>
      job.model.name === "variant" ? validation({ ...job, model: { name: "ours" } }) / 2 : validation(job);
    const { tested } = complete(outcome, {}, { ...plan, models });
    expect(tested.filter((key) => key.startsWith("variant "))).toEqual(["variant wide stories 1x 0.04 1"]);
    expect(tested.filter((key) => key.startsWith("b ") && key.includes(" 1x "))).toHaveLength(3);
  });

  test("gives all seeds to ours without recall and to the best of those that were given it", () => {
    const given = { isVariant: true, isGivenRecall: true };
    const models = [...plan.models, model("bare", { isVariant: true }), model("far", given), model("near", given)];
    const outcome = (job: Job) => {
      const twin = { bare: "c", far: "c", near: "b" }[job.model.name];
      return validation(twin ? { ...job, model: { name: twin } } : job);
    };
    const { tested } = complete(outcome, {}, { ...plan, models, withoutRecall: "bare" });
    const there = (name: string) => tested.filter((key) => key.startsWith(`${name} `)).length;
    expect(["bare", "far", "near"].map(there)).toEqual([2, 1, 2]);
  });

  test("gives ours with less RAM all that ours gets, and takes it for no rival", () => {
    const models = [...plan.models, model("less-ram")];
    const outcome = (job: Job) =>
      job.model.name === "less-ram" ? validation({ ...job, model: { name: "b" } }) - 0.01 : validation(job);
    const { tested } = complete(outcome, {}, { ...plan, models, lessRam: "less-ram" });
    const there = (name: string, budget: string) =>
      tested.filter((key) => key.startsWith(`${name} `) && key.includes(` stories ${budget} `)).length;
    expect([there("less-ram", "1x"), there("less-ram", "10x")]).toEqual([3, 2]);
    expect([there("b", "1x"), there("a", "1x"), there("c", "1x")]).toEqual([3, 3, 1]);
    expect([there("b", "10x"), there("a", "10x")]).toEqual([2, 1]);
  });

  test("carries ours and the best rivals to another budget, with the chosen rate and half of it", () => {
    const { keys, tested } = complete();
    const there = (all: string[]) => all.filter((key) => key.includes(" 10x ")).sort();
    expect(there(keys)).toEqual([
      "a wide stories 10x 0.02 1",
      "a wide stories 10x 0.04 1",
      "b wide stories 10x 0.02 1",
      "b wide stories 10x 0.04 1",
      "b wide stories 10x 0.04 2",
      "ours wide stories 10x 0.02 1",
      "ours wide stories 10x 0.04 1",
      "ours wide stories 10x 0.04 2",
    ]);
    expect(there(tested).filter((key) => key.includes("0.02"))).toEqual([]);
  });

  test("halves the rate of another budget while that is better, down to the limit", () => {
    const ratesOf = (lowest: number) => {
      const outcome = (job: Job) =>
        job.setting.budget === "10x" ? 2 + Math.abs(Math.log2(job.learningRate / lowest)) : validation(job);
      const { keys } = complete(outcome, { models: ["a"] });
      return keys.filter((key) => key.includes(" 10x ") && key.endsWith(" 1")).map((key) => Number(key.split(" ")[4]));
    };
    expect(ratesOf(0.04)).toEqual([0.04, 0.02]);
    expect(ratesOf(0.02)).toEqual([0.04, 0.02, 0.01]);
    expect(ratesOf(0.0001)).toEqual([0.04, 0.02, 0.01, 0.005]);
  });

  test("carries a variant that goes everywhere, with one seed, and leaves it out where it has no shape", () => {
    const settings = [...plan.settings, { ...setting("1x"), tier: "large" }];
    const models = [
      model("ours", { shapes: { small: ["wide"], large: ["wide"] } }),
      model("a"),
      model("variant", { isVariant: true, isCarried: true }),
    ].map((each) => (each.name === "a" ? { ...each, shapes: { ...each.shapes, large: ["wide"] } } : each));
    const outcome = (job: Job) => (job.model.name === "variant" ? 2 : validation(job));
    const { keys, tested } = complete(outcome, {}, { ...plan, settings, models });
    expect(tested.filter((key) => key.startsWith("variant"))).toEqual([
      "variant narrow stories 1x 0.005 1",
      "variant narrow stories 10x 0.005 1",
    ]);
    expect(keys.filter((key) => key.startsWith("variant") && key.includes(" 10x "))).toHaveLength(2);
  });

  test("leaves ours the chosen rate alone where the plan says so, and rivals both", () => {
    const settings = [setting("1x"), { ...setting("10x"), oursKeepsRate: true }];
    const { keys } = complete(validation, {}, { ...plan, settings });
    const there = keys.filter((key) => key.includes(" 10x ") && key.endsWith(" 1")).sort();
    expect(there).toEqual([
      "a wide stories 10x 0.02 1",
      "a wide stories 10x 0.04 1",
      "b wide stories 10x 0.02 1",
      "b wide stories 10x 0.04 1",
      "ours wide stories 10x 0.04 1",
    ]);
  });

  test("chooses nothing on the split of one text", () => {
    expect(complete().keys.filter((key) => key.includes("split"))).toEqual([
      "ours wide split 1x 0.04 1",
      "ours wide split 1x 0.04 2",
    ]);
  });

  test("with another budget asked for, trains what its choice needs", () => {
    const { keys } = complete(validation, { models: ["a"], budgets: ["10x"] });
    expect(keys.filter((key) => key.includes(" 1x ")).length).toBe(5);
    expect(keys.filter((key) => key.includes(" 10x "))).toContain("a wide stories 10x 0.02 1");
    expect(keys.every((key) => key.startsWith("a "))).toBe(true);
  });

  test("ends when nothing of a model can be trained", () => {
    const failing = (job: Job) => (job.model.name === "a" ? Number.POSITIVE_INFINITY : validation(job));
    const { keys, tested } = complete(failing);
    expect(keys.filter((key) => key.startsWith("a ")).length).toBeGreaterThan(2);
    expect(tested.filter((key) => key.startsWith("a "))).toEqual([]);
  });
});

const row = (shape: string, learningRate: number, seed: number, validationBpb: number, testBpb?: number) => ({
  ...{ shape, learningRate, seed, validationBpb },
  ...(testBpb === undefined ? {} : { testBpb }),
});

test("chosenRows() are the tested ones that validate best over enough seeds, or as many as any", () => {
  const best = [row("s", 0.02, 1, 1.5, 1.6), row("s", 0.02, 2, 1.6, 1.7)];
  const lucky = [row("t", 0.02, 1, 1.4, 1.2), row("t", 0.02, 2, 1.8, 1.2)];
  const single = row("s", 0.01, 1, 1.1, 1.1);
  const all = [single, ...lucky, ...[...best].reverse(), row("s", 0.02, 3, 1.2)];
  expect(chosenRows(all, 2)).toEqual(best);
  expect(chosenRows([...all, row("t", 0.02, 3, 1.9, 1.2)], 2)).toEqual(best);
  expect(chosenRows(all, 3)).toEqual(best);
  expect(chosenRows(all, 1)).toEqual([single]);
  expect(chosenRows([row("t", 0.02, 1, 1.4, 1.2), single], 3)).toEqual([single]);
  expect(chosenRows([], 3)).toEqual([]);
});

test("bestRival() goes by the mean validation over the seeds, not by one lucky seed or the test", () => {
  const few = { name: "few", rows: [row("s", 1, 1, 1.55, 1)] };
  const best = { name: "best", rows: [row("s", 1, 1, 1.4, 3), row("s", 1, 2, 1.6, 3)] };
  const other = { name: "other", rows: [row("s", 1, 1, 1.3, 2), row("s", 1, 2, 1.9, 2)] };
  expect(bestRival([few, other, best, { name: "none", rows: [] }])).toBe(best);
  expect(bestRival([])).toBeUndefined();
});
