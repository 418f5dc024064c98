import type { Evaluation, EvaluationPart } from "../evaluate/evaluation.js";
import { calibrationFigure } from "./calibration-figure.js";
import { confusionTables, NONE_NAME } from "./confusion-table.js";
import { type Block, type Column, paragraph, type Report, type Section, type Table } from "./document.js";
import { decimal, NO_FIGURE, percent, whole } from "./numbers.js";
import { riskFigure } from "./risk-figure.js";
import { factsOf, mainPart, summarySection } from "./summary.js";

const numbers = (...names: string[]): Column[] => names.map((name) => ({ name, isNumber: true }));

/** Everything a report says, the most important first. */
export function reportOf(evaluation: Evaluation): Report {
  const main = mainPart(evaluation);
  const parts = evaluation.parts.filter((part) => part !== main);
  const inOrder = main ? [main, ...parts] : parts;
  return {
    title: `Report on ${evaluation.model.configName}`,
    facts: factsOf(evaluation),
    sections: [
      summarySection(evaluation),
      ...inOrder.map((part, index) => partSection(evaluation, part, `part-${index}`)),
      fitSection(evaluation),
      dataSection(evaluation),
      wordsSection,
    ],
  };
}

function partSection({ classNames, decision, task }: Evaluation, part: EvaluationPart, id: string): Section {
  const none = part.noneCount > 0 ? `, and ${whole(part.noneCount)} of none of them` : "";
  const counts = `${whole(part.count - part.noneCount)} examples of ${whole(classNames.length)} classes${none}.`;
  const mistakes: Block =
    part.mistakes.length > 0 ? mistakesTable(part, classNames, task) : paragraph("No answer is wrong.");
  return {
    title: `The ${part.name} part`,
    blocks: [
      paragraph(counts),
      ...confusionTables(part, classNames, decision.threshold !== null),
      calibrationFigure(part, decision.temperature, `${id}-calibration`),
      riskFigure(part, decision, `${id}-risk`),
      signalsTable(part, decision.signal),
      classesTable(part, classNames),
      mistakes,
    ],
  };
}

function signalsTable({ signals, noneCount }: EvaluationPart, chosen: string): Table {
  const ofNone = noneCount > 0;
  return {
    kind: "table",
    caption: "How well each signal tells what to answer",
    columns: [
      { name: "signal" },
      ...numbers("AUROC, wrong answers", "area under risk-coverage"),
      ...(ofNone ? numbers("AUROC, none of these", "none answered at 95 % recall") : []),
    ],
    rows: signals.map(({ signal, aurocWrong, aurc, aurocNone, fprNone }) => [
      signal === chosen ? `${signal} (decides)` : signal,
      decimal(aurocWrong),
      decimal(aurc),
      ...(ofNone ? [decimal(aurocNone), percent(fprNone)] : []),
    ]),
  };
}

/** The class that is told worst first; those without examples last. */
function classesTable({ perClass }: EvaluationPart, classNames: readonly string[]): Table {
  const order = perClass
    .map((score, index) => ({ ...score, name: classNames[index] }))
    .sort((a, b) => Number(a.count === 0) - Number(b.count === 0) || a.f1 - b.f1);
  return {
    kind: "table",
    caption: "Each class, the worst first, when every answer stands",
    columns: [{ name: "class" }, ...numbers("examples", "precision", "recall", "F1")],
    rows: order.map(({ name, count, precision, recall, f1 }) =>
      count > 0
        ? [name, whole(count), percent(precision), percent(recall), decimal(f1)]
        : [name, "0", NO_FIGURE, NO_FIGURE, NO_FIGURE],
    ),
  };
}

function mistakesTable({ mistakes }: EvaluationPart, classNames: readonly string[], task: Evaluation["task"]): Table {
  return {
    kind: "table",
    caption: `The ${mistakes.length === 1 ? "surest wrong answer" : `${whole(mistakes.length)} surest wrong answers`}`,
    columns: [
      { name: task === "sensor" ? "place" : "text" },
      { name: "is" },
      { name: "answered" },
      ...numbers("probability"),
    ],
    rows: mistakes.map(({ text, label, predicted, probability }) => [
      text,
      label < 0 ? NONE_NAME : classNames[label],
      classNames[predicted],
      percent(probability),
    ]),
  };
}

function fitSection({ fit, model }: Evaluation): Section {
  const isTimed = fit.some(({ instructionsPerDecision }) => instructionsPerDecision !== undefined);
  const figure = (value: number | undefined) => (value === undefined ? NO_FIGURE : whole(value));
  const table: Table = {
    kind: "table",
    caption: 'With engine, stack and an allowance for the rest of the firmware; times are estimates ("atome fit")',
    columns: [
      { name: "chip" },
      { name: "fits" },
      ...numbers("flash, bytes", "RAM, bytes"),
      ...(isTimed ? numbers("instructions per decision", "decisions per second") : []),
    ],
    rows: fit.map(({ chip, fits, flashBytes, ramBytes, instructionsPerDecision, decisionsPerSecond }) => [
      chip,
      fits ? "yes" : "no",
      whole(flashBytes),
      whole(ramBytes),
      ...(isTimed ? [figure(instructionsPerDecision), figure(decisionsPerSecond)] : []),
    ]),
  };
  const hash = paragraph(`SHA-256 of the model: ${model.sha256}`);
  return { title: "Device fit", blocks: fit.length > 0 ? [table, hash] : [hash] };
}

const dataSection = ({ notes }: Evaluation): Section => ({
  title: "Data",
  blocks: notes.length > 0 ? [{ kind: "list", items: notes }] : [paragraph("Nothing to remark.")],
});

const wordsSection: Section = {
  title: "Words",
  blocks: [
    {
      kind: "list",
      items: [
        "Right (accuracy): share of the examples of a class whose likeliest class is theirs. Macro F1: mean over the classes of the harmonic mean of precision and recall; classes without examples are left out.",
        "Answered (coverage): share of the examples of a class that are at least as sure as the threshold. Wrong (risk): share of these answers that are wrong; an answer to an example of none of the classes always is.",
        "Expected calibration error: mean distance between the probability of answers and how often they are right, over 15 bins of equal width (Guo et al. 2017).",
        "AUROC: how likely a right answer is surer than a wrong one, or an example of a class than one of none; 0.5 is chance. Area under risk-coverage: mean risk over all coverages, among examples of a class; less is better (Geifman and El-Yaniv 2017).",
        "None answered at 95 % recall: share of the examples of none of the classes that are answered when 95 % of those of a class are.",
      ],
    },
  ],
};
