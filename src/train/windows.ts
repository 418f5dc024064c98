import { UsageError } from "../model/errors.js";
import { ngramReach, ngramRows } from "../model/ngrams.js";
import {
  type InputPlan,
  type Layout,
  WINDOW_FIELDS,
  type WindowField,
  windowAddress,
  windowFieldAddress,
} from "./layout.js";
import type { SymbolSource } from "./trainer.js";

/** Puts what the windows of a step read, and are to answer, where the threads find it. */
export class WindowWriter {
  constructor(
    private readonly plan: Layout,
    private readonly memory: WebAssembly.Memory,
  ) {}

  /**
   * Gives a window symbols `begin` .. `end` - 1 of a text: all but the last are read, all but the first predicted, counted from
   * `first` on. Recall and the n-grams also know the symbols before it.
   */
  language(window: number, source: SymbolSource, begin: number, end: number, first = 0): void {
    const { vocab, config } = this.plan;
    const history = Math.min(begin, this.plan.history);
    const before = Math.min(begin, Math.max(history, ngramReach(config.ngrams)));
    const symbols = source.subarray(begin - before, end);
    const tooLarge = symbols.findIndex((symbol) => symbol >= vocab);
    if (tooLarge >= 0) {
      throw new UsageError(
        `Cannot train or evaluate: symbol ${symbols[tooLarge]} at position ${begin - before + tooLarge} is outside the alphabet of ${vocab}; encode the text with the model's alphabet.`,
      );
    }
    const kept = symbols.subarray(before - history);
    this.view(windowAddress(this.plan, window) - 2 * history, kept.length).set(kept);
    this.describe(window, { tokens: end - begin - 1, first, history });
    this.hash(window, symbols, before, end - begin - 1);
  }

  /** Gives a window a whole text and its class. */
  text(window: number, symbols: Uint16Array, label: number): void {
    this.view(windowAddress(this.plan, window), symbols.length).set(symbols);
    this.describe(window, { tokens: symbols.length, first: 0, history: 0 });
    this.hash(window, symbols, 0, symbols.length);
    this.labels(window, 1)[0] = label;
  }

  /** Gives a window steps of a series, `rows` [steps, rowsPerStep] of the table, and the class of each; those before `first` do not count. */
  steps(window: number, rows: Uint16Array, labels: Uint16Array, first = 0): void {
    const { inputs } = this.plan;
    inputs.forEach((input, index) => {
      const plane = this.plane(input, window, labels.length);
      for (let t = 0; t < labels.length; t++) plane[t] = rows[t * inputs.length + index];
    });
    this.describe(window, { tokens: labels.length, first, history: 0 });
    this.labels(window, labels.length).set(labels);
  }

  /** Makes the gradient that of the mean over so many losses. */
  setLosses(count: number): void {
    new Float64Array(this.memory.buffer, this.plan.lossScale, 1)[0] = 1 / Math.max(1, count);
  }

  /** The rows that the runs ending in symbols `begin` and on have in the n-gram table. */
  private hash(window: number, symbols: Uint16Array, begin: number, tokens: number): void {
    const { config, inputs } = this.plan;
    if (!config.ngrams) return;
    const planes = inputs.slice(1).map((input) => this.plane(input, window, tokens));
    for (let t = 0; t < tokens; t++) {
      ngramRows(config.ngrams, symbols, begin + t, (order, row) => {
        planes[order][t] = row;
      });
    }
  }

  private describe(window: number, head: Record<WindowField, number>): void {
    const values = WINDOW_FIELDS.map((field) => head[field]);
    const address = windowFieldAddress(this.plan, window, WINDOW_FIELDS[0]);
    new Int32Array(this.memory.buffer, address, values.length).set(values);
  }

  private plane({ address, windowBytes }: InputPlan, window: number, tokens: number): Uint16Array {
    return this.view(address + window * windowBytes, tokens);
  }

  private labels(window: number, count: number): Uint16Array {
    return this.view(this.plan.labels + window * this.plan.tokens * 2, count);
  }

  private view(address: number, length: number): Uint16Array {
    return new Uint16Array(this.memory.buffer, address, length);
  }
}
