// What the comparison compares, as data: change it here and run `npm run bench -- quality` again; what was measured and still
// belongs to the plan is not measured again.

/** Symbols of an alphabet: those in use in the text ("map"), all 256 bytes, or so many tokens. */
const map = { kind: "map" };
const bytes = { kind: "bytes" };
const tokens = (size) => ({ kind: "tokens", size });

const weightsOf = {
  float: { matrices: "float", embedding: "float", tied: true },
  int8: { matrices: "int8", embedding: "int8", tied: true },
  int4: { matrices: "int4", embedding: "int4", tied: true },
  ternary: { matrices: "ternary", embedding: "ternary" },
};

const shape = (dModel, nLayers, heads, alphabet, more = {}) => ({
  dModel,
  nLayers,
  dHead: dModel / heads,
  alphabet,
  ...more,
});
const untied = { tied: false };
const tied = { tied: true };
/** Trained with Muon instead of AdamW. */
const muon = { optimizer: "muon" };
/** Recall with gates. */
const gates = { gates: true };
/** The bonuses of symbols, in 4 bits. */
const symbols = { symbols: true };
/** Trained without weight decay of the vectors. */
const undecayedVectors = { vectorWeightDecay: 0 };
/** Training starts with smaller gains of the layers' norms. */
const smallGains = { initialGain: 0.3 };

/** What the memory of recall holds in our models, and in a rival that is given one. */
const recall = { window: 512, forget: "<|endoftext|>" };

/** Shapes to try by quantiser and tier; the width of the MLP fills the flash, and a shape that does not fit a block is left out. */
const transformerShapes = {
  float: {
    "20k": [
      ...[shape(12, 1, 2, map), shape(16, 1, 2, map), shape(20, 1, 2, map)],
      ...[shape(8, 1, 2, tokens(256)), shape(12, 1, 2, tokens(256))],
      ...[shape(8, 1, 2, tokens(256), muon), shape(12, 1, 2, tokens(256), muon)],
    ],
    "64k": [
      ...[shape(24, 1, 2, tokens(256)), shape(32, 1, 4, map), shape(16, 1, 2, tokens(512))],
      shape(16, 1, 2, tokens(512), muon),
    ],
    "256k": [
      ...[shape(48, 2, 4, tokens(512)), shape(40, 2, 4, tokens(512)), shape(48, 3, 4, tokens(256))],
      shape(48, 2, 4, tokens(512), muon),
    ],
  },
  int8: {
    "20k": [
      ...[shape(20, 1, 2, tokens(512)), shape(24, 1, 2, tokens(512))],
      ...[shape(32, 1, 4, tokens(256)), shape(32, 1, 4, map)],
      ...[shape(20, 1, 2, tokens(512), muon), shape(24, 1, 2, tokens(512), muon)],
    ],
    "64k": [shape(48, 2, 4, tokens(512)), shape(40, 2, 4, tokens(640)), shape(40, 2, 4, tokens(640), muon)],
    "256k": [shape(96, 3, 4, tokens(512)), shape(80, 3, 4, tokens(1024)), shape(80, 3, 4, tokens(1024), muon)],
  },
  int4: {
    "20k": [
      ...[shape(32, 1, 4, tokens(512)), shape(32, 1, 4, tokens(640)), shape(36, 1, 2, tokens(512))],
      shape(36, 1, 2, tokens(512), muon),
      shape(36, 1, 2, tokens(512), { ...muon, ...undecayedVectors }),
      shape(36, 1, 2, tokens(512), { ...muon, ...undecayedVectors, ...smallGains }),
      shape(40, 1, 2, tokens(448), { ...muon, ...undecayedVectors }),
      shape(44, 1, 2, tokens(384), { ...muon, ...undecayedVectors }),
      shape(40, 1, 2, tokens(576), { ...muon, ...undecayedVectors }),
      shape(44, 1, 2, tokens(512), { ...muon, ...undecayedVectors }),
    ],
    "64k": [
      ...[shape(64, 2, 4, tokens(512)), shape(56, 2, 4, tokens(1024))],
      ...[shape(64, 2, 4, tokens(512), muon), shape(56, 2, 4, tokens(1024), undecayedVectors)],
      ...[shape(56, 2, 4, tokens(1024), muon), shape(56, 2, 4, tokens(1024), { ...muon, ...undecayedVectors })],
      shape(56, 2, 4, tokens(1024), { ...muon, ...undecayedVectors, ...smallGains }),
    ],
    "256k": [
      ...[shape(112, 4, 4, tokens(1024)), shape(128, 4, 4, tokens(512))],
      shape(112, 4, 4, tokens(1024), muon),
      shape(112, 4, 4, tokens(1024), { ...muon, ...undecayedVectors }),
      shape(128, 3, 4, tokens(1024), muon),
    ],
  },
  ternary: {
    "20k": [
      shape(40, 2, 4, tokens(512), untied),
      shape(56, 1, 4, tokens(512), tied),
      shape(48, 1, 4, tokens(512), untied),
      shape(40, 2, 4, tokens(512), { ...untied, ...muon }),
      shape(40, 2, 4, tokens(512), { ...untied, ...undecayedVectors }),
      shape(40, 2, 4, tokens(576), { ...untied, ...undecayedVectors }),
      shape(40, 2, 4, tokens(576), { ...untied, ...undecayedVectors, ...smallGains }),
    ],
    "64k": [
      shape(80, 3, 4, tokens(512), untied),
      shape(64, 3, 4, tokens(1024), { ...tied, embedding: "int4" }),
      shape(64, 3, 4, tokens(1024), { ...tied, embedding: "int4", ...muon }),
      shape(64, 3, 4, tokens(1024), { ...tied, embedding: "int4", ...muon, ...undecayedVectors }),
      shape(64, 3, 4, tokens(1024), { ...tied, embedding: "int4", ...smallGains }),
      shape(64, 3, 4, tokens(1024), { ...tied, embedding: "int4", ...muon, ...smallGains }),
    ],
    "256k": [
      shape(144, 4, 4, tokens(1024), { ...tied, embedding: "int4" }),
      shape(144, 4, 4, tokens(1024), { ...tied, embedding: "int4", ...muon }),
      shape(144, 4, 4, tokens(1024), { ...tied, embedding: "int4", ...muon, ...undecayedVectors }),
    ],
  },
};

/** Learning rates to begin with; the search goes on while the best is at an end. */
const ratesOf = {
  float: [0.0025, 0.005, 0.01, 0.02],
  int8: [0.0025, 0.005, 0.01, 0.02],
  int4: [0.005, 0.01, 0.02, 0.04],
  ternary: [0.005, 0.01, 0.02, 0.04],
};

const TITLES = { gpt: "GPT", llama: "Llama" };

/** A transformer trained with its weights quantised (QAT), or in float. */
const transformer = (block, quantiser) => ({
  name: `${block}-${quantiser}`,
  title: `${TITLES[block]}, ${quantiser === "float" ? "FP32" : `${quantiser}, QAT`}`,
  fill: "dInner",
  config: { block, ...weightsOf[quantiser] },
  shapes: transformerShapes[quantiser],
  learningRates: ratesOf[quantiser],
});

/** One trained in float and quantised afterwards (PTQ), of a shape that fills the flash then. */
const quantisedAfterwards = (block, quantiser) => ({
  ...transformer(block, quantiser),
  name: `${block}-ptq-${quantiser}`,
  title: `${TITLES[block]}, ${quantiser}, PTQ`,
  config: { block, ...weightsOf.float },
  quantiseAfterwards: quantiser,
  learningRates: ratesOf.float,
});

const transformersOf = (block) => [
  ...["float", "int8", "int4", "ternary"].map((quantiser) => transformer(block, quantiser)),
  ...["int8", "int4"].map((quantiser) => quantisedAfterwards(block, quantiser)),
];

/** A rival given our memory, with its gates: what of the difference that alone makes. Not a rival that ours is judged by. */
const withRecall = (model) => ({
  ...model,
  name: `${model.name}-recall`,
  title: `${model.title}, with our recall and its gates`,
  config: { ...model.config, recall: { ...recall, ...gates } },
  isVariant: true,
  isGivenRecall: true,
});

const baseShapes = (...shapes) =>
  shapes.map(([dModel, nLayers, dHead]) => ({ dModel, nLayers, dHead, alphabet: bytes }));

const tied4Bit = { alphabet: tokens(1024), embedding: "int4", tied: true };
/** By tier, the best of shape and recipe but for the weight decay of the vectors. */
const wide20k = (dModel, nLayers, size) => ({
  dModel,
  nLayers,
  alphabet: tokens(size),
  ...gates,
  ...undecayedVectors,
  ...smallGains,
});
const gated20k = { dModel: 36, nLayers: 3, alphabet: tokens(640), ...gates };
const gated64k = { dModel: 56, nLayers: 3, ...tied4Bit, matrices: "int4", ...muon, ...gates };
const gated256k = { dModel: 128, nLayers: 4, ...tied4Bit, ...muon, ...gates };

/** What `npm run bench -- ablations` changes: the chosen shapes and recipes but for the bonuses of symbols, one of its changes. */
const ablated = { "20k": wide20k(60, 2, 480), "64k": { ...gated64k, ...undecayedVectors, ...smallGains } };

const atomeShapes = {
  "20k": [
    { dModel: 36, nLayers: 3, alphabet: tokens(640) },
    { dModel: 40, nLayers: 3, alphabet: tokens(512) },
    { dModel: 32, nLayers: 3, alphabet: tokens(512), embedding: "int4", tied: true },
    gated20k,
    { ...gated20k, ...undecayedVectors },
    { ...gated20k, ...undecayedVectors, ...smallGains },
    wide20k(48, 2, 576),
    ablated["20k"],
    { ...ablated["20k"], ...symbols },
  ],
  "64k": [
    { dModel: 56, nLayers: 4, alphabet: tokens(512), embedding: "int4", unembedding: "int4" },
    { dModel: 52, nLayers: 3, alphabet: tokens(1024), embedding: "int4", tied: true },
    { dModel: 64, nLayers: 4, alphabet: tokens(1024) },
    { dModel: 52, nLayers: 3, alphabet: tokens(1024), embedding: "int4", tied: true, ...muon },
    { dModel: 52, nLayers: 3, alphabet: tokens(1024), embedding: "int4", tied: true, ...muon, ...gates },
    gated64k,
    { ...gated64k, ...undecayedVectors },
    ablated["64k"],
    { ...ablated["64k"], ...symbols },
  ],
  "256k": [
    { dModel: 116, nLayers: 5, alphabet: tokens(1024), embedding: "int4", unembedding: "int4" },
    { dModel: 128, nLayers: 4, alphabet: tokens(1024), embedding: "int4", tied: true },
    { dModel: 128, nLayers: 4, alphabet: tokens(1024), embedding: "int4", tied: true, ...muon },
    gated256k,
    { ...gated256k, ...undecayedVectors },
    { ...gated256k, ...undecayedVectors, ...smallGains },
    { ...gated256k, ...undecayedVectors, ...smallGains, ...symbols },
  ],
};

/** The shapes without what belongs to recall, each once. */
const withoutGates = (shapes) =>
  Object.fromEntries(
    Object.entries(shapes).map(([tier, list]) => {
      const bare = list.map(({ gates: _, symbols: __, ...shape }) => [JSON.stringify(shape), shape]);
      return [tier, [...new Map(bare).values()]];
    }),
  );

const atome = {
  name: "atome",
  title: "Atome: gated block, tokens, recall",
  isAtome: true,
  fill: "dInner",
  config: { block: "gated", recall },
  shapes: atomeShapes,
  learningRates: [0.005, 0.01, 0.02, 0.04],
};

/**
 * Models. `config` and a shape of the tier make a configuration; `fill` names the key that the flash decides. The tables
 * learn at `embeddingRate` times the learning rate. `isAtome`: it has an export, which is what is measured. `ramLimits`: bytes of RAM
 * by tier that it may need, too, built with so many `tables`. `isVariant`: it says
 * where a difference comes from and is neither ours nor a rival; one that `isCarried` goes to every budget of its tiers.
 */
const models = [
  atome,
  {
    ...atome,
    name: "atome-less-ram",
    title: "Atome: gated block, tokens, recall, less RAM",
    config: { block: "gated", recall: { ...recall, window: 192 } },
    shapes: {
      "20k": [
        ...[wide20k(68, 2, 384), wide20k(72, 1, 448), wide20k(72, 2, 352)],
        { ...wide20k(72, 2, 352), ...symbols },
      ],
    },
    // Half of what Llama int4 of d36, the best rival of the longer budgets, needs with a context of 256 bytes; the best of 3,000
    // steps needs more.
    ramLimits: { "20k": 4490 },
    tables: 1,
  },
  {
    ...atome,
    name: "atome-without-recall",
    title: "Atome: gated block, tokens, without recall",
    config: { block: "gated" },
    shapes: withoutGates(atomeShapes),
    isVariant: true,
  },
  {
    ...atome,
    name: "atome-int4",
    title: "Atome: gated block, tokens, recall without gates, 4-bit matrices",
    config: { block: "gated", recall, matrices: "int4" },
    shapes: {
      "64k": [{ dModel: 56, nLayers: 3, alphabet: tokens(1024), embedding: "int4", tied: true, ...muon }],
      "256k": [
        { dModel: 112, dInner: 264, nLayers: 4, alphabet: tokens(1024), embedding: "int4", tied: true, ...muon },
      ],
    },
    isVariant: true,
    isCarried: true,
  },
  withRecall(transformer("llama", "ternary")),
  withRecall(transformer("llama", "int4")),
  {
    name: "base-recipe",
    title: "base block, bytes, constant rate 3e-4",
    isAtome: true,
    config: { block: "base", train: { warmup: 0, decay: "none", beta2: 0.999, weightDecay: 0.01, clip: 1e6 } },
    shapes: { "20k": baseShapes([64, 4, 16]), "64k": baseShapes([128, 4, 32]), "256k": baseShapes([256, 8, 64]) },
    learningRates: [3e-4],
    hasFixedRate: true,
    embeddingRate: 1,
  },
  {
    name: "base",
    title: "base block, bytes",
    isAtome: true,
    fill: "dModel",
    config: { block: "base" },
    shapes: {
      "20k": [{ nLayers: 4, alphabet: bytes }],
      "64k": [{ nLayers: 4, alphabet: bytes }],
      "256k": [{ nLayers: 8, dHead: 64, alphabet: bytes }],
    },
    learningRates: [0.005, 0.01, 0.02, 0.04],
  },
  ...transformersOf("gpt"),
  ...transformersOf("llama"),
];

/** Where learning rates and shapes are chosen; elsewhere the chosen rate is tried, and half of it while that is better. */
const tuning = { budget: "1x", contextBytes: 256 };

const at = (tier, budget, contextBytes = tuning.contextBytes) => ({ tier, budget, contextBytes, texts: "stories" });

export const plan = {
  /** Below the folder of the data; `split`: the test is the last tenth of the text. */
  texts: {
    stories: {
      training: [
        "tinystories-v1-train-2mib/tinystories_sample.txt",
        "tinystories-v2-train-10klines/tinystories_10k.txt",
      ],
      test: "tinystories-v2-valid-256k/sample.txt",
    },
    split: { split: "tinystories-v2-valid-256k/sample.txt", trainingShare: 0.9 },
  },
  /** Share of the training text, at its end, that everything is chosen on. */
  validation: 0.05,
  /** Bytes of flash, everything counted. */
  tiers: { "20k": 20480, "64k": 65536, "256k": 262144 },
  /** Optimizer steps. */
  budgets: { "1x": 3000, "3x": 9000, "10x": 30000 },
  /** Bytes of text that a step reads; windows of `contextBytes`. */
  stepBytes: 2048,
  tuning,
  settings: [
    ...["1x", "3x", "10x"].map((budget) => at("20k", budget)),
    at("20k", "1x", 64),
    at("20k", "1x", 1024),
    ...["1x", "3x", "10x"].map((budget) => at("64k", budget)),
    ...["1x", "3x"].map((budget) => at("256k", budget)),
    // A run of ours takes most of an hour: only the rivals try a second rate.
    { ...at("256k", "10x"), oursKeepsRate: true },
  ],
  /** A split of one text, without a choice: rates and shapes come from the tuning at this tier. */
  split: { tier: "20k", budget: "1x", contextBytes: 64, stepBytes: 1024, models: ["base-recipe", "base", "atome"] },
  ours: "atome",
  /** Ours with at most half of the best rival's RAM, where the other one needs more. */
  lessRam: "atome-less-ram",
  /** Ours without recall, held against the rivals as they are; those that `isGivenRecall` are held against ours. */
  withoutRecall: "atome-without-recall",
  models,
  ablated,
  /** Of all models but those with a recipe of their own: at 20 KB ours needs 1.0 and 1.5 % fewer bits (two seeds) than with linear decay, the best rival 0.1 % (one). */
  train: { decay: "cosine" },
  /** There ours needs 0.2 % and the best rival 2 % fewer bits than with half the rate (one seed). */
  embeddingRate: 1,
  /** Least and greatest rate that a search may try beyond a model's own list. */
  rateLimits: [1e-4, 0.64],
  /** Rivals that go on to other budgets and contexts: the best of the tuning, by validation. */
  carriedRivals: 2,
  /** Rivals that get all seeds of a setting, where rates are tuned and elsewhere. */
  finalists: 2,
  carriedFinalists: 1,
  /** Where, with tuned rates, every other model gets `seeds`, too. */
  seededTiers: ["20k", "64k"],
  /** The first seed searches; the tables choose over all of them. */
  seeds: [1, 2, 3],
  headline: { tier: "20k", budget: "1x", contextBytes: 256, seeds: [1, 2, 3, 4, 5] },
};
