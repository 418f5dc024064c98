/** Distinct values from..to-1, by index, that share an interval. */
interface Interval {
  from: number;
  to: number;
  /** How many values there are in it, repeats included. */
  count: number;
}

/**
 * Cuts values into intervals that hold about equally many: the fullest interval is halved until there are enough. For
 * values that all differ these are quantiles (exactly so for a power of two); a value that repeats often comes to have an
 * interval of its own and takes none from the others; and where there are few distinct values each has its own.
 *
 * @param sorted numbers in ascending order, at least one
 * @param intervals most intervals, 2 or more
 * @param cuts thresholds to begin with, strictly increasing, with values on both sides of each
 * @returns the least number of every interval but the first: fewer than `intervals`, strictly increasing
 */
export function intervalStarts(
  sorted: Int32Array,
  intervals: number,
  cuts: Int32Array = new Int32Array(0),
): Int32Array {
  const firsts = [...sorted.keys()].filter((index) => index === 0 || sorted[index] !== sorted[index - 1]);
  /** Values before the distinct value of an index. */
  const before = [...firsts, sorted.length];
  const given = new Map([...cuts].map((cut) => [firsts.findIndex((index) => sorted[index] >= cut), cut]));
  const edges = [0, ...given.keys(), firsts.length];
  const done: Interval[] = edges.slice(1).map((to, index) => {
    const from = edges[index];
    return { from, to, count: before[to] - before[from] };
  });
  while (done.length < intervals) {
    const fullest = done.reduce((best, one) => (widthOf(one) > 1 && one.count > best.count ? one : best), NONE);
    if (fullest === NONE) break;
    const cut = halfOf(fullest, before);
    done.push({ from: cut, to: fullest.to, count: before[fullest.to] - before[cut] });
    fullest.to = cut;
    fullest.count = before[cut] - before[fullest.from];
  }
  const starts = done.map(({ from }) => from).sort((a, b) => a - b);
  return Int32Array.from(starts.slice(1), (start) => given.get(start) ?? sorted[firsts[start]]);
}

const NONE: Interval = { from: 0, to: 0, count: 0 };

const widthOf = ({ from, to }: Interval): number => to - from;

/** The distinct value before which an interval is cut into the most equal parts; the lower of two as good. */
function halfOf({ from, to, count }: Interval, before: readonly number[]): number {
  const middle = before[from] + count / 2;
  let cut = from + 1;
  while (cut + 1 < to && Math.abs(before[cut + 1] - middle) < Math.abs(before[cut] - middle)) cut++;
  return cut;
}
