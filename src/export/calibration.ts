/** Which values a model's activations take: the units of the fixed-point numbers follow from it. */
import { exp } from "../model/elementary.js";
import type { QuantisedModel } from "../model/quantised-model.js";
import { ReferenceModel, type Stage } from "../model/reference.js";

const BINS_PER_OCTAVE = 8;
const EIGHTH_OF_OCTAVE = 1.0905077326652577;
const BINS = 48 * BINS_PER_OCTAVE;

/** Upper edges of the bins: 48 octaves from 2^-24 on, in whole octaves exact. */
const EDGES = new Float64Array(BINS);
for (let bin = 0; bin < BINS; bin++) {
  EDGES[bin] = bin % BINS_PER_OCTAVE === 0 ? 2 ** (bin / BINS_PER_OCTAVE - 24) : EDGES[bin - 1] * EIGHTH_OF_OCTAVE;
}

/** The bin of a magnitude, by bisection: no logarithm whose last bit might differ. */
function binOf(magnitude: number): number {
  let low = 0;
  let high = BINS - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (magnitude <= EDGES[middle]) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** Magnitudes of a stage's values: the largest, and how many lie in each eighth of an octave. */
export class Range {
  max = 0;
  readonly #counts = new Float64Array(BINS);
  #total = 0;

  add(values: Float64Array): void {
    for (const value of values) {
      const magnitude = Math.abs(value);
      if (magnitude > this.max) this.max = magnitude;
      this.#counts[binOf(magnitude)]++;
    }
    this.#total += values.length;
  }

  /**
   * The limit that makes the mean squared error of clipping to it and then rounding to `levels` steps up to it smallest.
   */
  bestLimit(levels: number): number {
    let best = this.max;
    let bestError = (best / levels) ** 2 / 12;
    for (let bin = binOf(this.max) - 1; bin >= 0 && EDGES[bin] > this.max / 64; bin--) {
      const limit = EDGES[bin];
      let clipped = 0;
      for (let above = bin + 1; above < BINS; above++) {
        if (this.#counts[above] > 0) clipped += this.#counts[above] * (Math.min(EDGES[above], this.max) - limit) ** 2;
      }
      const error = (limit / levels) ** 2 / 12 + clipped / this.#total;
      if (error < bestError) [best, bestError] = [limit, error];
    }
    return best;
  }
}

export interface Calibration {
  /** Of a stage of a layer; a range of nothing when it was never seen. */
  range(stage: Stage, layer: number): Range;
  /** Largest magnitude of the residual x. */
  residualMax: number;
}

const GENERATED_SYMBOLS = 512;
const SEED = 0x41544f4d;

/** Uniform numbers in [0, 1): the generator of SPEC.md 3.8. */
function uniformSource(): () => number {
  let state = SEED;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** An output drawn with the probabilities that the logits give. */
function draw(logits: Float64Array, uniform: number): number {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const weights = logits.map((logit) => exp(logit - largest));
  let rest = uniform * weights.reduce((a, b) => a + b, 0);
  for (let output = 0; output < weights.length; output++) {
    rest -= weights[output];
    if (rest < 0) return output;
  }
  return weights.length - 1;
}

/** What the model is run over, one stream after the other: rows of the embedding table. */
export interface CalibrationInput {
  /** Each [steps, rowsPerStep]; a step of a text has one row, its symbol. */
  streams: readonly Uint16Array[];
  rowsPerStep: number;
}

/** A step's rows, one of each part, every one as likely. */
function randomRows(parts: readonly { missing: number }[], size: number, uniform: () => number): number[] {
  return parts.map(({ missing }, part) => {
    const end = parts[part + 1]?.missing ?? size;
    return missing + Math.floor(uniform() * (end - missing));
  });
}

/**
 * Runs the reference model and records its activations.
 *
 * @param input what to run it over; without it a language model writes 512 symbols of its own, always the same, and a
 *   classifier, which cannot write, reads as many random ones
 * @param parts of each of a sensor's rows the first of its list; none for a model of symbols
 */
export function calibrate(
  model: QuantisedModel,
  input?: CalibrationInput,
  parts: readonly { missing: number }[] = [],
): Calibration {
  const ranges = new Map<string, Range>();
  const range = (stage: Stage, layer: number) => {
    const key = `${stage} ${layer}`;
    const found = ranges.get(key) ?? new Range();
    ranges.set(key, found);
    return found;
  };
  let residualMax = 0;
  // Recall comes after all that has a unit, and would lead a model that writes its own text into a loop.
  const { recall: _recall, ...config } = model.config;
  const reference = new ReferenceModel({ ...model, config }, (stage, layer, values) => {
    if (stage !== "residual") return range(stage, layer).add(values);
    for (const value of values) residualMax = Math.max(residualMax, Math.abs(value));
  });
  if (input?.streams.some(({ length }) => length > 0)) runOver(reference, input, parts.length > 0);
  else runAlone(reference, parts);
  return { range, residualMax };
}

function runOver(reference: ReferenceModel, { streams, rowsPerStep }: CalibrationInput, ofSensor: boolean): void {
  for (const stream of streams) {
    reference.reset();
    for (let at = 0; at < stream.length; at += rowsPerStep) {
      if (ofSensor) reference.stepRows(stream.subarray(at, at + rowsPerStep));
      else reference.step(stream[at]);
    }
  }
}

function runAlone(reference: ReferenceModel, parts: readonly { missing: number }[]): void {
  const { vocab, outputs } = reference;
  const uniform = uniformSource();
  let next = 0;
  for (let t = 0; t < GENERATED_SYMBOLS; t++) {
    if (parts.length > 0) reference.stepRows(randomRows(parts, vocab, uniform));
    else {
      const logits = reference.step(next);
      next = outputs === vocab ? draw(logits, uniform()) : Math.floor(uniform() * vocab);
    }
  }
}
