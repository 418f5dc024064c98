import type { ModelConfig } from "./config.js";
import { UsageError } from "./errors.js";
import { parseConfig } from "./parse-config.js";

const base = (dModel: number, nLayers: number, dHead: number, window: number) => ({
  block: "base",
  dModel,
  nLayers,
  dHead,
  window,
});

const tokens20k = {
  block: "gated",
  dModel: 40,
  dInner: 86,
  nLayers: 3,
  pathways: ["local", "state"],
  alphabet: { kind: "tokens", size: 512 },
  // 94 tokens are about 256 bytes.
  train: { batch: 8, context: 94 },
};

/**
 * Of short texts: 48 tokens are about 150 bytes. On CLINC150 (150 classes, its validation part, one seed, 2000 steps unless
 * said) a wide residual stream and few buckets are worth more than the reverse: at 22.3 KB d 30, e 48 and 2,048 buckets for
 * runs of 2, 3 and 4 symbols 81.3 %, of 2 and 3 83.5 %, of 2 alone 84.8 %, with weight decay 0.5 85.6 %; at 19.5 KB d 40, e 96
 * and 768 buckets, weight decay 0.3, 85.7 %, and with noise 0.15 and 5000 steps 88.5 %. Of the last position alone, 62.9 instead of 83.5 %.
 */
const classifier = (dModel: number, dInner: number, size: number, buckets: number) => ({
  block: "gated",
  dModel,
  dInner,
  nLayers: 1,
  pathways: ["local", "state"],
  alphabet: { kind: "tokens", size },
  ngrams: { buckets, orders: [2] },
  pool: "sum",
  train: { batch: 32, context: 48, learningRate: 0.01, weightDecay: 0.3, noise: 0.15, validation: 0.15 },
});

// What each is for and what it reaches stands in RESULTS.md.
const shapes: Record<string, unknown> = {
  nano: base(16, 2, 8, 32),
  small: base(32, 2, 8, 32),
  stories: base(64, 4, 16, 64),
  mid: base(128, 4, 32, 64),
  prod: base(256, 8, 64, 64),
  "gated-20k": {
    block: "gated",
    dModel: 48,
    dInner: 144,
    nLayers: 3,
    pathways: ["local", "state"],
    alphabet: { kind: "map" },
    embedding: "int4",
    tied: true,
  },
  "tokens-20k": tokens20k,
  "recall-20k": {
    ...tokens20k,
    // Nothing empties the memory: what ends a document, if anything, is the text's own affair.
    recall: { window: 512 },
    // As the comparison trains all its models: RESULTS.md, "Quality at equal flash".
    train: { ...tokens20k.train, embeddingLearningRate: 0.02, decay: "cosine" },
  },
  household: {
    block: "gated",
    dModel: 80,
    dInner: 240,
    nLayers: 2,
    pathways: ["local", "state"],
    alphabet: { kind: "tokens", size: 512 },
    embedding: "int4",
    unembedding: "int4",
    // 48 tokens are about 150 bytes: a question and its answer. Nothing is held out here: heldout.txt is.
    // Of the 208 questions of validation.txt, learning rate 0.01 answers 149 to the letter and 0.02 answers 140 (means of
    // three seeds), though 0.02 needs no more bits per byte.
    train: { learningRate: 0.01, steps: 1500, batch: 16, context: 48, validation: 0, validateEvery: 500 },
  },
  "classify-8k": classifier(30, 64, 256, 128),
  "classify-20k": classifier(40, 96, 512, 768),
  "classify-64k": classifier(80, 160, 512, 2048),
  "sensor-4k": {
    block: "gated",
    dModel: 20,
    dInner: 40,
    nLayers: 2,
    pathways: ["local", "state"],
    alphabet: { kind: "sensor", levels: 16, differences: 8 },
    train: { batch: 16, context: 64, learningRate: 0.01, noise: 0.02, steps: 1500, validation: 0.15 },
  },
};

/** Names of the built-in configurations. */
export const configNames: readonly string[] = Object.keys(shapes);

/**
 * A built-in configuration by name.
 *
 * @throws UsageError when there is none of that name
 */
export function namedConfig(name: string): ModelConfig {
  if (!Object.hasOwn(shapes, name)) {
    throw new UsageError(
      `Cannot find the configuration "${name}": the built-in ones are ${configNames.join(", ")}; name one of them or a JSON file.`,
    );
  }
  return parseConfig(shapes[name], `"${name}"`);
}
