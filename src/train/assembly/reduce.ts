import { addTo } from "./lanes";

/** Sets `count` values to zero. */
export function clear(target: usize, count: i32): void {
  memory.fill(target, 0, <usize>count << 2);
}

/** target[i] = sum over the `parts` of source[part][i], in order of the parts, which lie `partStride` values apart. */
export function sumPartials(target: usize, source: usize, partStride: i32, parts: i32, count: i32): void {
  const bytes = <usize>count << 2;
  const partBytes = <usize>partStride << 2;
  for (let c: usize = 0; c < bytes; c += 16) {
    let sum = v128.load(source + c);
    let from = source + c;
    for (let part = 1; part < parts; part++) {
      from += partBytes;
      sum = f32x4.add(sum, v128.load(from));
    }
    v128.store(target + c, sum);
  }
}

/** Sum of the squares of a block of rows x columns (a multiple of 4) in float64. */
export function sumOfSquares(source: usize, stride: i32, rows: i32, columns: i32): f64 {
  let a = f64x2.splat(0);
  let b = a;
  for (let row = 0; row < rows; row++) {
    const end = source + (<usize>columns << 2);
    for (let at = source; at < end; at += 16) {
      const v = v128.load(at);
      const low = f64x2.promote_low_f32x4(v);
      const high = f64x2.promote_low_f32x4(v128.shuffle<i64>(v, v, 1, 0));
      a = f64x2.add(a, f64x2.mul(low, low));
      b = f64x2.add(b, f64x2.mul(high, high));
    }
    source += <usize>stride << 2;
  }
  const sum = f64x2.add(a, b);
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
}

/** Copies `count` values. */
export function copy(target: usize, source: usize, count: i32): void {
  memory.copy(target, source, <usize>count << 2);
}

/** target += source, `count` values (a multiple of 4). */
export function add(target: usize, source: usize, count: i32): void {
  const bytes = <usize>count << 2;
  for (let c: usize = 0; c < bytes; c += 16) addTo(target + c, v128.load(source + c));
}

/** target *= source, `count` values (a multiple of 4). */
export function multiply(target: usize, source: usize, count: i32): void {
  const bytes = <usize>count << 2;
  for (let c: usize = 0; c < bytes; c += 16) v128.store(target + c, f32x4.mul(v128.load(target + c), v128.load(source + c)));
}

/** Sets `count` values to one value. */
export function fill(target: usize, count: i32, value: f32): void {
  for (let i = 0; i < count; i++) store<f32>(target + (<usize>i << 2), value);
}
