// The rivals for sensors and the settings that are tried of them.
import { fitDenseLogistic } from "./dense-logistic.mjs";
import { majority } from "./text-peers.mjs";
import { fitTrees } from "./trees.mjs";

const lagsLabel = (lags) => (lags.length > 0 ? `lags ${lags.join(" ")}` : "no lags");

const logistic = {
  ...{ name: "window-logistic", title: "logistic regression on windows", isRandom: true, fit: fitDenseLogistic },
  labelOf: ({ lags, levels, rate, epochs, decay, positiveWeight }) =>
    `${lagsLabel(lags)}, ${levels} levels, rate ${rate}, ${epochs} epochs, decay ${decay}, positives x${positiveWeight}`,
  start: ({ lags, epochs }) => ({
    ...{ lags: lags[0], levels: 8, rate: 0.02, epochs: epochs[0], decay: 0, positiveWeight: 1 },
  }),
  axes: ({ lags, epochs, positiveWeights }) => [
    { lags, levels: [0, 8, 16] },
    { rate: [0.005, 0.02] },
    { decay: [0, 0.0001, 0.001, 0.01] },
    { positiveWeight: positiveWeights },
    { epochs },
  ],
};

const trees = {
  ...{ name: "trees", title: "boosted trees on windows", isRandom: true, fit: fitTrees },
  labelOf: ({ lags, depth, fill, shrinkage, share, positiveWeight }) =>
    `${lagsLabel(lags)}, depth ${depth}, ${fill} of the trees, shrinkage ${shrinkage}, share ${share}, positives x${positiveWeight}`,
  start: ({ lags }) => ({ lags: lags[0], depth: 3, fill: 1, shrinkage: 0.1, share: 0.7, positiveWeight: 1 }),
  axes: ({ lags, positiveWeights }) => [
    { lags, depth: [2, 3, 4] },
    { shrinkage: [0.05, 0.1, 0.3], fill: [0.25, 0.5, 1] },
    { share: [0.4, 0.7] },
    { positiveWeight: positiveWeights },
  ],
};

/** Of one column: how many deviations of the long window before it the mean of the short one is away; 8 bytes of settings. */
const deviation = {
  ...{ name: "deviation", title: "deviation from a moving mean", isRandom: false },
  only: ["nab"],
  labelOf: ({ long, short }) => `windows ${long} and ${short}`,
  start: () => ({ long: 256, short: 4 }),
  axes: () => [{ long: [64, 256, 1024], short: [1, 4, 16] }],
  fit(set, _flashBytes, config) {
    return { usedBytes: 8, shape: "", logitsOf: (part) => deviations(set.parts[part], config) };
  },
};

function deviations({ samples, labels, series }, { long, short }) {
  const all = new Float32Array(2 * labels.length);
  for (const { begin, end } of series) {
    const sums = [[0], [0]];
    for (let t = begin; t < end; t++) {
      sums[0].push(sums[0].at(-1) + samples[t]);
      sums[1].push(sums[1].at(-1) + samples[t] ** 2);
    }
    const meanOf = (which, from, to) => (sums[which][to] - sums[which][from]) / (to - from);
    for (let t = short + 1; t < end - begin; t++) {
      const split = t + 1 - short;
      const range = [Math.max(0, split - long), split];
      const mean = meanOf(0, ...range);
      const size = Math.sqrt(Math.max(1e-4, meanOf(1, ...range) - mean ** 2));
      all[2 * (begin + t) + 1] = Math.abs(meanOf(0, split, t + 1) - mean) / size;
    }
  }
  return all;
}

export const seriesPeers = [majority, logistic, trees, deviation];
