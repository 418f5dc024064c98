import { addTo } from "./lanes";

/**
 * The state pathway: s_t = a * s_{t-1} + b * n_t per channel, s before the window is zero. a, b are [w].
 * The gated block's b is 1 - a; the base block's is learned.
 */

export function stateForward(s: usize, n: usize, nStride: i32, a: usize, b: usize, T: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  const nBytes = <usize>nStride << 2;
  for (let t = 0; t < T; t++) {
    for (let c: usize = 0; c < rowBytes; c += 16) {
      let value = f32x4.mul(v128.load(b + c), v128.load(n + c));
      if (t > 0) value = f32x4.add(f32x4.mul(v128.load(a + c), v128.load(s - rowBytes + c)), value);
      v128.store(s + c, value);
    }
    s += rowBytes;
    n += nBytes;
  }
}

/**
 * With G_t = dOut_t * out + a * G_{t+1} (gradient of s_t): dn_t += b * G_t, da += G_t * s_{t-1}, db += G_t * n_t,
 * dout += dOut_t * s_t. `carry` [w] is scratch. The caller turns da and db into gradients of the parameters.
 */
export function stateBackward(
  dn: usize, dnStride: i32, da: usize, db: usize, dout: usize, carry: usize, dOut: usize, s: usize, n: usize, nStride: i32,
  a: usize, b: usize, out: usize, T: i32, stride: i32,
): void {
  const rowBytes = <usize>stride << 2;
  const nBytes = <usize>nStride << 2;
  const dnBytes = <usize>dnStride << 2;
  memory.fill(carry, 0, rowBytes);
  let t = T - 1;
  // Two tokens at a time, the later one first; the sums share loads and stores.
  for (; t >= 2; t -= 2) {
    const sRow = s + <usize>t * rowBytes;
    const gRow = dOut + <usize>t * rowBytes;
    const nRow = n + <usize>t * nBytes;
    const dnRow = dn + <usize>t * dnBytes;
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const weight = v128.load(out + c);
      const a4 = v128.load(a + c);
      const b4 = v128.load(b + c);
      const s1 = v128.load(sRow + c);
      const s0 = v128.load(sRow - rowBytes + c);
      const g1 = v128.load(gRow + c);
      const g0 = v128.load(gRow - rowBytes + c);
      const total1 = f32x4.add(f32x4.mul(g1, weight), v128.load(carry + c));
      const total0 = f32x4.add(f32x4.mul(g0, weight), f32x4.mul(a4, total1));
      v128.store(carry + c, f32x4.mul(a4, total0));
      addTo(dout + c, f32x4.add(f32x4.mul(g1, s1), f32x4.mul(g0, s0)));
      addTo(dnRow + c, f32x4.mul(b4, total1));
      addTo(dnRow - dnBytes + c, f32x4.mul(b4, total0));
      const n1 = v128.load(nRow + c);
      const n0 = v128.load(nRow - nBytes + c);
      addTo(db + c, f32x4.add(f32x4.mul(total1, n1), f32x4.mul(total0, n0)));
      const before = v128.load(sRow - 2 * rowBytes + c);
      addTo(da + c, f32x4.add(f32x4.mul(total1, s0), f32x4.mul(total0, before)));
    }
  }
  for (; t >= 0; t--) {
    const sRow = s + <usize>t * rowBytes;
    const gRow = dOut + <usize>t * rowBytes;
    for (let c: usize = 0; c < rowBytes; c += 16) {
      const g = v128.load(gRow + c);
      const total = f32x4.add(f32x4.mul(g, v128.load(out + c)), v128.load(carry + c));
      v128.store(carry + c, f32x4.mul(v128.load(a + c), total));
      addTo(dout + c, f32x4.mul(g, v128.load(sRow + c)));
      addTo(dn + <usize>t * dnBytes + c, f32x4.mul(v128.load(b + c), total));
      addTo(db + c, f32x4.mul(total, v128.load(n + <usize>t * nBytes + c)));
      if (t > 0) addTo(da + c, f32x4.mul(total, v128.load(sRow - rowBytes + c)));
    }
  }
}

/** ddecay = (da - db) * derivative, the gradient through a = tanh(decay); db is 0 where the gain does not hang on a. */
export function decayGradient(ddecay: usize, da: usize, db: usize, derivative: usize, stride: i32): void {
  const bytes = <usize>stride << 2;
  for (let c: usize = 0; c < bytes; c += 16) {
    let g = v128.load(da + c);
    if (db) g = f32x4.sub(g, v128.load(db + c));
    v128.store(ddecay + c, f32x4.mul(g, v128.load(derivative + c)));
  }
}
