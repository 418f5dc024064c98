import { UsageError } from "../model/errors.js";
import { CsvProblem, csvRecords } from "./csv-records.js";
import { isNumber, type Row, type Table } from "./table.js";

/** What may separate fields, the likeliest first. */
const DELIMITERS = [",", "\t", ";"] as const;
export type Delimiter = (typeof DELIMITERS)[number];
const DELIMITER_NAMES = { ",": "comma", "\t": "tab", ";": "semicolon" };
/** Records that are looked at to find the delimiter. */
const SAMPLE_RECORDS = 100;

export interface CsvOptions {
  /** Found out when left out. */
  delimiter?: Delimiter | undefined;
  /** Whether the first record names the columns; found out when left out: names are no numbers and do not come again below. */
  header?: boolean | undefined;
}

/**
 * Reads comma-, semicolon- or tab-separated values (RFC 4180): quoted fields may hold delimiters, line breaks and doubled
 * quotes; lines end with LF, CRLF or CR; empty lines are left out. A quote inside of an unquoted field stands for itself,
 * and so do all quotes of a tab-separated file that does not keep to the rules of quoting. Where every record has one
 * field more than the header, the first is a row's number or name, as R writes it, and its column is named "".
 *
 * @param name what the user calls the file, for the error
 * @throws UsageError with the line of the first record that is not well-formed or has another number of fields
 *
 * @example
 * parseCsv('text,label\n"on, please",light\n', "a.csv").rows; // [{ fields: ["on, please", "light"], line: 2 }]
 */
export function parseCsv(text: string, name: string, options: CsvOptions = {}): Table {
  const delimiter = options.delimiter ?? findDelimiter(text);
  const read = (quoting: boolean) =>
    tableOf([...csvRecords(text, delimiter, quoting)], name, delimiter, options.header);
  try {
    return read(true);
  } catch (problem) {
    if (!(problem instanceof CsvProblem)) throw problem;
    if (delimiter !== "\t") throw problem.toError(name);
    try {
      const table = read(false);
      return { ...table, notes: [...table.notes, `Quotes in "${name}" are part of the texts, not around fields.`] };
    } catch {
      throw problem.toError(name);
    }
  }
}

/** The delimiter by which most of the first records have the same number of fields, two or more. */
function findDelimiter(text: string): Delimiter {
  const score = (delimiter: Delimiter) => {
    const counts = new Map<number, number>();
    let records = 0;
    try {
      for (const { fields } of csvRecords(text, delimiter, true)) {
        counts.set(fields.length, (counts.get(fields.length) ?? 0) + 1);
        if (++records === SAMPLE_RECORDS) break;
      }
    } catch {
      // What was read so far has to do; the quote is told by the reading itself.
    }
    const alike = [...counts].filter(([fields]) => fields > 1).map(([, count]) => count);
    return Math.max(0, ...alike) / Math.max(records, 1);
  };
  return DELIMITERS.reduce((best, delimiter) => (score(delimiter) > score(best) ? delimiter : best));
}

function tableOf(records: readonly Row[], name: string, delimiter: Delimiter, header: boolean | undefined): Table {
  if (records.length === 0) {
    throw new UsageError(`Cannot read "${name}": it is empty, expected rows of fields; give a file with data in it.`);
  }
  const [first] = records;
  const rest = records.slice(1);
  const table = { name, decimalComma: delimiter === ";", notes: [] };
  if (!(header ?? !looksLikeData(first, rest))) {
    checkWidths(records, first.fields.length, first.line, delimiter);
    return { ...table, header: undefined, rows: records };
  }
  if (rest.length === 0) {
    throw new UsageError(`Cannot read "${name}": it has one line, expected names of columns and rows; add rows.`);
  }
  const { names, rows } = withOneMore(first.fields, rest);
  checkWidths(rows, names.length, first.line, delimiter);
  return { ...table, header: names, rows };
}

/** Whether a first record has a number, or something that comes again in its column. */
function looksLikeData({ fields }: Row, rest: readonly Row[]): boolean {
  if (fields.some(isNumber)) return true;
  const shift = haveOneMore(fields, rest) ? 1 : 0;
  return fields.some((field, index) => field !== "" && rest.some((row) => row.fields[index + shift] === field));
}

const haveOneMore = (names: readonly string[], rows: readonly Row[]): boolean =>
  rows.every(({ fields }) => fields.length === names.length + 1);

/** Names for rows that all have one field more: of the first, or none when it is the last and always empty. */
function withOneMore(
  names: readonly string[],
  rows: readonly Row[],
): { names: readonly string[]; rows: readonly Row[] } {
  if (!haveOneMore(names, rows)) return { names, rows };
  if (rows.some(({ fields }) => fields[names.length] !== "")) return { names: ["", ...names], rows };
  return { names, rows: rows.map(({ fields, line }) => ({ fields: fields.slice(0, -1), line })) };
}

function checkWidths(rows: readonly Row[], width: number, firstLine: number, delimiter: Delimiter): void {
  const odd = rows.find(({ fields }) => fields.length !== width);
  if (!odd) return;
  const separator = DELIMITER_NAMES[delimiter];
  throw new CsvProblem(
    odd.line,
    `there ${odd.fields.length === 1 ? "is 1 field" : `are ${odd.fields.length} fields`}, expected ${width} as in line ${firstLine}; put fields that hold a ${separator} between quotes`,
  );
}
