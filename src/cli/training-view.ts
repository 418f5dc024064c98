import type { HistoryEntry } from "../checkpoint/checkpoint.js";
import type { ModelConfig } from "../model/config.js";
import { duration, grouped } from "./output.js";
import { Progress } from "./progress.js";

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
  readonly #symbolsPerByte: number | undefined;
  #step: number;
  #shownStep: number;
  #loss: number | undefined;
  #heldOut = "";

  /**
   * @param symbolsPerByte of the training text; undefined where a loss per byte says nothing
   * @param firstStep steps made before this process
   */
  constructor(config: ModelConfig, symbolsPerByte: number | undefined, firstStep: number, quiet: boolean) {
    this.#config = config;
    this.#progress = new Progress(process.stderr, () => performance.now(), quiet);
    this.#firstStep = firstStep;
    this.#symbolsPerByte = symbolsPerByte;
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
    this.#heldOut = `  ${heldOutWords(entry)} held out`;
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
    const stepsPerSecond = (1000 * (this.#step - this.#firstStep - 1)) / (performance.now() - this.#firstStepMs);
    const speed =
      stepsPerSecond > 0
        ? `  ${grouped(stepsPerSecond * batch * context)} symbols/s  ${duration((steps - this.#step) / stepsPerSecond)} left`
        : "";
    return `step ${this.#step}/${steps}${this.#lossWords()}${this.#heldOut}${speed}`;
  }

  #lossWords(): string {
    if (this.#loss === undefined) return "";
    const loss = `  loss ${this.#loss.toFixed(3)}`;
    if (this.#symbolsPerByte === undefined) return loss;
    return `${loss}  ${((this.#loss / Math.LN2) * this.#symbolsPerByte).toFixed(3)} bits/byte`;
  }
}

const heldOutWords = ({ bitsPerByte, accuracy }: HistoryEntry): string =>
  bitsPerByte === undefined ? `${(100 * (accuracy ?? 0)).toFixed(1)} %` : bitsPerByte.toFixed(3);
