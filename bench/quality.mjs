// Quality at equal flash: our models against transformers that are tuned, quantised and fill the same flash.
//
//     ATOME_DATA=... npm run bench -- quality [--tier 20k] [--budget 1x] [--context 256] [--only atome,gpt-int4]
//         [--list | --tables] [--jobs 2] [--keep folder] [--scale 0.01] [--json] [--dry-run]
//
// What is compared stands in quality/plan.mjs. A stopped or extended comparison goes on: outcomes are kept in the folder and in
// results.json. --list tells what is to be trained and trains nothing, --tables writes the tables of what is there, --dry-run
// trains but leaves RESULTS.md alone; so does --scale, a fraction of the steps for trials.
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { interruptible } from "../dist/cli/interrupt.js";
import { AtomeError, FailureError, UsageError } from "../dist/model/errors.js";
import { createJobs, filledLabel, settingKey, shapeLabel } from "./quality/jobs.mjs";
import { plan } from "./quality/plan.mjs";
import { Outcomes, runPending } from "./quality/run.mjs";
import { createStages } from "./quality/stages.mjs";
import { qualityText, tierSummaries } from "./quality/tables.mjs";
import { dataFolder, namesIn } from "./shared/options.mjs";
import { commitName, publish } from "./shared/results.mjs";

const note = (line) => process.stderr.write(`${line}\n`);
const folderAt = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const OPTIONS = {
  tier: { type: "string", multiple: true, default: [] },
  budget: { type: "string", multiple: true, default: [] },
  context: { type: "string", multiple: true, default: [] },
  only: { type: "string", multiple: true, default: [] },
  list: { type: "boolean", default: false },
  tables: { type: "boolean", default: false },
  jobs: { type: "string", default: "2" },
  keep: { type: "string", default: folderAt("build/quality") },
  scale: { type: "string", default: "1" },
  json: { type: "boolean", default: false },
  "dry-run": { type: "boolean", default: false },
};

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(`Cannot run the bench "quality": ${error.message}`);
  }
}

function numberIn(option, text, least, most) {
  const value = Number(text);
  if (value >= least && value <= most) return value;
  throw new UsageError(`Cannot use --${option} ${text}: expected a number from ${least} to ${most}.`);
}

function filterOf(options) {
  const contexts = [...new Set(plan.settings.map(({ contextBytes }) => `${contextBytes}`))];
  return {
    tiers: namesIn("tier", options.tier, Object.keys(plan.tiers)),
    budgets: namesIn("budget", options.budget, Object.keys(plan.budgets)),
    contexts: namesIn("context", options.context, contexts).map(Number),
    models: namesIn(
      "only",
      options.only,
      plan.models.map(({ name }) => name),
    ),
  };
}

function publishedRows() {
  const path = folderAt("results.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")).quality?.runs ?? []) : [];
}

/** Whether a row is of the plan as it stands: the same job has the same hash. */
function isOfPlan({ jobOf }, row) {
  const model = plan.models.find(({ name }) => name === row.model);
  const shape = model?.shapes[row.tier]?.find((candidate) => shapeLabel(candidate) === row.shape);
  const settings = [...plan.settings, { ...plan.split, texts: "split" }];
  const setting = settings.find((candidate) => settingKey(candidate) === settingKey(row));
  if (!shape || !setting) return false;
  const { learningRate, seed } = row;
  return jobOf({ model, shape, setting, learningRate, seed })?.sha256 === row.sha256;
}

const jobLabel = ({ model, shape, setting, learningRate, seed, config }) =>
  `${settingKey(setting)}  ${model.name} ${filledLabel(model, shapeLabel(shape), config)}  rate ${learningRate} seed ${seed}`;

function outcomeLabel({ error, failed, validationBpb, testBpb }) {
  if (error !== undefined) return `failed: ${error}`;
  if (failed) return failed;
  const parts = [
    ...(validationBpb === undefined ? [] : [`validation ${validationBpb.toFixed(4)}`]),
    ...(testBpb === undefined ? [] : [`test ${testBpb.toFixed(4)}`]),
  ];
  return parts.join(", ");
}

function list(tasks, atATime, isJson) {
  const minutes = tasks.reduce((sum, { job }) => sum + job.minutes, 0) / atATime;
  const jobs = tasks.map(({ job, isTested }) => ({ job: jobLabel(job), isTested, minutes: job.minutes }));
  if (isJson) return process.stdout.write(`${JSON.stringify({ jobs, minutes })}\n`);
  for (const { job, minutes: each } of jobs) process.stdout.write(`${each.toFixed(1).padStart(7)} min  ${job}\n`);
  process.stdout.write(
    `${jobs.length} jobs, about ${minutes.toFixed(0)} minutes, ${atATime} at a time; more may follow from their outcomes.\n`,
  );
}

async function main() {
  const options = readOptions();
  const filter = filterOf(options);
  const scale = numberIn("scale", options.scale, 1e-6, 1);
  const atATime = numberIn("jobs", options.jobs, 1, 64);
  const { keep } = options;
  const jobs = createJobs(plan, { data: dataFolder("quality", "tinystories-v1-train-2mib"), keep, scale });
  const outcomes = new Outcomes(keep, publishedRows());
  const { pending } = createStages(plan, { jobOf: jobs.jobOf, rowOf: outcomes.of, filter });
  if (options.list) return list(pending(), atATime, options.json);

  const errors = options.tables ? new Map() : await runAll(pending, { jobs, outcomes, keep, atATime });
  const rows = outcomes.all.filter((row) => isOfPlan(jobs, row)).sort(byJob);
  const text = qualityText(plan, rows);
  const data = { tiers: tierSummaries(plan, rows), runs: rows };
  if (!options["dry-run"] && scale === 1) {
    publish("quality", {
      title: "Quality at equal flash",
      command: "npm run bench -- quality",
      seed: plan.headline.seeds.join(", "),
      ...{ text, data },
    });
  }
  process.stdout.write(options.json ? `${JSON.stringify(data)}\n` : `${text}\n`);
  for (const [, error] of errors)
    throw new FailureError(`Cannot finish the comparison: ${errors.size} jobs failed, the first with: ${error}`);
}

const sortKey = (row) => [settingKey(row), row.model, row.shape, row.learningRate, row.seed].join(" ");
const byJob = (a, b) => (sortKey(a) < sortKey(b) ? -1 : 1);

async function runAll(pending, { jobs, outcomes, keep, atATime }) {
  const commit = commitName();
  const [errors, isStopped] = await interruptible(async (wasStopped, signal) => {
    const found = await runPending(pending, {
      ...{ keep, textsOf: jobs.textsOf, commit, signal, atATime, outcomes },
      onStart: (job, left) => note(`start  ${jobLabel(job)}  (${left} known to be left)`),
      onEnd: (job, row, left) => note(`end    ${jobLabel(job)}: ${outcomeLabel(row)}  (${left} left)`),
    });
    return [found, wasStopped()];
  });
  if (isStopped) throw new FailureError("Stopped; what is done is kept. Go on with the same command.");
  return errors;
}

try {
  await main();
} catch (error) {
  if (!(error instanceof AtomeError)) throw error;
  note(error.message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
