// `npm run models -- [name...]`: rebuilds models of models/ from their texts, to the same bytes, and writes their cards.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = `${root}models/`;
const names = readdirSync(folder).filter((name) => existsSync(`${folder}${name}/recipe.json`));
const usage = `Usage: npm run models -- [name...] [--threads n] [--card]

Rebuilds models: makes their texts, trains (going on where an earlier run stopped), exports, measures and writes
models/<name>/model.atome and README.md. --card measures and writes the card of the model that is there.

Models: ${names.join(", ")}
`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    threads: { type: "string", default: "2" },
    card: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const unknown = positionals.find((name) => !names.includes(name));
if (options.help || positionals.length === 0) process.stdout.write(usage);
else if (unknown !== undefined) {
  process.stderr.write(
    `Cannot rebuild "${unknown}": there is no models/${unknown}/recipe.json; name one of ${names.join(", ")}.\n`,
  );
  process.exitCode = 2;
} else {
  await import("./install.mjs");
  await import("./build.mjs");
  for (const name of positionals) await rebuild(name);
}

/** The JSON object a command ends with; when it fails, it has said why, and its exit code is ours. */
function atome(args) {
  const { status, stdout } = spawnSync(process.execPath, [`${root}dist/cli/main.js`, ...args, "--json"], {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1));
}

async function rebuild(name) {
  const { makeTexts } = await import("../models/texts.mjs");
  const { modelCard } = await import("../models/card.mjs");
  const place = `${folder}${name}/`;
  const recipe = JSON.parse(readFileSync(`${place}recipe.json`, "utf8"));
  const build = `${root}build/models/${name}`;
  mkdirSync(build, { recursive: true });
  const { training, heldOut, sets } = makeTexts(recipe.text, `${root}build/models/text`, atome);
  const model = `${place}model.atome`;
  if (!options.card) {
    const run = ["-o", `${build}/run`, "--auto-resume", "--threads", options.threads];
    const report = atome(["train", ...training, "--config", `${place}config.json`, ...run]);
    copyFileSync(report.model, model);
  }
  const score = atome(["eval", model, heldOut]);
  const samples = recipe.prompts.flatMap((prompt) => [
    sample(model, prompt, 0, 0, recipe.stop),
    ...recipe.seeds.map((seed) => sample(model, prompt, recipe.temperature, seed, recipe.stop)),
  ]);
  const config = JSON.parse(readFileSync(`${place}config.json`, "utf8"));
  const facts = atome(["inspect", model]);
  const sha256 = createHash("sha256").update(readFileSync(model)).digest("hex");
  writeFileSync(`${place}README.md`, modelCard({ name, recipe, config, sets, facts, score, samples, sha256 }));
}

function sample(model, prompt, temperature, seed, stop) {
  const stopping = stop === undefined ? [] : ["--stop", stop];
  const numbers = ["--temperature", `${temperature}`, "--seed", `${seed}`, "--max-bytes", "300"];
  return { prompt, temperature, seed, text: atome(["generate", model, prompt, ...numbers, ...stopping]).text };
}
