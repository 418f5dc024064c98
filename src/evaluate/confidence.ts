import { entropy, exp2Negative, log2Fraction, maximum, softmax } from "../engine/mirror.js";
import { SIGNALS as FORMAT_SIGNALS } from "../format/layout.js";
import type { ScoredExample } from "./scored-example.js";

/** What the engine can hold against a threshold (SPEC.md 2.7), by its number in the decision record. */
export const DECISION_SIGNALS = FORMAT_SIGNALS;
export type DecisionSignal = (typeof DECISION_SIGNALS)[number];

/** Every measure of how sure a decision is; the router's entropy is reported and never decides. */
export const SIGNALS = [...DECISION_SIGNALS, "router"] as const;
export type Signal = (typeof SIGNALS)[number];

/** 2^29: no logit of the engine is larger. */
const LOGIT_MAX = 0x20000000;

/**
 * How sure a decision is, by the engine's own integers (SPEC.md 3.8): larger is surer.
 *
 * - `probability`: the largest, in 1/32768 (Hendrycks and Gimpel 2017)
 * - `margin`: the largest logit less the second, in 1/2048 bit
 * - `entropy`: that of the probabilities, negative, in 1/2048 bit
 * - `energy`: log2 of the sum of 2^logit, in 1/2048 bit (Liu et al. 2020, with the sign turned)
 *
 * @param logits in 1/2048 bit; numbers that are not whole are rounded, those beyond +-2^29 clamped
 */
export function confidenceOf(logits: ArrayLike<number>, signal: DecisionSignal): number {
  const v = new Int32Array(logits.length);
  for (let i = 0; i < v.length; i++) v[i] = Math.round(Math.min(LOGIT_MAX, Math.max(-LOGIT_MAX, logits[i])));
  const best = maximum(v, 0, v.length);
  const top = v[best];
  if (signal === "margin")
    return top - v.reduce((most, logit, at) => (at === best ? most : Math.max(most, logit)), -LOGIT_MAX);
  if (signal === "energy") return top + log2OfSum(v.reduce((sum, logit) => sum + exp2Negative(top - logit), 0));
  softmax(v, 0, v.length);
  return signal === "probability" ? v[best] : 0 - entropy(v);
}

/** log2 of a sum of 1/32768, at least 1, in 1/2048 bit. */
function log2OfSum(sum: number): number {
  let bits = sum;
  let log2 = 0;
  for (; bits >> 16; bits >>= 1) log2 += 2048;
  return log2 + log2Fraction(bits);
}

/** The confidence of each example by any signal: larger is surer. Unknown where the router's entropy is. */
export function confidences(scored: readonly ScoredExample[], signal: Signal): Float64Array | undefined {
  if (signal !== "router") return Float64Array.from(scored, ({ logits }) => confidenceOf(logits, signal));
  if (scored.some(({ routerEntropy }) => routerEntropy === undefined)) return undefined;
  return Float64Array.from(scored, ({ routerEntropy = 0 }) => -routerEntropy);
}
