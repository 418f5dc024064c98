// `npm run bench`: installs and builds what is missing, then runs benches, which write RESULTS.md and results.json.
//
//     npm run bench                                  all of them, one after the other: days, with the comparison of models
//     npm run bench -- <name> [options]              one
//     npm run bench -- <name> --help                 what it measures, and its options
//     npm run bench -- --list                        their names and how long each took last time
//     npm run bench -- --check [--times] [name ...]  measures again what is quick and fails if a figure got worse: bench/shared/gate.mjs
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../bench/", import.meta.url));
/** Short ones first; what others are made from before them. */
const order = "engine fidelity host train scaling stories signals attention ablations classify quality readme".split(
  " ",
);
const names = readdirSync(folder)
  .filter((file) => file.endsWith(".mjs"))
  .map((file) => file.slice(0, -".mjs".length))
  .sort((a, b) => order.indexOf(a) - order.indexOf(b));

const say = (text) => process.stdout.write(`${text}\n`);

function refuse(text) {
  process.stderr.write(`${text}\n`);
  process.exit(2);
}

/** What a program says of itself: the comment it begins with. */
function usageOf(program) {
  const lines = readFileSync(program, "utf8").split("\n");
  const end = lines.findIndex((line) => !line.startsWith("//"));
  return lines
    .slice(0, end)
    .map((line) => line.replace(/^\/\/ ?/, ""))
    .join("\n");
}

function lastTime(name) {
  const { seconds } = JSON.parse(readFileSync(new URL("../results.json", import.meta.url), "utf8"))[name] ?? {};
  return seconds === undefined ? "not told" : `${seconds} s last time`;
}

const run = (name, options) =>
  spawnSync(process.execPath, [`${folder}${name}.mjs`, ...options], { stdio: "inherit" }).status;

async function build() {
  await import("./install.mjs");
  await import("./build.mjs");
}

async function runAll() {
  await build();
  const failed = names.filter((name) => {
    say(`\n${name} ${lastTime(name)}`);
    return run(name, []) !== 0;
  });
  if (failed.length === 0) return;
  process.stderr.write(`These benches failed: ${failed.join(", ")}.\n`);
  process.exitCode = 1;
}

async function checkAll(arguments_) {
  await build();
  const { check, checkedNames } = await import("../bench/shared/check.mjs");
  const all = checkedNames({ times: true });
  const named = arguments_.filter((argument) => argument !== "--times");
  const unknown = named.find((name) => !all.includes(name));
  if (unknown !== undefined) refuse(`Cannot check "${unknown}": the benches that can be are ${all.join(", ")}.`);
  const chosen = named.length > 0 ? named : checkedNames({ times: arguments_.includes("--times") });
  const passes = await check(Object.fromEntries(chosen.map((name) => [name, []])), say);
  say(passes ? "Nothing got worse." : "Something got worse.");
  process.exitCode = passes ? 0 : 1;
}

const [name, ...options] = process.argv.slice(2);
if (name === undefined) await runAll();
else if (name === "--help") say(usageOf(fileURLToPath(import.meta.url)));
else if (name === "--list") for (const each of names) say(`${each.padEnd(12)}${lastTime(each)}`);
else if (name === "--check") await checkAll(options);
else if (!names.includes(name))
  refuse(`Cannot run the bench "${name}": there is none of that name; name one of ${names.join(", ")}.`);
else if (options.includes("--help")) say(usageOf(`${folder}${name}.mjs`));
else {
  await build();
  process.exitCode = run(name, options) ?? 1;
}
