import { describe, expect, test } from "vitest";
import { readModel } from "../format/reader.js";
import { seededDraw } from "../format/samples.js";
import { FailureError, UsageError } from "../model/errors.js";
import { parseConfig } from "../model/parse-config.js";
import { quantiseModel, tensorOf } from "../model/quantised-model.js";
import { randomTensors } from "../model/random-model.js";
import { ReferenceModel } from "../model/reference.js";
import { exportQuantised } from "./export.js";
import { importAtome01 } from "./import-atome01.js";

const DIMENSIONS = { dModel: 6, nLayers: 2, dHead: 3, topK: 2, kernel: 5, vocab: 7, window: 4 };
type Dimensions = typeof DIMENSIONS;

interface Ternary {
  scale: number;
  /** Row-major. */
  trits: number[];
}
interface LayerValues {
  gamma: number[];
  beta: number[];
  conv: Ternary;
  a: number[];
  b: number[];
  c: number[];
  q: Ternary;
  k: Ternary;
  v: Ternary;
  router: Ternary;
}
interface Values {
  embed: Ternary;
  layers: LayerValues[];
  gamma: number[];
  beta: number[];
  unembed: Ternary;
}

/** A model drawn at random, in the order of the file. */
function drawValues({ dModel: d, nLayers, dHead, kernel, vocab }: Dimensions): Values {
  const draw = seededDraw(11);
  const ternary = (count: number): Ternary => ({
    scale: Math.fround(0.1 + draw(0, 1000) / 2000),
    trits: Array.from({ length: count }, () => draw(-1, 1)),
  });
  const floats = (middle: number) =>
    Array.from({ length: d }, () => Math.fround(middle + (draw(0, 2000) - 1000) / 2000));
  const embed = ternary(vocab * d);
  const layers = Array.from({ length: nLayers }, () => ({
    gamma: floats(1),
    beta: floats(0),
    conv: ternary(d * kernel),
    a: floats(1),
    b: floats(0.5),
    c: floats(0.5),
    q: ternary(dHead * d),
    k: ternary(dHead * d),
    v: ternary(d * d),
    router: ternary(3 * d),
  }));
  return { embed, layers, gamma: floats(1), beta: floats(0), unembed: ternary(vocab * d) };
}

function encode(values: Values): Uint8Array {
  const bytes = [...new TextEncoder().encode("ATOME01")];
  const floats = (list: number[]) => bytes.push(...new Uint8Array(Float32Array.from(list).buffer));
  const ternary = ({ scale, trits }: Ternary) => {
    floats([scale]);
    for (let i = 0; i < trits.length; i += 4) {
      bytes.push([0, 1, 2, 3].reduce((byte, j) => byte | (((trits[i + j] ?? 0) & 3) << (2 * j)), 0));
    }
  };
  ternary(values.embed);
  for (const layer of values.layers) {
    floats(layer.gamma);
    floats(layer.beta);
    ternary(layer.conv);
    for (const list of [layer.a, layer.b, layer.c]) floats(list);
    for (const matrix of [layer.q, layer.k, layer.v, layer.router]) ternary(matrix);
  }
  floats(values.gamma);
  floats(values.beta);
  ternary(values.unembed);
  return Uint8Array.from(bytes);
}

const times = ({ scale, trits }: Ternary, v: number[]) =>
  Array.from({ length: trits.length / v.length }, (_, row) =>
    v.reduce((sum, value, column) => sum + scale * trits[row * v.length + column] * value, 0),
  );
const dot = (a: number[], b: number[]) => a.reduce((sum, value, i) => sum + value * b[i], 0);
const softmax = (v: number[]) => {
  const e = v.map(Math.exp);
  const sum = e.reduce((x, y) => x + y, 0);
  return e.map((value) => value / sum);
};
const norm = (x: number[], gamma: number[], beta: number[]) => {
  const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return x.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * gamma[i] + beta[i]);
};

/** The logits after the last symbol, by the formulas of the base block over the whole sequence. */
function logitsOf(values: Values, { dModel: d, dHead, topK, kernel, window }: Dimensions, symbols: number[]) {
  let x = symbols.map((s) => values.embed.trits.slice(s * d, (s + 1) * d).map((trit) => trit * values.embed.scale));
  for (const layer of values.layers) {
    const n = x.map((v) => norm(v, layer.gamma, layer.beta));
    const [q, k, v] = [layer.q, layer.k, layer.v].map((matrix) => n.map((row) => times(matrix, row)));
    const state = new Array<number>(d).fill(0);
    x = x.map((row, t) => {
      const r = softmax(times(layer.router, n[t]));
      const seen = Array.from({ length: t + 1 }, (_, i) => i).slice(-window);
      const scored = seen.map((i) => ({ i, score: dot(q[t], k[i]) / Math.sqrt(dHead) }));
      const best = scored.sort((one, two) => two.score - one.score).slice(0, topK);
      const p = softmax(best.map(({ score }) => score));
      return row.map((value, c) => {
        let local = 0;
        for (let j = 0; j < kernel && j <= t; j++) {
          local += layer.conv.scale * layer.conv.trits[c * kernel + j] * n[t - j][c];
        }
        state[c] = Math.tanh(layer.a[c]) * state[c] + layer.b[c] * n[t][c];
        const sparse = best.reduce((sum, { i }, rank) => sum + p[rank] * v[i][c], 0);
        return value + r[0] * local + r[1] * layer.c[c] * state[c] + r[2] * sparse;
      });
    });
  }
  return times(values.unembed, norm(x[x.length - 1], values.gamma, values.beta));
}

const BLOB = '"blob.bin"';
const SYMBOLS = [3, 0, 6, 6, 1, 5, 2, 4, 0];

describe("importAtome01()", () => {
  test.each([5, 3, 1])("gives the model that the file means, kernel %i", (kernel) => {
    const dimensions = { ...DIMENSIONS, kernel };
    const values = drawValues(dimensions);
    const { model } = importAtome01(encode(values), dimensions, BLOB);
    const reference = new ReferenceModel(model);
    SYMBOLS.forEach((symbol, t) => {
      const expected = logitsOf(values, dimensions, SYMBOLS.slice(0, t + 1));
      reference.step(symbol).forEach((logit, output) => {
        expect(Math.abs(logit - expected[output])).toBeLessThan(1e-9);
      });
    });
  });

  test("takes the trits over exactly, through to the .atome file", () => {
    const values = drawValues(DIMENSIONS);
    const { model, alphabet } = importAtome01(encode(values), DIMENSIONS, BLOB);
    const parts = readModel(exportQuantised(model, { alphabet }));
    expect(parts.dimensions).toEqual({ vocab: 7, outputs: 7, dModel: 6, dInner: 0, dHead: 3, nLayers: 2, topK: 2 });
    expect(parts.embedding).toEqual({ kind: "ternary", trits: Int8Array.from(values.embed.trits) });
    expect(parts.unembedding).toEqual({ kind: "ternary", trits: Int8Array.from(values.unembed.trits) });
    parts.layers.forEach((layer, index) => {
      const { conv, q, k, v, router } = values.layers[index];
      expect([...(layer.taps as Int8Array)]).toEqual(conv.trits);
      expect(layer.first).toEqual({
        kind: "ternary",
        trits: Int8Array.from([q, k, v, router].flatMap(({ trits }) => trits)),
      });
      expect(layer.window).toBe(4);
    });
  });

  test("exports to the same bytes as the checkpoint that the file was made from", () => {
    const { nLayers, vocab, ...rest } = DIMENSIONS;
    const config = parseConfig({ block: "base", dModel: rest.dModel, dHead: 3, topK: 2, window: 4, nLayers }, "x");
    const model = quantiseModel(config, randomTensors(config, vocab, vocab, 2), vocab, vocab);
    const ternary = (name: string): Ternary => {
      const { values, steps } = tensorOf(model, name);
      return { scale: steps[0], trits: [...values] };
    };
    const floats = (name: string) => [...tensorOf(model, name).values];
    const layers = Array.from({ length: nLayers }, (_, index) => {
      const at = (name: string) => `layers.${index}.${name}`;
      return {
        gamma: floats(at("norm.gamma")),
        beta: floats(at("norm.beta")),
        conv: ternary(at("local.taps")),
        a: floats(at("state.decay")),
        b: floats(at("state.gain")),
        c: floats(at("state.out")),
        q: ternary(at("sparse.query")),
        k: ternary(at("sparse.key")),
        v: ternary(at("sparse.value")),
        router: ternary(at("router.weight")),
      };
    });
    const blob = encode({
      embed: ternary("embed"),
      layers,
      gamma: floats("final.gamma"),
      beta: floats("final.beta"),
      unembed: ternary("unembed"),
    });
    const imported = importAtome01(blob, DIMENSIONS, BLOB);
    const { alphabet } = imported;
    expect(exportQuantised(imported.model, { alphabet })).toEqual(exportQuantised(model, { alphabet }));
  });

  test("turns the trits around for a negative scale", () => {
    const values = drawValues(DIMENSIONS);
    const positive = importAtome01(encode(values), DIMENSIONS, BLOB).model;
    values.unembed = { scale: -values.unembed.scale, trits: values.unembed.trits.map((trit) => -trit + 0) };
    expect(importAtome01(encode(values), DIMENSIONS, BLOB).model).toEqual(positive);
  });

  test("has 256 symbols and a window of 64 unless told", () => {
    const { vocab: _vocab, window: _window, ...dimensions } = DIMENSIONS;
    const values = drawValues({ ...DIMENSIONS, vocab: 256 });
    const { model, alphabet } = importAtome01(encode(values), dimensions, BLOB);
    expect([model.vocab, alphabet.size, model.config.layers[0].window]).toEqual([256, 256, 64]);
  });

  const valid = encode(drawValues(DIMENSIONS));
  const changed = (at: number, ...bytes: number[]) => {
    const copy = valid.slice();
    copy.set(bytes, at);
    return copy;
  };
  const afterEmbedding = 7 + 4 + Math.ceil((7 * 6) / 4);
  test.each<[string, Uint8Array, string]>([
    ["another magic", changed(5, 0x39), 'at byte 0, the magic is "ATOME91" but must be "ATOME01"'],
    ["an empty file", new Uint8Array(0), 'the magic is "" but'],
    [
      "a missing byte",
      valid.subarray(0, valid.length - 1),
      `it has ${valid.length - 1} bytes but a model of these dimensions (vocab 7, dModel 6, 2 layers, dHead 3, kernel 5) has ${valid.length};`,
    ],
    ["a byte too many", Uint8Array.of(...valid, 0), `it has ${valid.length + 1} bytes but`],
    [
      "an infinite scale",
      changed(7, 0, 0, 0x80, 0x7f),
      'at byte 7, the tensor "embed" has Infinity but must be finite',
    ],
    [
      "a NaN",
      changed(afterEmbedding + 4, 0, 0, 0xc0, 0x7f),
      `at byte ${afterEmbedding + 4}, the tensor "layers.0.norm.gamma" has NaN`,
    ],
    ["code 10", changed(12, 0b10_00_00_00), 'at byte 12, trit 7 of the tensor "embed" has the code 10'],
    [
      "code 10 in the last trits",
      changed(valid.length - 1, 0b00_00_10_00),
      `at byte ${valid.length - 1}, trit 41 of the tensor "unembed"`,
    ],
  ])("refuses %s", (_, bytes, problem) => {
    const act = () => importAtome01(bytes, DIMENSIONS, BLOB);
    expect(act).toThrow(FailureError);
    expect(act).toThrow(problem);
    expect(act).toThrow(/^Cannot import "blob\.bin": [^\n]*\.$/);
  });

  test.each<[string, Partial<Dimensions>, string]>([
    ["kernel 6", { kernel: 6 }, "the kernel is 6 but this engine has 1 to 5"],
    ["kernel 0", { kernel: 0 }, "the kernel is 0 but"],
    ["top-k 5", { topK: 5 }, "the top-k is 5 but this engine has 1 to 4"],
    ["no layers", { nLayers: 0 }, '"nLayers" is 0 but must be'],
    ["a huge width", { dModel: 4096 }, '"dModel" is 4096 but must be'],
  ])("refuses %s as bad use", (_, change, problem) => {
    const act = () => importAtome01(valid, { ...DIMENSIONS, ...change }, BLOB);
    expect(act).toThrow(UsageError);
    expect(act).toThrow(problem);
  });
});
