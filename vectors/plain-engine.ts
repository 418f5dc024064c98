/**
 * SPEC.md read literally: an engine as a stranger would write it, with numbers of any size instead of 32-bit words, the
 * formulas of section 3 where they stand and no thought of speed. Each value is held to its bound of section 5.
 */
import type { Decision, Engine, RecallSettings, RouterMix, Sampler } from "../src/engine/engine.js";
import { firstRows } from "../src/format/layout.js";
import { type AtomeModel, readModel } from "../src/format/reader.js";
import { UsageError } from "../src/model/errors.js";

type Layer = AtomeModel["layers"][number];
type Table = AtomeModel["embedding"];
type Int4Table = Extract<Table, { kind: "int4" }>;
type Scale = AtomeModel["logitScale"];
type RecallParts = NonNullable<AtomeModel["recall"]>;
type SensorParts = NonNullable<AtomeModel["sensor"]>;
type NgramParts = NonNullable<AtomeModel["ngrams"]>;

const NAMES = ["local", "state", "sparse"] as const;

/** What symbol v adds to recall by itself: s of SPEC.md 3.6.1. */
function ownBonus(table: RecallParts["symbols"], m: number, v: number): number {
  if (!table) return 0;
  const row = Math.min(m, 1);
  return table.values[row * (table.values.length / 2) + v] * table.steps[row];
}

/** The largest share of each bound that a value came to. */
export const reached = new Map<string, number>();

/** @throws Error when a value breaks its bound */
function bound(value: number, limit: number, what: string): number {
  if (!(Math.abs(value) <= limit) || !Number.isSafeInteger(value)) {
    throw new Error(`${what} is ${value} but SPEC.md section 5 bounds it by ${limit}`);
  }
  const share = Math.abs(value) / limit;
  if (!(share <= (reached.get(what) ?? -1))) reached.set(what, share);
  return value;
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);
const sum = (values: ArrayLike<number>) => {
  let total = 0;
  for (let i = 0; i < values.length; i++) total += values[i];
  return total;
};
const shr = (v: number, n: number) => Math.floor(v / 2 ** n);
const mulq15 = (a: number, m: number) => {
  bound(a, 2 ** 31 - 1, "a factor of mulq15");
  return shr(a * m, 15);
};
const clamp = (v: number, limit: number) => Math.min(Math.max(v, -limit), limit);
const scale = (v: number, k: Scale) => shr(mulq15(v, k.multiplier), k.shift);
const vec = (v: number) => clamp(v, 6553);
const sqrt = (v: number) => {
  let root = Math.floor(Math.sqrt(v));
  while (root * root > v) root--;
  while ((root + 1) * (root + 1) <= v) root++;
  return root;
};
const bits = (v: number) => (v >= 0 ? v : -v - 1);
/** OR of numbers below 2^31. */
const or = (values: number[]) => values.reduce((all, value) => all | value, 0);

function exp2neg(f: number): number {
  if (shr(f, 11) > 15) return 0;
  const r = f % 2048;
  const poly = 32768 - shr(r * (22660 - shr(r * (7566 - shr(r * 1292, 11)), 11)), 11);
  return shr(poly, shr(f, 11));
}

function softmax(v: readonly number[]): number[] {
  const m = Math.max(...v);
  const y = v.map((value) => exp2neg(bound(m - value, 2 ** 31 - 1, "a difference of logits")));
  const q = Math.floor(2 ** 30 / bound(sum(y), 2 ** 25, "sum of softmax terms"));
  return y.map((value) => shr(value * q, 15));
}

/** Binary logarithm in 1/2048, of 2^15..2^16 - 1 less 15. */
function fraction(from: number): number {
  let [p, f] = [from, 0];
  for (let i = 0; i < 11; i++) {
    p = shr(p * p, 15);
    f *= 2;
    if (p >= 2 ** 16) {
      p = shr(p, 1);
      f++;
    }
  }
  return f;
}

function log2(probability: number): number {
  let [p, k] = [probability, 15];
  while (p < 2 ** 15) {
    p *= 2;
    k--;
  }
  return 2048 * k + fraction(p);
}

const entropyOf = (p: ArrayLike<number>): number =>
  sum(Array.from(p, (value) => (value > 0 ? shr(value * (15 * 2048 - log2(value)), 15) : 0)));

/** matrix . v in whole numbers, `values` row-major. */
const sums = (values: Int8Array, v: readonly number[], rows: number): number[] =>
  range(rows).map((row) => sum(v.map((value, c) => values[row * v.length + c] * value)));

const ternary = (trits: Int8Array, v: readonly number[], rows: number): number[] =>
  sums(trits, v, rows).map((A) => bound(A, 6553 * 2048, "a ternary product"));

/** P of 3.4.1 */
const int4 = ({ values, steps }: Int4Table, v: readonly number[], rows: number): number[] =>
  sums(values, v, rows).map((D, row) => mulq15(bound(8 * D, 2 ** 29.7, "an int4 product x 8"), steps[row]));

/** matrix . v, a matrix of a layer. */
const product = (matrix: Table, v: readonly number[], rows: number): number[] =>
  matrix.kind === "ternary"
    ? ternary(matrix.trits, v, rows)
    : int4(matrix, v, rows).map((P) => bound(shr(P, 5), 2 ** 24.7, "P >> 5"));

interface Memory {
  history: number[][];
  state: number[];
  slots: { key: number[]; value: number[] }[];
  slot: number;
}

function newMemory(width: number): Memory {
  return { history: range(width).map(() => [0, 0, 0, 0]), state: Array(width).fill(0), slots: [], slot: 0 };
}

/** How many symbols before place `at`, 6 at most, equal the last ones. */
function matchAt(symbols: readonly number[], at: number): number {
  let m = 0;
  while (m < Math.min(6, at) && symbols[at - 1 - m] === symbols[symbols.length - 1 - m]) m++;
  return m;
}

export class PlainEngine implements Engine {
  readonly vocab: number;
  readonly outputs: number;
  readonly nLayers: number;
  readonly columns: number;
  readonly arenaBytes = 0;
  readonly #model: AtomeModel;
  #memory: Memory[] = [];
  #mix: number[][] = [];
  #x: number[] = [];
  #logits: number[] = [];
  /** All symbols since the reset. */
  #symbols: number[] = [];
  /** The last sample, undefined where it had no number. */
  #sample: (number | undefined)[] = [];
  /** The sum over the steps. */
  #sum: number[] = [];
  /** All symbols since the last that empties recall's memory. */
  #read: number[] = [];
  #recall: RecallSettings = { longest: 6, repeats: 7, penalty: 0 };
  /** Symbols of an escape so far: undefined, or the high half of its byte when that came. */
  #escape: { high: number | undefined } | undefined;

  constructor(bytes: Uint8Array) {
    this.#model = readModel(bytes);
    ({ vocab: this.vocab, outputs: this.outputs, nLayers: this.nLayers } = this.#model.dimensions);
    this.columns = this.#model.sensor?.columns.length ?? 0;
    this.reset();
  }

  get #width(): number {
    return this.#model.dimensions.dInner || this.#model.dimensions.dModel;
  }

  reset(): void {
    this.#memory = this.#model.layers.map(() => newMemory(this.#width));
    this.#mix = this.#model.layers.map(() => [0, 0, 0]);
    this.#read = [];
    this.#symbols = [];
    this.#sample = [];
    this.#sum = Array(this.#model.dimensions.dModel).fill(0);
    this.#escape = undefined;
  }

  recall(settings: RecallSettings): void {
    this.#recall = settings;
  }

  feed(symbol: number): void {
    if (symbol === this.#model.recall?.forget) this.#read = [];
    else this.#read.push(symbol);
    this.#symbols.push(symbol);
    this.#x = this.#row(symbol);
    if (this.#model.ngrams) this.#addNgrams(this.#model.ngrams);
    this.#runLayers();
  }

  feedSample(values: ArrayLike<number>): void {
    const { columns } = this.#model.sensor as SensorParts;
    const sample = columns.map(({ least, greatest }, i) =>
      values[i] < least || values[i] > greatest ? undefined : values[i],
    );
    const level = (v: number | undefined, thresholds: Int32Array) =>
      v === undefined ? 0 : 1 + thresholds.filter((threshold) => threshold <= v).length;
    let first = 0;
    this.#x = Array(this.#model.dimensions.dModel).fill(0);
    columns.forEach(({ values: thresholds, differences }, i) => {
      const [v, before] = [sample[i], this.#sample[i]];
      const difference = v === undefined || before === undefined ? undefined : v - before;
      bound(difference ?? 0, 2 ** 31 - 1, "a difference");
      if (thresholds.length > 0) {
        this.#addRow(this.#row(first + level(v, thresholds)));
        first += thresholds.length + 2;
      }
      if (differences.length > 0) {
        this.#addRow(this.#row(first + level(difference, differences)));
        first += differences.length + 2;
      }
    });
    this.#sample = sample;
    this.#runLayers();
  }

  #row(row: number): number[] {
    const { embedding, embedScale, dimensions } = this.#model;
    const places = range(dimensions.dModel).map((c) => row * dimensions.dModel + c);
    return embedding.kind === "ternary"
      ? places.map((at) => embedding.trits[at] * embedScale)
      : places.map((at) => shr(embedding.values[at] * embedding.steps[row], embedScale));
  }

  #addRow(row: readonly number[]): void {
    this.#x = this.#x.map((x, c) => clamp(bound(x + row[c], 2 ** 22, "x plus a row"), 2 ** 21 - 1));
  }

  #addNgrams({ buckets, orders, scale: unit, trits }: NgramParts): void {
    const { dModel } = this.#model.dimensions;
    let h = 0n;
    for (let n = 1; n <= 9; n++) {
      const symbol = this.#symbols.at(-n);
      h = BigInt.asUintN(32, (h + BigInt(symbol === undefined ? 0 : symbol + 1)) * 0x9e3779b1n);
      if (n < 2 || ((orders >> (n - 2)) & 1) === 0) continue;
      const r = Number(((h >> 16n) * BigInt(buckets)) >> 16n);
      this.#addRow(range(dModel).map((c) => trits[r * dModel + c] * unit));
    }
  }

  #runLayers(): void {
    this.#model.layers.forEach((layer, index) => {
      this.#runLayer(layer, index);
    });
    if (!this.#model.pooled) return;
    const P = this.#sum.map((sum, c) => bound(sum + this.#x[c], 2 ** 29 + 2 ** 21, "P"));
    const halve = P.some((sum) => sum >= 2 ** 29 || sum < -(2 ** 29));
    this.#sum = halve ? P.map((sum) => shr(sum, 1)) : P;
  }

  #pool(): void {
    let k = 0;
    while (this.#sum.some((sum) => bits(shr(sum, k)) >= 2 ** 21)) k++;
    this.#x = this.#sum.map((sum) => shr(sum, k));
  }

  #norm(pairs: Layer["norm"], shift: number): number[] {
    const x = this.#x;
    const d = x.length;
    for (const value of x) bound(bits(value), 2 ** 21 - 1, "x");
    const mean = Math.floor(bound(sum(x), 2 ** 31, "sum x") / d);
    const M = or(x.map(bits));
    let k = 0;
    while (shr(64 * M, k) >= 2 ** 14) k++;
    const u = x.map((value) => bound(shr(bound(64 * (value - mean), 2 ** 28, "64 (x - mean)"), k), 2 ** 15, "u"));
    const squares = sum(u.map((value) => shr(value * value, 10))) + shr(this.#model.epsilon, 2 * k);
    const S = bound(squares % 2 === 0 ? squares + 1 : squares, 2 ** 31, "S");
    let j = 0;
    while (S * 4 ** j < 2 ** 28) j++;
    bound(j, 14, "j");
    const q = Math.floor(2 ** 29 / sqrt(S * 4 ** j));
    return u.map((value, c) => {
      const scaled = bound(shr(bound(value * q, 2 ** 30, "u q"), 19 - j), 46080, "(u q) >> (19 - j)");
      const product = bound(scaled * pairs.gamma[c], 2 ** 30.5, "times gamma");
      return vec(shr(product, shift) + pairs.beta[c]);
    });
  }

  #runLayer(layer: Layer, index: number): void {
    const { dModel, dInner } = this.#model.dimensions;
    const gated = dInner > 0;
    const memory = this.#memory[index];
    const rows = firstRows(this.#model.dimensions, layer.pathways);
    const n = this.#norm(layer.norm, layer.normShift);
    const A = layer.first ? product(layer.first, n, sum(Object.values(rows))) : [];
    const take = (count: number) => A.splice(0, count);
    const [query, key, value] = [take(rows.query), take(rows.key), take(rows.value)];
    const u = take(rows.in).map((a) => vec(scale(64 * a, layer.scales.in)));
    const gate = take(rows.gate).map((a) => vec(scale(64 * a, layer.scales.gate)));
    const r = this.#route(layer, index, take(rows.router));
    const l = this.#convolve(layer, memory, gated ? u : n);
    this.#step(layer, memory, gated ? l : n);
    const z = this.#attend(layer, memory, gated ? this.#second(layer, l) : [query, key], gated ? u : value, r[2]);
    const m = range(this.#width).map((c) => this.#mixed(layer, memory, r, l, z, c));
    const add = (c: number, value: number) => {
      this.#x[c] = clamp(this.#x[c] + value, 2 ** 21 - 1);
    };
    if (!gated) m.forEach((value, c) => void add(c, value));
    else {
      const y = m.map((value, c) =>
        vec(shr(bound(clamp(value, 2 ** 17 - 1) * gate[c], 2 ** 29.7, "clamp(m) x gate"), layer.mixShift)),
      );
      product(layer.third as Table, y, dModel).forEach((b, c) => void add(c, scale(64 * b, layer.scales.out)));
    }
  }

  #second(layer: Layer, l: number[]): [number[], number[]] {
    const { dHead } = this.#model.dimensions;
    const B = layer.second ? product(layer.second, l, 2 * dHead) : [];
    return [B.slice(0, dHead), B.slice(dHead)];
  }

  /** The multipliers of local, state, sparse. */
  #route(layer: Layer, index: number, products: number[]): number[] {
    const present = [0, 1, 2].filter((path) => (layer.pathways >> path) & 1);
    const p =
      present.length === 1
        ? [32768]
        : softmax(products.map((a, i) => scale(64 * a, layer.scales.router) + layer.routerBias[i]));
    const of = (path: number, value: (i: number) => number) =>
      present.includes(path) ? value(present.indexOf(path)) : 0;
    this.#mix[index] = [0, 1, 2].map((path) => of(path, (i) => p[i]));
    return [0, 1, 2].map((path) => of(path, (i) => shr(p[i] * layer.scales[NAMES[path]].multiplier, 15)));
  }

  #convolve(layer: Layer, memory: Memory, input: number[]): number[] {
    const { taps, tapScales } = layer;
    if (!taps) return input;
    return input.map((value, c) => {
      const H = [clamp(shr(value + 16, 5), 127), ...memory.history[c]];
      memory.history[c] = H.slice(0, 4);
      const l = sum(H.map((h, j) => taps[5 * c + j] * h));
      if (!tapScales) return bound(l, 5 * 127, "taps of the base block");
      return vec(shr(bound(bound(l, 2 ** 14.4, "taps") * tapScales[c], 2 ** 29.4, "taps x tapScale"), layer.tapShift));
    });
  }

  #step(layer: Layer, memory: Memory, input: number[]): void {
    if (!layer.state) return;
    const { a } = layer.state;
    memory.state = memory.state.map((s, c) => bound(mulq15(s, a[c]) + 64 * input[c], 1.72e9, "s"));
  }

  /** z, and nothing when there is no attention. */
  #attend(layer: Layer, memory: Memory, [query, key]: number[][], value: number[], r: number): number[] {
    if (!(layer.pathways & 4)) return [];
    const { scales, window } = layer;
    const round8 = (v: number[], k: Scale) => v.map((element) => shr(clamp(scale(64 * element, k), 254) + 1, 1));
    const q8 = round8(query, scales.query);
    memory.slots[memory.slot] = { key: round8(key, scales.key), value: round8(value, scales.value) };
    memory.slot = (memory.slot + 1) % window;
    const scored = memory.slots.map((slot, index) => {
      const D = sum(slot.key.map((element, c) => element * q8[c]));
      return { slot, index, v: scale(bound(64 * D, 2 ** 28, "64 D"), scales.score) };
    });
    scored.sort((a, b) => b.v - a.v || a.index - b.index);
    const taken = scored.slice(0, this.#model.dimensions.topK);
    const p = softmax(taken.map(({ v }) => v));
    return range(this.#width).map((c) =>
      sum(
        taken.map(({ slot }, i) =>
          shr(bound(shr(p[i] * r, 15) * slot.value[c], 2 ** 22, "weight x value"), scales.sparse.shift),
        ),
      ),
    );
  }

  #mixed(layer: Layer, memory: Memory, r: number[], l: number[], z: number[], c: number): number {
    const { scales, state, pathways } = layer;
    let m = 0;
    if (pathways & 1) m += shr(l[c] * r[0], scales.local.shift);
    if (state) m += shr(mulq15(mulq15(memory.state[c], state.c[c]), r[1]), scales.state.shift);
    if (pathways & 4) m += z[c];
    return bound(m, 2 ** 25.7 + 2 ** 28.7 + 2 ** 22, "m");
  }

  logits(): Int32Array {
    const { finalNorm, finalNormShift, logitScale } = this.#model;
    const table: Table = this.#model.unembedding ?? this.#model.embedding;
    if (this.#model.pooled) this.#pool();
    const n = this.#norm(finalNorm, finalNormShift);
    const rows = this.outputs + (this.#model.recall?.gates ? 2 : 0);
    const answers =
      table.kind === "ternary"
        ? ternary(table.trits, n, rows).map((a) => scale(64 * a, logitScale))
        : int4(table, n, rows).map((P) => scale(P, logitScale));
    for (const answer of answers) bound(answer, 2 ** 26.7, "a logit");
    this.#logits = answers.splice(0, this.outputs);
    if (this.#model.recall) this.#follow(this.#model.recall, answers);
    return Int32Array.from(this.#logits);
  }

  #follow({ window, bonus, pull, symbols: table }: RecallParts, [h0 = 0, h1 = 0]: number[]): void {
    const symbols = this.#read;
    const { longest, repeats, penalty } = this.#recall;
    const places = range(symbols.length).slice(-window);
    const matches = places.map((at) => ({ symbol: symbols[at], m: matchAt(symbols, at) }));
    const g = Math.max(...matches.map(({ m }) => m));
    const A = matches.filter(({ m }) => m === g).length;
    const M = Math.max(...this.#logits);
    for (const v of new Set(matches.map(({ symbol }) => symbol))) {
      const own = matches.filter(({ symbol }) => symbol === v).map(({ m }) => m);
      const m = Math.max(...own);
      const c = own.filter((match) => match === m).length;
      const k = m < g ? 0 : 2 * c <= A ? 1 : c === 1 ? 2 : 3;
      const logit = this.#logits[v];
      const i = 4 * m + k;
      if (m >= repeats) this.#logits[v] = logit - penalty;
      else if (m <= longest)
        this.#logits[v] =
          logit +
          bonus[i] +
          mulq15(bound(M - logit, 2 ** 27.7, "M - logit"), pull[i]) +
          (m > 0 ? h1 : h0) +
          ownBonus(table, m, v);
      bound(this.#logits[v], 2 ** 27.8, "a logit after recall");
    }
  }

  step(symbol: number): Int32Array {
    this.feed(symbol);
    return this.logits();
  }

  argmax(): number {
    return this.#logits.indexOf(Math.max(...this.#logits));
  }

  sample(sampler: Sampler): number {
    const { temperature: T, topK, topP } = sampler;
    if (T === 0) return this.argmax();
    const q = Math.floor(2 ** 23 / T);
    const m = Math.max(...this.#logits);
    const w = this.#logits.map((logit) => {
      const below = Math.min(m - logit, 128 * T);
      return exp2neg(shr(bound(below * q, 2 ** 30, "min(m - logit, 128 T) q"), 15));
    });
    const enough = mulq15(sum(w), topP);
    let tau = 0;
    for (let b = 15; b >= 0; b--) {
      const kept = w.filter((value) => value >= tau + 2 ** b);
      if ((topK > 0 && kept.length >= topK) || (topP > 0 && topP < 32768 && sum(kept) >= enough)) tau += 2 ** b;
    }
    if (tau === 0) tau = 1;
    return draw(sampler, w, tau);
  }

  scores(): Int32Array {
    this.#logits = softmax(this.#logits);
    return Int32Array.from(this.#logits);
  }

  decide(): Decision {
    const { decision } = this.#model;
    const logits = this.#logits;
    const index = this.argmax();
    const p = [...this.scores()];
    const confidence = decision ? this.#confidence(decision.signal, logits, p) : 0;
    return { class: !decision || confidence >= decision.threshold ? index : -1, probability: p[index] };
  }

  #confidence(signal: "probability" | "margin" | "entropy" | "energy", logits: number[], p: number[]): number {
    const [M, second] = [...logits].sort((a, b) => b - a);
    if (signal === "probability") return Math.max(...p);
    if (signal === "margin") return bound(M - second, 2 ** 28.8, "margin");
    if (signal === "entropy") return -entropyOf(p);
    let [S, k] = [sum(logits.map((logit) => exp2neg(M - logit))), 0];
    while (S >= 2 ** 16) {
      S = shr(S, 1);
      k++;
    }
    return bound(M + 2048 * k + fraction(S), 2 ** 27.8, "energy");
  }

  entropy(probabilities: ArrayLike<number>): number {
    return entropyOf(probabilities);
  }

  router(layer: number): RouterMix {
    const [local, state, sparse] = this.#mix[layer];
    return { mix: [local, state, sparse], entropy: entropyOf(this.#mix[layer]) };
  }

  encode(text: Uint8Array): Uint16Array {
    const { tokens } = this.#model;
    const symbols: number[] = [];
    for (let at = 0; at < text.length; ) {
      const prefixes = (tokens ?? range(this.vocab).map((byte) => [byte % 256]))
        .map((token, symbol) => ({ token, symbol }))
        .filter(({ token }) => token.length > 0 && token.every((byte, i) => byte === text[at + i]));
      const longest = Math.max(0, ...prefixes.map(({ token }) => token.length));
      const escapeSymbol = tokens?.findIndex((token) => token.length === 0) ?? -1;
      if (longest === 0 && escapeSymbol < 0) throw new UsageError(`byte ${text[at]} cannot be encoded`);
      if (longest === 0) symbols.push(escapeSymbol, text[at] >> 4, text[at] & 15);
      else symbols.push((prefixes.find(({ token }) => token.length === longest) ?? prefixes[0]).symbol);
      at += Math.max(1, longest);
    }
    return Uint16Array.from(symbols);
  }

  decode(symbol: number): Uint8Array {
    if (this.#escape) {
      const { high } = this.#escape;
      this.#escape = high === undefined ? { high: symbol & 15 } : undefined;
      return high === undefined ? new Uint8Array() : Uint8Array.of((high << 4) | (symbol & 15));
    }
    if (symbol >= this.vocab) return new Uint8Array();
    const text = this.#model.tokens?.[symbol] ?? Uint8Array.of(symbol);
    if (text.length === 0) this.#escape = { high: undefined };
    return text;
  }

  className(index: number): Uint8Array {
    return this.#model.classNames?.[index] ?? new Uint8Array();
  }
}

/** mod 2^32 */
function next(sampler: Sampler): number {
  const word = (value: bigint) => BigInt.asUintN(32, value);
  const state = word(BigInt(sampler.random) + 0x9e3779b9n);
  sampler.random = Number(state);
  let z = state ^ (state >> 16n);
  z = word(z * 0x21f0aaadn);
  z ^= z >> 15n;
  z = word(z * 0x735a2d97n);
  return Number(z ^ (z >> 15n));
}

function draw(sampler: Sampler, w: readonly number[], tau: number): number {
  const total = sum(w.filter((value) => value >= tau));
  let mask = 0;
  while (mask < total - 1) mask = 2 * mask + 1;
  let r: number;
  do r = next(sampler) & mask;
  while (r >= total);
  let running = 0;
  return w.findIndex((value) => {
    if (value < tau) return false;
    running += value;
    return running > r;
  });
}
