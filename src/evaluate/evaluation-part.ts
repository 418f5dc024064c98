import { exp } from "../model/elementary.js";
import { UsageError } from "../model/errors.js";
import { accuracyOf, classScores, confusionMatrix, macroF1 } from "./classification.js";
import { confidenceOf } from "./confidence.js";
import type { Decision, EvaluationPart } from "./evaluation.js";
import { hasClass, isWrong, likeliestClass, logProbabilities, NONE, type ScoredExample } from "./scored-example.js";
import { outcomeAt, riskCoverage } from "./selective.js";
import { compareSignals } from "./signals.js";
import { calibrationOf } from "./temperature.js";

/** Most wrong answers that are kept, and most characters of each. */
const MISTAKES = 50;
const TEXT_CHARACTERS = 200;

/**
 * Everything an evaluation says of one part of the data.
 *
 * @param name of the part: "validation", "test"
 * @param scored by the finished model: its logits are already divided by the temperature
 * @param classes how many there are
 * @throws UsageError when no example belongs to a class
 */
export function makePart(
  name: string,
  scored: readonly ScoredExample[],
  classes: number,
  decision: Decision,
): EvaluationPart {
  const ofClass = scored.filter(hasClass);
  if (ofClass.length === 0) {
    throw new UsageError(
      `Cannot evaluate the part "${name}": none of its ${scored.length} examples belongs to a class; give some that do.`,
    );
  }
  const { signal, temperature } = decision;
  const threshold = decision.threshold ?? Number.NEGATIVE_INFINITY;
  const likeliest = ({ logits }: ScoredExample) => likeliestClass(logits);
  const answer = (example: ScoredExample) =>
    confidenceOf(example.logits, signal) >= threshold ? likeliest(example) : NONE;
  const labelsOf = (examples: readonly ScoredExample[]) => examples.map(({ label }) => label);
  const unabstaining = confusionMatrix(labelsOf(ofClass), ofClass.map(likeliest), classes);
  const perClass = classScores(unabstaining);
  return {
    name,
    count: scored.length,
    noneCount: scored.length - ofClass.length,
    accuracy: accuracyOf(unabstaining),
    macroF1: macroF1(perClass),
    perClass,
    confusion: confusionMatrix(labelsOf(scored), scored.map(answer), classes),
    calibration: { before: calibrationOf(ofClass, 1 / temperature), after: calibrationOf(ofClass) },
    riskCoverage: riskCoverage(scored, signal),
    signals: compareSignals(scored),
    outcome: outcomeAt(scored, { signal, threshold }),
    mistakes: mistakesOf(scored.filter((example) => answer(example) !== NONE && isWrong(example))),
  };
}

/** The surest of wrong answers; among equals those that come first. */
function mistakesOf(wrong: readonly ScoredExample[]): EvaluationPart["mistakes"] {
  return wrong
    .map(({ text = "", label, logits }) => {
      const predicted = likeliestClass(logits);
      return { text: shortened(text), label, predicted, probability: exp(logProbabilities(logits)[predicted]) };
    })
    .sort((a, b) => b.probability - a.probability)
    .slice(0, MISTAKES);
}

function shortened(text: string): string {
  const characters = [...text];
  return characters.length > TEXT_CHARACTERS ? `${characters.slice(0, TEXT_CHARACTERS - 1).join("")}…` : text;
}
