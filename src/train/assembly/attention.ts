import { exp4 } from "./elementary";
import { addTo, sumLanes } from "./lanes";
import { tile } from "./matmul";

/**
 * The sparse pathway: one head, a sliding window of W positions (the current one included), a softmax over the `topK` (at
 * most 4) largest scores q.k * scale; among equals the older position is taken.
 *
 * q packed in panels of 8 queries, k [T, dHead] with T padded to a multiple of 8, v [T, w]. Keeps the positions (i32) and
 * their probabilities as [T, 4], largest first; places left over hold probability 0 and the token itself. `scores` is scratch
 * for 8 values per token.
 */
export function attentionForward(
  z: usize, probabilities: usize, positions: usize, scores: usize, queries: usize, k: usize, kStride: i32, v: usize, vStride: i32,
  T: i32, W: i32, topK: i32, depth: i32, scale: f32, stride: i32,
): void {
  const kBytes = <usize>kStride << 2;
  for (let t0 = 0; t0 < T; t0 += 8) {
    // Scores of 8 queries lie side by side, key after key.
    const panel = queries + (<usize>(t0 * depth) << 2);
    for (let key = max(0, t0 - W + 1) & ~3; key < t0 + 8; key += 4) {
      tile(scores + (<usize>key << 5), 32, k + <usize>key * kBytes, kBytes, panel, depth, false);
    }
    for (let half = 0; half < 8; half += 4) {
      const t = t0 + half;
      choose(probabilities + (<usize>t << 4), positions + (<usize>t << 4), scores + (<usize>half << 2), t, W, topK, scale);
    }
    const end = min(T, t0 + 8);
    for (let t = t0; t < end; t++) {
      const kept = <usize>t << 4;
      blend(z + ((<usize>(t * stride)) << 2), probabilities + kept, positions + kept, v, vStride, stride);
    }
  }
}

/**
 * The four best of 4 queries t .. t + 3 at once, a query per lane: writes their probabilities and positions as rows.
 * A score that beats the one in a place takes it and pushes the others down.
 */
// @ts-ignore: decorator
@inline
function choose(probabilities: usize, positions: usize, scores: usize, t: i32, W: i32, topK: i32, scale: f32): void {
  const own = i32x4.add(i32x4.splat(t), i32x4(0, 1, 2, 3));
  const none = f32x4.splat(-Infinity);
  let s0 = none, s1 = none, s2 = none, s3 = none;
  let i0 = own, i1 = own, i2 = own, i3 = own;
  // Of these keys some queries see only some.
  const allBefore = t;
  const allFrom = t + 3 - W + 1;
  for (let key = max(0, t - W + 1); key <= t + 3; key++) {
    let score = v128.load(scores + (<usize>key << 5));
    const place = i32x4.splat(key);
    if (key > allBefore || key < allFrom) {
      const seen = v128.and(i32x4.le_s(place, own), i32x4.gt_s(place, i32x4.sub(own, i32x4.splat(W))));
      score = v128.bitselect(score, none, seen);
    }
    const beats3 = f32x4.gt(score, s3);
    if (!v128.any_true(beats3)) continue;
    const beats0 = f32x4.gt(score, s0);
    const beats1 = f32x4.gt(score, s1);
    const beats2 = f32x4.gt(score, s2);
    s3 = v128.bitselect(s2, v128.bitselect(score, s3, beats3), beats2);
    i3 = v128.bitselect(i2, v128.bitselect(place, i3, beats3), beats2);
    s2 = v128.bitselect(s1, v128.bitselect(score, s2, beats2), beats1);
    i2 = v128.bitselect(i1, v128.bitselect(place, i2, beats2), beats1);
    s1 = v128.bitselect(s0, v128.bitselect(score, s1, beats1), beats0);
    i1 = v128.bitselect(i0, v128.bitselect(place, i1, beats1), beats0);
    s0 = v128.bitselect(score, s0, beats0);
    i0 = v128.bitselect(place, i0, beats0);
  }
  storeColumns(positions, i0, i1, i2, i3);
  // An empty place has a score of -infinity and so the probability 0.
  const factor = f32x4.splat(scale);
  const e0 = f32x4.splat(1);
  const e1 = topK > 1 ? exp4(f32x4.mul(f32x4.sub(s1, s0), factor)) : f32x4.splat(0);
  const e2 = topK > 2 ? exp4(f32x4.mul(f32x4.sub(s2, s0), factor)) : f32x4.splat(0);
  const e3 = topK > 3 ? exp4(f32x4.mul(f32x4.sub(s3, s0), factor)) : f32x4.splat(0);
  const total = f32x4.add(f32x4.add(e0, e1), f32x4.add(e2, e3));
  storeColumns(
    probabilities, f32x4.div(e0, total), f32x4.div(e1, total), f32x4.div(e2, total), f32x4.div(e3, total),
  );
}

/** Stores four vectors as the columns of a 4 x 4 block. */
// @ts-ignore: decorator
@inline
function storeColumns(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(to, v128.shuffle<i64>(ab, cd, 1, 3), 16);
  v128.store(to, v128.shuffle<i64>(ab2, cd2, 0, 2), 32);
  v128.store(to, v128.shuffle<i64>(ab2, cd2, 1, 3), 48);
}

// @ts-ignore: decorator
@inline
function blend(z: usize, probabilities: usize, positions: usize, v: usize, vStride: i32, stride: i32): void {
  const vBytes = <usize>vStride << 2;
  const v0 = v + <usize>load<i32>(positions) * vBytes;
  const v1 = v + <usize>load<i32>(positions, 4) * vBytes;
  const v2 = v + <usize>load<i32>(positions, 8) * vBytes;
  const v3 = v + <usize>load<i32>(positions, 12) * vBytes;
  const p0 = v128.load32_splat(probabilities);
  const p1 = v128.load32_splat(probabilities, 4);
  const p2 = v128.load32_splat(probabilities, 8);
  const p3 = v128.load32_splat(probabilities, 12);
  const rowBytes = <usize>stride << 2;
  for (let c: usize = 0; c < rowBytes; c += 16) {
    const a = f32x4.add(f32x4.mul(p0, v128.load(v0 + c)), f32x4.mul(p1, v128.load(v1 + c)));
    const b = f32x4.add(f32x4.mul(p2, v128.load(v2 + c)), f32x4.mul(p3, v128.load(v3 + c)));
    v128.store(z + c, f32x4.add(a, b));
  }
}

/**
 * Adds the gradients of q, k (depth values wide) and v (`stride` wide) to dq, dk, dv, which share the strides of q and v.
 * dScore_i = scale * p_i (dp_i - sum over j of p_j dp_j), dp_i = dz . v_i.
 */
export function attentionBackward(
  dq: usize, dk: usize, dv: usize, dvStride: i32, dz: usize, probabilities: usize, positions: usize, q: usize, k: usize,
  qStride: i32, v: usize, vStride: i32, T: i32, topK: i32, depth: i32, scale: f32, stride: i32,
): void {
  const qBytes = <usize>qStride << 2;
  for (let t = 0; t < T; t++) {
    const kept = <usize>t << 4;
    const count = min(topK, t + 1);
    const dzRow = dz + ((<usize>(t * stride)) << 2);
    let dp = f32x4.splat(0);
    for (let i = 0; i < count; i++) {
      const at = <usize>load<i32>(positions + kept + (i << 2));
      const p = v128.load32_splat(probabilities + kept + (i << 2));
      const dot = dotAndAdd(dv + ((at * <usize>dvStride) << 2), v + ((at * <usize>vStride) << 2), dzRow, p, stride);
      dp = i == 0 ? f32x4.replace_lane(dp, 0, dot)
        : i == 1 ? f32x4.replace_lane(dp, 1, dot)
        : i == 2 ? f32x4.replace_lane(dp, 2, dot)
        : f32x4.replace_lane(dp, 3, dot);
    }
    const p4 = v128.load(probabilities + kept);
    const mean = sumLanes(f32x4.mul(p4, dp));
    const ds = f32x4.mul(f32x4.splat(scale), f32x4.mul(p4, f32x4.sub(dp, f32x4.splat(mean))));
    const own = <usize>t * qBytes;
    for (let i = 0; i < count; i++) {
      const g = i == 0 ? f32x4.extract_lane(ds, 0)
        : i == 1 ? f32x4.extract_lane(ds, 1)
        : i == 2 ? f32x4.extract_lane(ds, 2)
        : f32x4.extract_lane(ds, 3);
      const at = <usize>load<i32>(positions + kept + (i << 2)) * qBytes;
      addScaled(dq + own, k + at, g, depth);
      addScaled(dk + at, q + own, g, depth);
    }
  }
}

/** dv += p * dz, and the dot product dz . v. */
// @ts-ignore: decorator
@inline
function dotAndAdd(dv: usize, v: usize, dz: usize, p: v128, stride: i32): f32 {
  const rowBytes = <usize>stride << 2;
  let dot = f32x4.splat(0);
  for (let c: usize = 0; c < rowBytes; c += 16) {
    const g = v128.load(dz + c);
    dot = f32x4.add(dot, f32x4.mul(g, v128.load(v + c)));
    addTo(dv + c, f32x4.mul(p, g));
  }
  return sumLanes(dot);
}

// @ts-ignore: decorator
@inline
function addScaled(target: usize, source: usize, factor: f32, depth: i32): void {
  const f = f32x4.splat(factor);
  const bytes = <usize>depth << 2;
  for (let c: usize = 0; c < bytes; c += 16) {
    addTo(target + c, f32x4.mul(f, v128.load(source + c)));
  }
}
