import { sumLanes } from "./lanes";

/**
 * h_t = x_t + r_local l_t + r_state (out * s_t) + r_sparse z_t. x, l, s or z is 0 where there is none.
 * All are [T, stride], r is [T, 4], out is [w].
 */
export function mixForward(h: usize, x: usize, r: usize, l: usize, s: usize, out: usize, z: usize, T: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let t = 0; t < T; t++) {
    const r0 = v128.load32_splat(r);
    const r1 = v128.load32_splat(r, 4);
    const r2 = v128.load32_splat(r, 8);
    const row = <usize>t * rowBytes;
    for (let c: usize = 0; c < rowBytes; c += 16) {
      let sum = x ? v128.load(x + row + c) : f32x4.splat(0);
      if (l) sum = f32x4.add(sum, f32x4.mul(r0, v128.load(l + row + c)));
      if (s) sum = f32x4.add(sum, f32x4.mul(r1, f32x4.mul(v128.load(out + c), v128.load(s + row + c))));
      if (z) sum = f32x4.add(sum, f32x4.mul(r2, v128.load(z + row + c)));
      v128.store(h + row + c, sum);
    }
    r += 16;
  }
}

/**
 * dl = r_local dh, ds = r_state dh (gradient of out * s), dz = r_sparse dh, and dr [T, 4] = the dot products of dh with
 * what each pathway gave. Pointers are 0 where the pathway is absent.
 */
export function mixBackward(
  dl: usize, ds: usize, dz: usize, dr: usize, dh: usize, r: usize, l: usize, s: usize, out: usize, z: usize, T: i32, stride: i32,
): void {
  const rowBytes = <usize>stride << 2;
  for (let t = 0; t < T; t++) {
    const r0 = v128.load32_splat(r);
    const r1 = v128.load32_splat(r, 4);
    const r2 = v128.load32_splat(r, 8);
    const row = <usize>t * rowBytes;
    let dot0 = f32x4.splat(0);
    let dot1 = dot0;
    let dot2 = dot0;
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const g = v128.load(dh + row + c);
      if (l) {
        dot0 = f32x4.add(dot0, f32x4.mul(g, v128.load(l + row + c)));
        v128.store(dl + row + c, f32x4.mul(r0, g));
      }
      if (s) {
        dot1 = f32x4.add(dot1, f32x4.mul(g, f32x4.mul(v128.load(out + c), v128.load(s + row + c))));
        v128.store(ds + row + c, f32x4.mul(r1, g));
      }
      if (z) {
        dot2 = f32x4.add(dot2, f32x4.mul(g, v128.load(z + row + c)));
        v128.store(dz + row + c, f32x4.mul(r2, g));
      }
    }
    store<f32>(dr, sumLanes(dot0));
    store<f32>(dr, sumLanes(dot1), 4);
    store<f32>(dr, sumLanes(dot2), 8);
    store<f32>(dr, 0, 12);
    r += 16;
    dr += 16;
  }
}
