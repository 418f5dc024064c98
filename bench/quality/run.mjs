// Trains and measures jobs, two at a time, and keeps one small file per outcome, so that nothing is done twice.
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { writeFileAtomically } from "../../dist/checkpoint/atomic-file.js";
import { runSweep } from "../../dist/cli/sweep-run.js";
import { configToJson } from "../../dist/model/config.js";
import { shapeLabel } from "./jobs.mjs";

const measureProgram = fileURLToPath(new URL("measure.mjs", import.meta.url));
const writeJson = (path, value) => writeFileAtomically(path, new TextEncoder().encode(`${JSON.stringify(value)}\n`));

/** Whether training went astray, which says something about the learning rate and is an outcome. */
const isDivergence = (error) => /^Cannot go on training: the loss of step/.test(error);

/** The outcomes kept in a folder. */
export class Outcomes {
  #folder;
  #rows = new Map();

  /** @param published rows known from elsewhere */
  constructor(keep, published) {
    this.#folder = join(keep, "outcomes");
    mkdirSync(this.#folder, { recursive: true });
    const names = readdirSync(this.#folder).filter((name) => name.endsWith(".json"));
    const kept = names.map((name) => JSON.parse(readFileSync(join(this.#folder, name), "utf8")));
    for (const row of [...published, ...kept]) this.#remember(row);
  }

  of = ({ sha256 }) => this.#rows.get(sha256);

  get all() {
    return [...this.#rows.values()];
  }

  save(job, row) {
    this.#remember(row);
    writeJson(join(this.#folder, `${job.id}.json`), this.of(job));
  }

  /** A row with a test is never replaced by one without. */
  #remember(row) {
    this.#rows.set(row.sha256, { ...this.#rows.get(row.sha256), ...row });
  }
}

/** The line that says why a program failed. */
const reasonOf = ({ stderr = "", message }) => stderr.split("\n").find((line) => line.includes("Error: ")) ?? message;

/** Says what a row is of; with the hash that proves it. */
function identityOf({ model, shape, setting, learningRate, seed, config, sha256 }) {
  const { tier, budget, contextBytes, texts } = setting;
  return {
    ...{ model: model.name, tier, budget, contextBytes, texts, shape: shapeLabel(shape) },
    ...{ dModel: config.dModel, dInner: config.dInner, steps: config.train.steps, learningRate, seed, sha256 },
  };
}

/** Trains a job, unless its folder says that it is trained. Returns {result} or {error}; neither when it was stopped. */
async function train(job, { keep, textsOf, signal }) {
  const config = join(keep, "configs", `${job.id}.json`);
  mkdirSync(join(keep, "configs"), { recursive: true });
  writeJson(config, configToJson(job.config));
  const sweepJob = { id: job.id, index: 0, overrides: {}, seed: job.seed, settings: [], sha256: job.sha256 };
  const plan = { corpus: textsOf(job.setting.texts).training, config, jobs: [sweepJob], sha256: job.sha256 };
  const options = { output: join(keep, "runs"), jobs: 1, threads: 1, signal };
  const [ending] = await runSweep(plan, [sweepJob], options);
  return ending ?? {};
}

async function measure(job, isTested, known, { keep, textsOf, signal }) {
  const { training, test, validation } = textsOf(job.setting.texts);
  const request = {
    ...{ run: join(keep, "runs", job.id), training },
    validation: known?.validationBpb === undefined ? validation : 0,
    ...(isTested ? { test } : {}),
    ...{ isAtome: job.model.isAtome, quantiseAfterwards: job.model.quantiseAfterwards },
  };
  const { stdout } = await promisify(execFile)(process.execPath, [measureProgram, JSON.stringify(request)], { signal });
  return JSON.parse(stdout);
}

/**
 * A job from beginning to end.
 *
 * @returns the row, or {error}, or undefined when it was stopped
 */
async function runTask({ job, isTested }, known, options) {
  const { result, error } = await train(job, options);
  const identity = identityOf(job);
  if (error !== undefined) return isDivergence(error) ? { ...identity, failed: "diverged" } : { error };
  if (!result) return undefined;
  if (job.model.isAtome && result.modelSha256 === null) return { ...identity, failed: "no export" };
  const scores = await measure(job, isTested, known, options).catch((failure) => ({ error: reasonOf(failure) }));
  if (options.signal.aborted) return undefined;
  if (scores.error !== undefined) return scores;
  // What only going on with the training would need, twice the size of everything else.
  rmSync(join(options.keep, "runs", job.id, "last.safetensors"), { force: true });
  return {
    ...identity,
    ...{ ...known, ...scores },
    flashBytes: result.flashBytes ?? job.flashBytes,
    ramBytes: job.ramBytes,
    checkpointSha256: result.bestSha256,
    commit: options.commit,
  };
}

/**
 * Runs what is pending until nothing is; what is pending may depend on what has ended.
 *
 * @param pending tasks {job, isTested} still to do, asked for before each start
 * @param options {keep, textsOf, commit, signal, atATime, outcomes, onStart(job, left), onEnd(job, row or {error}, left)}
 * @returns the errors, by job id
 */
export async function runPending(pending, options) {
  const { outcomes, signal, onStart, onEnd } = options;
  const running = new Map();
  const errors = new Map();
  const next = () => pending().find(({ job }) => !running.has(job.sha256) && !errors.has(job.id));
  const start = (task) => {
    const { job } = task;
    onStart(job, pending().length);
    const ended = runTask(task, outcomes.of(job), options).then((row) => {
      running.delete(job.sha256);
      if (!row) return;
      if (row.error !== undefined) errors.set(job.id, row.error);
      else outcomes.save(job, row);
      onEnd(job, row, pending().length);
    });
    running.set(job.sha256, ended);
  };
  for (;;) {
    while (running.size < options.atATime && !signal.aborted) {
      const task = next();
      if (!task) break;
      start(task);
    }
    if (running.size === 0) return errors;
    await Promise.race(running.values());
  }
}
