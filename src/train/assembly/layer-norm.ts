import { sumLanes } from "./lanes";

const EPSILON: f32 = 1e-5;

/**
 * n [T, d] = gamma * (x - mean) * rstd + beta per row, rstd = 1 / sqrt(variance + 1e-5); mean and rstd are kept in
 * `stats` [T, 2]. Rows are `stride` values wide, the padding beyond d stays zero. (Ba et al. 2016, equation 4.)
 */
export function layerNormForward(n: usize, stats: usize, x: usize, gamma: usize, beta: usize, T: i32, d: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  const whole = <usize>(d & ~3) << 2;
  const end = <usize>d << 2;
  for (let t = 0; t < T; t++) {
    const mean = rowSum(x, rowBytes) / <f32>d;
    const rstd: f32 = 1 / sqrt<f32>(squaredDeviation(x, mean, whole, end) / <f32>d + EPSILON);
    store<f32>(stats, mean);
    store<f32>(stats, rstd, 4);
    const mean4 = f32x4.splat(mean);
    const rstd4 = f32x4.splat(rstd);
    // gamma and beta are zero in the padding, and so is n.
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const hat = f32x4.mul(f32x4.sub(v128.load(x + c), mean4), rstd4);
      v128.store(n + c, f32x4.add(f32x4.mul(hat, v128.load(gamma + c)), v128.load(beta + c)));
    }
    n += rowBytes;
    x += rowBytes;
    stats += 8;
  }
}

// @ts-ignore: decorator
@inline
function rowSum(x: usize, rowBytes: usize): f32 {
  let a = f32x4.splat(0);
  let b = a;
  for (let c: usize = 0; c < rowBytes; c += 32) {
    a = f32x4.add(a, v128.load(x + c));
    b = f32x4.add(b, v128.load(x + c, 16));
  }
  return sumLanes(f32x4.add(a, b));
}

// @ts-ignore: decorator
@inline
function squaredDeviation(x: usize, mean: f32, whole: usize, end: usize): f32 {
  const mean4 = f32x4.splat(mean);
  let a = f32x4.splat(0);
  let c: usize = 0;
  for (; c < whole; c += 16) {
    const v = f32x4.sub(v128.load(x + c), mean4);
    a = f32x4.add(a, f32x4.mul(v, v));
  }
  let sum = sumLanes(a);
  for (; c < end; c += 4) {
    const v = load<f32>(x + c) - mean;
    sum += v * v;
  }
  return sum;
}

/**
 * dx += gradient through the norm of dn; dgamma and dbeta (zero before the first token) collect over the rows.
 * dx += rstd * (g - mean(g) - hat * mean(g * hat)), g = dn * gamma, hat = (x - mean) * rstd.
 */
export function layerNormBackward(
  dx: usize, dgamma: usize, dbeta: usize, dn: usize, stats: usize, x: usize, gamma: usize, T: i32, d: i32, stride: i32,
): void {
  const rowBytes = <usize>stride << 2;
  const whole = <usize>(d & ~3) << 2;
  const end = <usize>d << 2;
  for (let t = 0; t < T; t++) {
    const mean = load<f32>(stats);
    const rstd = load<f32>(stats, 4);
    const mean4 = f32x4.splat(mean);
    const rstd4 = f32x4.splat(rstd);
    let sumG = f32x4.splat(0);
    let sumGHat = sumG;
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const g0 = v128.load(dn + c);
      const hat = f32x4.mul(f32x4.sub(v128.load(x + c), mean4), rstd4);
      v128.store(dbeta + c, f32x4.add(v128.load(dbeta + c), g0));
      v128.store(dgamma + c, f32x4.add(v128.load(dgamma + c), f32x4.mul(g0, hat)));
      const g = f32x4.mul(g0, v128.load(gamma + c));
      sumG = f32x4.add(sumG, g);
      sumGHat = f32x4.add(sumGHat, f32x4.mul(g, hat));
    }
    const meanG = sumLanes(sumG) / <f32>d;
    const meanGHat = sumLanes(sumGHat) / <f32>d;
    const meanG4 = f32x4.splat(meanG);
    const meanGHat4 = f32x4.splat(meanGHat);
    let c: usize = 0;
    for (; c < whole; c += 16) {
      const hat = f32x4.mul(f32x4.sub(v128.load(x + c), mean4), rstd4);
      const g = f32x4.mul(v128.load(dn + c), v128.load(gamma + c));
      const through = f32x4.sub(f32x4.sub(g, meanG4), f32x4.mul(hat, meanGHat4));
      v128.store(dx + c, f32x4.add(v128.load(dx + c), f32x4.mul(through, rstd4)));
    }
    for (; c < end; c += 4) {
      const hat = (load<f32>(x + c) - mean) * rstd;
      const through = load<f32>(dn + c) * load<f32>(gamma + c) - meanG - hat * meanGHat;
      store<f32>(dx + c, load<f32>(dx + c) + through * rstd);
    }
    dx += rowBytes;
    dn += rowBytes;
    x += rowBytes;
    stats += 8;
  }
}
