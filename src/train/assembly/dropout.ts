/** Dropout (Srivastava et al. 2014): each of `count` values, a multiple of 4, is zeroed by chance, the others times `scale`. */

/**
 * Which ones is a function of `key` and the place alone, so the same call is forward and backward: value i stays where 31 bits of
 * the i-th number of splitmix32 from `key` reach `threshold`.
 */
export function dropout(x: usize, count: i32, key: i32, threshold: i32, scale: f32): void {
  const limit = i32x4.splat(threshold);
  const factor = f32x4.splat(scale);
  const golden = i32x4.splat(0x9e3779b9);
  const step = i32x4.splat(0x9e3779b9 * 4);
  const first = i32x4(1, 2, 3, 4);
  let counter = i32x4.add(i32x4.splat(key), i32x4.mul(first, golden));
  const end = x + (<usize>count << 2);
  for (; x < end; x += 16) {
    let z = i32x4.mul(v128.xor(counter, i32x4.shr_u(counter, 16)), i32x4.splat(0x85ebca6b));
    z = i32x4.mul(v128.xor(z, i32x4.shr_u(z, 13)), i32x4.splat(0xc2b2ae35));
    z = v128.xor(z, i32x4.shr_u(z, 16));
    const stays = i32x4.ge_s(i32x4.shr_u(z, 1), limit);
    v128.store(x, v128.and(f32x4.mul(v128.load(x), factor), stays));
    counter = i32x4.add(counter, step);
  }
}
