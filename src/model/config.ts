/** The pathways in the order of the router's rows. */
export const PATHWAYS = ["local", "state", "sparse"] as const;
export type Pathway = (typeof PATHWAYS)[number];

/** Taps of the local pathway's convolution; tap 0 is the current symbol. */
export const TAPS = 5;

/** Epsilon of every LayerNorm. */
export const LAYER_NORM_EPSILON = 1e-5;

export type Alphabet = { kind: "bytes" } | { kind: "map" } | { kind: "tokens"; size: number };
export type TableQuantiser = "ternary" | "int4" | "float";

export interface LayerConfig {
  pathways: Record<Pathway, boolean>;
  /** Positions the sparse pathway looks at, the current one included. */
  window: number;
}

/** How a model is trained; every field has a default, see parse-config.ts. */
export interface TrainConfig {
  steps: number;
  /** Windows per step. */
  batch: number;
  /** Symbols per window. */
  context: number;
  learningRate: number;
  embeddingLearningRate: number;
  beta1: number;
  beta2: number;
  epsilon: number;
  weightDecay: number;
  /** Largest norm of the whole gradient. */
  clip: number;
  /** Fraction of the steps over which the learning rate rises. */
  warmup: number;
  decay: "linear" | "cosine" | "none";
  seed: number;
  /** Fraction of the corpus kept out of training. */
  validation: number;
  validateEvery: number;
  checkpointEvery: number;
}

/** A validated configuration with every default filled in and one entry per layer. */
export interface ModelConfig {
  block: "base" | "gated";
  dModel: number;
  /** Width the pathways work on; equals `dModel` in the base block. */
  dInner: number;
  nLayers: number;
  dHead: number;
  topK: number;
  layers: readonly LayerConfig[];
  alphabet: Alphabet;
  embedding: TableQuantiser;
  /** Equals `embedding` when tied. */
  unembedding: TableQuantiser;
  tied: boolean;
  ternary: boolean;
  train: TrainConfig;
}

/** The pathways of a layer, in the order of the router's rows. */
export function pathwaysOf(layer: LayerConfig): Pathway[] {
  return PATHWAYS.filter((pathway) => layer.pathways[pathway]);
}

const same = (values: readonly unknown[]) => values.every((value) => String(value) === String(values[0]));

/** The configuration as JSON with every key present in a fixed order; `parseConfig` gives the same configuration back. */
export function configToJson(config: ModelConfig): Record<string, unknown> {
  const pathways = config.layers.map(pathwaysOf);
  const windows = config.layers.map((layer) => layer.window);
  return {
    block: config.block,
    dModel: config.dModel,
    ...(config.block === "gated" ? { dInner: config.dInner } : {}),
    nLayers: config.nLayers,
    dHead: config.dHead,
    topK: config.topK,
    pathways: same(pathways) ? pathways[0] : pathways,
    window: same(windows) ? windows[0] : windows,
    alphabet: config.alphabet,
    embedding: config.embedding,
    unembedding: config.unembedding,
    tied: config.tied,
    ternary: config.ternary,
    train: { ...config.train },
  };
}
