/**
 * The quantisers of the weights. Every operation is rounded to float32 and sums run in index order, so that the
 * training kernels, the exporter and this file give the same integers and scales to the bit.
 */

const f = Math.fround;

/** Round half away from zero, then clamp to -limit..limit; a zero step gives 0. */
function roundToStep(value: number, step: number, limit: number): number {
  if (step === 0) return 0;
  const ratio = f(value / step);
  const whole = Math.trunc(ratio);
  const rounded = Math.abs(f(ratio - whole)) >= 0.5 ? whole + Math.sign(ratio) : whole;
  // + 0 turns -0 into 0.
  return Math.max(-limit, Math.min(limit, rounded)) + 0;
}

/**
 * Ternary weights with one scale per tensor: scale = mean |w|, trit = clamp(round(w / scale), -1, 1).
 * Source: Ma et al. 2024, "The Era of 1-bit LLMs", equations 1 to 3 (without their epsilon: scale 0 gives zeros).
 */
export function quantiseTernary(weights: Float32Array): { trits: Int8Array; scale: number } {
  let sum = 0;
  for (let i = 0; i < weights.length; i++) sum = f(sum + Math.abs(weights[i]));
  const scale = f(sum / weights.length);
  return { trits: Int8Array.from(weights, (weight) => roundToStep(weight, scale, 1)), scale };
}

/**
 * The same for a table of which many rows were never used and are 0: they have no part in the mean, which would leave nothing
 * of the others.
 */
export function quantiseSparse(weights: Float32Array): { trits: Int8Array; scale: number } {
  let sum = 0;
  let used = 0;
  for (let i = 0; i < weights.length; i++) {
    sum = f(sum + Math.abs(weights[i]));
    if (weights[i] !== 0) used++;
  }
  const scale = f(sum / Math.max(1, used));
  return { trits: Int8Array.from(weights, (weight) => roundToStep(weight, scale, 1)), scale };
}

/** The step of one row of 4-bit values: 2.6 times its root mean square is the largest value, 7. */
function int4Step(row: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < row.length; i++) squares = f(squares + f(row[i] * row[i]));
  const rms = f(Math.sqrt(f(squares / row.length)));
  return f(f(f(2.6) * rms) / 7);
}

/** The step of one row whose largest magnitude becomes `limit`. */
function largestStep(row: Float32Array, limit: number): number {
  let largest = 0;
  for (let i = 0; i < row.length; i++) largest = Math.max(largest, Math.abs(row[i]));
  return f(largest / limit);
}

function quantiseRows(
  weights: Float32Array,
  columns: number,
  limit: number,
  stepOf: (row: Float32Array, limit: number) => number,
): { values: Int8Array; steps: Float32Array } {
  const values = new Int8Array(weights.length);
  const steps = new Float32Array(weights.length / columns);
  steps.forEach((_, rowIndex) => {
    const row = weights.subarray(rowIndex * columns, (rowIndex + 1) * columns);
    const step = stepOf(row, limit);
    steps[rowIndex] = step;
    row.forEach((weight, column) => {
      values[rowIndex * columns + column] = roundToStep(weight, step, limit);
    });
  });
  return { values, steps };
}

/** Rows of values -7..7 with a step each: step = 2.6 rms(row) / 7. `weights` is row-major, `columns` wide. */
export function quantiseInt4Rows(weights: Float32Array, columns: number): { values: Int8Array; steps: Float32Array } {
  return quantiseRows(weights, columns, 7, int4Step);
}

/** Rows of values -31..31 with a step each: step = max |row| / 31. `weights` is row-major, `columns` wide. */
export function quantiseInt6Rows(weights: Float32Array, columns: number): { values: Int8Array; steps: Float32Array } {
  return quantiseRows(weights, columns, 31, largestStep);
}

/** Rows of values -127..127 with a step each: step = max |row| / 127. `weights` is row-major, `columns` wide. */
export function quantiseInt8Rows(weights: Float32Array, columns: number): { values: Int8Array; steps: Float32Array } {
  return quantiseRows(weights, columns, 127, largestStep);
}

/** The quantisers that give the tensor one scale. */
export const ternaryQuantisers = { ternary: quantiseTernary, sparse: quantiseSparse };

/** The quantisers that give each row a step of its own. */
export const rowQuantisers = { int4: quantiseInt4Rows, int6: quantiseInt6Rows, int8: quantiseInt8Rows };

export type Quantiser = "none" | keyof typeof ternaryQuantisers | keyof typeof rowQuantisers;

/** The float32 values a tensor is used with in the forward pass: integer times scale, or the weights themselves. */
export function effectiveWeights(weights: Float32Array, columns: number, quantiser: Quantiser): Float32Array {
  if (quantiser === "none") return weights.slice();
  if (quantiser === "ternary" || quantiser === "sparse") {
    const { trits, scale } = ternaryQuantisers[quantiser](weights);
    return Float32Array.from(trits, (trit) => f(trit * scale));
  }
  const { values, steps } = rowQuantisers[quantiser](weights, columns);
  return Float32Array.from(values, (value, index) => f(value * steps[Math.floor(index / columns)]));
}
