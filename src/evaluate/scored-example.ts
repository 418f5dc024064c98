import { exp, log } from "../model/elementary.js";
import { ENGINE_NATS_PER_UNIT } from "./language.js";

/** The label of an example that belongs to none of the classes, and the answer *none*. */
export const NONE = -1;

/** An example and what a classifier made of it. */
export interface ScoredExample {
  /** The text, or where the example stands. */
  text?: string;
  /** Index of its class, or `NONE`. */
  label: number;
  /**
   * One per class, in the engine's unit of 1/2048 bit: the probability of a class is proportional to 2^(logit / 2048). Integers
   * of the engine, or any numbers within +-2^29 of another classifier.
   */
  logits: ArrayLike<number>;
  /** Entropy of the router's mix in bits, a mean over layers and symbols; only where the model has a router. */
  routerEntropy?: number;
}

/** Whether the example belongs to a class. */
export const hasClass = ({ label }: ScoredExample): boolean => label !== NONE;

/** Index of the largest logit, among equals the lowest (SPEC.md 3.8). */
export function likeliestClass(logits: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

/** Whether the likeliest class is another than the example's; always so for one of none of the classes. */
export const isWrong = ({ label, logits }: ScoredExample): boolean => likeliestClass(logits) !== label;

/**
 * Natural logarithms of the probabilities, with the logits divided by `temperature` first. The functions are those of
 * src/model/elementary.ts, because a temperature fitted with them becomes part of a model.
 */
export function logProbabilities(logits: ArrayLike<number>, temperature = 1): Float64Array {
  const unit = ENGINE_NATS_PER_UNIT / temperature;
  const largest = logits[likeliestClass(logits)];
  const nats = new Float64Array(logits.length);
  let sum = 0;
  for (let i = 0; i < nats.length; i++) {
    nats[i] = (logits[i] - largest) * unit;
    sum += exp(nats[i]);
  }
  const total = log(sum);
  for (let i = 0; i < nats.length; i++) nats[i] -= total;
  return nats;
}

/** The same examples with the logits divided by a temperature. */
export const withTemperature = (scored: readonly ScoredExample[], temperature: number): ScoredExample[] =>
  scored.map((example) => ({ ...example, logits: Float64Array.from(example.logits, (logit) => logit / temperature) }));
