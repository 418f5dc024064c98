import type { Evaluation, EvaluationPart } from "../evaluate/evaluation.js";
import { type Fact, paragraph, type Section } from "./document.js";
import { belowThreshold, bytes, decimal, NO_FIGURE, percent, whole } from "./numbers.js";

/** Most classes that are named in a sentence. */
const NAMED = 12;

/** The part that says most of what to expect: "test", else the last that is not "validation". */
export function mainPart({ parts }: Evaluation): EvaluationPart | undefined {
  return (
    parts.find(({ name }) => name === "test") ??
    parts.filter(({ name }) => name !== "validation").at(-1) ??
    parts.at(-1)
  );
}

/** The figures at the head of the page. */
export function factsOf(evaluation: Evaluation): Fact[] {
  const { model, decision } = evaluation;
  const part = mainPart(evaluation);
  const sizes = [
    { name: "Flash", value: whole(model.flashBytes), note: "bytes of the model" },
    { name: "RAM", value: whole(model.ramBytes), note: "bytes while it runs" },
  ];
  if (!part) return sizes;
  const { accuracy, macroF1, outcome, name } = part;
  const right = { name: "Right", value: percent(accuracy), note: `of the ${name} part; macro F1 ${decimal(macroF1)}` };
  if (decision.threshold === null) return [right, ...sizes];
  const none = { name: "None recognised", value: percent(outcome.noneRejected), note: "of the examples of no class" };
  return [
    right,
    { name: "Answered", value: percent(outcome.coverage), note: "of the examples of a class" },
    { name: "Wrong", value: percent(outcome.risk), note: "of the answers given" },
    ...(outcome.noneRejected === null ? [] : [none]),
    ...sizes,
  ];
}

/** What it is, how good it is, when it says none and what it needs. */
export function summarySection(evaluation: Evaluation): Section {
  const part = mainPart(evaluation);
  const sentences = [
    whatItIs(evaluation),
    ...(part
      ? [howGood(part), ...whenNone(evaluation, part)]
      : ["Nothing was held out, so how good it is was not measured."]),
    whatItNeeds(evaluation),
  ];
  return { title: "Summary", blocks: sentences.map(paragraph) };
}

function whatItIs({ task, model, classNames }: Evaluation): string {
  const named = classNames.slice(0, NAMED).join(", ");
  const more = classNames.length > NAMED ? ` and ${whole(classNames.length - NAMED)} more` : "";
  const what = task === "sensor" ? "a classifier of samples of a sensor" : "a classifier of texts";
  return `This is ${what}, trained as "${model.configName}", that tells ${whole(classNames.length)} classes apart: ${named}${more}.`;
}

function howGood({ name, count, noneCount, accuracy, macroF1, perClass }: EvaluationPart): string {
  const ofClass = count - noneCount;
  const commonest = Math.max(...perClass.map((score) => score.count)) / ofClass;
  return (
    `Of the ${whole(ofClass)} examples of a class in the ${name} part it gets ${percent(accuracy)} right when every answer ` +
    `stands (macro F1 ${decimal(macroF1)}); always answering the commonest class would get ${percent(commonest)}.`
  );
}

function whenNone({ decision, parts }: Evaluation, part: EvaluationPart): string[] {
  const { signal, threshold, target } = decision;
  if (threshold === null) return ["It never says none: no threshold was asked for."];
  const { coverage, risk, noneRejected } = part.outcome;
  const cautious = target && "maxRisk" in target && target.isCautious ? ", with 95 % confidence" : "";
  const asked =
    target === null
      ? ""
      : "maxRisk" in target
        ? `, chosen so that at most ${percent(target.maxRisk)} of the validation part's answers are wrong${cautious}`
        : `, chosen so that ${percent(target.coverage)} of the validation part's examples of a class are answered`;
  const none = noneRejected === null ? "" : ` ${percent(noneRejected)} of the examples of no class are recognised.`;
  const sentences = [
    `It says none when ${belowThreshold(signal, threshold)}${asked}. In the ${part.name} part it then answers ` +
      `${percent(coverage)} of the examples of a class, and ${risk === null ? NO_FIGURE : percent(risk)} of its answers are wrong.${none}`,
  ];
  const missed =
    target && "maxRisk" in target ? parts.filter(({ outcome }) => (outcome.risk ?? 0) > target.maxRisk) : [];
  const names = missed.map(({ name, outcome }) => `${percent(outcome.risk)} in the ${name} part`).join(" and ");
  if (missed.length > 0) {
    sentences.push(
      `More of the answers are wrong than were asked for: ${names}. A threshold keeps its promise only on the examples it was chosen on; others are luckier or unluckier.`,
    );
  }
  return sentences;
}

function whatItNeeds({ model, fit }: Evaluation): string {
  const chips = fit.filter(({ fits }) => fits).length;
  const fitting = fit.length > 0 ? ` It fits into ${whole(chips)} of the ${whole(fit.length)} chips below.` : "";
  return `It needs ${bytes(model.flashBytes)} of flash for the model and ${bytes(model.ramBytes)} of RAM.${fitting}`;
}
