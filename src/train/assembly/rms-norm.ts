import { sumLanes } from "./lanes";

const EPSILON: f32 = 1e-5;

/**
 * n [T, d] = gamma * x * rrms per row, rrms = 1 / sqrt(mean of x^2 + 1e-5), which is kept in `stats` [T]. Rows are `stride`
 * values wide, zero beyond d. (Zhang and Sennrich 2019, equation 4.)
 */
export function rmsNormForward(n: usize, stats: usize, x: usize, gamma: usize, T: i32, d: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let t = 0; t < T; t++) {
    const rrms: f32 = 1 / sqrt<f32>(squares(x, rowBytes) / <f32>d + EPSILON);
    store<f32>(stats, rrms);
    const rrms4 = f32x4.splat(rrms);
    for (let c: usize = 0; c < rowBytes; c += 16) {
      v128.store(n + c, f32x4.mul(f32x4.mul(v128.load(x + c), rrms4), v128.load(gamma + c)));
    }
    n += rowBytes;
    x += rowBytes;
    stats += 4;
  }
}

/**
 * dx += gradient through the norm of dn; dgamma (zero before the first token) collects over the rows.
 * dx += rrms * (g - hat * mean(g * hat)), g = dn * gamma, hat = x * rrms.
 */
export function rmsNormBackward(
  dx: usize, dgamma: usize, dn: usize, stats: usize, x: usize, gamma: usize, T: i32, d: i32, stride: i32,
): void {
  const rowBytes = <usize>stride << 2;
  for (let t = 0; t < T; t++) {
    const rrms = load<f32>(stats);
    const rrms4 = f32x4.splat(rrms);
    let sum = f32x4.splat(0);
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const change = f32x4.mul(v128.load(dn + c), f32x4.mul(v128.load(x + c), rrms4));
      v128.store(dgamma + c, f32x4.add(v128.load(dgamma + c), change));
      sum = f32x4.add(sum, f32x4.mul(change, v128.load(gamma + c)));
    }
    const mean4 = f32x4.splat(sumLanes(sum) / <f32>d);
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const hat = f32x4.mul(v128.load(x + c), rrms4);
      const through = f32x4.sub(f32x4.mul(v128.load(dn + c), v128.load(gamma + c)), f32x4.mul(hat, mean4));
      v128.store(dx + c, f32x4.add(v128.load(dx + c), f32x4.mul(through, rrms4)));
    }
    dx += rowBytes;
    dn += rowBytes;
    x += rowBytes;
    stats += 4;
  }
}

// @ts-ignore: decorator
@inline
function squares(x: usize, rowBytes: usize): f32 {
  let s0 = f32x4.splat(0);
  let s1 = s0;
  for (let c: usize = 0; c < rowBytes; c += 32) {
    const a = v128.load(x + c);
    const b = v128.load(x + c, 16);
    s0 = f32x4.add(s0, f32x4.mul(a, a));
    s1 = f32x4.add(s1, f32x4.mul(b, b));
  }
  return sumLanes(f32x4.add(s0, s1));
}
