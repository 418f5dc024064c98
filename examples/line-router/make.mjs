// Makes train.csv, validation.csv and test.csv from wordings-train.txt and wordings-test.txt.
//   node make.mjs          writes the files
//   node make.mjs --check  exits 1 if the files on disk differ from what would be made
import { makeTextSet } from "../make/text-set.mjs";

makeTextSet({
  base: import.meta.url,
  seed: 2,
  style: { lower: 0.5, upper: 0.02, bare: 0.7, typo: 0.06 },
  wrap: 0.5,
  held: 0.12,
  counts: {
    command: [450, 60, 120],
    question: [450, 60, 120],
    status: [450, 60, 120],
    alert: [450, 60, 120],
    greeting: [250, 30, 80],
  },
});
