/**
 * The engine in TypeScript: engine/atome.c, function by function, in the same order. SPEC.md is the contract of both:
 * section numbers below are its own. What is a pointer there is an offset here: `weights` into the model, `memory` and
 * `mix` into the arena. `|` and Math.imul keep to 32 bits; `>>>` is the shift of an unsigned number.
 *
 * Letters: d = width of the model, e = inner width of the gated block (0: base block), w = width of the pathways.
 */
import { crc32 } from "../format/crc32.js";
import {
  ALL_OPTIONS,
  DECISION_BYTES,
  DECISION as DECISION_FIELD,
  HEADER,
  HEADER_BYTES,
  LAYER,
  LAYER_RECORD_BYTES,
  NGRAMS as NGRAM_FIELD,
  NGRAM_RECORD_BYTES,
  OPTION,
  PATHWAY,
  RECALL_BYTES,
  RECALL as RECALL_FIELD,
  SECTION,
  SENSOR_ENTRY,
  SENSOR as SENSOR_FIELD,
  SIGNALS,
} from "../format/layout.js";
import { readModel } from "../format/reader.js";
import { FailureError, UsageError } from "../model/errors.js";
import { CheckedEngine } from "./checked.js";
import { type CheckResult, type Decision, type Engine, MISSING, type RecallSettings, type Sampler } from "./engine.js";

const SECTION_BYTES = 8;
const SECTION_LAST = 5;
const { local: LOCAL, state: STATE, sparse: SPARSE } = PATHWAY;
const { tied: TIED, embedInt4: EMBED_INT4, unembedInt4: UNEMBED_INT4, classifier: CLASSIFIER, recall: RECALL } = OPTION;
const { ngrams: NGRAMS, pooled: POOLED, sensor: SENSOR, decision: DECISION, matricesInt4: MATRICES_INT4 } = OPTION;
const RECALL_GATES = OPTION.recallGates;
const RECALL_SYMBOLS = OPTION.recallSymbols;
const EPSILON = HEADER.epsilon;
const EMBED_SCALE = HEADER.embedScale;
const LOGIT_SCALE = HEADER.logitMultiplier;
const FINAL_SHIFT = HEADER.finalNormShift;
const SECTION_COUNT = HEADER.sectionCount;
const MEMORY_BYTES = HEADER.memoryBytes;
const NORM_SHIFT = LAYER.normShift;
const WINDOW = LAYER.window;
const SCALES = LAYER.scales;
const ROUTER = SCALES + 12;
const SCORE = SCALES + 16;
const QUERY = SCALES + 20;
const KEY = SCALES + 24;
const VALUE = SCALES + 28;
const IN = SCALES + 32;
const GATE = SCALES + 36;
const OUT = SCALES + 40;
const ROUTER_BIAS = LAYER.routerBias;
const TAP_SHIFT = LAYER.tapShift;
const MIX_SHIFT = LAYER.mixShift;
const { forget: FORGET, pairs: PAIRS } = RECALL_FIELD;
const PAIR_BYTES = 4;
const { orders: ORDERS, scale: NGRAM_SCALE } = NGRAM_FIELD;
const ENTRIES = SENSOR_FIELD.entries;
const ENTRY_BYTES = SENSOR_ENTRY.bytes;
const { least: LEAST, greatest: GREATEST } = SENSOR_ENTRY;
const MATCH_MAX = 6;
const MATCH_SHIFT = 11;
const COUNT_MASK = 2047;
const VECTOR_MAX = 6553;
const RESIDUAL_MAX = 0x1fffff;
const MIX_MAX = 0x1ffff;
const HASH_FACTOR = 0x9e3779b1;
const SIGN = 0x80000000;
const INT32_MAX = 0x7fffffff;
const TABLE_ENTRIES = 252;
const SCRATCH_BYTES = 2048;
const MIX_BYTES = 8;
/** sizeof(struct atome) where a pointer has 4 bytes. */
const STRUCT_BYTES = 96;

/** struct atome; its arrays are views of one arena. */
class Atome {
  escape = 0;
  byte = 0;
  longest = 0;
  repeats = 0;
  /** Of the sections: first the weights, and so the embedding table. */
  content = 0;
  weights = 0;
  record = 0;
  memory = 0;
  table = new Uint16Array();
  /** The table, two entries at a time. */
  tablePairs = new Int32Array();
  /** The table's bytes: the quantised query. */
  query = new Int8Array();
  residual = new Int32Array();
  product = new Int32Array();
  logits = new Int32Array();
  vector = new Int16Array();
  mix = 0;
  vocab = 0;
  outputs = 0;
  width = 0;
  inner = 0;
  head = 0;
  pathsWidth = 0;
  layers = 0;
  topK = 0;
  options = 0;
  memoryBytes = 0;
  productBytes = 0;
  vectorBytes = 0;
  penalty = 0;
  // The whole arena, as each type.
  int8 = new Int8Array();
  uint16 = new Uint16Array();
  int32 = new Int32Array();
  // Locals of route and attend, made once.
  readonly gain = new Int32Array(3);
  readonly weight = new Int32Array(5);
  readonly chosen = new Uint32Array(5);

  constructor(readonly model: Uint8Array) {}
}

// ---- reading: little-endian ----

const read16 = (p: Uint8Array, at: number): number => p[at] | (p[at + 1] << 8);

const readSigned16 = (p: Uint8Array, at: number): number => ((p[at] | (p[at + 1] << 8)) << 16) >> 16;

const read32 = (p: Uint8Array, at: number): number => (read16(p, at) | (read16(p, at + 2) << 16)) >>> 0;

const align4 = (bytes: number): number => (bytes + 3) & ~3;

// ---- arithmetic: 3.1 ----

const mulQ15 = (a: number, m: number): number => (Math.imul(a >> 15, m) + (Math.imul(a & 32767, m) >> 15)) | 0;

const rescale = (v: number, p: Uint8Array, scale: number): number =>
  mulQ15(v, read16(p, scale)) >> read16(p, scale + 2);

const clamp = (v: number, limit: number): number => (v > limit ? limit : Math.max(v, -limit));

/** max(v, -v - 1): the bits that v needs */
const magnitude = (v: number): number => v ^ (v >> 31);

/** The quotient of two unsigned numbers below 2^32 is never rounded up to a whole one in 53 bits. */
const divide = (n: number, d: number): number => (n / d) >>> 0;

function squareRoot(v: number): number {
  let root = 0;
  for (let bit = 1 << 15; bit; bit >>= 1) {
    if (Math.imul(root | bit, root | bit) >>> 0 <= v) root |= bit;
  }
  return root;
}

/** 2^(-f/2048) in Q15, f >= 0 */
export function exp2Negative(f: number): number {
  const r = f & 2047;
  if (f >> 11 > 15) return 0;
  return (32768 - ((r * (22660 - ((r * (7566 - ((r * 1292) >> 11))) >> 11))) >> 11)) >> (f >> 11);
}

/** Index of the largest of v[at..at + n - 1], counted from `at`. */
export function maximum(v: Int32Array, at: number, n: number): number {
  let best = 0;
  for (let i = 1; i < n; i++) if (v[at + i] > v[at + best]) best = i;
  return best;
}

/** v: 1/2048 bit -> probabilities in Q15, in place */
export function softmax(v: Int32Array, at: number, n: number): void {
  const top = v[at + maximum(v, at, n)];
  const end = at + n;
  let sum = 0;
  for (let i = at; i < end; i++) {
    v[i] = exp2Negative(top - v[i]);
    sum += v[i];
  }
  const q = divide(1 << 30, sum);
  for (let i = at; i < end; i++) v[i] = Math.imul(v[i], q) >> 15;
}

const fill = (v: Int32Array, at: number, n: number, value: number): Int32Array => v.fill(value, at, at + n);

// ---- matrices: 2.1, 2.2, 3.4 ----

/** (columns + 4) / 5 */
const groupCount = (columns: number): number => ((columns + 4) * 52429) >>> 18;

/**
 * The 252 biased sums of each of n groups. A running sum takes every value: each step of a trit adds the difference from the
 * value before. Returns where the next group's values are.
 */
function buildTables(a: Atome, at: number, n: number): number {
  const { table, tablePairs, vector } = a;
  let to = 0;
  let pair = 0;
  let v = at;
  for (let group = 0; group < n; group++, v += 5) {
    let one = vector[v];
    let two = vector[v + 1] - 2 * one;
    const three = vector[v + 2] - 3 * vector[v + 1];
    let sum = 32768 - one - vector[v + 1] - vector[v + 2] - vector[v + 3] - vector[v + 4];
    for (let i = 0; i < 3; i++, sum += three) {
      for (let j = 0; j < 3; j++, sum += two, to += 3) {
        table[to] = sum;
        sum += one;
        table[to + 1] = sum;
        sum += one;
        table[to + 2] = sum;
      }
    }
    table[to] = table[to - 1];
    one = Math.imul(vector[v + 3], 65537);
    two = Math.imul(vector[v + 4], 65537) - 2 * one;
    // One pair of the 28 sums at a time, with all values of the last two trits.
    const end = pair + 14;
    for (; pair !== end; pair++) {
      sum = tablePairs[pair];
      for (let i = pair; i < pair + 126; i += 42, sum = (sum + two) | 0) {
        tablePairs[i] = sum;
        sum = (sum + one) | 0;
        tablePairs[i + 14] = sum;
        sum = (sum + one) | 0;
        tablePairs[i + 28] = sum;
      }
    }
    pair += 112;
    to = 2 * pair;
  }
  return v;
}

/** Adds four groups to every row. */
function addFour(p: Uint8Array, start: number, row: Int32Array, at: number, rows: number, table: Uint16Array): number {
  let code = start;
  for (let i = at; i < at + rows; i++) {
    row[i] +=
      table[p[code]] +
      table[TABLE_ENTRIES + p[code + 1]] +
      table[2 * TABLE_ENTRIES + p[code + 2]] +
      table[3 * TABLE_ENTRIES + p[code + 3]];
    code += 4;
  }
  return code;
}

function addOne(p: Uint8Array, start: number, row: Int32Array, at: number, rows: number, table: Uint16Array): number {
  let code = start;
  for (let i = at; i < at + rows; i++) row[i] += table[p[code++]];
  return code;
}

/** product from `at` on = T . vector; moves the cursor past T */
function multiplyTernary(a: Atome, rows: number, columns: number, at: number): void {
  const { model, product, table, vector } = a;
  let groups = groupCount(columns);
  let code = a.weights;
  let v = 0;
  a.weights = code + align4(rows * groups);
  if (!rows) return;
  vector.fill(0, columns, columns + 4);
  fill(product, at, rows, -(groups << 15));
  do {
    const n = groups < 4 ? 1 : 4;
    v = buildTables(a, v, n);
    code = n === 1 ? addOne(model, code, product, at, rows, table) : addFour(model, code, product, at, rows, table);
    groups -= n;
  } while (groups);
}

/** product from `at` on = 8 Q . vector times the steps, over 2^shift; moves the cursor past Q */
function multiplyInt4(a: Atome, rows: number, columns: number, at: number, shift: number): void {
  const { model, vector, product } = a;
  const step = a.weights;
  let nibble = step + align4(2 * rows);
  let bias = 0;
  a.weights = nibble + align4(rows * ((columns + 1) >> 1));
  vector[columns] = 0;
  for (let c = 0; c < columns; c++) bias += 8 * vector[c];
  for (let row = 0; row < rows; row++) {
    let sum = -bias;
    for (let c = 0; c < columns; c += 2, nibble++) {
      sum += (model[nibble] & 15) * vector[c] + (model[nibble] >> 4) * vector[c + 1];
    }
    product[at + row] = mulQ15(8 * sum, read16(model, step + 2 * row)) >> shift;
  }
}

/** product from `at` on = M . vector, M a matrix of a layer; moves the cursor past M */
function multiply(a: Atome, rows: number, columns: number, at: number): void {
  if (a.options & MATRICES_INT4) multiplyInt4(a, rows, columns, at, 5);
  else multiplyTernary(a, rows, columns, at);
}

/** to = row of a ternary table, times scale; moves the cursor past the table */
function loadTernary(a: Atome, to: Int32Array, rows: number, row: number, scale: number): void {
  const { model } = a;
  const table = a.weights;
  const groups = groupCount(a.width);
  let x = 0;
  a.weights = table + align4(rows * groups);
  for (let g = 0; g < groups; g++, x += 5) {
    let last = x + 5;
    let code = model[table + (g < (groups & ~3) ? ((g >> 2) * rows + row) * 4 + (g & 3) : g * rows + row)];
    // 84, 28, 9, 3, 1
    for (let place = 84; place; place = (place * 86) >> 8) {
      let value = -scale;
      for (; code >= place; code -= place) value += scale;
      to[--last] = value;
    }
  }
}

/** Rows that the logits' table has behind those of the outputs: the gates of recall. */
const gatesOf = ({ options }: Pick<Atome, "options">): number => (options & RECALL_GATES ? 2 : 0);

/** Rows of the embedding table. */
const tableRows = (a: Atome): number => a.vocab + (a.options & TIED ? gatesOf(a) : 0);

/** to = row of the embedding table; moves the cursor past the table */
function loadRow(a: Atome, to: Int32Array, row: number): void {
  const { model } = a;
  const rows = tableRows(a);
  const scale = read32(model, EMBED_SCALE);
  if (a.options & EMBED_INT4) {
    const rowBytes = (a.width + 1) >> 1;
    const step = read16(model, a.weights + 2 * row);
    const nibbles = a.weights + align4(2 * rows);
    a.weights = nibbles + align4(rows * rowBytes);
    for (let i = 0, nibble = nibbles + row * rowBytes; i < rowBytes; i++, nibble++) {
      to[2 * i] = (((model[nibble] & 15) - 8) * step) >> scale;
      to[2 * i + 1] = (((model[nibble] >> 4) - 8) * step) >> scale;
    }
    return;
  }
  loadTernary(a, to, rows, row, scale);
}

/** residual += product */
function addProduct({ residual, product, width }: Atome): void {
  for (let c = 0; c < width; c++) residual[c] = clamp(residual[c] + product[c], RESIDUAL_MAX);
}

/** vector = norm(residual); moves the cursor past the norm's pairs */
function normalize(a: Atome, shift: number): void {
  const { model, residual, vector, width } = a;
  let pairs = a.weights;
  let bits = 0;
  let sum = 0;
  let k = 0;
  let j = 19;
  for (let c = 0; c < width; c++) {
    sum += residual[c];
    bits |= magnitude(residual[c]);
  }
  const mean = divide(sum + width * 2 ** 21, width) - 2 ** 21;
  for (bits <<= 6; bits >> 14; bits >>= 1) k++;
  // Below 2^32 k reaches 13, and epsilon's shift 26.
  sum = read32(model, EPSILON) >>> (2 * k);
  for (let c = 0; c < width; c++) {
    const u = (64 * (residual[c] - mean)) >> k;
    sum += (u * u) >>> 10;
  }
  sum = (sum | 1) >>> 0;
  for (; !(sum >>> 28); sum *= 4) j--;
  const q = divide(2 ** 29, squareRoot(sum));
  for (let c = 0; c < width; c++, pairs += 4) {
    const u = (64 * (residual[c] - mean)) >> k;
    const scaled = Math.imul(Math.imul(u, q) >> j, readSigned16(model, pairs)) >> shift;
    vector[c] = clamp(scaled + readSigned16(model, pairs + 2), VECTOR_MAX);
  }
  a.weights = pairs;
}

// ---- one layer: 3.3 ----

/** Takes words from the memory. */
function takeMemory(a: Atome, bytes: number): number {
  const at = a.memory;
  a.memory = at + align4(bytes);
  return at;
}

/** Rows of the router: one per pathway, none when there is only one. */
const routerRows = (paths: number): number =>
  paths & (paths - 1) ? (paths & 1) + ((paths >> 1) & 1) + (paths >> 2) : 0;

/** Bytes of a layer's taps and tap scales. */
const tapBytes = (gated: boolean, w: number): number => (gated ? 4 * w + align4(2 * w) : align4(2 * w));

/** product[i] = scale(64 product[i]), clamped, for n of them from `at` on */
function scaleProduct(a: Atome, at: number, n: number, scale: number, limit: number): void {
  const { model, product } = a;
  const multiplier = read16(model, scale);
  const shift = read16(model, scale + 2);
  for (let i = at; i < at + n; i++) product[i] = clamp(mulQ15(64 * product[i], multiplier) >> shift, limit);
}

/** 3.5.1: gain = the router's probability of each pathway times the pathway's multiplier; v: where its products stand */
function route(a: Atome, v: number, mix: number): void {
  const { model, record, product, uint16, gain } = a;
  let paths = model[record];
  let n = routerRows(paths);
  let next = v;
  if (!n) product[v + n++] = 0;
  scaleProduct(a, v, n, record + ROUTER, INT32_MAX);
  for (let i = 0; i < n; i++) product[v + i] += readSigned16(model, record + ROUTER_BIAS + 2 * i);
  softmax(product, v, n);
  for (let i = 0; i < 3; i++, paths >>= 1) {
    const p = paths & 1 ? product[next++] : 0;
    uint16[mix + i] = p;
    gain[i] = (p * read16(model, record + SCALES + 4 * i)) >> 15;
  }
}

/** vector = local pathway of vector */
function convolve(a: Atome, start: number): void {
  const { model, record, vector, int32, pathsWidth: w } = a;
  const gated = a.inner > 0;
  const bits = gated ? 6 : 2;
  const unused = 32 - 5 * bits;
  let history = takeMemory(a, 4 * w) >> 2;
  let taps = start;
  let tapScale = taps + 4 * w;
  for (let v = 0; v < w; v++) {
    let old = int32[history];
    let tap = gated ? read32(model, taps) : read16(model, taps);
    const now = clamp((vector[v] + 16) >> 5, 127);
    let sum = now * ((tap << (32 - bits)) >> (32 - bits));
    int32[history++] = (old << 8) | (now & 255);
    tap <<= unused;
    // Oldest first: both it and its tap are the top bits.
    for (; old; tap <<= bits, old <<= 8) sum += (old >> 24) * (tap >> (32 - bits));
    taps += 2;
    if (gated) {
      taps += 2;
      sum = clamp(Math.imul(sum, readSigned16(model, tapScale)) >> model[record + TAP_SHIFT], VECTOR_MAX);
      tapScale += 2;
    }
    vector[v] = sum;
  }
}

/** state = a state + 64 vector; product += state pathway */
function stepState(a: Atome, start: number, gain: number): void {
  const { model, vector, product, int32, pathsWidth: w } = a;
  const shift = read16(model, a.record + SCALES + 6);
  let state = takeMemory(a, 4 * w) >> 2;
  let constants = start;
  for (let v = 0; v < w; v++) {
    const s = mulQ15(int32[state], readSigned16(model, constants)) + 64 * vector[v];
    int32[state++] = s;
    product[v] += mulQ15(mulQ15(s, readSigned16(model, constants + 2)), gain) >> shift;
    constants += 4;
  }
}

/** out = scale(64 product) / 2, rounded, as i8, for n of them from v on */
function quantize(a: Atome, out: Int8Array, at: number, v: number, n: number, scale: number): void {
  scaleProduct(a, v, n, scale, 254);
  for (let i = 0; i < n; i++) out[at + i] = (a.product[v + i] + 1) >> 1;
}

function dot(p: Int8Array, at: number, q: Int8Array, n: number): number {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += p[at + i] * q[i];
  return sum;
}

/** sum += (weight v) >> shift */
function addWeighted(sum: Int32Array, v: Int8Array, at: number, n: number, weight: number, shift: number): void {
  for (let i = 0; i < n; i++) sum[i] += (weight * v[at + i]) >> shift;
}

/** 3.5.2: stores key and value in the next slot; product = sparse pathway. query: dHead products, then the key's */
function attend(a: Atome, query: number, value: number, gain: number): void {
  const { model, record, product, head, int8, uint16, weight, chosen, pathsWidth: w } = a;
  const window = read16(model, record + WINDOW);
  const ring = takeMemory(a, 4) >> 1;
  let keys = takeMemory(a, window * (head + w));
  let values = keys + window * head;
  const slot = uint16[ring];
  let n = uint16[ring + 1];
  let kept = 0;

  if (n < window) uint16[ring + 1] = ++n;
  uint16[ring] = slot + 1 === window ? 0 : slot + 1;
  quantize(a, a.query, 0, query, head, record + QUERY);
  quantize(a, int8, keys + slot * head, query + head, head, record + KEY);
  quantize(a, int8, values + slot * w, value, w, record + VALUE);

  for (let i = 0; i < n; i++, keys += head, values += w) {
    const score = rescale(64 * dot(int8, keys, a.query, head), model, record + SCORE);
    let j = kept;
    for (; j > 0 && score > weight[j - 1]; j--) {
      weight[j] = weight[j - 1];
      chosen[j] = chosen[j - 1];
    }
    weight[j] = score;
    chosen[j] = values;
    if (kept < a.topK) kept++;
  }
  softmax(weight, 0, kept);
  fill(product, 0, w, 0);
  const shift = read16(model, record + SCALES + 10);
  for (let j = 0; j < kept; j++) addWeighted(product, int8, chosen[j], w, Math.imul(weight[j], gain) >> 15, shift);
}

/** Runs one layer and moves both cursors past it. */
function runLayer(a: Atome, mix: number): void {
  const { model, product, vector, gain, width, pathsWidth: w } = a;
  const record = a.weights;
  const gated = a.inner > 0;
  const paths = model[record];
  const rows = gated ? 2 * w : paths & SPARSE ? 2 * a.head + w : 0;

  a.record = record;
  a.weights = record + LAYER_RECORD_BYTES;
  normalize(a, model[record + NORM_SHIFT]);
  multiply(a, rows + routerRows(paths), width, 0);
  route(a, rows, mix);

  const taps = a.weights;
  const constants = paths & LOCAL ? taps + tapBytes(gated, w) : taps;
  a.weights = constants + (paths & STATE ? 4 * w : 0);
  if (gated) {
    scaleProduct(a, 0, w, record + IN, VECTOR_MAX);
    scaleProduct(a, w, w, record + GATE, VECTOR_MAX);
    for (let c = 0; c < w; c++) vector[c] = product[c];
    convolve(a, taps);
  }
  if (paths & SPARSE) {
    const query = gated ? rows + 3 : 0;
    if (gated) multiply(a, 2 * a.head, w, query);
    attend(a, query, gated ? 0 : 2 * a.head, gain[2]);
  } else fill(product, 0, w, 0);
  if (paths & STATE) stepState(a, constants, gain[1]);
  if (!gated && paths & LOCAL) convolve(a, taps);

  const shift = read16(model, record + SCALES + 2);
  for (let c = 0; c < w; c++) {
    product[c] += Math.imul(vector[c], gain[0]) >> shift;
    if (gated) {
      const mixed = Math.imul(clamp(product[c], MIX_MAX), product[w + c]);
      vector[c] = clamp(mixed >> model[record + MIX_SHIFT], VECTOR_MAX);
    }
  }
  if (gated) {
    multiply(a, width, w, 0);
    scaleProduct(a, 0, width, record + OUT, INT32_MAX);
  }
  addProduct(a);
}

// ---- n-grams: 3.2.1 ----

/**
 * residual += rows of the last runs; moves both cursors past what is theirs. The memory: the last symbols, newest first, each
 * plus 1.
 */
function addNgrams(a: Atome, symbol: number): void {
  const { model, product, uint16 } = a;
  const record = a.weights;
  const before = a.memory >> 1;
  const buckets = read16(model, record);
  let n = 0;
  let next = symbol + 1;
  let hash = Math.imul(next, HASH_FACTOR);
  for (let orders = read16(model, record + ORDERS); orders; orders >>= 1) {
    const older = uint16[before + n];
    uint16[before + n++] = next;
    next = older;
    hash = Math.imul(hash + next, HASH_FACTOR);
    if (orders & 1) {
      a.weights = record + NGRAM_RECORD_BYTES;
      loadTernary(a, product, buckets, ((hash >>> 16) * buckets) >>> 16, read32(model, record + NGRAM_SCALE));
      addProduct(a);
    }
  }
  takeMemory(a, 2 * n);
}

// ---- samples: 3.2.2 ----

/** Moves both cursors past what is the sensor's. */
function openSensor(a: Atome): void {
  const { model } = a;
  const entries = a.weights + ENTRIES;
  const columns = read16(model, a.weights);
  takeMemory(a, 4 * columns);
  a.weights = entries + ENTRY_BYTES * columns;
  for (let entry = entries, i = 0; i < columns; i++, entry += ENTRY_BYTES) {
    a.weights += 4 * (model[entry] + model[entry + 1]);
  }
}

/** residual += the row of v's level among n thresholds, of the table from `row` on; returns the first row after theirs. */
function addLevel(a: Atome, table: number, threshold: number, n: number, row: number, v: number): number {
  let level = 0;
  if (!n) return row;
  if (v !== MISSING) {
    for (level = 1; level <= n && (read32(a.model, threshold + 4 * (level - 1)) | 0) <= v; ) level++;
  }
  a.weights = table;
  loadRow(a, a.product, row + level);
  addProduct(a);
  return row + n + 2;
}

/**
 * residual = rows of the levels of a sample; moves both cursors past what is the sensor's. The memory: the last values, with
 * their sign turned, so that at first they are missing.
 */
function loadSample(a: Atome, values: ArrayLike<number>): void {
  const { model, int32 } = a;
  let entry = a.weights + ENTRIES;
  let last = a.memory >> 2;
  const columns = read16(model, a.weights);
  let threshold = entry + ENTRY_BYTES * columns;
  let row = 0;
  openSensor(a);
  const table = a.weights;
  fill(a.residual, 0, a.width, 0);
  for (let i = 0; i < columns; i++, entry += ENTRY_BYTES) {
    const before = int32[last] ^ SIGN;
    let v = values[i];
    if (v < (read32(model, entry + LEAST) | 0) || v > (read32(model, entry + GREATEST) | 0)) v = MISSING;
    int32[last++] = v ^ SIGN;
    row = addLevel(a, table, threshold, model[entry], row, v);
    threshold += 4 * model[entry];
    v = v === MISSING || before === MISSING ? MISSING : v - before;
    row = addLevel(a, table, threshold, model[entry + 1], row, v);
    threshold += 4 * model[entry + 1];
  }
}

// ---- the sum over the steps: 3.2, 3.6 ----

/** OR of the magnitudes of the sums, which the memory holds. */
function sumBits({ int32, memory, width }: Atome): number {
  let bits = 0;
  for (let c = 0; c < width; c++) bits |= magnitude(int32[(memory >> 2) + c]);
  return bits;
}

/** Adds the residual to the sums. */
function addStep(a: Atome): void {
  const { int32, residual, width } = a;
  const sum = a.memory >> 2;
  for (let c = 0; c < width; c++) int32[sum + c] += residual[c];
  const shift = sumBits(a) >> 29 ? 1 : 0;
  for (let c = 0; c < width; c++) int32[sum + c] >>= shift;
}

/** residual = the sums, in the range of a residual */
function loadSum(a: Atome): void {
  const { int32, residual, width } = a;
  const sum = a.memory >> 2;
  let k = 0;
  for (let bits = sumBits(a); bits >> 21; bits >>= 1) k++;
  for (let c = 0; c < width; c++) residual[c] = int32[sum + c] >> k;
}

// ---- recall: 3.6.1 ----

/** The last of the weights. */
const recallRecord = (a: Atome): number => a.content + read32(a.model, HEADER_BYTES + 4) - RECALL_BYTES;

/**
 * The memory: how many places there are, their symbols, newest first, and their matches. A symbol read moves all symbols one
 * place on, and then what stood before the symbol of a place is what was at the place: each match grows or ends there.
 */
function remember(a: Atome, symbol: number): void {
  const { model, memory, int8, uint16, int32 } = a;
  const record = recallRecord(a);
  const window = read16(model, record);
  const symbols = (memory + 4) >> 1;
  const matches = memory + 4 + 2 * window;
  let n = int32[memory >> 2];
  let newer = symbol;
  // No symbol: the oldest match is 0.
  if (n < window) uint16[symbols + n++] = 65535;
  if (symbol === read16(model, record + FORGET)) n = 0;
  int32[memory >> 2] = n;
  for (let i = 0; i < n; i++) {
    const before = uint16[symbols + i];
    uint16[symbols + i] = newer;
    newer = before;
    int8[matches + i] = before === symbol ? Math.min(int8[matches + i] + 1, MATCH_MAX) : 0;
  }
}

/** The longest match so far and, in the low 11 bits, how many have it; with one more. */
function countMatch(counted: number, match: number): number {
  const longest = Math.max(counted, match << MATCH_SHIFT);
  return longest >> MATCH_SHIFT === match ? longest + 1 : longest;
}

/** Counts the matches of n places by symbol, and returns the count of all. */
function countMatches(a: Atome, symbols: number, matches: number, n: number): number {
  const { table: counted, int8, uint16 } = a;
  let all = 0;
  fill(a.tablePairs, 0, SCRATCH_BYTES / 4, 0);
  for (let i = 0; i < n; i++) {
    const symbol = uint16[symbols + i];
    const match = int8[matches + i];
    counted[symbol] = countMatch(counted[symbol], match);
    all = countMatch(all, match);
  }
  return all;
}

/** What a symbol adds by itself, without (row 0) or with a match (row 1): of the table before the record. */
function ownBonus(a: Atome, row: number, symbol: number): number {
  const { model } = a;
  const rowBytes = (a.vocab + 1) >> 1;
  const table = recallRecord(a) - align4(2 * rowBytes) - 4;
  const pair = model[table + 4 + row * rowBytes + (symbol >> 1)];
  return ((symbol & 1 ? pair >> 4 : pair & 15) - 8) * read16(model, table + 2 * row);
}

/** Changes the logit of each symbol that stands at a remembered place, once. */
function followMatches(a: Atome): void {
  const { model, product, memory, table: counted, uint16, int32 } = a;
  const record = recallRecord(a);
  const symbols = (memory + 4) >> 1;
  const n = int32[memory >> 2];
  const top = product[maximum(product, 0, a.outputs)];
  const all = countMatches(a, symbols, memory + 4 + 2 * read16(model, record), n);
  for (let i = symbols; i < symbols + n; i++) {
    const symbol = uint16[i];
    const own = counted[symbol];
    if (!own) continue;
    counted[symbol] = 0;
    const match = own >> MATCH_SHIFT;
    let pair = record + PAIRS + 4 * PAIR_BYTES * match;
    if (match === all >> MATCH_SHIFT) {
      const count = own & COUNT_MASK;
      pair += 2 * count <= (all & COUNT_MASK) ? PAIR_BYTES : count === 1 ? 2 * PAIR_BYTES : 3 * PAIR_BYTES;
    }
    const logit = product[symbol];
    if (match >= a.repeats) product[symbol] -= a.penalty;
    else if (match <= a.longest) {
      const row = match ? 1 : 0;
      const gate = gatesOf(a) ? product[a.outputs + row] : 0;
      const own = a.options & RECALL_SYMBOLS ? ownBonus(a, row, symbol) : 0;
      product[symbol] += mulQ15(top - logit, readSigned16(model, pair + 2)) + readSigned16(model, pair) + gate + own;
    }
  }
}

// ---- opening a model: 1, 2, 6 ----

/** Reads the dimensions. Returns the bytes of arena that the model needs. */
function readHeader(a: Atome): number {
  const { model } = a;
  a.content = HEADER_BYTES + SECTION_BYTES * read16(model, SECTION_COUNT);
  a.vocab = read16(model, HEADER.vocab);
  a.outputs = read16(model, HEADER.outputs);
  a.width = read16(model, HEADER.dModel);
  a.inner = read16(model, HEADER.dInner);
  a.head = read16(model, HEADER.dHead);
  a.layers = model[HEADER.nLayers];
  a.topK = model[HEADER.topK];
  a.options = read16(model, HEADER.options);
  a.memoryBytes = read32(model, MEMORY_BYTES) + MIX_BYTES * a.layers;
  a.pathsWidth = a.width;
  let rows = a.outputs + gatesOf(a);
  let most = a.width;
  if (a.inner) {
    a.pathsWidth = a.inner;
    most = Math.max(most, a.inner);
    rows = Math.max(rows, 2 * most);
  }
  rows = Math.max(rows, most);
  most += 4;
  rows += 2 * a.head + 3;
  a.vectorBytes = align4(2 * most);
  a.productBytes = 4 * rows;
  return STRUCT_BYTES + SCRATCH_BYTES + 4 * (a.width + 4) + 4 * rows + a.vectorBytes + a.memoryBytes;
}

const ERROR = {
  ok: 0,
  size: 3,
  magic: 4,
  version: 5,
  checksum: 6,
  dimension: 7,
  option: 8,
  scale: 9,
  section: 10,
  layer: 11,
  code: 12,
  tap: 13,
  state: 14,
  weights: 15,
  token: 16,
  class: 17,
  recall: 19,
  ngrams: 20,
  sensor: 21,
  decision: 22,
} as const;

/** A walk over the weights, in the order of the file. */
interface Walk {
  /** Of it the dimensions and the cursor. */
  a: Atome;
  end: number;
  error: number;
}

/** What a part of the weights holds, and so what is checked: bytes of a unit. */
const UNIT_BYTES = { any: 0, codes: 1, steps: 2, taps6: 4, taps2: 2, constants: 4, thresholds: 4 } as const;
type PartKind = keyof typeof UNIT_BYTES;

const outOf = (v: number, least: number, most: number): boolean => v < least || v > most;

const badScale = (p: Uint8Array, scale: number): boolean =>
  p[scale + 1] >> 7 !== 0 || outOf(read16(p, scale + 2), 2, 31);

/** What is wrong with this unit of a part. */
function badUnit(p: Uint8Array, at: number, kind: PartKind): number {
  if (kind === "codes") return p[at] >= TABLE_ENTRIES || p[at] % 28 === 27 ? ERROR.code : 0;
  if (kind === "steps") return p[at + 1] >> 7 ? ERROR.scale : 0;
  if (kind === "taps6") return p[at + 3] >> 6 ? ERROR.tap : 0;
  if (kind === "thresholds") return (read32(p, at) | 0) >= (read32(p, at + 4) | 0) ? ERROR.sensor : 0;
  const v = read16(p, at);
  if (kind === "taps2") return v >> 10 || (v >> 1) & ~v & 0x155 ? ERROR.tap : 0;
  return outOf((v + 32760) & 65535, 0, 65520) ? ERROR.state : 0;
}

/** Moves past a part of n units, and `more` bytes of any content. */
function pass(walk: Walk, kind: PartKind, n: number, more: number): void {
  const { a, end } = walk;
  const start = a.weights;
  const unit = UNIT_BYTES[kind];
  const bytes = align4(n * unit) + align4(more);
  if (walk.error) return;
  if (bytes > end - start) {
    walk.error = ERROR.weights;
    return;
  }
  a.weights = start + bytes;
  for (let i = 0; i < n && !walk.error; i++) walk.error = badUnit(a.model, start + i * unit, kind);
}

function passTable(walk: Walk, rows: number, columns: number, int4: boolean): void {
  if (int4) pass(walk, "steps", rows, rows * ((columns + 1) >> 1));
  else pass(walk, "codes", rows * groupCount(columns), 0);
}

/** Walks one layer; returns the bytes of memory it needs. */
function passLayer(walk: Walk): number {
  const { a } = walk;
  const { model } = a;
  const record = a.weights;
  const gated = a.inner > 0;
  const d = a.width;
  const w = a.pathsWidth;
  let heads = 0;
  let bytes = 0;
  pass(walk, "any", 0, LAYER_RECORD_BYTES);
  if (walk.error) return 0;
  const paths = model[record];
  const window = read16(model, record + WINDOW);
  const badWindow = paths & SPARSE ? outOf(window, 1, 1024) : window !== 0;
  if (outOf(paths, 1, 7) || (gated && !(paths & LOCAL)) || badWindow) {
    walk.error = ERROR.layer;
    return 0;
  }
  if (paths & SPARSE) {
    heads = 2 * a.head;
    bytes = 4 + align4(window * (a.head + w));
  }
  if ((model[record + NORM_SHIFT] | model[record + TAP_SHIFT] | model[record + MIX_SHIFT]) > 31)
    walk.error = ERROR.scale;
  for (let scale = record + SCALES; scale <= record + OUT; scale += 4)
    if (badScale(model, scale)) walk.error = ERROR.scale;
  const rows = gated ? 2 * w : heads ? heads + d : 0;
  pass(walk, "any", 0, 4 * d);
  const int4 = (a.options & MATRICES_INT4) !== 0;
  passTable(walk, rows + routerRows(paths), d, int4);
  if (paths & LOCAL) {
    bytes += 4 * w;
    pass(walk, gated ? "taps6" : "taps2", w, gated ? 2 * w : 0);
  }
  if (paths & STATE) {
    bytes += 4 * w;
    pass(walk, "constants", w, 0);
  }
  if (gated) {
    passTable(walk, heads, w, int4);
    passTable(walk, d, w, int4);
  }
  return bytes;
}

/** Walks the recall record; returns the bytes of memory it needs. */
function passRecall(walk: Walk): number {
  const { a } = walk;
  const { model } = a;
  const record = a.weights;
  pass(walk, "any", 0, RECALL_BYTES);
  if (walk.error) return 0;
  const window = read16(model, record);
  const forget = read16(model, record + FORGET);
  let bad = outOf(window, 1, 1024) || (forget !== 65535 && forget >= a.vocab);
  for (let i = PAIRS; i < RECALL_BYTES; i += PAIR_BYTES) if (model[record + i + 3] >> 7) bad = true;
  if (bad) walk.error = ERROR.recall;
  return 4 + align4(3 * window);
}

/** Walks the n-gram record and its table; returns the bytes of memory they need. */
function passNgrams(walk: Walk): number {
  const { a } = walk;
  const { model } = a;
  const record = a.weights;
  let bytes = 2;
  pass(walk, "any", 0, NGRAM_RECORD_BYTES);
  if (walk.error) return 0;
  let orders = read16(model, record + ORDERS);
  if (!read16(model, record) || outOf(orders, 1, 255) || read32(model, record + NGRAM_SCALE) > RESIDUAL_MAX) {
    walk.error = ERROR.ngrams;
    return 0;
  }
  passTable(walk, read16(model, record), a.width, false);
  for (orders >>= 1; orders; orders >>= 1) bytes += 2;
  return align4(bytes);
}

/** Walks n thresholds; returns the rows that belong to them. */
function passLevels(walk: Walk, n: number): number {
  if (!n) return 0;
  pass(walk, "thresholds", n - 1, 4);
  return n + 2;
}

/** Is this column's entry invalid? */
function badEntry(model: Uint8Array, entry: number): boolean {
  const least = (read32(model, entry + LEAST) + SIGN / 2) >>> 0; // from -2^30 on
  const greatest = (read32(model, entry + GREATEST) + SIGN / 2) >>> 0;
  return (
    outOf(model[entry] | model[entry + 1], 1, 63) || model[entry + 3] !== 0 || least > greatest || greatest >> 31 !== 0
  );
}

/** Walks the sensor record; returns the bytes of memory it needs. */
function passSensor(walk: Walk): number {
  const { a } = walk;
  const { model } = a;
  let entry = a.weights;
  let rows = 0;
  pass(walk, "any", 0, ENTRIES);
  if (walk.error) return 0;
  const columns = read32(model, entry);
  entry += ENTRIES;
  if (!outOf(columns, 1, 64)) {
    pass(walk, "any", 0, ENTRY_BYTES * columns);
    for (let i = columns; i && !walk.error; i--, entry += ENTRY_BYTES) {
      if (badEntry(model, entry)) walk.error = ERROR.sensor;
      rows += passLevels(walk, model[entry]);
      rows += passLevels(walk, model[entry + 1]);
    }
  }
  if (!walk.error && rows !== a.vocab) walk.error = ERROR.sensor;
  return 4 * columns;
}

/** Walks the decision record. */
function passDecision(walk: Walk): void {
  const record = walk.a.weights;
  pass(walk, "any", 0, DECISION_BYTES);
  if (!walk.error && read32(walk.a.model, record) >= SIGNALS.length) walk.error = ERROR.decision;
}

/**
 * The longest string of the list at `list` that the text starts with. `length` is 0 when there is none, and then the index
 * is the escape's or `count`.
 */
function longestMatch(
  model: Uint8Array,
  list: number,
  count: number,
  text: Uint8Array,
  start: number,
): { index: number; length: number } {
  let best = count;
  let bestLength = 0;
  let at = list;
  for (let i = 0; i < count; i++) {
    const n = model[at++];
    let j = 0;
    while (j < n && start + j < text.length && model[at + j] === text[start + j]) j++;
    if (j === n && (n > bestLength || best === count)) {
      best = i;
      bestLength = n;
    }
    at += n;
  }
  return { index: best, length: bestLength };
}

/** Does a section hold other than exactly `count` strings? `empty`: how many are empty. */
function badStrings(p: Uint8Array, start: number, bytes: number, count: number): { bad: boolean; empty: number } {
  const end = start + bytes;
  let at = start;
  let empty = 0;
  for (let i = 0; i < count; i++) {
    if (at >= end || p[at] >= end - at) return { bad: true, empty };
    if (!p[at]) empty++;
    at += p[at] + 1;
  }
  if (end - at > 3) return { bad: true, empty };
  while (at !== end) if (p[at++]) return { bad: true, empty };
  return { bad: false, empty };
}

function badTokens(model: Uint8Array, list: number, bytes: number, vocab: number): boolean {
  const { bad, empty } = badStrings(model, list, bytes, vocab);
  if (bad) return true;
  let missing = false;
  for (let byte = 0; byte < 256; byte++) {
    if (!longestMatch(model, list, vocab, Uint8Array.of(byte), 0).length) missing = true;
  }
  return empty > 1 || (missing && (!empty || vocab < 17));
}

const checksum = (model: Uint8Array): number =>
  crc32(model.subarray(0, HEADER.crc32), model.subarray(HEADER.crc32 + 4));

/** Least and greatest of the u16 fields from the vocabulary on. */
const LIMITS = [2, 1024, 2, 1024, 2, 1024, 0, 2048, 1, 256] as const;

/** Errors 3 to 9 of the header. */
function checkHeader(model: Uint8Array): number {
  if (model.length < HEADER_BYTES + SECTION_BYTES) return ERROR.size;
  if (read32(model, 0) !== 0x4d4f5441) return ERROR.magic;
  if (read32(model, HEADER.version) !== ((HEADER_BYTES << 16) | 1)) return ERROR.version;
  if (read32(model, HEADER.totalBytes) !== model.length) return ERROR.size;
  if (read32(model, HEADER.crc32) !== checksum(model)) return ERROR.checksum;
  for (let i = 0; i < 10; i += 2) {
    if (outOf(read16(model, HEADER.vocab + i), LIMITS[i], LIMITS[i + 1])) return ERROR.dimension;
  }
  const options = read32(model, HEADER.options);
  if (
    outOf(model[HEADER.nLayers], 1, 64) ||
    outOf(model[HEADER.topK], 1, 4) ||
    (!(options & CLASSIFIER) && read16(model, HEADER.vocab) !== read16(model, HEADER.outputs))
  )
    return ERROR.dimension;
  const int4 = options & (EMBED_INT4 | UNEMBED_INT4);
  if (
    options > ALL_OPTIONS ||
    options & (options & CLASSIFIER ? TIED | RECALL : POOLED | SENSOR | DECISION) ||
    (options & TIED && (int4 === EMBED_INT4 || int4 === UNEMBED_INT4)) ||
    (options & (RECALL_GATES | RECALL_SYMBOLS) && !(options & RECALL)) ||
    (options & SENSOR && options & NGRAMS)
  )
    return ERROR.option;
  if (
    read32(model, EPSILON) >>> 30 ||
    read32(model, EMBED_SCALE) > (options & EMBED_INT4 ? 15 : RESIDUAL_MAX) ||
    badScale(model, LOGIT_SCALE) ||
    read16(model, FINAL_SHIFT) > 31
  )
    return ERROR.scale;
  return ERROR.ok;
}

/** Offsets and sizes of the sections by their number, or undefined when the table is invalid. */
function readSections(model: Uint8Array): { offset: number[]; size: number[] } | undefined {
  const count = read16(model, SECTION_COUNT);
  const offset = new Array<number>(SECTION_LAST + 1).fill(0);
  const size = new Array<number>(SECTION_LAST + 1).fill(0);
  let end = HEADER_BYTES + SECTION_BYTES * count;
  let id = 0;
  if (outOf(count, 1, SECTION_LAST) || end > model.length) return undefined;
  for (let i = 0, entry = HEADER_BYTES; i < count; i++, entry += SECTION_BYTES) {
    if (read32(model, entry) <= id || read32(model, entry) > SECTION_LAST) return undefined;
    id = read32(model, entry);
    offset[id] = end;
    size[id] = read32(model, entry + 4);
    if (size[id] & 3 || size[id] > model.length - end) return undefined;
    end += size[id];
  }
  const named = offset[SECTION.classNames] !== 0;
  const options = read32(model, HEADER.options);
  const classifier = (options & CLASSIFIER) !== 0;
  if (options & SENSOR && offset[SECTION.tokens]) return undefined;
  return end === model.length && offset[SECTION.weights] && named === classifier ? { offset, size } : undefined;
}

/** Errors 9, 11 to 15 and 19 to 22 of the weights. */
function checkWeights(a: Atome, offset: number, size: number): number {
  const { model, options } = a;
  const walk: Walk = { a, end: offset + size, error: 0 };
  let memoryBytes = options & POOLED ? 4 * a.width : 0;
  a.weights = offset;
  if (options & SENSOR) memoryBytes += passSensor(walk);
  passTable(walk, tableRows(a), a.width, (options & EMBED_INT4) !== 0);
  if (options & NGRAMS) memoryBytes += passNgrams(walk);
  for (let i = 0; i < a.layers && !walk.error; i++) memoryBytes += passLayer(walk);
  pass(walk, "any", 0, 4 * a.width);
  if (!(options & TIED)) passTable(walk, a.outputs + gatesOf(a), a.width, (options & UNEMBED_INT4) !== 0);
  if (options & RECALL_SYMBOLS) passTable(walk, 2, a.vocab, true);
  if (options & RECALL) memoryBytes += passRecall(walk);
  if (options & DECISION) passDecision(walk);
  if (walk.error) return walk.error;
  return a.weights !== walk.end || memoryBytes !== read32(model, MEMORY_BYTES) ? ERROR.weights : ERROR.ok;
}

/**
 * Proves that the bytes are a model that the engine can run without ever reading or computing out of range.
 *
 * @returns error 0, or the number of SPEC.md section 6; the RAM the model needs
 */
export function check(model: Uint8Array): CheckResult {
  const refused = (error: number): CheckResult => ({ error, arenaBytes: 0 });
  const headerError = checkHeader(model);
  if (headerError) return refused(headerError);
  const sections = readSections(model);
  if (!sections) return refused(ERROR.section);
  const { offset, size } = sections;
  const a = new Atome(model);
  const arenaBytes = readHeader(a);
  const { weights, tokens, classNames } = SECTION;
  const error = checkWeights(a, offset[weights], size[weights]);
  if (error) return refused(error);
  if (offset[tokens] && badTokens(model, offset[tokens], size[tokens], a.vocab)) return refused(ERROR.token);
  if (offset[classNames] && badStrings(model, offset[classNames], size[classNames], a.outputs).bad)
    return refused(ERROR.class);
  return { error: ERROR.ok, arenaBytes };
}

// ---- running: 3.2, 3.6 ----

function init(model: Uint8Array): { a: Atome; arenaBytes: number } {
  const a = new Atome(model);
  const arenaBytes = readHeader(a);
  const arena = new ArrayBuffer(arenaBytes - STRUCT_BYTES);
  const residual = SCRATCH_BYTES;
  const product = residual + 4 * (a.width + 4);
  const vector = product + a.productBytes;
  a.table = new Uint16Array(arena, 0, SCRATCH_BYTES / 2);
  a.tablePairs = new Int32Array(arena, 0, SCRATCH_BYTES / 4);
  a.query = new Int8Array(arena, 0, SCRATCH_BYTES);
  a.residual = new Int32Array(arena, residual, a.width + 4);
  a.product = new Int32Array(arena, product, a.productBytes / 4);
  a.logits = a.product.subarray(0, a.outputs);
  a.vector = new Int16Array(arena, vector, a.vectorBytes / 2);
  a.mix = (vector + a.vectorBytes) / 2;
  a.int8 = new Int8Array(arena);
  a.uint16 = new Uint16Array(arena, 0, arena.byteLength >> 1);
  a.int32 = new Int32Array(arena, 0, arena.byteLength >> 2);
  recall(a, { longest: MATCH_MAX, repeats: MATCH_MAX + 1, penalty: 0 });
  return { a, arenaBytes };
}

function reset(a: Atome): void {
  a.escape = 0;
  fill(a.int32, a.mix >> 1, a.memoryBytes >> 2, 0);
}

function recall(a: Atome, { longest, repeats, penalty }: RecallSettings): void {
  a.longest = longest;
  a.repeats = repeats;
  a.penalty = penalty;
}

/** Sets both cursors to where a step begins. */
function beginStep(a: Atome): void {
  a.weights = a.content;
  a.memory = 2 * a.mix + MIX_BYTES * a.layers;
}

function runLayers(a: Atome): void {
  for (let i = 0; i < a.layers; i++) runLayer(a, a.mix + (MIX_BYTES / 2) * i);
  if (a.options & POOLED) addStep(a);
}

/** Whether the symbol is out of range; nothing is changed then. */
function feed(a: Atome, symbol: number): boolean {
  if (!(symbol >= 0 && symbol < a.vocab)) return true;
  beginStep(a);
  if (a.options & SENSOR) openSensor(a);
  loadRow(a, a.residual, symbol);
  if (a.options & NGRAMS) addNgrams(a, symbol);
  runLayers(a);
  if (a.options & RECALL) remember(a, symbol);
  return false;
}

/** Whether the model is of no sensor; nothing is changed then. */
function feedSample(a: Atome, values: ArrayLike<number>): boolean {
  if (!(a.options & SENSOR)) return true;
  beginStep(a);
  loadSample(a, values);
  runLayers(a);
  return false;
}

function logits(a: Atome): Int32Array {
  const finalNorm = a.weights;
  const rows = a.outputs + gatesOf(a);
  if (a.options & POOLED) loadSum(a);
  normalize(a, read16(a.model, FINAL_SHIFT));
  if (a.options & TIED) a.weights = a.content;
  if (a.options & UNEMBED_INT4) {
    multiplyInt4(a, rows, a.width, 0, 0);
    for (let i = 0; i < rows; i++) a.product[i] = rescale(a.product[i], a.model, LOGIT_SCALE);
  } else {
    multiplyTernary(a, rows, a.width, 0);
    scaleProduct(a, 0, rows, LOGIT_SCALE, INT32_MAX);
  }
  if (a.options & RECALL) followMatches(a);
  a.weights = finalNorm;
  return a.logits;
}

/** Undefined when the symbol is out of range; nothing is changed then. */
const step = (a: Atome, symbol: number): Int32Array | undefined => (feed(a, symbol) ? undefined : logits(a));

const argmax = (a: Atome): number => maximum(a.product, 0, a.outputs);

function nextRandom(sampler: Sampler): number {
  sampler.random = (sampler.random + 0x9e3779b9) >>> 0;
  let z = sampler.random;
  z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
  z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
  return z ^ (z >>> 15);
}

/** Sets the sampler's weights, in the table, and returns their sum. */
function weighSamples(a: Atome, top: number, temperature: number): number {
  const { product, table: weight, outputs } = a;
  const q = divide(2 ** 23, temperature);
  let mass = 0;
  for (let i = 0; i < outputs; i++) {
    const below = Math.min(top - product[i], temperature << 7);
    weight[i] = exp2Negative((below * q) >> 15);
    mass += weight[i];
  }
  return mass;
}

function sample(a: Atome, sampler: Sampler): number {
  const { product, table: weight, outputs: n } = a;
  const { temperature, topK, topP } = sampler;
  const best = maximum(product, 0, n);
  if (!temperature) return best;
  let mass = weighSamples(a, product[best], temperature);
  const wanted = topP - 1 >= 0 && topP - 1 < 32767 ? mulQ15(mass, topP) : Number.POSITIVE_INFINITY;
  let threshold = 0;
  for (let bit = 1 << 15; ; bit >>= 1) {
    const least = bit ? threshold + bit : threshold || 1;
    let count = 0;
    mass = 0;
    for (let i = 0; i < n; i++) {
      if (weight[i] < least) continue;
      count++;
      mass += weight[i];
    }
    if (!bit) {
      threshold = least;
      break;
    }
    if ((topK && count >= topK) || mass >= wanted) threshold = least;
  }
  let mask = mass - 1;
  for (let bit = 1; bit < 32; bit <<= 1) mask |= mask >> bit;
  let random: number;
  do random = nextRandom(sampler) & mask;
  while (random >= mass);
  for (let i = 0; ; i++) {
    if (weight[i] < threshold) continue;
    if (random < weight[i]) return i;
    random -= weight[i];
  }
}

function scores(a: Atome): Int32Array {
  softmax(a.product, 0, a.outputs);
  return a.logits;
}

/** 2048 log2(v / 2^15), v in 2^15 .. 2^16 - 1 */
export function log2Fraction(v: number): number {
  let fraction = 0;
  let bits = v;
  for (let i = 1024; i; i >>= 1) {
    bits = (bits * bits) >>> 15;
    if (bits >> 16) {
      bits >>= 1;
      fraction += i;
    }
  }
  return fraction;
}

export function entropy(probability: ArrayLike<number>): number {
  let total = 0;
  for (let at = 0; at < probability.length; at++) {
    const p = probability[at];
    let surprise = 0;
    let bits = p;
    if (!p) continue;
    for (; bits < 32768; bits <<= 1) surprise += 2048;
    total += (p * (surprise - log2Fraction(bits))) >> 15;
  }
  return total;
}

function decide(a: Atome): Decision {
  const { model, product: v, outputs: n } = a;
  const record = a.content + read32(model, HEADER_BYTES + 4) - DECISION_BYTES;
  const best = maximum(v, 0, n);
  const top = v[best];
  let second = -INT32_MAX;
  let sum = 0;
  for (let i = 0; i < n; i++) {
    if (i !== best) second = Math.max(second, v[i]);
    sum += exp2Negative(top - v[i]);
  }
  softmax(v, 0, n);
  const probability = v[best];
  if (!(a.options & DECISION)) return { class: best, probability };
  const signal = SIGNALS[read32(model, record)];
  let confidence = probability;
  if (signal === "margin") confidence = top - second;
  if (signal === "entropy") confidence = -entropy(a.logits);
  if (signal === "energy") {
    let whole = top;
    for (; sum >> 16; sum >>= 1) whole += 2048;
    confidence = whole + log2Fraction(sum);
  }
  return { class: confidence < (read32(model, record + DECISION_FIELD.threshold) | 0) ? -1 : best, probability };
}

function router(a: Atome, layer: number): { mix: [number, number, number]; entropy: number } {
  const at = a.mix + (MIX_BYTES / 2) * layer;
  const mix: [number, number, number] = [a.uint16[at], a.uint16[at + 1], a.uint16[at + 2]];
  return { mix, entropy: entropy(mix) };
}

/** Where the content of a section starts, or 0. */
function findSection(a: Atome, id: number): number {
  const end = a.content;
  let content = end;
  for (let entry = HEADER_BYTES; entry !== end; entry += SECTION_BYTES) {
    if (read32(a.model, entry) === id) return content;
    content += read32(a.model, entry + 4);
  }
  return 0;
}

/** The symbols of the text's next token (none when it cannot be encoded) and the bytes it takes. */
function encode(a: Atome, text: Uint8Array, start: number): { symbols: number[]; used: number } {
  const list = findSection(a, SECTION.tokens);
  const byte = text[start];
  const { index, length } = list ? longestMatch(a.model, list, a.vocab, text, start) : { index: byte, length: 1 };
  if (index >= a.vocab) return { symbols: [], used: 0 };
  return length ? { symbols: [index], used: length } : { symbols: [index, byte >> 4, byte & 15], used: 1 };
}

/** String `index` of a list. */
function findString(model: Uint8Array, list: number, index: number): Uint8Array {
  let at = list;
  for (let i = 0; i < index; i++) at += model[at] + 1;
  return model.slice(at + 1, at + 1 + model[at]);
}

function decode(a: Atome, symbol: number): Uint8Array {
  const list = findSection(a, SECTION.tokens);
  if (a.escape === 1) {
    a.escape = 2;
    a.byte = (symbol << 4) & 255;
    return new Uint8Array();
  }
  if (a.escape) {
    a.escape = 0;
    a.byte |= symbol & 15;
    return Uint8Array.of(a.byte);
  }
  if (!(symbol >= 0 && symbol < a.vocab)) return new Uint8Array();
  if (!list) return Uint8Array.of(symbol);
  const text = findString(a.model, list, symbol);
  a.escape = text.length ? 0 : 1;
  return text;
}

function className(a: Atome, index: number): Uint8Array {
  const list = findSection(a, SECTION.classNames);
  return list && index >= 0 && index < a.outputs ? findString(a.model, list, index) : new Uint8Array();
}

// ---- the interface of src/engine/engine.ts ----

/** @throws UsageError */
export function refuseByte(byte: number, at: number, vocab: number): never {
  throw new UsageError(
    `Cannot encode the text: at byte ${at}, the byte is ${byte} but the model has only the symbols 0 to ${vocab - 1}; leave it out.`,
  );
}

/**
 * Refuses a model in the reader's words.
 *
 * @throws FormatError
 */
export function refuseModel(model: Uint8Array, error: number): never {
  readModel(model);
  throw new FailureError(`Cannot load the model: the engine refuses it with error ${error} but the reader does not.`);
}

/** Numbers of a sample; 0 of a model of no sensor. */
export const columnsOf = (model: Uint8Array): number =>
  read16(model, HEADER.options) & SENSOR
    ? read16(model, HEADER_BYTES + SECTION_BYTES * read16(model, SECTION_COUNT))
    : 0;

function encodeText(a: Atome, text: Uint8Array): Uint16Array {
  const symbols: number[] = [];
  for (let at = 0; at < text.length; ) {
    const next = encode(a, text, at);
    if (next.used === 0) refuseByte(text[at], at, a.vocab);
    symbols.push(...next.symbols);
    at += next.used;
  }
  return Uint16Array.from(symbols);
}

/**
 * The TypeScript engine on a model.
 *
 * @param model the bytes of an .atome file; they must stay as they are while the engine is used
 * @throws FormatError when the model is not valid
 */
export function createMirror(model: Uint8Array): Engine {
  const { error } = check(model);
  if (error) refuseModel(model, error);
  const { a, arenaBytes } = init(model);
  return new CheckedEngine({
    vocab: a.vocab,
    outputs: a.outputs,
    nLayers: a.layers,
    columns: columnsOf(model),
    arenaBytes,
    reset: () => reset(a),
    recall: (settings) => recall(a, settings),
    feed: (symbol) => void feed(a, symbol),
    feedSample: (values) => void feedSample(a, values),
    logits: () => logits(a),
    step: (symbol) => step(a, symbol) as Int32Array,
    argmax: () => argmax(a),
    sample: (sampler) => sample(a, sampler),
    scores: () => scores(a),
    decide: () => decide(a),
    entropy,
    router: (layer) => router(a, layer),
    encode: (text) => encodeText(a, text),
    decode: (symbol) => decode(a, symbol),
    className: (index) => className(a, index),
  });
}
