import { exp, log } from "../model/elementary.js";

/** Distinct values from..to-1, by index, and the cut that tells most about their classes. */
interface Part {
  from: number;
  to: number;
  cut: number;
  /** Nats of the classes that the cut saves, over all values of the part; 0 when no cut is worth it. */
  gain: number;
}

/**
 * Where to cut values so that the intervals tell most about their classes: the cut with the greatest information gain, again and
 * again, as long as it pays by the minimum description length (Fayyad and Irani, Multi-Interval Discretization of
 * Continuous-Valued Attributes, 1993). A cut lies in the middle between two neighbouring values.
 *
 * @param values one per step
 * @param labels the class of each, below `classes`
 * @param most cuts
 * @returns thresholds, strictly increasing: the least number of every interval but the first
 */
export function informedCuts(values: Int32Array, labels: Uint16Array, classes: number, most: number): Int32Array {
  const counted = new ClassCounts(values, labels, classes);
  const parts = [counted.part(0, counted.size)];
  while (parts.length <= most) {
    const best = parts.reduce((greatest, one) => (one.gain > greatest.gain ? one : greatest));
    if (best.gain === 0) break;
    parts.splice(parts.indexOf(best), 1, counted.part(best.from, best.cut), counted.part(best.cut, best.to));
  }
  const cuts = parts.map(({ from }) => from).filter((from) => from > 0);
  return Int32Array.from(
    cuts.sort((a, b) => a - b),
    (cut) => counted.between(cut),
  );
}

/** How often each class comes with the distinct values, in ascending order. */
class ClassCounts {
  /** Distinct values. */
  readonly size: number;
  readonly #values: Int32Array;
  readonly #classes: number;
  /** Of the values before each index, [size + 1, classes]. */
  readonly #before: Float64Array;

  constructor(values: Int32Array, labels: Uint16Array, classes: number) {
    const order = [...values.keys()].sort((a, b) => values[a] - values[b]);
    this.#values = Int32Array.from(new Set(order.map((index) => values[index])));
    this.size = this.#values.length;
    this.#classes = classes;
    this.#before = new Float64Array((this.size + 1) * classes);
    let at = 0;
    for (let i = 0; i < this.size; i++) {
      const [now, next] = [i * classes, (i + 1) * classes];
      this.#before.copyWithin(next, now, next);
      for (; at < order.length && values[order[at]] === this.#values[i]; at++) this.#before[next + labels[order[at]]]++;
    }
  }

  /** The middle between a value and the one before it, rounded up. */
  between(index: number): number {
    const [below, above] = [this.#values[index - 1], this.#values[index]];
    return below + Math.ceil((above - below) / 2);
  }

  part(from: number, to: number): Part {
    const whole = this.#surprise(from, to);
    let best = { cut: from, gain: 0 };
    for (let cut = from + 1; cut < to; cut++) {
      const gain = whole.nats - this.#surprise(from, cut).nats - this.#surprise(cut, to).nats;
      if (gain > best.gain) best = { cut, gain };
    }
    const pays = best.gain > 0 && best.gain > this.#costOf(from, best.cut, to);
    return { from, to, ...best, gain: pays ? best.gain : 0 };
  }

  /** Nats that a cut has to save: Fayyad and Irani's criterion. */
  #costOf(from: number, cut: number, to: number): number {
    const [whole, left, right] = [this.#surprise(from, to), this.#surprise(from, cut), this.#surprise(cut, to)];
    const mean = ({ nats, kinds, count }: Surprise) => (kinds * nats) / count;
    // log(3^kinds - 2)
    const kinds = whole.kinds * log(3) + log(1 - 2 * exp(-whole.kinds * log(3)));
    return log(whole.count - 1) + kinds - (mean(whole) - mean(left) - mean(right));
  }

  #surprise(from: number, to: number): Surprise {
    let [count, kinds, sum] = [0, 0, 0];
    for (let label = 0; label < this.#classes; label++) {
      const own = this.#before[to * this.#classes + label] - this.#before[from * this.#classes + label];
      if (own === 0) continue;
      count += own;
      kinds++;
      sum += own * log(own);
    }
    return { nats: count * log(count) - sum, kinds, count };
  }
}

/** What the classes of some values would cost to tell. */
interface Surprise {
  nats: number;
  /** Classes that occur. */
  kinds: number;
  count: number;
}
