// What the comparison of classifiers compares, as data. A change here, or in how a rival is trained, needs a new `version` where
// it changes outcomes.

import { OURS, oursPlan } from "./ours-plan.mjs";
import { seriesPeers } from "./series-peers.mjs";
import { nab, occupancy } from "./series-sets.mjs";
import { textPeers } from "./text-peers.mjs";
import { clinc, clincDevice, sms, snips } from "./text-sets.mjs";

const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const runs = (characters, words = []) => ({ characters, words });

/** Kinds of n-grams that are tried, the first one to begin with. */
const intentFeatures = [
  runs(range(3, 5), [1, 2]),
  runs(range(2, 4)),
  runs(range(2, 5)),
  runs(range(3, 4), [1]),
  runs([], [1, 2]),
  runs([2, 3], [1, 2]),
];
const messageFeatures = [
  ...[{}, { digits: true, lower: true }].flatMap((folded) => [
    { ...runs(range(3, 5), [1, 2]), ...folded },
    { ...runs(range(2, 4)), ...folded },
    { ...runs([], [1, 2]), ...folded },
  ]),
];

/** What the rivals for texts try besides. */
const textTuning = {
  weights: ["ternary", "int4", "int8"],
  rates: [0.1, 0.05, 0.2],
  decays: [0],
  awareness: [true, false],
};

const peers = { texts: textPeers, series: seriesPeers };
const ours = { name: OURS, title: "Atome" };

export const plan = {
  version: 1,
  /** `tuning`: what the rivals try, the first to begin with; `passes`: how often a search goes through its axes. */
  sets: [
    {
      ...{ name: "snips", title: "SNIPS, 7 intents", load: snips, budgets: [8192, 20480], passes: 1 },
      tuning: { ...textTuning, features: intentFeatures, widths: [8, 4, 16], epochs: [8, 16] },
    },
    {
      ...{ name: "clinc150", title: "CLINC150, 150 intents", load: clinc, budgets: [20480, 65536], passes: 1 },
      // Half a minute each: fewer of them.
      tuning: {
        ...{ weights: ["ternary", "int4"], rates: [0.1, 0.2, 0.4], decays: [0], awareness: [true] },
        ...{
          features: [...intentFeatures.slice(0, 3), ...intentFeatures.slice(-1)],
          widths: [48, 32, 64, 96],
          epochs: [6, 12, 24],
        },
      },
    },
    {
      ...{
        name: "clinc-device",
        title: "CLINC150, 6 intents of a device",
        load: clincDevice,
        budgets: [8192, 20480],
        passes: 1,
      },
      tuning: { ...textTuning, features: intentFeatures, widths: [8, 4, 16], epochs: [30, 60] },
    },
    {
      ...{ name: "sms", title: "SMS spam, 2 classes", load: sms, budgets: [4096, 8192], passes: 1 },
      tuning: { ...textTuning, features: messageFeatures, widths: [4, 8], epochs: [15, 30] },
    },
    {
      ...{
        name: "occupancy",
        title: "Occupancy of an office, 2 classes",
        load: occupancy,
        budgets: [2048, 4096],
        passes: 2,
      },
      tuning: { lags: [[], [1, 2, 4, 8], [1, 4, 16, 64]], epochs: [40, 10], positiveWeights: [1, 0.5, 2] },
    },
    {
      ...{ name: "nab", title: "NAB, anomalies in streams", load: nab, budgets: [4096], passes: 1 },
      tuning: {
        lags: [
          [1, 4, 16],
          [1, 4, 16, 64],
          [1, 8, 64, 512],
        ],
        epochs: [4, 1],
        positiveWeights: [1, 4],
      },
    },
  ],
  peers,
  titles: Object.fromEntries([...Object.values(peers).flat(), ours].map(({ name, title }) => [name, title])),
  ours: oursPlan,
  /** The first seed chooses. */
  seeds: [1, 2, 3],
};
