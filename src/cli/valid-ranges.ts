import type { SensorTable } from "../corpus/sensor-table.js";
import { UsageError } from "../model/errors.js";
import type { ValidRange } from "../tokenizer/sensor-alphabet.js";

/**
 * What the options `--valid 0..4095` (all columns) and `--valid name=-40..125` (one) say; later ones win.
 *
 * @param names of the columns
 * @returns one per column, in the units of what was measured; undefined: every number is valid
 * @throws UsageError for anything but two finite numbers that do not fall, and for a column that is not there
 */
export function validRanges(words: readonly string[], names: readonly string[]): (ValidRange | undefined)[] {
  const ranges = names.map((): ValidRange | undefined => undefined);
  for (const word of words) {
    const [, name, least, greatest] = /^(?:(.*)=)?([^=]*?)\.\.([^=]*)$/s.exec(word) ?? [];
    const range = { least: numberOf(least), greatest: numberOf(greatest) };
    const fail = (found: string, expected: string) =>
      new UsageError(`Cannot use --valid "${word}": ${found}, expected ${expected}.`);
    if (Number.isNaN(range.least + range.greatest)) {
      throw fail("it has no two numbers", "a range such as 0..4095, or column=0..4095 for one column");
    }
    if (range.least > range.greatest) throw fail(`${least} is above ${greatest}`, "the least number first");
    if (name !== undefined && !names.includes(name)) {
      throw fail(`there is no column "${name}"`, `one of ${names.map((one) => `"${one}"`).join(", ")}`);
    }
    names.forEach((one, index) => {
      if (name === undefined || name === one) ranges[index] = range;
    });
  }
  return ranges;
}

/** NaN for what is no finite number. */
function numberOf(text: string | undefined): number {
  const value = Number(text);
  return text?.trim() && Number.isFinite(value) ? value : Number.NaN;
}

/** One sentence for each column that has numbers outside of its range, of all tables together. */
export const outsideNotes = (tables: readonly SensorTable[], ranges: readonly (ValidRange | undefined)[]): string[] =>
  ranges.flatMap((range, index) => {
    if (!range) return [];
    const { least, greatest } = range;
    const numbers = tables.flatMap(({ columns }) => [...columns[index].values.filter((value) => !Number.isNaN(value))]);
    const outside = numbers.filter((value) => value < least || value > greatest).length;
    const where = `In "${tables[0].columns[index].name}" ${outside} of ${numbers.length} numbers`;
    return outside > 0 ? [`${where} lie outside of ${least}..${greatest}: taken as missing.`] : [];
  });
