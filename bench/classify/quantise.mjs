// Weights of the rivals as flash would hold them: codes of few bits, a factor per column, and what that takes in bytes.

/** Bytes of a factor or of a bias: half precision. */
export const HALF_BYTES = 2;

/** A number as half precision holds it: 11 significant bits, from 2^-24 to 65504. */
export function half(value) {
  const size = Math.abs(value);
  if (size === 0) return 0;
  const exponent = Math.max(-14, Math.floor(Math.log2(size)));
  const unit = 2 ** (exponent - 10);
  return Math.min(65504, Math.round(size / unit) * unit) * Math.sign(value);
}

/** For each kind: bytes of so many codes, the greatest code, and the step of a column from the norm of its weights. */
const kinds = {
  ternary: { bytes: (count) => Math.ceil(count / 5), greatest: 1, norm: "sum", step: (sum, count) => sum / count },
  int4: {
    bytes: (count) => Math.ceil(count / 2),
    ...{ greatest: 7, norm: "squares", step: (squares, count) => (3 * Math.sqrt(squares / count)) / 7 },
  },
  int8: { bytes: (count) => count, greatest: 127, norm: "largest", step: (largest) => largest / 127 },
  float: { bytes: (count) => 4 * count },
};

/** Added and taken away again, it rounds a number of single precision to a whole one (1.5 * 2^23). */
const ROUNDING = 12582912;

/** A norm of every column. */
const norms = {
  sum(weights, columns) {
    const sums = new Float32Array(columns);
    for (let i = 0; i < weights.length; ) for (let c = 0; c < columns; c++, i++) sums[c] += Math.abs(weights[i]);
    return sums;
  },
  squares(weights, columns) {
    const sums = new Float32Array(columns);
    for (let i = 0; i < weights.length; ) for (let c = 0; c < columns; c++, i++) sums[c] += weights[i] * weights[i];
    return sums;
  },
  largest(weights, columns) {
    const most = new Float32Array(columns);
    for (let i = 0; i < weights.length; )
      for (let c = 0; c < columns; c++, i++) most[c] = Math.max(most[c], Math.abs(weights[i]));
    return most;
  },
};

/** Bytes of a matrix: codes and, but for floats, a factor per column. */
export const matrixBytes = (kind, rows, columns) =>
  kinds[kind].bytes(rows * columns) + (kind === "float" ? 0 : HALF_BYTES * columns);

/**
 * A matrix of `columns` columns, row after row, as its codes and factors give it back.
 *
 * @param kind "ternary" (the step of a column is its mean size), "int4" (a seventh of 3 times its root mean square), "int8" (its
 *   largest over 127) or "float" (unchanged)
 * @param into where the values go, as long as `weights`
 */
export function quantiseColumns(kind, weights, columns, into) {
  const { greatest, norm, step } = kinds[kind];
  if (greatest === undefined) return into.set(weights);
  const count = weights.length / columns;
  const steps = norms[norm](weights, columns).map((value) => half(step(value, count)));
  const inverses = steps.map((value) => (value > 0 ? 1 / value : 0));
  for (let i = 0; i < weights.length; ) {
    for (let c = 0; c < columns; c++, i++) {
      const scaled = Math.max(-greatest, Math.min(greatest, weights[i] * inverses[c]));
      into[i] = steps[c] * (Math.fround(scaled + ROUNDING) - ROUNDING);
    }
  }
}
