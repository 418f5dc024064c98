import type { ModelConfig } from "../model/config.js";
import { UsageError } from "../model/errors.js";
import type { Task } from "./layout.js";
import type { Random } from "./random.js";
import type { WindowWriter } from "./windows.js";

/** The label of what belongs to no class. */
export const NO_CLASS = 65535;

/** Texts, each of one class. */
export interface TextExamples {
  kind: "texts";
  /** Symbols of each text, one at least; what lies beyond the training context is not read. */
  symbols: readonly Uint16Array[];
  /** Class of each; 65535: none of them (trained towards equal probabilities). */
  labels: Uint16Array;
}

/** Steps of one series after the other. */
export interface SeriesExamples {
  kind: "series";
  /** Rows of the table, [steps, rowsPerStep]. */
  rows: Uint16Array;
  rowsPerStep: number;
  /** Class of every step; 65535: no loss there. */
  labels: Uint16Array;
  /** First step of each series, ascending, the first 0. */
  starts: readonly number[];
  /** Needed for `train.noise`: what each of a step's rows tells of. */
  parts?: readonly SeriesPart[];
}

/** What one of a step's rows tells of. */
export interface SeriesPart {
  column: number;
  /** The row that says that the column's number is missing; undefined: noise leaves the column alone. */
  missing: number | undefined;
}

/** What a classifier learns from. */
export type Examples = TextExamples | SeriesExamples;

/** What a trainer of such examples does; without any it makes a language model. */
export function taskOf(examples: Examples | undefined): Task {
  if (examples?.kind !== "series") return { kind: examples ? "texts" : "language" };
  return { kind: "series", rowsPerStep: examples.rowsPerStep };
}

const fail = (problem: string, fix: string): never => {
  throw new UsageError(`Cannot train or evaluate a classifier: ${problem}; ${fix}.`);
};

/**
 * @param vocab rows of the table
 * @param outputs number of classes
 * @throws UsageError when there are no examples, a text is empty, lists do not belong together, or a symbol or class is out of range
 */
export function checkExamples(examples: Examples, vocab: number, outputs: number): void {
  const { labels } = examples;
  if (labels.length === 0) fail("there are no examples", "give some");
  const unknown = labels.findIndex((label) => label >= outputs && label !== NO_CLASS);
  if (unknown >= 0) {
    fail(
      `example ${unknown} has class ${labels[unknown]} but there are ${outputs}`,
      `use 0 to ${outputs - 1} or 65535`,
    );
  }
  if (examples.kind === "texts") checkTexts(examples, vocab);
  else checkSeries(examples, vocab);
}

function checkTexts({ symbols, labels }: TextExamples, vocab: number): void {
  if (symbols.length !== labels.length) {
    fail(`there are ${symbols.length} texts but ${labels.length} labels`, "give one label for each");
  }
  symbols.forEach((text, index) => {
    if (text.length === 0) fail(`text ${index} has no symbols`, "leave it out");
    const odd = text.find((symbol) => symbol >= vocab);
    if (odd !== undefined) {
      fail(`symbol ${odd} of text ${index} is outside the alphabet of ${vocab}`, "encode it with the model's alphabet");
    }
  });
}

function checkSeries({ rows, rowsPerStep, labels, starts }: SeriesExamples, vocab: number): void {
  if (rows.length !== labels.length * rowsPerStep) {
    fail(
      `there are ${rows.length} rows of ${rowsPerStep} per step but ${labels.length} labels`,
      "give one label for each step",
    );
  }
  const ordered = starts.every((start, index) => (index === 0 ? start === 0 : start > starts[index - 1]));
  if (starts.length === 0 || !ordered || starts[starts.length - 1] >= labels.length) {
    fail("the starts of the series do not ascend from 0 within their steps", "give the first step of each series");
  }
  const odd = rows.findIndex((row) => row >= vocab);
  if (odd >= 0)
    fail(
      `row ${rows[odd]} of step ${Math.floor(odd / rowsPerStep)} is outside the table of ${vocab}`,
      "use the model's own levels",
    );
}

/** First step and end of the series that step `at` belongs to. */
function seriesAt({ starts, labels }: SeriesExamples, at: number): [begin: number, end: number] {
  let low = 0;
  let high = starts.length;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= at) low = middle;
    else high = middle;
  }
  return [starts[low], starts[high] ?? labels.length];
}

const labelled = (labels: Uint16Array) => labels.reduce((count, label) => count + Number(label !== NO_CLASS), 0);

/** Draws the examples of a step's windows and gives them to the writer. */
export class ExampleSampler {
  private readonly noiseOf2To32: number;

  /** @throws UsageError when a series has noise but does not say what missing numbers look like */
  constructor(
    private readonly examples: Examples,
    private readonly config: ModelConfig,
    private readonly vocab: number,
    private readonly writer: WindowWriter,
  ) {
    this.noiseOf2To32 = config.train.noise * 2 ** 32;
    if (examples.kind === "series" && this.noiseOf2To32 > 0 && examples.parts?.length !== examples.rowsPerStep) {
      fail('"noise" is set but the series do not say which rows are of missing numbers', "give them their parts");
    }
  }

  /** Fills the windows of a batch; returns how many losses they have. */
  draw(random: Random): number {
    const { batch } = this.config.train;
    const { examples } = this;
    let losses = 0;
    for (let window = 0; window < batch; window++) {
      losses += examples.kind === "texts" ? this.text(examples, window, random) : this.series(examples, window, random);
    }
    return losses;
  }

  private text({ symbols, labels }: TextExamples, window: number, random: Random): number {
    const index = random.below(symbols.length);
    const text = symbols[index].slice(0, this.config.train.context);
    if (this.noiseOf2To32 > 0) {
      for (let t = 0; t < text.length; t++) {
        if (random.nextUint32() < this.noiseOf2To32) text[t] = random.below(this.vocab);
      }
    }
    this.writer.text(window, text, labels[index]);
    return 1;
  }

  /** A window around any of the steps, each as likely, moved into its series. */
  private series(examples: SeriesExamples, window: number, random: Random): number {
    const { context } = this.config.train;
    const { rows, rowsPerStep, labels } = examples;
    const at = random.below(labels.length);
    const [first, last] = seriesAt(examples, at);
    const begin = Math.max(first, Math.min(at - random.below(context), last - context));
    const end = Math.min(begin + context, last);
    const read = rows.slice(begin * rowsPerStep, end * rowsPerStep);
    if (this.noiseOf2To32 > 0) this.leaveOut(read, examples.parts ?? [], random);
    const classes = labels.subarray(begin, end);
    this.writer.steps(window, read, classes);
    return labelled(classes);
  }

  /** Makes some of the numbers missing: all rows that tell of a column. */
  private leaveOut(rows: Uint16Array, parts: readonly SeriesPart[], random: Random): void {
    for (let step = 0; step < rows.length; step += parts.length) {
      let isMissing = false;
      parts.forEach(({ column, missing }, part) => {
        if (part === 0 || parts[part - 1].column !== column) isMissing = random.nextUint32() < this.noiseOf2To32;
        if (isMissing && missing !== undefined) rows[step + part] = missing;
      });
    }
  }
}

/** Fills a window and returns how many of its losses have a class. */
export type Fill = (window: number) => number;

/** The windows in which every example that has a class counts once; of a series, after half a window before it where there is one. */
export function* exampleWindows(examples: Examples, context: number, writer: WindowWriter): Generator<Fill> {
  if (examples.kind === "texts") {
    for (const [index, text] of examples.symbols.entries()) {
      const label = examples.labels[index];
      if (label === NO_CLASS) continue;
      yield (window) => {
        writer.text(window, text.subarray(0, context), label);
        return 1;
      };
    }
    return;
  }
  for (const start of examples.starts) yield* seriesWindows(examples, start, context, writer);
}

function* seriesWindows(
  examples: SeriesExamples,
  start: number,
  context: number,
  writer: WindowWriter,
): Generator<Fill> {
  const { rows, rowsPerStep, labels } = examples;
  const [, last] = seriesAt(examples, start);
  const warmup = Math.floor(context / 2);
  for (let next = start; next < last; ) {
    const begin = Math.max(start, next - warmup);
    const end = Math.min(last, begin + context);
    const first = next - begin;
    const classes = labels.subarray(begin, end);
    yield (window) => {
      writer.steps(window, rows.subarray(begin * rowsPerStep, end * rowsPerStep), classes, first);
      return labelled(classes.subarray(first));
    };
    next = end;
  }
}

/** One window for each text, or for each series. */
export function* wholeExamples(examples: Examples, writer: WindowWriter): Generator<Fill> {
  if (examples.kind === "texts") {
    for (const [index, text] of examples.symbols.entries()) {
      yield (window) => {
        writer.text(window, text, examples.labels[index]);
        return 1;
      };
    }
    return;
  }
  const { rows, rowsPerStep, labels, starts } = examples;
  for (const start of starts) {
    const [, end] = seriesAt(examples, start);
    yield (window) => {
      writer.steps(window, rows.subarray(start * rowsPerStep, end * rowsPerStep), labels.subarray(start, end));
      return labelled(labels.subarray(start, end));
    };
  }
}
