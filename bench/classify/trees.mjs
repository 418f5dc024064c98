// Gradient-boosted trees of two classes (Friedman 2001, with the second-order leaves of Chen and Guestrin 2016) on a window's
// numbers. Every tree is complete: its nodes stand in an array and need no pointers.
import { Random } from "../../dist/train/random.js";
import { judgedRows, LAG_BYTES, laggedFeatures, levelOf, quantileThresholds } from "./lagged.mjs";
import { HALF_BYTES, half } from "./quantise.mjs";

/** Intervals between which a feature may be split. */
const BINS = 64;
/** Added to the second derivatives of a leaf (lambda), and the least that a leaf may have. */
const LAMBDA = 1;
const LEAST_WEIGHT = 1;
const SAMPLED_ROWS = 20_000;

/** A node is a feature's index and a threshold of 16 bits, a leaf 8 bits. */
export const treeBytes = (depth) => 3 * (2 ** depth - 1) + 2 ** depth;

/** What does not depend on the number of trees: the lags, the unit of each feature's thresholds, the leaves' factor, the bias. */
const fixedBytes = (features, lags) => LAG_BYTES * lags.length + HALF_BYTES * features + 2 * HALF_BYTES;

/** The unit of a feature's thresholds, so that 16 bits hold twice what lies between its outermost ones. */
const unitOf = (thresholds) => half((thresholds.at(-1) - thresholds[0]) / 16384) || 2 ** -14;

/** Splits of a feature: quantiles of the training rows, rounded to what 16 bits in its unit can be. */
function splitsOf(features, rows, feature) {
  const thresholds = quantileThresholds(features, rows, feature, BINS);
  if (thresholds.length === 0) return [];
  const unit = unitOf(thresholds);
  const rounded = thresholds.map((threshold) => {
    return unit * Math.max(-32768, Math.min(32767, Math.round(threshold / unit)));
  });
  return [...new Set(rounded)].sort((a, b) => a - b);
}

/** The interval of every number, feature after feature. */
function binned({ count, values }, splits) {
  const steps = values.length / count;
  return splits.map((own, f) => Uint8Array.from({ length: steps }, (_, i) => levelOf(values[i * count + f], own)));
}

/** The best split of every node of a level: {feature, bin} or undefined, where none is worth it. */
function bestSplits(bins, features, { rows, nodeOf, slope, curve }, nodeCount) {
  const best = Array(nodeCount).fill(undefined);
  const gains = new Float64Array(nodeCount).fill(1e-9);
  const [slopes, curves] = [0, 0].map(() => new Float64Array(nodeCount * BINS));
  for (const feature of features) {
    slopes.fill(0);
    curves.fill(0);
    const own = bins[feature];
    for (let i = 0; i < rows.length; i++) {
      const at = nodeOf[i] * BINS + own[rows[i]];
      slopes[at] += slope[i];
      curves[at] += curve[i];
    }
    for (let node = 0; node < nodeCount; node++) {
      const range = [node * BINS, (node + 1) * BINS];
      const found = bestBin(slopes.subarray(...range), curves.subarray(...range));
      if (found.gain <= gains[node]) continue;
      gains[node] = found.gain;
      best[node] = { feature, bin: found.bin };
    }
  }
  return best;
}

function bestBin(slopes, curves) {
  const [allSlope, allCurve] = [slopes, curves].map((sums) => sums.reduce((a, b) => a + b, 0));
  const worth = (slope, curve) => slope ** 2 / (curve + LAMBDA);
  let [left, weight] = [0, 0];
  let best = { gain: 0, bin: 0 };
  for (let bin = 1; bin < BINS; bin++) {
    left += slopes[bin - 1];
    weight += curves[bin - 1];
    if (weight < LEAST_WEIGHT || allCurve - weight < LEAST_WEIGHT) continue;
    const gain = worth(left, weight) + worth(allSlope - left, allCurve - weight) - worth(allSlope, allCurve);
    if (gain > best.gain) best = { gain, bin };
  }
  return best;
}

/** A tree of `depth` levels; a node without a split sends everything to its left. */
function growTree(bins, features, sample, depth) {
  const nodes = [];
  sample.nodeOf.fill(0);
  for (let level = 0; level < depth; level++) {
    const splits = bestSplits(bins, features, sample, 2 ** level);
    nodes.push(...splits);
    for (let i = 0; i < sample.rows.length; i++) {
      const split = splits[sample.nodeOf[i]];
      const isRight = split && bins[split.feature][sample.rows[i]] >= split.bin;
      sample.nodeOf[i] = 2 * sample.nodeOf[i] + (isRight ? 1 : 0);
    }
  }
  const leaves = new Float64Array(2 ** depth);
  const weights = new Float64Array(2 ** depth).fill(LAMBDA);
  for (let i = 0; i < sample.rows.length; i++) {
    leaves[sample.nodeOf[i]] -= sample.slope[i];
    weights[sample.nodeOf[i]] += sample.curve[i];
  }
  return { nodes, leaves: leaves.map((sum, i) => sum / weights[i]) };
}

/** The leaf that a step falls into. */
function leafOf({ nodes, leaves }, bins, step) {
  let node = 0;
  while (node < nodes.length) {
    const split = nodes[node];
    node = 2 * node + 1 + (split && bins[split.feature][step] >= split.bin ? 1 : 0);
  }
  return leaves[node - nodes.length];
}

const chosen = (count, share, random) =>
  Array.from({ length: count }, (_, i) => i).filter(() => random.nextUint32() < share * 2 ** 32);

/** Boosts `trees` trees; scores are log odds. */
function boost(bins, labels, rows, { trees, depth, shrinkage, share, positiveWeight, seed }) {
  const random = Random.fromSeed(seed);
  const scores = new Float64Array(labels.length);
  const grown = [];
  const rowShare = Math.min(share, SAMPLED_ROWS / rows.length);
  for (let n = 0; n < trees; n++) {
    const sample = { rows: rows.filter(() => random.nextUint32() < rowShare * 2 ** 32) };
    sample.nodeOf = new Uint16Array(sample.rows.length);
    [sample.slope, sample.curve] = [0, 0].map(() => new Float64Array(sample.rows.length));
    sample.rows.forEach((row, i) => {
      const p = 1 / (1 + Math.exp(-scores[row]));
      const weight = labels[row] ? positiveWeight : 1;
      sample.slope[i] = weight * (p - labels[row]);
      sample.curve[i] = weight * p * (1 - p);
    });
    const features = chosen(bins.length, share, random);
    const tree = growTree(bins, features.length > 0 ? features : [...bins.keys()], sample, depth);
    tree.leaves = tree.leaves.map((leaf) => leaf * shrinkage);
    grown.push(tree);
    for (const row of rows) scores[row] += leafOf(tree, bins, row);
  }
  return grown;
}

/** Leaves as 8 bits have them. */
function leavesInBytes(trees) {
  const largest = trees.reduce((most, { leaves }) => leaves.reduce((a, b) => Math.max(a, Math.abs(b)), most), 0);
  const step = half(largest / 127) || 1;
  for (const tree of trees) tree.leaves = tree.leaves.map((leaf) => step * Math.round(leaf / step));
}

/**
 * Trains on the training part of a set with two classes.
 *
 * @param config {lags, depth, fill: share of the trees that fit, shrinkage, share: of rows and features per tree, positiveWeight}
 * @returns as fitDenseLogistic(); undefined when not one tree fits
 */
export function fitTrees(set, flashBytes, config, seed) {
  const { lags, depth, fill, ...recipe } = config;
  const columns = set.columns.length;
  const features = laggedFeatures(set.parts.train, columns, lags);
  const fixed = fixedBytes(features.count, lags);
  const trees = Math.floor((fill * (flashBytes - fixed)) / treeBytes(depth));
  if (trees < 1) return undefined;
  const { labels } = set.parts.train;
  const rows = judgedRows(labels);
  const splits = Array.from({ length: features.count }, (_, f) => splitsOf(features, rows, f));
  const grown = boost(binned(features, splits), labels, rows, { ...recipe, trees, depth, seed });
  leavesInBytes(grown);
  const logitsOf = (name) => {
    const part = set.parts[name];
    const bins = binned(laggedFeatures(part, columns, lags), splits);
    const all = new Float32Array(2 * part.labels.length);
    for (let step = 0; step < part.labels.length; step++)
      for (const tree of grown) all[2 * step + 1] += leafOf(tree, bins, step);
    return all;
  };
  const usedBytes = fixed + trees * treeBytes(depth);
  return { usedBytes, shape: `${trees} trees, ${features.count} numbers`, logitsOf };
}
