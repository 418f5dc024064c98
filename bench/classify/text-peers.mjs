// The rivals for texts and the settings that are tried of them.
import { bucketsOf, featuresLabel, hashesOf } from "./ngrams.mjs";
import { fillingBuckets, modelBytes, trainSparse } from "./sparse-model.mjs";

/** Buckets of a model without a limit: in full precision, held against figures known from elsewhere. */
const UNLIMITED_BUCKETS = 65536;

const hashesKnown = new WeakMap();

/** The hashes of a set's parts, made once per kind of features. */
function hashesOfSet(set, features) {
  const known = hashesKnown.get(set) ?? new Map();
  hashesKnown.set(set, known);
  const label = featuresLabel(features);
  if (!known.has(label)) {
    const parts = Object.entries(set.parts).map(([name, { texts }]) => [
      name,
      texts.map((text) => Uint32Array.from(hashesOf(text, features))),
    ]);
    known.set(label, Object.fromEntries(parts));
  }
  return known.get(label);
}

/** Trains a model; its logits are in nats, rows of one per class. */
function fitSparse(set, flashBytes, config, seed) {
  const { features, width, weights, ...recipe } = config;
  const shape = { classes: set.classes.length, width, weights };
  shape.buckets = flashBytes === null ? UNLIMITED_BUCKETS : fillingBuckets(shape, flashBytes);
  const hashes = hashesOfSet(set, features);
  const texts = { ...bucketsOf(hashes.train, shape.buckets), labels: set.parts.train.labels };
  const model = trainSparse(shape, { ...recipe, seed }, texts);
  return {
    ...{ usedBytes: modelBytes(shape), shape: `${shape.buckets} buckets` },
    logitsOf: (part) => model.logitsOf(bucketsOf(hashes[part], shape.buckets)),
  };
}

const labelOf = ({ features, width, weights, isAware, rate, epochs, dropout, decay }) =>
  [
    featuresLabel(features),
    ...(width ? [`width ${width}`] : []),
    weights === "float" ? "float" : `${weights} ${isAware ? "QAT" : "PTQ"}`,
    `rate ${rate}`,
    `${epochs} epochs`,
    ...(dropout ? [`dropout ${dropout}`] : []),
    ...(decay ? [`decay ${decay}`] : []),
  ].join(", ");

const common = { kind: "texts", isRandom: true, fit: fitSparse, labelOf };

/** A linear model: a row of weights per bucket, one for each class. `tuning`: what plan.mjs says of the set. */
const linear = (name, title, loss) => ({
  ...{ ...common, name, title },
  start: ({ features, epochs }) => ({
    ...{ features: features[0], width: 0, weights: "ternary", isAware: true },
    ...{ loss, rate: 0.1, epochs: epochs[0], dropout: 0, decay: 0 },
  }),
  reference: (start) => ({ ...start, weights: "float" }),
  axes: ({ features, weights, rates, decays, epochs, awareness }) => [
    { features },
    { weights },
    { rate: rates },
    { dropout: [0, 0.2], decay: decays },
    { epochs },
    { isAware: awareness },
  ],
});

const bag = {
  ...{ ...common, name: "bag", title: "bag of n-grams, as fastText" },
  start: ({ features, epochs, widths }) => ({
    ...{ features: features[0], width: widths[0], weights: "ternary", isAware: true },
    ...{ loss: "softmax", rate: 0.1, epochs: epochs[0], dropout: 0.2, decay: 0 },
  }),
  reference: (start) => ({ ...start, weights: "float", width: 64 }),
  axes: ({ features, widths, weights, rates, epochs, awareness }) => [
    { width: widths, weights },
    { features },
    { rate: rates },
    { dropout: [0, 0.2, 0.4] },
    { epochs },
    { isAware: awareness },
  ],
};

/** Answers the commonest class of the training part; its logits are the classes' frequencies. */
const majority = {
  ...{ name: "majority", title: "majority class", isRandom: false, labelOf: () => "" },
  start: () => ({}),
  axes: () => [],
  fit(set) {
    const classes = set.classes.length;
    const counts = new Float32Array(classes).fill(0.5);
    for (const label of set.parts.train.labels) if (label >= 0) counts[label]++;
    const row = counts.map((count) => Math.log(count));
    const logitsOf = (part) => {
      const all = new Float32Array(set.parts[part].labels.length * classes);
      for (let i = 0; i < all.length; i += classes) all.set(row, i);
      return all;
    };
    return { usedBytes: 2, shape: "", logitsOf };
  },
};

export const textPeers = [
  majority,
  linear("logistic", "logistic regression on n-grams", "softmax"),
  linear("svm", "linear SVM on n-grams", "hinge"),
  bag,
];
export { majority };
