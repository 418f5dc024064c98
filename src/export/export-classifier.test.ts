import { describe, expect, test } from "vitest";
import { createMirror } from "../engine/mirror.js";
import { ENGINE_NATS_PER_UNIT } from "../evaluate/language.js";
import { readModel } from "../format/reader.js";
import { parseConfig } from "../model/parse-config.js";
import { quantiseModel } from "../model/quantised-model.js";
import { randomTensors } from "../model/random-model.js";
import { ReferenceModel } from "../model/reference.js";
import { Alphabet } from "../tokenizer/alphabet.js";
import { MISSING, SensorAlphabet } from "../tokenizer/sensor-alphabet.js";
import type { Examples } from "../train/examples.js";
import { nodePlatform } from "../train/threads-node.js";
import { Trainer } from "../train/trainer.js";
import { type ExportOptions, exportModel, exportQuantised } from "./export.js";

const VOCAB = 40;
const alphabet = Alphabet.bytes(VOCAB);
const classNames = ["on", "off", "größer", "none", "all"];
const ngrams = { buckets: 300, orders: [2, 4] };
const gated = { block: "gated", dModel: 32, dInner: 48, nLayers: 2, dHead: 8, window: 16 };
const base = { block: "base", dModel: 32, nLayers: 2, dHead: 8, window: 16 };

const textAt = (index: number) =>
  Uint16Array.from({ length: 2 + ((index * 7) % 40) }, (_, t) => (t * t * 7 + index * 11 + (t >> 2)) % VOCAB);
const texts = Array.from({ length: 60 }, (_, index) => textAt(index));

const sensor = SensorAlphabet.fit(
  [
    {
      name: "celsius",
      values: Float64Array.from({ length: 300 }, (_, t) => 20 + 3 * Math.sin(t / 9) + (t % 7) / 10),
      // Some of them are missing.
      valid: { least: 18, greatest: 22.5 },
    },
    { name: "open", values: Float64Array.from({ length: 300 }, (_, t) => (t >> 4) & 1) },
  ],
  9,
  5,
);
const sensorConfig = { ...gated, alphabet: { kind: "sensor", levels: 9, differences: 5 } };
/** 200 steps in raw numbers, some of them missing. */
const samples = Int32Array.from({ length: 400 }, (_, i) =>
  i % 13 === 5 ? MISSING : i % 2 === 0 ? 200 + Math.round(40 * Math.sin(i / 11)) : (i >> 5) & 1,
);

const modelOf = (json: unknown, vocab = VOCAB) => {
  const config = parseConfig(json, "x");
  return quantiseModel(config, randomTensors(config, vocab, classNames.length, 5), vocab, classNames.length);
};
const partsOf = (json: unknown, options: object = {}) =>
  readModel(exportQuantised(modelOf(json), { alphabet, classNames, ...options }));

/** Probabilities of logits with a unit in nats. */
function softmax(logits: ArrayLike<number>, unit: number): number[] {
  const largest = Math.max(...Array.from(logits));
  const weights = Array.from(logits, (logit) => Math.exp((logit - largest) * unit));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

/** Mean divergence of the engine's distributions over the steps, and the entropy of the reference's. */
function fidelity(expected: number[][], found: number[][]) {
  const mean = (values: number[]) => values.reduce((a, b) => a + b) / values.length;
  return {
    klNats: mean(expected.map((p, i) => p.reduce((sum, value, o) => sum + value * Math.log(value / found[i][o]), 0))),
    entropyNats: mean(expected.map((p) => -p.reduce((sum, value) => sum + value * Math.log(value), 0))),
  };
}

/** Distributions after every symbol of every text. */
function textDistributions(json: unknown, streams: readonly Uint16Array[], options: Partial<ExportOptions> = {}) {
  const model = modelOf(json);
  const bytes = exportQuantised(model, { alphabet, classNames, ...options } as ExportOptions);
  const [reference, engine] = [new ReferenceModel(model), createMirror(bytes)];
  const steps = streams.flatMap((text) => {
    reference.reset();
    engine.reset();
    return Array.from(text, (symbol) => [
      softmax(reference.step(symbol), 1),
      softmax(engine.step(symbol), ENGINE_NATS_PER_UNIT),
    ]);
  });
  return fidelity(
    steps.map(([expected]) => expected),
    steps.map(([, found]) => found),
  );
}

describe("the engine's logits of an exported classifier", () => {
  const cases: [string, Record<string, unknown>][] = [
    ["the last position", gated],
    ["the sum", { ...gated, pool: "sum" }],
    ["the sum, n-grams", { ...gated, pool: "sum", ngrams }],
    ["n-grams, 4-bit tables", { ...gated, ngrams, embedding: "int4", unembedding: "int4" }],
    ["base, the sum, n-grams", { ...base, pathways: ["local", "state"], pool: "sum", ngrams }],
  ];
  test.each(cases)("lose next to nothing: %s", (_, json) => {
    for (const calibration of [texts, undefined]) {
      const { klNats, entropyNats } = textDistributions(json, texts, { calibration });
      expect(klNats).toBeLessThan(0.0002);
      expect(entropyNats).toBeLessThan(Math.log(5) - 0.1);
    }
  });

  test("lose next to nothing over sums of thousands of steps", () => {
    const long = Uint16Array.from({ length: 6000 }, (_, t) => (t * t * 7 + (t >> 3)) % VOCAB);
    expect(textDistributions({ ...gated, pool: "sum", ngrams }, [long]).klNats).toBeLessThan(0.0002);
  });

  test.each([
    ["its series", [sensor.rows(samples)]],
    ["random samples", undefined],
  ])("lose next to nothing: a sensor, calibrated by %s", (_, calibration) => {
    const model = modelOf(sensorConfig, sensor.size);
    const engine = createMirror(exportQuantised(model, { sensor, classNames, calibration }));
    const reference = new ReferenceModel(model);
    const rows = sensor.rows(samples);
    const expected: number[][] = [];
    const found: number[][] = [];
    for (let step = 0; step < samples.length / 2; step++) {
      const { rowsPerStep } = sensor;
      expected.push(softmax(reference.stepRows(rows.subarray(step * rowsPerStep, (step + 1) * rowsPerStep)), 1));
      engine.feedSample(samples.subarray(2 * step, 2 * step + 2));
      found.push(softmax(engine.logits(), ENGINE_NATS_PER_UNIT));
    }
    const { klNats, entropyNats } = fidelity(expected, found);
    expect(klNats).toBeLessThan(0.0002);
    expect(entropyNats).toBeLessThan(Math.log(5) - 0.1);
  });

  test("are divided by the temperature", () => {
    const logits = (temperature: number) =>
      createMirror(exportQuantised(modelOf(gated), { alphabet, classNames, temperature })).step(7);
    const plain = logits(1);
    for (const temperature of [0.4, 3]) {
      const divided = logits(temperature);
      plain.forEach((logit, o) => {
        expect(Math.abs(divided[o] - logit / temperature)).toBeLessThan(
          1 + 1 / temperature + Math.abs(logit / temperature) / 10_000,
        );
      });
    }
  });

  test("stand or not as the decision record says", () => {
    const decide = (threshold: number) => {
      const decision = { signal: "probability", threshold } as const;
      const engine = createMirror(exportQuantised(modelOf(gated), { alphabet, classNames, decision }));
      engine.step(7);
      return engine.decide();
    };
    const { class: chosen, probability } = decide(0);
    expect(decide(probability)).toEqual({ class: chosen, probability });
    expect(decide(probability + 1)).toEqual({ class: -1, probability });
  });
});

describe("a trained classifier on the engine", () => {
  const classes = { outputs: 3, classNames: ["a", "b", "c"] };
  const training = { batch: 16, context: 24, steps: 300, seed: 2, learningRate: 0.01 };

  async function trained(json: object, vocab: number, examples: Examples) {
    const config = parseConfig({ ...json, train: training }, "x");
    const { outputs } = classes;
    const trainer = await Trainer.create({ config, vocab, outputs, examples, threads: 1, platform: nodePlatform });
    for (let step = 0; step < training.steps; step++) await trainer.step();
    const { accuracy } = await trainer.evaluateExamples(examples);
    const { tensors } = trainer.state();
    await trainer.close();
    return { config, tensors, accuracy };
  }

  test.each<[string, object]>([
    ["the last position", gated],
    ["the sum, n-grams", { ...gated, pool: "sum", ngrams }],
  ])("classifies texts as the trainer found: %s", async (_, json) => {
    // The class is told by one pair of neighbours.
    const symbols = texts.map((text, index) => {
      const marked = text.slice(0, 24);
      marked.set([30 + (index % 3), 35 - (index % 3)], (index * 5) % (marked.length - 1));
      return marked;
    });
    const labels = Uint16Array.from(symbols, (_, index) => index % 3);
    const { accuracy, ...model } = await trained(json, VOCAB, { kind: "texts", symbols, labels });
    const engine = createMirror(exportModel({ ...model, alphabet, calibration: symbols, ...classes }));
    const right = symbols.filter((text, index) => {
      engine.reset();
      for (const symbol of text) engine.feed(symbol);
      engine.logits();
      return engine.decide().class === labels[index];
    });
    expect(accuracy).toBeGreaterThan(0.95);
    expect(Math.abs(right.length / symbols.length - accuracy)).toBeLessThanOrEqual(1 / symbols.length);
  });

  test("classifies samples as the trainer found", async () => {
    const rows = sensor.rows(samples);
    // Of the first column's level now.
    const labels = Uint16Array.from({ length: 200 }, (_, step) => Math.floor(rows[step * sensor.rowsPerStep] / 4));
    const examples = { kind: "series", rows, rowsPerStep: sensor.rowsPerStep, labels, starts: [0] } as const;
    const { accuracy, ...model } = await trained(sensorConfig, sensor.size, examples);
    const engine = createMirror(exportModel({ ...model, sensor, calibration: rows, ...classes }));
    const right = labels.filter((label, step) => {
      engine.feedSample(samples.subarray(2 * step, 2 * step + 2));
      engine.logits();
      return engine.decide().class === label;
    });
    expect(accuracy).toBeGreaterThan(0.95);
    expect(Math.abs(right.length / labels.length - accuracy)).toBeLessThan(0.02);
  });
});

describe("exportModel() of a classifier", () => {
  test("writes n-grams in the units of the embedding", () => {
    const json = { ...gated, ngrams };
    const model = modelOf(json);
    const parts = partsOf(json);
    const table = model.tensors.get("ngrams");
    const embed = model.tensors.get("embed");
    expect(parts.ngrams).toMatchObject({ buckets: 300, orders: 0b101, trits: table?.values });
    const ratio = (parts.ngrams?.scale ?? 0) / parts.embedScale;
    expect(ratio).toBeCloseTo((table?.steps[0] ?? 0) / (embed?.steps[0] ?? 1), 3);
    expect(partsOf(gated)).toMatchObject({ ngrams: undefined, pooled: false, sensor: undefined, decision: undefined });
    expect(partsOf({ ...gated, pool: "sum" }).pooled).toBe(true);
  });

  test("writes a sensor's thresholds and no tokens", () => {
    const parts = readModel(exportQuantised(modelOf(sensorConfig, sensor.size), { sensor, classNames }));
    const columns = sensor.columns.map(({ name: _, ...column }) => column);
    expect(columns.map(({ least, greatest }) => [least, greatest])).toEqual([
      [180_000, 225_000],
      [-(2 ** 30), 2 ** 30 - 1],
    ]);
    expect(parts.sensor?.columns).toEqual(columns);
    expect(parts.tokens).toBeUndefined();
    expect(parts.dimensions).toMatchObject({ vocab: sensor.size, outputs: 5 });
  });

  test("writes the decision as it is", () => {
    const decision = { signal: "energy", threshold: -70_000 } as const;
    expect(partsOf(gated, { decision }).decision).toEqual(decision);
  });

  const language = { config: parseConfig(gated, "x") };
  test.each<[string, () => unknown, string]>([
    ["a temperature of 0", () => partsOf(gated, { temperature: 0 }), "the temperature is 0; choose a number above 0"],
    ["an endless temperature", () => partsOf(gated, { temperature: Infinity }), "the temperature is Infinity"],
    [
      "a sensor without its alphabet",
      () => exportQuantised(modelOf(sensorConfig), { alphabet, classNames }),
      'its alphabet is "sensor"',
    ],
    [
      "symbols with a sensor's alphabet",
      () => exportQuantised(modelOf(gated), { sensor, classNames }),
      'its alphabet is "bytes"',
    ],
    [
      "a sensor without names",
      () => exportQuantised(modelOf(sensorConfig, sensor.size), { sensor }),
      "a sensor's model has no class names",
    ],
    [
      "a language model with a sum",
      () => exportQuantised(modelOf({ ...gated, pool: "sum" }), { alphabet }),
      'a language model has "pool" "sum"',
    ],
    [
      "a language model with a temperature",
      () =>
        exportQuantised(quantiseModel(language.config, randomTensors(language.config, VOCAB, VOCAB, 5), VOCAB, VOCAB), {
          alphabet,
          temperature: 2,
        }),
      "a language model has no decisions",
    ],
  ])("refuses %s", (_, act, problem) => {
    expect(act).toThrow(problem);
    expect(act).toThrow(/^Cannot export the model: [^\n]*; [^\n]*\.$/);
  });
});
