import { addTo } from "./lanes";

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
  let t = 0;
  // Two tokens at a time while both have all later ones: their gradients of the taps share loads and stores.
  for (; t + TAPS < T; t += 2) {
    for (let c: usize = 0; c < rowBytes; c += 16) {
      backwardPair(dn + c, dnBytes, dtaps + c, dl + c, rowBytes, v128.load(n + c), v128.load(n + nBytes + c), taps + c);
    }
    n += 2 * nBytes;
    dn += 2 * dnBytes;
    dl += 2 * rowBytes;
  }
  for (; t < T; t++) {
    const later = min(TAPS, T - t);
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const now = v128.load(n + c);
      let sum = v128.load(dn + c);
      let from = dl + c;
      let k: usize = c;
      for (let j = 0; j < later; j++) {
        const g = v128.load(from);
        sum = f32x4.add(sum, f32x4.mul(g, v128.load(taps + k)));
        addTo(dtaps + k, f32x4.mul(g, now));
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

// @ts-ignore: decorator
@inline
function backwardPair(
  dn: usize, dnBytes: usize, dtaps: usize, dl: usize, rowBytes: usize, n0: v128, n1: v128, taps: usize,
): void {
  const g0 = v128.load(dl);
  const g1 = v128.load(dl + rowBytes);
  const g2 = v128.load(dl + 2 * rowBytes);
  const g3 = v128.load(dl + 3 * rowBytes);
  const g4 = v128.load(dl + 4 * rowBytes);
  const g5 = v128.load(dl + 5 * rowBytes);
  const k0 = v128.load(taps);
  const k1 = v128.load(taps + rowBytes);
  const k2 = v128.load(taps + 2 * rowBytes);
  const k3 = v128.load(taps + 3 * rowBytes);
  const k4 = v128.load(taps + 4 * rowBytes);
  const near0 = f32x4.add(f32x4.mul(g0, k0), f32x4.mul(g1, k1));
  const far0 = f32x4.add(f32x4.add(f32x4.mul(g2, k2), f32x4.mul(g3, k3)), f32x4.mul(g4, k4));
  addTo(dn, f32x4.add(near0, far0));
  const near1 = f32x4.add(f32x4.mul(g1, k0), f32x4.mul(g2, k1));
  const far1 = f32x4.add(f32x4.add(f32x4.mul(g3, k2), f32x4.mul(g4, k3)), f32x4.mul(g5, k4));
  addTo(dn + dnBytes, f32x4.add(near1, far1));
  addTo(dtaps, f32x4.add(f32x4.mul(g0, n0), f32x4.mul(g1, n1)));
  addTo(dtaps + rowBytes, f32x4.add(f32x4.mul(g1, n0), f32x4.mul(g2, n1)));
  addTo(dtaps + 2 * rowBytes, f32x4.add(f32x4.mul(g2, n0), f32x4.mul(g3, n1)));
  addTo(dtaps + 3 * rowBytes, f32x4.add(f32x4.mul(g3, n0), f32x4.mul(g4, n1)));
  addTo(dtaps + 4 * rowBytes, f32x4.add(f32x4.mul(g4, n0), f32x4.mul(g5, n1)));
}
