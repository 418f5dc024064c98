// Makes train.csv, validation.csv and test.csv: rows of simulated rigs whose sensors fail now and then.
//   node make.mjs          writes the files
//   node make.mjs --check  exits 1 if the files on disk differ from what would be made
import { csv, writeOrCheck } from "../make/files.mjs";
import { createRandom } from "../make/random.mjs";
import { COLUMNS, spoil } from "./faults.mjs";
import { drawRig, run } from "./rig.mjs";

const ROWS = 600; // of a series: 100 minutes

/** The series of some rigs, one after another, as a file. */
function file(name, { seed, rigs, seriesPerRig, shift }) {
  const random = createRandom(seed);
  const rows = rigs.flatMap((rigName) => {
    const rig = drawRig(random, shift);
    return Array.from({ length: seriesPerRig }, (_, i) =>
      spoil(run(rig, ROWS, random), rig, random).map(({ fields, label }) => [`${rigName}-${i + 1}`, ...fields, label]),
    ).flat();
  });
  return { name, body: csv(["series", ...COLUMNS, "label"], rows), what: `${rows.length} rows` };
}

writeOrCheck(import.meta.url, [
  file("train.csv", { seed: 3, rigs: [..."abcdefghij"], seriesPerRig: 2, shift: 0 }),
  file("validation.csv", { seed: 5, rigs: [..."kl"], seriesPerRig: 2, shift: 0 }),
  file("test.csv", { seed: 4, rigs: [..."pqrst"], seriesPerRig: 2, shift: 0.25 }),
]);
