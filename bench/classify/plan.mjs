// What the comparison of classifiers compares, as data. A change here, or in how a rival is trained, needs a new `version` where
// it changes outcomes.

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
];
const messageFeatures = [
  ...[{}, { digits: true, lower: true }].flatMap((folded) => [
    { ...runs(range(3, 5), [1, 2]), ...folded },
    { ...runs(range(2, 4)), ...folded },
    { ...runs([], [1, 2]), ...folded },
  ]),
];

export const plan = {
  version: 1,
  /** `tuning`: what the rivals try; `passes`: how often a search goes through its axes. */
  sets: [
    {
      ...{ name: "snips", load: snips, budgets: [8192, 20480], passes: 2 },
      tuning: { features: intentFeatures, widths: [4, 8, 16], epochs: 8 },
    },
    {
      ...{ name: "clinc150", load: clinc, budgets: [20480, 65536], passes: 1 },
      tuning: { features: intentFeatures, widths: [16, 32, 48], epochs: 10 },
    },
    {
      ...{ name: "clinc-device", load: clincDevice, budgets: [8192, 20480], passes: 2 },
      tuning: { features: intentFeatures, widths: [4, 8, 16], epochs: 30 },
    },
    {
      ...{ name: "sms", load: sms, budgets: [4096, 8192], passes: 2 },
      tuning: { features: messageFeatures, widths: [4, 8], epochs: 15 },
    },
  ],
  peers: { texts: textPeers },
  /** The first seed chooses. */
  seeds: [1, 2, 3],
};
