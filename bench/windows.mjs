// What shorter attention windows cost: the model of 944K parameters made to fit into less RAM, on text that was held out.
//
//     ATOME_DATA=... npm run bench -- windows [--json] [--dry-run]
//
// Windows are chosen by `atome export --max-ram` on training text (v2-train-10klines), each step from the one before; bits per
// byte are the integer engine's on v2-valid-256k, all of it, read as one stream.
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { markdownTable, publish } from "./shared/results.mjs";

const run = promisify(execFile);
const atomeProgram = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const { values: options } = parseArgs({
  options: { json: { type: "boolean", default: false }, "dry-run": { type: "boolean", default: false } },
});
const data = process.env.ATOME_DATA;
if (!data) {
  process.stderr.write(
    'Cannot run the bench "windows": ATOME_DATA is not set; set it to the folder that holds tinystories-v2-train-10klines and tinystories-v2-valid-256k.\n',
  );
  process.exit(1);
}
const training = join(data, "tinystories-v2-train-10klines", "tinystories_10k.txt");
const heldOut = join(data, "tinystories-v2-valid-256k", "sample.txt");
const folder = mkdtempSync(join(tmpdir(), "atome-windows-"));

/** The JSON object that a command ends with. */
async function atome(...args) {
  process.stderr.write(`atome ${args.join(" ")}\n`);
  const { stdout } = await run(process.execPath, [atomeProgram, ...args, "--json", "--quiet"], { maxBuffer: 1 << 26 });
  return JSON.parse(stdout.trimEnd().split("\n").at(-1));
}

const goals = [
  // An STM32F411 has 131,072 bytes: 3,072 are left for stack and firmware.
  { maxRam: 128_000, limit: 0.001 },
  { maxRam: 90_000, limit: 0.005 },
  // Chips with 65,536 bytes.
  { maxRam: 62_000 },
];

async function measure(model) {
  const { ramBytes, layers } = await atome("inspect", model);
  const { bitsPerByte } = await atome("eval", model, heldOut);
  return { ramBytes, windows: layers.map(({ window }) => window), bitsPerByte };
}

let model = "stories-base-944k";
const before = await measure(model);
const rows = [];
for (const { maxRam, limit } of goals) {
  const next = join(folder, `${maxRam}.atome`);
  await atome("export", model, "-o", next, "--max-ram", String(maxRam), "--calibration", training);
  const row = await measure(next);
  const loss = row.bitsPerByte / before.bitsPerByte - 1;
  rows.push({ maxRam, limit, ...row, loss });
  process.stderr.write(`${row.windows.join(",")}: ${(100 * loss).toFixed(3)} %\n`);
  model = next;
}
rmSync(folder, { recursive: true });

const percent = (ratio) => `${(100 * ratio).toFixed(2)} %`;
const table = markdownTable(
  ["RAM allowed", "windows", "RAM bytes", "bits per byte", "more bits (limit)"],
  [
    ["any", before.windows.join(", "), before.ramBytes, before.bitsPerByte.toFixed(4), "-"],
    ...rows.map(({ maxRam, limit, windows, ramBytes, bitsPerByte, loss }) => [
      ...[maxRam.toLocaleString("en-US"), windows.join(", "), ramBytes, bitsPerByte.toFixed(4)],
      percent(loss) + (limit === undefined ? "" : ` (${percent(limit)})${loss > limit ? " MISSED" : ""}`),
    ]),
  ],
);
const text = `stories-base-944k, trained with windows of 64, with windows shortened by \`atome export --max-ram\` on training text, on v2-valid-256k.
RAM is the arena; 128,000 bytes leave an STM32F411 with its 128 KB another 3,072 for stack and firmware.

${table}`;
if (!options["dry-run"]) {
  const command = "npm run bench -- windows";
  publish("windows", { title: "Shorter attention windows", command, seed: "none", text, data: { before, rows } });
}
process.stdout.write(options.json ? `${JSON.stringify({ before, rows })}\n` : `${text}\n`);
