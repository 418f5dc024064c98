import { UsageError } from "../model/errors.js";
import { classesOf, classProblem, firstOf } from "./classes.js";
import { LABEL_NAMES } from "./examples.js";
import { groupBy } from "./groups.js";
import {
  type ColumnChoice,
  columnError,
  columnName,
  findColumn,
  guessColumn,
  headerError,
  isNumber,
  listed,
  type Table,
  widthOf,
} from "./table.js";

/** What stands in a field of a number that was not measured, in lower case. */
const MISSING_FIELDS = new Set(["", "nan", "na", "n/a", "null", "none", "-", "?", "inf", "+inf", "-inf", "infinity"]);
/** Names of columns that say which row it is or when it was; nothing that a model should learn. */
const INDEX_NAMES = new Set(["", "id", "index", "row", "date", "time", "datetime", "timestamp", "epoch"]);
/** A column is one of numbers when at least this share of what it has are numbers. */
const NUMERIC_SHARE = 0.5;

/** Measurements in the order of time, one series after the other. */
export interface SensorTable {
  /** One number per step, NaN where there is none. */
  columns: readonly { name: string; values: Float64Array }[];
  /** The class of each step; "" for none. */
  labels: readonly string[];
  /** The distinct labels but "", in the order of their code units: the classes of a model. */
  classes: readonly string[];
  /** First step of each series, ascending, the first 0. */
  starts: readonly number[];
  /** What the user should know, one sentence each. */
  notes: readonly string[];
}

export interface SensorOptions {
  /** All columns of numbers when left out, but for an index or a time. */
  columns?: readonly ColumnChoice[] | undefined;
  /** Guessed by name when left out. */
  labelColumn?: ColumnChoice | undefined;
  /** Do without classes where no column is known to hold them: for samples to be classified. */
  unlabelled?: boolean | undefined;
  /** Rows with the same of it are a series; all rows are one when left out. */
  seriesColumn?: ColumnChoice | undefined;
}

/**
 * Takes the columns of numbers, the classes and the series out of a table. What is no number is missing: counted and told.
 *
 * @throws UsageError when the columns cannot be told, hold no numbers, or there are fewer than two classes
 */
export function readSensorTable(table: Table, options: SensorOptions = {}): SensorTable {
  const label = labelIndex(table, options);
  const series = options.seriesColumn === undefined ? undefined : findColumn(table, options.seriesColumn, "--series");
  const notes = [...table.notes];
  const chosen = options.columns
    ? options.columns.map((choice) => findColumn(table, choice, "--columns"))
    : numericColumns(table, [label, series], notes);
  checkColumns(table, chosen, label);
  const groups =
    series === undefined ? [table.rows] : [...groupBy(table.rows, ({ fields }) => fields[series]).values()];
  const rows = groups.flat();
  const columns = chosen.map((index) => {
    const fields = rows.map((row) => row.fields[index]);
    notes.push(...missingNotes(table, index, fields));
    const values = Float64Array.from(fields, (field) => numberOf(field, table));
    return { name: table.header?.[index].trim() ?? `${index + 1}`, values };
  });
  const labels = rows.map(({ fields }) => (label === undefined ? "" : fields[label].trim()));
  const classes = classesOf(labels, "");
  const problem = label === undefined ? undefined : classProblem(classes);
  if (problem) throw columnError(table, problem.found, problem.fix);
  const without = label === undefined ? 0 : labels.filter((one) => one === "").length;
  if (without > 0)
    notes.push(`${without} of ${labels.length} rows of "${table.name}" have no class: read, but not learned.`);
  return { columns, labels, classes, starts: startsOf(groups), notes };
}

export interface TimeSplitOptions {
  /** Share of each series to hold out, 0..0.5: its end, since neighbours in time are alike. */
  validation: number;
  /** Steps left out between the two parts of a series: for classes that are told by what comes before or after. */
  gap: number;
}

/**
 * Splits off the last part of every series.
 * @throws UsageError when a setting is out of range or no step is left to learn from
 */
export function splitSensorTable(
  table: SensorTable,
  options: TimeSplitOptions,
): { training: SensorTable; validation: SensorTable } {
  const { validation, gap } = options;
  const fail = (found: string) => new UsageError(`Cannot split the samples: ${found}; correct it.`);
  if (!(validation >= 0 && validation <= 0.5))
    throw fail(`the share for validation is ${validation}, expected 0 to 0.5`);
  if (!(Number.isInteger(gap) && gap >= 0)) throw fail(`the gap is ${gap} steps, expected a whole number from 0`);
  const ends = [...table.starts.slice(1), table.labels.length];
  const ranges = table.starts.map((start, index) => {
    const end = ends[index];
    const from = end - Math.round((end - start) * validation);
    return { start, end, from, until: from < end ? Math.max(start, from - gap) : end };
  });
  const training = partOf(
    table,
    ranges.map(({ start, until }) => [start, until]),
  );
  const held = partOf(
    table,
    ranges.map(({ from, end }) => [from, end]),
  );
  if (training.labels.length === 0) throw fail(`a gap of ${gap} steps leaves nothing of any series to learn from`);
  const learned = new Set(training.labels);
  const unknown = [...new Set(held.labels)].filter((label) => label !== "" && !learned.has(label));
  if (unknown.length === 0) return { training, validation: held };
  const note = `Classes that occur only at the end of series, so that they are not learned: ${firstOf(unknown.map((label) => `"${label}"`))}.`;
  return { training: { ...training, notes: [...training.notes, note] }, validation: held };
}

/** The samples of all steps, steps x C: what `SensorAlphabet.toRaw` takes. */
export function interleaved({ columns, labels }: SensorTable): Float64Array {
  const samples = new Float64Array(labels.length * columns.length);
  columns.forEach(({ values }, column) => {
    values.forEach((value, step) => {
      samples[step * columns.length + column] = value;
    });
  });
  return samples;
}

/** Which column holds the classes; undefined when none is wanted. */
function labelIndex(table: Table, { labelColumn, unlabelled }: SensorOptions): number | undefined {
  if (labelColumn !== undefined) return findColumn(table, labelColumn, "--label");
  const guessed = guessColumn(table, LABEL_NAMES, "--label");
  if (guessed !== undefined || unlabelled) return guessed;
  if (!table.header) throw headerError(table);
  const found = `none is known to hold the classes: the columns are ${listed(table.header)}`;
  throw columnError(table, found, "choose it with --label");
}

/** All columns of numbers but those given and those that number or date the rows; says which it leaves out. */
function numericColumns(table: Table, taken: readonly (number | undefined)[], notes: string[]): number[] {
  const indexes = Array.from({ length: widthOf(table) }, (_, index) => index).filter((index) => !taken.includes(index));
  const left: string[] = [];
  const chosen = indexes.filter((index) => {
    const isChosen = isNumeric(table, index) && !isIndex(table, index);
    if (!isChosen) left.push(columnName(table, index));
    return isChosen;
  });
  if (left.length > 0)
    notes.push(`Columns of "${table.name}" not used, as they are not measurements: ${left.join(", ")}.`);
  return chosen;
}

function isNumeric(table: Table, index: number): boolean {
  const fields = table.rows.map(({ fields: all }) => all[index]).filter((field) => !isMissing(field));
  const numbers = fields.filter((field) => !Number.isNaN(numberOf(field, table)));
  return fields.length > 0 && numbers.length >= NUMERIC_SHARE * fields.length;
}

/** Whether a column is named like one that tells the row or the time, or counts up by 1. */
function isIndex(table: Table, index: number): boolean {
  if (table.header && INDEX_NAMES.has(table.header[index].trim().toLowerCase())) return true;
  const numbers = table.rows.map(({ fields }) => numberOf(fields[index], table));
  return numbers.length > 1 && numbers.every((number, row) => row === 0 || number === numbers[row - 1] + 1);
}

function checkColumns(table: Table, chosen: readonly number[], label: number | undefined): void {
  if (chosen.length === 0) {
    throw columnError(table, "none but the label has numbers that were measured", "choose columns with --columns");
  }
  if (label !== undefined && chosen.includes(label)) {
    throw columnError(
      table,
      `${columnName(table, label)} is to be both number and label`,
      "choose others with --columns",
    );
  }
  const names = chosen.map((index) => columnName(table, index));
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice === undefined) return;
  throw columnError(table, `${twice} is there twice`, "rename one, or choose columns by number with --columns");
}

/** Whether a field says that there is no number. */
export const isMissing = (field: string): boolean => MISSING_FIELDS.has(field.trim().toLowerCase());

/** NaN for what is missing or no number. */
function numberOf(field: string, { decimalComma }: Table): number {
  const plain = decimalComma ? field.trim().replace(/^([+-]?\d+),(\d+)$/, "$1.$2") : field;
  return isNumber(plain) ? Number(plain) : Number.NaN;
}

/** How many numbers of a column are missing, and what stands in their place. */
function missingNotes(table: Table, index: number, fields: readonly string[]): string[] {
  const name = columnName(table, index);
  const absent = fields.filter(isMissing).length;
  const others = fields.filter((field) => !isMissing(field) && Number.isNaN(numberOf(field, table)));
  const found: string[] = [];
  if (absent > 0) found.push(`${absent} of ${fields.length} numbers are missing`);
  if (others.length > 0) {
    const kinds = [...new Set(others)].map((field) => JSON.stringify(field));
    found.push(`${others.length} of ${fields.length} fields are not numbers (${firstOf(kinds)})`);
  }
  return found.length > 0 ? [`In ${name} of "${table.name}" ${found.join(" and ")}: taken as missing.`] : [];
}

function startsOf(series: readonly { length: number }[]): number[] {
  let start = 0;
  return series.map(({ length }) => {
    start += length;
    return start - length;
  });
}

/** Ranges of steps as a table of their own, each a series; empty ones are left out. */
function partOf(table: SensorTable, ranges: readonly (readonly [number, number])[]): SensorTable {
  const kept = ranges.filter(([from, to]) => from < to);
  const columns = table.columns.map(({ name, values }) => ({
    name,
    values: Float64Array.from(kept.flatMap(([from, to]) => [...values.subarray(from, to)])),
  }));
  return {
    columns,
    labels: kept.flatMap(([from, to]) => table.labels.slice(from, to)),
    classes: table.classes,
    starts: startsOf(kept.map(([from, to]) => ({ length: to - from }))),
    notes: table.notes,
  };
}
