import { UsageError } from "../model/errors.js";
import type { Decision, Engine, RecallSettings, RouterMix, Sampler } from "./engine.js";

/** @throws UsageError when a value is not a whole number from `least` to `greatest` */
function checkNumber(action: string, name: string, value: number, least: number, greatest: number): void {
  if (Number.isInteger(value) && value >= least && value <= greatest) return;
  throw new UsageError(
    `Cannot ${action}: ${name} is ${value} but it must be a whole number from ${least} to ${greatest}; give such.`,
  );
}

/**
 * An engine whose calls are checked first, so that a bad one throws and changes nothing: SPEC.md section 6.1. What it checks,
 * the engine within may rely on.
 */
export class CheckedEngine implements Engine {
  readonly vocab: number;
  readonly outputs: number;
  readonly nLayers: number;
  readonly columns: number;
  readonly arenaBytes: number;
  readonly #engine: Engine;
  #hasFed = false;
  #hasLogits = false;

  constructor(engine: Engine) {
    ({ vocab: this.vocab, outputs: this.outputs, nLayers: this.nLayers } = engine);
    ({ columns: this.columns, arenaBytes: this.arenaBytes } = engine);
    this.#engine = engine;
  }

  #checkSymbol(symbol: number): void {
    if (Number.isInteger(symbol) && symbol >= 0 && symbol < this.vocab) return;
    throw new UsageError(
      `Cannot feed symbol ${symbol}: the model has the symbols 0 to ${this.vocab - 1}; encode the text with it.`,
    );
  }

  #checkLogits(action: string): void {
    if (this.#hasLogits) return;
    throw new UsageError(`Cannot ${action}: there are no logits of the last symbol; call step or logits before.`);
  }

  reset(): void {
    this.#engine.reset();
    this.#hasFed = false;
    this.#hasLogits = false;
  }

  recall(settings: RecallSettings): void {
    checkNumber("set recall", "longest", settings.longest, 0, 6);
    checkNumber("set recall", "repeats", settings.repeats, 0, 7);
    checkNumber("set recall", "penalty", settings.penalty, 0, 32767);
    this.#engine.recall(settings);
  }

  feed(symbol: number): void {
    this.#checkSymbol(symbol);
    this.#engine.feed(symbol);
    this.#hasFed = true;
    this.#hasLogits = false;
  }

  feedSample(values: ArrayLike<number>): void {
    if (this.columns === 0) throw new UsageError("Cannot feed a sample: the model is of no sensor; feed symbols.");
    checkNumber("feed a sample", "the number of its values", values.length, this.columns, this.columns);
    for (let i = 0; i < values.length; i++) {
      checkNumber("feed a sample", `value ${i}`, values[i], -(2 ** 31), 2 ** 31 - 1);
    }
    this.#engine.feedSample(values);
    this.#hasFed = true;
    this.#hasLogits = false;
  }

  logits(): Int32Array {
    if (!this.#hasFed) throw new UsageError("Cannot tell the logits: no symbol was read; call feed or step before.");
    this.#hasLogits = true;
    return this.#engine.logits();
  }

  step(symbol: number): Int32Array {
    this.#checkSymbol(symbol);
    this.#hasFed = true;
    this.#hasLogits = true;
    return this.#engine.step(symbol);
  }

  argmax(): number {
    this.#checkLogits("choose a symbol");
    return this.#engine.argmax();
  }

  sample(sampler: Sampler): number {
    this.#checkLogits("sample");
    for (const name of ["temperature", "topK", "topP"] as const) checkNumber("sample", name, sampler[name], 0, 65535);
    checkNumber("sample", "random", sampler.random, 0, 0xffffffff);
    return this.#engine.sample(sampler);
  }

  scores(): Int32Array {
    this.#checkLogits("tell the scores");
    return this.#engine.scores();
  }

  decide(): Decision {
    this.#checkLogits("decide");
    return this.#engine.decide();
  }

  entropy(probabilities: ArrayLike<number>): number {
    checkNumber("tell the entropy", "the number of probabilities", probabilities.length, 0, 1024);
    for (let i = 0; i < probabilities.length; i++) {
      checkNumber("tell the entropy", `probability ${i}`, probabilities[i], 0, 32768);
    }
    return this.#engine.entropy(probabilities);
  }

  router(layer: number): RouterMix {
    checkNumber("tell the router's mix", "layer", layer, 0, this.nLayers - 1);
    return this.#engine.router(layer);
  }

  encode(text: Uint8Array): Uint16Array {
    return this.#engine.encode(text);
  }

  decode(symbol: number): Uint8Array {
    checkNumber("decode", "the symbol", symbol, 0, 0xffffffff);
    return this.#engine.decode(symbol);
  }

  className(index: number): Uint8Array {
    checkNumber("name a class", "its index", index, 0, 0xffffffff);
    return this.#engine.className(index);
  }
}
