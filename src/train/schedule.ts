import type { TrainConfig } from "../model/config.js";
import { cosine } from "../model/elementary.js";

/** What the learning rate is multiplied by in step `step` (from 0): a linear rise, then the configured decay towards 0. */
export function learningRateFactor(train: TrainConfig, step: number): number {
  const warmupSteps = Math.ceil(train.warmup * train.steps);
  if (step < warmupSteps) return (step + 1) / warmupSteps;
  if (train.decay === "none") return 1;
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, train.steps - warmupSteps));
  return train.decay === "linear" ? 1 - progress : 0.5 * (1 + cosine(Math.PI * progress));
}

/** base^exponent for a whole exponent, by squaring: the same bits in every engine, unlike Math.pow. */
export function integerPower(base: number, exponent: number): number {
  let result = 1;
  let square = base;
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}
