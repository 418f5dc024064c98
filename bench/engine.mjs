// The engine's code size, speed and RAM on every emulated core: whole linked images, run in the emulator.
//
//     npm run bench -- engine [--json] [--dry-run] [--seed 1] [--models nano,prod] [--cores cortex-m0,cortex-m4]
//
// Code is everything in the image that is neither the firmware's own (start-up, main, semihosting) nor the model: the engine
// with its constants, and whatever a library had to add. "base" is the smallest useful build (base block; init, reset, step,
// argmax), "everything" has every switch of atome.h on; "everything but atome_check" is for products whose model was checked before it
// was flashed.
//
// Instructions of a mean are the emulator's virtual nanoseconds at one instruction each, read from SysTick around atome_step and
// atome_argmax. Those of single tokens are counted by a plugin of the emulator: a run that generates one token less a run of the
// prompt alone. Shapes have random weights; the models that come with the project are measured as they are.
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { runOnBoard } from "../dist/emulate/board-engine.js";
import { boards, largeCortexM0 } from "../dist/emulate/boards.js";
import { estimateCycles, timings, waitingCycles } from "../dist/emulate/cycles.js";
import { packageWorkshop } from "../dist/emulate/engines.js";
import { runOrFail } from "../dist/emulate/process.js";
import { buildProfiler, executedBy, executedByFunction, mostExecuted, profileOfRest } from "../dist/emulate/profile.js";
import { findTool } from "../dist/emulate/tools.js";
import { readModel } from "../dist/format/reader.js";
import { writeModel } from "../dist/format/writer.js";
import { engineText } from "./shared/engine-tables.mjs";
import { publish } from "./shared/results.mjs";
import { syntheticParts } from "./shared/synthetic-model.mjs";
import { neverForgetting, slowWays, variedPrompt } from "./shared/worst-case.mjs";

const baseOnly = ["GATED", "INT4", "CHECK", "SAMPLE", "SCORES", "ROUTER", "TOKENS", "RECALL"].map(
  (name) => `ATOME_${name}=0`,
);
const shapes = ["nano", "small", "stories", "mid", "prod", "gated-20k", "tokens-20k", "recall-20k"];
const shipped = ["stories-20k", "stories-64k", "stories-256k"];
const microbitModels = [
  { model: "nano", vocab: 32 },
  { model: "small", vocab: 256 },
  { model: "gated-20k", vocab: 96 },
  { model: "recall-20k", vocab: 512 },
];
const limits = {
  codeBytes: 2600,
  codeBytesEverything: 4096,
  libraryBytes: 0,
  prod: { instructionsPerToken: 1_500_000, instructionsPerTokenM0: 2_150_000, arenaBytes: 190_000 },
  stories: { instructionsPerToken: 150_000, instructionsPerTokenM0: 220_000, arenaBytes: 26_500 },
};
/** Of the flash in the second estimate of cycles. */
const WAIT_STATES = 2;
/** Whose functions are listed. */
const profiled = ["stories", "recall-20k"];

// 16 symbols, all below the smallest vocabulary.
const job = { promptSymbols: Array.from({ length: 16 }, (_, i) => (7 * i + 3) % 32), generate: 32 };

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    models: { type: "string", default: [...shapes, ...shipped].join() },
    cores: { type: "string" },
  },
});
const seed = Number(options.seed);
if (!Number.isSafeInteger(seed)) refuse(`the seed is "${options.seed}"; give a whole number`, 2);
const models = options.models.split(",");
const unknown = models.find((name) => ![...shapes, ...shipped].includes(name));
if (unknown !== undefined) refuse(`there is no model "${unknown}"; name some of ${[...shapes, ...shipped].join()}`, 2);
const cores = [largeCortexM0, ...boards.filter(({ core }) => core !== "cortex-m0")].filter(
  ({ core }) => options.cores === undefined || options.cores.split(",").includes(core),
);
const workshop = packageWorkshop(process.env.PATH ?? "");
const tools = { compiler: needTool("arm-none-eabi-gcc"), emulator: needTool("qemu-system-arm") };
const profiler = await buildProfiler(workshop, needTool("gcc"), needTool("arm-none-eabi-objdump"));

function refuse(why, exitCode) {
  process.stderr.write(`Cannot run the bench "engine": ${why}.\n`);
  process.exit(exitCode);
}

function needTool(name) {
  const path = findTool(name, workshop.searchPath);
  return path ?? refuse(`${name} is not installed; install gcc, gcc-arm-none-eabi and qemu-system-arm`, 1);
}

const say = (text) => process.stderr.write(`${text}\n`);

/** The first line of what a tool says of its version. */
const versionOf = async (path) => (await runOrFail(path, ["--version"], ".", 10_000)).stdout.split("\n")[0];

async function measure(board, defines, model, what = job, withProfile = false) {
  const run = await runOnBoard(workshop, { ...tools, ...(withProfile && { profiler }) }, board, defines, model, what);
  if (run.error !== 0) throw new Error(`the engine refused the model: error ${run.error}`);
  return run;
}

/** The profile of one token after a prompt. */
async function profileToken(board, { input, parts, promptSymbols }) {
  const model = writeModel(parts);
  const run = (generate) => measure(board, [], model, { promptSymbols, generate }, true);
  const [longer, shorter] = [await run(1), await run(0)];
  return { input, profile: profileOfRest(longer.profile, shorter.profile), stackBytes: longer.stackBytes };
}

const partsOf = (name) =>
  shapes.includes(name)
    ? syntheticParts(name, seed)
    : readModel(readFileSync(new URL(`../models/${name}/model.atome`, import.meta.url)));

async function measureCode(board) {
  const model = writeModel(partsOf("nano"));
  const sectionsOf = async (defines) => (await measure(board, defines, model)).sections;
  const [base, everything] = [await sectionsOf(baseOnly), await sectionsOf([])];
  return {
    core: board.core,
    codeBytes: base[".engine"],
    codeBytesEverything: everything[".engine"],
    codeBytesUnchecked: (await sectionsOf(["ATOME_CHECK=0"]))[".engine"],
    libraryBytes: (base[".library"] ?? 0) + (everything[".library"] ?? 0),
  };
}

/** Tokens in a stream: from when all memories are full. */
async function profileStream(board, parts) {
  const model = writeModel(parts);
  const run = (generate) => measure(board, [], model, { promptSymbols: variedPrompt(parts), generate }, true);
  const [longer, shorter] = [await run(job.generate), await run(0)];
  return { ...longer, profile: profileOfRest(longer.profile, shorter.profile, job.generate) };
}

/** What the slowest token costs: of those there were, and if every instruction came as often as in the run that needs it most. */
function worstOf(tokens, ceiling) {
  const slowest = tokens.reduce((a, b) => (executedBy(b.profile) > executedBy(a.profile) ? b : a));
  return {
    instructionsPerTokenWorst: executedBy(slowest.profile),
    worstInput: slowest.input,
    instructionsPerTokenCeiling: executedBy(ceiling),
  };
}

const cyclesOf = (timing, full, ceiling) => ({
  timing: timing.name,
  full: Math.round(estimateCycles(timing, full).typical),
  ceiling: Math.round(estimateCycles(timing, ceiling).most),
  fullWaiting: Math.round(estimateCycles(timing, full).typical + waitingCycles(full, WAIT_STATES)),
  ceilingWaiting: Math.round(estimateCycles(timing, ceiling).most + waitingCycles(ceiling, WAIT_STATES)),
});

async function measureCore(board, name) {
  const parts = partsOf(name);
  const model = writeModel(parts);
  const mean = await measure(board, [], model);
  const base = parts.dimensions.dInner === 0 ? await measure(board, baseOnly, model) : undefined;
  if (base && base.hash !== mean.hash) throw new Error(`${board.name}: the two builds give different logits`);
  const full = neverForgetting(parts);
  const stream = await profileStream(board, full);
  const tokens = [];
  for (const way of slowWays(full)) tokens.push(await profileToken(board, way));
  const ceiling = mostExecuted(tokens.map(({ profile }) => profile));
  const row = {
    core: board.core,
    model: name,
    machine: board.name,
    modelBytes: model.length,
    hash: mean.hash,
    arenaBytes: mean.arenaBytes,
    stackBytes: Math.max(...[mean, base ?? mean, stream, ...tokens].map(({ stackBytes }) => stackBytes)),
    ...(base && { instructionsPerTokenBaseOnly: base.instructionsPerToken }),
    instructionsPerToken: mean.instructionsPerToken,
    instructionsPerTokenFull: stream.instructionsPerToken,
    instructionsPerTokenFullMax: stream.instructionsPerTokenMax,
    ...worstOf(tokens, ceiling),
    flashReadsPerToken: Math.round(stream.profile.flashReads),
    cycles: timings
      .filter(({ core }) => core === board.core)
      .map((timing) => cyclesOf(timing, stream.profile, ceiling)),
    ...(profiled.includes(name) && { functions: executedByFunction(stream.profile) }),
  };
  const { instructionsPerToken, instructionsPerTokenFull, instructionsPerTokenWorst } = row;
  say(
    `${board.name}, ${name}: ${instructionsPerToken}, ${instructionsPerTokenFull}, ${instructionsPerTokenWorst} instructions`,
  );
  return row;
}

async function measureMicrobit({ model, vocab }) {
  const bytes = writeModel(syntheticParts(model, seed, vocab));
  const run = await measure(boards[0], [], bytes);
  const {
    instructionsPerToken,
    instructionsPerTokenMax,
    instructionsPerCheck,
    arenaBytes,
    ramBytes,
    stackBytes,
    hash,
  } = run;
  const instructions = { instructionsPerToken, instructionsPerTokenMax, instructionsPerCheck };
  return { model, vocab, modelBytes: bytes.length, ...instructions, arenaBytes, ramBytes, stackBytes, hash };
}

function missedLimits({ code, rows }) {
  const over = (row, name, limit) =>
    Object.entries(limit)
      .filter(([key, most]) => row[key] > most)
      .map(([key, most]) => `${row.core}, ${name}: ${key} is ${row[key]}, above ${most}`);
  const { codeBytes, codeBytesEverything, libraryBytes } = limits;
  const ofRow = ({ core, model }) => ({
    instructionsPerTokenBaseOnly:
      limits[model]?.[core === "cortex-m0" ? "instructionsPerTokenM0" : "instructionsPerToken"],
    arenaBytes: limits[model]?.arenaBytes,
  });
  return [
    ...code.flatMap((row) => over(row, "code", { codeBytes, codeBytesEverything, libraryBytes })),
    ...rows.flatMap((row) => over(row, row.model, ofRow(row))),
  ];
}

const data = {
  tools: { compiler: await versionOf(tools.compiler), emulator: await versionOf(tools.emulator) },
  limits,
  code: [],
  rows: [],
  microbit: [],
};
for (const board of cores) data.code.push(await measureCode(board));
for (const model of models) for (const board of cores) data.rows.push(await measureCore(board, model));
for (const each of microbitModels) {
  if (models.includes(each.model)) data.microbit.push(await measureMicrobit(each));
}

const text = engineText(data);
const missed = missedLimits(data);
for (const line of missed) say(`Limit missed: ${line}.`);
if (!options["dry-run"]) {
  const command = `npm run bench -- engine --seed ${seed}`;
  publish("engine", { title: "Engine: code, speed and RAM", command, seed, text, data });
}
process.stdout.write(options.json ? `${JSON.stringify({ ...data, missed })}\n` : `${text}\n`);
