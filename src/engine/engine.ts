/** How to choose the next symbol: SPEC.md section 3.8. */
export interface Sampler {
  /** In 1/256, 0..65535; 0 is argmax. */
  temperature: number;
  /** 0..65535; 0 keeps all. */
  topK: number;
  /** In 1/32768, 0..65535; 0, and 32768 and above, keep all. */
  topP: number;
  /** State of the generator, 32 bits; any seed. Moved on by every draw. */
  random: number;
}

/** How far the logits follow what the stream said before: SPEC.md section 3.6.1. */
export interface RecallSettings {
  /** 0..6: symbols that followed a longer match are left alone. */
  longest: number;
  /** 0..7: symbols that followed a match of so many symbols, or more, lose `penalty` instead. */
  repeats: number;
  /** 0..32767, in 1/2048 bit. */
  penalty: number;
}

/** Whether an engine accepts a model, and the RAM it asks for. */
export interface CheckResult {
  /** The number of SPEC.md section 6; 0 when the model is valid. */
  error: number;
  /** Bytes of arena on a 32-bit target; 0 when the model is refused. */
  arenaBytes: number;
}

/** The router of one layer in the last step. */
export interface RouterMix {
  /** Probabilities of local, state, sparse in 1/32768; 0 for a pathway that the layer lacks. */
  mix: [number, number, number];
  /** Of the mix, in 1/2048 bit. */
  entropy: number;
}

/** What a sample has in place of a value that was not measured; any other outside of its column's range is missing, too. */
export const MISSING = -(2 ** 31);

/** What a classifier decides: SPEC.md section 3.8. */
export interface Decision {
  /** -1: none, because the model is not sure enough. */
  class: number;
  /** The largest of the scores, in 1/32768. */
  probability: number;
}

/**
 * A running stream of a model, as atome.h declares it. Every engine gives the same bits. A call with an argument out of its
 * range, or for logits that are not there, throws a UsageError and changes nothing: SPEC.md section 6.1.
 */
export interface Engine {
  /** Symbols V: those fed are 0..vocab - 1. */
  readonly vocab: number;
  /** Logits O: the vocabulary of a language model, the classes of a classifier. */
  readonly outputs: number;
  readonly nLayers: number;
  /** Numbers of a sample; 0 of a model of no sensor. */
  readonly columns: number;
  /** Bytes of arena on a 32-bit target. */
  readonly arenaBytes: number;
  /** Forgets everything, an escape half decoded included: the state of a new engine, but for what `recall` has set. */
  reset(): void;
  /**
   * Sets how far recall goes; a model without it does not mind. A new engine has 6, 7, 0: all of what was learned, which is
   * right for text that is read. Text that the model writes would go in circles: 1, 4, 6144 keeps it from that; 0, 0, 0 is
   * no recall.
   */
  recall(settings: RecallSettings): void;
  /** Takes one symbol without computing logits. */
  feed(symbol: number): void;
  /**
   * Takes one sample of a sensor, in place of a symbol.
   *
   * @param values one per column, 32-bit integers: `MISSING` and all outside of the column's range are missing
   */
  feedSample(values: ArrayLike<number>): void;
  /**
   * Logits after the last symbol or sample fed, in 1/2048 bit, one per output; there are none after a reset. The array is the
   * engine's own and holds them until its next call of feed, feedSample, step, scores or decide.
   */
  logits(): Int32Array;
  /** `feed`, then `logits`. */
  step(symbol: number): Int32Array;
  /** Index of the largest logit, the lowest among equals. It needs `logits` or `step` before; so do `sample`, `scores` and
   * `decide`. */
  argmax(): number;
  /** Draws an output and moves `sampler.random` on. */
  sample(sampler: Sampler): number;
  /** Turns the logits into probabilities in 1/32768, in place. */
  scores(): Int32Array;
  /** The class, or none; turns the logits into probabilities, as `scores` does. */
  decide(): Decision;
  /** Of probabilities in 1/32768, 1024 at most, in 1/2048 bit. */
  entropy(probabilities: ArrayLike<number>): number;
  /** @param layer 0..nLayers - 1 */
  router(layer: number): RouterMix;
  /**
   * The symbols of a text: greedy, longest first (SPEC.md section 4).
   *
   * @throws UsageError when a byte has no symbol: only in a model without tokens and with fewer than 256 symbols
   */
  encode(text: Uint8Array): Uint16Array;
  /** The bytes of the next symbol of an output stream: none while an escape is under way, which the engine remembers. */
  decode(symbol: number): Uint8Array;
  /** UTF-8 name of an output; empty when the model has no class names. */
  className(index: number): Uint8Array;
}
