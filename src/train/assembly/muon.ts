import { matmul, packColumns, packRows, transpose } from "./matmul";
import { sumOfSquares } from "./reduce";

/**
 * Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): the momentum of a matrix, made
 * nearly orthogonal, is its update. The work of one matrix is one task's, in one order.
 */

const MOMENTUM: f32 = 0.95;
const ITERATIONS: i32 = 5;
/** Of the iteration X <- a X + b (X X^T) X + c (X X^T)^2 X, which takes singular values in (0, 1] near 1. */
const A: f32 = 3.4445;
const B: f32 = -4.775;
const C: f32 = 2.0315;
const EPSILON: f64 = 1e-7;
/**
 * 2^-50; momentum below it is none. That of a channel which no gradient reaches any more would end as subnormal numbers, 0.95
 * of the least of which is itself, and products with those take many times as long.
 */
const LEAST_MOMENT: f32 = 8.8817842e-16;

/**
 * One step of Muon on a matrix w [rows, stride] in place: g' = g * gradientScale, m = 0.95 m + g', u = g' + 0.95 m (Nesterov),
 * w = w * keep - rate * orthogonalised u. `keep` is 1 - learning rate * weight decay, `rate` the learning rate times
 * 0.2 sqrt(max(rows, columns)), which makes the update as large as one of AdamW (Liu et al. 2025, "Muon is scalable for LLM
 * training", equation 4). Strides are multiples of 8. `scratch` holds, with h the rows padded to a multiple of 8 and n the
 * smaller of h and stride, 2 h stride + 2 n n values.
 */
export function muon(
  w: usize, m: usize, g: usize, rows: i32, stride: i32, scratch: usize, gradientScale: f32, rate: f32, keep: f32,
): void {
  const height = (rows + 7) & ~7;
  const x = scratch;
  const packed = x + (<usize>(height * stride) << 2);
  const work = packed + (<usize>(height * stride) << 2);
  if (height <= stride) {
    follow(x, m, g, rows, height, stride, gradientScale);
    orthogonalise(x, height, stride, packed, work);
    apply(w, x, rows * stride, rate, keep);
  } else {
    // On its side, X X^T is the smaller square.
    follow(packed, m, g, rows, height, stride, gradientScale);
    transpose(x, height, packed, stride, height, stride);
    orthogonalise(x, stride, height, packed, work);
    transpose(packed, stride, x, height, stride, height);
    apply(w, packed, rows * stride, rate, keep);
  }
}

/** m = 0.95 m + g * gradientScale, 0 where below 2^-50, u = g * gradientScale + 0.95 m; rows of u from `rows` to `height` are zeros. */
function follow(u: usize, m: usize, g: usize, rows: i32, height: i32, stride: i32, gradientScale: f32): void {
  const bytes = <usize>(rows * stride) << 2;
  const scale = f32x4.splat(gradientScale);
  const momentum = f32x4.splat(MOMENTUM);
  const least = f32x4.splat(LEAST_MOMENT);
  for (let c: usize = 0; c < bytes; c += 16) {
    const gradient = f32x4.mul(v128.load(g + c), scale);
    const sum = f32x4.add(f32x4.mul(v128.load(m + c), momentum), gradient);
    const moment = v128.and(sum, f32x4.ge(f32x4.abs(sum), least));
    v128.store(m + c, moment);
    v128.store(u + c, f32x4.add(gradient, f32x4.mul(moment, momentum)));
  }
  memory.fill(u + bytes, 0, <usize>((height - rows) * stride) << 2);
}

/** w = w * keep - rate * o, `count` values. */
function apply(w: usize, o: usize, count: i32, rate: f32, keep: f32): void {
  const bytes = <usize>count << 2;
  const rate4 = f32x4.splat(rate);
  const keep4 = f32x4.splat(keep);
  for (let c: usize = 0; c < bytes; c += 16) {
    v128.store(w + c, f32x4.sub(f32x4.mul(v128.load(w + c), keep4), f32x4.mul(rate4, v128.load(o + c))));
  }
}

/**
 * x [n, wide] = its nearly orthogonal factor, by five Newton-Schulz iterations (Jordan et al. 2024) from x / |x|. Both sizes
 * are multiples of 8, n <= wide; rows and columns of zeros stay zeros. `packed` has room for n wide values, `work` for 2 n n.
 */
function orthogonalise(x: usize, n: i32, wide: i32, packed: usize, work: usize): void {
  const gram = work;
  const polynomial = work + (<usize>(n * n) << 2);
  multiplyBy(x, n * wide, <f32>(1 / (sqrt<f64>(sumOfSquares(x, wide, n, wide)) + EPSILON)));
  for (let i = 0; i < ITERATIONS; i++) {
    packRows(packed, x, wide, wide, n >> 3);
    symmetricProduct(gram, x, packed, n, wide);
    packColumns(packed, n, gram, n, n, n >> 3);
    symmetricProduct(polynomial, gram, packed, n, n);
    combine(polynomial, gram, n);
    packColumns(packed, n, x, wide, n, wide >> 3);
    matmul(x, wide, polynomial, n, packed, n, n, wide >> 3, false);
  }
}

/** c [n, n] = a [n, depth] * packed where that is symmetric: the lower triangle in blocks of 8, then its mirror image. */
function symmetricProduct(c: usize, a: usize, packed: usize, n: i32, depth: i32): void {
  for (let first = 0; first < n; first += 8) {
    const diagonal = c + (<usize>(first * n + first) << 2);
    const below = diagonal + (<usize>n << 5);
    const panel = packed + (<usize>(first * depth) << 2);
    matmul(diagonal, n, a + (<usize>(first * depth) << 2), depth, panel, n - first, depth, 1, false);
    transpose(diagonal + 32, n, below, n, n - first - 8, 8);
  }
}

/** polynomial = a I + b gram + c polynomial, all [n, n]; the second holds the square of the first. */
function combine(polynomial: usize, gram: usize, n: i32): void {
  const bytes = <usize>(n * n) << 2;
  const b = f32x4.splat(B);
  const c = f32x4.splat(C);
  for (let at: usize = 0; at < bytes; at += 16) {
    const linear = f32x4.mul(v128.load(gram + at), b);
    v128.store(polynomial + at, f32x4.add(linear, f32x4.mul(v128.load(polynomial + at), c)));
  }
  for (let at: usize = 0; at < bytes; at += (<usize>n + 1) << 2) {
    store<f32>(polynomial + at, load<f32>(polynomial + at) + A);
  }
}

/** x *= factor, `count` values. */
function multiplyBy(x: usize, count: i32, factor: f32): void {
  const end = x + (<usize>count << 2);
  const factor4 = f32x4.splat(factor);
  for (; x < end; x += 16) v128.store(x, f32x4.mul(v128.load(x), factor4));
}
