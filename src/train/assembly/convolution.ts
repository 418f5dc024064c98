/** The local pathway: a causal convolution of 5 taps per channel. `taps` is [5, w]: tap 0 meets the current token. */

const TAPS: i32 = 5;

/** l_t = sum over j of taps_j * n_{t-j}; tokens before the window are zero. n has its own stride, l is `stride` wide. */
export function convolutionForward(l: usize, n: usize, nStride: i32, taps: usize, T: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  const nBytes = <usize>nStride << 2;
  for (let t = 0; t < T; t++) {
    if (t >= TAPS - 1) {
      for (let c: usize = 0; c < rowBytes; c += 16) {
        let k = taps + c;
        let from = n + c;
        let sum = f32x4.mul(v128.load(from), v128.load(k));
        from -= nBytes;
        k += rowBytes;
        sum = f32x4.add(sum, f32x4.mul(v128.load(from), v128.load(k)));
        from -= nBytes;
        k += rowBytes;
        sum = f32x4.add(sum, f32x4.mul(v128.load(from), v128.load(k)));
        from -= nBytes;
        k += rowBytes;
        sum = f32x4.add(sum, f32x4.mul(v128.load(from), v128.load(k)));
        from -= nBytes;
        k += rowBytes;
        sum = f32x4.add(sum, f32x4.mul(v128.load(from), v128.load(k)));
        v128.store(l + c, sum);
      }
    } else {
      for (let c: usize = 0; c < rowBytes; c += 16) {
        let sum = f32x4.mul(v128.load(n + c), v128.load(taps + c));
        for (let j = 1; j <= t; j++) {
          sum = f32x4.add(sum, f32x4.mul(v128.load(n - <usize>j * nBytes + c), v128.load(taps + <usize>j * rowBytes + c)));
        }
        v128.store(l + c, sum);
      }
    }
    n += nBytes;
    l += rowBytes;
  }
}

/** dn_t += sum over j of taps_j * dl_{t+j}; dtaps_j += sum over t of dl_t * n_{t-j}. */
export function convolutionBackward(
  dn: usize, dnStride: i32, dtaps: usize, dl: usize, n: usize, nStride: i32, taps: usize, T: i32, stride: i32,
): void {
  const rowBytes = <usize>stride << 2;
  const nBytes = <usize>nStride << 2;
  const dnBytes = <usize>dnStride << 2;
  for (let t = 0; t < T; t++) {
    const later = min(TAPS, T - t);
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const now = v128.load(n + c);
      let sum = v128.load(dn + c);
      let from = dl + c;
      let k: usize = c;
      for (let j = 0; j < later; j++) {
        const g = v128.load(from);
        sum = f32x4.add(sum, f32x4.mul(g, v128.load(taps + k)));
        v128.store(dtaps + k, f32x4.add(v128.load(dtaps + k), f32x4.mul(g, now)));
        from += rowBytes;
        k += rowBytes;
      }
      v128.store(dn + c, sum);
    }
    n += nBytes;
    dn += dnBytes;
    dl += rowBytes;
  }
}
