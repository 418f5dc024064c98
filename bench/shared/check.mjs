// Runs benches again and holds what they measure to results.json: `npm run bench -- --check`.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { compareWith, fails, gates, otherTools } from "./gate.mjs";
import { markdownTable } from "./results.mjs";

const at = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

/** Runs a bench's program; resolves to its exit code and output. */
function run(name, options) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [at(`bench/${name}.mjs`), ...options], { stdio: ["ignore", "pipe", "pipe"] });
    const out = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"]) {
      child[stream].setEncoding("utf8").on("data", (text) => {
        out[stream] += text;
      });
    }
    child.on("close", (code) => resolve({ code, ...out }));
  });
}

const lastLine = (text) => text.trimEnd().split("\n").at(-1);

/**
 * @param options for the bench beside those of its gate, e.g. to measure fewer models
 * @returns {name, rows: of `compareWith`, problem: why there are none, note: why they do not count}
 */
async function checkBench(name, options) {
  const gate = gates[name];
  if (gate.needsData && !process.env.ATOME_DATA) return { name, rows: [], note: "ATOME_DATA is not set" };
  const outcome = await run(name, ["--dry-run", "--json", ...(gate.options ?? []), ...options]);
  if (outcome.code !== 0) return { name, rows: [], problem: lastLine(outcome.stderr) };
  const measured = JSON.parse(lastLine(outcome.stdout));
  const committed = JSON.parse(readFileSync(at("results.json"), "utf8"))[name];
  const note = otherTools(committed, measured, gate);
  return note ? { name, rows: [], note } : { name, rows: compareWith(committed, measured, gate) };
}

async function checkReadme() {
  const { code, stderr } = await run("readme", ["--check"]);
  return { name: "readme", rows: [], ...(code !== 0 && { problem: lastLine(stderr) }) };
}

function describe({ name, rows, problem, note }) {
  if (problem) return `${name}: ${problem}`;
  if (note) return `${name}: not compared: ${note}.`;
  const changed = rows.filter(({ verdict }) => verdict !== "same");
  const summary = `${name}: ${rows.length} figures compared, ${changed.length} changed, ${rows.filter(fails).length} worse.`;
  if (changed.length === 0) return summary;
  const shown = (value) => (value === undefined ? "-" : value);
  const table = markdownTable(
    ["figure", "committed", "now", "tolerance", "verdict"],
    changed.map((row) => [row.figure, `${shown(row.committed)}`, `${shown(row.now)}`, row.tolerance, row.verdict]),
  );
  return `${summary}\n\n${table}\n`;
}

/** Benches that the gate runs when none is named. */
export const checkedNames = ({ times }) => Object.keys(gates).filter((name) => times || !gates[name].times);

/**
 * @param benches names of benches, each with options for it: {engine: ["--models", "nano"]}
 * @param say called with what is found of each
 * @returns whether nothing is worse
 */
export async function check(benches, say) {
  let passes = true;
  for (const [name, options] of Object.entries(benches)) {
    const found = await checkBench(name, options);
    say(describe(found));
    if (found.problem || found.rows.some(fails)) passes = false;
  }
  const readme = await checkReadme();
  if (readme.problem) say(describe(readme));
  return passes && !readme.problem;
}
