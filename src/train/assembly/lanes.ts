/** Four float32 values side by side. */

/** Sum of the four lanes, in a fixed order. */
// @ts-ignore: decorator
@inline
export function sumLanes(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** Adds four values to those in memory. */
// @ts-ignore: decorator
@inline
export function addTo(target: usize, value: v128): void {
  v128.store(target, f32x4.add(v128.load(target), value));
}
