import { isMissing } from "../corpus/sensor-table.js";
import type { AtomeModel } from "../format/reader.js";
import { UsageError } from "../model/errors.js";
import { rawOf, type ValidRange } from "../tokenizer/sensor-alphabet.js";

/** Reads samples of a sensor from lines of numbers, separated by commas, semicolons, tabs or spaces. */
export class SampleReader {
  readonly #columns: readonly (ValidRange & { decimals: number })[];
  readonly #names: readonly string[] | undefined;
  /** Which field of a line each column is. */
  #fields: readonly number[];
  #lineNumber = 0;

  constructor({ sensor, metadata }: AtomeModel) {
    this.#columns = sensor?.columns ?? [];
    this.#names = columnNames(metadata);
    this.#fields = this.#columns.map((_, index) => index);
  }

  /**
   * The raw values of a line; nothing of an empty line, and of a first line of words: the columns' names, which say their order.
   * A field that is empty or no number is a missing value.
   *
   * @throws UsageError when the line has too few fields or the header lacks a column
   */
  read(line: string): Int32Array | undefined {
    this.#lineNumber++;
    if (line.trim() === "") return undefined;
    const fields = line.split(/\s*[,;\t]\s*|\s+/).map((field) => field.replace(/^"(.*)"$/, "$1"));
    if (this.#lineNumber === 1 && this.#isHeader(fields)) return undefined;
    const needed = Math.max(...this.#fields) + 1;
    if (fields.length < needed) {
      throw new UsageError(
        `Cannot read line ${this.#lineNumber}: it has ${fields.length} fields, expected ${needed}${this.#names ? ` (${this.#names.join(", ")})` : ""}; give a number, or nothing, for each column.`,
      );
    }
    return Int32Array.from(this.#fields, (field, column) => rawOf(measured(fields[field]), this.#columns[column]));
  }

  #isHeader(fields: readonly string[]): boolean {
    const names = this.#names;
    if (!names || !fields.every(isWord)) return false;
    const missing = names.find((name) => !fields.includes(name));
    if (missing !== undefined) {
      throw new UsageError(
        `Cannot read the header "${fields.join(",")}": it has no column "${missing}", which the model reads; name all of ${names.join(", ")}.`,
      );
    }
    this.#fields = names.map((name) => fields.indexOf(name));
    return true;
  }
}

/** Whether a field can be the name of a column: neither a number nor what stands for a missing one. */
const isWord = (field: string): boolean => Number.isNaN(Number(field)) && !isMissing(field);

const measured = (field: string): number => (isMissing(field) ? Number.NaN : Number(field));

/** The columns' names, which only the metadata hold. */
function columnNames(metadata: string | undefined): readonly string[] | undefined {
  try {
    const { columns } = JSON.parse(metadata ?? "{}");
    return Array.isArray(columns) && columns.every((name) => typeof name === "string") ? columns : undefined;
  } catch {
    return undefined;
  }
}
