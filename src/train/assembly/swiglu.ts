import { sigmoid4 } from "./elementary";

/**
 * The gated MLP of llama: m = silu(g) * u, silu(g) = g sigmoid(g), with g and u [T, w] side by side in rows of 2 w values. They
 * become the derivatives of m by them, which the backward pass only multiplies. (Shazeer 2020, equation 5.)
 */
export function swigluForward(m: usize, gu: usize, T: i32, w: i32): void {
  const wBytes = <usize>w << 2;
  const one = f32x4.splat(1);
  for (let t = 0; t < T; t++) {
    const u = gu + wBytes;
    for (let c: usize = 0; c < wBytes; c += 16) {
      const g = v128.load(gu + c);
      const up = v128.load(u + c);
      const s = sigmoid4(g);
      const silu = f32x4.mul(g, s);
      v128.store(m + c, f32x4.mul(silu, up));
      // d silu / dg = s + g s (1 - s)
      v128.store(gu + c, f32x4.mul(up, f32x4.add(s, f32x4.mul(silu, f32x4.sub(one, s)))));
      v128.store(u + c, silu);
    }
    m += wBytes;
    gu += 2 * wBytes;
  }
}

/** What the forward pass left becomes the gradients of g and u: each times dm. */
export function swigluBackward(gu: usize, dm: usize, T: i32, w: i32): void {
  const wBytes = <usize>w << 2;
  for (let t = 0; t < T; t++) {
    for (let c: usize = 0; c < wBytes; c += 16) {
      const d = v128.load(dm + c);
      v128.store(gu + c, f32x4.mul(v128.load(gu + c), d));
      v128.store(gu + wBytes + c, f32x4.mul(v128.load(gu + wBytes + c), d));
    }
    dm += wBytes;
    gu += 2 * wBytes;
  }
}
