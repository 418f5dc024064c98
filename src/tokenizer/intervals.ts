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
 * @returns the least value of every interval but the first: fewer than `intervals`, strictly increasing
 */
export function intervalStarts(sorted: Int32Array, intervals: number): Int32Array {
  const firsts = [...sorted.keys()].filter((index) => index === 0 || sorted[index] !== sorted[index - 1]);
  /** Values before the distinct value of an index. */
  const before = [...firsts, sorted.length];
  const done: Interval[] = [{ from: 0, to: firsts.length, count: sorted.length }];
  while (done.length < intervals) {
    const fullest = done.reduce((best, one) => (widthOf(one) > 1 && one.count > best.count ? one : best), NONE);
    if (fullest === NONE) break;
    const cut = halfOf(fullest, before);
    done.push({ from: cut, to: fullest.to, count: before[fullest.to] - before[cut] });
    fullest.to = cut;
    fullest.count = before[cut] - before[fullest.from];
  }
  const starts = done.map(({ from }) => from).sort((a, b) => a - b);
  return Int32Array.from(starts.slice(1), (start) => sorted[firsts[start]]);
}

/** Most of the values that may lie beyond the fences: more are no outliers. */
const MOST_OUTLIERS = 0.05;

/**
 * As `intervalStarts`, but what lies far out, 3 interquartile ranges or more below the first or above the third quartile
 * (Tukey 1977), has an interval of its own on its side: a code for "broken", say, that is a number like any other.
 *
 * @param intervals most intervals, those of what lies far out included
 */
export function fencedStarts(sorted: Int32Array, intervals: number): Int32Array {
  const quartile = (share: number) => sorted[Math.floor(share * (sorted.length - 1))];
  const range = quartile(0.75) - quartile(0.25);
  const [low, high] = [quartile(0.25) - 3 * range, quartile(0.75) + 3 * range];
  const inside = sorted.filter((value) => value >= low && value <= high);
  const isFenced = range > 0 && sorted.length - inside.length <= MOST_OUTLIERS * sorted.length;
  const below = isFenced && sorted[0] < low;
  const above = isFenced && sorted[sorted.length - 1] > high;
  if (intervals < 4 || !(below || above)) return intervalStarts(sorted, intervals);
  const starts = intervalStarts(inside, intervals - Number(below) - Number(above));
  const first = below ? [inside[0]] : [];
  const last = above ? [sorted.find((value) => value > high) as number] : [];
  return Int32Array.from([...first, ...starts, ...last]);
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
