import { createHash } from "node:crypto";
import { dirname, join, resolve } from "node:path";
import * as v from "valibot";
import { Corpus } from "../corpus/corpus.js";
import { configToJson, type ModelConfig } from "../model/config.js";
import { configNames } from "../model/configs.js";
import { UsageError } from "../model/errors.js";
import { readInput } from "./files.js";
import { chooseConfig } from "./train-settings.js";
import { usualConfig } from "./train-task.js";

/** One training of a sweep. */
export interface SweepJob {
  /** Names its folder; the same on every machine. */
  id: string;
  /** Position in the sweep, from 0. */
  index: number;
  /** Keys of the configuration that the grid chose, in its order. */
  overrides: Readonly<Record<string, unknown>>;
  seed: number;
  /** What `atome train` is given: `key=value`. */
  settings: readonly string[];
  /** SHA-256 of the whole configuration and the texts. */
  sha256: string;
}

/** Everything that a sweep trains, the same for every shard. */
export interface SweepPlan {
  /** Absolute paths of the texts. */
  corpus: readonly string[];
  validationFile: string | undefined;
  /** Name of a built-in configuration, or an absolute path. */
  config: string;
  jobs: readonly SweepJob[];
  /** SHA-256 of all jobs. */
  sha256: string;
}

/** A slice of a sweep: every `count`-th job from number `index` on, counted from 0. */
export interface Shard {
  index: number;
  count: number;
}

const MOST_JOBS = 10_000;
const LONGEST_ID = 100;

const value = v.union(
  [v.number(), v.string(), v.boolean(), v.array(v.unknown())],
  "a number, text, true, false or a list",
);
const seedNumber = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffffffff));
const schema = v.strictObject(
  {
    corpus: v.pipe(v.array(v.string("a path"), "a list of paths"), v.minLength(1, "a list of at least one path")),
    validationFile: v.optional(v.string("a path")),
    config: v.optional(v.string("the name of a configuration or the path of a JSON file")),
    set: v.optional(v.record(v.string(), value, "an object of keys and values"), {}),
    grid: v.optional(
      v.record(
        v.string(),
        v.pipe(v.array(value, "a list of values"), v.minLength(1, "a list of at least one value")),
        "an object of keys and lists of values",
      ),
      {},
    ),
    seeds: v.optional(
      v.union(
        [
          v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(MOST_JOBS)),
          v.pipe(v.array(seedNumber), v.minLength(1)),
        ],
        "a number of seeds or a list of whole numbers from 0",
      ),
      [0],
    ),
  },
  "a JSON object",
);
type SweepFile = v.InferOutput<typeof schema>;

/**
 * Reads a sweep and checks all of it: every job's configuration and every text, before anything is trained.
 *
 * @throws UsageError naming the first thing that is wrong
 */
export function readSweep(path: string): SweepPlan {
  const file = parseSweep(path);
  const folder = dirname(resolve(path));
  const inFolder = (name: string) => resolve(folder, name);
  const corpus = file.corpus.map(inFolder);
  const validationFile = file.validationFile === undefined ? undefined : inFolder(file.validationFile);
  const chosen = file.config ?? usualConfig("language", corpus);
  const isNamed = configNames.includes(chosen) || !chosen.endsWith(".json");
  const config = isNamed ? chosen : inFolder(chosen);
  const texts = [Corpus.open(corpus), ...(validationFile ? [Corpus.open([validationFile])] : [])];
  const dataSha256 = texts.map((text) => text.sha256);
  const jobs = combinations(file, path).map((overrides, i) => {
    const seeds = seedsOf(file);
    return seeds.map((seed, j) => makeJob(file, path, config, overrides, seed, i * seeds.length + j, dataSha256));
  });
  const all = jobs.flat();
  if (all.length > MOST_JOBS) fail(path, `it has ${all.length} jobs, expected at most ${MOST_JOBS}`);
  const sha256 = hash(all.map((job) => [job.id, job.sha256]));
  return { corpus, validationFile, config, jobs: withUniqueIds(all), sha256 };
}

/** The jobs of a shard. */
export const shardOf = (jobs: readonly SweepJob[], { index, count }: Shard): SweepJob[] =>
  jobs.filter((job) => job.index % count === index);

function parseSweep(path: string): SweepFile {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(readInput(path, "a sweep in JSON")));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`Cannot read "${path}": it is not JSON (${(error as Error).message}); correct it.`);
  }
  if (Array.isArray(json)) fail(path, "it is a list, expected a JSON object");
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const key = v.getDotPath(issue);
  if (issue.type === "strict_object" && issue.expected === "never") return fail(path, `"${key}" is not a known key`);
  if (issue.type === "strict_object" && issue.received === "undefined") return fail(path, `"${key}" is missing`);
  const found = JSON.stringify(issue.input)?.slice(0, 60);
  return fail(path, `${key ? `"${key}"` : "it"} is ${found}, expected ${issue.message}`);
}

function fail(path: string, problem: string): never {
  throw new UsageError(`Cannot use the sweep "${path}": ${problem}; correct it.`);
}

function seedsOf({ seeds }: SweepFile): number[] {
  return typeof seeds === "number" ? Array.from({ length: seeds }, (_, seed) => seed) : seeds;
}

/** The grid's points, the last key changing fastest. */
function combinations(file: SweepFile, path: string): Record<string, unknown>[] {
  const distinct = (values: readonly unknown[]) => new Set(values.map((item) => JSON.stringify(item))).size;
  for (const [key, values] of Object.entries(file.grid)) {
    if (distinct(values) !== values.length) fail(path, `"grid.${key}" has a value twice`);
    if (key in file.set) fail(path, `"${key}" is in "set" and in "grid"`);
  }
  if (distinct(seedsOf(file)) !== seedsOf(file).length) fail(path, '"seeds" has a value twice');
  if ([...Object.keys(file.set), ...Object.keys(file.grid)].includes("train.seed")) {
    fail(path, '"train.seed" is in "set" or "grid", expected in "seeds"');
  }
  return Object.entries(file.grid).reduce<Record<string, unknown>[]>(
    (points, [key, values]) => points.flatMap((point) => values.map((item) => ({ ...point, [key]: item }))),
    [{}],
  );
}

function makeJob(
  file: SweepFile,
  path: string,
  config: string,
  overrides: Record<string, unknown>,
  seed: number,
  index: number,
  dataSha256: readonly string[],
): SweepJob {
  const changes = { ...file.set, ...overrides, "train.seed": seed };
  const settings = Object.entries(changes).map(([key, item]) => `${key}=${JSON.stringify(item)}`);
  const id = idOf(overrides, seed);
  try {
    const sha256 = jobSha256(chooseConfig({ config, set: settings }), dataSha256);
    return { id, index, overrides, seed, settings, sha256 };
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(`Cannot use the sweep "${path}", job ${id}: ${error.message}`);
  }
}

/** `learningRate=0.02,seed=1`, in characters that every file system takes. */
function idOf(overrides: Readonly<Record<string, unknown>>, seed: number): string {
  const parts = Object.entries({ ...overrides, seed }).map(
    ([key, item]) => `${key.replace(/^train\./, "")}=${typeof item === "string" ? item : JSON.stringify(item)}`,
  );
  return parts.join(",").replace(/[^\w.,=+-]/g, "_");
}

/** Ids that are long, or that others have once the odd characters are gone, get part of the job's hash. */
function withUniqueIds(jobs: readonly SweepJob[]): SweepJob[] {
  const counts = new Map<string, number>();
  for (const { id } of jobs) counts.set(id.toLowerCase(), (counts.get(id.toLowerCase()) ?? 0) + 1);
  return jobs.map((job) => {
    if (job.id.length <= LONGEST_ID && counts.get(job.id.toLowerCase()) === 1) return job;
    return { ...job, id: `${job.id.slice(0, LONGEST_ID - 9)}-${job.sha256.slice(0, 8)}` };
  });
}

/**
 * What a training is known by.
 *
 * @param dataSha256 of each text
 */
export const jobSha256 = (config: ModelConfig, dataSha256: readonly string[]): string =>
  hash([configToJson(config), dataSha256]);

const hash = (content: unknown): string => createHash("sha256").update(JSON.stringify(content)).digest("hex");

/** Folder of a job's run. */
export const jobFolder = (output: string, job: SweepJob): string => join(output, job.id);
