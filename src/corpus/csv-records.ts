import { UsageError } from "../model/errors.js";
import type { Row } from "./table.js";

/** What is wrong with a table, before it is known which of several readings of it is meant. */
export class CsvProblem extends Error {
  readonly #line: number;

  constructor(line: number, problem: string) {
    super(problem);
    this.#line = line;
  }

  toError(name: string): UsageError {
    return new UsageError(`Cannot read "${name}": at line ${this.#line}, ${this.message}.`);
  }
}

/**
 * The records of a text, one at a time; empty lines are left out.
 * @param quoting whether a field that starts with a quote ends with one
 * @throws CsvProblem at a quote that does not end where its field does
 */
export function* csvRecords(text: string, delimiter: string, quoting: boolean): Generator<Row> {
  const cursor = new Cursor(text, delimiter);
  while (!cursor.atEnd) {
    const { line } = cursor;
    const fields = [cursor.field(quoting)];
    while (cursor.skipDelimiter()) fields.push(cursor.field(quoting));
    cursor.skipLineEnd();
    if (fields.length > 1 || fields[0].trim() !== "") yield { fields, line };
  }
}

/** A place in a text and its line. */
class Cursor {
  line = 1;
  #at = 0;
  readonly #text: string;
  readonly #delimiter: string;

  constructor(text: string, delimiter: string) {
    this.#text = text;
    this.#delimiter = delimiter;
  }

  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }

  /** The field that starts here. */
  field(quoting: boolean): string {
    if (quoting && this.#text[this.#at] === '"') return this.#quotedField();
    const from = this.#at;
    while (!this.#atFieldEnd()) this.#at++;
    return this.#text.slice(from, this.#at);
  }

  skipDelimiter(): boolean {
    if (this.#text[this.#at] !== this.#delimiter) return false;
    this.#at++;
    return true;
  }

  /** Skips LF, CRLF or CR. */
  skipLineEnd(): void {
    if (this.#text[this.#at] === "\r") this.#at++;
    if (this.#text[this.#at] === "\n") this.#at++;
    this.line++;
  }

  #atFieldEnd(): boolean {
    const character = this.#text[this.#at];
    return character === this.#delimiter || character === "\n" || character === "\r" || character === undefined;
  }

  #quotedField(): string {
    const from = this.#at + 1;
    const opened = this.line;
    let end = this.#text.indexOf('"', from);
    while (end >= 0 && this.#text[end + 1] === '"') end = this.#text.indexOf('"', end + 2);
    if (end < 0) throw new CsvProblem(opened, "a quote opens that is never closed; close it, or double it");
    const raw = this.#text.slice(from, end);
    this.#at = end + 1;
    this.line += raw.match(/\r\n|\n|\r/g)?.length ?? 0;
    if (!this.#atFieldEnd()) {
      const found = JSON.stringify(this.#text[this.#at]);
      throw new CsvProblem(
        this.line,
        `${found} follows a closing quote, expected the end of the field; double quotes that are part of a text`,
      );
    }
    return raw.replaceAll('""', '"');
  }
}
