// The fuzzers of fuzz.c: how each is built, started and asked what it found. Used by `npm run fuzz` and by fuzz.test.ts.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { malformedFiles } from "../../dist/format/malformed.js";
import { drawModel, drawShape, seededDraw } from "../../dist/format/samples.js";
import { writeModel } from "../../dist/format/writer.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const vectors = fileURLToPath(new URL("../../vectors/", import.meta.url));

/** The committed files from which every fuzzer starts. */
export const CORPUS = join(here, "corpus");

/** Longer files are slower and reach no more. */
const MOST_BYTES = 1536;
const FLAGS = ["-std=c99", "-O1", "-g", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"];

/** Builds fuzz.c with `clang` for libFuzzer or `afl-clang-fast` for AFL++. */
export function buildHarness(compiler, output) {
  execFileSync(compiler, [...FLAGS, join(here, "fuzz.c"), "-o", output], { stdio: ["ignore", "pipe", "pipe"] });
  return output;
}

/** The files of a folder. */
export const filesIn = (folder) =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name))
    .sort();

/** Fills a folder with small files of our own: vectors, malformed ones, and models drawn of every block and option. */
export function writeSeeds(folder, count = 400) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const keep = (name, bytes) =>
    bytes.length > 0 && bytes.length <= MOST_BYTES && writeFileSync(join(folder, name), bytes);
  for (const name of readdirSync(vectors).filter((name) => name.endsWith(".atome")))
    keep(name, readFileSync(join(vectors, name)));
  for (const { name, bytes } of malformedFiles()) keep(name, bytes);
  for (let seed = 0; seed < count; seed++) {
    const draw = seededDraw(seed);
    keep(`drawn-${seed}`, writeModel(drawModel(draw, drawShape(draw))));
  }
}

/** The number that a program printed after a name. */
const numberAfter = (text, name) => Number(text.match(new RegExp(`${name}\\s*:\\s*(\\d+)`))?.[1]);

/**
 * Runs libFuzzer for some seconds, or exactly so many runs. New files go into the first folder, crashing ones into `findings`.
 *
 * @param {{ runs?: number, seconds?: number, seed: number, findings: string }} limits
 */
export function runLibFuzzer(harness, folders, limits) {
  const { runs, seconds, seed, findings } = limits;
  // The values it has compared may be addresses, which differ from run to run.
  const limit = runs === undefined ? [`-max_total_time=${seconds}`] : [`-runs=${runs}`, "-use_cmp=0"];
  const args = [...limit, `-seed=${seed}`, `-max_len=${MOST_BYTES}`, "-rss_limit_mb=1024", "-timeout=20"];
  args.push("-print_final_stats=1", "-reload=0", `-artifact_prefix=${findings}/`);
  const { status, stderr } = spawnSync(harness, [...args, ...folders], { encoding: "utf8", maxBuffer: 1 << 28 });
  if (status !== 0) process.stderr.write(stderr.replace(/^#\d+\s+(NEW|REDUCE|pulse).*\n/gm, ""));
  return { failed: status !== 0, executions: numberAfter(stderr, "number_of_executed_units") };
}

/** Runs AFL++ for some seconds, with what it knows in `state`; gives the files that reach something and those that crash. */
export function runAfl(harness, seeds, { seconds, seed, state }) {
  const env = {
    ...process.env,
    AFL_NO_UI: "1",
    AFL_SKIP_CPUFREQ: "1",
    AFL_NO_AFFINITY: "1",
    AFL_AUTORESUME: "1",
    AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES: "1",
  };
  const args = ["-i", seeds, "-o", state, "-G", `${MOST_BYTES}`, "-V", `${seconds}`, "-s", `${seed}`, "-m", "none"];
  execFileSync("afl-fuzz", [...args, "--", harness], { env, stdio: ["ignore", "ignore", 2] });
  const inState = (name) => join(state, "default", name);
  return {
    executions: numberAfter(readFileSync(inState("fuzzer_stats"), "utf8"), "execs_done"),
    reached: filesIn(inState("queue")),
    crashes: ["crashes", "hangs"].flatMap((name) => filesIn(inState(name))).filter((path) => !path.endsWith(".txt")),
  };
}

/** Writes the fewest files of `folders` that reach what all of them reach into an empty folder. */
export function mergeCorpus(harness, target, folders) {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  const args = ["-merge=1", "-set_cover_merge=1", `-max_len=${MOST_BYTES}`, target, ...folders];
  execFileSync(harness, args, { stdio: ["ignore", "ignore", "pipe"], maxBuffer: 1 << 28 });
}
