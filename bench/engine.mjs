// The engine's code size, speed and RAM on every emulated core: whole linked images, run in the emulator.
//
//     npm run bench -- engine [--json] [--dry-run] [--seed 1] [--models nano,prod] [--cores cortex-m0,cortex-m4]
//
// Code is everything in the image that is neither the firmware's own (start-up, main, semihosting) nor the model: the engine
// with its constants, and whatever a library had to add. "base" is the smallest useful build (base block; init, reset, step,
// argmax), "everything" has every switch of atome.h on; "everything but atome_check" is for products whose model was checked before it
// was flashed.
//
// Instructions of a mean are the emulator's virtual nanoseconds at one instruction each, read from the board's timer around atome_step and
// atome_argmax. Those of single tokens are counted by a plugin of the emulator: a run that generates one token less a run of the
// prompt alone. Shapes have random weights; the models that come with the project are measured as they are.
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { parseArgs } from "node:util";
import { findBoardTools, runOnBoard } from "../dist/emulate/board-engine.js";
import { boards, largeCortexM0, largeCortexM4 } from "../dist/emulate/boards.js";
import { estimateCycles, timings, waitingCycles } from "../dist/emulate/cycles.js";
import { packageWorkshop } from "../dist/emulate/engines.js";
import { runOrFail } from "../dist/emulate/process.js";
import { buildProfiler, executedBy, executedByFunction, mostExecuted, profileOfRest } from "../dist/emulate/profile.js";
import { ModelTooLargeError } from "../dist/emulate/result.js";
import { findTool } from "../dist/emulate/tools.js";
import { readModel } from "../dist/format/reader.js";
import { writeModel } from "../dist/format/writer.js";
import { namedConfig } from "../dist/model/configs.js";
import { baseOnly } from "./shared/base-only.mjs";
import { codeLimitsOf, engineText, limitsOf } from "./shared/engine-tables.mjs";
import { publish } from "./shared/results.mjs";
import { syntheticParts } from "./shared/synthetic-model.mjs";
import { neverForgetting, slowWays } from "./shared/worst-case.mjs";

const shapes = ["nano", "small", "stories", "mid", "prod", "gated-20k", "tokens-20k", "recall-20k"];
/** Of models/; measured on some cores only, because filling their memory takes the emulator minutes. */
const shipped = ["stories-20k", "stories-64k"];
const shippedCores = ["cortex-m0", "cortex-m4", "rv32imc"];
/** A machine for each core, with room for most models. */
const machines = [largeCortexM0, "mps2-an385", largeCortexM4, "mps2-an500", "mps2-an505", "mps3-an547", "virt", "sim"];
/** Machines with the memory of a chip, and what they are asked to run. */
const smallMachines = ["microbit", "stm32vldiscovery", "netduinoplus2"];
const smallMachineModels = [
  { model: "nano", vocab: 32 },
  { model: "small", vocab: 256 },
  { model: "stories", vocab: 256 },
  { model: "gated-20k", vocab: 96 },
  { model: "recall-20k", vocab: 512 },
  { model: "stories-20k" },
  { model: "stories-64k" },
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
const boardOf = (machine) =>
  typeof machine === "string" ? boards.find((board) => board.machine === machine) : machine;
const timingsOf = (board) => timings.filter(({ core }) => core === board.core);
const isAsked = ({ core }) => options.cores === undefined || options.cores.split(",").includes(core);
const cores = machines.map(boardOf).filter(isAsked);
const workshop = packageWorkshop(process.env.PATH ?? "");
const toolsOf = new Map();
for (const board of [...cores, ...smallMachines.map(boardOf)]) toolsOf.set(board, await findTools(board));

function refuse(why, exitCode) {
  process.stderr.write(`Cannot run the bench "engine": ${why}.\n`);
  process.exit(exitCode);
}

function needTool(name) {
  return findTool(name, workshop.searchPath) ?? refuse(`${name} is not installed`, 1);
}

async function findTools(board) {
  const { missing, ...tools } = findBoardTools(workshop, board);
  if (missing) refuse(`${missing} is not installed`, 1);
  const disassembler = needTool(board.architecture.compiler.replace(/gcc$/, "objdump"));
  return { ...tools, profiler: await buildProfiler(workshop, needTool("gcc"), disassembler) };
}

const say = (text) => process.stderr.write(`${text}\n`);

/** The first line of what each compiler and emulator says of its version. */
async function toolVersions() {
  const paths = new Set(cores.flatMap((board) => [toolsOf.get(board).compiler, toolsOf.get(board).emulator]));
  const versions = [...paths].map(async (path) => {
    const { stdout } = await runOrFail(path, ["--version"], ".", 10_000);
    return [basename(path), stdout.split("\n")[0]];
  });
  return Object.fromEntries(await Promise.all(versions));
}

async function measure(board, defines, model, what = job, withProfile = false) {
  const { compiler, emulator, profiler } = toolsOf.get(board);
  const tools = { compiler, emulator, ...(withProfile && { profiler }) };
  const run = await runOnBoard(workshop, tools, board, defines, model, what);
  if (run.error !== 0) throw new Error(`the engine refused the model: error ${run.error}`);
  return run;
}

/** A run of the prompt alone, to be taken from those that generate; only where there are timings to make cycles of the rest. */
const measurePrompt = (board, { parts, promptSymbols }) =>
  timingsOf(board).length > 0 ? measure(board, [], writeModel(parts), { promptSymbols, generate: 0 }, true) : undefined;

/** What `generate` tokens after a prompt take, one each. @param shorter of measurePrompt() */
async function measureTokens(board, { input, parts, promptSymbols }, shorter, generate = 1) {
  const longer = await measure(board, [], writeModel(parts), { promptSymbols, generate }, shorter !== undefined);
  if (shorter === undefined) return { ...longer, input, instructions: longer.instructionsPerToken };
  const profile = profileOfRest(longer.profile, shorter.profile, generate);
  return { ...longer, input, profile, instructions: executedBy(profile) };
}

const partsOf = (name, vocab) =>
  shapes.includes(name)
    ? syntheticParts(namedConfig(name), seed, vocab)
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

/** What the slowest token costs: of those there were, and if every instruction came as often as in the run that needs it most. */
function worstOf(tokens, ceiling) {
  const slowest = tokens.reduce((a, b) => (b.instructions > a.instructions ? b : a));
  return {
    instructionsPerTokenWorst: slowest.instructions,
    worstInput: slowest.input,
    ...(ceiling && { instructionsPerTokenCeiling: executedBy(ceiling) }),
  };
}

const cyclesOf = (timing, full, ceiling) => ({
  timing: timing.name,
  full: Math.round(estimateCycles(timing, full).typical),
  ceiling: Math.round(estimateCycles(timing, ceiling).most),
  fullWaiting: Math.round(estimateCycles(timing, full).typical + waitingCycles(full, WAIT_STATES)),
  ceilingWaiting: Math.round(estimateCycles(timing, ceiling).most + waitingCycles(ceiling, WAIT_STATES)),
});

const profileFigures = (board, name, profile, ceiling) => ({
  flashReadsPerToken: Math.round(profile.flashReads),
  cycles: timingsOf(board).map((timing) => cyclesOf(timing, profile, ceiling)),
  ...(profiled.includes(name) && { functions: executedByFunction(profile) }),
});

async function measureCore(board, name) {
  const parts = partsOf(name);
  const model = writeModel(parts);
  const mean = await measure(board, [], model);
  const base = parts.dimensions.dInner === 0 ? await measure(board, baseOnly, model) : undefined;
  if (base && base.hash !== mean.hash) throw new Error(`${board.name}: the two builds give different logits`);
  const [varied, ...others] = slowWays(neverForgetting(parts));
  const filling = await measurePrompt(board, varied);
  const stream = await measureTokens(board, varied, filling, job.generate);
  const tokens = [await measureTokens(board, varied, filling)];
  for (const way of others) tokens.push(await measureTokens(board, way, await measurePrompt(board, way)));
  const ceiling = stream.profile && mostExecuted(tokens.map(({ profile }) => profile));
  const row = {
    core: board.core,
    model: name,
    machine: board.name,
    modelBytes: model.length,
    hash: mean.hash,
    arenaBytes: mean.arenaBytes,
    stackBytes: Math.max(...[mean, base ?? mean, stream, ...tokens].map(({ stackBytes }) => stackBytes)),
    ...(base && { instructionsPerToken: base.instructionsPerToken }),
    instructionsPerTokenEverything: mean.instructionsPerToken,
    instructionsPerTokenFull: stream.instructionsPerToken,
    instructionsPerTokenFullMax: stream.instructionsPerTokenMax,
    ...worstOf(tokens, ceiling),
    ...(stream.profile && profileFigures(board, name, stream.profile, ceiling)),
  };
  const { instructionsPerTokenEverything, instructionsPerTokenFull, instructionsPerTokenWorst } = row;
  const counts = [instructionsPerTokenEverything, instructionsPerTokenFull, instructionsPerTokenWorst];
  say(`${board.name}, ${name}: ${counts.join(", ")} instructions`);
  return row;
}

/** What `measureOne` gives; undefined where the machine is too small. */
async function unlessTooLarge(measureOne) {
  try {
    return await measureOne();
  } catch (error) {
    if (error instanceof ModelTooLargeError) return undefined;
    throw error;
  }
}

async function measureSmallMachine(board, { model, vocab }) {
  const parts = partsOf(model, vocab);
  const bytes = writeModel(parts);
  const about = {
    machine: board.machine,
    core: board.core,
    model,
    vocab: parts.dimensions.vocab,
    modelBytes: bytes.length,
  };
  const run = await unlessTooLarge(() => measure(board, [], bytes));
  if (!run) return { ...about, fits: false };
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
  return { ...about, fits: true, ...instructions, arenaBytes, ramBytes, stackBytes, hash };
}

function missedLimits({ code, rows }) {
  const over = (row, name, limit) =>
    Object.entries(limit)
      .filter(([key, most]) => row[key] > most)
      .map(([key, most]) => `${row.core}, ${name}: ${key} is ${row[key]}, above ${most}`);
  return [
    ...code.flatMap((row) => over(row, "code", codeLimitsOf(row, limits))),
    ...rows.flatMap((row) => over(row, row.model, limitsOf(row, limits))),
  ];
}

const data = { tools: await toolVersions(), limits, code: [], rows: [], smallMachines: [] };
data.code = await Promise.all(cores.map(measureCode));
for (const model of models) {
  const chosen = cores.filter(({ core }) => shapes.includes(model) || shippedCores.includes(core));
  // Counts do not mind emulators that run at the same time.
  const rows = await Promise.all(chosen.map((board) => unlessTooLarge(() => measureCore(board, model))));
  data.rows.push(...rows.filter((row) => row !== undefined));
}
for (const board of smallMachines.map(boardOf).filter(isAsked)) {
  for (const each of smallMachineModels.filter(({ model }) => models.includes(model))) {
    data.smallMachines.push(await measureSmallMachine(board, each));
  }
}

const text = engineText(data);
const missed = missedLimits(data);
for (const line of missed) say(`Limit missed: ${line}.`);
if (!options["dry-run"]) {
  const command = `npm run bench -- engine --seed ${seed}`;
  publish("engine", { title: "Engine: code, speed and RAM", command, seed, text, data });
}
process.stdout.write(options.json ? `${JSON.stringify({ ...data, missed })}\n` : `${text}\n`);
