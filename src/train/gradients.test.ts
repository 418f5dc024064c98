import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isTransformer, LAYER_NORM_EPSILON, type ModelConfig } from "../model/config.js";
import { parseConfig } from "../model/parse-config.js";
import { effectiveWeights } from "../model/quantise.js";
import { randomTensors } from "../model/random-model.js";
import { tensorSpecs } from "../model/tensors.js";
import type { SeriesExamples, TextExamples } from "./examples.js";
import { Random } from "./random.js";
import { nodePlatform } from "./threads-node.js";
import { Trainer, type TrainerState } from "./trainer.js";

// The model again, in plain float64 loops over one window, written from ARCHITECTURE.md alone: what the gradients are held to.

type Tensors = Map<string, Float64Array>;
type Rows = number[][];

const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
const dot = (a: number[], b: number[]) => sum(a.map((value, i) => value * b[i]));

function layerNorm(x: number[], gamma: Float64Array, beta: Float64Array): number[] {
  const mean = sum(x) / x.length;
  const variance = sum(x.map((value) => (value - mean) ** 2)) / x.length;
  return x.map((value, i) => (gamma[i] * (value - mean)) / Math.sqrt(variance + LAYER_NORM_EPSILON) + beta[i]);
}

function multiply(matrix: Float64Array, x: number[]): number[] {
  const columns = x.length;
  return Array.from({ length: matrix.length / columns }, (_, row) => {
    let total = 0;
    for (let c = 0; c < columns; c++) total += matrix[row * columns + c] * x[c];
    return total;
  });
}

function softmax(values: number[]): number[] {
  const largest = Math.max(...values);
  const exponentials = values.map((value) => Math.exp(value - largest));
  const total = sum(exponentials);
  return exponentials.map((value) => value / total);
}

function convolution(taps: Float64Array, n: Rows): Rows {
  return n.map((row, t) =>
    row.map((_, c) => {
      let total = 0;
      for (let j = 0; j < 5 && j <= t; j++) total += taps[c * 5 + j] * n[t - j][c];
      return total;
    }),
  );
}

function recurrence(a: number[], b: number[], out: Float64Array, n: Rows): Rows {
  let s = a.map(() => 0);
  return n.map((row) => {
    s = s.map((value, c) => a[c] * value + b[c] * row[c]);
    return s.map((value, c) => out[c] * value);
  });
}

function attention(q: Rows, k: Rows, v: Rows, window: number, topK: number): Rows {
  return q.map((query, t) => {
    const positions = k.map((_, u) => u).filter((u) => u <= t && u > t - window);
    const scores = new Map(positions.map((u) => [u, dot(query, k[u]) / Math.sqrt(query.length)]));
    const kept = positions.sort((a, b) => (scores.get(b) as number) - (scores.get(a) as number)).slice(0, topK);
    const p = softmax(kept.map((u) => scores.get(u) as number));
    return v[0].map((_, c) => sum(kept.map((u, i) => p[i] * v[u][c])));
  });
}

const rmsNorm = (x: number[], gamma: Float64Array): number[] => {
  const rms = Math.sqrt(sum(x.map((value) => value ** 2)) / x.length + LAYER_NORM_EPSILON);
  return x.map((value, i) => (gamma[i] * value) / rms);
};

const gelu = (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
const silu = (x: number) => x / (1 + Math.exp(-x));

/** A head's row turned by its position: complex multiplication of each pair of neighbours. */
function rotated(row: number[], t: number): number[] {
  return row.map((value, c) => {
    const angle = t / 10000 ** ((c - (c % 2)) / row.length);
    return c % 2 === 0
      ? value * Math.cos(angle) - row[c + 1] * Math.sin(angle)
      : value * Math.cos(angle) + row[c - 1] * Math.sin(angle);
  });
}

/** Every head attends to all positions up to its own. */
function multiHeadAttention(q: Rows, k: Rows, v: Rows, dHead: number, turns: boolean): Rows {
  const heads = Array.from({ length: q[0].length / dHead }, (_, h) => {
    const head = (rows: Rows) => rows.map((row) => row.slice(h * dHead, (h + 1) * dHead));
    const turned = (rows: Rows) => (turns ? head(rows).map(rotated) : head(rows));
    return attention(turned(q), turned(k), head(v), q.length, q.length);
  });
  return q.map((_, t) => heads.flatMap((rows) => rows[t]));
}

/** What a gpt or llama layer adds to x. */
function transformerOutputs(config: ModelConfig, tensors: Tensors, index: number, x: Rows): Rows {
  const get = (name: string) => tensors.get(`layers.${index}.${name}`) as Float64Array;
  const llama = config.block === "llama";
  const norm = (rows: Rows, name: string) =>
    rows.map((row) =>
      llama ? rmsNorm(row, get(`${name}.gamma`)) : layerNorm(row, get(`${name}.gamma`), get(`${name}.beta`)),
    );
  const n = norm(x, "norm");
  const [q, k, v] = ["query", "key", "value"].map((name) => n.map((row) => multiply(get(`attention.${name}`), row)));
  const z = multiHeadAttention(q, k, v, config.dHead, llama).map((row) => multiply(get("attention.out"), row));
  const y = x.map((row, t) => row.map((value, c) => value + z[t][c]));
  return norm(y, "mlp.norm").map((row, t) => {
    const up = multiply(get("mlp.up"), row);
    const gate = llama ? multiply(get("mlp.gate"), row) : [];
    const hidden = up.map((value, i) => (llama ? silu(gate[i]) * value : gelu(value)));
    return multiply(get("mlp.down"), hidden).map((value, c) => value + z[t][c]);
  });
}

function layerOutputs(config: ModelConfig, tensors: Tensors, index: number, x: Rows): Rows {
  const get = (name: string) => tensors.get(`layers.${index}.${name}`) as Float64Array;
  const gated = config.block === "gated";
  const n = x.map((row) => layerNorm(row, get("norm.gamma"), get("norm.beta")));
  const u = gated ? n.map((row) => multiply(get("in"), row)) : n;
  const { local, state, sparse } = config.layers[index].pathways;
  const outputs: Rows[] = [];
  const l = local ? convolution(get("local.taps"), u) : [];
  if (local) outputs.push(l);
  if (state) {
    const a = [...get("state.decay")].map(Math.tanh);
    const b = gated ? a.map((value) => 1 - value) : [...get("state.gain")];
    outputs.push(recurrence(a, b, get("state.out"), gated ? l : n));
  }
  if (sparse) {
    const from = gated ? l : n;
    const q = from.map((row) => multiply(get("sparse.query"), row));
    const k = from.map((row) => multiply(get("sparse.key"), row));
    const v = gated ? u : n.map((row) => multiply(get("sparse.value"), row));
    outputs.push(attention(q, k, v, config.layers[index].window, config.topK));
  }
  const P = outputs.length;
  const routed = config.router && P > 1;
  const mixed = n.map((row, t) => {
    const bias = gated ? get("router.bias") : undefined;
    const r = !routed
      ? outputs.map(() => 1)
      : softmax(multiply(get("router.weight"), row).map((value, i) => value + (bias ? bias[i] : 0)));
    const scale = gated && routed ? P : 1;
    return u[t].map((_, c) => sum(outputs.map((output, i) => r[i] * scale * output[t][c])));
  });
  if (!gated) return mixed;
  const g = config.gate ? n.map((row) => multiply(get("gate"), row)) : mixed.map((row) => row.map(() => 1));
  return mixed.map((row, t) =>
    multiply(
      get("out"),
      row.map((value, c) => value * g[t][c]),
    ),
  );
}

/** Changes the logits after the last of `symbols` as "Recall" in ARCHITECTURE.md says. */
function recalled(
  config: ModelConfig,
  tensors: Tensors,
  symbols: number[],
  logits: number[],
  gates: number[],
): number[] {
  if (!config.recall) return logits;
  const bonus = tensors.get("recall.bonus") as Float64Array;
  const pull = tensors.get("recall.pull") as Float64Array;
  const newest = symbols.length - 1;
  const begin = Math.max(symbols.lastIndexOf(forget) + 1, newest - config.recall.window + 1);
  const remembered = symbols.lastIndexOf(forget) + 1;
  const places = symbols.flatMap((symbol, place) => {
    if (place < begin) return [];
    let m = 0;
    while (m < 6 && place - 1 - m >= remembered && symbols[place - 1 - m] === symbols[newest - m]) m++;
    return [{ symbol, m }];
  });
  const greatest = Math.max(...places.map(({ m }) => m));
  const atGreatest = places.filter(({ m }) => m === greatest).length;
  return logits.map((logit, symbol) => {
    const own = places.filter((place) => place.symbol === symbol).map(({ m }) => m);
    if (own.length === 0) return logit;
    const m = Math.max(...own);
    const count = own.filter((length) => length === m).length;
    const k = m < greatest ? 0 : 2 * count <= atGreatest ? 1 : count === 1 ? 2 : 3;
    const row = Math.min(m, 1);
    const added = (gates[row] ?? 0) + (tensors.get("recall.symbols")?.[row * logits.length + symbol] ?? 0);
    return logit + bonus[4 * m + k] + pull[4 * m + k] * (Math.max(...logits) - logit) + added;
  });
}

/** The rows of n-grams that end in the last of `symbols`, which begin a text: SPEC.md 3.2.1 in whole numbers without a limit. */
function ngramRowsOf({ ngrams }: ModelConfig, symbols: number[]): number[] {
  return (ngrams?.orders ?? []).map((order) => {
    let h = 0n;
    for (let n = 1; n <= order; n++) {
      const c = n <= symbols.length ? BigInt(symbols[symbols.length - n]) + 1n : 0n;
      h = ((h + c) * 0x9e3779b1n) % 2n ** 32n;
    }
    return Number(((h >> 16n) * BigInt(ngrams?.buckets ?? 0)) >> 16n);
  });
}

/** x of a text's symbols after the tables. */
function embedded(config: ModelConfig, tensors: Tensors, symbols: number[]): Rows {
  const d = config.dModel;
  const embed = tensors.get("embed") as Float64Array;
  const position = tensors.get("position");
  const table = tensors.get("ngrams") ?? new Float64Array();
  return symbols.map((symbol, t) => {
    const rows = ngramRowsOf(config, symbols.slice(0, t + 1));
    return Array.from(
      { length: d },
      (_, c) =>
        embed[symbol * d + c] + (position ? position[t * d + c] : 0) + sum(rows.map((row) => table[row * d + c])),
    );
  });
}

/** x after all layers. */
function layered(config: ModelConfig, tensors: Tensors, x: Rows): Rows {
  const outputsOf = isTransformer(config) ? transformerOutputs : layerOutputs;
  return config.layers.reduce((rows, _, index) => {
    const outputs = outputsOf(config, tensors, index, rows);
    return rows.map((row, t) => row.map((value, c) => value + outputs[t][c]));
  }, x);
}

function logitsOf(config: ModelConfig, tensors: Tensors, row: number[]): number[] {
  const gamma = tensors.get("final.gamma") as Float64Array;
  const beta = tensors.get("final.beta");
  const unembed = tensors.get(config.tied ? "embed" : "unembed") as Float64Array;
  return multiply(unembed, beta ? layerNorm(row, gamma, beta) : rmsNorm(row, gamma));
}

/** Mean cross-entropy in nats over all windows. */
function referenceLoss(config: ModelConfig, vocab: number, tensors: Tensors, windows: Uint16Array[]): number {
  const losses = windows.flatMap((window, index) => {
    const x = layered(config, tensors, embedded(config, tensors, [...window.subarray(0, -1)]));
    return x.map((row, t) => {
      const outputs = logitsOf(config, tensors, row);
      const [plain, gates] = [outputs.slice(0, vocab), outputs.slice(vocab)];
      const logits = index % 2 === 0 ? recalled(config, tensors, [...window.subarray(0, t + 1)], plain, gates) : plain;
      return -Math.log(softmax(logits)[window[t + 1]]);
    });
  });
  return sum(losses) / losses.length;
}

/** Mean cross-entropy in nats over the texts; of one without a class against equal probabilities. */
function textsLoss(config: ModelConfig, tensors: Tensors, { symbols, labels }: TextExamples): number {
  const losses = symbols.map((text, index) => {
    const x = layered(config, tensors, embedded(config, tensors, [...text]));
    const row = config.pool === "sum" ? x[0].map((_, c) => sum(x.map((values) => values[c]))) : x[x.length - 1];
    const p = softmax(logitsOf(config, tensors, row));
    if (labels[index] === 65535) return -sum(p.map(Math.log)) / p.length;
    return -Math.log(p[labels[index]]);
  });
  return sum(losses) / losses.length;
}

/** Mean cross-entropy in nats over the steps that have a class. */
function seriesLoss(config: ModelConfig, tensors: Tensors, examples: SeriesExamples): number {
  const { rows, rowsPerStep, labels, starts } = examples;
  const embed = tensors.get("embed") as Float64Array;
  const losses = starts.flatMap((start, series) => {
    const end = starts[series + 1] ?? labels.length;
    const x = Array.from({ length: end - start }, (_, t) => {
      const step = [...rows.subarray((start + t) * rowsPerStep, (start + t + 1) * rowsPerStep)];
      return Array.from({ length: config.dModel }, (_, c) => sum(step.map((row) => embed[row * config.dModel + c])));
    });
    const outputs = layered(config, tensors, x);
    return outputs.flatMap((row, t) => {
      const label = labels[start + t];
      return label === 65535 ? [] : [-Math.log(softmax(logitsOf(config, tensors, row))[label])];
    });
  });
  return sum(losses) / losses.length;
}

/** Central differences; the step balances the truncation and the rounding of float64. */
function numericGradient(loss: () => number, values: Float64Array): Float64Array {
  const step = 1e-5;
  return values.map((value, i) => {
    values[i] = value + step;
    const above = loss();
    values[i] = value - step;
    const below = loss();
    values[i] = value;
    return (above - below) / (2 * step);
  });
}

const norm = (values: ArrayLike<number>) => Math.sqrt(sum(Array.from(values, (value) => value * value)));

/** The symbol that empties the memory of recall. */
const forget = 3;
const train = { batch: 2, context: 9, seed: 5 };
const base = { block: "base", dModel: 10, nLayers: 2, dHead: 3, window: 7, train };
const gated = { block: "gated", dModel: 6, dInner: 9, nLayers: 2, dHead: 3, window: 7, train };
const float = { matrices: "float", embedding: "float", unembedding: "float" };
const gpt = { block: "gpt", dModel: 6, dInner: 9, nLayers: 2, dHead: 3, train };
const llama = { ...gpt, block: "llama", dHead: 2 };
const long = { nLayers: 1, train: { ...train, batch: 1, context: 21 } };
const recalling = { nLayers: 1, train: { ...train, context: 45 } };
const everyPathway = ["local", "state", "sparse"];
const cases: [string, unknown][] = [
  ["base", base],
  ["base in float", { ...base, ...float }],
  ["base, topK 2, windows 1 and 3", { ...base, topK: 2, window: [1, 3] }],
  ["base, other pathways per layer", { ...base, nLayers: 3, pathways: [["state"], ["local", "sparse"], ["sparse"]] }],
  ["base, local alone, tied", { ...base, pathways: ["local"], tied: true, embedding: "int4" }],
  ["gated, local and state, tied int4", { ...gated, tied: true, embedding: "int4" }],
  ["gated in float, every pathway", { ...gated, ...float, pathways: everyPathway }],
  ["gated, every pathway, int4 tables", { ...gated, pathways: everyPathway, embedding: "int4", unembedding: "int4" }],
  ["base, int4 matrices and int8 tables", { ...base, matrices: "int4", embedding: "int8", unembedding: "int8" }],
  ["base in int8", { ...base, matrices: "int8", pathways: ["local", "sparse"] }],
  [
    "gated, int8 matrices, tied int8",
    { ...gated, matrices: "int8", pathways: everyPathway, tied: true, embedding: "int8" },
  ],
  ["gated without a router", { ...gated, router: false, pathways: everyPathway }],
  ["gated without a gate", { ...gated, gate: false }],
  ["gated, int4 matrices", { ...gated, matrices: "int4" }],
  ["gpt in float, 4 heads", { ...gpt, ...float, dModel: 8, dHead: 2 }],
  [
    "gpt, 1 head of 12, tied int4, 21 tokens",
    { ...gpt, ...long, dModel: 12, dHead: 12, tied: true, embedding: "int4" },
  ],
  ["gpt in int8, 2 heads", { ...gpt, matrices: "int8", embedding: "int8", unembedding: "int8" }],
  ["gpt, ternary", { ...gpt, dInner: 16, nLayers: 1 }],
  ["llama in float, 2 heads, 21 tokens", { ...llama, ...long, ...float, dModel: 12, dHead: 6 }],
  ["llama in int4, 4 heads", { ...llama, dModel: 8, matrices: "int4", embedding: "int4", unembedding: "int4" }],
  ["llama, 1 head of 10, tied int8", { ...llama, dModel: 10, dHead: 10, nLayers: 1, tied: true, embedding: "int8" }],
  ["llama, ternary, 3 heads", llama],
  ["gated with recall", { ...gated, ...recalling, recall: { window: 64 } }],
  ["llama with recall of 3 symbols, tied", { ...llama, ...recalling, tied: true, recall: { window: 3 } }],
  ["base with recall of 1 symbol", { ...base, ...recalling, recall: { window: 1 } }],
  ["gated with gates of recall", { ...gated, ...recalling, recall: { window: 64, gates: true } }],
  ["gated with bonuses of symbols", { ...gated, ...recalling, recall: { window: 64, gates: true, symbols: true } }],
  [
    "llama with gates of recall, tied int4",
    { ...llama, ...recalling, tied: true, embedding: "int4", recall: { gates: true } },
  ],
  ["gated with n-grams, tied", { ...gated, ngrams: { buckets: 31, orders: [2, 3, 9] }, tied: true }],
  ["base in float with n-grams", { ...base, ...float, ngrams: { buckets: 5, orders: [2] } }],
  ["gated, other pathways per layer", { ...gated, pathways: [["local"], ["local", "sparse"]] }],
];

/** A trainer at step 0 with no tensor at a start of zeros. */
function randomState(config: ModelConfig, vocab: number, outputs = vocab): TrainerState {
  const tensors = randomTensors(config, vocab, outputs, 7);
  const zeros = new Map([...tensors].map(([name, values]) => [name, values.map(() => 0)]));
  return { step: 0, random: Random.fromSeed(1).state(), tensors, firstMoments: zeros, secondMoments: zeros };
}

/** The weights that the forward pass uses. */
function effectiveTensors(config: ModelConfig, vocab: number, outputs: number, { tensors }: TrainerState): Tensors {
  return new Map(
    tensorSpecs(config, vocab, outputs).map(({ name, shape, quantiser }) => {
      const values = tensors.get(name) as Float32Array;
      return [name, Float64Array.from(effectiveWeights(values, shape[shape.length - 1], quantiser))];
    }),
  );
}

/** Holds every tensor's gradient to central differences, to 1e-5 of its norm. */
function expectAgreement(gradients: Map<string, Float32Array>, effective: Tensors, loss: () => number): void {
  const total = norm([...gradients.values()].map(norm));
  for (const [name, gradient] of gradients) {
    const truth = numericGradient(loss, effective.get(name) as Float64Array);
    // A gradient of nothing (a window of 1 makes query and key idle) is held to the rounding of the others.
    const scale = Math.max(norm(truth), 1e-4 * total);
    expect(norm(truth.map((value, i) => value - gradient[i])) / scale, name).toBeLessThan(1e-5);
  }
}

describe.each(cases)("gradients of the %s block", (_, json) => {
  const config = parseConfig(json, "test");
  // Few symbols repeat themselves often.
  const vocab = config.recall ? 4 : 13;
  let trainer: Trainer;
  let windows: Uint16Array[];
  let effective: Tensors;
  let found: { lossNatsPerSymbol: number; gradients: Map<string, Float32Array> };

  beforeAll(async () => {
    const random = Random.fromSeed(9);
    const symbols = Uint16Array.from({ length: 200 }, () => random.below(vocab));
    const resume = config.recall || config.ngrams ? { resume: randomState(config, vocab) } : {};
    trainer = await Trainer.create({ config, vocab, forget, symbols, threads: 1, platform: nodePlatform, ...resume });
    windows = [0, 50].slice(0, config.train.batch).map((at) => symbols.slice(at, at + config.train.context + 1));
    effective = effectiveTensors(config, vocab, vocab, trainer.state());
    found = await trainer.gradients(windows);
  });
  afterAll(() => trainer.close());

  test("the loss is that of the reference", () => {
    expect(found.lossNatsPerSymbol).toBeCloseTo(referenceLoss(config, vocab, effective, windows), 5);
  });

  test("every tensor agrees with central differences to 1e-5 of its norm", () => {
    expectAgreement(found.gradients, effective, () => referenceLoss(config, vocab, effective, windows));
  });
});

const classTrain = { batch: 4, context: 9, seed: 5 };
const classifier = { ...gated, pathways: everyPathway, train: classTrain };
const ngrams = { buckets: 17, orders: [4, 2] };
const sensor = { kind: "sensor", levels: 4, differences: 3 };
const classCases: [string, unknown][] = [
  ["gated, the last position", { ...classifier, pool: "last" }],
  ["gated, the sum, n-grams", { ...classifier, pool: "sum", ngrams }],
  ["gated in float, the sum, n-grams", { ...classifier, ...float, pool: "sum", ngrams }],
  ["base, the sum, 4-bit tables", { ...base, train: classTrain, pool: "sum", embedding: "int4", unembedding: "int4" }],
  ["gpt, the sum", { ...gpt, train: classTrain, pool: "sum" }],
  ["llama, the last position", { ...llama, train: classTrain }],
  ["gated, series", { ...classifier, alphabet: sensor }],
  ["base in float, series", { ...base, ...float, train: classTrain, alphabet: sensor }],
];

describe.each(classCases)("gradients of a classifier: %s", (_, json) => {
  const config = parseConfig(json, "test");
  const [vocab, outputs] = [13, 5];
  const random = Random.fromSeed(9);
  const drawn = (length: number) => Uint16Array.from({ length }, () => random.below(vocab));
  const labels = Uint16Array.of(2, 65535, 0, 4);
  // Lengths of 1, and of the whole context.
  const texts: TextExamples = { kind: "texts", symbols: [9, 4, 1, 6].map(drawn), labels };
  const series: SeriesExamples = {
    kind: "series",
    rows: drawn(3 * 22),
    rowsPerStep: 3,
    labels: Uint16Array.from({ length: 22 }, (_, step) => (step % 4 === 1 ? 65535 : step % outputs)),
    starts: [0, 9, 10, 15],
  };
  const examples = config.alphabet.kind === "sensor" ? series : texts;

  test("loss and gradients are those of the reference", async () => {
    const resume = randomState(config, vocab, outputs);
    const trainer = await Trainer.create({
      config,
      vocab,
      outputs,
      examples,
      threads: 1,
      platform: nodePlatform,
      resume,
    });
    const effective = effectiveTensors(config, vocab, outputs, trainer.state());
    // What longer windows leave in the memory must not count.
    const others = { ...texts, symbols: [...texts.symbols].reverse() };
    await trainer.gradients(examples === texts ? others : { ...series, starts: [0, 4, 12, 21] });
    const { lossNatsPerSymbol, gradients } = await trainer.gradients(examples);
    await trainer.close();
    const loss = () =>
      examples.kind === "texts" ? textsLoss(config, effective, examples) : seriesLoss(config, effective, examples);
    expect(lossNatsPerSymbol).toBeCloseTo(loss(), 5);
    expectAgreement(gradients, effective, loss);
  });
});
