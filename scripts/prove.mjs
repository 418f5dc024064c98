// `npm run prove`: Frama-C's Eva on engine/atome.c, by the drivers of engine/proof.
//
//     npm run prove [-- --quick] [--only <name of a proof>] [--engine <folder with atome.c>]
//
// Prints what each proof analysed, then every property that Eva could not prove and that engine/proof/claims.md does not
// explain, and every row of that page that no proof needs; either is a failure. --quick leaves out the machine with 64 bits and the
// shape that takes a minute.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("..", import.meta.url));
const proofFolder = join(root, "engine", "proof");
const timeoutMs = 3_600_000;
const atOnce = 2;

/** Sizes, byte order and alignment as gcc has them: ILP32 (as on Arm) and LP64; atome.c has code of its own for each. */
const MACHINES = [
  { name: "32 bits", machdep: "gcc_x86_32" },
  { name: "64 bits", machdep: "gcc_x86_64" },
];

/** Loops are followed to their end, and calls that return different values are kept apart. */
const PRECISION = [
  "-eva-precision",
  "0",
  "-eva-min-loop-unroll",
  "1000",
  "-eva-plevel",
  "5000",
  "-eva-split-return",
  "full",
];
const ALLOCATION = ["-eva-no-alloc-returns-null", "-eva-alloc-builtin", "fresh"];
const octagons = ["-eva-domains", "octagon", "-eva-octagon-through-calls"];
/** Functions in which states are kept apart, and how many. */
const apart = (states) => [
  "-eva-slevel-function",
  Object.entries(states)
    .map(([name, count]) => `${name}:${count}`)
    .join(","),
];
const stepStates = apart({
  ...{ main: 50, any_memory: 50, prove_memory: 20 },
  ...{ atome_step: 50, atome_feed: 50, remember: 20, attend: 100 },
});
const walkParts = ["pass", ...["layer", "recall", "ngrams", "sensor", "decision"].map((name) => `pass_${name}`)];

/**
 * `file` is in engine/proof, `main` its function to begin with; `contracts` stand for the functions of these names;
 * --quick leaves out what `isLong`.
 */
const shape = (name) => ({
  name: `step, ${name.toLowerCase()}`,
  file: "step.c",
  main: "main",
  defines: [`SHAPE_${name}`],
  contracts: ["clamp", "magnitude", "read_signed16"],
  options: stepStates,
});
const part = (main, contracts = []) => ({ name: `check, ${main.slice(6)}`, file: "check.c", main, contracts });
const PROOFS = [
  { name: "contracts", file: "contracts.c", main: "main", contracts: [], options: octagons },
  ...["pass", "short_layer", "short_recall", "short_ngrams", "short_sensor", "short_decision"].map((name) =>
    part(`prove_${name}`),
  ),
  ...["strings", "tokens", "checksum"].map((name) => part(`prove_${name}`)),
  ...["layer", "recall", "ngrams", "sensor", "decision"].map((name) => part(`prove_${name}`, ["pass"])),
  ...["head", "1", "2", "3", "4", "5"].map((name) =>
    part(`prove_check_${name}`, [...walkParts, "checksum", "bad_strings", "bad_tokens"]),
  ),
  {
    name: "text",
    file: "text.c",
    main: "prove_text",
    contracts: [],
    options: apart({ prove_encode: 200, atome_encode: 200 }),
  },
  ...["BASE", "GATED", "INT4", "MATRICES", "CLASSES", "RECALL", "WIDE"].map(shape),
  // A shape that ships: its longest loops are those over the codes of a matrix.
  { ...shape("GATED_20K"), options: [...stepStates, "-eva-min-loop-unroll", "4000"], isLong: true },
];

const refuse = (why, code) => {
  process.stderr.write(`Cannot prove the engine: ${why}.\n`);
  process.exit(code);
};

/** Rows of a Markdown table after its head and rule. */
const tableRows = (text) =>
  text
    .split("\n")
    .filter((line) => line.startsWith("| "))
    .slice(1)
    .map((line) =>
      line.split(" | ").map((cell) =>
        cell
          .replace(/^\| | \|$/g, "")
          .replace(/^`|`$/g, "")
          .trim(),
      ),
    );

/** One claim: the function and the property that Eva leaves open, the machines on which it does, and why it holds. */
const readClaims = () =>
  tableRows(readFileSync(join(proofFolder, "claims.md"), "utf8")).map(([name, property, machines, why]) => ({
    key: `${name}: ${property}`,
    machines,
    why,
  }));

/** Properties that Eva neither proved nor, because a proof of their own does, had to: "function: property". */
function openProperties(report, contracts) {
  const rows = report.trim().split("\n").slice(1);
  const open = rows
    .map((row) => row.split("\t"))
    .filter(([, , , , , status]) => !/^(Valid|Considered valid|Dead)$/.test(status))
    .filter(([, , , name, kind]) => kind !== "postcondition" || !contracts.includes(name))
    .map(([, , , name, , , property]) => `${name}: ${property}`);
  return [...new Set(open)].sort();
}

/** Statements reached and in all, by function. */
const readCoverage = (text) =>
  [...text.matchAll(/^ {2}(\w+): (\d+) stmts out of (\d+)/gm)].map(([, name, reached, all]) => ({
    name,
    reached: Number(reached),
    all: Number(all),
  }));

async function prove(proof, machine, engine, folder) {
  const report = join(folder, `${proof.main}-${proof.name.replace(/\W+/g, "-")}-${machine.machdep}.csv`);
  const defines = (proof.defines ?? []).map((define) => `-D${define}`);
  const args = [
    ...["-machdep", machine.machdep, `-cpp-extra-args=${[`-I${engine}`, ...defines].join(" ")}`],
    ...["-warn-invalid-pointer", join(proofFolder, proof.file), "-main", proof.main],
    ...["-eva", "-eva-no-show-progress", "-eva-verbose", "1", ...PRECISION, ...ALLOCATION, ...(proof.options ?? [])],
    ...(proof.contracts.length > 0 ? ["-eva-use-spec", proof.contracts.join(",")] : []),
    ...["-then", "-metrics", "-metrics-eva-cover", "-then", "-report-csv", report],
  ];
  const { stdout } = await run("frama-c", args, { timeout: timeoutMs, maxBuffer: 1 << 28 });
  if (!/ANALYSIS SUMMARY/.test(stdout)) throw new Error(`Eva did not finish: ${stdout.slice(-500)}`);
  return {
    title: `${proof.name}, ${machine.name}`,
    machine: machine.name,
    open: openProperties(readFileSync(report, "utf8"), proof.contracts),
    coverage: readCoverage(stdout),
    asserted: Number(/Assertions +(\d+) valid/.exec(stdout)?.[1] ?? 0),
  };
}

/** Runs the tasks, a few at once; results in their order. */
async function runAll(tasks) {
  const results = [];
  let next = 0;
  const worker = async () => {
    while (next < tasks.length) {
      const index = next++;
      results[index] = await tasks[index]();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return results;
}

function printProof({ title, open, coverage, asserted }, claims) {
  const reached = coverage.reduce((sum, { reached }) => sum + reached, 0);
  const all = coverage.reduce((sum, { all }) => sum + all, 0);
  const explained = open.filter((key) => claims.some((claim) => claim.key === key)).length;
  console.log(
    `${title}: ${coverage.length} functions, ${reached} of ${all} statements reached, ${asserted} assertions proved, ` +
      `${open.length} properties open, ${explained} explained`,
  );
}

/** Functions of the engine of which no proof reaches every statement, with the best. */
function missedStatements(results, engine) {
  const source = readFileSync(join(engine, "atome.c"), "utf8");
  const best = new Map();
  for (const { name, reached, all } of results.flatMap(({ coverage }) => coverage)) {
    if (!new RegExp(`\\b${name}\\(`).test(source)) continue;
    if (reached / all > (best.get(name)?.reached ?? 0) / (best.get(name)?.all ?? 1)) best.set(name, { reached, all });
  }
  for (const [, name] of source.matchAll(/^(?:static )?\w.*?\b(\w+)\([^;]*\) \{/gm))
    if (!best.has(name)) best.set(name, { reached: 0, all: 1 });
  return [...best]
    .filter(([, { reached, all }]) => reached < all)
    .map(([name, { reached, all }]) => `${name} ${reached} of ${all}`);
}

const { values: options } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    engine: { type: "string", default: join(root, "engine") },
    only: { type: "string" },
  },
});
const machines = options.quick ? MACHINES.slice(0, 1) : MACHINES;
const wanted = PROOFS.filter(({ isLong }) => !(options.quick && isLong));
const proofs = options.only ? PROOFS.filter(({ name }) => name === options.only) : wanted;
if (proofs.length === 0)
  refuse(`there is no proof "${options.only}"; choose from ${PROOFS.map(({ name }) => name).join("; ")}`, 2);
const version = await run("frama-c", ["-version"]).catch(() =>
  refuse("frama-c is not installed; install frama-c-base", 1),
);

const claims = readClaims();
const folder = mkdtempSync(join(tmpdir(), "atome-prove-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const tasks = machines.flatMap((machine) => proofs.map((proof) => () => prove(proof, machine, options.engine, folder)));
const results = await runAll(tasks);

for (const result of results) printProof(result, claims);
const open = new Set(results.flatMap((result) => result.open));
const unexplained = [...open].filter((key) => !claims.some((claim) => claim.key === key));
const needless = options.only
  ? []
  : claims.filter(
      ({ key, machines: on }) => !open.has(key) && machines.some(({ name }) => on === "both" || on === name),
    );
const missed = missedStatements(results, options.engine);
console.log(`Frama-C ${version.stdout.trim()}, ${basename(options.engine)}/atome.c: ${results.length} proofs`);
if (missed.length > 0) console.log(`No proof reaches by itself every statement of: ${missed.join(", ")}`);
for (const key of unexplained) console.log(`Not proved and not explained: ${key}`);
for (const { key } of needless) console.log(`Explained, but proved by now: ${key}`);
process.exitCode = unexplained.length + needless.length > 0 ? 1 : 0;
