import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createMirror } from "../engine/mirror.js";
import { compareOnText, ENGINE_NATS_PER_UNIT } from "../evaluate/language.js";
import { readModel } from "../format/reader.js";
import type { ModelConfig } from "../model/config.js";
import { FailureError } from "../model/errors.js";
import { parseConfig } from "../model/parse-config.js";
import { quantiseModel } from "../model/quantised-model.js";
import { randomTensors } from "../model/random-model.js";
import { ReferenceModel } from "../model/reference.js";
import { Alphabet } from "../tokenizer/alphabet.js";
import { exportModel, exportQuantised } from "./export.js";

const VOCAB = 40;
const alphabet = Alphabet.bytes(VOCAB);
const SYMBOLS = Uint16Array.from({ length: 400 }, (_, t) => (t * t * 7 + (t >> 3)) % VOCAB);

type Tensors = Map<string, Float32Array>;
/** Changes the tensors of a name, `layers.i.` left out. */
const change = (tensors: Tensors, wanted: string, map: (value: number, index: number) => number) => {
  for (const [name, values] of tensors) {
    if (name.replace(/^layers\.\d+\./, "") === wanted) tensors.set(name, values.map(map));
  }
};

/** How far the engine's distributions are from the reference's. */
function fidelityOf(config: ModelConfig, tensors: Tensors, calibration?: Uint16Array) {
  const forget = alphabet.lastSymbolOf(config.recall?.forget);
  const model = quantiseModel(config, tensors, VOCAB, VOCAB, forget);
  const engine = createMirror(exportQuantised(model, { alphabet, calibration }));
  const predictor = (step: (symbol: number) => ArrayLike<number>, natsPerUnit: number) => ({ step, natsPerUnit });
  const reference = new ReferenceModel(model);
  return compareOnText(
    predictor((symbol) => reference.step(symbol), 1),
    predictor((symbol) => engine.step(symbol), ENGINE_NATS_PER_UNIT),
    SYMBOLS,
    SYMBOLS.length,
  );
}

const all = ["local", "state", "sparse"];
const base = { block: "base", dModel: 32, nLayers: 2, dHead: 8, window: 16 };
const gpt = { block: "gpt", dModel: 32, dInner: 48, nLayers: 1, dHead: 8 };
const gated = { block: "gated", dModel: 32, dInner: 48, nLayers: 2, dHead: 8, window: 16 };
const shapes: [string, Record<string, unknown>][] = [
  ["base", base],
  ["base, one pathway in each layer", { ...base, nLayers: 3, pathways: [["local"], ["state"], ["sparse"]] }],
  ["base, two pathways, window 1, top 1", { ...base, pathways: ["state", "sparse"], window: 1, topK: 1 }],
  ["base, d 33", { ...base, dModel: 33 }],
  ["base, 4-bit embedding, ternary unembedding", { ...base, embedding: "int4" }],
  ["gated", gated],
  ["gated, all pathways", { ...gated, pathways: all }],
  ["gated, local alone", { ...gated, pathways: ["local"] }],
  ["gated, tied 4-bit tables", { ...gated, embedding: "int4", tied: true }],
  ["gated, tied ternary tables", { ...gated, tied: true }],
  ["gated, recall", { ...gated, recall: { window: 50, forget: "\u0003" } }],
  ["base, tied, recall without end", { ...base, pathways: ["local"], tied: true, recall: { window: 1024 } }],
  ["gated, recall with gates", { ...gated, recall: { window: 50, gates: true } }],
  ["gated, recall with bonuses of symbols", { ...gated, recall: { window: 50, gates: true, symbols: true } }],
  [
    "gated, 4-bit matrices, tied, recall with gates",
    {
      ...gated,
      matrices: "int4",
      embedding: "int4",
      tied: true,
      recall: { window: 90, forget: "\u0003", gates: true },
    },
  ],
  ["gated, 4-bit unembedding, e below d", { ...gated, dInner: 21, unembedding: "int4" }],
  ["base, 4-bit matrices", { ...base, matrices: "int4" }],
  [
    "gated, every pathway, 4-bit matrices and tables",
    { ...gated, pathways: all, matrices: "int4", embedding: "int4", tied: true },
  ],
];

describe("exportModel()", () => {
  test.each(shapes)("loses next to nothing: %s", (_, json) => {
    const config = parseConfig(json, "x");
    const fidelity = fidelityOf(config, randomTensors(config, VOCAB, VOCAB, 5));
    // Attention takes another position where two scores are close; without training they often are.
    const attends = config.layers.some((layer) => layer.pathways.sparse);
    expect(fidelity.klNatsPerSymbol).toBeLessThan(attends ? 0.004 : 0.0002);
    expect(Math.abs(fidelity.bitsPerByteRatio)).toBeLessThan(0.001);
    expect(fidelity.top1Agreement).toBeGreaterThan(attends ? 0.93 : 0.97);
    // What is compared is not a flat distribution.
    expect(fidelity.reference.natsPerSymbol).toBeGreaterThan(Math.log(VOCAB) + 0.1);
  });

  const stressed: [string, Record<string, unknown>, (tensors: Tensors) => void][] = [
    [
      "states that decay slowly, at once, and in alternation",
      base,
      (t) => change(t, "state.decay", (_, c) => [9, 0, -0.5, 4, 3][c % 5]),
    ],
    [
      "states that decay slowly in the gated block",
      gated,
      (t) => change(t, "state.decay", (_, c) => [9, 5, 4, 3][c % 4]),
    ],
    ["an embedding a thousandth as large", base, (t) => change(t, "embed", (v) => v / 1000)],
    ["an embedding a hundred times as large", base, (t) => change(t, "embed", (v) => v * 100)],
    ["layers that write twenty times as much", gated, (t) => change(t, "out", (v) => v * 20)],
    ["gamma of 3 and of 0.3", base, (t) => change(t, "norm.gamma", (v, c) => v * (c % 2 ? 3 : 0.3))],
    ["a gate that is nearly shut", gated, (t) => change(t, "gate", (v) => v / 500)],
    [
      "taps and inner weights a few times as large",
      gated,
      (t) => {
        change(t, "local.taps", (v) => v * 5);
        change(t, "in", (v) => v * 5);
      },
    ],
    ["a strong router bias", gated, (t) => change(t, "router.bias", (_, i) => [40, -40][i])],
    [
      "tensors of zeros",
      base,
      (t) => {
        for (const name of ["local.taps", "state.gain", "sparse.query", "router.weight"]) change(t, name, () => 0);
      },
    ],
    [
      "gated tensors of zeros",
      { ...gated, pathways: all },
      (t) => {
        for (const name of ["gate", "local.taps", "sparse.key"]) change(t, name, () => 0);
      },
    ],
    [
      "4-bit matrices with rows of zeros and rows of great steps",
      { ...gated, matrices: "int4" },
      (t) => change(t, "in", (v, i) => (i % 3 ? v / 8 : i % 2 ? 0 : v * 3)),
    ],
  ];
  test.each(stressed)("adapts its units to %s", (_, json, stress) => {
    const config = parseConfig(json, "x");
    const tensors = randomTensors(config, VOCAB, VOCAB, 5);
    stress(tensors);
    expect(fidelityOf(config, tensors, SYMBOLS).klNatsPerSymbol).toBeLessThan(0.002);
  });

  const anyConfig = fc
    .record({
      dModel: fc.integer({ min: 2, max: 30 }),
      dInner: fc.option(fc.integer({ min: 2, max: 40 }), { nil: undefined }),
      dHead: fc.integer({ min: 1, max: 9 }),
      topK: fc.integer({ min: 1, max: 4 }),
      window: fc.integer({ min: 1, max: 9 }),
      embedding: fc.constantFrom("ternary", "int4"),
      unembedding: fc.constantFrom("ternary", "int4"),
      matrices: fc.constantFrom("ternary", "int4"),
      pathways: fc.array(fc.subarray(["local", "state", "sparse"], { minLength: 1 }), { minLength: 1, maxLength: 3 }),
    })
    .map(({ dInner, pathways, ...rest }) => {
      const gated = dInner !== undefined;
      const layers = pathways.map((list) => (gated ? [...new Set(["local", ...list])] : list));
      return {
        ...rest,
        block: gated ? "gated" : "base",
        ...(gated ? { dInner } : {}),
        nLayers: layers.length,
        pathways: layers,
      };
    });

  test("writes any model of any shape, matrices up to twice and down to an eighth as large", () => {
    fc.assert(
      fc.property(anyConfig, fc.integer(), fc.integer({ min: -3, max: 1 }), (json, seed, magnitude) => {
        const config = parseConfig(json, "x");
        const tensors = randomTensors(config, VOCAB, VOCAB, seed);
        for (const [name, values] of tensors) {
          if (!/embed|norm|final/.test(name))
            tensors.set(
              name,
              values.map((value) => value * 2 ** magnitude),
            );
        }
        const bytes = exportModel({ config, tensors, alphabet, calibration: SYMBOLS.subarray(0, 40) });
        const engine = createMirror(bytes);
        const reference = new ReferenceModel(quantiseModel(config, tensors, VOCAB, VOCAB));
        const nats = engine.step(7).map((logit) => logit);
        const expected = reference.step(7);
        const mean = expected.reduce((sum, logit) => sum + logit, 0) / VOCAB;
        const error = expected.reduce((sum, logit, o) => sum + (logit - nats[o] * ENGINE_NATS_PER_UNIT) ** 2, 0);
        const power = expected.reduce((sum, logit) => sum + (logit - mean) ** 2, 0);
        // Rounding and clipping alone, which the LayerNorm of a few channels can magnify; a wrong scale costs all of it.
        expect(error).toBeLessThan(0.25 * power + 0.01);
      }),
      { numRuns: 100, seed: 1 },
    );
  });

  test("writes attention whose scores go beyond their scale", () => {
    const config = parseConfig(base, "x");
    const tensors = randomTensors(config, VOCAB, VOCAB, 5);
    for (const name of ["sparse.query", "sparse.key"]) change(tensors, name, (value) => value * 15);
    // Queries and keys then clip, and scores some hundred nats apart change their order where they are close.
    expect(fidelityOf(config, tensors).klNatsPerSymbol).toBeLessThan(0.2);
  });

  const config = parseConfig(gated, "x");
  const tensors = randomTensors(config, VOCAB, VOCAB, 5);

  test("gives the same bytes every time, with a calibration text and without", () => {
    const write = (calibration?: Uint16Array) => exportModel({ config, tensors, alphabet, calibration });
    expect(write()).toEqual(write());
    expect(write(SYMBOLS)).toEqual(write(SYMBOLS));
    expect(write(SYMBOLS)).not.toEqual(write());
  });

  test("writes tokens and metadata", () => {
    const tokens = Alphabet.ofTokens(
      Array.from({ length: VOCAB }, (_, i) => new Uint8Array(i % 7 ? [i, i] : i ? [i] : [])),
    );
    const metadata = { licence: "CC0-1.0", seed: 3 };
    const model = readModel(exportModel({ config, tensors, alphabet: tokens, metadata }));
    expect(model.tokens).toEqual(tokens.tokens);
    expect(JSON.parse(model.metadata ?? "")).toEqual(metadata);
    expect(readModel(exportModel({ config, tensors, alphabet })).tokens).toBeUndefined();
  });

  test("writes recall: bonuses in 1/2048 bit, pulls in 1/32768, both within their limits", () => {
    const recalling = parseConfig({ ...gated, recall: { window: 300, forget: "!\u0007" } }, "x");
    const values = randomTensors(recalling, VOCAB, VOCAB, 5);
    const at = (start: number[]) => Float32Array.from({ length: 28 }, (_, i) => start[i] ?? 0);
    values.set("recall.bonus", at([Math.LN2, -Math.LN2 / 2, 20, -20]));
    values.set("recall.pull", at([0.25, 1, 1.5, -0.5]));
    const { recall } = readModel(exportModel({ config: recalling, tensors: values, alphabet }));
    expect(recall).toMatchObject({ window: 300, forget: 7 });
    expect([...(recall?.bonus ?? [])].slice(0, 5)).toEqual([2048, -1024, 32767, -32767, 0]);
    expect([...(recall?.pull ?? [])].slice(0, 5)).toEqual([8192, 32767, 32767, 0, 0]);
    expect(readModel(exportModel({ config, tensors, alphabet })).recall).toBeUndefined();
  });

  test("fits its units to what a model writes without recall", () => {
    const recalling = parseConfig({ ...gated, recall: {} }, "x");
    const values = randomTensors(recalling, VOCAB, VOCAB, 5);
    const { recall: _recall, ...rest } = readModel(exportModel({ config: recalling, tensors: values, alphabet }));
    const { layers } = readModel(exportModel({ config, tensors, alphabet }));
    expect(rest.layers).toEqual(layers);
  });

  test("refuses a classifier with recall", () => {
    const recalling = parseConfig({ ...gated, recall: {} }, "x");
    const classNames = Array.from({ length: 3 }, (_, i) => `${i}`);
    const act = () =>
      exportModel({ config: recalling, tensors: randomTensors(recalling, VOCAB, 3, 5), alphabet, classNames });
    expect(act).toThrow('a classifier has recall; train it without "recall"');
  });

  test("writes a classifier with the names of its classes", () => {
    const classNames = ["on", "off", "größer"];
    const model = exportModel({ config, tensors: randomTensors(config, VOCAB, 3, 5), alphabet, classNames });
    const { dimensions, classNames: names } = readModel(model);
    expect(dimensions.outputs).toBe(3);
    expect(names?.map((name) => new TextDecoder().decode(name))).toEqual(classNames);
  });

  const failures: [string, Record<string, unknown>, Alphabet, (tensors: Tensors) => void, string][] = [
    [
      "float matrices",
      { ...base, matrices: "float" },
      alphabet,
      () => {},
      'its "matrices" are "float"; train it with "ternary"',
    ],
    ["8-bit matrices", { ...base, matrices: "int8" }, alphabet, () => {}, 'its "matrices" are "int8"'],
    ["an 8-bit table", { ...base, embedding: "int8" }, alphabet, () => {}, 'its "embedding" is "int8"'],
    ["a gpt block", gpt, alphabet, () => {}, "its gpt block is for comparison and has no export"],
    [
      "a llama block",
      { ...gpt, block: "llama" },
      alphabet,
      () => {},
      "its llama block is for comparison and has no export",
    ],
    [
      "a block without a gate",
      { ...gated, gate: false },
      alphabet,
      () => {},
      'its "gate" is false, which is for comparison',
    ],
    ["a float table", { ...base, unembedding: "float" }, alphabet, () => {}, 'its "unembedding" is "float"'],
    [
      "NaN",
      base,
      alphabet,
      (t) => change(t, "norm.beta", () => Number.NaN),
      'the tensor "layers.0.norm.beta" is not finite',
    ],
    [
      "a scale that is too large",
      base,
      alphabet,
      (t) => change(t, "unembed", (v) => v * 1e6),
      'the tensor "unembed" needs a scale of',
    ],
    [
      "an embedding that epsilon swallows",
      base,
      alphabet,
      (t) => change(t, "embed", (v) => v * 1e-7),
      'the tensor "embed" is too small',
    ],
    [
      "a 4-bit embedding that the layers swallow",
      { ...base, embedding: "int4" },
      alphabet,
      (t) => change(t, "embed", (v) => v * 1e-7),
      'the tensor "embed" is too small',
    ],
  ];
  test.each(failures)("refuses %s, naming it", (_, json, symbols, damage, problem) => {
    const damaged = parseConfig(json, "x");
    const values = randomTensors(damaged, symbols.size, symbols.size, 5);
    damage(values);
    const act = () => exportModel({ config: damaged, tensors: values, alphabet: symbols });
    expect(act).toThrow(FailureError);
    expect(act).toThrow(problem);
    expect(act).toThrow(/^Cannot export the model: [^\n]*; [^\n]*\.$/);
  });

  test("refuses class names that are not one for each output, and tied ones", () => {
    const model = quantiseModel(config, randomTensors(config, VOCAB, 3, 5), VOCAB, 3);
    expect(() => exportQuantised(model, { alphabet, classNames: ["a", "b"] })).toThrow(
      "it has 3 outputs but 2 class names",
    );
    expect(() => exportQuantised(model, { alphabet })).toThrow("it has 3 outputs but 40 symbols");
    const tied = parseConfig({ ...gated, tied: true }, "x");
    const classNames = Array.from({ length: VOCAB }, (_, i) => `${i}`);
    expect(() =>
      exportModel({ config: tied, tensors: randomTensors(tied, VOCAB, VOCAB, 5), alphabet, classNames }),
    ).toThrow("a classifier has tied tables");
  });
});
