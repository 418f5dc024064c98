// Logistic regression of two classes on a window's numbers: linear in each, and a step function of each (a weight per interval
// between quantiles), so that it can tell a range from the rest.
import { Random } from "../../dist/train/random.js";
import { judgedRows, LAG_BYTES, laggedFeatures, levelOf, quantileThresholds } from "./lagged.mjs";
import { HALF_BYTES, half } from "./quantise.mjs";

const BATCH = 128;
/** Deviations from the mean beyond which a number counts no more. */
const CLIP = 4;
/** Of Adam (Kingma and Ba 2015). */
const [BETA1, BETA2, EPSILON] = [0.9, 0.999, 1e-8];

/** A threshold has 16 bits, a weight 8; a feature's mean and deviation and a factor of the weights are half precision. */
const bytesOf = (features, lags, thresholds) =>
  thresholds.reduce((sum, own) => sum + 2 * own.length + (own.length > 0 ? own.length + 1 : 0), 0) +
  features * (1 + 2 * HALF_BYTES) +
  LAG_BYTES * lags.length +
  3 * HALF_BYTES;

/** Mean and deviation of every feature over rows, as half precision has them. */
function moments({ count, values }, rows) {
  return Array.from({ length: count }, (_, f) => {
    let [sum, squares] = [0, 0];
    for (const row of rows) sum += values[row * count + f];
    const mean = sum / rows.length;
    for (const row of rows) squares += (values[row * count + f] - mean) ** 2;
    return { mean: half(mean), inverse: half(1 / (Math.sqrt(squares / rows.length) || 1)) };
  });
}

/** Standardised values, and for each the index of its interval's weight behind the linear ones. */
function inputs({ count, values }, scales, thresholds) {
  const offsets = [];
  let size = count;
  for (const own of thresholds) {
    offsets.push(size);
    size += own.length > 0 ? own.length + 1 : 0;
  }
  const steps = values.length / count;
  const linear = new Float32Array(values.length);
  const places = new Int32Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const f = i % count;
    const scaled = (values[i] - scales[f].mean) * scales[f].inverse;
    linear[i] = Math.max(-CLIP, Math.min(CLIP, scaled));
    places[i] = thresholds[f].length > 0 ? offsets[f] + levelOf(values[i], thresholds[f]) : -1;
  }
  return { steps, count, size, linear, places };
}

function scoreOf({ count, linear, places }, weights, bias, step) {
  let sum = bias;
  for (let f = 0, at = step * count; f < count; f++, at++) {
    sum += weights[f] * linear[at];
    if (places[at] >= 0) sum += weights[places[at]];
  }
  return sum;
}

/** Weights as 8 bits have them: one factor for the linear ones, one for the others. */
function inBytes(weights, count) {
  for (const part of [weights.subarray(0, count), weights.subarray(count)]) {
    const step = half(part.reduce((most, weight) => Math.max(most, Math.abs(weight)), 0) / 127) || 1;
    part.set(part.map((weight) => step * Math.max(-127, Math.min(127, Math.round(weight / step)))));
  }
}

/** Adam over mini-batches; the last weight is the bias. */
function train(data, labels, rows, { rate, epochs, decay, positiveWeight, seed }) {
  const random = Random.fromSeed(seed);
  const weights = new Float64Array(data.size + 1);
  const [first, second, gradient] = [0, 0, 0].map(() => new Float64Array(weights.length));
  const batches = Math.ceil(rows.length / BATCH);
  const total = epochs * batches;
  for (let n = 1; n <= total; n++) {
    gradient.fill(0);
    for (let k = 0; k < BATCH; k++) {
      const row = rows[random.below(rows.length)];
      const score = scoreOf(data, weights, weights[data.size], row);
      const slope = (1 / (1 + Math.exp(-score)) - labels[row]) * (labels[row] ? positiveWeight : 1);
      for (let f = 0, at = row * data.count; f < data.count; f++, at++) {
        gradient[f] += slope * data.linear[at];
        if (data.places[at] >= 0) gradient[data.places[at]] += slope;
      }
      gradient[data.size] += slope;
    }
    const now = rate * (1 - (n - 1) / total);
    for (let i = 0; i < weights.length; i++) {
      const slope = gradient[i] / BATCH + (i < data.size ? decay * weights[i] : 0);
      first[i] += (1 - BETA1) * (slope - first[i]);
      second[i] += (1 - BETA2) * (slope * slope - second[i]);
      const size = Math.sqrt(second[i] / (1 - BETA2 ** n)) + EPSILON;
      weights[i] -= (now * first[i]) / (1 - BETA1 ** n) / size;
    }
  }
  return weights;
}

/**
 * Trains on the training part of a set with two classes.
 *
 * @param config {lags, levels: intervals per feature, 0 for none, rate, epochs, decay, positiveWeight}
 * @returns {usedBytes, shape, logitsOf(name of a part): rows of two logits in nats}; undefined when it does not fit
 */
export function fitDenseLogistic(set, flashBytes, config, seed) {
  const { lags, levels, ...recipe } = config;
  const features = laggedFeatures(set.parts.train, set.columns.length, lags);
  const rows = judgedRows(set.parts.train.labels);
  const scales = moments(features, rows);
  const thresholds = scales.map((_, f) => (levels > 1 ? quantileThresholds(features, rows, f, levels) : []));
  const usedBytes = bytesOf(features.count, lags, thresholds);
  if (usedBytes > flashBytes) return undefined;
  const weights = train(inputs(features, scales, thresholds), set.parts.train.labels, rows, { ...recipe, seed });
  const bias = half(weights.at(-1));
  const table = weights.subarray(0, -1);
  inBytes(table, features.count);
  const logitsOf = (part) => {
    const data = inputs(laggedFeatures(set.parts[part], set.columns.length, lags), scales, thresholds);
    const all = new Float32Array(2 * data.steps);
    for (let step = 0; step < data.steps; step++) all[2 * step + 1] = scoreOf(data, table, bias, step);
    return all;
  };
  return { usedBytes, shape: `${features.count} numbers`, logitsOf };
}
