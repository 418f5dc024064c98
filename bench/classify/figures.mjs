// The figures of a classifier on the parts of a set, by src/evaluate, as ours are measured.
import { accuracyOf, classScores, confusionMatrix, macroF1 } from "../../dist/evaluate/classification.js";
import { ENGINE_NATS_PER_UNIT } from "../../dist/evaluate/language.js";
import { hasClass, likeliestClass, withTemperature } from "../../dist/evaluate/scored-example.js";
import { compareSignals } from "../../dist/evaluate/selective.js";
import { calibrationOf, fitTemperature } from "../../dist/evaluate/temperature.js";

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
 * What is known of a model for texts, whose temperature is fitted on the validation part.
 *
 * @param set {parts: {train, validation, ...}}
 * @param logits rows of logits in nats of every part but the training's
 * @returns {temperature, validation: {score, none, nats}, tests: {test: {accuracy, macroF1, none}}}
 */
export function textFigures(set, logits) {
  const scored = Object.fromEntries(
    Object.keys(set.parts)
      .filter((part) => part !== "train")
      .map((part) => [part, scoredExamples(set.parts[part].labels, logits[part])]),
  );
  const temperature = fitTemperature(scored.validation);
  const calibrated = (part) => withTemperature(scored[part], temperature);
  const { accuracy } = answerFigures(scored.validation);
  const { nllNats } = calibrationOf(scored.validation, temperature);
  const none = noneFigures(calibrated("validation"))?.probability.auroc;
  const tests = Object.keys(scored).filter((part) => part !== "validation");
  return {
    temperature,
    validation: { score: accuracy, none, nats: nllNats },
    tests: Object.fromEntries(
      tests.map((part) => {
        const examples = calibrated(part);
        return [part, { ...answerFigures(examples), none: noneFigures(examples) }];
      }),
    ),
  };
}
