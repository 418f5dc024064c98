// The settings of our models, by data set and bytes of flash; the best by the validation part stands for us, as with the rivals.

/** What our models are called among the rivals. */
export const OURS = "ours";

/** `rows`: of the n-grams' table. */
const text = (dModel, dInner, rows, steps, { model = {}, train = {} } = {}) => ({
  ...{ block: "gated", dModel, dInner, nLayers: 1, pathways: ["local", "state"] },
  ...{ alphabet: { kind: "map" }, ngrams: { buckets: rows, orders: [2, 3, 4, 5] }, pool: "sum", ...model },
  train: { batch: 32, context: 80, learningRate: 0.01, weightDecay: 0.3, noise: 0.02, steps, ...train },
});
const sensor = (dModel, dInner, nLayers, levels, differences, train = {}) => ({
  ...{ block: "gated", dModel, dInner, nLayers, pathways: ["local", "state"] },
  alphabet: { kind: "sensor", levels, differences },
  train: { batch: 16, context: 64, learningRate: 0.01, weightDecay: 0.3, noise: 0.02, steps: 1500, ...train },
});

const FAST = { learningRate: 0.02, embeddingLearningRate: 0.03, weightDecay: 0.1 };

/** A shape as it is, with more noise, at higher rates, and at these with longer n-grams. */
const tried = (dModel, dInner, rows, steps, train = {}) => [
  text(dModel, dInner, rows, steps, { train }),
  text(dModel, dInner, rows, steps, { train: { ...train, noise: 0.1 } }),
  text(dModel, dInner, rows, steps, { train: { ...train, ...FAST } }),
  text(dModel, dInner, rows, steps, {
    model: { ngrams: { buckets: rows, orders: [3, 4, 5, 6, 7] } },
    train: { ...train, ...FAST },
  }),
];
const int4Out = { unembedding: "int4" };
/** Messages are longer than requests. */
const long = { context: 160 };

export const oursPlan = {
  snips: { 8192: tried(10, 24, 3500, 2000), 20480: tried(15, 32, 6000, 2000) },
  clinc150: {
    20480: [...tried(30, 48, 2304, 5000), text(30, 48, 2048, 5000, { model: int4Out })],
    65536: [...tried(60, 64, 4096, 5000), text(60, 64, 3800, 5000, { model: int4Out })],
  },
  "clinc-device": { 8192: tried(10, 24, 3500, 1000), 20480: tried(15, 32, 6000, 1000) },
  sms: { 4096: tried(5, 12, 2900, 1500, long), 8192: tried(10, 24, 3500, 1500, long) },
  occupancy: {
    2048: [
      sensor(12, 24, 1, 16, 8),
      sensor(12, 24, 1, 8, 0, { noise: 0.2 }),
      sensor(8, 12, 1, 8, 0, { context: 4, batch: 64, noise: 0.1 }),
    ],
    4096: [
      sensor(20, 40, 2, 16, 8),
      sensor(20, 40, 1, 16, 0, { noise: 0.2 }),
      sensor(16, 24, 1, 8, 0, { context: 4, batch: 64, noise: 0.1 }),
    ],
  },
  nab: { 4096: [sensor(20, 40, 2, 16, 16, { context: 256 }), sensor(16, 32, 3, 32, 0, { context: 256 })] },
};
