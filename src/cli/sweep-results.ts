import * as v from "valibot";
import { UsageError } from "../model/errors.js";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const resultSchema = v.strictObject({
  id: v.string(),
  index: count,
  overrides: v.record(v.string(), v.unknown()),
  seed: count,
  /** Of configuration and texts. */
  jobSha256: v.string(),
  steps: count,
  /** Of the held-out text, at the best validation and at the last; null when nothing is held out. */
  bitsPerByte: v.nullable(v.number()),
  bitsPerByteLast: v.nullable(v.number()),
  /** Of best.safetensors, last.safetensors and model.atome. */
  bestSha256: v.string(),
  lastSha256: v.string(),
  modelSha256: v.nullable(v.string()),
  flashBytes: v.nullable(count),
  ramBytes: v.nullable(count),
});
const resultsSchema = v.strictObject({
  version: v.literal(1),
  /** SHA-256 of the whole sweep. */
  sweepSha256: v.string(),
  /** Jobs of the whole sweep. */
  jobCount: count,
  jobs: v.array(resultSchema),
});

/** What a finished job came to; no time and no machine, so that the same job gives the same bytes anywhere. */
export type JobResult = v.InferOutput<typeof resultSchema>;
/** The results of a sweep or of a shard of it, sorted by index. */
export type SweepResults = v.InferOutput<typeof resultsSchema>;

/** @throws UsageError when the text is not what `encodeResults` writes */
export function parseResults(text: string, path: string): SweepResults {
  return parse(resultsSchema, text, path);
}

/** @throws UsageError when the text is no result of a job */
export function parseJobResult(text: string, path: string): JobResult {
  return parse(resultSchema, text, path);
}

function parse<T>(schema: v.GenericSchema<unknown, T>, text: string, path: string): T {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    json = undefined;
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  throw new UsageError(`Cannot read "${path}": it is not a result of "atome sweep"; delete it or name another.`);
}

/** The bytes of a results file: the same for the same results. */
export function encodeResults(results: object): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(results, null, 2)}\n`);
}

/**
 * Puts the results of shards together.
 *
 * @param parts with the paths they were read from
 * @throws UsageError when they are of different sweeps, when a job has two different results, or when jobs are missing
 */
export function mergeResults(parts: readonly { path: string; results: SweepResults }[]): SweepResults {
  const [first] = parts;
  const byIndex = new Map<number, { path: string; result: JobResult }>();
  for (const { path, results } of parts) {
    if (results.sweepSha256 !== first.results.sweepSha256) {
      throw new UsageError(
        `Cannot merge "${path}" with "${first.path}": they are of different sweeps; merge the shards of one sweep.json over the same texts.`,
      );
    }
    for (const result of results.jobs) {
      const known = byIndex.get(result.index);
      if (known && JSON.stringify(known.result) !== JSON.stringify(result)) {
        throw new UsageError(
          `Cannot merge "${path}" with "${known.path}": the job ${result.id} has other results in each; train it again.`,
        );
      }
      byIndex.set(result.index, { path, result });
    }
  }
  const { sweepSha256, jobCount } = first.results;
  const missing = Array.from({ length: jobCount }, (_, index) => index).filter((index) => !byIndex.has(index));
  if (missing.length > 0) {
    const named = missing.slice(0, 10).join(", ") + (missing.length > 10 ? ", ..." : "");
    throw new UsageError(
      `Cannot merge: ${missing.length} of ${jobCount} jobs have no result (numbers ${named} of "atome sweep --list"); run their shards, then merge again.`,
    );
  }
  const jobs = [...byIndex.values()].map(({ result }) => result).sort((a, b) => a.index - b.index);
  return { version: 1, sweepSha256, jobCount, jobs };
}

/** A point of the grid over its seeds. */
export interface GridPoint {
  overrides: Readonly<Record<string, unknown>>;
  seedCount: number;
  /** Of the jobs' best bits per byte; null when nothing is held out. */
  mean: number | null;
  /** Sample standard deviation; null with fewer than two seeds. */
  standardDeviation: number | null;
  least: number | null;
  flashBytes: number | null;
  ramBytes: number | null;
}

/** The points of the grid, the least mean of bits per byte first. */
export function gridPoints(results: SweepResults): GridPoint[] {
  const groups = new Map<string, JobResult[]>();
  for (const job of results.jobs) {
    const key = JSON.stringify(job.overrides);
    groups.set(key, [...(groups.get(key) ?? []), job]);
  }
  const points = [...groups.values()].map(pointOf);
  return points.sort((a, b) => (a.mean ?? Number.POSITIVE_INFINITY) - (b.mean ?? Number.POSITIVE_INFINITY));
}

function pointOf(jobs: readonly JobResult[]): GridPoint {
  const values = jobs.flatMap(({ bitsPerByte }) => (bitsPerByte === null ? [] : [bitsPerByte]));
  const mean = values.length > 0 ? values.reduce((sum, bits) => sum + bits, 0) / values.length : null;
  const squares = values.reduce((sum, bits) => sum + (bits - (mean ?? 0)) ** 2, 0);
  return {
    overrides: jobs[0].overrides,
    seedCount: jobs.length,
    mean,
    standardDeviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : null,
    least: values.length > 0 ? Math.min(...values) : null,
    // A learned alphabet may differ from seed to seed only by the text, which is the same.
    flashBytes: jobs[0].flashBytes,
    ramBytes: jobs[0].ramBytes,
  };
}

/** One line per job, for spreadsheets (RFC 4180). */
export function resultsCsv({ jobs }: SweepResults): string {
  const keys = [...new Set(jobs.flatMap((job) => Object.keys(job.overrides)))];
  const columns = ["steps", "bitsPerByte", "bitsPerByteLast", "flashBytes", "ramBytes", "modelSha256"] as const;
  const cell = (item: unknown) => {
    const text = item === null || item === undefined ? "" : typeof item === "string" ? item : JSON.stringify(item);
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const rows = jobs.map((job) => [
    job.id,
    ...keys.map((key) => job.overrides[key]),
    job.seed,
    ...columns.map((column) => job[column]),
  ]);
  return [["id", ...keys, "seed", ...columns], ...rows].map((row) => `${row.map(cell).join(",")}\r\n`).join("");
}
