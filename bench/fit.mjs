// Instructions per symbol from a model's shape, for `atome fit`: what each loop of the engine costs, fitted to emulator counts.
//
//     npm run bench -- fit [--json] [--dry-run] [--seed 1]
//
// Every shape is run in two builds (ATOME_TABLES 4 and 1) on a machine of each family of cores, with attention and recall full.
// The costs of the loops (src/fit/work.ts) are fitted to the first list of shapes and tried on the second, which no cost has seen.
// Writes src/fit/costs.ts.
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { findBoardTools, runOnBoard } from "../dist/emulate/board-engine.js";
import { boards, largeCortexM0 } from "../dist/emulate/boards.js";
import { packageWorkshop } from "../dist/emulate/engines.js";
import { encodeJob } from "../dist/emulate/job.js";
import { shapeOfModel } from "../dist/fit/shape.js";
import { WORK, workOf } from "../dist/fit/work.js";
import { readModel } from "../dist/format/reader.js";
import { parseConfig } from "../dist/model/parse-config.js";
import { leastCosts } from "./shared/cost-model.mjs";
import { markdownTable, publish } from "./shared/results.mjs";
import { syntheticModel } from "./shared/synthetic-model.mjs";

const base = (dModel, nLayers, dHead, window, vocab, more = {}) => ({
  vocab,
  config: { block: "base", dModel, nLayers, dHead, window, ...more },
});
const gated = (dModel, dInner, nLayers, vocab, more = {}) => ({
  vocab,
  config: { block: "gated", dModel, dInner, nLayers, embedding: "int4", tied: true, ...more },
});
/** A classifier; `extras` as in syntheticParts. */
const classes = (dModel, vocab, outputs, extras, more = {}) => ({
  vocab,
  config: { block: "base", dModel, nLayers: 1, pathways: ["local", "state"], ...more },
  extras: { outputs, ...extras },
});
const all = ["local", "state", "sparse"];
const fitted = [
  base(16, 2, 8, 8, 32),
  base(16, 2, 8, 32, 256),
  base(24, 1, 4, 16, 64),
  base(32, 2, 8, 32, 256),
  base(33, 3, 12, 7, 100, { topK: 1 }),
  base(48, 1, 48, 24, 40),
  base(64, 4, 16, 48, 256),
  base(64, 2, 32, 4, 512),
  base(100, 2, 10, 48, 96),
  base(32, 4, 8, 8, 64, { pathways: ["local"] }),
  base(40, 3, 8, 8, 64, { pathways: ["state"] }),
  base(40, 3, 16, 40, 64, { pathways: ["sparse"] }),
  base(48, 3, 16, 8, 64, { pathways: ["local", "state"] }),
  base(128, 1, 16, 16, 64),
  gated(24, 48, 2, 96, { pathways: ["local", "state"] }),
  gated(48, 144, 3, 96, { pathways: ["local", "state"] }),
  gated(40, 86, 2, 512, { pathways: ["local", "state"] }),
  gated(16, 64, 4, 32, { pathways: ["local"] }),
  gated(64, 32, 2, 64, { pathways: ["local", "state"] }),
  gated(32, 64, 2, 64, { pathways: all, dHead: 8, window: 40 }),
  gated(20, 40, 1, 1024, { pathways: ["local"] }),
  gated(24, 48, 2, 96, { pathways: ["local", "state"], recall: { window: 48 } }),
  gated(40, 60, 1, 300, { pathways: ["local", "state"], recall: { window: 16 } }),
  gated(32, 96, 1, 64, { pathways: ["local"], recall: { window: 40 } }),
  // Of fewer places than the prompts have different symbols: each adds its bonus.
  gated(24, 48, 2, 96, { pathways: ["local", "state"], recall: { window: 30, symbols: true } }),
  gated(32, 64, 1, 64, { pathways: ["local"], recall: { window: 20, gates: true, symbols: true } }),
  gated(48, 80, 2, 96, { pathways: ["local", "state"], matrices: "int4" }),
  gated(21, 33, 4, 64, { pathways: all, dHead: 8, window: 20, matrices: "int4" }),
  base(24, 3, 8, 16, 64, { matrices: "int4" }),
  classes(32, 64, 6, { ngrams: { buckets: 256, orders: 7 } }),
  classes(20, 96, 20, { pooled: true }),
  classes(48, 64, 6, { pooled: true, ngrams: { buckets: 512, orders: 3 } }),
  classes(24, 0, 4, { sensor: [[31, 0]] }),
  classes(24, 0, 4, { sensor: Array(5).fill([20, 12]) }),
  classes(40, 0, 2, { sensor: Array(8).fill([3, 3]), pooled: true }),
];
const tried = [
  base(20, 3, 6, 12, 50),
  base(64, 4, 16, 24, 256),
  base(96, 2, 24, 48, 128),
  base(56, 3, 8, 20, 200, { pathways: ["local", "sparse"] }),
  base(128, 2, 32, 40, 256),
  gated(40, 87, 3, 300, { pathways: ["local", "state"], recall: { window: 32 } }),
  gated(56, 112, 2, 96, { pathways: ["local", "state"] }),
  gated(56, 93, 3, 256, {
    pathways: ["local", "state"],
    matrices: "int4",
    recall: { window: 28, gates: true, symbols: true },
  }),
  gated(28, 50, 3, 128, { pathways: all, dHead: 12, window: 24 }),
  classes(36, 80, 12, { pooled: true, ngrams: { buckets: 400, orders: 5 } }),
  classes(32, 0, 3, { sensor: Array(4).fill([16, 8]) }),
];
const boardOf = (machine) => boards.find((board) => board.machine === machine);
const families = {
  "cortex-m0": largeCortexM0,
  "cortex-m3": boardOf("mps2-an385"),
  // What a CH32V003 executes, with room for more than its memory.
  rv32ec: { ...boardOf("virt"), name: "virt (rv32ec)", core: "rv32ec" },
  rv32imc: boardOf("virt"),
  lx106: boardOf("sim"),
};
/** simavr counts no instructions: of this one the size alone. */
const avr = boardOf("atmega1284p");

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(options.seed);
const workshop = packageWorkshop(process.env.PATH ?? "");

function needTools(board) {
  const found = findBoardTools(workshop, board);
  if (!found.missing) return found;
  process.stderr.write(`Cannot run the bench "fit": ${found.missing} is not installed.\n`);
  process.exit(1);
}

/** After as many symbols as the longest window has, everything that is remembered is there. */
const FULL = 48;
const job = ({ vocab, extras }) => {
  const numbers = Array.from({ length: FULL }, (_, i) => 7 * i + 3);
  // Of samples each is counted. As large as they can be: every threshold is looked at.
  const sample = extras?.sensor?.map(() => 2 ** 30 - 1);
  if (sample) return { promptSymbols: [], promptSamples: numbers.map(() => sample), generate: 0 };
  const generate = extras?.outputs > vocab ? 0 : 12;
  return { promptSymbols: numbers.map((i) => i % Math.min(vocab, 32)), generate };
};

const switches = (tables) => ["ATOME_CHECK=0", `ATOME_TABLES=${tables}`];

async function measure(board, shape, tables) {
  const model = syntheticModel(parseConfig(shape.config, "of the bench"), seed, shape.vocab, shape.extras);
  const run = await runOnBoard(workshop, needTools(board), board, switches(tables), model, job(shape));
  if (run.error !== 0) throw new Error(`the engine refused the model: error ${run.error}`);
  const work = workOf(shapeOfModel(readModel(model)), tables);
  // An AVR's image has one section for all code: its engine is counted with the firmware.
  const engineBytes = run.sections[".engine"] ?? run.sections[".text"] - model.length - encodeJob(job(shape)).length;
  return { features: WORK.map(([name]) => work[name]), total: run.instructionsPerToken, engineBytes };
}

async function measureAll(board, shapes) {
  const rows = [];
  for (const shape of shapes) for (const tables of [4, 1]) rows.push(await measure(board, shape, tables));
  return rows;
}

const round = (value) => Math.round(10 * value) / 10;

async function measureFamily(family, board) {
  const rows = await measureAll(board, fitted);
  const costs = leastCosts(rows).map(round);
  const engineBytes = Math.max(...rows.map((row) => row.engineBytes));
  const errors = (await measureAll(board, tried)).map(({ features, total }) => {
    const predicted = features.reduce((sum, count, i) => sum + count * costs[i], 0);
    return predicted / total - 1;
  });
  const sizes = errors.map(Math.abs);
  const meanError = sizes.reduce((sum, error) => sum + error, 0) / sizes.length;
  process.stderr.write(`${family}: ${sizes.map((error) => (100 * error).toFixed(1)).join(" ")} %\n`);
  const counts = [rows.length, errors.length];
  return { family, machine: board.name, engineBytes, costs, counts, meanError, largestError: Math.max(...sizes) };
}

const results = [];
for (const [family, board] of Object.entries(families)) results.push(await measureFamily(family, board));
const { engineBytes: avrBytes } = await measure(avr, fitted[0], 4);

const percent = (ratio) => `${(100 * ratio).toFixed(1)} %`;
const text = `Instructions per loop of the engine, by which \`atome fit\` estimates a symbol (all of atome.h but atome_check built in), fitted to the counts of each
family of cores and tried on others, of shapes that no cost has seen. Of an AVR the size alone, which is that of engine and firmware.

${markdownTable(
  ["loop", ...results.map(({ family }) => family)],
  WORK.map(([name, meaning], i) => [`${name}: ${meaning}`, ...results.map(({ costs }) => costs[i])]),
)}

${markdownTable(
  ["family", "emulated machine", "engine bytes", "fitted to", "tried on", "mean error", "largest error"],
  [
    ...results.map(({ family, machine, engineBytes, counts, meanError, largestError }) => [
      ...[family, machine, engineBytes, ...counts, percent(meanError), percent(largestError)],
    ]),
    ["avr", avr.name, avrBytes, "-", "-", "-", "-"],
  ],
)}`;

const keyOf = (name) => (/^\w+$/.test(name) ? name : JSON.stringify(name));
const lines = results.map(({ family, costs }) =>
  [`  ${keyOf(family)}: {`, ...WORK.map(([name], i) => `    ${name}: ${costs[i]},`), "  },"].join("\n"),
);
const source = `// Written by \`npm run bench -- fit\`: RESULTS.md says how, and how far it is off.
import type { Work } from "./work.js";

/** Instructions of each loop, by family of cores. */
export const COSTS = {
${lines.join("\n")}
} as const satisfies Record<string, Work>;

/** Code of the engine without atome_check, in bytes; on an AVR with the firmware and what gcc's library adds. */
export const ENGINE_BYTES = {
${results.map(({ family, engineBytes }) => `  ${keyOf(family)}: ${engineBytes},`).join("\n")}
  avr: ${avrBytes},
} as const;
`;
if (!options["dry-run"]) {
  const command = `npm run bench -- fit --seed ${seed}`;
  writeFileSync(fileURLToPath(new URL("../src/fit/costs.ts", import.meta.url)), source);
  publish("fit", {
    title: "Instructions per symbol, from the shape",
    command,
    seed,
    text,
    data: { results, avrBytes },
  });
}
process.stdout.write(options.json ? `${JSON.stringify({ results, avrBytes })}\n` : `${text}\n`);
