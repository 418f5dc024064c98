/** The pathways in the order of the router's rows. */
export const PATHWAYS = ["local", "state", "sparse"] as const;
export type Pathway = (typeof PATHWAYS)[number];

/** Taps of the local pathway's convolution; tap 0 is the current symbol. */
export const TAPS = 5;

/** Recall tells matches of 0 to 5 symbols, and of 6 or more, apart, and of each length four kinds: see ARCHITECTURE.md, "Recall". */
export const RECALL_LENGTHS = 7;
export const RECALL_KINDS = 4;
/** One for symbols without a match, one for those with. */
export const RECALL_GATES = 2;

/** Epsilon of every LayerNorm and RMSNorm. */
export const LAYER_NORM_EPSILON = 1e-5;

/** `base` and `gated` are ours; `gpt` and `llama`, transformers, are what they are compared with and cannot be exported. */
export const BLOCKS = ["base", "gated", "gpt", "llama"] as const;
export type BlockName = (typeof BLOCKS)[number];

export type Alphabet =
  | { kind: "bytes" }
  | { kind: "map" }
  | { kind: "tokens"; size: number }
  | {
      kind: "sensor";
      /** Most intervals of a column's values, and of their differences; 0 for none. */
      levels: number;
      differences: number;
    };
export const WEIGHT_QUANTISERS = ["ternary", "int4", "int8", "float"] as const;
export type WeightQuantiser = (typeof WEIGHT_QUANTISERS)[number];

export interface LayerConfig {
  /** None in a transformer. */
  pathways: Record<Pathway, boolean>;
  /** Positions that attention looks at, the current one included; in a transformer the whole training window. */
  window: number;
}

/** What followed earlier occurrences of the symbols just read is made likelier. */
export interface RecallConfig {
  /** Symbols remembered. */
  window: number;
  /** A text whose last symbol empties the memory: what ends a document. */
  forget?: string | undefined;
  /** Whether two rows more of the unembedding say, by the residual stream, how much recall counts: without and with a match. */
  gates?: true | undefined;
  /** Whether every symbol has two bonuses of its own, in 4 bits: without and with a match. */
  symbols?: true | undefined;
}

/** Rows of the unembedding behind those of the outputs. */
export const gatesOf = ({ recall }: { recall?: RecallConfig }): number => (recall?.gates ? RECALL_GATES : 0);

/** A table whose rows are added to the embedding: one for each run of symbols that ends here, found by its hash. */
export interface NgramsConfig {
  /** Rows of the table. */
  buckets: number;
  /** Lengths of the runs, ascending. */
  orders: readonly number[];
}

/** What a classifier answers from: the last position, or the sum of the residual stream over all of them. */
export const POOLS = ["last", "sum"] as const;
export type Pool = (typeof POOLS)[number];

export const OPTIMIZERS = ["adamw", "muon"] as const;
export type Optimizer = (typeof OPTIMIZERS)[number];

/** How a model is trained; every field has a default, see parse-config.ts. */
export interface TrainConfig {
  steps: number;
  /** Windows per step. */
  batch: number;
  /** Symbols per window. */
  context: number;
  /** What updates the matrices of the layers; everything else is always AdamW's. */
  optimizer: Optimizer;
  learningRate: number;
  embeddingLearningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Of the vectors: gains and biases of norms and routers, the state's decays and outputs, what recall adds. */
  vectorWeightDecay: number;
  /** What the gains of the layers' norms are at the start; those of the final norm are 1. */
  initialGain: number;
  /** Largest norm of the whole gradient. */
  clip: number;
  /** Fraction of the steps over which the learning rate rises. */
  warmup: number;
  decay: "linear" | "cosine" | "none";
  seed: number;
  /** Fraction of the corpus kept out of training. */
  validation: number;
  /** Fraction of a classifier's symbols that are replaced by random ones in training, of a sensor's numbers by missing ones. */
  noise: number;
  validateEvery: number;
  checkpointEvery: number;
}

/** A validated configuration with every default filled in and one entry per layer. */
export interface ModelConfig {
  block: BlockName;
  dModel: number;
  /** Width the pathways work on; equals `dModel` in the base block. In a transformer the hidden width of the MLP. */
  dInner: number;
  nLayers: number;
  /** Width of a head; a transformer has dModel / dHead of them. */
  dHead: number;
  topK: number;
  layers: readonly LayerConfig[];
  alphabet: Alphabet;
  embedding: WeightQuantiser;
  /** Equals `embedding` when tied. */
  unembedding: WeightQuantiser;
  tied: boolean;
  /** Quantiser of the matrices of the layers. */
  matrices: WeightQuantiser;
  /** Whether a layer with more than one pathway weighs them by a router, and whether the mix is gated; false only in comparisons. */
  router: boolean;
  gate: boolean;
  recall?: RecallConfig;
  ngrams?: NgramsConfig;
  /** Of classifiers only. */
  pool: Pool;
  train: TrainConfig;
}

/** Whether the block is one of the rivals: attention over all heads and positions, then an MLP. */
export const isTransformer = ({ block }: Pick<ModelConfig, "block">): boolean => block === "gpt" || block === "llama";

/** Whether a layer has a router: what one pathway gives needs no weighing. */
export const hasRouter = ({ router }: Pick<ModelConfig, "router">, layer: LayerConfig): boolean =>
  router && pathwaysOf(layer).length > 1;

/** The pathways of a layer, in the order of the router's rows. */
export function pathwaysOf(layer: LayerConfig): Pathway[] {
  return PATHWAYS.filter((pathway) => layer.pathways[pathway]);
}

const same = (values: readonly unknown[]) => values.every((value) => String(value) === String(values[0]));

/**
 * The configuration as JSON with its keys in a fixed order; `parseConfig` gives the same configuration back. Results are
 * known by the hash of this text, so a key that came later is left out where it has its default.
 */
export function configToJson(config: ModelConfig): Record<string, unknown> {
  const pathways = config.layers.map(pathwaysOf);
  const windows = config.layers.map((layer) => layer.window);
  const { optimizer, vectorWeightDecay, initialGain, noise, ...train } = config.train;
  const ofPathways = {
    topK: config.topK,
    pathways: same(pathways) ? pathways[0] : pathways,
    window: same(windows) ? windows[0] : windows,
  };
  return {
    block: config.block,
    dModel: config.dModel,
    ...(config.block === "base" ? {} : { dInner: config.dInner }),
    nLayers: config.nLayers,
    dHead: config.dHead,
    ...(isTransformer(config) ? {} : ofPathways),
    alphabet: config.alphabet,
    embedding: config.embedding,
    unembedding: config.unembedding,
    tied: config.tied,
    matrices: config.matrices,
    // Always there but in comparisons.
    ...(config.router ? {} : { router: false }),
    ...(config.gate ? {} : { gate: false }),
    ...(config.recall ? { recall: { ...config.recall } } : {}),
    ...(config.ngrams ? { ngrams: { ...config.ngrams } } : {}),
    ...(config.pool === "last" ? {} : { pool: config.pool }),
    train: {
      ...train,
      ...(optimizer === "adamw" ? {} : { optimizer }),
      ...(vectorWeightDecay === train.weightDecay ? {} : { vectorWeightDecay }),
      ...(initialGain === 1 ? {} : { initialGain }),
      ...(noise === 0 ? {} : { noise }),
    },
  };
}
