// The engine's code size, speed and RAM on Cortex-M cores: whole linked images, run in the emulator.
//
//     npm run bench -- engine [--json] [--dry-run] [--seed 1]
//
// Code is everything in the image that is neither the firmware's own (start-up, main, semihosting) nor the model: the engine
// with its constants, and whatever a library had to add. "base" is the smallest useful build (base block; init, reset, step,
// argmax), "everything" has every switch of atome.h on; "everything but atome_check" is for products whose model was checked before it
// was flashed. Instructions are the emulator's virtual nanoseconds at one instruction
// each, read from SysTick around atome_step and atome_argmax and averaged over the generated tokens.
import { parseArgs } from "node:util";
import { findBoardTools, runOnBoard } from "../dist/emulate/board-engine.js";
import { boards, largeCortexM0, largeCortexM4 } from "../dist/emulate/boards.js";
import { packageWorkshop } from "../dist/emulate/engines.js";
import { markdownTable, publish } from "./shared/results.mjs";
import { syntheticModel } from "./shared/synthetic-model.mjs";

const baseOnly = ["GATED", "INT4", "CHECK", "SAMPLE", "SCORES", "ROUTER", "TOKENS", "RECALL"].map(
  (name) => `ATOME_${name}=0`,
);
const shapes = ["prod", "stories"];
const boardOf = (machine) => boards.find((board) => board.machine === machine);
const cores = [largeCortexM0, boardOf("mps2-an385"), largeCortexM4, boardOf("mps2-an500")];
const microbitModels = [
  { model: "nano", vocab: 32 },
  { model: "small", vocab: 256 },
  { model: "gated-20k", vocab: 96 },
];
const limits = {
  codeBytes: 2600,
  codeBytesEverything: 4096,
  libraryBytes: 0,
  prod: { instructionsPerToken: 1_500_000, instructionsPerTokenM0: 2_150_000, arenaBytes: 190_000 },
  stories: { instructionsPerToken: 150_000, instructionsPerTokenM0: 220_000, arenaBytes: 26_500 },
};

// 16 symbols, all below the smallest vocabulary.
const job = { promptSymbols: Array.from({ length: 16 }, (_, i) => (7 * i + 3) % 32), generate: 32 };

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(options.seed);
if (!Number.isSafeInteger(seed)) refuse(`the seed is "${options.seed}"; give a whole number`, 2);
const workshop = packageWorkshop(process.env.PATH ?? "");
const tools = needTools(largeCortexM0);

function refuse(why, exitCode) {
  process.stderr.write(`Cannot run the bench "engine": ${why}.\n`);
  process.exit(exitCode);
}

function needTools(board) {
  const found = findBoardTools(workshop, board);
  return found.missing ? refuse(`${found.missing} is not installed`, 1) : found;
}

const say = (text) => process.stderr.write(`${text}\n`);

async function measure(board, defines, model) {
  const run = await runOnBoard(workshop, tools, board, defines, model, job);
  if (run.error !== 0) throw new Error(`the engine refused the model: error ${run.error}`);
  return run;
}

async function measureCore(board, name) {
  const model = syntheticModel(name, seed);
  const base = await measure(board, baseOnly, model);
  const everything = await measure(board, [], model);
  const unchecked = await measure(board, ["ATOME_CHECK=0"], model);
  if (base.hash !== everything.hash) throw new Error(`${board.name}: the two builds give different logits`);
  say(`${board.name}, ${name}: ${base.instructionsPerToken} instructions per token`);
  return {
    core: board.core,
    model: name,
    codeBytes: base.sections[".engine"],
    codeBytesEverything: everything.sections[".engine"],
    codeBytesUnchecked: unchecked.sections[".engine"],
    libraryBytes: (base.sections[".library"] ?? 0) + (everything.sections[".library"] ?? 0),
    instructionsPerToken: base.instructionsPerToken,
    instructionsPerTokenEverything: everything.instructionsPerToken,
    arenaBytes: everything.arenaBytes,
    stackBytes: Math.max(base.stackBytes, everything.stackBytes),
    machine: board.name,
    hash: base.hash,
  };
}

async function measureMicrobit({ model, vocab }) {
  const bytes = syntheticModel(model, seed, vocab);
  const run = await measure(boardOf("microbit"), [], bytes);
  const { instructionsPerToken, instructionsPerCheck, arenaBytes, ramBytes, stackBytes, hash } = run;
  say(`micro:bit, ${model}: ${instructionsPerToken} instructions per token`);
  return {
    model,
    vocab,
    modelBytes: bytes.length,
    instructionsPerToken,
    instructionsPerCheck,
    arenaBytes,
    ramBytes,
    stackBytes,
    hash,
  };
}

const limitOf = ({ core, model }) => ({
  instructionsPerToken: limits[model][core === "cortex-m0" ? "instructionsPerTokenM0" : "instructionsPerToken"],
  arenaBytes: limits[model].arenaBytes,
});

/** Code is the same for every model, so it is looked at with the first. */
function missedLimits(row) {
  const { codeBytes, codeBytesEverything, libraryBytes } = limits;
  const codeLimit = row.model === shapes[0] ? { codeBytes, codeBytesEverything, libraryBytes } : {};
  return Object.entries({ ...codeLimit, ...limitOf(row) })
    .filter(([key, limit]) => row[key] > limit)
    .map(([key, limit]) => `${row.core}, ${row.model}: ${key} is ${row[key]}, above ${limit}`);
}

function describe(rows, microbit) {
  const code = rows.filter(({ model }) => model === shapes[0]);
  const withLimit = (value, limit) => `${value.toLocaleString("en-US")} (${limit.toLocaleString("en-US")})`;
  const codeTable = markdownTable(
    ["core", "base only (limit)", "everything (limit)", "everything but atome_check", "of it from libraries"],
    code.map((row) => [
      row.core,
      withLimit(row.codeBytes, limits.codeBytes),
      withLimit(row.codeBytesEverything, limits.codeBytesEverything),
      row.codeBytesUnchecked,
      row.libraryBytes,
    ]),
  );
  const speedTable = markdownTable(
    [
      ...["model", "core", "instructions per token, base only (limit)", "with everything", "arena bytes (limit)"],
      ...["stack bytes", "emulated machine"],
    ],
    rows.map((row) => {
      const limit = limitOf(row);
      const instructions = withLimit(row.instructionsPerToken, limit.instructionsPerToken);
      return [
        row.model,
        row.core,
        instructions,
        row.instructionsPerTokenEverything,
        withLimit(row.arenaBytes, limit.arenaBytes),
        row.stackBytes,
        row.machine,
      ];
    }),
  );
  const microbitTable = markdownTable(
    ["model", "symbols", "model bytes", "instructions per token", "arena bytes", "RAM free for it", "stack bytes"],
    microbit.map((row) => [
      ...[row.model, row.vocab, row.modelBytes, row.instructionsPerToken],
      ...[row.arenaBytes, row.ramBytes, row.stackBytes],
    ]),
  );
  return `Code bytes of the linked engine (\`-Os\`, unused functions dropped), in flash:

${codeTable}

One generated token (atome_step and atome_argmax) after a 16-symbol prompt, mean of 32; models with random weights of the shape.
Stack is the deepest below the firmware's main function.

${speedTable}

On the micro:bit (a true Cortex-M0, 256 KB flash, 16 KB RAM), everything built in:

${microbitTable}`;
}

const rows = [];
for (const model of shapes) for (const board of cores) rows.push(await measureCore(board, model));
const microbit = [];
for (const each of microbitModels) microbit.push(await measureMicrobit(each));

const text = describe(rows, microbit);
const missed = rows.flatMap(missedLimits);
for (const line of missed) say(`Limit missed: ${line}.`);
if (!options["dry-run"]) {
  const command = `npm run bench -- engine --seed ${seed}`;
  publish("engine", { title: "Engine: code, speed and RAM", command, seed, text, data: { limits, rows, microbit } });
}
process.stdout.write(options.json ? `${JSON.stringify({ rows, microbit, limits, missed })}\n` : `${text}\n`);
