// What the rivals see of a sensor: numbers of the window that ends at a step.

/** Bytes of a lag. */
export const LAG_BYTES = 2;

/**
 * The features of every step of a part. Of each column: its value, its difference to the value of each lag before, and, where there
 * are lags, mean and deviation over the longest of them. What lies before a series is its first sample.
 *
 * @param part {samples, labels, series}
 * @param columns of a sample
 * @param lags in steps, ascending
 * @returns {count: features, values: Float32Array of steps x features}
 */
export function laggedFeatures({ samples, labels, series }, columns, lags) {
  const perColumn = 1 + lags.length + (lags.length > 0 ? 2 : 0);
  const count = columns * perColumn;
  const values = new Float32Array(labels.length * count);
  for (const { begin, end } of series) {
    for (let c = 0; c < columns; c++) {
      const at = (t) => samples[Math.max(begin, t) * columns + c];
      columnFeatures(at, { begin, end, lags }, (t, i, value) => {
        values[t * count + c * perColumn + i] = value;
      });
    }
  }
  return { count, values };
}

function columnFeatures(at, { begin, end, lags }, put) {
  const longest = lags.at(-1) ?? 0;
  const first = at(begin);
  // Sums over the longest lag, of values less the first one for precision; the window begins full of it.
  let [sum, squares] = [0, 0];
  for (let t = begin; t < end; t++) {
    const value = at(t);
    put(t, 0, value);
    lags.forEach((lag, i) => {
      put(t, 1 + i, value - at(t - lag));
    });
    if (longest === 0) continue;
    const [entering, leaving] = [value - first, at(t - longest) - first];
    sum += entering - leaving;
    squares += entering ** 2 - leaving ** 2;
    const mean = sum / longest;
    put(t, 1 + lags.length, first + mean);
    put(t, 2 + lags.length, Math.sqrt(Math.max(0, squares / longest - mean ** 2)));
  }
}

/** The rows of the steps that are judged. */
export function judgedRows(labels) {
  return Uint32Array.from(Array.from(labels.keys()).filter((i) => labels[i] >= 0));
}

/**
 * Thresholds between equal shares of a feature's values, ascending, each once.
 *
 * @param rows the steps that they are learned from
 * @param levels the most intervals
 */
export function quantileThresholds({ count, values }, rows, feature, levels) {
  const sorted = Float32Array.from(rows, (row) => values[row * count + feature]).sort();
  const thresholds = Array.from(
    { length: levels - 1 },
    (_, i) => sorted[Math.floor(((i + 1) * sorted.length) / levels)],
  );
  return [...new Set(thresholds)].filter((threshold) => threshold > sorted[0]);
}

/** How many thresholds are at most a value. */
export function levelOf(value, thresholds) {
  let [low, high] = [0, thresholds.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (thresholds[middle] <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}
