/**
 * One step of AdamW over `count` (a multiple of 4) values in place: g' = g * gradientScale, m and v follow g' and its square,
 * w = w * keep - rate * m / (sqrt(v / correction2) + epsilon). `keep` is 1 - learning rate * weight decay, `rate` the learning
 * rate over the first moment's bias correction. (Loshchilov and Hutter 2019, algorithm 2.)
 */
export function adamw(
  w: usize, m: usize, v: usize, g: usize, count: i32, gradientScale: f32, rate: f32, keep: f32, beta1: f32, beta2: f32,
  correction2: f32, epsilon: f32,
): void {
  const bytes = <usize>count << 2;
  const b1 = f32x4.splat(beta1);
  const b2 = f32x4.splat(beta2);
  const rest1 = f32x4.splat(1 - beta1);
  const rest2 = f32x4.splat(1 - beta2);
  const scale = f32x4.splat(gradientScale);
  const root = f32x4.splat(1 / sqrt<f32>(correction2));
  const rate4 = f32x4.splat(rate);
  const keep4 = f32x4.splat(keep);
  const epsilon4 = f32x4.splat(epsilon);
  for (let c: usize = 0; c < bytes; c += 16) {
    const gradient = f32x4.mul(v128.load(g + c), scale);
    const first = f32x4.add(f32x4.mul(v128.load(m + c), b1), f32x4.mul(gradient, rest1));
    const second = f32x4.add(f32x4.mul(v128.load(v + c), b2), f32x4.mul(f32x4.mul(gradient, gradient), rest2));
    v128.store(m + c, first);
    v128.store(v + c, second);
    const step = f32x4.div(f32x4.mul(rate4, first), f32x4.add(f32x4.mul(f32x4.sqrt(second), root), epsilon4));
    v128.store(w + c, f32x4.sub(f32x4.mul(v128.load(w + c), keep4), step));
  }
}
