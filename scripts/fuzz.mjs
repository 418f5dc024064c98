// `npm run fuzz -- [options]`: looks for bytes that break an engine or on which two of them differ; see `--help`.
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const work = fileURLToPath(new URL("../build/fuzz/", import.meta.url));
const findings = `${work}findings`;
const usage = `Usage: npm run fuzz -- [--engine libfuzzer|afl|typescript] [--minutes n] [--seed n] [--corpus]

Looks for bytes that break an engine, or on which two of them differ, for some minutes (default 1):
  libfuzzer   atome.c under the sanitizers (default; needs clang and its run-time libraries)
  afl         the same by AFL++ (needs afl++)
  typescript  mutated models, by the reader and the engines in TypeScript and WebAssembly
What the first two reach is given to TypeScript and WebAssembly, too. A fuzzer goes on where it stopped: build/fuzz holds
what it knows. Findings are saved in build/fuzz/findings; then the exit code is 1.

--corpus fuzzes nothing but writes engine/fuzz/corpus anew: the fewest files that reach what all runs so far have reached.
`;

const RUNNERS = { libfuzzer: fuzzByLibFuzzer, afl: fuzzByAfl, typescript: fuzzTypeScript };
const { values: options } = parseArgs({
  options: {
    engine: { type: "string", default: "libfuzzer" },
    minutes: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    corpus: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const [seconds, seed] = [Math.round(60 * Number(options.minutes)), Number(options.seed)];
const say = (line) => process.stdout.write(`${line}\n`);

if (options.help) process.stdout.write(usage);
else if (!(options.engine in RUNNERS) || !(seconds > 0) || !Number.isSafeInteger(seed)) {
  process.stderr.write(
    `Cannot fuzz: engine is ${options.engine}, minutes ${options.minutes}, seed ${options.seed} but they must be one of ${Object.keys(RUNNERS).join(", ")}, a number above 0 and a whole number; give such.\n`,
  );
  process.exitCode = 2;
} else {
  await import("./install.mjs");
  await import("./build.mjs");
  mkdirSync(findings, { recursive: true });
  const tools = {
    ...(await import("../engine/fuzz/fuzzers.mjs")),
    ...(await import("../dist/engine/agreement.js")),
    ...(await import("../dist/format/mutate.js")),
    ...(await import("../dist/format/samples.js")),
    wasm: await (await import("../dist/engine/wasm.js")).loadWasm(),
  };
  if (options.corpus) writeCorpus(tools);
  else {
    say(`${options.engine}: ${options.minutes} minutes from seed ${seed}, silent unless it finds something...`);
    process.exitCode = report(RUNNERS[options.engine](tools));
  }
}

/** Says what a run gave and returns the exit code. */
function report({ executions, files, found }) {
  say(`${options.engine}: ${executions} executions, ${files} files reached; ${found.length} findings.`);
  for (const path of found) say(`  ${path}`);
  return found.length > 0 ? 1 : 0;
}

/** Saves bytes among the findings when readers or engines differ on them, or one throws. */
function disagreement({ agree, wasm }, bytes) {
  try {
    agree(bytes, wasm);
    return [];
  } catch (error) {
    const path = join(findings, createHash("sha1").update(bytes).digest("hex"));
    writeFileSync(path, bytes);
    say(`${path}: ${error instanceof Error ? error.message : error}`);
    return [path];
  }
}

/** What readers and engines differ on among files, as they are and made whole. */
function disagreements(tools, files) {
  return files.flatMap((path) => {
    const bytes = readFileSync(path);
    return [bytes, tools.madeWhole(bytes)].flatMap((model) => disagreement(tools, model));
  });
}

function fuzzByLibFuzzer(tools) {
  const { filesIn, CORPUS } = tools;
  const [harness, known, seeds] = [`${work}libfuzzer`, `${work}libfuzzer-corpus`, `${work}seeds`];
  mkdirSync(known, { recursive: true });
  tools.writeSeeds(seeds);
  tools.buildHarness("clang", harness);
  const before = new Set(filesIn(findings));
  const { executions } = tools.runLibFuzzer(harness, [known, CORPUS, seeds], { seconds, seed, findings });
  const crashes = filesIn(findings).filter((path) => !before.has(path));
  const files = filesIn(known);
  return { executions, files: files.length, found: [...crashes, ...disagreements(tools, files)] };
}

function fuzzByAfl(tools) {
  const [harness, state, seeds] = [`${work}afl-harness`, `${work}afl`, `${work}seeds`];
  tools.writeSeeds(seeds);
  tools.buildHarness("afl-clang-fast", harness);
  const { executions, reached, crashes } = tools.runAfl(harness, seeds, { seconds, seed, state });
  return { executions, files: reached.length, found: [...crashes, ...disagreements(tools, reached)] };
}

function fuzzTypeScript(tools) {
  const { filesIn, CORPUS, agree, wasm, placesOf, mutate } = tools;
  const draw = tools.seededDraw(seed);
  const valid = filesIn(CORPUS)
    .map((path) => readFileSync(path))
    .filter((bytes) => agree(bytes, wasm).error === 0)
    .map((bytes) => [bytes, placesOf(bytes)]);
  const found = [];
  let executions = 0;
  for (const end = performance.now() + 1000 * seconds; performance.now() < end; executions++) {
    const [model, places] = valid[draw(0, valid.length - 1)];
    found.push(...disagreement(tools, mutate(draw, model, places)));
  }
  return { executions, files: valid.length, found };
}

/** Of every file its whole copy stands to choice: what the envelope's errors need are vectors and the fuzzers' own mutations. */
function writeCorpus(tools) {
  const { filesIn, CORPUS } = tools;
  const [harness, whole, seeds] = [`${work}libfuzzer`, `${work}whole`, `${work}seeds`];
  tools.writeSeeds(seeds);
  tools.buildHarness("clang", harness);
  rmSync(whole, { recursive: true, force: true });
  mkdirSync(whole);
  const known = [seeds, CORPUS, `${work}libfuzzer-corpus`, `${work}afl/default/queue`].filter((path) =>
    existsSync(path),
  );
  known.flatMap(filesIn).forEach((path, index) => {
    writeFileSync(join(whole, `${index}`), tools.madeWhole(readFileSync(path)));
  });
  tools.mergeCorpus(harness, CORPUS, [whole]);
  const files = filesIn(CORPUS);
  const bytes = files.reduce((sum, path) => sum + readFileSync(path).length, 0);
  say(`engine/fuzz/corpus: ${files.length} files, ${bytes} bytes.`);
}
