import { confidences, DECISION_SIGNALS, type DecisionSignal, SIGNALS, type Signal } from "./confidence.js";
import { aurc, auroc, falsePositiveRate, stepsOf } from "./ranking.js";
import { hasClass, isWrong, type ScoredExample } from "./scored-example.js";

/** How well a signal tells what to answer. Null where there is nothing to tell. */
export interface SignalScore {
  signal: Signal;
  /** Among examples of a class: how likely a right answer is surer than a wrong one. */
  aurocWrong: number | null;
  /** Among examples of a class: area under the risk-coverage curve, less is better. */
  aurc: number | null;
  /** How likely an example of a class is surer than one of none. */
  aurocNone: number | null;
  /** Share of the examples of none that are answered where 95 % of those of a class are. */
  fprNone: number | null;
}

/** How well each signal tells right answers from wrong ones, and examples of a class from those of none. */
export function compareSignals(scored: readonly ScoredExample[]): SignalScore[] {
  return SIGNALS.flatMap((signal) => {
    const confidence = confidences(scored, signal);
    return confidence && scored.length > 0 ? [signalScore(scored, signal, confidence)] : [];
  });
}

function signalScore(scored: readonly ScoredExample[], signal: Signal, confidence: Float64Array): SignalScore {
  const ofClass = scored.filter(hasClass);
  const wrong = stepsOf(
    confidence.filter((_, index) => hasClass(scored[index])),
    ofClass.map(isWrong),
  );
  const none = stepsOf(
    confidence,
    scored.map((example) => !hasClass(example)),
  );
  return {
    signal,
    aurocWrong: auroc(wrong),
    aurc: aurc(wrong),
    aurocNone: auroc(none),
    fprNone: falsePositiveRate(none),
  };
}

/**
 * The signal to decide by: the best at telling examples of a class from those of none where there are such (`aurocNone`), else
 * the one with the least area under the risk-coverage curve. Among equals the first of `DECISION_SIGNALS`.
 */
export function bestSignal(scored: readonly ScoredExample[]): DecisionSignal {
  const scores = compareSignals(scored);
  const cost = ({ aurocNone, aurc: area }: SignalScore) => (aurocNone === null ? (area ?? 0) : -aurocNone);
  const best = DECISION_SIGNALS.map((signal) => scores.find((score) => score.signal === signal)).reduce(
    (least, score) => (score && least && cost(score) < cost(least) ? score : least),
  );
  return DECISION_SIGNALS.find((signal) => signal === best?.signal) ?? "probability";
}
