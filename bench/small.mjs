// Chips of 2 and 20 KB of RAM: models trained for them, made to fit, and run in machines that have no more memory.
//
//     ATOME_DATA=... npm run bench -- small [--json] [--dry-run] [--seed 0]
//
// Trained on v2-train-10klines, windows shortened on the same text by `atome export --max-ram`, measured on v2-valid-256k. For the
// smallest the texts are in lower case and of 31 characters, which with the escape are 32 symbols.
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { findBoardTools, runOnBoard } from "../dist/emulate/board-engine.js";
import { smallBoards } from "../dist/emulate/boards.js";
import { packageWorkshop } from "../dist/emulate/engines.js";
import { arenaBytes } from "../dist/engine/arena.js";
import { createMirror } from "../dist/engine/mirror.js";
import { memoryBytes } from "../dist/format/layout.js";
import { readModel } from "../dist/format/reader.js";
import { configToJson } from "../dist/model/config.js";
import { namedConfig } from "../dist/model/configs.js";
import { baseOnly } from "./shared/base-only.mjs";
import { markdownTable, publish } from "./shared/results.mjs";

const run = promisify(execFile);
const atomeProgram = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    seed: { type: "string", default: "0" },
  },
});
const data = process.env.ATOME_DATA;
if (!data) {
  process.stderr.write(
    'Cannot run the bench "small": ATOME_DATA is not set; set it to the folder that holds tinystories-v2-train-10klines and tinystories-v2-valid-256k.\n',
  );
  process.exit(1);
}
const workshop = packageWorkshop(process.env.PATH ?? "");
const folder = mkdtempSync(join(tmpdir(), "atome-small-"));
const texts = {
  training: join(data, "tinystories-v2-train-10klines", "tinystories_10k.txt"),
  heldOut: join(data, "tinystories-v2-valid-256k", "sample.txt"),
};

/** Lower case; of the rest of the characters only space, full stop, comma, apostrophe and line end. */
function plain(name) {
  const text = readFileSync(texts[name], "utf8").toLowerCase();
  const path = join(folder, `${name}.txt`);
  writeFileSync(
    path,
    text
      .replace(/[!?]/g, ".")
      .replace(/’/g, "'")
      .replace(/[^a-z .,'\n]/g, ""),
  );
  return path;
}

/** The JSON object that a command ends with. */
async function atome(...args) {
  process.stderr.write(`atome ${args.join(" ")}\n`);
  const { stdout } = await run(process.execPath, [atomeProgram, ...args, "--json", "--quiet"], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1));
}

const steps = 3000;
const cases = [
  {
    ...{ config: "nano", board: smallBoards.ch32v003, tables: 1, firmwareBytes: 8 },
    ...{ training: plain("training"), heldOut: plain("heldOut"), alphabet: { kind: "map" } },
  },
  {
    ...{ config: "stories", board: smallBoards.stm32f103, tables: 4, firmwareBytes: 8 },
    ...{ ...texts, alphabet: { kind: "bytes" } },
  },
];

/** RAM of the arena, in the build that the case takes. */
function ramBytes(path, tables) {
  const model = readModel(readFileSync(path));
  return arenaBytes(model, memoryBytes(model.dimensions, model.layers, model), tables);
}

async function measureCase({ config, board, tables, firmwareBytes, training, heldOut, alphabet }) {
  const place = join(folder, config);
  const [file, trained, shortened] = ["json", "atome", "short.atome"].map((kind) => `${place}.${kind}`);
  writeFileSync(file, JSON.stringify({ ...configToJson(namedConfig(config)), alphabet }));
  await atome("train", training, "--config", file, "--steps", String(steps), "--seed", options.seed, "-o", place);
  await atome("export", join(place, "best.safetensors"), "-o", trained);
  const maxRam = board.ram.bytes - (board.stackBytes ?? 1024) - firmwareBytes;
  const limits = ["--max-ram", String(maxRam), "--tables", String(tables)];
  const { windows } = await atome("export", trained, "-o", shortened, ...limits, "--calibration", training);
  const [before, after] = [await atome("eval", trained, heldOut), await atome("eval", shortened, heldOut)];
  const model = readFileSync(shortened);
  const prompt = Array.from(
    createMirror(model).encode(new TextEncoder().encode("once upon a time there was a little ")),
  );
  const job = { promptSymbols: prompt, generate: 64 };
  const defines = [...baseOnly, `ATOME_TABLES=${tables}`];
  const result = await runOnBoard(workshop, findBoardTools(workshop, board), board, defines, model, job);
  const engine = createMirror(model);
  for (const symbol of prompt) engine.step(symbol);
  const expected = result.tokens.map(() => {
    const symbol = engine.argmax();
    engine.step(symbol);
    return symbol;
  });
  if (result.error !== 0 || expected.join() !== result.tokens.join()) throw new Error(`${board.name}: wrong symbols`);
  const { ".own": own, ".engine": code, ".job": prompts } = result.sections;
  return {
    ...{ config, machine: board.name, symbols: before.symbols, windows, tables },
    ...{ flashBytes: own + code + prompts + model.length, flashLimit: board.flash.bytes, engineBytes: code },
    ...{ modelBytes: model.length, arenaBytes: ramBytes(shortened, tables), arenaBefore: ramBytes(trained, tables) },
    ...{ stackBytes: result.stackBytes, ramLimit: board.ram.bytes, instructionsPerToken: result.instructionsPerToken },
    ...{ bitsPerByteBefore: before.bitsPerByte, bitsPerByte: after.bitsPerByte },
  };
}

const rows = [];
for (const each of cases) rows.push(await measureCase(each));
rmSync(folder, { recursive: true });

const percent = (ratio) => `${(100 * ratio).toFixed(2)} %`;
const table = markdownTable(
  [
    ...["model", "machine", "flash in use (limit)", "windows", "arena, bytes (before)", "stack bytes", "RAM (limit)"],
    ...["instructions per symbol", "bits per byte (before)", "more bits"],
  ],
  rows.map((row) => [
    ...[
      row.config,
      row.machine,
      `${row.flashBytes.toLocaleString("en-US")} (${row.flashLimit.toLocaleString("en-US")})`,
    ],
    ...[
      row.windows.join(", "),
      `${row.arenaBytes.toLocaleString("en-US")} (${row.arenaBefore.toLocaleString("en-US")})`,
    ],
    ...[row.stackBytes, row.ramLimit, row.instructionsPerToken],
    ...[
      `${row.bitsPerByte.toFixed(4)} (${row.bitsPerByteBefore.toFixed(4)})`,
      percent(row.bitsPerByte / row.bitsPerByteBefore - 1),
    ],
  ]),
);
const text = `Trained for ${steps.toLocaleString("en-US")} steps, windows shortened to fit, run in machines that have no more memory than the chip: what lies beyond faults, and
the symbols written are those of the TypeScript engine. Flash is engine, firmware, model and prompt; RAM is stack, 8 bytes of firmware and
arena. nano: 32 symbols, ATOME_TABLES=1, texts in lower case; a CH32V003's core multiplies by a loop, which costs it most of its instructions.

${table}`;
if (!options["dry-run"]) {
  const command = `npm run bench -- small --seed ${options.seed}`;
  publish("small", { title: "Chips of 2 and 20 KB of RAM", command, seed: Number(options.seed), text, data: { rows } });
}
process.stdout.write(options.json ? `${JSON.stringify({ rows })}\n` : `${text}\n`);
