// Mutation testing of both engines: one operator or number of engine/atome.c or its mirror is changed at a time, and the suite
// should notice. What it does not notice is explained in mutants/survivors.json or is a gap.
//
//     npm run bench -- mutants [--target c,mirror] [--every 1] [--again | --tables] [--jobs 2] [--json] [--dry-run]
//
// --every n tries each n-th mutant only, --again those that survived in results.json: what new tests kill is counted there, too;
// --tables writes the section anew of what results.json and survivors.json say. atome.c is held to the vectors, the malformed files
// and the bad calls, in the builds for wide and narrow cores and with one table, and what survives that, on small models, to the
// sanitizers; the mirror to the vectors and its own tests.
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { mutantsOf } from "./mutants/mutate.mjs";
import { targets } from "./mutants/targets.mjs";
import { commitName, markdownTable, publish } from "./shared/results.mjs";

const { values: options } = parseArgs({
  options: {
    target: { type: "string", default: "c,mirror" },
    every: { type: "string", default: "1" },
    again: { type: "boolean", default: false },
    tables: { type: "boolean", default: false },
    jobs: { type: "string", default: "2" },
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
  },
});
const folder = fileURLToPath(new URL("../build/mutants", import.meta.url));
const published = JSON.parse(readFileSync(new URL("../results.json", import.meta.url), "utf8")).mutants?.rows ?? [];
/** The published row of a target. */
const rowOf = (name) => published.find(({ target }) => target === name);
const explanations = JSON.parse(readFileSync(new URL("mutants/survivors.json", import.meta.url), "utf8"));
const note = (line) => process.stderr.write(`${line}\n`);

async function runTarget(name) {
  const place = join(folder, name);
  rmSync(place, { recursive: true, force: true });
  const target = await targets[name](place);
  const unchanged = join(place, "unchanged");
  mkdirSync(unchanged, { recursive: true });
  if ((await target.verdictOf(target.source, unchanged)) !== "survived")
    throw new Error(`${target.name} does not pass its own tests unchanged; run "npm test" first.`);
  const before = options.again ? rowOf(name) : undefined;
  const isWanted = (mutant, i) => (before ? before.survivors.includes(mutant.key) : i % Number(options.every) === 0);
  const mutants = mutantsOf(target.source).filter(isWanted);
  const counts = { invalid: 0, killed: 0, survived: 0 };
  const survivors = [];
  let next = 0;
  const work = async (worker) => {
    const own = join(place, `worker-${worker}`);
    if (!existsSync(own)) mkdirSync(own, { recursive: true });
    while (next < mutants.length) {
      const mutant = mutants[next++];
      const verdict = await target.verdictOf(mutant.source, own);
      counts[verdict]++;
      if (verdict === "survived") {
        survivors.push(mutant.key);
        note(`survived  ${target.name}:${mutant.line}  ${mutant.key}`);
      }
      if (next % 100 === 0) note(`${target.name}: ${next} of ${mutants.length}, ${survivors.length} survived`);
    }
  };
  await Promise.all(Array.from({ length: Number(options.jobs) }, (_, worker) => work(worker)));
  const row = { target: name, program: target.name, every: Number(options.every), commit: commitName(), ...counts };
  if (!before) return { ...row, survivors: survivors.sort() };
  const { commit, survived } = row;
  return { ...before, commit, killed: before.killed + counts.killed, survived, survivors: survivors.sort() };
}

const made = [];
for (const name of options.tables ? [] : options.target.split(",")) made.push(await runTarget(name));
// A row of the other program stays as it was published.
const rows = Object.keys(targets).flatMap((name) => {
  const row = made.find(({ target }) => target === name) ?? rowOf(name);
  return row ? [row] : [];
});

const explained = ({ target, survivors }) => survivors.filter((key) => explanations[target][key]).length;
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const ORDINALS = { 1: "all", 2: "each second", 3: "each third" };
const text = `One operator or number changed at a time, without those that do not compile. A survivor that is explained
(bench/mutants/survivors.json) changes nothing that can be observed, or only what is read nowhere.

${markdownTable(
  [
    "program",
    "commit",
    "tried",
    "mutants",
    "killed",
    "survived",
    "explained",
    "killed of all",
    "killed of those not explained",
  ],
  rows.map((row) => {
    const all = row.killed + row.survived;
    const numbers = [all, row.killed, row.survived, explained(row)];
    const shares = [percent(row.killed / all), percent(row.killed / (all - explained(row)))];
    return [row.program, row.commit, ORDINALS[row.every] ?? `each ${row.every}th`, ...numbers, ...shares];
  }),
)}`;
if (!options["dry-run"]) {
  publish("mutants", {
    title: "Mutation testing",
    command: rows.map(({ target, every }) => `npm run bench -- mutants --target ${target} --every ${every}`).join("; "),
    seed: "none",
    text,
    data: { rows },
  });
}
process.stdout.write(options.json ? `${JSON.stringify({ rows: made })}\n` : `${text}\n`);
