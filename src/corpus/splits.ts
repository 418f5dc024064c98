import { createHash } from "node:crypto";
import { UsageError } from "../model/errors.js";
import type { LabelledExample } from "./examples.js";
import { groupBy } from "./groups.js";
import { type ExampleParts, normalisedText } from "./leakage.js";

export interface SplitOptions {
  /** Share of the examples to choose settings by, 0..0.5. */
  validation: number;
  /** Share of the examples to measure with, 0..0.5. */
  test: number;
  /** Another number, another split: 0..4,294,967,295. */
  seed: number;
}

/**
 * Splits examples by a hash of their normalised texts, so that duplicates and near-duplicates stay together, every class
 * is split alike, and examples that are added move no others. Of a class with two different texts or more one is always
 * for training and, where there is a share for it, one for validation: only these two may change when it gets new texts.
 *
 * @returns the parts, each in the order given
 * @throws UsageError when the shares leave nothing to learn from
 */
export function splitExamples(examples: readonly LabelledExample[], options: SplitOptions): ExampleParts {
  const { validation, test, seed } = options;
  for (const [name, share] of Object.entries({ validation, test })) {
    if (share >= 0 && share <= 0.5 && validation + test < 1) continue;
    throw new UsageError(
      `Cannot split the examples: the share for ${name} is ${share}, expected 0 to 0.5 and less than 1 with the other; correct it.`,
    );
  }
  const keyed = examples.map((example) => ({ example, key: normalisedText(example.text) }));
  const positions = new Map(keyed.map(({ key }) => [key, positionOf(key, seed)]));
  const sides = new Map<string, keyof ExampleParts>();
  for (const [key, position] of positions) {
    const late = position < validation + test ? "test" : "training";
    sides.set(key, position < validation ? "validation" : late);
  }
  const classes = [...groupBy(keyed, ({ example }) => example.label).values()].map((members) =>
    [...new Set(members.map(({ key }) => key))].sort((a, b) => (positions.get(a) ?? 0) - (positions.get(b) ?? 0)),
  );
  if (validation > 0) for (const keys of classes) if (keys.length > 1) sides.set(keys[0], "validation");
  for (const keys of classes) sides.set(keys[keys.length - 1], "training");
  const part = (side: keyof ExampleParts) =>
    keyed.filter(({ key }) => sides.get(key) === side).map(({ example }) => example);
  return { training: part("training"), validation: part("validation"), test: part("test") };
}

/** A number in [0, 1) that a text and a seed alone decide. */
function positionOf(text: string, seed: number): number {
  return createHash("sha256").update(`${seed}\n${text}`).digest().readUIntBE(0, 6) / 2 ** 48;
}
