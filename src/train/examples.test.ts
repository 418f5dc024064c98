import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { UsageError } from "../model/errors.js";
import { parseConfig } from "../model/parse-config.js";
import { quantiseModel } from "../model/quantised-model.js";
import { ReferenceModel } from "../model/reference.js";
import { ExampleSampler, type Examples, type SeriesExamples, type TextExamples } from "./examples.js";
import { Random } from "./random.js";
import { nodePlatform } from "./threads-node.js";
import { Trainer, type TrainerOptions, type TrainerState } from "./trainer.js";
import type { WindowWriter } from "./windows.js";

const vocab = 29;
const outputs = 3;
const train = { steps: 12, batch: 5, context: 21, seed: 4 };
const gated = { block: "gated", dModel: 9, dInner: 20, nLayers: 1, train };
const ngrams = { buckets: 300, orders: [2, 3] };
const sensor = { ...gated, alphabet: { kind: "sensor", levels: 8, differences: 4 } };

const random = Random.fromSeed(3);
const drawn = (length: number, limit = vocab) => Uint16Array.from({ length }, () => random.below(limit));

/** Texts of 3 to 30 symbols; the class is told by one pair of neighbours somewhere in them. */
const texts: TextExamples = {
  kind: "texts",
  symbols: Array.from({ length: 90 }, (_, index) => {
    const text = drawn(3 + random.below(28), 20);
    text.set([20 + (index % 3), 25 - (index % 3)], random.below(Math.min(text.length, 21) - 1));
    return text;
  }),
  labels: Uint16Array.from({ length: 90 }, (_, index) => index % 3),
};

/** Two columns, one with differences, of which the first one's value tells the class; four series. */
function makeSeries(): SeriesExamples {
  const rows: number[] = [];
  const labels = new Uint16Array(120);
  for (let step = 0; step < 120; step++) {
    const level = random.below(9);
    rows.push(1 + level, 10 + 1 + random.below(6), 17 + 1 + random.below(11));
    labels[step] = step % 7 === 6 ? 65535 : Math.floor(level / 3);
  }
  const parts = [
    { column: 0, missing: 0 },
    { column: 0, missing: 10 },
    { column: 1, missing: 17 },
  ];
  return { kind: "series", rows: Uint16Array.from(rows), rowsPerStep: 3, labels, starts: [0, 50, 60, 61], parts };
}
const series = makeSeries();

const trainerOf = (json: unknown, examples: Examples, more: Partial<TrainerOptions> = {}) =>
  Trainer.create({
    config: parseConfig(json, "test"),
    vocab,
    outputs,
    examples,
    threads: 1,
    platform: nodePlatform,
    ...more,
  });

async function stateAfter(json: unknown, examples: Examples, threads: number, steps: number, resume?: TrainerState) {
  const trainer = await trainerOf(json, examples, { threads, ...(resume ? { resume } : {}) });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push((await trainer.step()).lossNatsPerSymbol);
  const state = trainer.state();
  await trainer.close();
  return { state, losses };
}

function hashOf({ tensors }: TrainerState): string {
  const hash = createHash("sha256");
  for (const values of tensors.values()) hash.update(new Uint8Array(values.buffer));
  return hash.digest("hex").slice(0, 16);
}

// Every machine must come to these bits.
const cases: [string, unknown, Examples, string][] = [
  ["the last position", gated, texts, "acabf80e20c37ef0"],
  [
    "the sum, n-grams, noise",
    { ...gated, ngrams, pool: "sum", train: { ...train, noise: 0.2 } },
    texts,
    "9d022d28b59fbb5c",
  ],
  ["series", sensor, series, "072af48535b692f2"],
  ["series with noise", { ...sensor, train: { ...train, noise: 0.3 } }, series, "718a355d009635f2"],
];

describe.each(cases)("training a classifier: %s", (_, json, examples, hash) => {
  test("8 steps give the same bits on every machine, with 1, 2 and 3 threads", async () => {
    const one = await stateAfter(json, examples, 1, 8);
    expect(hashOf(one.state)).toBe(hash);
    expect(await stateAfter(json, examples, 2, 8)).toEqual(one);
    expect(await stateAfter(json, examples, 3, 8)).toEqual(one);
  });

  test("a resumed run continues to the same bits", async () => {
    const whole = await stateAfter(json, examples, 1, 10);
    const half = await stateAfter(json, examples, 2, 5);
    const rest = await stateAfter(json, examples, 2, 5, half.state);
    expect(rest.state).toEqual(whole.state);
    expect([...half.losses, ...rest.losses]).toEqual(whole.losses);
  });

  test("learns what can be learned", async () => {
    const longer = { ...(json as typeof gated), train: { ...train, batch: 16, steps: 400 } };
    const trainer = await trainerOf(longer, examples, { threads: 2 });
    const before = await trainer.evaluateExamples(examples);
    for (let i = 0; i < 400; i++) await trainer.step();
    const after = await trainer.evaluateExamples(examples);
    await trainer.close();
    expect(before.accuracy).toBeLessThan(0.6);
    expect(after.accuracy).toBeGreaterThan(0.95);
    expect(after.natsPerExample).toBeLessThan(before.natsPerExample / 4);
  });
});

test("n-grams of a language model reach back before a window", async () => {
  const json = {
    ...gated,
    ngrams: { buckets: 4096, orders: [3] },
    train: { ...train, steps: 300, batch: 64, context: 1 },
  };
  const symbols = drawn(4000, 5);
  // Each symbol is a function of three symbols, of which a window of one has the last alone.
  for (let i = 3; i < symbols.length; i++) {
    if (i % 4 > 0) symbols[i] = (symbols[i - 1] * symbols[i - 2] + symbols[i - 3]) % 5;
  }
  const lossOf = async (config: object) => {
    const options = { config: parseConfig(config, "test"), vocab, symbols, threads: 2, platform: nodePlatform };
    const trainer = await Trainer.create(options);
    for (let i = 0; i < 300; i++) await trainer.step();
    const { natsPerSymbol } = await trainer.evaluate(symbols);
    await trainer.close();
    return natsPerSymbol;
  };
  const { ngrams: _, ...without } = json;
  // A fourth of the symbols is chance.
  expect(await lossOf(json)).toBeLessThan(0.95);
  expect(await lossOf(without)).toBeGreaterThan(1.4);
});

describe("evaluateExamples()", () => {
  /** A model whose logits are all 0. */
  async function evaluateZero(json: unknown, examples: Examples) {
    const { state } = await stateAfter(json, examples, 1, 0);
    const tensors = new Map([...state.tensors].map(([name, values]) => [name, values.fill(0)]));
    const trainer = await trainerOf(json, examples, { resume: { ...state, tensors } });
    const result = await trainer.evaluateExamples(examples);
    await trainer.close();
    return result;
  }

  test("takes the first of equal logits, and leaves out what has no class", async () => {
    const labels = Uint16Array.from({ length: 90 }, (_, index) => (index < 20 ? 0 : index < 40 ? 65535 : 2));
    expect(await evaluateZero(gated, { ...texts, labels })).toEqual({
      natsPerExample: expect.closeTo(Math.log(outputs), 6),
      accuracy: 20 / 70,
      count: 70,
    });
  });

  test("counts each step of a series that has a class once", async () => {
    const labelled = series.labels.filter((label) => label !== 65535);
    const { accuracy, count } = await evaluateZero(sensor, series);
    expect(count).toBe(labelled.length);
    expect(accuracy).toBe(labelled.filter((label) => label === 0).length / labelled.length);
  });

  test("reads half a window before the steps that count", async () => {
    // Four steps back is as far as the model remembers, and every window that follows another has 10 before it.
    const json = { ...sensor, pathways: ["local"] };
    const nats = async (context: number) => {
      const trainer = await trainerOf({ ...json, train: { ...train, context } }, series);
      const { natsPerExample } = await trainer.evaluateExamples(series);
      await trainer.close();
      return natsPerExample;
    };
    const whole = await nats(120);
    expect(await nats(21)).toBeCloseTo(whole, 6);
    expect(Math.abs((await nats(2)) - whole)).toBeGreaterThan(1e-4);
  });

  test("reads the first symbols of a text that is longer than a window", async () => {
    const cut = { ...texts, symbols: texts.symbols.map((text) => text.slice(0, 21)) };
    const trainer = await trainerOf(gated, texts);
    expect(await trainer.evaluateExamples(texts)).toEqual(await trainer.evaluateExamples(cut));
    await trainer.close();
  });
});

describe("the reference model", () => {
  /** Mean cross-entropy of the examples that have a class, of each text or series read from its beginning. */
  function referenceNats(json: unknown, state: TrainerState, examples: Examples): number {
    const model = quantiseModel(parseConfig(json, "test"), state.tensors, vocab, outputs);
    const reference = new ReferenceModel(model);
    const nats: number[] = [];
    const count = (logits: Float64Array, label: number) => {
      if (label === 65535) return;
      nats.push(Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)) - logits[label]);
    };
    if (examples.kind === "texts") {
      examples.symbols.forEach((text, index) => {
        reference.reset();
        const steps = Array.from(text, (symbol) => reference.step(symbol));
        count(steps[steps.length - 1], examples.labels[index]);
      });
    } else {
      examples.labels.forEach((label, step) => {
        if (examples.starts.includes(step)) reference.reset();
        count(reference.stepRows(examples.rows.subarray(3 * step, 3 * step + 3)), label);
      });
    }
    return nats.reduce((a, b) => a + b) / nats.length;
  }

  test.each(cases)("answers as the trainer does: %s", async (_, json, examples) => {
    const whole = { ...(json as typeof gated), train: { ...train, context: 120 } };
    const { state } = await stateAfter(whole, examples, 2, 12);
    const trainer = await trainerOf(whole, examples, { resume: state });
    const { natsPerExample } = await trainer.evaluateExamples(examples);
    await trainer.close();
    expect(referenceNats(whole, state, examples)).toBeCloseTo(natsPerExample, 5);
    expect(Math.abs(natsPerExample - Math.log(outputs))).toBeGreaterThan(0.01);
  });
});

/** What a sampler puts into the windows of `steps` batches. */
function sampled<Kind extends "text" | "steps">(json: unknown, examples: Examples, kind: Kind, steps: number) {
  const calls: Parameters<WindowWriter[Kind]>[] = [];
  const writer = { [kind]: (...call: Parameters<WindowWriter[Kind]>) => calls.push(call) } as unknown as WindowWriter;
  const sampler = new ExampleSampler(examples, parseConfig(json, "test"), vocab, writer);
  const source = Random.fromSeed(1);
  const losses = Array.from({ length: steps }, () => sampler.draw(source));
  return { calls, losses };
}

describe("ExampleSampler", () => {
  const noisy = (json: object) => ({ ...json, train: { ...train, noise: 0.25 } });

  test("draws every text, cut to a window", () => {
    const { calls, losses } = sampled(gated, texts, "text", 200);
    expect(new Set(losses)).toEqual(new Set([train.batch]));
    const cut = texts.symbols.map((text, index) => `${text.slice(0, 21)} is ${texts.labels[index]}`);
    expect(new Set(calls.map(([, text, label]) => `${text} is ${label}`))).toEqual(new Set(cut));
    expect(calls.slice(0, 7).map(([window]) => window)).toEqual([0, 1, 2, 3, 4, 0, 1]);
  });

  test("replaces a share of the symbols by random ones, not those of the examples themselves", () => {
    const symbols = [new Uint16Array(21).fill(28)];
    const { calls } = sampled(noisy(gated), { ...texts, symbols, labels: Uint16Array.of(1) }, "text", 400);
    const read = calls.flatMap(([, text]) => [...text]);
    // A random symbol is the old one in one of 29 cases.
    expect(read.filter((symbol) => symbol !== 28).length / read.length).toBeCloseTo((0.25 * 28) / 29, 2);
    expect(new Set(read).size).toBe(vocab);
    expect([...symbols[0]]).toEqual(new Array(21).fill(28));
  });

  test("draws windows within one series, every step in some of them, and the whole of short ones", () => {
    const numbered = { ...series, rows: Uint16Array.from({ length: 120 }, (_, i) => i), rowsPerStep: 1 };
    const { calls, losses } = sampled(sensor, numbered, "steps", 300);
    const seen = new Set<number>();
    for (const [, rows, labels] of calls) {
      const begin = rows[0];
      const start = [61, 60, 50, 0].find((first) => first <= begin) as number;
      const end = { 0: 50, 50: 60, 60: 61, 61: 120 }[start] as number;
      expect([...rows]).toEqual(Array.from({ length: Math.min(21, end - start) }, (_, i) => begin + i));
      expect(rows[rows.length - 1]).toBeLessThan(end);
      expect(labels).toEqual(series.labels.subarray(begin, begin + rows.length));
      for (const row of rows) seen.add(row);
    }
    expect(seen.size).toBe(120);
    const counts = calls.map(([, , labels]) => labels.filter((label) => label !== 65535).length);
    expect(losses.slice(0, 1)).toEqual([counts.slice(0, 5).reduce((a, b) => a + b)]);
  });

  test("makes a share of a sensor's numbers missing, in all rows that tell of them", () => {
    const { calls } = sampled(noisy(sensor), series, "steps", 400);
    const steps = calls.flatMap(([, rows]) =>
      Array.from({ length: rows.length / 3 }, (_, step) => rows.subarray(3 * step, 3 * step + 3)),
    );
    const share = (is: (step: Uint16Array) => boolean) => steps.filter(is).length / steps.length;
    expect(share(([value]) => value === 0)).toBeCloseTo(0.25, 2);
    expect(share(([value, difference]) => (value === 0) !== (difference === 10))).toBe(0);
    expect(share(([, , value]) => value === 17)).toBeCloseTo(0.25, 2);
    expect(share(([value, , other]) => value === 0 && other === 17)).toBeCloseTo(0.0625, 2);
    expect(series.rows.includes(0)).toBe(false);
  });
});

describe("Trainer.create() refuses", () => {
  const refusals: [string, unknown, Partial<TrainerOptions>, string][] = [
    ["recall", { ...gated, recall: {} }, {}, "Cannot train a classifier of 3 classes with recall"],
    ["tied tables", { ...gated, tied: true }, {}, 'with tied tables; set "tied" to false.'],
    ["texts of a sensor", sensor, {}, 'on texts with the alphabet "sensor"'],
    ["series of symbols", gated, { examples: series }, 'on series with the alphabet "bytes"'],
    ["no examples", gated, { examples: { ...texts, symbols: [], labels: new Uint16Array() } }, "there are no examples"],
    ["an unknown class", gated, { outputs: 2 }, "example 2 has class 2 but there are 2; use 0 to 1 or 65535."],
    ["labels of other texts", gated, { examples: { ...texts, labels: drawn(3, 2) } }, "90 texts but 3 labels"],
    [
      "an empty text",
      gated,
      { examples: { ...texts, symbols: texts.symbols.map((text, i) => (i === 4 ? drawn(0) : text)) } },
      "text 4 has no symbols",
    ],
    ["a symbol of another alphabet", gated, { vocab: 24 }, "of text 0 is outside the alphabet of 24"],
    ["a row of another table", sensor, { examples: series, vocab: 20 }, "is outside the table of 20"],
    [
      "labels of other steps",
      sensor,
      { examples: { ...series, rowsPerStep: 2 } },
      "360 rows of 2 per step but 120 labels",
    ],
    ["starts that do not ascend", sensor, { examples: { ...series, starts: [0, 9, 9] } }, "do not ascend from 0"],
    ["a start that is not the first step", sensor, { examples: { ...series, starts: [3] } }, "do not ascend from 0"],
    ["a start after the last step", sensor, { examples: { ...series, starts: [0, 120] } }, "within their steps"],
    [
      "noise without parts",
      { ...sensor, train: { ...train, noise: 0.1 } },
      { examples: { ...series, parts: [] } },
      '"noise" is set but the series do not say',
    ],
    [
      "nothing to learn from",
      gated,
      { examples: undefined as unknown as Examples },
      "Cannot train without symbols or examples",
    ],
  ];
  test.each(refusals)("%s", async (_, json, options, problem) => {
    const created = trainerOf(json, texts, options as Partial<TrainerOptions>);
    await expect(created).rejects.toThrow(UsageError);
    await expect(created).rejects.toThrow(problem);
    await expect(created).rejects.toThrow(/^Cannot train[^\n]*; [^\n]*\.$/);
  });

  const symbols = drawn(100);
  test.each([
    ['"pool" "sum"', { ...gated, pool: "sum" }, 'a language model with "pool" "sum"'],
    ['"noise"', { ...gated, train: { ...train, noise: 0.1 } }, 'a language model with "noise"'],
    ["a sensor", sensor, "a language model of a sensor"],
  ])("a language model with %s", async (_, json, problem) => {
    const options = { config: parseConfig(json, "test"), vocab, symbols, threads: 1, platform: nodePlatform };
    await expect(Trainer.create(options)).rejects.toThrow(problem);
  });

  test("evaluation of what it was not trained on", async () => {
    const trainer = await trainerOf(gated, texts);
    await expect(trainer.evaluateExamples(series)).rejects.toThrow("Cannot evaluate a model of texts on series");
    await expect(trainer.evaluate(symbols)).rejects.toThrow("Cannot evaluate a classifier on text without classes");
    await trainer.close();
  });
});
