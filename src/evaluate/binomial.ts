import { exp, log } from "../model/elementary.js";

/** The chance with which an upper bound may be too low. */
const MISSED = 0.05;
/** Halvings of 0..1. */
const HALVINGS = 40;

/** Probability of at most k of n, each with probability p; k / n <= p < 1. */
function atMost(k: number, n: number, p: number): number {
  let logTerm = n * log(1 - p);
  for (let i = 1; i <= k; i++) logTerm += log(((n - i + 1) / i) * (p / (1 - p)));
  // From the largest term down: those below shrink, because k is at most the mean.
  let term = 1;
  let sum = 1;
  for (let i = k; i > 0; i--) {
    term *= (i / (n - i + 1)) * ((1 - p) / p);
    sum += term;
  }
  return exp(logTerm) * sum;
}

/** Whether the upper bound of k of n is at most p. */
export const isBelow = (k: number, n: number, p: number): boolean => p >= 1 || (k < n * p && atMost(k, n, p) <= MISSED);

/**
 * A rate that lies above the true one with 95 % confidence when k of n were seen: the one-sided bound of Clopper and Pearson
 * (1934). It never promises too much, as Wilson's can where k is near 0, which is just where thresholds lie.
 *
 * @returns 1 when k = n
 */
export function upperBound(k: number, n: number): number {
  let low = k / Math.max(1, n);
  let high = 1;
  for (let i = 0; i < HALVINGS; i++) {
    const middle = (low + high) / 2;
    if (isBelow(k, n, middle)) high = middle;
    else low = middle;
  }
  return high;
}
