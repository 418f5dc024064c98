import { exp64 } from "./elementary";

/** The quantisers of src/model/quantise.ts, to the bit: effective weights from latent ones, in padded rows. */

/** step * clamp(round half away from zero(w / step), -limit, limit), lane by lane; 0 where step is 0. */
// @ts-ignore: decorator
@inline
function roundToStep(w: v128, step: v128, limit: f32): v128 {
  const ratio = f32x4.div(w, step);
  const whole = f32x4.trunc(ratio);
  const isAway = f32x4.ge(f32x4.abs(f32x4.sub(ratio, whole)), f32x4.splat(0.5));
  const sign = v128.or(v128.and(ratio, i32x4.splat(0x80000000)), f32x4.splat(1));
  const rounded = f32x4.add(whole, v128.and(isAway, sign));
  const clamped = f32x4.pmax(f32x4.splat(-limit), f32x4.pmin(f32x4.splat(limit), rounded));
  // + 0 turns -0 into 0; the mask drops the 0 / 0 of a zero step.
  return v128.and(f32x4.mul(f32x4.add(clamped, f32x4.splat(0)), step), f32x4.ne(step, f32x4.splat(0)));
}

/**
 * Ternary with one scale per tensor. The mean runs over `outer` x `inner` values in index order; strides say where they lie
 * (a table: rows and columns; taps, kept transposed: channels and taps). `count` is the size with padding. Returns the scale.
 */
export function quantiseTernary(
  effective: usize, latent: usize, outer: i32, outerStride: i32, inner: i32, innerStride: i32, count: i32,
): f32 {
  let sum: f32 = 0;
  for (let i = 0; i < outer; i++) {
    let at = latent + (<usize>(i * outerStride) << 2);
    for (let j = 0; j < inner; j++) {
      sum += abs<f32>(load<f32>(at));
      at += <usize>innerStride << 2;
    }
  }
  const scale = sum / <f32>(outer * inner);
  const scale4 = f32x4.splat(scale);
  const bytes = <usize>count << 2;
  for (let c: usize = 0; c < bytes; c += 16) v128.store(effective + c, roundToStep(v128.load(latent + c), scale4, 1));
  return scale;
}

/** The same for a table with rows of zeros, which have no part in the mean. Padding is zeros as well. */
export function quantiseSparse(effective: usize, latent: usize, count: i32): void {
  let sum: f32 = 0;
  let used = 0;
  const bytes = <usize>count << 2;
  for (let c: usize = 0; c < bytes; c += 4) {
    const w = load<f32>(latent + c);
    sum += abs<f32>(w);
    used += i32(w != 0);
  }
  const scale4 = f32x4.splat(sum / <f32>max(1, used));
  for (let c: usize = 0; c < bytes; c += 16) v128.store(effective + c, roundToStep(v128.load(latent + c), scale4, 1));
}

/** 4-bit rows: step = 2.6 rms(row) / 7. */
export function quantiseInt4(effective: usize, latent: usize, rows: i32, columns: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let row = 0; row < rows; row++) {
    let squares: f32 = 0;
    for (let c = 0; c < columns; c++) {
      const w = load<f32>(latent + (c << 2));
      squares += w * w;
    }
    const step = f32x4.splat((<f32>2.6 * sqrt<f32>(squares / <f32>columns)) / 7);
    for (let c: usize = 0; c < rowBytes; c += 16) v128.store(effective + c, roundToStep(v128.load(latent + c), step, 7));
    latent += rowBytes;
    effective += rowBytes;
  }
}

/** 8-bit rows: step = max |w| / 127. */
export function quantiseInt8(effective: usize, latent: usize, rows: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let row = 0; row < rows; row++) {
    let largest = f32x4.splat(0);
    for (let c: usize = 0; c < rowBytes; c += 16) largest = f32x4.pmax(largest, f32x4.abs(v128.load(latent + c)));
    const pair = f32x4.pmax(largest, v128.shuffle<i32>(largest, largest, 2, 3, 0, 1));
    const one = f32x4.pmax(pair, v128.shuffle<i32>(pair, pair, 1, 0, 3, 2));
    const step = f32x4.div(one, f32x4.splat(127));
    for (let c: usize = 0; c < rowBytes; c += 16) v128.store(effective + c, roundToStep(v128.load(latent + c), step, 127));
    latent += rowBytes;
    effective += rowBytes;
  }
}

/** 6-bit taps, kept transposed as [5, stride]: per channel, step = max |w| / 31. */
export function quantiseInt6Taps(effective: usize, latent: usize, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let c: usize = 0; c < rowBytes; c += 16) {
    let largest = f32x4.splat(0);
    for (let j = 0; j < 5; j++) largest = f32x4.pmax(largest, f32x4.abs(v128.load(latent + <usize>j * rowBytes + c)));
    const step = f32x4.div(largest, f32x4.splat(31));
    for (let j = 0; j < 5; j++) {
      const at = <usize>j * rowBytes + c;
      v128.store(effective + at, roundToStep(v128.load(latent + at), step, 31));
    }
  }
}

/** What the state pathway needs of its decay: [3, stride] = a = tanh(decay), 1 - a, da / d decay = 1 - a^2. */
export function prepareDecay(prepared: usize, decay: usize, w: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let c = 0; c < w; c++) {
    const x = <f64>load<f32>(decay + (c << 2));
    const e = exp64(-2 * abs<f64>(x));
    const positive = (1 - e) / (1 + e);
    const at = prepared + (c << 2);
    store<f32>(at, <f32>(x < 0 ? -positive : positive));
    store<f32>(at + rowBytes, <f32>(x < 0 ? 2 / (1 + e) : (2 * e) / (1 + e)));
    store<f32>(at + 2 * rowBytes, <f32>((4 * e) / ((1 + e) * (1 + e))));
  }
}
