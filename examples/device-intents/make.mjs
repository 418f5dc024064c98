// Makes train.csv, validation.csv and test.csv from wordings-train.txt and wordings-test.txt.
//   node make.mjs          writes the files
//   node make.mjs --check  exits 1 if the files on disk differ from what would be made
import { makeTextSet } from "../make/text-set.mjs";

const INTENTS = [
  ...["light-on", "light-off", "light-dim", "warmer", "cooler", "temperature-set", "timer", "alarm"],
  ...["play", "stop", "volume", "lock", "unlock", "time", "weather"],
];

makeTextSet({
  base: import.meta.url,
  seed: 1,
  style: { lower: 0.6, upper: 0.03, bare: 0.8, typo: 0.08 },
  wrap: 0.5,
  held: 0.13,
  counts: {
    ...Object.fromEntries(INTENTS.map((intent) => [intent, [130, 18, 32]])),
    none: [900, 120, 310],
  },
});
