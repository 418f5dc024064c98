import {
  isTransformer,
  LAYER_NORM_EPSILON,
  type NgramsConfig,
  PATHWAYS,
  pathwaysOf,
  RECALL_GATES,
  type RecallConfig,
  TAPS,
} from "./config.js";
import { exp } from "./elementary.js";
import { UsageError } from "./errors.js";
import { ngramReach, ngramRows } from "./ngrams.js";
import { type QuantisedModel, type QuantisedTensor, stepOf, tensorOf } from "./quantised-model.js";
import { Recall } from "./recall.js";

/**
 * Where an observer looks: `residual` x after the embedding and after each layer, `norm` n, `inner` u, `gate` g, `local` l,
 * `query`, `key` and `value` of sparse attention, `mix` the sum of the pathways before the gate, `product` that sum times the gate.
 */
export type Stage = "residual" | "norm" | "inner" | "gate" | "local" | "query" | "key" | "value" | "mix" | "product";

/**
 * Sees the values of a stage as they are computed; must not keep or change them. `layer` counts from 0; the embedding's
 * residual has layer -1, the final norm's output has layer nLayers.
 */
export type Observer = (stage: Stage, layer: number, values: Float64Array) => void;

/** tanh from the package's own exp: the same bits everywhere. */
export function tanh(x: number): number {
  const e = exp(-2 * Math.abs(x));
  return Math.sign(x) * ((1 - e) / (1 + e));
}

/** Row-major effective weights. */
interface Matrix {
  rows: number;
  columns: number;
  weights: Float64Array;
}

function matrixOf(tensor: QuantisedTensor): Matrix {
  const { rows, columns, values } = tensor;
  const weights = Float64Array.from(values, (value, index) => value * stepOf(tensor, Math.floor(index / columns)));
  return { rows, columns, weights };
}

/** out = weights . v; four sums side by side, because one would wait for every addition. */
function multiply({ rows, columns, weights }: Matrix, v: Float64Array, out: Float64Array): void {
  const whole = columns & ~3;
  let at = 0;
  for (let row = 0; row < rows; row++) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let c = 0; c < whole; c += 4, at += 4) {
      s0 += weights[at] * v[c];
      s1 += weights[at + 1] * v[c + 1];
      s2 += weights[at + 2] * v[c + 2];
      s3 += weights[at + 3] * v[c + 3];
    }
    for (let c = whole; c < columns; c++, at++) s0 += weights[at] * v[c];
    out[row] = s0 + s1 + (s2 + s3);
  }
}

/** out = LayerNorm(x) (Ba et al. 2016). */
function normalise(x: Float64Array, gamma: Float64Array, beta: Float64Array, out: Float64Array): void {
  const d = x.length;
  let sum = 0;
  for (let c = 0; c < d; c++) sum += x[c];
  const mean = sum / d;
  let squares = 0;
  for (let c = 0; c < d; c++) squares += (x[c] - mean) * (x[c] - mean);
  const inverse = 1 / Math.sqrt(squares / d + LAYER_NORM_EPSILON);
  for (let c = 0; c < d; c++) out[c] = (x[c] - mean) * inverse * gamma[c] + beta[c];
}

/** Softmax of the first `n` values, in place. */
function softmax(v: Float64Array, n: number): void {
  let largest = v[0];
  for (let i = 1; i < n; i++) largest = Math.max(largest, v[i]);
  let sum = 0;
  for (let i = 0; i < n; i++) {
    v[i] = exp(v[i] - largest);
    sum += v[i];
  }
  for (let i = 0; i < n; i++) v[i] /= sum;
}

/** The last five inputs of every channel. */
class Convolution {
  readonly #taps: Float64Array;
  readonly #history: Float64Array;
  #newest = 0;

  constructor(taps: QuantisedTensor) {
    this.#taps = matrixOf(taps).weights;
    this.#history = new Float64Array(TAPS * taps.rows);
  }

  reset(): void {
    this.#history.fill(0);
  }

  /** out[c] = sum of tap[c][j] * v[c] of j symbols ago */
  step(v: Float64Array, out: Float64Array): void {
    const width = out.length;
    const taps = this.#taps;
    const history = this.#history;
    this.#newest = (this.#newest + TAPS - 1) % TAPS;
    history.set(v, this.#newest * width);
    out.fill(0);
    for (let j = 0; j < TAPS; j++) {
      const past = ((this.#newest + j) % TAPS) * width;
      for (let c = 0; c < width; c++) out[c] += taps[c * TAPS + j] * history[past + c];
    }
  }
}

/** s = a s + b i; y = c s */
class StateSpace {
  readonly #a: Float64Array;
  readonly #b: Float64Array;
  readonly #c: Float64Array;
  readonly #s: Float64Array;

  /** @param gain undefined in the gated block, where b = 1 - a */
  constructor(decay: QuantisedTensor, gain: QuantisedTensor | undefined, out: QuantisedTensor) {
    this.#a = Float64Array.from(decay.values, tanh);
    this.#b = gain ? Float64Array.from(gain.values) : this.#a.map((a) => 1 - a);
    this.#c = Float64Array.from(out.values);
    this.#s = new Float64Array(this.#a.length);
  }

  reset(): void {
    this.#s.fill(0);
  }

  step(input: Float64Array, out: Float64Array): void {
    const s = this.#s;
    for (let c = 0; c < s.length; c++) {
      s[c] = this.#a[c] * s[c] + this.#b[c] * input[c];
      out[c] = this.#c[c] * s[c];
    }
  }
}

/** Sees query, key and value of a step. */
type Attended = (query: Float64Array, key: Float64Array, value: Float64Array) => void;

/** Attention to the `topK` best of the last `window` positions, the current one included. */
class SparseAttention {
  readonly #query: Matrix;
  readonly #key: Matrix;
  readonly #value: Matrix | undefined;
  readonly #window: number;
  readonly #topK: number;
  readonly #q: Float64Array;
  readonly #k: Float64Array;
  readonly #v: Float64Array;
  readonly #keys: Float64Array;
  readonly #values: Float64Array;
  readonly #scores = new Float64Array(4);
  readonly #chosen = new Int32Array(4);
  #slot = 0;
  #count = 0;

  /** @param value undefined in the gated block, where the value is the value input itself */
  constructor(
    query: QuantisedTensor,
    key: QuantisedTensor,
    value: QuantisedTensor | undefined,
    options: { width: number; window: number; topK: number },
  ) {
    this.#query = matrixOf(query);
    this.#key = matrixOf(key);
    this.#value = value && matrixOf(value);
    this.#window = options.window;
    this.#topK = options.topK;
    this.#q = new Float64Array(query.rows);
    this.#k = new Float64Array(query.rows);
    this.#v = new Float64Array(options.width);
    this.#keys = new Float64Array(options.window * query.rows);
    this.#values = new Float64Array(options.window * options.width);
  }

  reset(): void {
    this.#slot = 0;
    this.#count = 0;
  }

  /** out = sum over the chosen positions of softmax(q . k / sqrt(dHead)) * value */
  step(input: Float64Array, valueInput: Float64Array, out: Float64Array, observe: Attended | undefined): void {
    const values = this.#values;
    this.#remember(input, valueInput, observe);
    const kept = this.#choose();
    softmax(this.#scores, kept);
    out.fill(0);
    for (let i = 0; i < kept; i++) {
      const at = this.#chosen[i] * out.length;
      const p = this.#scores[i];
      for (let c = 0; c < out.length; c++) out[c] += p * values[at + c];
    }
  }

  #remember(input: Float64Array, valueInput: Float64Array, observe: Attended | undefined): void {
    multiply(this.#query, input, this.#q);
    multiply(this.#key, input, this.#k);
    this.#keys.set(this.#k, this.#slot * this.#k.length);
    if (this.#value) multiply(this.#value, valueInput, this.#v);
    const value = this.#value ? this.#v : valueInput;
    this.#values.set(value, this.#slot * this.#v.length);
    observe?.(this.#q, this.#k, value);
    this.#slot = (this.#slot + 1) % this.#window;
    this.#count = Math.min(this.#count + 1, this.#window);
  }

  /** Puts the best scores, largest first, and their slots in front; among equals the lower slot. Returns how many. */
  #choose(): number {
    const scores = this.#scores;
    const chosen = this.#chosen;
    const dHead = this.#q.length;
    const scale = 1 / Math.sqrt(dHead);
    let kept = 0;
    for (let slot = 0, at = 0; slot < this.#count; slot++, at += dHead) {
      let score = 0;
      for (let c = 0; c < dHead; c++) score += this.#q[c] * this.#keys[at + c];
      score *= scale;
      let place = kept;
      for (; place > 0 && score > scores[place - 1]; place--) {
        if (place === this.#topK) continue;
        scores[place] = scores[place - 1];
        chosen[place] = chosen[place - 1];
      }
      if (place === this.#topK) continue;
      scores[place] = score;
      chosen[place] = slot;
      if (kept < this.#topK) kept++;
    }
    return kept;
  }
}

const zeros = (length: number) => new Float64Array(length);

/** One layer, either block. Letters as in ARCHITECTURE.md. */
class Layer {
  readonly mix = zeros(PATHWAYS.length);
  readonly #model: QuantisedModel;
  readonly #index: number;
  readonly #gamma: Float64Array;
  readonly #beta: Float64Array;
  readonly #convolution: Convolution | undefined;
  readonly #state: StateSpace | undefined;
  readonly #sparse: SparseAttention | undefined;
  readonly #router: Matrix | undefined;
  readonly #routerBias: Float64Array | undefined;
  readonly #in: Matrix | undefined;
  readonly #gate: Matrix | undefined;
  readonly #out: Matrix | undefined;
  readonly #n: Float64Array;
  readonly #u: Float64Array;
  readonly #g: Float64Array;
  readonly #l: Float64Array;
  readonly #y: Float64Array;
  readonly #sum: Float64Array;
  readonly #change: Float64Array;
  /** Each pathway's place in the router, -1 when the layer lacks it. */
  readonly #place: Int32Array;
  readonly #r: Float64Array;

  constructor(model: QuantisedModel, index: number) {
    const { dModel, dInner, topK, layers } = model.config;
    const layer = layers[index];
    this.#model = model;
    this.#index = index;
    const pathways = pathwaysOf(layer);
    this.#place = Int32Array.from(PATHWAYS, (pathway) => pathways.indexOf(pathway));
    this.#gamma = Float64Array.from(this.#required("norm.gamma").values);
    this.#beta = Float64Array.from(this.#required("norm.beta").values);
    const { local, state, sparse } = layer.pathways;
    this.#convolution = local ? new Convolution(this.#required("local.taps")) : undefined;
    this.#state = state
      ? new StateSpace(this.#required("state.decay"), this.#tensor("state.gain"), this.#required("state.out"))
      : undefined;
    const options = { width: dInner, window: layer.window, topK };
    this.#sparse = sparse
      ? new SparseAttention(
          this.#required("sparse.query"),
          this.#required("sparse.key"),
          this.#tensor("sparse.value"),
          options,
        )
      : undefined;
    this.#router = this.#matrix("router.weight");
    const bias = this.#tensor("router.bias");
    this.#routerBias = bias && Float64Array.from(bias.values);
    this.#in = this.#matrix("in");
    this.#gate = this.#matrix("gate");
    this.#out = this.#matrix("out");
    this.#r = zeros(pathways.length);
    [this.#n, this.#change] = [zeros(dModel), zeros(dModel)];
    [this.#u, this.#g, this.#l, this.#y, this.#sum] = Array.from({ length: 5 }, () => zeros(dInner));
  }

  #tensor(name: string): QuantisedTensor | undefined {
    return this.#model.tensors.get(`layers.${this.#index}.${name}`);
  }

  #required(name: string): QuantisedTensor {
    return tensorOf(this.#model, `layers.${this.#index}.${name}`);
  }

  #matrix(name: string): Matrix | undefined {
    const tensor = this.#tensor(name);
    return tensor && matrixOf(tensor);
  }

  reset(): void {
    this.mix.fill(0);
    this.#convolution?.reset();
    this.#state?.reset();
    this.#sparse?.reset();
  }

  /** x += the layer's output */
  step(x: Float64Array, observe: Observer | undefined): void {
    const index = this.#index;
    normalise(x, this.#gamma, this.#beta, this.#n);
    observe?.("norm", index, this.#n);
    this.#route();
    if (this.#in && this.#gate && this.#out) this.#stepGated(this.#in, this.#gate, this.#out, observe);
    else this.#stepBase(observe);
    const change = this.#out ? this.#change : this.#sum;
    for (let c = 0; c < x.length; c++) x[c] += change[c];
    observe?.("residual", index, x);
  }

  /** mix = softmax(W_r n + bias) */
  #route(): void {
    const r = this.#r;
    r.fill(0);
    if (this.#router) multiply(this.#router, this.#n, r);
    if (this.#routerBias) for (let i = 0; i < r.length; i++) r[i] += this.#routerBias[i];
    softmax(r, r.length);
    for (let i = 0; i < PATHWAYS.length; i++) this.mix[i] = this.#place[i] < 0 ? 0 : r[this.#place[i]];
  }

  #stepBase(observe: Observer | undefined): void {
    const n = this.#n;
    this.#sum.fill(0);
    this.#convolution?.step(n, this.#l);
    this.#add(this.#convolution && this.#l, this.mix[0]);
    this.#state?.step(n, this.#y);
    this.#add(this.#state && this.#y, this.mix[1]);
    this.#sparse?.step(n, n, this.#y, this.#attended(observe));
    this.#add(this.#sparse && this.#y, this.mix[2]);
  }

  #stepGated(inner: Matrix, gate: Matrix, out: Matrix, observe: Observer | undefined): void {
    const gain = this.#r.length;
    const index = this.#index;
    multiply(inner, this.#n, this.#u);
    multiply(gate, this.#n, this.#g);
    this.#convolution?.step(this.#u, this.#l);
    observe?.("inner", index, this.#u);
    observe?.("gate", index, this.#g);
    observe?.("local", index, this.#l);
    this.#sum.fill(0);
    this.#add(this.#l, gain * this.mix[0]);
    this.#state?.step(this.#l, this.#y);
    this.#add(this.#state && this.#y, gain * this.mix[1]);
    this.#sparse?.step(this.#l, this.#u, this.#y, this.#attended(observe));
    this.#add(this.#sparse && this.#y, gain * this.mix[2]);
    observe?.("mix", index, this.#sum);
    for (let c = 0; c < this.#sum.length; c++) this.#sum[c] *= this.#g[c];
    observe?.("product", index, this.#sum);
    multiply(out, this.#sum, this.#change);
  }

  #attended(observe: Observer | undefined): Attended | undefined {
    if (!observe) return undefined;
    return (query, key, value) => {
      observe("query", this.#index, query);
      observe("key", this.#index, key);
      observe("value", this.#index, value);
    };
  }

  #add(values: Float64Array | undefined, factor: number): void {
    if (values) for (let c = 0; c < values.length; c++) this.#sum[c] += factor * values[c];
  }
}

function recallOf(model: QuantisedModel, { window, symbols }: RecallConfig): Recall {
  return new Recall(window, model.forget, {
    bonus: tensorOf(model, "recall.bonus").values,
    pull: tensorOf(model, "recall.pull").values,
    own: symbols && matrixOf(tensorOf(model, "recall.symbols")).weights,
  });
}

/** The rows that runs of symbols add to the embedding. */
class Ngrams {
  readonly #config: NgramsConfig;
  readonly #table: Matrix;
  /** The last symbols, the newest last. */
  readonly #symbols: number[] = [];

  constructor(config: NgramsConfig, table: QuantisedTensor) {
    this.#config = config;
    this.#table = matrixOf(table);
  }

  reset(): void {
    this.#symbols.length = 0;
  }

  /** x += the rows of the runs that end in `symbol` */
  step(symbol: number, x: Float64Array): void {
    const symbols = this.#symbols;
    if (symbols.push(symbol) > ngramReach(this.#config) + 1) symbols.shift();
    ngramRows(this.#config, symbols, symbols.length - 1, (_, row) => addRow(this.#table, row, x));
  }
}

/** x += a row */
function addRow({ columns, weights }: Matrix, row: number, x: Float64Array): void {
  for (let c = 0, at = row * columns; c < columns; c++, at++) x[c] += weights[at];
}

/**
 * The model in float64, one symbol at a time: what the integer engine is measured against. The formulas are those of
 * ARCHITECTURE.md, with the quantised weights; a stream has no end.
 *
 * @example
 * const reference = new ReferenceModel(quantiseModel(config, tensors, 256, 256));
 * for (const symbol of symbols) logits = reference.step(symbol);
 */
export class ReferenceModel {
  readonly vocab: number;
  readonly outputs: number;
  readonly #embedding: Matrix;
  readonly #unembedding: Matrix;
  readonly #layers: Layer[];
  readonly #gamma: Float64Array;
  readonly #beta: Float64Array;
  readonly #x: Float64Array;
  readonly #n: Float64Array;
  /** The logits, and behind them the gates of recall. */
  readonly #answers: Float64Array;
  readonly #logits: Float64Array;
  readonly #gates: Float64Array;
  readonly #recall: Recall | undefined;
  readonly #ngrams: Ngrams | undefined;
  /** The sum of x over the steps since the reset, where the model answers from that. */
  readonly #pooled: Float64Array | undefined;
  readonly #observe: Observer | undefined;

  /** @throws UsageError when the model is for comparison: a transformer, whose attention looks at a window, or without router or gate */
  constructor(model: QuantisedModel, observe?: Observer) {
    const { config, vocab, outputs } = model;
    if (isTransformer(config)) {
      throw new UsageError(
        `Cannot run the model over a stream: its ${config.block} block reads windows of ${config.train.context} symbols; "atome train" measures it on the held-out text, or train a "base" or "gated" block.`,
      );
    }
    for (const key of ["router", "gate"] as const) {
      if (!config[key]) {
        throw new UsageError(
          `Cannot run the model over a stream: its "${key}" is false, which is for comparison; "atome train" measures it on the held-out text, or train it with true.`,
        );
      }
    }
    this.vocab = vocab;
    this.outputs = outputs;
    this.#observe = observe;
    this.#embedding = matrixOf(tensorOf(model, "embed"));
    this.#unembedding = config.tied ? this.#embedding : matrixOf(tensorOf(model, "unembed"));
    this.#layers = config.layers.map((_, index) => new Layer(model, index));
    this.#gamma = Float64Array.from(tensorOf(model, "final.gamma").values);
    this.#beta = Float64Array.from(tensorOf(model, "final.beta").values);
    this.#x = zeros(config.dModel);
    this.#n = zeros(config.dModel);
    this.#answers = zeros(this.#unembedding.rows);
    this.#logits = this.#answers.subarray(0, outputs);
    this.#gates = config.recall?.gates ? this.#answers.subarray(outputs) : zeros(RECALL_GATES);
    this.#recall = config.recall && recallOf(model, config.recall);
    this.#ngrams = config.ngrams && new Ngrams(config.ngrams, tensorOf(model, "ngrams"));
    this.#pooled = config.pool === "sum" ? zeros(config.dModel) : undefined;
  }

  /** Forgets everything. */
  reset(): void {
    for (const layer of this.#layers) layer.reset();
    this.#recall?.reset();
    this.#ngrams?.reset();
    this.#pooled?.fill(0);
  }

  /**
   * Takes a symbol (0 <= symbol < vocab) and gives the logits of what follows, or of the classes, in nats: `outputs` values, in
   * an array that the next step overwrites.
   */
  step(symbol: number): Float64Array {
    this.#x.fill(0);
    addRow(this.#embedding, symbol, this.#x);
    this.#ngrams?.step(symbol, this.#x);
    this.#answer();
    this.#recall?.read(symbol);
    this.#recall?.change(this.#logits, this.#gates);
    return this.#logits;
  }

  /** The same for a sensor's sample, as the rows of the table that it adds up: `rows` of the alphabet. */
  stepRows(rows: ArrayLike<number>): Float64Array {
    this.#x.fill(0);
    for (let index = 0; index < rows.length; index++) addRow(this.#embedding, rows[index], this.#x);
    return this.#answer();
  }

  /** The logits, from x as the tables made it. */
  #answer(): Float64Array {
    const x = this.#x;
    const observe = this.#observe;
    observe?.("residual", -1, x);
    for (const layer of this.#layers) layer.step(x, observe);
    if (this.#pooled) for (let c = 0; c < x.length; c++) this.#pooled[c] += x[c];
    normalise(this.#pooled ?? x, this.#gamma, this.#beta, this.#n);
    observe?.("norm", this.#layers.length, this.#n);
    multiply(this.#unembedding, this.#n, this.#answers);
    return this.#logits;
  }

  /** The router's mix of a layer in the last step: local, state, sparse; 0 for a pathway that the layer lacks. They add up to 1. */
  mix(layer: number): Readonly<Float64Array> {
    return this.#layers[layer].mix;
  }
}
