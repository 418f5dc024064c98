import { NONE } from "./scored-example.js";

/** How well one class is told. A share of nothing is 0. */
export interface ClassScore {
  /** Examples of the class. */
  count: number;
  /** Answers that are this class. */
  answered: number;
  /** Share of the answers that are right. */
  precision: number;
  /** Share of the examples that are answered right. */
  recall: number;
  /** Harmonic mean of both. */
  f1: number;
}

const share = (part: number, whole: number): number => (whole > 0 ? part / whole : 0);

/**
 * Counts labels (rows) against answers (columns).
 *
 * @param labels class of each example, or `NONE`
 * @param answers class of each answer, or `NONE`
 * @param classes how many there are, C
 * @returns C + 1 rows of C + 1 columns; the last of each is none of the classes
 */
export function confusionMatrix(labels: readonly number[], answers: readonly number[], classes: number): number[][] {
  const counts = Array.from({ length: classes + 1 }, () => new Array<number>(classes + 1).fill(0));
  const place = (label: number) => (label === NONE ? classes : label);
  labels.forEach((label, index) => {
    counts[place(label)][place(answers[index])]++;
  });
  return counts;
}

/** Share of the examples whose answer is their label: the diagonal of a confusion matrix over all. */
export function accuracyOf(confusion: readonly (readonly number[])[]): number {
  const all = confusion.flat().reduce((sum, count) => sum + count, 0);
  const right = confusion.reduce((sum, row, index) => sum + row[index], 0);
  return share(right, all);
}

/** Precision, recall and F1 of each class of a confusion matrix; none of the classes is not one. */
export function classScores(confusion: readonly (readonly number[])[]): ClassScore[] {
  return confusion.slice(0, -1).map((row, index) => {
    const count = row.reduce((sum, cell) => sum + cell, 0);
    const answered = confusion.reduce((sum, other) => sum + other[index], 0);
    const right = row[index];
    return {
      count,
      answered,
      precision: share(right, answered),
      recall: share(right, count),
      f1: share(2 * right, count + answered),
    };
  });
}

/** Mean F1 of the classes that have examples; a class without any says nothing about the classifier and is left out. */
export function macroF1(scores: readonly ClassScore[]): number {
  const present = scores.filter(({ count }) => count > 0);
  return share(
    present.reduce((sum, { f1 }) => sum + f1, 0),
    present.length,
  );
}
