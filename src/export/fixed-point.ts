/** Real numbers as the multipliers and shifts of SPEC.md. */
import type { Scale } from "../format/parts.js";
import { FailureError } from "../model/errors.js";

const MULTIPLIER_MAX = 32767;
const SHIFT_MIN = 2;
const SHIFT_MAX = 31;
/** Largest factor of scale(v, k): multiplier 32767, shift 2. */
export const SCALE_MAX = MULTIPLIER_MAX / 2 ** (15 + SHIFT_MIN);
/** Largest factor of (v * multiplier) >> shift. */
export const GAIN_MAX = MULTIPLIER_MAX / 2 ** SHIFT_MIN;
/** A scale that is not used. */
export const UNUSED: Scale = { multiplier: 0, shift: 2 };

/** Whole number nearest to `value`, within -limit..limit. */
export const roundTo = (value: number, limit: number): number =>
  Math.max(-limit, Math.min(limit, Math.round(value))) + 0;

/** The largest magnitude of some values; 0 for none. */
export function largestMagnitude(values: ArrayLike<number>): number {
  let largest = 0;
  for (let index = 0; index < values.length; index++) largest = Math.max(largest, Math.abs(values[index]));
  return largest;
}

/** {multiplier, shift} with multiplier / 2^shift nearest to `gain`, the multiplier in [2^14, 2^15) where the shift allows. */
function normalised(gain: number): Scale {
  if (gain === 0) return UNUSED;
  let shift = SHIFT_MIN;
  while (shift < SHIFT_MAX && gain * 2 ** (shift + 1) < MULTIPLIER_MAX + 0.5) shift++;
  return { multiplier: Math.round(gain * 2 ** shift), shift };
}

/**
 * The factor of (v * multiplier) >> shift: multiplier / 2^shift = gain.
 *
 * @param name the tensor it comes from, for the error
 * @throws FailureError when it is not finite or above GAIN_MAX
 */
export function gainScale(gain: number, name: string): Scale {
  // Up to what rounds to the largest multiplier: units at their limit miss it by a last bit.
  if (!(gain >= 0 && gain * 2 ** SHIFT_MIN < MULTIPLIER_MAX + 0.5)) {
    throw new FailureError(
      `Cannot export the model: the tensor "${name}" needs a scale of ${gain.toPrecision(3)} but at most ${GAIN_MAX} can be written; train with more weight decay or a lower learning rate.`,
    );
  }
  return normalised(gain);
}

/** The factor of scale(v, k) = v * multiplier / 2^(15 + shift). Throws as `gainScale`. */
export const factorScale = (factor: number, name: string): Scale => gainScale(factor * 2 ** 15, name);

/** The largest shift from 0 to 31 with |value| * 2^shift <= limit for all values of this magnitude; 0 for magnitude 0. */
export function headroomShift(magnitude: number, limit: number): number {
  let shift = 0;
  while (magnitude > 0 && shift < SHIFT_MAX && magnitude * 2 ** (shift + 1) <= limit) shift++;
  return shift;
}
