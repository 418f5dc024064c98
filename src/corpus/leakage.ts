import { firstOf } from "./classes.js";
import type { LabelledExample } from "./examples.js";
import { groupBy } from "./groups.js";

/** What examples are for: to learn from, to choose settings by, to measure with. */
export interface ExampleParts {
  training: readonly LabelledExample[];
  validation: readonly LabelledExample[];
  test: readonly LabelledExample[];
}

/** Copies of one part's examples in another. */
export interface Leak {
  /** `near`: the same but for case, digits, punctuation and spaces. */
  kind: "exact" | "near";
  from: "training" | "validation";
  to: "validation" | "test";
  /** Examples of `from` that `to` has, and those: one of its copies for each. */
  pairs: readonly { example: LabelledExample; copy: LabelledExample }[];
}

/**
 * A text without what makes near-duplicates differ: upper and lower case, kinds of the same character, which digits a
 * number has, punctuation and spaces. What is nothing but these stays as it is.
 */
export function normalisedText(text: string): string {
  const plain = text
    .normalize("NFKC")
    .toLowerCase()
    .replace(/\p{N}+/gu, "0")
    .replace(/[\p{P}\p{Z}\p{C}]+/gu, " ")
    .trim();
  return plain === "" ? text.trim() : plain;
}

/**
 * Copies that a part which is learned from has in one that is held out; of training also what validation has.
 * @returns one entry for each two parts and kind that have any
 */
export function findLeaks({ training, validation, test }: ExampleParts): Leak[] {
  return [
    ...leaksBetween("training", training, "validation", validation),
    ...leaksBetween("training", training, "test", test),
    ...leaksBetween("validation", validation, "test", test),
  ];
}

/** The parts without the examples of training and validation that have copies in a later part; test stays whole. */
export function withoutLeaks(parts: ExampleParts, leaks: readonly Leak[]): ExampleParts {
  const leaked = new Set(leaks.flatMap(({ pairs }) => pairs.map(({ example }) => example)));
  const clean = (examples: readonly LabelledExample[]) => examples.filter((example) => !leaked.has(example));
  return { training: clean(parts.training), validation: clean(parts.validation), test: parts.test };
}

/** A leak in one sentence. */
export function leakNote({ kind, from, to, pairs }: Leak, removed: boolean): string {
  const places = firstOf(pairs.map(({ example, copy }) => `${example.place} and ${copy.place}`));
  const copies = kind === "exact" ? "the same" : "the same but for case, digits, punctuation and spaces";
  const done = removed ? `left out of ${from}` : "kept, so that figures come out too good";
  return `${pairs.length} examples of ${from} are ${copies} in ${to} (${places}): ${done}.`;
}

/** Texts that have several labels, one sentence in all; undefined when there is none. */
export function conflictNote(examples: readonly LabelledExample[]): string | undefined {
  const texts = [...groupBy(examples, ({ text }) => text).values()];
  const conflicts = texts.filter((same) => new Set(same.map(({ label }) => label)).size > 1);
  if (conflicts.length === 0) return undefined;
  const shown = conflicts.map((same) => {
    const [first] = same;
    const other = same.find(({ label }) => label !== first.label) as LabelledExample;
    return `"${first.label}" at ${first.place} and "${other.label}" at ${other.place}`;
  });
  return `${conflicts.length} texts have more than one label (${firstOf(shown)}): no model can give both.`;
}

function leaksBetween(
  from: Leak["from"],
  examples: readonly LabelledExample[],
  to: Leak["to"],
  heldOut: readonly LabelledExample[],
): Leak[] {
  const exact = new Map(heldOut.map((copy) => [copy.text, copy]).reverse() as [string, LabelledExample][]);
  const near = new Map(
    heldOut.map((copy) => [normalisedText(copy.text), copy]).reverse() as [string, LabelledExample][],
  );
  const pairs = { exact: [] as Leak["pairs"][number][], near: [] as Leak["pairs"][number][] };
  for (const example of examples) {
    const same = exact.get(example.text);
    const copy = same ?? near.get(normalisedText(example.text));
    if (copy) pairs[same ? "exact" : "near"].push({ example, copy });
  }
  const kinds = ["exact", "near"] as const;
  return kinds.filter((kind) => pairs[kind].length > 0).map((kind) => ({ kind, from, to, pairs: pairs[kind] }));
}
