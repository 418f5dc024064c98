import { sigmoid4 } from "./elementary";

/** 2 sqrt(2 / pi): tanh(u) = 2 sigmoid(2 u) - 1. */
const FACTOR: f32 = 1.5957691216057308;
const CUBIC: f32 = 0.044715;

/**
 * y = GELU(x) = x/2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) = x sigmoid(2u), and x becomes the derivative there: the gradient
 * of x is that times the gradient of y. `count` values, a multiple of 4. (Hendrycks and Gimpel 2016, section 2.)
 */
export function geluForward(y: usize, x: usize, count: i32): void {
  const bytes = <usize>count << 2;
  const one = f32x4.splat(1);
  const factor = f32x4.splat(FACTOR);
  for (let c: usize = 0; c < bytes; c += 16) {
    const v = v128.load(x + c);
    const cubic = f32x4.mul(f32x4.splat(CUBIC), f32x4.mul(v, v));
    const s = sigmoid4(f32x4.mul(f32x4.mul(factor, v), f32x4.add(one, cubic)));
    const value = f32x4.mul(v, s);
    const slope = f32x4.mul(factor, f32x4.add(one, f32x4.mul(f32x4.splat(3), cubic)));
    v128.store(y + c, value);
    v128.store(x + c, f32x4.add(s, f32x4.mul(f32x4.mul(value, f32x4.sub(one, s)), slope)));
  }
}
