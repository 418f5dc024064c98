// Trains many steps of a small model and prints, as JSON, how the process's memory changed once it had settled.
//
//     node --expose-gc bench/shared/long-run.mjs 10000
import { parseConfig } from "../../dist/model/parse-config.js";
import { nodePlatform } from "../../dist/train/threads-node.js";
import { Trainer } from "../../dist/train/trainer.js";

const steps = Number(process.argv[2]);
const settledSteps = Math.ceil(steps / 5);
const config = parseConfig(
  { block: "base", dModel: 16, nLayers: 2, dHead: 8, window: 16, train: { steps, batch: 2, context: 16 } },
  "of the long run",
);
const symbols = Uint16Array.from({ length: 5000 }, (_, i) => (i * 7919) % 32);
const trainer = await Trainer.create({ config, vocab: 32, symbols, threads: 2, platform: nodePlatform });

/** Twice, because finalizers free memory only for the next collection. */
function memory() {
  globalThis.gc();
  globalThis.gc();
  const { heapUsed, external, arrayBuffers, rss } = process.memoryUsage();
  return { heapBytes: heapUsed + external + arrayBuffers, rssBytes: rss };
}

let settled;
for (let step = 1; step <= steps; step++) {
  await trainer.step();
  if (step === settledSteps) settled = memory();
}
const end = memory();
await trainer.close();
process.stdout.write(
  `${JSON.stringify({
    steps,
    settledSteps,
    heapGrowthBytes: end.heapBytes - settled.heapBytes,
    rssGrowthBytes: end.rssBytes - settled.rssBytes,
  })}\n`,
);
