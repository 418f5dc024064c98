import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { jobSha256 } from "../../src/cli/sweep-plan.js";
import { encode } from "../../src/cli/train-data.js";
import { Corpus } from "../../src/corpus/corpus.js";
import { configToJson } from "../../src/model/config.js";
import { namedConfig } from "../../src/model/configs.js";
import { learnAlphabet } from "../../src/tokenizer/learn.js";
import { createJobs, shapeLabel } from "./jobs.mjs";
import { plan } from "./plan.mjs";

const data = mkdtempSync(join(tmpdir(), "atome-quality-"));
afterAll(() => rmSync(data, { recursive: true, force: true }));
const vowels = "aeiou";
const word = (i: number) => `${"bdfgklmnprst"[i % 12]}${vowels[i % 5]}${"lmnrst"[i % 7] ?? ""}${vowels[i % 3]}`;
const sentence = (i: number) => `The ${word(i)} ${word((i * 7919) % 1009)} saw the ${word((i * 31) % 503)}.\n`;
const text = (first: number) => Array.from({ length: 2000 }, (_, i) => sentence(first + i)).join("");
writeFileSync(join(data, "training.txt"), text(0));
writeFileSync(join(data, "test.txt"), text(1));

const texts = {
  stories: { training: ["training.txt"], test: "test.txt" },
  split: { split: "test.txt", trainingShare: 0.9 },
};
const small = { ...plan, texts };
const { jobOf, textsOf } = createJobs(small, { data, keep: data });
const setting = { tier: "20k", budget: "1x", contextBytes: 256, texts: "stories" };
const modelOf = (name: string) => plan.models.find((model) => model.name === name);
const [bytes, tokens] = [{ kind: "bytes" }, { kind: "tokens", size: 300 }];
const gpt = { dModel: 16, nLayers: 1, dHead: 8, alphabet: tokens };
const parts = { model: modelOf("gpt-int8"), shape: gpt, setting, learningRate: 0.01, seed: 1 };

describe("createJobs()", () => {
  test("fills the RAM and not more where a model has a limit of it", () => {
    const model = modelOf("atome-less-ram");
    const shape = { dModel: 40, nLayers: 3, alphabet: tokens, gates: true };
    const job = jobOf({ ...parts, model, shape });
    const limit = model?.ramLimits["20k"] ?? 0;
    const channelBytes = 3 * 8;
    expect(job?.ramBytes).toBeLessThanOrEqual(limit);
    expect(job?.ramBytes).toBeGreaterThan(limit - 2 * channelBytes);
    expect(job?.flashBytes).toBeLessThan(20480);
  });

  test("fills the flash and not more", () => {
    for (const model of ["atome", "base", "gpt-int8", "gpt-ptq-int4", "llama-ternary"].map(modelOf)) {
      const shape = { ...gpt, ...(model?.fill === "dModel" ? { dModel: undefined } : {}), alphabet: tokens };
      const job = jobOf({ ...parts, model, shape });
      expect(job?.flashBytes).toBeLessThanOrEqual(20480);
      expect(job?.flashBytes).toBeGreaterThan(20480 - 600);
    }
    expect(jobOf({ ...parts, model: modelOf("gpt-float"), shape: { ...gpt, alphabet: bytes } })).toBeUndefined();
  });

  test("lets every alphabet read as many bytes in a step", () => {
    const llama = { ...parts, model: modelOf("llama-int4") };
    const of = (alphabet: object, contextBytes: number) => {
      const job = jobOf({ ...llama, shape: { ...gpt, alphabet }, setting: { ...setting, contextBytes } });
      return job.config.train;
    };
    expect(of(bytes, 256)).toMatchObject({ batch: 8, context: 256, steps: 3000, validation: 0.05 });
    expect(of(bytes, 64)).toMatchObject({ batch: 32, context: 64 });
    const { training } = Corpus.open(textsOf("stories").training).split(0.05);
    const alphabet = learnAlphabet({ kind: "tokens", size: 300 }, () => training.pieces());
    const symbols = encode(training, alphabet).symbols.length;
    const bytesPerSymbol = training.byteCount / symbols;
    expect(bytesPerSymbol).toBeGreaterThan(2);
    expect(Math.abs(of(tokens, 256).context * bytesPerSymbol - 256)).toBeLessThanOrEqual(bytesPerSymbol / 2);
  });

  test("gives the hash of the sweep over configuration and texts", () => {
    const job = jobOf(parts);
    const hashes = ["training.txt", "test.txt"].map((name) => Corpus.open([join(data, name)]).sha256);
    expect(job.sha256).toBe(jobSha256(job.config, hashes));
    expect(job.config.train).toMatchObject({ learningRate: 0.01, embeddingLearningRate: 0.01, seed: 1 });
  });

  test("gives another hash to whatever decides another outcome", () => {
    const jobs = [
      parts,
      { ...parts, seed: 2 },
      { ...parts, learningRate: 0.02 },
      { ...parts, shape: { ...gpt, embeddingRate: 0.5 } },
      { ...parts, shape: { ...gpt, optimizer: "muon" } },
      { ...parts, setting: { ...setting, budget: "3x" } },
      { ...parts, setting: { ...setting, texts: "split" } },
      { ...parts, model: { ...parts.model, name: "afterwards", quantiseAfterwards: "int8" } },
    ].map((each) => jobOf(each));
    expect(new Set(jobs.map((job) => job.sha256)).size).toBe(jobs.length);
    expect(new Set(jobs.map((job) => job.id)).size).toBe(jobs.length);
    const scaled = createJobs(small, { data, keep: data, scale: 0.01 }).jobOf(parts);
    expect(scaled.config.train.steps).toBe(30);
    expect(scaled.sha256).not.toBe(jobs[0].sha256);
  });

  test("splits one text where the share says, and holds nothing out", () => {
    const { training, test: heldOut, validation } = textsOf("split");
    const [a, b] = [training, [heldOut]].map((paths) => Corpus.open(paths).byteCount);
    expect(a + b).toBe(text(1).length);
    expect(a).toBe(Math.round(0.9 * text(1).length));
    expect(validation).toBe(0);
  });
});

describe("the plan", () => {
  test("has one name per model and one label per shape of a model and tier", () => {
    expect(new Set(plan.models.map(({ name }) => name)).size).toBe(plan.models.length);
    for (const { shapes } of plan.models) {
      for (const list of Object.values<Parameters<typeof shapeLabel>[0][]>(shapes))
        expect(new Set(list.map((shape) => shapeLabel(shape))).size).toBe(list.length);
    }
  });

  test("tunes where it measures, and measures where it tunes", () => {
    for (const tier of Object.keys(plan.tiers)) {
      const found = plan.settings.filter(
        (other) =>
          other.tier === tier && other.budget === plan.tuning.budget && other.contextBytes === plan.tuning.contextBytes,
      );
      expect(found.length).toBe(1);
      for (const { shapes, isVariant = false, ramLimits } of plan.models as {
        shapes: Record<string, object[]>;
        isVariant?: boolean;
        ramLimits?: Record<string, number>;
      }[])
        if (!isVariant && (!ramLimits || ramLimits[tier])) expect(shapes[tier].length).toBeGreaterThan(0);
    }
  });

  test("tunes at least four rates, but for a recipe of its own", () => {
    for (const { learningRates, hasFixedRate = false } of plan.models as {
      learningRates: number[];
      hasFixedRate?: boolean;
    }[]) {
      expect(learningRates.length).toBeGreaterThanOrEqual(hasFixedRate ? 1 : 4);
    }
  });
});

test.each([
  ["text-20k", "20k", plan.ours],
  ["text-20k-4k", "20k", plan.lessRam],
  ["text-64k", "64k", plan.ours],
  ["text-256k", "256k", plan.ours],
])("%s is the latest shape of ours in the comparison, trained as there", (name, tier, model) => {
  const ours = modelOf(model) as (typeof plan.models)[number];
  const { gates, symbols, optimizer = "adamw", vectorWeightDecay, initialGain, ...shape } = ours.shapes[tier].at(-1);
  const config = namedConfig(name);
  const { learningRate, embeddingLearningRate, ...train } = config.train;
  expect(configToJson(config)).toMatchObject({
    ...shape,
    recall: { window: ours.config.recall.window, gates, symbols },
  });
  expect(embeddingLearningRate).toBe(plan.embeddingRate * learningRate);
  const steps = plan.budgets[plan.tuning.budget as keyof typeof plan.budgets];
  expect(train).toMatchObject({ ...plan.train, optimizer, vectorWeightDecay, initialGain, steps });
  expect(plan.stepBytes / train.batch).toBe(plan.tuning.contextBytes);
});
