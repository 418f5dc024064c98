import type { HistoryEntry } from "../checkpoint/checkpoint.js";
import type { ModelConfig } from "../model/config.js";
import type { SymbolSource } from "../train/trainer.js";
import { duration, grouped } from "./output.js";
import { Progress } from "./progress.js";
import type { EncodedText } from "./train-data.js";

/** Steps that the loss of the progress line is a mean of, roughly; the first ones count in full. */
const SMOOTHING = 50;

/** The progress of a run as a person sees it. */
export class TrainingView {
  readonly #config: ModelConfig;
  readonly #progress: Progress;
  readonly #startMs = performance.now();
  readonly #firstStep: number;
  /** When the first step of this process was done: what comes before it says nothing of the speed. */
  #firstStepMs = 0;
  /** Of the training text. */
  readonly #symbolsPerByte: number;
  #step: number;
  #shownStep: number;
  #loss: number | undefined;
  #heldOut = "";

  /** @param firstStep steps made before this process */
  constructor(config: ModelConfig, training: EncodedText<SymbolSource>, firstStep: number, quiet: boolean) {
    this.#config = config;
    this.#progress = new Progress(process.stderr, () => performance.now(), quiet);
    this.#firstStep = firstStep;
    this.#symbolsPerByte = training.symbols.length / training.byteCount;
    this.#step = firstStep;
    this.#shownStep = firstStep;
  }

  get seconds(): number {
    return (performance.now() - this.#startMs) / 1000;
  }

  get symbolsPerSecond(): number {
    const { batch, context } = this.#config.train;
    return Math.round(((this.#step - this.#firstStep) * batch * context) / Math.max(this.seconds, 1e-3));
  }

  step(step: number, loss: number): void {
    if (this.#loss === undefined) this.#firstStepMs = performance.now();
    this.#step = step;
    this.#loss ??= loss;
    this.#loss += (loss - this.#loss) / Math.min(SMOOTHING, step - this.#firstStep);
    this.#show(false);
  }

  validation(entry: HistoryEntry): void {
    this.#heldOut = `  ${entry.bitsPerByte.toFixed(3)} held out`;
    this.#show(true);
  }

  end(): void {
    if (this.#shownStep < this.#step) this.#show(true);
    this.#progress.end();
  }

  #show(now: boolean): void {
    this.#progress.show(() => this.#line(), now);
  }

  #line(): string {
    this.#shownStep = this.#step;
    const { steps, batch, context } = this.#config.train;
    const bits = ((this.#loss ?? 0) / Math.LN2) * this.#symbolsPerByte;
    const loss = this.#loss === undefined ? "" : `  loss ${this.#loss.toFixed(3)}  ${bits.toFixed(3)} bits/byte`;
    const stepsPerSecond = (1000 * (this.#step - this.#firstStep - 1)) / (performance.now() - this.#firstStepMs);
    const speed =
      stepsPerSecond > 0
        ? `  ${grouped(stepsPerSecond * batch * context)} symbols/s  ${duration((steps - this.#step) / stepsPerSecond)} left`
        : "";
    return `step ${this.#step}/${steps}${loss}${this.#heldOut}${speed}`;
  }
}
