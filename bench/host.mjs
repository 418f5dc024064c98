// Tokens per second of the engines in this process: WebAssembly beside TypeScript, in turns.
//
//     npm run bench -- host [--json] [--dry-run] [--rounds 40] [--models stories-20k,...]
//
// Each round generates for a moment with one engine after the other, and each keeps its best: the machine may be shared.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { createMirror } from "../dist/engine/mirror.js";
import { createWasm } from "../dist/engine/wasm.js";
import { markdownTable, publish } from "./shared/results.mjs";

const ROUND_MS = 50;

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    rounds: { type: "string", default: "40" },
    models: { type: "string", default: "stories-20k,stories-64k,stories-256k,stories-base-944k" },
  },
});
const rounds = Number(options.rounds);

/** Tokens per second of an engine over one round. */
function rateOf(engine) {
  engine.reset();
  engine.step(0);
  const start = performance.now();
  let [tokens, ms] = [0, 0];
  while (ms < ROUND_MS) {
    for (let i = 0; i < 16; i++) engine.step(engine.argmax());
    tokens += 16;
    ms = performance.now() - start;
  }
  return (1000 * tokens) / ms;
}

const rounded = (value) => Number(value.toPrecision(3));

async function measure(name) {
  const model = readFileSync(new URL(`../models/${name}/model.atome`, import.meta.url));
  const [typescript, wasm] = [createMirror(model), await createWasm(model)];
  const best = { typescript: 0, wasm: 0 };
  for (let round = 0; round < rounds; round++) {
    best.typescript = Math.max(best.typescript, rateOf(typescript));
    best.wasm = Math.max(best.wasm, rateOf(wasm));
  }
  return {
    model: name,
    typescriptTokensPerSecond: rounded(best.typescript),
    wasmTokensPerSecond: rounded(best.wasm),
    wasmOverTypescript: rounded(best.wasm / best.typescript),
  };
}

const rows = [];
for (const name of options.models.split(",")) rows.push(await measure(name));
const table = markdownTable(
  ["model", "TypeScript", "WebAssembly", "WebAssembly over TypeScript"],
  rows.map((row) => Object.values(row)),
);
const text = `Generated tokens per second, one thread, the likeliest symbol each time; best of ${rounds} rounds that take turns.

${table}`;
if (!options["dry-run"]) {
  const command = `npm run bench -- host --rounds ${rounds}`;
  publish("host", { title: "Engines in JavaScript", command, seed: "none", text, data: { rows } });
}
process.stdout.write(options.json ? `${JSON.stringify({ rows })}\n` : `${text}\n`);
