// The figures of a classifier on the parts of a set, by src/evaluate, as ours are measured.
import { accuracyOf, classScores, confusionMatrix, macroF1 } from "../../dist/evaluate/classification.js";
import { ENGINE_NATS_PER_UNIT } from "../../dist/evaluate/language.js";
import { hasClass, likeliestClass } from "../../dist/evaluate/scored-example.js";
import { compareSignals } from "../../dist/evaluate/signals.js";
import { calibrationOf, fitTemperature } from "../../dist/evaluate/temperature.js";
import { auroc } from "../shared/auroc.mjs";
import { alarmsOf, nabScore } from "./nab-score.mjs";

/** Examples with the engine's unit of logits, from rows of logits in nats. */
export function scoredExamples(labels, logits) {
  const classes = logits.length / labels.length;
  return Array.from(labels, (label, i) => ({
    label,
    logits: Float64Array.from(logits.subarray(i * classes, (i + 1) * classes), (nats) => nats / ENGINE_NATS_PER_UNIT),
  }));
}

/** Accuracy and macro F1 of the examples that have a class, when every answer stands. */
export function answerFigures(scored) {
  const inside = scored.filter(hasClass);
  const confusion = confusionMatrix(
    inside.map(({ label }) => label),
    inside.map(({ logits }) => likeliestClass(logits)),
    scored[0].logits.length,
  );
  return { accuracy: accuracyOf(confusion), macroF1: macroF1(classScores(confusion)) };
}

/** How well the largest probability and the energy tell examples of a class from those of none; undefined without any of none. */
function noneFigures(scored) {
  if (scored.every(hasClass)) return undefined;
  const bySignal = new Map(compareSignals(scored).map((row) => [row.signal, row]));
  const of = (signal) => ({ auroc: bySignal.get(signal).aurocNone, fpr: bySignal.get(signal).fprNone });
  return { probability: of("probability"), energy: of("energy") };
}

/**
 * What a setting for texts is chosen by: the score is the accuracy of the examples that have a class.
 *
 * @param logits rows of logits in nats of the validation part
 */
export function textChoice(labels, logits) {
  const classes = logits.length / labels.length;
  let [inside, right, nats] = [0, 0, 0];
  const surest = [];
  for (let i = 0; i < labels.length; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const best = likeliestClass(row);
    const sum = row.reduce((total, logit) => total + Math.exp(logit - row[best]), 0);
    surest.push(1 / sum);
    if (labels[i] < 0) continue;
    inside++;
    if (best === labels[i]) right++;
    nats += Math.log(sum) + row[best] - row[labels[i]];
  }
  const isInside = Array.from(labels, (label) => label >= 0);
  const none = inside < labels.length ? auroc(surest, isInside).area : undefined;
  return { score: right / inside, none, nats: nats / inside };
}

/**
 * What is known of a model for texts. Its logits have no temperature: where all of a small validation part is told right, the one
 * that fits best is the least there is, and every probability is 1.
 *
 * @param set {parts: {train, validation, ...}}
 * @param logitsOf gives the rows of logits of a part, in nats
 * @returns {validation: {score, none, nats}, tests: {test: {accuracy, macroF1, none}}}
 */
export function textFigures(set, logitsOf) {
  const tests = testParts(set).map((part) => {
    const examples = scoredExamples(set.parts[part].labels, logitsOf(part));
    return [part, { ...answerFigures(examples), none: noneFigures(examples) }];
  });
  return {
    validation: textChoice(set.parts.validation.labels, logitsOf("validation")),
    tests: Object.fromEntries(tests),
  };
}

const testParts = ({ parts }) => Object.keys(parts).filter((part) => part !== "train" && part !== "validation");

/** Labels and logits of the steps that are judged. */
function judged(labels, logits) {
  const rows = Array.from(labels.keys()).filter((i) => labels[i] >= 0);
  return scoredExamples(
    rows.map((row) => labels[row]),
    Float32Array.from(rows.flatMap((row) => [logits[2 * row], logits[2 * row + 1]])),
  );
}

/**
 * What is known of a model for a sensor with two classes: as textFigures(), but that settings are chosen by the nats of the
 * validation part: many there tell all steps but a few, which says nothing about other weeks.
 */
export function seriesFigures(set, logitsOf) {
  if (set.isNab) return nabFigures(set, logitsOf);
  const judgedOf = (part) => judged(set.parts[part].labels, logitsOf(part));
  const validation = judgedOf("validation");
  const temperature = fitTemperature(validation);
  const { nllNats } = calibrationOf(validation, temperature);
  return {
    temperature,
    validation: { score: -nllNats, nats: nllNats, accuracy: answerFigures(validation).accuracy },
    tests: Object.fromEntries(testParts(set).map((part) => [part, answerFigures(judgedOf(part))])),
  };
}

/** Silences that are tried after an alarm, in steps. */
const SILENCES = [0, 32, 128, 512];
/** Shares of the steps that may reach a threshold that is tried. */
const SHARES = Array.from({ length: 40 }, (_, i) => 0.5 * 0.8 ** i);

/** Alarms of a part by one rule, scored as NAB does. */
function alarmFigures({ labels, series }, scores, rule) {
  const alarms = series.map((each) => alarmsOf(scores, each, (t) => labels[t] >= 0, rule));
  return nabScore(series, alarms);
}

/**
 * What is known of a detector: how far the second logit is above the first is its score. Threshold and silence are those of the
 * best NAB score on the validation part, which is also what settings are chosen by.
 */
function nabFigures(set, logitsOf) {
  const rises = (logits) =>
    Float64Array.from({ length: logits.length / 2 }, (_, t) => logits[2 * t + 1] - logits[2 * t]);
  const logits = logitsOf("validation");
  const scores = rises(logits);
  const sorted = scores.filter((_, t) => set.parts.validation.labels[t] >= 0).sort();
  const thresholds = new Set(SHARES.map((share) => sorted[Math.floor((1 - share) * sorted.length)]));
  let best = { score: 0, rule: { threshold: Infinity, silence: 0 } };
  for (const silence of SILENCES) {
    for (const threshold of thresholds) {
      const { score } = alarmFigures(set.parts.validation, scores, { threshold, silence });
      if (score > best.score) best = { score, rule: { threshold, silence } };
    }
  }
  const { nllNats } = calibrationOf(judged(set.parts.validation.labels, logits), 1);
  const testScores = rises(logitsOf("test"));
  const figures = alarmFigures(set.parts.test, testScores, best.rule);
  return {
    rule: best.rule,
    validation: { score: best.score, nats: nllNats },
    tests: {
      test: { ...figures, balancedAccuracy: balancedAccuracy(set.parts.test.labels, testScores, best.rule.threshold) },
    },
  };
}

/** Mean of the shares of normal steps below the threshold and of anomalous ones above it. */
function balancedAccuracy(labels, scores, threshold) {
  const right = [0, 0];
  const count = [0, 0];
  labels.forEach((label, t) => {
    if (label < 0) return;
    count[label]++;
    if ((scores[t] >= threshold ? 1 : 0) === label) right[label]++;
  });
  return (right[0] / count[0] + right[1] / count[1]) / 2;
}
