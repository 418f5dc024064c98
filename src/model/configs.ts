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
 * What needs the fewest bits per byte after 3,000 steps of all that was compared at so much flash ("Quality at equal flash" in
 * RESULTS.md), trained as there; text-20k-4k of what needs so little RAM. Nothing empties the memory: what ends a document, if
 * anything, is the text's own affair.
 */
const text = (dModel: number, dInner: number, nLayers: number, more: { train: object; [key: string]: unknown }) => ({
  block: "gated",
  dModel,
  dInner,
  nLayers,
  pathways: ["local", "state"],
  recall: { window: 512, gates: true, symbols: true },
  ...more,
  train: { batch: 8, vectorWeightDecay: 0, initialGain: 0.3, decay: "cosine", ...more.train },
});

/** One table of 1,024 tokens; 77 of them are about 256 bytes. */
const tiedTokens = { alphabet: { kind: "tokens", size: 1024 }, embedding: "int4", tied: true };

/**
 * Of short texts. On CLINC150 (150 classes, accuracy on its validation part, one seed, 3000 steps): at 17.7 KB bytes with runs of 2 to 5
 * 88.7 %, of 3 to 5 87.6 %, at 19.5 KB 512 tokens with runs of 2 87.1 %; without a table of runs, at 10 KB, 81.3 %. Noise 0, 0.02, 0.05 and 0.15: 88.9,
 * 88.7, 88.3 and 83.8 %; of the household's intents 0.02 is as good as any. Of the last position alone 62.9 where the sum has 83.5 % (tokens).
 */
const classifier = (dModel: number, dInner: number, buckets: number) => ({
  block: "gated",
  dModel,
  dInner,
  nLayers: 1,
  pathways: ["local", "state"],
  alphabet: { kind: "map" },
  ngrams: { buckets, orders: [2, 3, 4, 5] },
  pool: "sum",
  // Worth 0.5 to 1 point of 150 classes at equal flash, and 11 bytes per class here.
  unembedding: "int4",
  train: { batch: 32, context: 128, learningRate: 0.01, weightDecay: 0.3, noise: 0.02, validation: 0.15 },
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
  "text-20k": text(60, 55, 2, {
    alphabet: { kind: "tokens", size: 480 },
    train: { context: 93, embeddingLearningRate: 0.02 },
  }),
  // For chips of 6 KB of RAM: it needs 4,448 bytes, built with ATOME_TABLES=1.
  "text-20k-4k": text(72, 61, 2, {
    alphabet: { kind: "tokens", size: 352 },
    recall: { window: 192, gates: true, symbols: true },
    train: { context: 103, embeddingLearningRate: 0.02 },
  }),
  "text-64k": text(56, 90, 3, {
    ...tiedTokens,
    matrices: "int4",
    train: { context: 77, optimizer: "muon", embeddingLearningRate: 0.02 },
  }),
  "text-256k": text(128, 526, 4, {
    ...tiedTokens,
    train: { context: 77, optimizer: "muon", learningRate: 0.01, embeddingLearningRate: 0.01 },
  }),
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
  "classify-8k": classifier(10, 24, 3200),
  "classify-20k": classifier(30, 48, 2304),
  "classify-64k": classifier(60, 64, 4096),
  "sensor-4k": {
    block: "gated",
    dModel: 20,
    dInner: 40,
    nLayers: 2,
    pathways: ["local", "state"],
    // Few intervals of values: a model that knows one machine's levels by heart does not know the next one's.
    alphabet: { kind: "sensor", levels: 6, differences: 32 },
    train: {
      ...{ batch: 16, context: 64, learningRate: 0.01, weightDecay: 0.3, noise: 0.1 },
      ...{ steps: 1500, validation: 0.15 },
    },
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
