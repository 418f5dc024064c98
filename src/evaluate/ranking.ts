/** A threshold and what is at least as sure; examples of equal confidence are never parted. */
export interface Step {
  /** Confidence of the least sure that are accepted. */
  threshold: number;
  /** Accepted in all, and those of them that are marked. */
  count: number;
  marked: number;
}

/**
 * Goes through examples from the surest on.
 *
 * @param confidence of each example, larger is surer
 * @param isMarked of each, say whether it is wrong
 * @returns a step per different confidence, the highest threshold first; the last one accepts all
 */
export function stepsOf(confidence: ArrayLike<number>, isMarked: ArrayLike<boolean>): Step[] {
  const order = Array.from(confidence, (_, index) => index).sort((a, b) => confidence[b] - confidence[a]);
  const steps: Step[] = [];
  let marked = 0;
  order.forEach((index, before) => {
    if (isMarked[index]) marked++;
    const step = { threshold: confidence[index], count: before + 1, marked };
    if (steps.at(-1)?.threshold === step.threshold) steps.pop();
    steps.push(step);
  });
  return steps;
}

/**
 * Area under the ROC curve: how likely an example without the mark is surer than one with it; equal ones count half.
 *
 * @returns null when all or none are marked
 */
export function auroc(steps: readonly Step[]): number | null {
  const { count = 0, marked = 0 } = steps.at(-1) ?? {};
  const unmarked = count - marked;
  if (marked === 0 || unmarked === 0) return null;
  let before = { count: 0, marked: 0 };
  let pairs = 0;
  for (const step of steps) {
    const markedHere = step.marked - before.marked;
    const unmarkedHere = step.count - before.count - markedHere;
    pairs += unmarkedHere * (marked - step.marked + markedHere / 2);
    before = step;
  }
  return pairs / (marked * unmarked);
}

/**
 * Area under the risk-coverage curve: the mean, over all n, of the share marked among the n surest (Geifman and El-Yaniv 2017).
 * Among equally sure ones it is the mean over every order.
 *
 * @returns 0..1, less is better; null without examples
 */
export function aurc(steps: readonly Step[]): number | null {
  let before = { count: 0, marked: 0 };
  let sum = 0;
  for (const step of steps) {
    const markedPerOne = (step.marked - before.marked) / (step.count - before.count);
    for (let n = before.count + 1; n <= step.count; n++) {
      sum += (before.marked + markedPerOne * (n - before.count)) / n;
    }
    before = step;
  }
  return before.count > 0 ? sum / before.count : null;
}

/**
 * Share of the marked examples that are accepted where at least `recall` of the others are: by the highest threshold that accepts so
 * many.
 *
 * @returns null when all or none are marked
 */
export function falsePositiveRate(steps: readonly Step[], recall = 0.95): number | null {
  const { count = 0, marked = 0 } = steps.at(-1) ?? {};
  if (marked === 0 || marked === count) return null;
  const step = steps.find((other) => reaches(other.count - other.marked, recall, count - marked));
  return step ? step.marked / marked : null;
}

/** Whether part / whole is at least `share`, which decimals may miss by a rounding. */
export const reaches = (part: number, share: number, whole: number): boolean => part >= share * whole - 1e-9;
