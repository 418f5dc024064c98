import { FailureError, UsageError } from "../model/errors.js";
import { MAX_SYMBOLS } from "./alphabet.js";
import { informedCuts } from "./informed-cuts.js";
import { intervalStarts } from "./intervals.js";

/** What a missing number is as a raw one. */
export const MISSING = -(2 ** 31);
/** The widest range of raw numbers: no difference of two of them overflows 32 bits. */
const LEAST_RAW = -(2 ** 30);
const GREATEST_RAW = 2 ** 30 - 1;
/** Most columns of a sensor, and most intervals of a column's values or differences. */
export const MAX_COLUMNS = 64;
export const MAX_INTERVALS = 64;
/** Decimals of a column lie in -22..22: these powers of ten are exact in float64. */
const MAX_DECIMALS = 22;
/** Training values lie in +-2^29 as raw numbers, so that what is measured later may be about twice as large. */
const RAW_ROOM = 2 ** 29;
/** Decimal places end where the spread of the values has five digits. */
const SPREAD_ROOM = 1e5;
/** Decimal places that change no value by more than this share of the spread are not needed. */
const NEGLIGIBLE = 1e-7;
/** Decimals are chosen by all values but this share at either end: one absurd reading must not cost all others their digits. */
const TAIL = 0.001;

/** What a column's numbers lie in, both ends included. */
export interface ValidRange {
  readonly least: number;
  readonly greatest: number;
}

/** A column of a table of measurements. */
export interface NumberColumn {
  name: string;
  /** One number per step; NaN, infinite and out of range are missing. */
  values: Float64Array;
  /** What its device can measure, in the units of `values`; all that a raw number can be when left out. */
  valid?: ValidRange | undefined;
}

/** The classes of the steps that an alphabet is fitted to. */
export interface StepLabels {
  /** One per step; a number that is no class says that the step has none. */
  classOf: Uint16Array;
  classes: number;
}

/** How one column's numbers become rows of the embedding (SPEC.md 2.5). The range is of raw numbers, in -2^30 .. 2^30 - 1: others are missing. */
export interface SensorColumn extends ValidRange {
  readonly name: string;
  /** A raw number is what was measured times 10^decimals, rounded; -22..22. */
  readonly decimals: number;
  /** Thresholds of raw values, strictly increasing, at most 63; empty: values have no rows. */
  readonly values: Int32Array;
  /** Thresholds of differences between raw values of neighbouring steps; as `values`. */
  readonly differences: Int32Array;
}

/** What a checkpoint stores of a sensor's alphabet. */
export interface SensorAlphabetJson {
  kind: "sensor";
  columns: {
    name: string;
    decimals: number;
    least: number;
    greatest: number;
    values: number[];
    differences: number[];
  }[];
}

/**
 * How samples of C numbers become rows of the embedding table: the symbols of a sensor's model (SPEC.md 2.5 and 3.2.2).
 *
 * A number becomes a raw integer, the raw integer the interval between thresholds it lies in; so does its difference to
 * the step before. Row 0 of each list of intervals is for what is missing, which is also what lies outside of the column's range,
 * whether or not training saw it. The rows are numbered column by column,
 * values first, then differences.
 *
 * @example
 * const sensor = SensorAlphabet.fit([{ name: "celsius", values: Float64Array.of(20.5, 20.5, 21, 22) }], 4, 2);
 * sensor.rows(sensor.toRaw([20.5, 30])); // two steps: 1, 4 (missing), then 3, 6
 */
export class SensorAlphabet {
  readonly columns: readonly SensorColumn[];
  /** Rows of the embedding table V, 3..1024. */
  readonly size: number;
  /** Rows a step adds up: one for each list of thresholds that is not empty. */
  readonly rowsPerStep: number;

  private constructor(columns: readonly SensorColumn[]) {
    const lists = columns.flatMap(({ values, differences }) => [values, differences]).filter((list) => list.length > 0);
    this.columns = columns;
    this.size = lists.reduce((rows, list) => rows + list.length + 2, 0);
    this.rowsPerStep = lists.length;
  }

  /**
   * Learns decimals and thresholds: quantiles, or one interval for every value where there are few (see `intervalStarts`).
   * A column that never changes has one threshold below all numbers, so that every number takes the row that was trained.
   *
   * @param columns 1..64 columns of the training part, equally long, each with a value somewhere
   * @param levels most intervals of a column's values, 2..64, or 0 for none
   * @param differences most intervals of a column's differences, 2..64, or 0 for none
   * @param starts first steps of the series that the columns hold, ascending: no difference spans two series
   * @param labels with them half of the intervals go where they tell most about the classes
   * @throws UsageError when a column holds no number in range, or the rows are more than a model can have
   */
  static fit(
    columns: readonly NumberColumn[],
    levels: number,
    differences: number,
    starts: readonly number[] = [0],
    labels?: StepLabels,
  ): SensorAlphabet {
    checkRequest(columns, levels, differences);
    const alphabet = new SensorAlphabet(
      columns.map((column) => fitColumn(column, levels, differences, starts, labels)),
    );
    if (alphabet.size <= MAX_SYMBOLS) return alphabet;
    throw new UsageError(
      `Cannot use the sensor's ${columns.length} columns: with ${levels} intervals of values and ${differences} of differences they need ${alphabet.size} rows, expected at most ${MAX_SYMBOLS}; choose fewer columns or intervals.`,
    );
  }

  /**
   * The same intervals with other ranges.
   * @param ranges of each column, in measured units; undefined: it keeps its own
   * @throws UsageError when there is no raw number in one
   */
  withValid(ranges: readonly (ValidRange | undefined)[]): SensorAlphabet {
    const columns = this.columns.map((column, index) => {
      const valid = ranges[index];
      return valid ? { ...column, ...rawRange(valid, column.decimals, column.name) } : column;
    });
    return new SensorAlphabet(columns);
  }

  /** @throws FailureError when the value is not what `toJson` gives. */
  static fromJson(json: unknown): SensorAlphabet {
    const { kind, columns } = (json ?? {}) as { kind?: unknown; columns?: unknown };
    if (kind !== "sensor" || !Array.isArray(columns) || columns.length < 1 || columns.length > MAX_COLUMNS) {
      throw readingError(`expected {"kind": "sensor", "columns"} with 1 to ${MAX_COLUMNS} columns`);
    }
    const alphabet = new SensorAlphabet(columns.map(columnFromJson));
    if (alphabet.size > MAX_SYMBOLS)
      throw readingError(`it has ${alphabet.size} rows, expected at most ${MAX_SYMBOLS}`);
    return alphabet;
  }

  toJson(): SensorAlphabetJson {
    return {
      kind: "sensor",
      columns: this.columns.map((column) => ({
        ...column,
        values: [...column.values],
        differences: [...column.differences],
      })),
    };
  }

  /**
   * Raw numbers of measured ones.
   * @param values steps x C numbers, all of a step's together
   * @returns as many, in their columns' ranges or `MISSING`: for NaN and for what lies outside
   */
  toRaw(values: ArrayLike<number>): Int32Array {
    const count = this.columns.length;
    this.#checkSteps(values.length);
    return Int32Array.from(values, (value, index) => rawOf(value, this.columns[index % count]));
  }

  /**
   * Rows of the embedding that each step adds up.
   * @param samples steps x C raw numbers; out of their column's range is missing
   * @param starts first steps of series, ascending: they have no difference, as the first step of all
   * @returns steps x rowsPerStep numbers below `size`
   */
  rows(samples: Int32Array, starts: readonly number[] = [0]): Uint16Array {
    this.#checkSteps(samples.length);
    const count = this.columns.length;
    const steps = samples.length / count;
    const first = new Set([0, ...starts]);
    const rows = new Uint16Array(steps * this.rowsPerStep);
    for (let step = 0, at = 0; step < steps; step++) {
      let base = 0;
      for (let column = 0; column < count; column++) {
        const { values, differences } = this.columns[column];
        const value = inRange(samples[step * count + column], this.columns[column]);
        const before = first.has(step) ? MISSING : inRange(samples[(step - 1) * count + column], this.columns[column]);
        if (values.length > 0) {
          rows[at++] = base + levelOf(value, values);
          base += values.length + 2;
        }
        if (differences.length > 0) {
          rows[at++] = base + levelOf(differenceOf(value, before), differences);
          base += differences.length + 2;
        }
      }
    }
    return rows;
  }

  /** Of each of a step's rows: the column it tells of, and the row that says that its number is missing. */
  parts(): { column: number; missing: number }[] {
    let missing = 0;
    return this.columns.flatMap(({ values, differences }, column) =>
      [values, differences].flatMap((list) => {
        if (list.length === 0) return [];
        const part = { column, missing };
        missing += list.length + 2;
        return [part];
      }),
    );
  }

  #checkSteps(length: number): void {
    const count = this.columns.length;
    if (length % count === 0) return;
    throw new UsageError(`Cannot use the samples: there are ${length} numbers, expected ${count} for each step.`);
  }
}

const inRange = (raw: number, { least, greatest }: ValidRange): number =>
  raw >= least && raw <= greatest ? raw : MISSING;

const differenceOf = (value: number, before: number): number =>
  value === MISSING || before === MISSING ? MISSING : value - before;

/** 0 for what is missing, else 1 + how many thresholds are at most `raw`. */
function levelOf(raw: number, thresholds: Int32Array): number {
  if (raw === MISSING) return 0;
  const above = thresholds.findIndex((threshold) => threshold > raw);
  return 1 + (above < 0 ? thresholds.length : above);
}

/** The raw number of a measured one; `MISSING` for NaN and for what lies outside of the range. */
export const rawOf = (value: number, column: ValidRange & { decimals: number }): number =>
  inRange(Math.round(scaled(value, column.decimals)), column);

/**
 * The raw numbers that stand for nothing outside of a measured range: an end between two of them leaves out the outer one.
 * @throws UsageError when there are none
 */
function rawRange({ least, greatest }: ValidRange, decimals: number, name: string): ValidRange {
  const [low, high] = [Math.round(scaled(least, decimals)), Math.round(scaled(greatest, decimals))];
  const from = Math.max(LEAST_RAW, scaled(low, -decimals) < least ? low + 1 : low);
  const to = Math.min(GREATEST_RAW, scaled(high, -decimals) > greatest ? high - 1 : high);
  if (from <= to) return { least: from | 0, greatest: to | 0 };
  throw new UsageError(
    `Cannot use the range ${least}..${greatest} of the column "${name}": with its ${decimals} decimals no number lies in it; widen the range.`,
  );
}

const scaled = (value: number, decimals: number): number =>
  decimals < 0 ? value / powerOfTen(-decimals) : value * powerOfTen(decimals);

/** 10^exponent for 0..22, exact; `**` of the platform need not be. */
function powerOfTen(exponent: number): number {
  let power = 1;
  for (let i = 0; i < exponent; i++) power *= 10;
  return power;
}

const EVERYTHING: ValidRange = { least: Number.NEGATIVE_INFINITY, greatest: Number.POSITIVE_INFINITY };

function fitColumn(
  column: NumberColumn,
  levels: number,
  differences: number,
  starts: readonly number[],
  labels: StepLabels | undefined,
): SensorColumn {
  const { name, values, valid = EVERYTHING } = column;
  const isUsable = (value: number) =>
    value >= valid.least && value <= valid.greatest && scaled(Math.abs(value), -MAX_DECIMALS) < RAW_ROOM;
  const decimals = chooseDecimals(values.filter(isUsable).sort());
  const range = rawRange(valid, decimals, name);
  const raw = Int32Array.from(values, (value) => rawOf(value, { ...range, decimals }));
  const first = new Set([0, ...starts]);
  const changes = raw.map((value, step) => (first.has(step) ? MISSING : differenceOf(value, raw[step - 1])));
  const fitted = {
    name,
    decimals,
    ...range,
    values: thresholdsOf(raw, levels, labels),
    differences: thresholdsOf(changes, differences, labels),
  };
  if (fitted.values.length + fitted.differences.length > 0) return fitted;
  const found = raw.every((value) => value === MISSING)
    ? `none of its ${values.length} values is a number in range`
    : "no two neighbours are numbers";
  throw new UsageError(`Cannot learn the column "${name}": ${found}; leave it out or give rows that have it.`);
}

function thresholdsOf(raw: Int32Array, intervals: number, labels: StepLabels | undefined): Int32Array {
  const known = raw.filter((value) => value !== MISSING).sort();
  if (intervals === 0 || known.length === 0) return new Int32Array(0);
  const starts = intervalStarts(known, intervals, labels && cutsOf(raw, intervals >> 1, labels));
  return starts.length > 0 ? starts : Int32Array.of(MISSING);
}

/** Cuts by the classes of the steps that have a number and a class. */
function cutsOf(raw: Int32Array, most: number, { classOf, classes }: StepLabels): Int32Array {
  const isUsable = (_: number, step: number) => raw[step] !== MISSING && classOf[step] < classes;
  return informedCuts(raw.filter(isUsable), classOf.filter(isUsable), classes, most);
}

/** The fewest decimals that keep the values' resolution, fewer where a raw number or the spread would get too large. */
function chooseDecimals(sorted: Float64Array): number {
  if (sorted.length === 0) return 0;
  const { low, high } = middle(sorted);
  const spread = high - low;
  const largest = Math.max(Math.abs(low), Math.abs(high));
  const fits = (decimals: number) => scaled(largest, decimals) < RAW_ROOM;
  const worthwhile = (decimals: number) => fits(decimals) && scaled(spread, decimals) < SPREAD_ROOM;
  const inside = sorted.filter((value) => value >= low && value <= high);
  const loses = (decimals: number) => {
    const negligible = NEGLIGIBLE * (spread || largest);
    return inside.some(
      (value) => Math.abs(scaled(Math.round(scaled(value, decimals)), -decimals) - value) > negligible,
    );
  };
  let decimals = 0;
  while (decimals > -MAX_DECIMALS && !fits(decimals)) decimals--;
  while (decimals >= 0 && decimals < MAX_DECIMALS && worthwhile(decimals + 1) && loses(decimals)) decimals++;
  return decimals;
}

/** The range of the values without their tails; with them where nothing else differs. */
function middle(sorted: Float64Array): { low: number; high: number } {
  const last = sorted.length - 1;
  const tail = Math.floor(sorted.length * TAIL);
  const [low, high] = [sorted[tail], sorted[last - tail]];
  return low < high ? { low, high } : { low: sorted[0], high: sorted[last] };
}

function checkRequest(columns: readonly NumberColumn[], levels: number, differences: number): void {
  const fail = (found: string, expected: string) =>
    new UsageError(`Cannot learn the sensor's intervals: ${found}, expected ${expected}.`);
  if (columns.length < 1 || columns.length > MAX_COLUMNS) {
    throw fail(`there are ${columns.length} columns`, `1 to ${MAX_COLUMNS}; choose which to use`);
  }
  for (const [name, count] of Object.entries({ levels, differences })) {
    const valid = count === 0 || (Number.isInteger(count) && count >= 2 && count <= MAX_INTERVALS);
    if (!valid) throw fail(`${name} is ${count}`, `2 to ${MAX_INTERVALS}, or 0 for none`);
  }
  if (levels === 0 && differences === 0) throw fail("levels and differences are 0", "one of them to be 2 or more");
  const odd = columns.find(({ values }) => values.length !== columns[0].values.length);
  if (odd) {
    throw fail(`"${odd.name}" has ${odd.values.length} values`, `${columns[0].values.length} as "${columns[0].name}"`);
  }
}

function columnFromJson(json: unknown, index: number): SensorColumn {
  const { name, decimals, least, greatest, values, differences } = (json ?? {}) as Record<string, unknown>;
  const place = `column ${index + 1}`;
  if (typeof name !== "string") throw readingError(`${place} has no name`);
  if (!Number.isInteger(decimals) || Math.abs(decimals as number) > MAX_DECIMALS) {
    throw readingError(`${place} has the decimals ${decimals}, expected -${MAX_DECIMALS} to ${MAX_DECIMALS}`);
  }
  const column = {
    name,
    decimals: decimals as number,
    ...rangeFromJson({ least, greatest }, place),
    values: thresholdsFromJson(values, `values of ${place}`),
    differences: thresholdsFromJson(differences, `differences of ${place}`),
  };
  if (column.values.length + column.differences.length === 0) throw readingError(`${place} has no thresholds`);
  return column;
}

function rangeFromJson({ least, greatest }: { least: unknown; greatest: unknown }, place: string): ValidRange {
  const [low, high] = [least as number, greatest as number];
  const isRange =
    Number.isInteger(low) && Number.isInteger(high) && LEAST_RAW <= low && low <= high && high <= GREATEST_RAW;
  if (isRange) return { least: low, greatest: high };
  throw readingError(
    `${place} has the range ${least}..${greatest}, expected whole numbers from ${LEAST_RAW} to ${GREATEST_RAW} that do not fall`,
  );
}

function thresholdsFromJson(json: unknown, place: string): Int32Array {
  const rises = (threshold: unknown, index: number, all: unknown[]) =>
    typeof threshold === "number" &&
    (threshold | 0) === threshold &&
    (index === 0 || threshold > (all[index - 1] as number));
  if (Array.isArray(json) && json.length < MAX_INTERVALS && json.every(rises)) return Int32Array.from(json);
  throw readingError(`the ${place} are not at most ${MAX_INTERVALS - 1} whole numbers of 32 bits that rise`);
}

const readingError = (found: string): FailureError =>
  new FailureError(`Cannot read the sensor's alphabet: ${found}; use the file as it was written.`);
