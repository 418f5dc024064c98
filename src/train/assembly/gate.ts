/** The gate of the gated block: m = h * g, element by element. h and m are [T, stride], g has its own stride. */

export function gateForward(m: usize, h: usize, g: usize, gStride: i32, T: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let t = 0; t < T; t++) {
    for (let c: usize = 0; c < rowBytes; c += 16) {
      v128.store(m + c, f32x4.mul(v128.load(h + c), v128.load(g + c)));
    }
    m += rowBytes;
    h += rowBytes;
    g += <usize>gStride << 2;
  }
}

/** dg = dm * h, and dm becomes dh = dm * g in place. dg has the stride of g. */
export function gateBackward(dm: usize, dg: usize, h: usize, g: usize, gStride: i32, T: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let t = 0; t < T; t++) {
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const d = v128.load(dm + c);
      v128.store(dg + c, f32x4.mul(d, v128.load(h + c)));
      v128.store(dm + c, f32x4.mul(d, v128.load(g + c)));
    }
    dm += rowBytes;
    h += rowBytes;
    g += <usize>gStride << 2;
    dg += <usize>gStride << 2;
  }
}
