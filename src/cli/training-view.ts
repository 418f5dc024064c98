import type { HistoryEntry } from "../checkpoint/checkpoint.js";
import type { ModelConfig } from "../model/config.js";
import type { SymbolSource } from "../train/trainer.js";
import { duration, grouped } from "./output.js";
import { Progress } from "./progress.js";
import type { EncodedText } from "./train-data.js";

/** Steps that the loss of the progress line is a mean of, roughly. */
const SMOOTHING = 50;

/** The progress of a run as a person sees it. */
export class TrainingView {
  readonly #config: ModelConfig;
  readonly #progress: Progress;
  readonly #startMs = performance.now();
  readonly #firstStep: number;
  /** Of the training text. */
  readonly #symbolsPerByte: number;
  #step: number;
  #loss: number | undefined;
  #heldOut = "";

  /** @param firstStep steps made before this process */
  constructor(config: ModelConfig, training: EncodedText<SymbolSource>, firstStep: number, quiet: boolean) {
    this.#config = config;
    this.#progress = new Progress(process.stderr, () => performance.now(), quiet);
    this.#firstStep = firstStep;
    this.#symbolsPerByte = training.symbols.length / training.byteCount;
    this.#step = firstStep;
  }

  get seconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }

  get symbolsPerSecond(): number {
    const { batch, context } = this.#config.train;
    return Math.round(((this.#step - this.#firstStep) * batch * context) / Math.max(this.seconds, 1e-3));
  }

  step(step: number, loss: number): void {
    this.#step = step;
    this.#loss = this.#loss === undefined ? loss : this.#loss + (loss - this.#loss) / SMOOTHING;
    this.#progress.show(() => this.#line(), step === this.#config.train.steps);
  }

  validation(entry: HistoryEntry): void {
    this.#heldOut = `  ${entry.bitsPerByte.toFixed(3)} held out`;
    this.#progress.show(() => this.#line(), true);
  }

  end(): void {
    this.#progress.end();
  }

  #line(): string {
    const { steps } = this.#config.train;
    const left = ((steps - this.#step) * this.seconds) / Math.max(this.#step - this.#firstStep, 1);
    const bits = ((this.#loss ?? 0) / Math.LN2) * this.#symbolsPerByte;
    const loss = this.#loss === undefined ? "" : `  loss ${this.#loss.toFixed(3)}  ${bits.toFixed(3)} bits/byte`;
    return `step ${this.#step}/${steps}${loss}${this.#heldOut}  ${grouped(this.symbolsPerSecond)} symbols/s  ${duration(left)} left`;
  }
}
