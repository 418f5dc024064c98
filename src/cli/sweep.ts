import { readdirSync, readFileSync, statSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { FailureError, UsageError } from "../model/errors.js";
import { checkOutput, prepareFolder, readingError } from "./files.js";
import { Interrupted, interruptible } from "./interrupt.js";
import { wholeNumber } from "./options.js";
import { type CommonOptions, duration, grouped, Output, table, withCommonOptions, withExamples } from "./output.js";
import { Progress } from "./progress.js";
import { readSweep, type Shard, type SweepJob, type SweepPlan, shardOf } from "./sweep-plan.js";
import {
  encodeResults,
  gridPoints,
  mergeResults,
  parseResults,
  resultsCsv,
  type SweepResults,
} from "./sweep-results.js";
import { type JobEnding, runSweep } from "./sweep-run.js";

interface SweepCommandOptions extends CommonOptions {
  output?: string;
  jobs?: number;
  threads: number;
  shard?: Shard;
  list?: boolean;
}

export function sweepCommand(): Command {
  const command = new Command("sweep")
    .description("Train a grid of configurations and seeds, here or in shards on many machines.")
    .argument("<sweep.json>", "texts, configuration, grid and seeds: see examples/sweep")
    .option("-o, --output <folder>", "folder of the runs and results (default: runs/<name of the sweep>)")
    .option("--jobs <n>", "trainings at a time (default: cores / threads)", wholeNumber(1, 256))
    .option("--threads <n>", "threads of each training", wholeNumber(1, 64), 1)
    .option("--shard <i/n>", "only every n-th job from number i on, i from 0 to n - 1", parseShard)
    .option("--list", "print the jobs and train nothing")
    .action(sweep);
  withExamples(
    withCommonOptions(command),
    ["atome sweep sweep.json --list", "what it would train"],
    ["atome sweep sweep.json", "train all of it; the same line goes on after Ctrl-C or a crash"],
    ["atome sweep sweep.json --shard 3/8 -o shard-3", "the fourth of eight slices, on one of eight machines"],
    ["atome sweep merge shard-* -o results.json", "the results of all slices together, as if trained here"],
  );
  return command.addCommand(mergeCommand());
}

function mergeCommand(): Command {
  const command = new Command("merge")
    .description("Put the results of shards together; refused while jobs are missing.")
    .argument("<results...>", "results-*-of-*.json files, or folders with them")
    .option("-o, --output <file>", "where to write them; a .csv is written beside", "results.json")
    .helpOption("--help", "print this help")
    .action(merge);
  return withCommonOptions(command);
}

/** `3/8` */
function parseShard(text: string): Shard {
  const match = /^(\d{1,5})\/(\d{1,5})$/.exec(text);
  const [index, count] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || index >= count) {
    throw new InvalidArgumentError("Expected i/n with i from 0 to n - 1, for example 0/8.");
  }
  return { index, count };
}

async function sweep(path: string, options: SweepCommandOptions): Promise<void> {
  const output = new Output(options);
  const plan = readSweep(path);
  const jobs = options.shard ? shardOf(plan.jobs, options.shard) : plan.jobs;
  if (options.list) {
    output.result({ sweepSha256: plan.sha256, jobs: jobs.map(({ index, id }) => ({ index, id })) });
    for (const line of table([["number", "job"], ...jobs.map(({ index, id }) => [index, id])])) output.print(line);
    return;
  }
  const folder = options.output ?? join("runs", basename(path, ".json"));
  prepareFolder(folder);
  const endings = await observeSweep(plan, jobs, folder, options, output);
  const failed = endings.filter(({ error }) => error !== undefined);
  const results: SweepResults = {
    version: 1,
    sweepSha256: plan.sha256,
    jobCount: plan.jobs.length,
    jobs: endings.flatMap(({ result }) => (result ? [result] : [])),
  };
  if (failed.length > 0) {
    for (const { job, error } of failed) output.note(`${job.id}: ${error}`);
    throw new FailureError(
      `Cannot finish the sweep: ${failed.length} of ${jobs.length} jobs failed, the first (${failed[0].job.id}) with: ${failed[0].error}`,
    );
  }
  const file = join(folder, options.shard ? shardName(options.shard) : "results.json");
  if (options.shard) writeFileAtomically(file, encodeResults(results));
  else writeResults(file, results);
  tell(output, file, results);
}

const shardName = ({ index, count }: Shard): string => `results-${index}-of-${count}.json`;

async function observeSweep(
  plan: SweepPlan,
  jobs: readonly SweepJob[],
  folder: string,
  { threads, jobs: wanted }: SweepCommandOptions,
  output: Output,
): Promise<JobEnding[]> {
  const atATime = wanted ?? Math.max(1, Math.floor(availableParallelism() / threads));
  output.note(`${jobs.length} of ${plan.jobs.length} jobs into ${folder}, ${atATime} at a time.`);
  const progress = new Progress(process.stderr, () => performance.now(), output.quiet || !process.stderr.isTTY);
  const startMs = performance.now();
  const running = new Set<string>();
  let [done, trained] = [0, 0];
  const status = () => `${done}/${jobs.length}  training ${[...running].join("  ")}`;
  const endings = await interruptible((_, signal) =>
    runSweep(plan, jobs, {
      output: folder,
      jobs: atATime,
      threads,
      signal,
      onStart: ({ id }) => {
        running.add(id);
        progress.show(status, true);
      },
      onEnd: (ending) => {
        running.delete(ending.job.id);
        if (!ending.result && !ending.error) return;
        done++;
        if (!ending.isOld) trained++;
        progress.clear();
        const leftSeconds = (((performance.now() - startMs) / 1000) * (jobs.length - done)) / Math.max(1, trained);
        output.note(
          `${done}/${jobs.length}  ${described(ending)}${trained && done < jobs.length ? `  ${duration(leftSeconds)} left` : ""}`,
        );
        if (running.size > 0) progress.show(status, true);
      },
    }),
  ).finally(() => progress.clear());
  if (endings.length < jobs.length || endings.some(({ result, error }) => !result && !error)) {
    throw new Interrupted(`Stopped with ${done} of ${jobs.length} jobs done; go on with the same command.`);
  }
  return endings;
}

function described({ job, result, error, isOld }: JobEnding): string {
  if (error !== undefined) return `${job.id}  failed`;
  const bits = result?.bitsPerByte;
  return `${job.id}  ${bits === null || bits === undefined ? "trained" : `${bits.toFixed(4)} bits per byte`}${isOld ? " (was done)" : ""}`;
}

function merge(paths: string[], _: unknown, command: Command): void {
  // Options that both commands have are parsed by the outer one.
  const { output: file = "results.json", ...common } = command.optsWithGlobals<CommonOptions & { output?: string }>();
  const output = new Output(common);
  const files = paths.flatMap(shardFiles);
  const results = mergeResults(files.map((path) => ({ path, results: parseResults(readText(path), path) })));
  checkOutput(file);
  writeResults(file, results);
  tell(output, file, results);
}

/** A file itself, or the results of shards in a folder. */
function shardFiles(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path];
  const names = readdirSync(path).filter((name) => /^results-\d+-of-\d+\.json$/.test(name));
  const found = names.length > 0 ? names : readdirSync(path).filter((name) => name === "results.json");
  if (found.length === 0) {
    throw new UsageError(
      `Cannot merge "${path}": there is no results-i-of-n.json in it; let "atome sweep --shard" finish there.`,
    );
  }
  return found.sort().map((name) => join(path, name));
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw readingError(path, "results of a sweep", error as NodeJS.ErrnoException);
  }
}

function writeResults(file: string, results: SweepResults): void {
  writeFileAtomically(file, encodeResults(results));
  const csv = join(dirname(file), `${basename(file, ".json")}.csv`);
  writeFileAtomically(csv, new TextEncoder().encode(resultsCsv(results)));
}

function tell(output: Output, file: string, results: SweepResults): void {
  const points = gridPoints(results);
  output.result({ results: file, jobCount: results.jobCount, points });
  const number = (value: number | null, digits: number) => (value === null ? "-" : value.toFixed(digits));
  const rows = points.map((point) => [
    Object.entries(point.overrides)
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join(" ") || "(no grid)",
    number(point.mean, 4),
    number(point.standardDeviation, 4),
    number(point.least, 4),
    point.seedCount,
    point.flashBytes === null ? "-" : grouped(point.flashBytes),
    point.ramBytes === null ? "-" : grouped(point.ramBytes),
  ]);
  const columns = ["configuration", "bits per byte", "deviation", "least", "seeds", "flash bytes", "RAM bytes"];
  const [head, ...lines] = table([columns, ...rows]);
  output.print(output.style("dim", head));
  lines.forEach((line, i) => {
    output.print(i === 0 ? output.style("bold", line) : line);
  });
  output.print(`Results: ${file}`);
}
