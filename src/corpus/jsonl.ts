import { UsageError } from "../model/errors.js";
import type { Row, Table } from "./table.js";

/**
 * Reads one JSON object a line as a table: its columns are the keys whose values are strings, numbers or booleans
 * throughout; null and what is left out are empty fields.
 *
 * @param name what the user calls the file, for the error
 * @throws UsageError with the first line that is not an object
 */
export function parseJsonLines(text: string, name: string): Table {
  const objects = text
    .split(/\r\n|\n|\r/)
    .map((source, index) => ({ source, line: index + 1 }))
    .filter(({ source }) => source.trim() !== "")
    .map(({ source, line }) => ({ line, values: objectOf(source, line, name) }));
  if (objects.length === 0) {
    throw new UsageError(
      `Cannot read "${name}": it is empty, expected a JSON object a line; give a file with data in it.`,
    );
  }
  const columns = new Map<string, boolean>();
  for (const { values } of objects) {
    for (const [key, value] of values) columns.set(key, columns.get(key) !== false && isPlain(value));
  }
  const header = [...columns].filter(([, plain]) => plain).map(([key]) => key);
  const rows: Row[] = objects.map(({ line, values }) => {
    return { line, fields: header.map((key) => String(values.get(key) ?? "")) };
  });
  return { name, header, rows, decimalComma: false, notes: [] };
}

const isPlain = (value: unknown): boolean => value === null || typeof value !== "object";

function objectOf(source: string, line: number, name: string): ReadonlyMap<string, unknown> {
  const fail = (found: string) =>
    new UsageError(
      `Cannot read "${name}": at line ${line}, ${found}, expected an object such as {"text": "...", "label": "..."}; correct the line.`,
    );
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    throw fail("there is no valid JSON");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fail("there is no JSON object");
  return new Map(Object.entries(value));
}
