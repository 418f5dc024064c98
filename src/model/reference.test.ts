import { describe, expect, test } from "vitest";
import type { ModelConfig } from "./config.js";
import { FailureError, UsageError } from "./errors.js";
import { parseConfig } from "./parse-config.js";
import { effectiveWeights } from "./quantise.js";
import { quantiseModel, tensorOf } from "./quantised-model.js";
import { randomTensors } from "./random-model.js";
import { ReferenceModel, tanh } from "./reference.js";
import { initialTensors, sizeOf, tensorSpecs } from "./tensors.js";

type Vector = number[];
const dot = (a: Vector, b: Vector) => a.reduce((sum, value, index) => sum + value * b[index], 0);
const softmaxOf = (v: Vector) => {
  const e = v.map((value) => Math.exp(value));
  const sum = e.reduce((a, b) => a + b, 0);
  return e.map((value) => value / sum);
};
const norm = (x: Vector, gamma: Vector, beta: Vector) => {
  const mean = x.reduce((a, b) => a + b, 0) / x.length;
  const variance = x.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.length;
  return x.map((value, c) => ((value - mean) / Math.sqrt(variance + 1e-5)) * gamma[c] + beta[c]);
};

/** Logits after every symbol by the formulas of ARCHITECTURE.md, over whole sequences instead of step by step. */
function wholeSequence(config: ModelConfig, tensors: Map<string, Float32Array>, vocab: number, symbols: number[]) {
  const specs = new Map(tensorSpecs(config, vocab, vocab).map((spec) => [spec.name, spec]));
  const rowsOf = (name: string): Vector[] => {
    const spec = specs.get(name);
    if (!spec) return [];
    const columns = spec.shape[spec.shape.length - 1];
    const weights = [...effectiveWeights(tensors.get(name) as Float32Array, columns, spec.quantiser)];
    return Array.from({ length: sizeOf(spec) / columns }, (_, r) => weights.slice(r * columns, (r + 1) * columns));
  };
  const vector = (name: string): Vector => rowsOf(name)[0];
  const times = (matrix: Vector[], sequence: Vector[]) => sequence.map((v) => matrix.map((row) => dot(row, v)));
  const gated = config.block === "gated";
  const embedding = rowsOf("embed");
  let x = symbols.map((symbol) => embedding[symbol]);
  config.layers.forEach((layer, index) => {
    const p = (name: string) => `layers.${index}.${name}`;
    const n = x.map((v) => norm(v, vector(p("norm.gamma")), vector(p("norm.beta"))));
    const u = gated ? times(rowsOf(p("in")), n) : n;
    const zero = u[0].map(() => 0);
    const taps = rowsOf(p("local.taps"));
    const local = u.map((_, t) =>
      zero.map((_, c) =>
        dot(
          taps[c] ?? [],
          [0, 1, 2, 3, 4].map((j) => u[t - j]?.[c] ?? 0),
        ),
      ),
    );
    const input = gated ? local : n;
    const outputs: Vector[][] = [];
    if (layer.pathways.local) outputs.push(local);
    if (layer.pathways.state) {
      const a = vector(p("state.decay")).map(Math.tanh);
      const b = gated ? a.map((value) => 1 - value) : vector(p("state.gain"));
      const c = vector(p("state.out"));
      outputs.push(
        u.map((_, t) => zero.map((_, i) => c[i] * input.slice(0, t + 1).reduce((s, v) => a[i] * s + b[i] * v[i], 0))),
      );
    }
    if (layer.pathways.sparse) {
      const [q, k] = [times(rowsOf(p("sparse.query")), input), times(rowsOf(p("sparse.key")), input)];
      const v = gated ? u : times(rowsOf(p("sparse.value")), n);
      outputs.push(
        q.map((query, t) => {
          const from = Math.max(0, t + 1 - layer.window);
          const found = k
            .slice(from, t + 1)
            .map((key, i) => ({ score: dot(query, key) / Math.sqrt(config.dHead), v: v[from + i] }));
          const best = found.sort((a, b) => b.score - a.score).slice(0, config.topK);
          const weights = softmaxOf(best.map(({ score }) => score));
          return zero.map((_, c) =>
            dot(
              weights,
              best.map((entry) => entry.v[c]),
            ),
          );
        }),
      );
    }
    const bias = gated && outputs.length > 1 ? vector(p("router.bias")) : [];
    const router = outputs.length > 1 ? times(rowsOf(p("router.weight")), n) : n.map(() => [0]);
    const mixed = u.map((_, t) => {
      const r = softmaxOf(router[t].map((value, i) => value + (bias[i] ?? 0)));
      return zero.map(
        (_, c) =>
          (gated ? r.length : 1) *
          dot(
            r,
            outputs.map((output) => output[t][c]),
          ),
      );
    });
    const gate = gated ? times(rowsOf(p("gate")), n) : [];
    const change = gated
      ? times(
          rowsOf(p("out")),
          mixed.map((v, t) => v.map((value, c) => value * gate[t][c])),
        )
      : mixed;
    x = x.map((v, t) => v.map((value, c) => value + change[t][c]));
  });
  const final = x.map((v) => norm(v, vector("final.gamma"), vector("final.beta")));
  return times(config.tied ? embedding : rowsOf("unembed"), final);
}

const shapes: [string, Record<string, unknown>][] = [
  ["base, all pathways", { block: "base", dModel: 10, nLayers: 2, dHead: 3, topK: 2, window: 4 }],
  [
    "base, one pathway per layer",
    { block: "base", dModel: 6, nLayers: 3, pathways: [["local"], ["state"], ["sparse"]], window: 1 },
  ],
  [
    "gated, all pathways",
    {
      block: "gated",
      dModel: 7,
      dInner: 13,
      nLayers: 2,
      dHead: 5,
      topK: 3,
      window: [3, 20],
      pathways: ["local", "state", "sparse"],
      embedding: "int4",
      unembedding: "int4",
    },
  ],
  ["gated, tied, local and state", { block: "gated", dModel: 9, dInner: 6, nLayers: 1, embedding: "int4", tied: true }],
  [
    "gated, local alone, float",
    {
      block: "gated",
      dModel: 8,
      dInner: 8,
      nLayers: 1,
      pathways: ["local"],
      matrices: "float",
      embedding: "float",
      unembedding: "float",
    },
  ],
];
const VOCAB = 11;
const SYMBOLS = Array.from({ length: 12 }, (_, t) => (t * t * 3 + 1) % VOCAB);

describe("ReferenceModel", () => {
  test.each(shapes)("steps to the logits of the whole sequence: %s", (_, json) => {
    const config = parseConfig(json, "x");
    const tensors = randomTensors(config, VOCAB, VOCAB, 7);
    const reference = new ReferenceModel(quantiseModel(config, tensors, VOCAB, VOCAB));
    const expected = wholeSequence(config, tensors, VOCAB, SYMBOLS);
    SYMBOLS.forEach((symbol, t) => {
      const logits = reference.step(symbol);
      logits.forEach((logit, o) => {
        expect(Math.abs(logit - expected[t][o]), `symbol ${t}, output ${o}`).toBeLessThan(2e-5);
      });
    });
    expect(Math.max(...expected[3]) - Math.min(...expected[3])).toBeGreaterThan(0.5);
  });

  test.each(["gpt", "llama"])("refuses a %s block in one sentence", (block) => {
    const config = parseConfig({ block, dModel: 4, dInner: 6, nLayers: 1, dHead: 2, train: { context: 5 } }, "x");
    const act = () => new ReferenceModel(quantiseModel(config, randomTensors(config, VOCAB, VOCAB, 7), VOCAB, VOCAB));
    expect(act).toThrow(UsageError);
    expect(act).toThrow(`its ${block} block reads windows of 5 symbols`);
  });

  test.each(["router", "gate"])("refuses a block without its %s in one sentence", (key) => {
    const config = parseConfig({ block: "gated", dModel: 4, dInner: 6, nLayers: 1, [key]: false }, "x");
    const act = () => new ReferenceModel(quantiseModel(config, randomTensors(config, VOCAB, VOCAB, 7), VOCAB, VOCAB));
    expect(act).toThrow(UsageError);
    expect(act).toThrow(`its "${key}" is false, which is for comparison`);
  });

  test("gives the same again after reset()", () => {
    const config = parseConfig(shapes[2][1], "x");
    const reference = new ReferenceModel(quantiseModel(config, randomTensors(config, VOCAB, 4, 7), VOCAB, 4));
    const run = () => SYMBOLS.map((symbol) => [...reference.step(symbol)]);
    const first = run();
    expect(first[0].length).toBe(4);
    expect(run()).not.toEqual(first);
    reference.reset();
    expect(run()).toEqual(first);
  });

  test("mix() is a distribution over the layer's pathways", () => {
    const config = parseConfig(
      { block: "base", dModel: 6, nLayers: 2, pathways: [["local", "sparse"], ["state"]] },
      "x",
    );
    const reference = new ReferenceModel(quantiseModel(config, randomTensors(config, VOCAB, VOCAB, 7), VOCAB, VOCAB));
    reference.step(3);
    const [local, state, sparse] = reference.mix(0);
    expect(state).toBe(0);
    expect(local + sparse).toBeCloseTo(1, 12);
    expect(Math.min(local, sparse)).toBeGreaterThan(0);
    expect([...reference.mix(1)]).toEqual([0, 1, 0]);
  });

  test("shows every stage to an observer, in order", () => {
    const config = parseConfig({ block: "gated", dModel: 6, dInner: 8, nLayers: 1, topK: 1 }, "x");
    const seen: string[] = [];
    const model = quantiseModel(config, randomTensors(config, VOCAB, VOCAB, 7), VOCAB, VOCAB);
    const reference = new ReferenceModel(model, (stage, layer, values) =>
      seen.push(`${stage} ${layer} ${values.length}`),
    );
    reference.step(0);
    expect(seen).toEqual([
      "residual -1 6",
      "norm 0 6",
      "inner 0 8",
      "gate 0 8",
      "local 0 8",
      "mix 0 8",
      "product 0 8",
      "residual 0 6",
      "norm 1 6",
    ]);
  });
});

test("tanh() is odd and agrees with Math.tanh", () => {
  for (const x of [-50, -3.2, -0.7, -1e-9, 0, 1e-5, 0.4, 1.5, 8, 400]) {
    expect(Math.abs(tanh(x) - Math.tanh(x))).toBeLessThan(1e-15);
    expect(tanh(-x) + tanh(x)).toBe(0);
  }
});

describe("quantiseModel()", () => {
  const config = parseConfig({ block: "base", dModel: 4, nLayers: 1, pathways: ["local"] }, "x");

  test("keeps integers and steps apart", () => {
    const tensors = initialTensors(config, 3, 3, () => 0);
    tensors.set("embed", Float32Array.from([1, -1, 0.1, -0.1, 2, 0, 0, 0, 0, 0, 0, 1.8]));
    const embed = tensorOf(quantiseModel(config, tensors, 3, 3), "embed");
    expect(embed).toMatchObject({ quantiser: "ternary", rows: 3, columns: 4 });
    expect([...embed.values]).toEqual([1, -1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1]);
    expect(embed.steps[0]).toBeCloseTo(0.5, 6);
  });

  test("refuses missing and misshapen tensors by name", () => {
    const tensors = initialTensors(config, 3, 3, () => 0);
    tensors.set("final.beta", new Float32Array(5));
    expect(() => quantiseModel(config, tensors, 3, 3)).toThrow(
      '"final.beta" has 5 values but its configuration asks for 4',
    );
    tensors.delete("embed");
    expect(() => quantiseModel(config, tensors, 3, 3)).toThrow(FailureError);
  });
});
