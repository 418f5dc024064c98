/**
 * exp, log, atanh and cosine in float64 from + - * / alone: JavaScript leaves the last bits of Math.exp and its like to the
 * engine, and training must give the same bits in every one.
 */

// ln 2 in two parts; the high one has enough trailing zeros for k * LN2_HIGH to be exact.
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;

const scratch = new DataView(new ArrayBuffer(8));

/** 2^k for a whole k from -1022 to 1023, exactly. */
function powerOfTwo(k: number): number {
  scratch.setUint32(0, (k + 1023) << 20);
  scratch.setUint32(4, 0);
  return scratch.getFloat64(0);
}

/** e^x within 2 units in the last place; 0 below -700. */
export function exp(x: number): number {
  if (x < -700) return 0;
  const k = Math.round(x / Math.LN2);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 1;
  for (let n = 14; n >= 1; n--) sum = 1 + (sum * r) / n;
  return sum * powerOfTwo(k);
}

/** Natural logarithm of a positive normal number, by the series of atanh. */
export function log(x: number): number {
  scratch.setFloat64(0, x);
  let k = (scratch.getUint32(0) >>> 20) - 1023;
  let m = x / powerOfTwo(k);
  if (m > Math.SQRT2) {
    m /= 2;
    k++;
  }
  const s = (m - 1) / (m + 1);
  let sum = 0;
  for (let n = 25; n >= 1; n -= 2) sum = sum * s * s + 1 / n;
  return k * LN2_HIGH + (k * LN2_LOW + 2 * s * sum);
}

/** Inverse hyperbolic tangent of a number between -1 and 1. */
export const atanh = (x: number): number => 0.5 * log((1 + x) / (1 - x));

/** Cosine of an angle, by its Taylor series; off by up to the rounding of the angle itself. */
export function cosine(angle: number): number {
  const folded = Math.abs(angle - 2 * Math.PI * Math.round(angle / (2 * Math.PI)));
  if (folded > Math.PI / 2) return -cosine(Math.PI - folded);
  const square = folded * folded;
  let sum = 1;
  for (let n = 24; n >= 2; n -= 2) sum = 1 - (sum * square) / (n * (n - 1));
  return sum;
}
