import { UsageError } from "../model/errors.js";

/** Most classes of a model, and bytes of a class's name (SPEC.md 1.1 and 1.3). */
const MAX_CLASSES = 1024;
const MAX_NAME_BYTES = 255;
/** In place of a class's number: none of the classes, or not known. */
export const NO_CLASS = 65_535;
/** How many places or names a message lists. */
const LISTED = 3;

/** The distinct labels in the order of their code units, the same everywhere; without `none`. */
export const classesOf = (labels: Iterable<string>, none: string | undefined): string[] =>
  [...new Set(labels)].filter((label) => label !== none).sort();

/** What keeps a model from having these classes, and what to do about it; undefined when it can. */
export function classProblem(classes: readonly string[]): { found: string; fix: string } | undefined {
  if (classes.length < 2) {
    const found = classes.length === 0 ? "there is no class" : `the only class is "${classes[0]}"`;
    return { found: `${found}, expected two or more to tell apart`, fix: "give examples of another class" };
  }
  const other = "choose another column with --label";
  if (classes.length > MAX_CLASSES) {
    const found = `there are ${classes.length} classes, expected at most ${MAX_CLASSES}`;
    return { found, fix: `${other}, or join classes` };
  }
  const long = classes.find((name) => Buffer.byteLength(name) > MAX_NAME_BYTES);
  if (long === undefined) return undefined;
  const start = JSON.stringify(long.slice(0, 40));
  const found = `the label that starts with ${start} has ${Buffer.byteLength(long)} bytes, expected at most ${MAX_NAME_BYTES}`;
  return { found, fix: `${other}, or shorten it` };
}

/**
 * The number of each label among the classes; `NO_CLASS` for `none`.
 * @param name what the user calls the file, for the error
 * @throws UsageError with the first label that is no class
 */
export function classNumbers(
  labels: readonly string[],
  classes: readonly string[],
  none: string | undefined,
  name: string,
): Uint16Array {
  const numbers = new Map(classes.map((label, index) => [label, index]));
  return Uint16Array.from(labels, (label) => {
    const number = label === none ? NO_CLASS : numbers.get(label);
    if (number !== undefined) return number;
    const known = firstOf(classes.map((one) => `"${one}"`));
    throw new UsageError(
      `Cannot use "${name}": its label "${label}" is not among the classes (${known}); correct it, or give the class examples to learn from.`,
    );
  });
}

/** The first few of a list, and how many more there are. */
export function firstOf(list: readonly string[]): string {
  const shown = list.slice(0, LISTED).join(", ");
  return list.length > LISTED ? `${shown} and ${list.length - LISTED} more` : shown;
}
