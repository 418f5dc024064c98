import { exp4 } from "./elementary";
import { addTo, sumLanes } from "./lanes";
import { tile } from "./matmul";

/**
 * The sparse pathway: one head, a sliding window of W positions (the current one included), a softmax over the `topK` (at
 * most 4) largest scores q.k * scale; among equals the older position is taken.
 *
 * q [T, dHead], k packed in panels of 8 keys, v [T, w]. Keeps the positions (i32) and their probabilities as [T, 4]; places
 * left over hold probability 0 and the token itself. `scores` is scratch for 4 rows of `scoreStride` >= T values.
 */
export function attentionForward(
  z: usize, probabilities: usize, positions: usize, scores: usize, scoreStride: i32, q: usize, qStride: i32, keys: usize,
  v: usize, vStride: i32, T: i32, W: i32, topK: i32, depth: i32, scale: f32, stride: i32,
): void {
  const scoreBytes = <usize>scoreStride << 2;
  const qBytes = <usize>qStride << 2;
  for (let t0 = 0; t0 < T; t0 += 4) {
    const firstPanel = max(0, t0 - W + 1) >> 3;
    const lastPanel = (t0 + 3) >> 3;
    for (let panel = firstPanel; panel <= lastPanel; panel++) {
      const to = scores + (<usize>panel << 5);
      tile(to, scoreBytes, q + <usize>t0 * qBytes, qBytes, keys + (<usize>(panel * depth) << 5), depth, false);
    }
    const end = min(T, t0 + 4);
    for (let t = t0; t < end; t++) {
      const kept = <usize>t << 4;
      choose(probabilities + kept, positions + kept, scores + <usize>(t - t0) * scoreBytes, max(0, t - W + 1), t);
      softmax(probabilities + kept, min(topK, min(t + 1, W)), scale);
      blend(z + ((<usize>(t * stride)) << 2), probabilities + kept, positions + kept, v, vStride, stride);
    }
  }
}

/** Writes the four largest of scores[first .. last] and their positions, largest first; the softmax uses the first `topK`. */
// @ts-ignore: decorator
@inline
function choose(best: usize, places: usize, scores: usize, first: i32, last: i32): void {
  let s0: f32 = -Infinity;
  let s1 = s0, s2 = s0, s3 = s0;
  let i0 = last;
  let i1 = i0, i2 = i0, i3 = i0;
  let i = first;
  while (i <= last) {
    // Most scores are below the fourth: four are ruled out at once.
    if (i + 3 <= last) {
      const four = v128.load(scores + (<usize>i << 2));
      if (!v128.any_true(f32x4.gt(four, f32x4.splat(s3)))) {
        i += 4;
        continue;
      }
    }
    const end = min(i + 4, last + 1);
    for (; i < end; i++) {
      const score = load<f32>(scores + (<usize>i << 2));
      if (score <= s3) continue;
      if (score > s1) {
        s3 = s2;
        i3 = i2;
        s2 = s1;
        i2 = i1;
        if (score > s0) {
          s1 = s0;
          i1 = i0;
          s0 = score;
          i0 = i;
        } else {
          s1 = score;
          i1 = i;
        }
      } else if (score > s2) {
        s3 = s2;
        i3 = i2;
        s2 = score;
        i2 = i;
      } else {
        s3 = score;
        i3 = i;
      }
    }
  }
  store<f32>(best, s0);
  store<f32>(best, s1, 4);
  store<f32>(best, s2, 8);
  store<f32>(best, s3, 12);
  store<i32>(places, i0);
  store<i32>(places, i1, 4);
  store<i32>(places, i2, 8);
  store<i32>(places, i3, 12);
}

/** The first `count` scores, largest first, become probabilities; the rest become 0. */
// @ts-ignore: decorator
@inline
function softmax(best: usize, count: i32, scale: f32): void {
  const shifted = f32x4.sub(v128.load(best), v128.load32_splat(best));
  let e = exp4(f32x4.mul(shifted, f32x4.splat(scale)));
  if (count < 4) e = f32x4.replace_lane(e, 3, 0);
  if (count < 3) e = f32x4.replace_lane(e, 2, 0);
  if (count < 2) e = f32x4.replace_lane(e, 1, 0);
  v128.store(best, f32x4.div(e, f32x4.splat(sumLanes(e))));
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
