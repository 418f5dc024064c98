// The rivals for texts: linear models on hashed n-grams, and a bag of their vectors with a linear layer on top (Joulin et al.
// 2017). Both are one network: h = sum of the rows of a text's buckets / sqrt(their number); logits = h + bias, or h U + bias.
import { Random } from "../../dist/train/random.js";
import { HALF_BYTES, half, matrixBytes, quantiseColumns } from "./quantise.mjs";

const BATCH = 32;
/** Batches between two quantisations: as good as one before every batch (SNIPS at 8 KB), in two thirds of the time. */
const BATCHES_AS_QUANTISED = 4;
/** A slope by a column of the table that is smaller is left out: that of most of 150 classes, once they are told well. */
const LEAST_SLOPE = 1e-4;

/**
 * Bytes of flash: the table, the matrix on top, a bias per class; factors of their columns included. Not counted, in the rivals'
 * favour: the program, the names of the classes.
 *
 * @param shape {classes, buckets, width: of a bag's vectors, 0 for a linear model, weights: kind of quantise.mjs}
 */
export function modelBytes({ classes, buckets, width, weights }) {
  const bias = (weights === "float" ? 4 : HALF_BYTES) * classes;
  if (width === 0) return matrixBytes(weights, buckets, classes) + bias;
  return matrixBytes(weights, buckets, width) + matrixBytes(weights, width, classes) + bias;
}

/** The most buckets that fit; 0 when none do. */
export function fillingBuckets(shape, limitBytes) {
  let [low, high] = [0, 2 ** 22];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (modelBytes({ ...shape, buckets: middle }) <= limitBytes) low = middle;
    else high = middle;
  }
  return low;
}

/** A matrix in training: its weights, how they are quantised, and Adagrad's sums (Duchi et al. 2011). */
class Matrix {
  constructor(rows, columns, kind) {
    this.columns = columns;
    this.kind = kind;
    this.weights = new Float32Array(rows * columns);
    this.squares = new Float32Array(rows * columns).fill(1e-6);
    this.values = kind === "float" ? this.weights : new Float32Array(rows * columns);
  }

  quantise() {
    if (this.kind !== "float") quantiseColumns(this.kind, this.weights, this.columns, this.values);
  }

  /** One step from the gradient, to the places from `begin` to `end` - 1, through the quantiser as if it were not there. */
  update(gradient, begin, end, rate, decay) {
    const { weights, squares } = this;
    for (let i = begin; i < end; i++) {
      const slope = gradient[i] + decay * weights[i];
      if (slope === 0) continue;
      squares[i] += slope * slope;
      weights[i] -= (rate * slope) / Math.sqrt(squares[i]);
    }
  }
}

/** What a loss adds to the gradient by the logits: into `logits`. `label` -1: towards equal probabilities, or no to every class. */
const slopes = {
  softmax(logits, label) {
    const largest = logits.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (let c = 0; c < logits.length; c++) {
      logits[c] = Math.exp(logits[c] - largest);
      sum += logits[c];
    }
    const target = label < 0 ? 1 / logits.length : 0;
    for (let c = 0; c < logits.length; c++) logits[c] = logits[c] / sum - target;
    if (label >= 0) logits[label] -= 1;
  },
  /** Squared hinge of one class against the rest, as in LIBLINEAR (Fan et al. 2008). */
  hinge(logits, label) {
    for (let c = 0; c < logits.length; c++) {
      const sign = c === label ? 1 : -1;
      const missing = 1 - sign * logits[c];
      logits[c] = missing > 0 ? -2 * sign * missing : 0;
    }
  },
};

/** A trained model; `quantised` are the tables that it would have in flash. */
export class SparseModel {
  constructor({ classes, buckets, width, weights }, random) {
    this.width = width;
    this.table = new Matrix(buckets, width || classes, weights);
    this.top = width ? new Matrix(width, classes, weights) : undefined;
    this.bias = new Matrix(1, classes, "float");
    this.hidden = new Float32Array(this.table.columns);
    this.logits = new Float32Array(classes);
    if (width) this.table.weights.set(this.table.weights.map(() => (random.nextUint32() / 2 ** 31 - 1) / width));
  }

  quantise() {
    this.table.quantise();
    this.top?.quantise();
  }

  /** The logits of one text into `this.logits`; `buckets` from `begin` to `end` - 1 are its own. */
  run(buckets, begin, end) {
    const { hidden, logits, table, top, bias } = this;
    const { columns, values } = table;
    hidden.fill(0);
    let i = begin;
    // Four rows at a time, a third faster than one after the other.
    for (; i + 4 <= end; i += 4) {
      let [p, q, r, s] = [0, 1, 2, 3].map((k) => buckets[i + k] * columns);
      for (let c = 0; c < columns; c++) hidden[c] += values[p++] + values[q++] + values[r++] + values[s++];
    }
    for (; i < end; i++) {
      const row = buckets[i] * columns;
      for (let c = 0; c < columns; c++) hidden[c] += values[row + c];
    }
    const factor = 1 / Math.sqrt(Math.max(1, end - begin));
    for (let c = 0; c < columns; c++) hidden[c] *= factor;
    logits.set(bias.weights);
    if (!top) for (let c = 0; c < columns; c++) logits[c] += hidden[c];
    else
      for (let d = 0, at = 0; d < columns; d++)
        for (let c = 0; c < logits.length; c++, at++) logits[c] += hidden[d] * top.values[at];
  }

  /** The logits of every text, row after row. */
  logitsOf({ starts, buckets }) {
    const classes = this.logits.length;
    const all = new Float32Array((starts.length - 1) * classes);
    for (let i = 0; i + 1 < starts.length; i++) {
      this.run(buckets, starts[i], starts[i + 1]);
      all.set(this.logits, i * classes);
    }
    return all;
  }
}

/** The gradients of one batch: of the table only the rows that occur in it. */
class Gradients {
  constructor({ table, top, bias }) {
    this.table = new Float32Array(table.weights.length);
    this.top = new Float32Array(top?.weights.length ?? 0);
    this.bias = new Float32Array(bias.weights.length);
    this.hidden = new Float32Array(table.columns);
    this.isTouched = new Uint8Array(table.weights.length / table.columns);
    this.touched = [];
    this.places = new Uint16Array(table.columns);
  }

  touch(bucket) {
    if (this.isTouched[bucket]) return;
    this.isTouched[bucket] = 1;
    this.touched.push(bucket);
  }

  clear() {
    const columns = this.hidden.length;
    for (const bucket of this.touched) {
      this.isTouched[bucket] = 0;
      this.table.fill(0, bucket * columns, (bucket + 1) * columns);
    }
    this.touched.length = 0;
    this.top.fill(0);
    this.bias.fill(0);
  }
}

/** Adds the gradient of the text that the model has just run; the model's logits hold the slopes by the logits. */
function addGradient(model, gradients, buckets, begin, end) {
  const { logits: slope, hidden, top, table } = model;
  const { columns } = table;
  for (let c = 0; c < slope.length; c++) gradients.bias[c] += slope[c];
  const back = gradients.hidden;
  if (!top) back.set(slope);
  else {
    for (let d = 0, at = 0; d < columns; d++) {
      let sum = 0;
      for (let c = 0; c < slope.length; c++, at++) {
        sum += slope[c] * top.values[at];
        gradients.top[at] += slope[c] * hidden[d];
      }
      back[d] = sum;
    }
  }
  const factor = 1 / Math.sqrt(Math.max(1, end - begin));
  const places = gradients.places;
  let count = 0;
  for (let d = 0; d < columns; d++) {
    back[d] *= factor;
    if (Math.abs(back[d]) > LEAST_SLOPE) places[count++] = d;
  }
  for (let i = begin; i < end; i++) {
    gradients.touch(buckets[i]);
    const row = buckets[i] * columns;
    for (let k = 0; k < count; k++) gradients.table[row + places[k]] += back[places[k]];
  }
}

/** The buckets of a text, each left out with probability `dropout`: how many are left, in `into`. */
function thinned({ starts, buckets }, text, dropout, random, into) {
  let count = 0;
  for (let i = starts[text]; i < starts[text + 1]; i++)
    if (random.nextUint32() >= dropout * 2 ** 32) into[count++] = buckets[i];
  return count;
}

/**
 * Trains a model.
 *
 * @param shape {classes, buckets, width, weights} as for modelBytes()
 * @param recipe {loss: "softmax" | "hinge", rate: of Adagrad, falling to 0, epochs, decay: of the squares of the weights, dropout: share of
 *   the n-grams left out, isAware: whether training sees the quantised weights (Bengio et al. 2013: its gradient passes through) or
 *   they are quantised afterwards, seed}
 * @param texts {starts, buckets, labels}
 */
export function trainSparse(shape, recipe, texts) {
  const { rate, epochs, decay = 0, dropout = 0, isAware = true, seed } = recipe;
  const random = Random.fromSeed(seed);
  const model = new SparseModel({ ...shape, weights: isAware ? shape.weights : "float" }, random);
  const gradients = new Gradients(model);
  const slopesOf = slopes[recipe.loss];
  const order = Uint32Array.from(texts.labels, (_, i) => i);
  const kept = new Uint32Array(longest(texts.starts));
  const batches = Math.ceil(order.length / BATCH);
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random);
    for (let batch = 0; batch < batches; batch++) {
      if (batch % BATCHES_AS_QUANTISED === 0) model.quantise();
      gradients.clear();
      const own = order.subarray(batch * BATCH, (batch + 1) * BATCH);
      for (const text of own) {
        const count = thinned(texts, text, dropout, random, kept);
        model.run(kept, 0, count);
        slopesOf(model.logits, texts.labels[text]);
        addGradient(model, gradients, kept, 0, count);
      }
      step(model, gradients, rate * (1 - (epoch * batches + batch) / (epochs * batches)), decay);
    }
  }
  return inFlash(model, shape.weights);
}

function step(model, gradients, rate, decay) {
  const { table, top, bias } = model;
  for (const bucket of gradients.touched) {
    const begin = bucket * table.columns;
    table.update(gradients.table, begin, begin + table.columns, rate, decay);
  }
  top?.update(gradients.top, 0, gradients.top.length, rate, decay);
  bias.update(gradients.bias, 0, gradients.bias.length, rate, 0);
}

/** The model as flash holds it. */
function inFlash(model, weights) {
  for (const matrix of [model.table, model.top]) {
    if (!matrix) continue;
    matrix.kind = weights;
    if (matrix.values === matrix.weights && weights !== "float")
      matrix.values = new Float32Array(matrix.weights.length);
  }
  model.quantise();
  if (weights !== "float") model.bias.weights.set(model.bias.weights.map(half));
  return model;
}

const longest = (starts) => starts.reduce((most, start, i) => Math.max(most, i > 0 ? start - starts[i - 1] : 0), 1);

function shuffle(order, random) {
  for (let i = order.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
}
