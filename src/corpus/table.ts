import { UsageError } from "../model/errors.js";

/** A row of a table and the line of its file that it starts on, from 1. */
export interface Row {
  fields: readonly string[];
  line: number;
}

/** Rows of equally many fields, in the order of the file. */
export interface Table {
  /** What the user calls the file. */
  name: string;
  /** Names of the columns; undefined for a file that does not name them. */
  header: readonly string[] | undefined;
  rows: readonly Row[];
  /** Numbers may be written with a comma, as "23,5": fields are separated by semicolons. */
  decimalComma: boolean;
  /** What was taken for granted in reading it, one sentence each. */
  notes: readonly string[];
}

/** A column by its name or by its number, from 1. */
export type ColumnChoice = string | number;

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Whether a field is a number in decimal notation. */
export const isNumber = (field: string): boolean => NUMBER.test(field.trim());

/** How many fields each row has. */
export const widthOf = ({ header, rows }: Table): number => header?.length ?? rows[0]?.fields.length ?? 0;

/** What to call a column in a message. */
export const columnName = ({ header }: Table, index: number): string =>
  header?.[index] ? `"${header[index]}"` : `column ${index + 1}`;

/**
 * Index of the column that was asked for.
 * @param option what to correct when it is not there, such as `--label`
 * @throws UsageError when there is no such column, or two of that name
 */
export function findColumn(table: Table, choice: ColumnChoice, option: string): number {
  const { header } = table;
  if (typeof choice === "number") {
    if (Number.isInteger(choice) && choice >= 1 && choice <= widthOf(table)) return choice - 1;
    throw columnError(table, `there is no column ${choice}`, `give ${option} a number from 1 to ${widthOf(table)}`);
  }
  if (!header) throw headerError(table);
  const found = [...header.keys()].filter((index) => header[index].trim() === choice.trim());
  if (found.length === 1) return found[0];
  if (found.length === 0) {
    throw columnError(table, `there is no column "${choice}" but ${listed(header)}`, `correct ${option}`);
  }
  throw duplicateError(table, found, option);
}

/**
 * Index of the one column whose name is among `names`, upper or lower case; undefined when there is none.
 * @throws UsageError when several have one and the same of these names
 */
export function guessColumn(table: Table, names: readonly string[], option: string): number | undefined {
  const header = table.header?.map((name) => name.trim().toLowerCase()) ?? [];
  for (const name of names) {
    const found = [...header.keys()].filter((index) => header[index] === name);
    if (found.length === 1) return found[0];
    if (found.length > 1) throw duplicateError(table, found, option);
  }
  return undefined;
}

/** Why a file without names of columns cannot be used as one with them. */
export function headerError(table: Table): UsageError {
  const first = (table.rows[0]?.fields ?? []).map((field) => quoteShort(field)).join(", ");
  return columnError(
    table,
    `the first line looks like data (${first}) and not like names of columns`,
    "choose columns by number, or add a line of names",
  );
}

/** The columns' names as a user would say them. */
export function listed(header: readonly string[]): string {
  const names = header.slice(0, 20).map(quoteShort).join(", ");
  return header.length > 20 ? `${names} and ${header.length - 20} more` : names;
}

const quoteShort = (text: string): string => JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text);

export function columnError(table: Table, found: string, fix: string): UsageError {
  return new UsageError(`Cannot use the columns of "${table.name}": ${found}; ${fix}.`);
}

function duplicateError(table: Table, found: readonly number[], option: string): UsageError {
  const numbers = found.map((index) => index + 1).join(" and ");
  return columnError(
    table,
    `columns ${numbers} are both named "${table.header?.[found[0]]}"`,
    `rename one, or give ${option} a number`,
  );
}
