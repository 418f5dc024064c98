// Classifiers at equal flash: our models against tuned, quantised rivals on intents, messages and sensors.
//
//     ATOME_DATA=... npm run bench -- classify [--set snips,sms] [--only ours,svm] [--list | --tables] [--references]
//         [--keep folder] [--json] [--dry-run]
//
// What is compared stands in classify/plan.mjs and classify/ours-plan.mjs. A stopped comparison goes on: outcomes are kept in the
// folder and in results.json. --list prints what each rival tries and trains nothing, --tables writes the tables of what is there,
// --references trains rivals without a limit of flash, too, and --dry-run leaves RESULTS.md alone.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { AtomeError, UsageError } from "../dist/model/errors.js";
import { runOurs, runReference, runRival } from "./classify/compare.mjs";
import { trainOurs } from "./classify/ours.mjs";
import { OURS } from "./classify/ours-plan.mjs";
import { Outcomes } from "./classify/outcomes.mjs";
import { plan } from "./classify/plan.mjs";
import { chosenGroups, classifyText, setSummaries } from "./classify/tables.mjs";
import { dataFolder, namesIn } from "./shared/options.mjs";
import { publish } from "./shared/results.mjs";

const note = (line) => process.stderr.write(`${line}\n`);
const folderAt = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

const OPTIONS = {
  set: { type: "string", multiple: true, default: [] },
  only: { type: "string", multiple: true, default: [] },
  list: { type: "boolean", default: false },
  tables: { type: "boolean", default: false },
  references: { type: "boolean", default: false },
  keep: { type: "string", default: folderAt("build/classify") },
  json: { type: "boolean", default: false },
  "dry-run": { type: "boolean", default: false },
};

function readOptions() {
  try {
    return parseArgs({ options: OPTIONS }).values;
  } catch (error) {
    throw new UsageError(`Cannot run the bench "classify": ${error.message}`);
  }
}

/** All that are known when none is named. */
function namesOrAll(option, given, known) {
  const names = namesIn(option, given, known);
  return names.length > 0 ? names : known;
}

function publishedRows() {
  const path = folderAt("results.json");
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")).classify?.runs ?? []) : [];
}

const rivalsOf = ({ name }, kind) => plan.peers[kind].filter(({ only }) => !only || only.includes(name));

/** What each rival tries, axis after axis, each held at the best of those before. */
function gridText(entries, data) {
  return entries
    .flatMap((entry) => {
      const rivals = rivalsOf(entry, entry.load(data).kind);
      return rivals.map((peer) => {
        const axes = peer.axes(entry.tuning).map((axis) => `  ${JSON.stringify(axis)}`);
        return [`${entry.name} ${entry.budgets.join(", ")} bytes: ${peer.title}`, ...axes].join("\n");
      });
    })
    .join("\n");
}

async function runAll(entries, names, data, { keep, references, outcomes }) {
  const train = (set, config, seed, sha256) => trainOurs(set, config, seed, join(keep, "runs", sha256.slice(0, 16)));
  const options = { plan, outcomes, note, train };
  for (const entry of entries) {
    const set = entry.load(data);
    const rivals = rivalsOf(entry, set.kind).filter(({ name }) => names.includes(name));
    for (const flashBytes of entry.budgets) {
      for (const peer of rivals) runRival(entry, set, flashBytes, peer, options);
      if (names.includes(OURS)) await runOurs(entry, set, flashBytes, options);
    }
    if (references) for (const peer of rivals) if (peer.reference) runReference(entry, set, peer, options);
  }
}

/** The outcomes that the tables show. */
function shownRows(rows) {
  const current = rows.filter(({ version }) => version === plan.version);
  return plan.sets.flatMap(({ name, budgets }) =>
    [...budgets, null].flatMap((flashBytes) =>
      chosenGroups(current, { name, flashBytes, seeds: plan.seeds }).flatMap((group) => group.rows),
    ),
  );
}

async function main() {
  const options = readOptions();
  const setNames = plan.sets.map(({ name }) => name);
  const chosen = namesOrAll("set", options.set, setNames);
  const entries = plan.sets.filter(({ name }) => chosen.includes(name));
  const names = namesOrAll("only", options.only, Object.keys(plan.titles));
  if (options.list)
    return process.stdout.write(`${gridText(entries, dataFolder("classify", "snips-goo2018-split"))}\n`);

  const outcomes = new Outcomes(options.keep, publishedRows());
  if (!options.tables)
    await runAll(entries, names, dataFolder("classify", "snips-goo2018-split"), { ...options, outcomes });
  const rows = shownRows(outcomes.all);
  const text = classifyText(plan, rows);
  const data = { sets: setSummaries(plan, rows), runs: rows };
  if (!options["dry-run"]) {
    const command = "npm run bench -- classify";
    publish("classify", { title: "Classifiers at equal flash", command, seed: plan.seeds.join(", "), text, data });
  }
  process.stdout.write(options.json ? `${JSON.stringify(data)}\n` : `${text}\n`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof AtomeError)) throw error;
  note(error.message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
