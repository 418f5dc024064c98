import { exp4 } from "./elementary";
import { outerTile, packColumns, packRows, tile } from "./matmul";

/**
 * Dense causal attention over H heads of one window: softmax over every position up to a token's own.
 *
 * Every head has rows of its own: [H, T', w] with T' tokens and w values (T padded to 8 with zeros, dHead padded to 8 with
 * zeros). Eight queries are worked on at a time, a query per lane, their keys one after the other, so that the softmax runs
 * down the lanes. Probabilities are never kept: per thread they take T x 8 values whatever T, and the backward pass makes
 * them again from the largest score and the sum of each query: a seventh product beside six, exact to the bit. (To keep them would
 * take T x T values per head and layer, 64 MiB at 4096 tokens. The idea is that of Dao et al. 2022.)
 */

/** Queries of a panel. */
const PANEL: i32 = 8;

/** Bytes of a panel's largest scores and inverse sums. */
const STATS: usize = 64;

/**
 * Copies heads that lie side by side in rows of `stride` values, dHead each, to [H, rows, w]; `rows` is T padded, its last rows
 * become zero.
 */
export function splitHeads(heads: usize, source: usize, stride: i32, T: i32, rows: i32, H: i32, dHead: i32, w: i32): void {
  const wBytes = <usize>w << 2;
  for (let h = 0; h < H; h++) {
    let from = source + (<usize>(h * dHead) << 2);
    for (let t = 0; t < T; t++) {
      copyRow(heads, from, dHead);
      heads += wBytes;
      from += <usize>stride << 2;
    }
    memory.fill(heads, 0, <usize>(rows - T) * wBytes);
    heads += <usize>(rows - T) * wBytes;
  }
}

/** The way back: heads [H, rows, w] side by side in rows of `stride` values. */
export function mergeHeads(target: usize, stride: i32, heads: usize, T: i32, rows: i32, H: i32, dHead: i32, w: i32): void {
  const wBytes = <usize>w << 2;
  for (let h = 0; h < H; h++) {
    let to = target + (<usize>(h * dHead) << 2);
    for (let t = 0; t < T; t++) {
      copyRow(to, heads, dHead);
      heads += wBytes;
      to += <usize>stride << 2;
    }
    heads += <usize>(rows - T) * wBytes;
  }
}

// @ts-ignore: decorator
@inline
function copyRow(target: usize, source: usize, count: i32): void {
  const whole = <usize>(count & ~3) << 2;
  const end = <usize>count << 2;
  let c: usize = 0;
  for (; c < whole; c += 16) v128.store(target + c, v128.load(source + c));
  for (; c < end; c += 4) store<f32>(target + c, load<f32>(source + c));
}

/**
 * Rotates pairs of neighbours in rows [H, T, w] in place: y = x * cos + swapped(x) * sin, with tables [T, w] that hold each
 * pair's cosine twice, and its sine first negative, then positive. `direction` -1 rotates back, as gradients want it.
 * (Su et al. 2021, equation 34.)
 */
export function rotate(x: usize, cosines: usize, sines: usize, direction: f32, T: i32, H: i32, w: i32): void {
  const bytes = <usize>(T * w) << 2;
  const sign = f32x4.splat(direction);
  for (let h = 0; h < H; h++) {
    for (let c: usize = 0; c < bytes; c += 16) {
      const v = v128.load(x + c);
      const swapped = v128.shuffle<i32>(v, v, 1, 0, 3, 2);
      const sine = f32x4.mul(sign, v128.load(sines + c));
      v128.store(x + c, f32x4.add(f32x4.mul(v, v128.load(cosines + c)), f32x4.mul(swapped, sine)));
    }
    x += bytes;
  }
}

/**
 * z = softmax(q k^T * scale) v per head, [H, T, w] each, T a multiple of 8, the first `depth` (a multiple of 4) of w values
 * used in the products. Keeps each panel's largest scores and inverse sums in `stats` [H, T / 8, 16]. `scratch` holds
 * T (2 w + 8) values.
 */
export function causalAttentionForward(
  z: usize, stats: usize, q: usize, k: usize, v: usize, T: i32, H: i32, w: i32, depth: i32, scale: f32, scratch: usize,
): void {
  const wBytes = <usize>w << 2;
  const headBytes = <usize>T * wBytes;
  const queries = scratch;
  const columns = queries + headBytes;
  const scores = columns + headBytes;
  for (let h = 0; h < H; h++) {
    packRows(queries, q, w, depth, T / PANEL);
    packColumns(columns, T, v, w, T, w / PANEL);
    for (let t = 0; t < T; t += PANEL) {
      const keys = t + PANEL;
      multiplyKeys(scores, k, wBytes, queries + (<usize>(t * depth) << 2), keys, depth);
      maskFuture(scores, t);
      softmaxKeys(scores, keys, scale, stats);
      const rows = z + <usize>t * wBytes;
      sumKeys(rows, wBytes, scores, columns, T, w, keys);
      scaleRows(rows, wBytes, stats + 32);
      stats += STATS;
    }
    z += headBytes;
    q += headBytes;
    k += headBytes;
    v += headBytes;
  }
}

/**
 * Gradients of q, k and v (overwritten) from dz, all [H, T, w]; other operands as in the forward pass. With p the probabilities
 * and dp = dz v^T: dScore = scale * p * (dp - sum over keys of p dp). `scratch` holds T (5 w + 16) values.
 */
export function causalAttentionBackward(
  dq: usize, dk: usize, dv: usize, dz: usize, stats: usize, q: usize, k: usize, v: usize, T: i32, H: i32, w: i32, depth: i32,
  scale: f32, scratch: usize,
): void {
  const wBytes = <usize>w << 2;
  const headBytes = <usize>T * wBytes;
  const queries = scratch;
  const outputs = queries + headBytes;
  const qColumns = outputs + headBytes;
  const kColumns = qColumns + headBytes;
  const dzColumns = kColumns + headBytes;
  const p = dzColumns + headBytes;
  const ds = p + (<usize>(T * PANEL) << 2);
  memory.fill(dk, 0, <usize>H * headBytes);
  memory.fill(dv, 0, <usize>H * headBytes);
  for (let h = 0; h < H; h++) {
    packRows(queries, q, w, depth, T / PANEL);
    packRows(outputs, dz, w, depth, T / PANEL);
    packColumns(qColumns, T, q, w, T, w / PANEL);
    packColumns(kColumns, T, k, w, T, w / PANEL);
    packColumns(dzColumns, T, dz, w, T, w / PANEL);
    for (let t = 0; t < T; t += PANEL) {
      const keys = t + PANEL;
      const panel = <usize>(t * depth) << 2;
      multiplyKeys(p, k, wBytes, queries + panel, keys, depth);
      multiplyKeys(ds, v, wBytes, outputs + panel, keys, depth);
      maskFuture(p, t);
      scoreGradients(p, ds, keys, scale, stats);
      addQueries(dv, wBytes, p, dzColumns + (<usize>t << 5), T, w, keys);
      addQueries(dk, wBytes, ds, qColumns + (<usize>t << 5), T, w, keys);
      sumKeys(dq + <usize>t * wBytes, wBytes, ds, kColumns, T, w, keys);
      stats += STATS;
    }
    dq += headBytes;
    dk += headBytes;
    dv += headBytes;
    dz += headBytes;
    q += headBytes;
    k += headBytes;
    v += headBytes;
  }
}

/** to [keys, 8] = the products of rows (keys or values) with a panel of 8 queries. */
// @ts-ignore: decorator
@inline
function multiplyKeys(to: usize, rows: usize, rowBytes: usize, panel: usize, keys: i32, depth: i32): void {
  for (let key = 0; key < keys; key += 4) {
    tile(to + (<usize>key << 5), 32, rows + <usize>key * rowBytes, rowBytes, panel, depth, false);
  }
}

/** Of the panel's own tokens each sees those up to itself. */
// @ts-ignore: decorator
@inline
function maskFuture(scores: usize, t: i32): void {
  const own = scores + (<usize>t << 5);
  for (let key = 1; key < PANEL; key++) {
    for (let query = 0; query < key; query++) store<f32>(own + (<usize>(key * PANEL + query) << 2), -Infinity);
  }
}

/** Scores [keys, 8] become e^(scale * (score - largest)); stats: the 8 largest and 1 / the 8 sums. */
// @ts-ignore: decorator
@inline
function softmaxKeys(scores: usize, keys: i32, scale: f32, stats: usize): void {
  const end = scores + (<usize>keys << 5);
  let largest0 = v128.load(scores);
  let largest1 = v128.load(scores, 16);
  for (let at = scores + 32; at < end; at += 32) {
    largest0 = f32x4.pmax(largest0, v128.load(at));
    largest1 = f32x4.pmax(largest1, v128.load(at, 16));
  }
  const factor = f32x4.splat(scale);
  let sum0 = f32x4.splat(0);
  let sum1 = sum0;
  for (let at = scores; at < end; at += 32) {
    const e0 = exp4(f32x4.mul(f32x4.sub(v128.load(at), largest0), factor));
    const e1 = exp4(f32x4.mul(f32x4.sub(v128.load(at, 16), largest1), factor));
    v128.store(at, e0);
    v128.store(at, e1, 16);
    sum0 = f32x4.add(sum0, e0);
    sum1 = f32x4.add(sum1, e1);
  }
  v128.store(stats, largest0);
  v128.store(stats, largest1, 16);
  v128.store(stats, f32x4.div(f32x4.splat(1), sum0), 32);
  v128.store(stats, f32x4.div(f32x4.splat(1), sum1), 48);
}

/** p: scores become probabilities again; ds: gradients of the probabilities become those of the scores. Both [keys, 8]. */
// @ts-ignore: decorator
@inline
function scoreGradients(p: usize, ds: usize, keys: i32, scale: f32, stats: usize): void {
  const bytes = <usize>keys << 5;
  const factor = f32x4.splat(scale);
  const largest0 = v128.load(stats);
  const largest1 = v128.load(stats, 16);
  const inverse0 = v128.load(stats, 32);
  const inverse1 = v128.load(stats, 48);
  let mean0 = f32x4.splat(0);
  let mean1 = mean0;
  for (let c: usize = 0; c < bytes; c += 32) {
    const e0 = exp4(f32x4.mul(f32x4.sub(v128.load(p + c), largest0), factor));
    const e1 = exp4(f32x4.mul(f32x4.sub(v128.load(p + c, 16), largest1), factor));
    const p0 = f32x4.mul(e0, inverse0);
    const p1 = f32x4.mul(e1, inverse1);
    v128.store(p + c, p0);
    v128.store(p + c, p1, 16);
    mean0 = f32x4.add(mean0, f32x4.mul(p0, v128.load(ds + c)));
    mean1 = f32x4.add(mean1, f32x4.mul(p1, v128.load(ds + c, 16)));
  }
  for (let c: usize = 0; c < bytes; c += 32) {
    const scaled0 = f32x4.mul(v128.load(p + c), factor);
    const scaled1 = f32x4.mul(v128.load(p + c, 16), factor);
    v128.store(ds + c, f32x4.mul(scaled0, f32x4.sub(v128.load(ds + c), mean0)));
    v128.store(ds + c, f32x4.mul(scaled1, f32x4.sub(v128.load(ds + c, 16), mean1)), 16);
  }
}

/** 8 rows of queries = the sum over keys of factors [keys, 8] times packed columns of the keys. */
// @ts-ignore: decorator
@inline
function sumKeys(rows: usize, rowBytes: usize, factors: usize, columns: usize, T: i32, w: i32, keys: i32): void {
  for (let c = 0; c < w; c += PANEL) {
    outerTile(rows, rowBytes, factors, columns, keys, false);
    outerTile(rows + 4 * rowBytes, rowBytes, factors + 16, columns, keys, false);
    rows += 32;
    columns += <usize>T << 5;
  }
}

/** Rows of keys += factors [keys, 8] times the 8 rows of queries, which are packed columns. */
// @ts-ignore: decorator
@inline
function addQueries(rows: usize, rowBytes: usize, factors: usize, columns: usize, T: i32, w: i32, keys: i32): void {
  for (let c = 0; c < w; c += PANEL) {
    for (let key = 0; key < keys; key += 4) {
      tile(rows + <usize>key * rowBytes, rowBytes, factors + (<usize>key << 5), 32, columns, PANEL, true);
    }
    rows += 32;
    columns += <usize>T << 5;
  }
}

/** Multiplies each of 8 rows by its factor. */
// @ts-ignore: decorator
@inline
function scaleRows(rows: usize, rowBytes: usize, factors: usize): void {
  for (let row = 0; row < PANEL; row++) {
    const factor = v128.load32_splat(factors);
    for (let c: usize = 0; c < rowBytes; c += 16) v128.store(rows + c, f32x4.mul(v128.load(rows + c), factor));
    rows += rowBytes;
    factors += 4;
  }
}
