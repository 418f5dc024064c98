// The settings of our models, by data set and bytes of flash; the best by the validation part stands for us, as with the rivals.

/** What our models are called among the rivals. */
export const OURS = "ours";

const text = (dModel, dInner, nLayers, size, buckets, orders, more = {}) => ({
  ...{ block: "gated", dModel, dInner, nLayers, pathways: ["local", "state"] },
  ...{ alphabet: { kind: "tokens", size }, ngrams: { buckets, orders }, pool: "sum" },
  train: { batch: 32, context: 48, learningRate: 0.01, noise: 0.1, steps: 2000, ...more },
});
const sensor = (dModel, dInner, nLayers, levels, differences, more = {}) => ({
  ...{ block: "gated", dModel, dInner, nLayers, pathways: ["local", "state"] },
  alphabet: { kind: "sensor", levels, differences },
  train: { batch: 16, context: 64, learningRate: 0.01, noise: 0.02, steps: 1500, ...more },
});

const messages = { context: 96 };

export const oursPlan = {
  snips: { 8192: [text(20, 32, 1, 256, 1024, [2, 3])], 20480: [text(30, 48, 1, 512, 2048, [2, 3])] },
  clinc150: { 20480: [text(24, 32, 1, 512, 2400, [2, 3])], 65536: [text(40, 64, 2, 512, 5600, [2, 3, 4])] },
  "clinc-device": { 8192: [text(20, 32, 1, 256, 1024, [2, 3])], 20480: [text(30, 48, 1, 512, 2048, [2, 3])] },
  sms: {
    4096: [text(12, 20, 1, 192, 800, [2, 3], messages)],
    8192: [text(20, 32, 1, 256, 1024, [2, 3], messages)],
  },
  occupancy: { 2048: [sensor(12, 24, 1, 16, 8)], 4096: [sensor(20, 40, 2, 16, 8)] },
  nab: { 4096: [sensor(20, 40, 2, 32, 32, { context: 256 })] },
};
