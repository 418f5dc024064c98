import type { EvaluationPart } from "../evaluate/evaluation.js";
import type { Table } from "./document.js";
import { percent, whole } from "./numbers.js";

/** With more classes than these nobody reads a matrix: then the pairs that are most confused are listed. */
const MATRIX_CLASSES = 30;
const PAIRS = 20;
/** What stands for none of the classes. */
export const NONE_NAME = "none of these";

/** What was answered to what. */
export function confusionTables(part: EvaluationPart, classNames: readonly string[], hasThreshold: boolean): Table[] {
  if (classNames.length <= MATRIX_CLASSES) return [matrixTable(part, classNames, hasThreshold)];
  const pairs = pairsTable(part, classNames);
  return part.noneCount > 0 ? [pairs, attractorsTable(part, classNames)] : [pairs];
}

function matrixTable(
  { confusion, noneCount }: EvaluationPart,
  classNames: readonly string[],
  hasThreshold: boolean,
): Table {
  const none = classNames.length;
  const columns = hasThreshold ? [...classNames, NONE_NAME] : classNames;
  const labels = noneCount > 0 ? [...classNames, NONE_NAME] : classNames;
  const isWithheld = (label: number, answer: number) => answer === none && label !== none;
  const tint = (label: number, answer: number) => {
    const share =
      confusion[label][answer] /
      Math.max(
        1,
        confusion[label].reduce((sum, count) => sum + count, 0),
      );
    if (isWithheld(label, answer)) return 0;
    return label === answer ? share : -share;
  };
  return {
    kind: "table",
    caption: `Answers (columns) to examples of each class (rows)${hasThreshold ? ", at the threshold" : ""}`,
    columns: [{ name: "class" }, ...columns.map((name) => ({ name, isNumber: true }))],
    rows: labels.map((name, label) => [name, ...columns.map((_, answer) => whole(confusion[label][answer]))]),
    tints: labels.map((_, label) => columns.map((_, answer) => tint(label, answer))),
  };
}

function pairsTable({ confusion }: EvaluationPart, classNames: readonly string[]): Table {
  const pairs = classNames
    .flatMap((_, label) => {
      const all = confusion[label].reduce((sum, count) => sum + count, 0);
      return classNames.map((_, answer) => {
        const count = confusion[label][answer];
        return { label, answer, count, share: count / Math.max(1, all) };
      });
    })
    .filter(({ label, answer, count }) => label !== answer && count > 0)
    .sort((a, b) => b.count - a.count || b.share - a.share);
  return {
    kind: "table",
    caption: `The classes that are most confused: ${Math.min(PAIRS, pairs.length)} of ${whole(pairs.length)} pairs`,
    columns: [
      { name: "example of" },
      { name: "answered" },
      { name: "examples", isNumber: true },
      { name: "of the class", isNumber: true },
    ],
    rows: pairs
      .slice(0, PAIRS)
      .map(({ label, answer, count, share }) => [classNames[label], classNames[answer], whole(count), percent(share)]),
  };
}

/** The classes that are answered most to examples of none of them. */
function attractorsTable({ confusion, noneCount }: EvaluationPart, classNames: readonly string[]): Table {
  const answers = classNames
    .map((name, answer) => ({ name, count: confusion[classNames.length][answer] }))
    .filter(({ count }) => count > 0)
    .sort((a, b) => b.count - a.count);
  return {
    kind: "table",
    caption: `What examples of none of the classes are taken for: ${Math.min(PAIRS, answers.length)} of ${whole(answers.length)} classes`,
    columns: [
      { name: "answered" },
      { name: "examples", isNumber: true },
      { name: "of none of the classes", isNumber: true },
    ],
    rows: answers.slice(0, PAIRS).map(({ name, count }) => [name, whole(count), percent(count / noneCount)]),
  };
}
