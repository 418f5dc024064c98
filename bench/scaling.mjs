// What a training step costs against width, layers, window, context, batch, alphabet and threads: times, a fitted cost model,
// memory per parameter and per symbol, and the memory of a long run.
//
//     npm run bench -- scaling [--json] [--dry-run] [--rounds 3] [--steps 10000]
//
// The shapes take turns, round by round, because the machine may be shared; each keeps its best round. Run it with
// NODE_OPTIONS=--expose-gc for heap figures free of garbage (the long run starts such a process by itself).
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { namedConfig } from "../dist/model/configs.js";
import { parseConfig } from "../dist/model/parse-config.js";
import { sizeOf } from "../dist/model/tensors.js";
import { planLayout } from "../dist/train/layout.js";
import { Random } from "../dist/train/random.js";
import { nodePlatform } from "../dist/train/threads-node.js";
import { Trainer } from "../dist/train/trainer.js";
import { features, fitCosts, predictMs } from "./shared/cost-model.mjs";
import { markdownTable, publish } from "./shared/results.mjs";

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    rounds: { type: "string", default: "3" },
    steps: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(options.seed);
const rounds = Number(options.rounds);
const threadCounts = availableParallelism() > 1 ? [1, 2] : [1];
const say = (text) => process.stderr.write(`${text}\n`);

const centre = { dModel: 128, nLayers: 4, window: 64, context: 64, batch: 16, vocab: 256 };
const vary = (key, values) => values.map((value) => ({ ...centre, [key]: value }));
const base = [
  centre,
  ...vary("dModel", [32, 64, 256]),
  ...vary("nLayers", [1, 2, 8]),
  ...vary("context", [32, 128, 256]),
  ...[16, 256].map((window) => ({ ...centre, context: 256, window })),
  ...vary("batch", [4, 8, 32]),
  ...vary("vocab", [64, 1024]),
  // Matrices in float, so that dense products are told from ternary ones.
  ...[64, 128].map((dModel) => ({ ...centre, dModel, matrices: "float" })),
].map((shape) => ({ block: "base", ...shape }));
const gated = [
  { dModel: 48, dInner: 144, nLayers: 3 },
  { dModel: 40, dInner: 86, nLayers: 3, vocab: 512 },
  { dModel: 96, dInner: 288, nLayers: 4, vocab: 512 },
  { dModel: 128, dInner: 384, nLayers: 4, context: 256, batch: 8, vocab: 1024 },
].map((shape) => ({ block: "gated", context: 64, batch: 16, window: 64, vocab: 96, ...shape }));

/** The job of a shape: a configuration and random text for it. */
function jobOf({ context, batch, vocab, ...shape }, train = {}) {
  const config = parseConfig(
    { ...shape, dHead: Math.max(8, shape.dModel / 4), train: { batch, context, seed, ...train } },
    "bench",
  );
  return { config, vocab, symbols: symbolsBelow(vocab) };
}

function symbolsBelow(vocab) {
  const random = Random.fromSeed(seed);
  return Uint16Array.from({ length: 20_000 }, () => random.below(vocab));
}

/** Shapes of the built-in configurations, which the fit never sees. */
const checks = [
  { name: "stories", batch: 16, context: 64, vocab: 256 },
  { name: "mid", batch: 16, context: 64, vocab: 256 },
  { name: "prod", batch: 16, context: 64, vocab: 256 },
  { name: "prod", batch: 16, context: 256, vocab: 256 },
  { name: "gated-20k", batch: 16, context: 64, vocab: 96 },
  { name: "tokens-20k", batch: 8, context: 94, vocab: 512 },
].map(({ name, batch, context, vocab }) => {
  const config = namedConfig(name);
  const job = {
    config: { ...config, train: { ...config.train, batch, context, seed } },
    vocab,
    symbols: symbolsBelow(vocab),
  };
  return { label: `${name} ${batch}x${context}`, job };
});

/** Median milliseconds of a step over about half a second. */
async function medianMs(job, threads) {
  const trainer = await Trainer.create({ ...job, threads, platform: nodePlatform });
  const times = [];
  const start = performance.now();
  while (times.length < 8 || performance.now() - start < 600) {
    const begin = performance.now();
    await trainer.step();
    times.push(performance.now() - begin);
  }
  await trainer.close();
  // The first third compiles and warms the caches.
  const warm = times.slice(Math.ceil(times.length / 3)).sort((a, b) => a - b);
  return warm[warm.length >> 1];
}

const parametersOf = (plan) => plan.slots.reduce((sum, slot) => sum + sizeOf(slot.spec), 0);
const planOf = ({ config, vocab }, threads = 1) => planLayout(config, vocab, vocab, threads);

/** Bytes of the trainer's memory: all of it, per parameter, per symbol of a step, per symbol of a window and thread. */
function memoryOf(job) {
  const { batch, context } = job.config.train;
  const bytes = (threads, changed) =>
    planOf({ ...job, config: { ...job.config, train: { ...job.config.train, ...changed } } }, threads).bytes;
  const perSymbol = (bytes(1, { batch: 2 * batch }) - bytes(1, {})) / (batch * context);
  const scratch = bytes(2, {}) - bytes(1, {});
  const parameters = parametersOf(planOf(job));
  const fixed = bytes(1, {}) - scratch - perSymbol * batch * context;
  return {
    parameters,
    bytes: bytes(1, {}),
    bytesPerParameter: fixed / parameters,
    bytesPerSymbolOfStep: perSymbol,
    bytesPerSymbolOfWindowAndThread: scratch / context,
  };
}

async function measure(entries) {
  for (let round = 0; round < rounds; round++) {
    for (const entry of entries) {
      for (const threads of threadCounts) {
        const ms = await medianMs(entry.job, threads);
        entry.ms[threads] = Math.min(entry.ms[threads] ?? Number.POSITIVE_INFINITY, ms);
      }
    }
    say(`Round ${round + 1} of ${rounds} done.`);
  }
}

/** Memory of a process after many steps of a small model, from a process whose garbage can be collected. */
function longRun(steps) {
  const program = fileURLToPath(new URL("./shared/long-run.mjs", import.meta.url));
  return JSON.parse(execFileSync(process.execPath, ["--expose-gc", program, `${steps}`], { encoding: "utf8" }));
}

const rounded = (value, digits = 4) => Number(value.toPrecision(digits));
const percent = (value) => `${value >= 0 ? "+" : ""}${(100 * value).toFixed(0)} %`;
const labelOf = ({ block, dModel, dInner, nLayers, window, context, batch, vocab, matrices = "ternary" }) =>
  `${block}${matrices === "ternary" ? "" : ` ${matrices}`} d${dModel}${dInner ? ` e${dInner}` : ""} L${nLayers}${block === "base" ? ` W${window}` : ""} V${vocab} ${batch}x${context}`;

const entries = [...base, ...gated].map((shape) => ({ label: labelOf(shape), job: jobOf(shape), ms: {} }));
const held = checks.map((check) => ({ ...check, ms: {} }));
await measure([...entries, ...held]);
for (const entry of [...entries, ...held]) entry.features = features(planOf(entry.job));
const costs = fitCosts(entries.map(({ features: f, ms }) => ({ features: f, ms: ms[1] })));
const rows = [...entries, ...held].map((entry) => {
  const predicted = predictMs(costs, entry.features);
  return {
    shape: entry.label,
    fitted: entries.includes(entry),
    msPerStep: rounded(entry.ms[1]),
    ...(entry.ms[2]
      ? { msPerStepTwoThreads: rounded(entry.ms[2]), speedup: rounded(entry.ms[1] / entry.ms[2], 3) }
      : {}),
    msPredicted: rounded(predicted),
    relativeError: rounded(predicted / entry.ms[1] - 1, 3),
  };
});
const worst = (list) => Math.max(...list.map(({ relativeError }) => Math.abs(relativeError)));
const median = (list) =>
  list.map(({ relativeError }) => Math.abs(relativeError)).sort((a, b) => a - b)[list.length >> 1];
const [fitted, unseen] = [rows.filter((row) => row.fitted), rows.filter((row) => !row.fitted)];
const memory = held.map(({ label, job }) => ({ shape: label, ...memoryOf(job) }));
const steps = Number(options.steps);
say(`Training ${steps} steps for the memory of a long run...`);
const long = longRun(steps);
if (!options["dry-run"] && long.heapGrowthBytes > 1 << 20) {
  say(`The heap grew by ${long.heapGrowthBytes} bytes over ${steps} steps.`);
  process.exitCode = 1;
}

const text = `Milliseconds per step; best of ${rounds} rounds that take turns. d: width, e: inner width, L: layers, W: attention window, V: symbols,
then windows x symbols per step. The prediction is the cost model's for one thread; the built-in configurations (last) were not fitted.

${markdownTable(
  ["shape", "1 thread", "2 threads", "speed-up", "predicted, 1 thread", "error"],
  rows.map((row) => [
    ...[row.shape, row.msPerStep, row.msPerStepTwoThreads ?? "-", row.speedup ?? "-", row.msPredicted],
    percent(row.relativeError),
  ]),
)}

Cost model, fitted by non-negative least squares on the relative error (median ${percent(median(fitted)).slice(1)}, worst ${percent(worst(fitted)).slice(1)}; on the
shapes not fitted: median ${percent(median(unseen)).slice(1)}, worst ${percent(worst(unseen)).slice(1)}). A step takes the sum of

${markdownTable(
  ["nanoseconds", "times"],
  costs.map(({ nanoseconds, meaning }) => [rounded(nanoseconds, 3), meaning]),
)}

Memory of the trainer with one thread, all of it in one block; each further thread adds the last column times the symbols of a window.

${markdownTable(
  [
    "shape",
    "parameters",
    "bytes",
    "bytes per parameter",
    "bytes per symbol of a step",
    "bytes per symbol of a window and thread",
  ],
  memory.map((row) => [
    ...[row.shape, row.parameters, row.bytes, rounded(row.bytesPerParameter, 3)],
    ...[Math.round(row.bytesPerSymbolOfStep), Math.round(row.bytesPerSymbolOfWindowAndThread)],
  ]),
)}

From step ${long.settledSteps.toLocaleString("en-US")} to step ${long.steps.toLocaleString("en-US")} of one run (nano, 2 x 16) the JavaScript heap changed by ${long.heapGrowthBytes.toLocaleString("en-US")} bytes and the
process by ${long.rssGrowthBytes.toLocaleString("en-US")}.`;
const data = { rows, costs, memory, longRun: long };
if (!options["dry-run"]) {
  const command = `npm run bench -- scaling --rounds ${rounds} --seed ${seed}`;
  publish("scaling", { title: "Training: how time and memory scale", command, seed, text, data });
}
process.stdout.write(options.json ? `${JSON.stringify(data)}\n` : `${text}\n`);
