import { exp4 } from "./elementary";
import { sumLanes } from "./lanes";

/**
 * The router: r = scale * softmax(logits + bias) over the layer's P pathways, kept as [T, 4] with local, state, sparse in
 * lanes 0, 1, 2. `slots` holds the lanes of the P pathways, 2 bits each. `bias` is 0 where the block has none.
 */
export function routerForward(
  r: usize, logits: usize, logitStride: i32, bias: usize, P: i32, slots: i32, scale: f32, T: i32,
): void {
  const first = slots & 3;
  const second = (slots >> 2) & 3;
  const third = (slots >> 4) & 3;
  for (let t = 0; t < T; t++) {
    let v = v128.load(logits);
    if (bias) v = f32x4.add(v, v128.load(bias));
    let largest = max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1));
    if (P > 2) largest = max(largest, f32x4.extract_lane(v, 2));
    let e = exp4(f32x4.sub(v, f32x4.splat(largest)));
    e = f32x4.replace_lane(e, 3, 0);
    if (P < 3) e = f32x4.replace_lane(e, 2, 0);
    const p = f32x4.mul(e, f32x4.splat(scale / sumLanes(e)));
    v128.store(r, f32x4.splat(0));
    store<f32>(r + (first << 2), f32x4.extract_lane(p, 0));
    store<f32>(r + (second << 2), f32x4.extract_lane(p, 1));
    if (P > 2) store<f32>(r + (third << 2), f32x4.extract_lane(p, 2));
    r += 16;
    logits += <usize>logitStride << 2;
  }
}

/** Without a router: r = 1 in the lanes of the P pathways. */
export function constantRouter(r: usize, P: i32, slots: i32, T: i32): void {
  for (let t = 0; t < T; t++) {
    v128.store(r, f32x4.splat(0));
    for (let i = 0; i < P; i++) store<f32>(r + (((slots >> (2 * i)) & 3) << 2), 1);
    r += 16;
  }
}

/**
 * dlogits_i = r_i * (dr_i - sum over j of r_j dr_j / scale), written with zeros up to lane 7; dbias collects them unless 0.
 */
export function routerBackward(
  dlogits: usize, logitStride: i32, dbias: usize, dr: usize, r: usize, P: i32, slots: i32, scale: f32, T: i32,
): void {
  for (let t = 0; t < T; t++) {
    const g = v128.load(dr);
    const p = v128.load(r);
    const mean = sumLanes(f32x4.mul(g, p)) / scale;
    const d = f32x4.mul(p, f32x4.sub(g, f32x4.splat(mean)));
    v128.store(dlogits, f32x4.splat(0));
    v128.store(dlogits, f32x4.splat(0), 16);
    // Through memory: lanes are chosen at run time.
    v128.store(dr, d);
    for (let i = 0; i < P; i++) {
      const value = load<f32>(dr + (((slots >> (2 * i)) & 3) << 2));
      store<f32>(dlogits + (i << 2), value);
      if (dbias) store<f32>(dbias + (i << 2), load<f32>(dbias + (i << 2)) + value);
    }
    dr += 16;
    r += 16;
    dlogits += <usize>logitStride << 2;
  }
}
