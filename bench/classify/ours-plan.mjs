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

/** Each model as it is, with more noise, and with a higher rate. */
const tried = (...shape) => [
  text(...shape),
  text(...shape, { train: { noise: 0.1 } }),
  text(...shape, { train: { learningRate: 0.02, embeddingLearningRate: 0.02, weightDecay: 0.1 } }),
];
const messages = (...shape) =>
  tried(...shape).map((config) => ({ ...config, train: { ...config.train, context: 160 } }));
const int4Out = { unembedding: "int4" };

export const oursPlan = {
  snips: { 8192: tried(15, 32, 1664, 2000), 20480: tried(30, 48, 2304, 2000) },
  clinc150: {
    20480: [...tried(30, 48, 2304, 5000), text(30, 48, 2048, 5000, { model: int4Out }), text(40, 64, 1500, 5000)],
    65536: [...tried(60, 64, 4096, 5000), text(60, 64, 3800, 5000, { model: int4Out }), text(80, 96, 2700, 5000)],
  },
  "clinc-device": { 8192: tried(15, 32, 1664, 1000), 20480: tried(30, 48, 2304, 1000) },
  sms: { 4096: messages(10, 16, 1280, 1500), 8192: messages(15, 32, 1664, 1500) },
  occupancy: {
    2048: [sensor(12, 24, 1, 16, 8), sensor(12, 24, 1, 8, 0), sensor(12, 24, 1, 16, 0)],
    4096: [sensor(20, 40, 2, 16, 8), sensor(20, 40, 2, 16, 0), sensor(20, 40, 1, 32, 0)],
  },
  nab: { 4096: [sensor(20, 40, 2, 16, 16, { context: 256 }), sensor(16, 32, 3, 32, 0, { context: 256 })] },
};
