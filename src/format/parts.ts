import type { Dimensions, ScaleName, Signal } from "./layout.js";

/** value -> mulq15(value, multiplier) >> shift, that is value * multiplier / 2^(15 + shift). */
export interface Scale {
  /** 0..32767 */
  multiplier: number;
  /** 2..31 */
  shift: number;
}

/** rows x columns of -1, 0, 1, row-major. */
export interface TernaryTable {
  kind: "ternary";
  trits: Int8Array;
}

/** rows x columns of -8..7, row-major, and a step per row. */
export interface Int4Table {
  kind: "int4";
  values: Int8Array;
  /** 0..32767 */
  steps: Uint16Array;
}
export type Table = TernaryTable | Int4Table;

/** One pair per channel of d. */
export interface NormPairs {
  gamma: Int16Array;
  beta: Int16Array;
}

export interface LayerParts {
  /** Bits of `PATHWAY`. */
  pathways: number;
  normShift: number;
  /** 0 without sparse attention. */
  window: number;
  scales: Record<ScaleName, Scale>;
  /** In the order of the layer's pathways; unused ones 0. */
  routerBias: readonly [number, number, number];
  tapShift: number;
  mixShift: number;
  norm: NormPairs;
  /** w x 5, row-major, tap 0 the current symbol: -1..1 in the base block, -32..31 in the gated one. */
  taps: Int8Array | undefined;
  /** One per channel of w; gated block only. */
  tapScales: Int16Array | undefined;
  /** One pair per channel of w. */
  state: { a: Int16Array; c: Int16Array } | undefined;
  /** Its rows are `firstRows` of layout.ts, d columns. All matrices of all layers are of one kind. */
  first: Table | undefined;
  /** 2 dHead x e; gated block with sparse attention. */
  second: Table | undefined;
  /** d x e; gated block. */
  third: Table | undefined;
}

/** What followed earlier matches is made likelier: one pair per match length m and kind k, index 4 m + k. */
export interface RecallParts {
  /** Symbols remembered. */
  window: number;
  /** The symbol that empties the memory. */
  forget: number | undefined;
  /** Whether the table of the logits ends in the two rows of the gates: without and with a match. */
  gates: boolean;
  /** What each symbol adds by itself, 2 x V: a row without and a row with a match; a step is in 1/2048 bit. */
  symbols: Int4Table | undefined;
  bonus: Int16Array;
  /** 0..32767 */
  pull: Int16Array;
}

/** Rows that the last runs of symbols add to the embedding. */
export interface NgramParts {
  /** Rows of the table, 1..65535. */
  buckets: number;
  /** Bit n - 2 for runs of n symbols, 1..255. */
  orders: number;
  /** What a trit stands for, in the units of x: 0..2^21 - 1. */
  scale: number;
  /** buckets x d, row-major. */
  trits: Int8Array;
}

/** One number of a sensor's sample. */
export interface SensorColumn {
  /** Thresholds of the number, strictly increasing; 0..63. */
  values: Int32Array;
  /** Thresholds of its difference to the one before, strictly increasing; 0..63, and not both none. */
  differences: Int32Array;
  /** The number is in units of 10^-decimals of what was measured, -128..127; not read by the engine. */
  decimals: number;
  /** Numbers outside of -2^30 <= least..greatest < 2^30 are missing. */
  least: number;
  greatest: number;
}

/** What a step takes in place of a symbol: 1..64 columns, whose levels are the rows of the embedding table. */
export interface SensorParts {
  columns: readonly SensorColumn[];
}

/** When a decision stands: its confidence is at least the threshold. */
export interface DecisionParts {
  signal: Signal;
  /** -2^31..2^31 - 1, in 1/32768 for the probability and in 1/2048 bit for the others. */
  threshold: number;
}

/** Everything an .atome file says, decoded. The fields are those of SPEC.md, with their ranges. */
export interface ModelParts {
  dimensions: Dimensions;
  epsilon: number;
  embedScale: number;
  logitScale: Scale;
  finalNormShift: number;
  /** A row per symbol; when tied, those of the gates of recall behind them. */
  embedding: Table;
  layers: readonly LayerParts[];
  finalNorm: NormPairs;
  /** Undefined when tied: the embedding serves. */
  unembedding: Table | undefined;
  recall: RecallParts | undefined;
  ngrams: NgramParts | undefined;
  /** Whether the logits are those of the sum over all steps; a classifier only, as the next two. */
  pooled: boolean;
  /** Without n-grams and tokens. */
  sensor: SensorParts | undefined;
  decision: DecisionParts | undefined;
  /** Byte strings of the symbols; undefined when a symbol is a byte. */
  tokens: readonly Uint8Array[] | undefined;
  /** UTF-8 names of the outputs; defined for a classifier only. */
  classNames: readonly Uint8Array[] | undefined;
  /** JSON text. */
  metadata: string | undefined;
  /** Content of the signature section: `signature.ts`. */
  signature: Uint8Array | undefined;
}
