// What each part of the gated block is worth at equal flash: a part is left out, or made another way, and the inner width fills
// the flash again.
//
//     ATOME_DATA=... npm run bench -- ablations [--tier 20k] [--list | --tables] [--jobs 2] [--keep folder] [--json] [--dry-run]
//
// A stopped run goes on: outcomes are kept in the folder and in results.json. --list tells what is to be trained and trains nothing,
// --tables writes the tables of what is there, --dry-run trains but leaves RESULTS.md alone.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { interruptible } from "../dist/cli/interrupt.js";
import { createJobs, filledLabel } from "./quality/jobs.mjs";
import { plan as comparison } from "./quality/plan.mjs";
import { Outcomes, runPending } from "./quality/run.mjs";
import { interval95, mean, pairedBySeed, standardDeviation } from "./quality/statistics.mjs";
import { commitName, markdownTable, publish } from "./shared/results.mjs";

const folderAt = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const tokens = (size) => ({ kind: "tokens", size });
const everyPathway = ["local", "state", "sparse"];
const int4 = { embedding: "int4", unembedding: "int4" };

/** The comparison's model, and by tier its shape and recipe. */
const { config: whole } = comparison.models.find(({ name }) => name === comparison.ours);
const shapes = comparison.ablated;
/** Of all variants. */
const LEARNING_RATE = 0.02;
const SEEDS = [1, 2, 3];

const same = (changes) => ({ "20k": changes, "64k": changes });
const recalling = (changes) => same({ recall: { ...whole.recall, gates: true, ...changes } });
/** Pathways by layer, with attention in the last one. */
const inLastLayer = ({ nLayers }) => [...Array.from({ length: nLayers - 1 }, () => ["local", "state"]), everyPathway];

/** Changes of the shape by tier; the first is the model as it is. A tier is left out where the change is none. */
const variants = [
  ["as it is", same({})],
  ["no recall", same({ recall: undefined, gates: undefined })],
  ["recall of 64 symbols", recalling({ window: 64 })],
  ["recall of 256 symbols", recalling({ window: 256 })],
  ["recall that forgets nothing", recalling({ forget: undefined })],
  ["recall without gates", same({ gates: undefined })],
  ["recall with bonuses of symbols", same({ symbols: true })],
  ["weight decay of the vectors", same({ vectorWeightDecay: undefined })],
  ["gains from 1", same({ initialGain: undefined })],
  ["no state pathway", same({ pathways: ["local"] })],
  ["no router", same({ router: false })],
  ["no gate", same({ gate: false })],
  ["no router, no gate", same({ router: false, gate: false })],
  [
    "attention in the last layer",
    { "20k": { pathways: inLastLayer(shapes["20k"]) }, "64k": { pathways: inLastLayer(shapes["64k"]) } },
  ],
  ["attention in every layer", same({ pathways: everyPathway })],
  ["tied 4-bit table", { "20k": { embedding: "int4", tied: true } }],
  ["4-bit matrices", { "20k": { matrices: "int4" } }],
  ["ternary matrices", { "64k": { matrices: "ternary" } }],
  ["two 4-bit tables", same({ tied: false, ...int4 })],
  ["two ternary tables", { "64k": { tied: false, embedding: "ternary" } }],
  ["one symbol per byte in use", same({ alphabet: { kind: "map" } })],
  ["one symbol per byte", same({ alphabet: { kind: "bytes" } })],
  ["256 tokens", same({ alphabet: tokens(256) })],
  ["512 tokens", same({ alphabet: tokens(512) })],
  ["1,024 tokens", { "20k": { alphabet: tokens(1024) } }],
];

const models = variants.map(([title, changes]) => ({
  name: title.replaceAll(/[^a-z0-9]+/g, "-"),
  title,
  changes,
  fill: "dInner",
  config: whole,
}));

const { values: options } = parseArgs({
  options: {
    tier: { type: "string", multiple: true, default: Object.keys(shapes) },
    list: { type: "boolean", default: false },
    tables: { type: "boolean", default: false },
    jobs: { type: "string", default: "2" },
    keep: { type: "string", default: folderAt("build/ablations") },
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
  },
});
const wrongTier = options.tier.find((tier) => !(tier in shapes));
if (!process.env.ATOME_DATA || wrongTier !== undefined) {
  const problem = wrongTier
    ? `--tier ${wrongTier} is not one of ${Object.keys(shapes).join(", ")}`
    : "ATOME_DATA is not set; set it to the folder that holds tinystories-v1-train-2mib and the others";
  process.stderr.write(`Cannot run the bench "ablations": ${problem}.\n`);
  process.exit(2);
}

const jobs = createJobs(comparison, { data: process.env.ATOME_DATA, keep: options.keep });
const results = folderAt("results.json");
const published = existsSync(results) ? (JSON.parse(readFileSync(results, "utf8")).ablations?.runs ?? []) : [];
const outcomes = new Outcomes(options.keep, published);

const settingOf = (tier) => ({ tier, texts: "stories", budget: "1x", contextBytes: 256 });

/** Jobs of a variant, one per seed; none where the tier lacks it or no width of it fits the flash. */
function jobsOf(model, tier) {
  const changes = model.changes[tier];
  if (!changes) return [];
  const shape = { ...shapes[tier], ...changes };
  const seeds = SEEDS.map((seed) =>
    jobs.jobOf({ model, shape, setting: settingOf(tier), learningRate: LEARNING_RATE, seed }),
  );
  return seeds.filter((job) => job);
}

/** Seed by seed over all variants, so that a run that is stopped has something of each. */
const tasks = SEEDS.flatMap((_, i) =>
  options.tier.flatMap((tier) => models.flatMap((model) => jobsOf(model, tier).slice(i, i + 1))),
).map((job) => ({ job, isTested: true }));
const pending = () => tasks.filter(({ job }) => outcomes.of(job)?.testBpb === undefined && !outcomes.of(job)?.failed);

if (options.list) {
  const left = pending();
  for (const { job } of left) process.stdout.write(`${job.minutes.toFixed(1).padStart(7)} min  ${job.id}\n`);
  process.stdout.write(`${left.length} jobs are left.\n`);
} else if (!options.tables) {
  await interruptible((_, signal) =>
    runPending(pending, {
      ...{ keep: options.keep, textsOf: jobs.textsOf, commit: commitName(), signal, outcomes },
      atATime: Number(options.jobs),
      onStart: ({ id }, left) => process.stderr.write(`start  ${id}  (${left} left)\n`),
      onEnd: ({ id }, row) =>
        process.stderr.write(`end    ${id}: ${row.error ?? row.failed ?? row.testBpb.toFixed(4)}\n`),
    }),
  );
}

const signed = (value) => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(4)}`;

function tierTable(tier) {
  const rowsOf = (model) =>
    jobsOf(model, tier)
      .map(outcomes.of)
      .filter((row) => row?.testBpb !== undefined);
  const asItIs = rowsOf(models[0]);
  const lines = models.flatMap((model) => {
    const rows = rowsOf(model);
    if (rows.length === 0) return [];
    const bits = rows.map(({ testBpb }) => testBpb);
    const pairs = pairedBySeed(rows, asItIs);
    const { mean: difference, low, high } = pairs.length > 0 ? interval95(pairs) : {};
    const between = low === undefined ? "" : ` (${signed(low)} to ${signed(high)})`;
    return [
      [
        ...[model.title, filledLabel(model, `d${rows[0].dModel}`, rows[0]), rows[0].flashBytes, rows.length],
        ...[mean(bits).toFixed(4), standardDeviation(bits)?.toFixed(4) ?? "-"],
        model === models[0] || difference === undefined ? "-" : `${signed(difference)}${between}`,
      ],
    ];
  });
  const columns = [
    "variant",
    "width",
    "flash bytes",
    "seeds",
    "bits per byte",
    "deviation",
    "difference (95 % interval)",
  ];
  return `### ${tier === "20k" ? "20 KB" : "64 KB"}\n\n${markdownTable(columns, lines)}`;
}

if (!options.list) {
  const text = `Each variant fills the flash of its tier by its inner width, counted as for rivals in the comparison above, which leaves out records and
metadata: flash bytes are those of the .atome file where there is one, up to 1 % more. Each has the same text, 3,000 steps of 2 KB, and the learning rate
${LEARNING_RATE} (not tuned for each). "As it is" is the comparison's shape without bonuses of symbols, which are a variant here. Bits per byte of the test text by the trainer, in windows, float activations: some variants have no integer engine.
Variants that do not fit are left out. The convolution cannot be left out: the gated block is built on it. Differences are paired by seed.

${options.tier.map(tierTable).join("\n\n")}`;
  const everyJob = Object.keys(shapes).flatMap((tier) => models.flatMap((model) => jobsOf(model, tier)));
  const data = { runs: everyJob.map(outcomes.of).filter((row) => row) };
  if (!options["dry-run"]) {
    const tiers = options.tier.map((tier) => ` --tier ${tier}`).join("");
    const command = `npm run bench -- ablations${tiers}`;
    publish("ablations", { title: "Ablations of the gated block", command, seed: SEEDS.join(", "), text, data });
  }
  process.stdout.write(options.json ? `${JSON.stringify(data)}\n` : `${text}\n`);
}
