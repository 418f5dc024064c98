import { log } from "../model/elementary.js";

/** The four words of a generator: save them to continue with the same numbers. */
export type RandomState = [number, number, number, number];

/**
 * The generator of everything random in training: xoshiro128** 1.1 (Blackman and Vigna 2018), integers only, so that a seed
 * gives the same numbers everywhere.
 */
export class Random {
  private words: Uint32Array;

  private constructor(words: ArrayLike<number>) {
    this.words = Uint32Array.from(words);
  }

  /** A generator from a seed of 32 bits, spread over the state by splitmix32. */
  static fromSeed(seed: number): Random {
    let counter = seed >>> 0;
    const next = () => {
      counter = (counter + 0x9e3779b9) >>> 0;
      let z = counter;
      z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
      z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
      return (z ^ (z >>> 16)) >>> 0;
    };
    return new Random([next(), next(), next(), next()]);
  }

  static fromState(state: RandomState): Random {
    return new Random(state);
  }

  state(): RandomState {
    const [a, b, c, d] = this.words;
    return [a, b, c, d];
  }

  /** A whole number from 0 to 2^32 - 1. */
  nextUint32(): number {
    const s = this.words;
    const product = Math.imul(s[1], 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const t = s[1] << 9;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** A whole number from 0 to `limit` - 1 (limit up to 2^32), each equally likely. */
  below(limit: number): number {
    const fair = 2 ** 32 - (2 ** 32 % limit);
    let value = this.nextUint32();
    while (value >= fair) value = this.nextUint32();
    return value % limit;
  }

  /** A draw from the standard normal distribution, by Marsaglia's polar method (1964). */
  normal(): number {
    for (;;) {
      const u = this.nextUint32() / 2 ** 31 - 1;
      const v = this.nextUint32() / 2 ** 31 - 1;
      const square = u * u + v * v;
      if (square > 0 && square < 1) return u * Math.sqrt((-2 * log(square)) / square);
    }
  }
}
