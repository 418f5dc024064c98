import { exp, log } from "../model/elementary.js";
import { FailureError } from "../model/errors.js";
import { hasClass, isWrong, likeliestClass, logProbabilities, type ScoredExample } from "./scored-example.js";

/** Bins of equal width in which confidence and accuracy are compared, as in Guo et al. 2017. */
const BINS = 15;
/** A temperature lies between 1/16 and 16: of examples that are all answered right, the least NLL is that of 0. */
const MOST_TEMPERATURE = 16;
/** Each leaves 0.618 of the range: in the end about 1e-5 of the temperature, a third of what a scale of the format resolves. */
const STEPS = 28;
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** The answers whose largest probability lies in (lower, upper]. */
export interface CalibrationBin {
  lower: number;
  upper: number;
  count: number;
  /** Mean of the largest probabilities; 0 in an empty bin. */
  confidence: number;
  /** Share of right answers; 0 in an empty bin. */
  accuracy: number;
}

/** How well probabilities say how often answers are right. */
export interface Calibration {
  /** Expected calibration error: mean distance of confidence and accuracy over the bins, by their counts. */
  ece: number;
  /** Mean negative log-likelihood of the labels in nats. */
  nllNats: number;
  /** Mean over the examples of the summed squares of probability less truth over all classes: 0..2 (Brier 1950). */
  brier: number;
  bins: CalibrationBin[];
}

/** Mean negative log-likelihood in nats of examples that all have a class. */
function meanNll(examples: readonly ScoredExample[], temperature: number): number {
  const total = examples.reduce((sum, { label, logits }) => sum - logProbabilities(logits, temperature)[label], 0);
  return total / examples.length;
}

/**
 * The temperature by which to divide logits so that their probabilities fit the labels best: the least negative log-likelihood
 * (Guo et al., On Calibration of Modern Neural Networks, 2017), by golden section in ln T. The likelihood is convex in 1 / T, so there
 * is one least. Examples of none of the classes are left out.
 *
 * Where all are right, that likelihood asks for certainty, which no number of examples proves. So the mean confidence is at most
 * (n + 1) / (n + 2), what Laplace's rule of succession gives n right answers of n.
 *
 * @param scored validation examples
 * @returns 1/16..16; 1 where no other is better
 * @throws FailureError when no example has a class
 */
export function fitTemperature(scored: readonly ScoredExample[]): number {
  const examples = scored.filter(hasClass);
  if (examples.length === 0) {
    throw new FailureError(
      "Cannot calibrate: none of the validation examples belongs to a class; hold out examples of every class.",
    );
  }
  const fitted = likeliestTemperature(examples);
  const most = (examples.length + 1) / (examples.length + 2);
  if (meanConfidence(examples, fitted) <= most) return fitted;
  let [low, high] = [log(fitted), log(MOST_TEMPERATURE)];
  for (let step = 0; step < STEPS; step++) {
    const middle = (low + high) / 2;
    if (meanConfidence(examples, exp(middle)) > most) low = middle;
    else high = middle;
  }
  return exp(high);
}

/** Mean of the largest probabilities. */
function meanConfidence(examples: readonly ScoredExample[], temperature: number): number {
  const total = examples.reduce(
    (sum, { logits }) => sum + exp(logProbabilities(logits, temperature)[likeliestClass(logits)]),
    0,
  );
  return total / examples.length;
}

/** The temperature with the least negative log-likelihood. */
function likeliestTemperature(examples: readonly ScoredExample[]): number {
  const cost = (logT: number) => meanNll(examples, exp(logT));
  let low = -log(MOST_TEMPERATURE);
  let high = log(MOST_TEMPERATURE);
  let left = { at: high - GOLDEN * (high - low), cost: 0 };
  let right = { at: low + GOLDEN * (high - low), cost: 0 };
  left.cost = cost(left.at);
  right.cost = cost(right.at);
  for (let step = 0; step < STEPS; step++) {
    if (left.cost <= right.cost) {
      high = right.at;
      right = left;
      const at = high - GOLDEN * (high - low);
      left = { at, cost: cost(at) };
    } else {
      low = left.at;
      left = right;
      const at = low + GOLDEN * (high - low);
      right = { at, cost: cost(at) };
    }
  }
  const best = left.cost <= right.cost ? left : right;
  return best.cost < meanNll(examples, 1) ? exp(best.at) : 1;
}

/**
 * Holds probabilities against labels. Examples of none of the classes are left out.
 *
 * @param temperature by which logits are divided first
 */
export function calibrationOf(scored: readonly ScoredExample[], temperature = 1): Calibration {
  const examples = scored.filter(hasClass);
  const sums = Array.from({ length: BINS }, () => ({ count: 0, confidence: 0, right: 0 }));
  let nllNats = 0;
  let brier = 0;
  for (const example of examples) {
    const logs = logProbabilities(example.logits, temperature);
    const confidence = exp(logs[likeliestClass(example.logits)]);
    const bin = sums[Math.min(BINS - 1, Math.ceil(confidence * BINS) - 1)];
    bin.count++;
    bin.confidence += confidence;
    if (!isWrong(example)) bin.right++;
    nllNats -= logs[example.label];
    brier += logs.reduce((sum, nats, index) => sum + (exp(nats) - (index === example.label ? 1 : 0)) ** 2, 0);
  }
  const count = Math.max(1, examples.length);
  const bins = sums.map((bin, index) => ({
    lower: index / BINS,
    upper: (index + 1) / BINS,
    count: bin.count,
    confidence: bin.count > 0 ? bin.confidence / bin.count : 0,
    accuracy: bin.count > 0 ? bin.right / bin.count : 0,
  }));
  const ece = bins.reduce((sum, bin) => sum + bin.count * Math.abs(bin.confidence - bin.accuracy), 0) / count;
  return { ece, nllNats: nllNats / count, brier: brier / count, bins };
}
