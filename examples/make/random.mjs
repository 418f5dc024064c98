// Random numbers of the examples: the same on every machine, so only +, -, *, / and 32-bit integers.

/** A generator of 32-bit integers (mulberry32) and what the examples draw with it; seed is 0..2^32-1. */
export function createRandom(seed) {
  let state = seed >>> 0;
  const bits = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  /** An integer from 0 to below - 1. */
  const next = (below) => bits() % below;
  /** A number from low up to high. */
  const between = (low, high) => low + ((high - low) * bits()) / 4294967296;
  /** An integer from low to high, both possible. */
  const integer = (low, high) => low + next(high - low + 1);
  /** Whether something of this probability (0..1) happens. */
  const chance = (probability) => between(0, 1) < probability;
  const pick = (list) => list[next(list.length)];
  /** Near enough to a normal number of mean 0 and deviation 1: the sum of twelve uniform ones (Irwin-Hall). */
  const normal = () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += between(0, 1);
    return sum;
  };
  /** The same elements in another order (Fisher-Yates); the list itself stays. */
  const shuffle = (list) => {
    const out = list.slice();
    for (let i = out.length - 1; i > 0; i--) {
      const j = next(i + 1);
      [out[i], out[j]] = [out[j], out[i]];
    }
    return out;
  };
  return { next, between, integer, chance, pick, normal, shuffle };
}
