import { isValidation, type LogEntry } from "./run-log.js";

/** Most points of the training curve: more cannot be told apart in a picture. */
const MAX_POINTS = 400;
/** Share of the points on each side of one that it is a mean of when smoothed. */
const SMOOTHING_SHARE = 0.02;
/** Share of the steps whose losses may lie above the picture: at first they fall so far that nothing else could be seen. */
const CUT_SHARE = 0.05;

/** A loss in nats per symbol after so many steps. */
export interface CurvePoint {
  step: number;
  loss: number;
}

/** The losses of a run in bounded memory: of training, the means of equal stretches; all of the held-out text. */
export class LossCurve {
  /** Steps of the whole run. */
  readonly steps: number;
  readonly heldOut: CurvePoint[] = [];
  readonly #stretch: number;
  readonly #sums: Float64Array;
  readonly #counts: Uint32Array;

  constructor(steps: number) {
    this.steps = steps;
    this.#stretch = Math.ceil(steps / MAX_POINTS);
    const points = Math.ceil(steps / this.#stretch);
    this.#sums = new Float64Array(points);
    this.#counts = new Uint32Array(points);
  }

  add(entry: LogEntry): void {
    if (isValidation(entry)) {
      this.heldOut.push({ step: entry.step, loss: entry.validationLoss });
      return;
    }
    const index = Math.floor((entry.step - 1) / this.#stretch);
    if (!(index in this.#sums)) return;
    this.#sums[index] += entry.loss;
    this.#counts[index]++;
  }

  /** The mean of each stretch, in its middle. */
  get training(): CurvePoint[] {
    const points: CurvePoint[] = [];
    this.#sums.forEach((sum, index) => {
      const count = this.#counts[index];
      if (count > 0) points.push({ step: index * this.#stretch + (count + 1) / 2, loss: sum / count });
    });
    return points;
  }

  /** Each point the mean of those around it; at the steep start of as many before as after, so that the slope stays. */
  get smoothed(): CurvePoint[] {
    const points = this.training;
    const widest = Math.ceil(points.length * SMOOTHING_SHARE);
    return points.map(({ step }, index) => {
      const reach = Math.min(widest, index);
      const around = points.slice(index - reach, index + reach + 1);
      return { step, loss: around.reduce((sum, { loss }) => sum + loss, 0) / around.length };
    });
  }

  /** The lowest and the highest loss that a picture shows; equal when there is nothing to show. */
  get range(): [low: number, high: number] {
    const shown = this.smoothed.filter(({ step }) => step > this.steps * CUT_SHARE);
    const losses = [...shown, ...this.heldOut].map(({ loss }) => loss);
    if (losses.length === 0) return [0, 0];
    return [losses.reduce((least, loss) => Math.min(least, loss)), losses.reduce((most, loss) => Math.max(most, loss))];
  }
}
