/** Exponentials from + - * / alone: the same bits on every machine. */

/**
 * e^x of each lane, x <= 88; below -87 it is 0. Within 2 units in the last place: x = k ln 2 + r, then the Taylor series of
 * e^r to degree 7 (|r| <= 0.35, so the next term is below 2^-27).
 */
// @ts-ignore: decorator
@inline
export function exp4(x: v128): v128 {
  const k = f32x4.nearest(f32x4.mul(x, f32x4.splat(1.44269504)));
  let r = f32x4.sub(x, f32x4.mul(k, f32x4.splat(0.693359375)));
  r = f32x4.add(r, f32x4.mul(k, f32x4.splat(2.12194440e-4)));
  let p = f32x4.splat(1.0 / 5040.0);
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 720.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 120.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 24.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1.0 / 6.0));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(0.5));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1));
  p = f32x4.add(f32x4.mul(p, r), f32x4.splat(1));
  const power = i32x4.shl(i32x4.add(i32x4.trunc_sat_f32x4_s(k), i32x4.splat(127)), 23);
  return v128.and(f32x4.mul(p, power), f32x4.ge(x, f32x4.splat(-87)));
}

/**
 * The logistic function 1 / (1 + e^-x) of each lane; below -60, where it is less than 1e-26, it is 0: what it is multiplied with
 * on the way back would end as subnormal numbers, products with which take many times as long.
 */
// @ts-ignore: decorator
@inline
export function sigmoid4(x: v128): v128 {
  const least = f32x4.splat(-60);
  const e = exp4(f32x4.neg(f32x4.pmax(least, x)));
  return v128.and(f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), e)), f32x4.ge(x, least));
}

/** e^x in float64, x <= 700; below -700 it is 0. The same steps as `exp` of src/model/elementary.ts. */
export function exp64(x: f64): f64 {
  if (x < -700) return 0;
  const k = Math.floor(x / 0.6931471805599453 + 0.5);
  const r = x - k * 0.6931471803691238 - k * 1.9082149292705877e-10;
  let sum: f64 = 1;
  for (let n = 14; n >= 1; n--) sum = 1 + (sum * r) / <f64>n;
  return sum * reinterpret<f64>((<i64>k + 1023) << 52);
}

/** Natural logarithm of a positive normal number in float64. The same steps as `log` of src/model/elementary.ts. */
export function log64(x: f64): f64 {
  let k = <i32>(reinterpret<i64>(x) >> 52) - 1023;
  let m = x / reinterpret<f64>((<i64>k + 1023) << 52);
  if (m > 1.4142135623730951) {
    m /= 2;
    k++;
  }
  const s = (m - 1) / (m + 1);
  let sum: f64 = 0;
  for (let n = 25; n >= 1; n -= 2) sum = sum * s * s + 1 / <f64>n;
  return <f64>k * 0.6931471803691238 + (<f64>k * 1.9082149292705877e-10 + 2 * s * sum);
}
