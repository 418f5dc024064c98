import { FailureError } from "../model/errors.js";
import { isBelow, upperBound } from "./binomial.js";
import { confidences, type DecisionSignal, type Signal } from "./confidence.js";
import { reaches, type Step, stepsOf } from "./ranking.js";
import { hasClass, isWrong, type ScoredExample } from "./scored-example.js";

/**
 * Everywhere here: *coverage* is the share of the examples of a class that are answered, *risk* the share of the answers that are wrong,
 * and an answer to an example of none of the classes is always wrong. Without such examples these are those of Geifman and El-Yaniv,
 * Selective Classification for Deep Neural Networks, 2017.
 */
export interface RiskPoint {
  /** In the signal's unit (`confidenceOf`). */
  threshold: number;
  coverage: number;
  risk: number;
}

/** What is asked of a threshold. */
export type Target =
  /** The largest coverage at no more risk; `isCautious`: whose upper bound (95 %) is no more. */
  | { maxRisk: number; isCautious?: boolean }
  /** The highest threshold that answers as large a share of the examples of a class. */
  | { coverage: number };

/** A threshold and what it came to on the examples it was chosen on. */
export interface ThresholdChoice extends RiskPoint {
  signal: DecisionSignal;
  /** 95 % upper bound of the risk (Clopper and Pearson), as if the threshold had been known before. */
  riskUpperBound: number;
  /** Examples it was chosen on, and those of them that it answers. */
  count: number;
  answered: number;
}

/** A step of examples that are marked where an answer is wrong, with how many of the answered have no class. */
interface AnsweredStep extends Step {
  none: number;
}

function answeredSteps(scored: readonly ScoredExample[], signal: Signal): AnsweredStep[] {
  const confidence = confidences(scored, signal);
  if (!confidence) return [];
  const none = stepsOf(
    confidence,
    scored.map((example) => !hasClass(example)),
  );
  return stepsOf(confidence, scored.map(isWrong)).map((step, index) => ({ ...step, none: none[index].marked }));
}

const riskPoint = ({ threshold, count, marked, none }: AnsweredStep, ofClass: number): RiskPoint => ({
  threshold,
  coverage: ofClass > 0 ? (count - none) / ofClass : 0,
  risk: marked / count,
});

/**
 * The risk-coverage curve, from the surest answer to all.
 *
 * @param points the most there may be: the first of each equal stretch of coverage, and the last
 */
export function riskCoverage(scored: readonly ScoredExample[], signal: Signal, points = 100): RiskPoint[] {
  const ofClass = scored.filter(hasClass).length;
  const all = answeredSteps(scored, signal).map((step) => riskPoint(step, ofClass));
  const stretch = ({ coverage }: RiskPoint) => Math.floor(coverage * (points - 2));
  return all.filter(
    (point, index) => index === 0 || index === all.length - 1 || stretch(point) !== stretch(all[index - 1]),
  );
}

/** What a threshold comes to on examples: those at least as sure are answered. */
export interface ThresholdOutcome {
  answered: number;
  coverage: number;
  /** Null when nothing is answered. */
  risk: number | null;
  /** Share of the examples of none of the classes that are answered *none*; null without such. */
  noneRejected: number | null;
}

export function outcomeAt(
  scored: readonly ScoredExample[],
  { signal, threshold }: { signal: Signal; threshold: number },
): ThresholdOutcome {
  const step = answeredSteps(scored, signal)
    .filter((other) => other.threshold >= threshold)
    .at(-1) ?? { count: 0, marked: 0, none: 0 };
  const ofClass = scored.filter(hasClass).length;
  const ofNone = scored.length - ofClass;
  return {
    answered: step.count,
    coverage: ofClass > 0 ? (step.count - step.none) / ofClass : 0,
    risk: step.count > 0 ? step.marked / step.count : null,
    noneRejected: ofNone > 0 ? (ofNone - step.none) / ofNone : null,
  };
}

/**
 * Chooses the threshold of a decision record (SPEC.md 2.7) on validation examples: what is less sure is answered *none*.
 *
 * The risk on new examples will differ: it was measured on few answers, and the threshold is the luckiest of many. `riskUpperBound`
 * allows for the first; `isCautious` keeps this bound below the target. A threshold that answers every example is the confidence
 * of the least sure one, so that what is less sure than anything seen is still answered *none*.
 *
 * @param scored of the finished model: with the temperature that it is exported with
 * @throws FailureError when there is no example of a class, or when no threshold keeps the risk
 */
export function chooseThreshold(
  scored: readonly ScoredExample[],
  signal: DecisionSignal,
  target: Target,
): ThresholdChoice {
  const ofClass = scored.filter(hasClass).length;
  if (ofClass === 0) {
    throw new FailureError(
      "Cannot choose a threshold: none of the validation examples belongs to a class; hold out examples of every class.",
    );
  }
  const steps = answeredSteps(scored, signal);
  const step =
    "maxRisk" in target
      ? steps.filter((other) => keeps(other, target)).at(-1)
      : steps.find((other) => reaches(other.count - other.none, target.coverage, ofClass));
  if (!step) refuseTarget(steps, signal, target);
  return {
    signal,
    ...riskPoint(step, ofClass),
    riskUpperBound: upperBound(step.marked, step.count),
    count: scored.length,
    answered: step.count,
  };
}

const keeps = ({ count, marked }: Step, { maxRisk, isCautious = false }: { maxRisk: number; isCautious?: boolean }) =>
  isCautious ? isBelow(marked, count, maxRisk) : marked <= maxRisk * count + 1e-9;

function refuseTarget(steps: readonly Step[], signal: DecisionSignal, target: Target): never {
  if (!("maxRisk" in target)) {
    throw new FailureError(
      `Cannot choose a threshold: a coverage of ${target.coverage} is more than all there is; give one from 0 to 1.`,
    );
  }
  const reached = ({ count, marked }: Step) => (target.isCautious ? upperBound(marked, count) : marked / count);
  const best = steps.reduce((least, step) => (reached(step) < reached(least) ? step : least));
  const what = target.isCautious ? "an upper bound of the risk" : "a risk";
  throw new FailureError(
    `Cannot reach ${what} of ${target.maxRisk} by ${signal} on the validation part: the least is ${reached(best).toFixed(4)}, where ${best.count} of ${steps.at(-1)?.count} examples are answered; allow more risk or train with more examples.`,
  );
}
