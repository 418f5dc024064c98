import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Ended, runAtome, startAtome } from "./spawn-atome.js";
import { readSweep } from "./sweep-plan.js";
import { tinyConfig, tinyText } from "./tiny-run.js";

const cwd = mkdtempSync(join(tmpdir(), "atome-sweep-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const tiny = tinyConfig({ steps: 150, validateEvery: 50, checkpointEvery: 10, validation: 0.1 });
const sweep = {
  corpus: ["text.txt"],
  config: "tiny.json",
  grid: { "train.learningRate": [0.02, 0.005], dInner: [16, 24] },
  seeds: [1, 2],
};

beforeAll(() => {
  writeFileSync(join(cwd, "text.txt"), tinyText(400));
  writeFileSync(join(cwd, "tiny.json"), JSON.stringify(tiny));
  writeFileSync(join(cwd, "sweep.json"), JSON.stringify(sweep));
});

const text = (...path: string[]) => readFileSync(join(cwd, ...path), "utf8");
const report = ({ stdout }: Ended) => JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);

describe("atome sweep", () => {
  test("trains every point of the grid with every seed and tells the means", async () => {
    const ended = await runAtome(["sweep", "sweep.json", "-o", "whole", "--jobs", "2", "--json"], cwd);
    expect(ended.stderr).toContain("8/8  ");
    expect(ended.code).toBe(0);
    const { jobCount, points } = report(ended);
    expect([jobCount, points.length]).toEqual([8, 4]);
    const { jobs } = JSON.parse(text("whole", "results.json"));
    expect(jobs.map(({ id }: { id: string }) => id).slice(0, 3)).toEqual([
      "learningRate=0.02,dInner=16,seed=1",
      "learningRate=0.02,dInner=16,seed=2",
      "learningRate=0.02,dInner=24,seed=1",
    ]);
    const [first, second] = jobs;
    const point = points.find(
      ({ overrides }: { overrides: object }) => JSON.stringify(overrides) === JSON.stringify(first.overrides),
    );
    expect(point.mean).toBeCloseTo((first.bitsPerByte + second.bitsPerByte) / 2, 12);
    expect(point.standardDeviation).toBeCloseTo(Math.abs(first.bitsPerByte - second.bitsPerByte) / Math.SQRT2, 12);
    expect(points[0].mean).toBe(Math.min(...points.map(({ mean }: { mean: number }) => mean)));
    expect(new Set(jobs.map(({ bestSha256 }: { bestSha256: string }) => bestSha256)).size).toBe(8);
    const csv = text("whole", "results.csv").split("\r\n");
    expect(csv[0]).toBe(
      "id,train.learningRate,dInner,seed,steps,bitsPerByte,bitsPerByteLast,flashBytes,ramBytes,modelSha256",
    );
    expect(csv[1].startsWith('"learningRate=0.02,dInner=16,seed=1",0.02,16,1,150,')).toBe(true);
    expect(csv.length).toBe(10);
  });

  test("in three processes with a shard each comes to the same bytes", async () => {
    const shards = ["0/3", "1/3", "2/3"];
    const ended = await Promise.all(
      shards.map((shard, i) =>
        runAtome(["sweep", "sweep.json", "-o", `part-${i}`, "--jobs", "1", "--shard", shard], cwd),
      ),
    );
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(readdirSync(join(cwd, "part-1")).filter((name) => name.startsWith("results"))).toEqual([
      "results-1-of-3.json",
    ]);
    const two = await runAtome(["sweep", "merge", "part-0", "part-2", "-o", "merged.json"], cwd);
    expect([two.code, two.stderr]).toEqual([
      2,
      'Cannot merge: 3 of 8 jobs have no result (numbers 1, 4, 7 of "atome sweep --list"); run their shards, then merge again.\n',
    ]);
    expect(existsSync(join(cwd, "merged.json"))).toBe(false);
    const merged = await runAtome(["sweep", "merge", "part-0", "part-1", "part-2", "-o", "merged.json", "--json"], cwd);
    expect(merged.stderr).toBe("");
    expect(report(merged).jobCount).toBe(8);
    expect(text("merged.json")).toBe(text("whole", "results.json"));
    expect(text("merged.csv")).toBe(text("whole", "results.csv"));
  });

  test("killed and run again comes to the same bytes and repeats nothing", async () => {
    const args = ["sweep", "sweep.json", "-o", "killed", "--jobs", "2"];
    const { child, output, ended } = startAtome(args, cwd);
    while (!output.stderr.includes("3/8  ")) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill("SIGKILL");
    expect((await ended).signal).toBe("SIGKILL");
    const again = await runAtome(args, cwd);
    expect(again.code).toBe(0);
    expect(again.stderr.match(/\(was done\)/g)?.length).toBeGreaterThanOrEqual(3);
    expect(text("killed", "results.json")).toBe(text("whole", "results.json"));
  });

  test("stops on SIGTERM, saved, and says how to go on", async () => {
    const args = ["sweep", "sweep.json", "-o", "stopped", "--jobs", "1"];
    const { child, output, ended } = startAtome(args, cwd);
    while (!output.stderr.includes("1/8  ")) await new Promise((resolve) => setTimeout(resolve, 10));
    child.kill("SIGTERM");
    const { code, stderr } = await ended;
    expect(stderr).toMatch(/Stopped with \d of 8 jobs done; go on with the same command\.\n$/);
    expect(code).toBe(130);
  });

  test("goes on with the other jobs when one fails, and fails in the end", async () => {
    // A folder with another run in it.
    mkdirSync(join(cwd, "one-fails"));
    writeFileSync(join(cwd, "one-fails", "seed=2"), "not a folder");
    writeFileSync(join(cwd, "seeds.json"), JSON.stringify({ ...sweep, grid: {}, seeds: [1, 2, 3] }));
    const { code, stderr } = await runAtome(["sweep", "seeds.json", "-o", "one-fails", "--jobs", "1"], cwd);
    expect(code).toBe(1);
    expect(stderr).toContain("2/3  seed=2  failed");
    expect(stderr).toMatch(
      /Cannot finish the sweep: 1 of 3 jobs failed, the first \(seed=2\) with: Cannot .* not a directory/,
    );
    expect(existsSync(join(cwd, "one-fails", "seed=3", "result.json"))).toBe(true);
    expect(existsSync(join(cwd, "one-fails", "results.json"))).toBe(false);
  });

  test("--list prints the jobs of a shard and trains nothing", async () => {
    const { code, stdout } = await runAtome(["sweep", "sweep.json", "-o", "none", "--shard", "1/4", "--list"], cwd);
    expect([code, stdout]).toEqual([
      0,
      "number  job\n     1  learningRate=0.02,dInner=16,seed=2\n     5  learningRate=0.005,dInner=16,seed=2\n",
    ]);
    expect(existsSync(join(cwd, "none"))).toBe(false);
  });

  test("that names no configuration trains the one that atome train would", () => {
    writeFileSync(join(cwd, "long.txt"), tinyText(5000));
    const configOf = (corpus: string) => {
      writeFileSync(join(cwd, "usual.json"), JSON.stringify({ corpus: [corpus] }));
      return readSweep(join(cwd, "usual.json")).config;
    };
    expect([configOf("text.txt"), configOf("long.txt")]).toEqual(["gated-20k", "text-20k"]);
  });
});

describe("atome sweep refuses", () => {
  const bad: [string, unknown, RegExp][] = [
    ["a list", [], /^Cannot use the sweep "bad\.json": it is a list, expected a JSON object/],
    ["no corpus", { config: "tiny.json" }, /"corpus" is missing/],
    ["an empty corpus", { ...sweep, corpus: [] }, /"corpus" is \[\], expected a list of at least one path/],
    ["a missing text", { ...sweep, corpus: ["none.txt"] }, /^Cannot read ".*none\.txt": there is no such file/],
    ["an unknown key", { ...sweep, grids: {} }, /"grids" is not a known key/],
    [
      "an empty list",
      { ...sweep, grid: { dInner: [] } },
      /"grid\.dInner" is \[\], expected a list of at least one value/,
    ],
    ["a value that is no list", { ...sweep, grid: { dInner: 8 } }, /"grid\.dInner" is 8, expected a list of values/],
    ["a value twice", { ...sweep, grid: { dInner: [8, 8] } }, /"grid\.dInner" has a value twice/],
    ["a seed twice", { ...sweep, seeds: [1, 1] }, /"seeds" has a value twice/],
    ["a negative seed", { ...sweep, seeds: [-1] }, /"seeds.*" is .*-1/],
    ["seeds in the grid", { ...sweep, grid: { "train.seed": [1] } }, /"train\.seed" is in "set" or "grid"/],
    ["a key in both", { ...sweep, set: { dInner: 8 } }, /"dInner" is in "set" and in "grid"/],
    [
      "an unknown key of the configuration",
      { ...sweep, grid: { dinner: [8] } },
      /^Cannot use the sweep "bad\.json", job dinner=8,seed=1: .*"dinner" is not a known key/,
    ],
    ["a bad value", { ...sweep, grid: { dInner: [8, 0] } }, /job dInner=0,seed=1: .*"dInner" is 0/],
    ["an unknown configuration", { ...sweep, config: "none" }, /Cannot find the configuration "none"/],
  ];
  test.each(bad)("%s", async (_, json, message) => {
    writeFileSync(join(cwd, "bad.json"), JSON.stringify(json));
    const { code, stdout, stderr } = await runAtome(["sweep", "bad.json", "-o", "bad"], cwd);
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
    expect([code, stdout]).toEqual([2, ""]);
    expect(existsSync(join(cwd, "bad"))).toBe(false);
  });

  test.each(["3/2", "2/2", "1", "-1/2", "a/b"])("the shard %s", async (shard) => {
    const { code, stderr } = await runAtome(["sweep", "sweep.json", "--shard", shard], cwd);
    expect(stderr).toContain("Expected i/n with i from 0 to n - 1");
    expect(code).toBe(2);
  });

  test("to merge what does not belong together", async () => {
    const results = JSON.parse(text("whole", "results.json"));
    writeFileSync(join(cwd, "other.json"), JSON.stringify({ ...results, sweepSha256: "0" }));
    const other = await runAtome(["sweep", "merge", "whole/results.json", "other.json"], cwd);
    expect([other.code, other.stderr]).toEqual([2, expect.stringContaining("they are of different sweeps")]);
    const [first, ...rest] = results.jobs;
    const changed = { ...results, jobs: [{ ...first, bestSha256: "0" }, ...rest] };
    writeFileSync(join(cwd, "changed.json"), JSON.stringify(changed));
    const twice = await runAtome(["sweep", "merge", "whole/results.json", "changed.json"], cwd);
    expect([twice.code, twice.stderr]).toEqual([
      2,
      expect.stringContaining("the job learningRate=0.02,dInner=16,seed=1 has other results in each"),
    ]);
    const model = await runAtome(["sweep", "merge", "text.txt"], cwd);
    expect([model.code, model.stderr]).toEqual([2, expect.stringContaining("it is not a result of")]);
    const none = await runAtome(["sweep", "merge", "none"], cwd);
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining("there is no such file")]);
  });
});

describe("the example manifests", () => {
  const example = fileURLToPath(new URL("../../examples/sweep/", import.meta.url));
  const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
  const environment = { SWEEP: "sweep.json", ATOME: `${process.execPath} ${main}` };
  const run = async (program: string, args: string[], env: Record<string, string>) => {
    const { spawnSync } = await import("node:child_process");
    return spawnSync(program, args, { cwd, encoding: "utf8", env: { ...process.env, ...environment, ...env } });
  };

  test("of Slurm trains the shard of its array task", async () => {
    const env = { OUTPUT: "slurm", SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_TASK_COUNT: "4" };
    expect((await run("bash", [join(example, "slurm.sh")], env)).status).toBe(0);
    const ids = JSON.parse(text("slurm", "results-3-of-4.json")).jobs.map(({ index }: { index: number }) => index);
    expect(ids).toEqual([3, 7]);
    expect(readFileSync(join(example, "slurm.sh"), "utf8")).toMatch(/^#SBATCH --array=0-3$/m);
  });

  test("of Kubernetes trains the shard of its completion index", async () => {
    const manifest = readFileSync(join(example, "kubernetes.yaml"), "utf8");
    const field = (name: string) => new RegExp(`^ +${name}: (.*)$`, "m").exec(manifest)?.[1];
    expect([field("completionMode"), field("completions"), field("parallelism")]).toEqual(["Indexed", "4", "4"]);
    const shards = /name: SHARDS\n +value: "(\d+)"/.exec(manifest)?.[1] as string;
    expect(shards).toBe(field("completions"));
    const line = /args: \['(.*)'\]/.exec(manifest)?.[1] as string;
    const env = { OUTPUT: "kubernetes", JOB_COMPLETION_INDEX: "0", SHARDS: shards };
    expect((await run("sh", ["-c", line], env)).status).toBe(0);
    expect(JSON.parse(text("kubernetes", "results-0-of-4.json")).jobs.length).toBe(2);
  });
});
