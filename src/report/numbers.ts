import type { DecisionSignal } from "../evaluate/confidence.js";

/** Between a number and its unit, so that no line ends there. */
const SPACE = "\u00a0";
/** Where there is no figure. */
export const NO_FIGURE = "–";

/** 61,234 */
export const whole = (value: number): string => Math.round(value).toLocaleString("en-US");

/** 95.3 %; two decimals below 1 %. */
export function percent(share: number | null): string {
  if (share === null) return NO_FIGURE;
  const value = 100 * share;
  return `${value.toFixed(value > 0 && value < 1 ? 2 : 1)}${SPACE}%`;
}

/** 0.953 */
export const decimal = (value: number | null): string => (value === null ? NO_FIGURE : value.toFixed(3));

/** 20,480 bytes */
export const bytes = (value: number): string => `${whole(value)}${SPACE}bytes`;

/** When the answer is none: the threshold in the signal's own unit. */
export function belowThreshold(signal: DecisionSignal, threshold: number): string {
  const bits = `${(Math.abs(threshold) / 2048).toFixed(2)}${SPACE}bits`;
  if (signal === "probability") return `the likeliest class has a probability below ${decimal(threshold / 32768)}`;
  if (signal === "margin") return `the likeliest class leads by less than ${bits}`;
  if (signal === "entropy") return `the probabilities have an entropy of more than ${bits}`;
  return `the energy is below ${threshold < 0 ? "-" : ""}${bits}`;
}
