// Real text: trains models on TinyStories, exports them, measures both the float checkpoint and the integer engine on text that
// was held out, and runs the exported models on every engine at hand, the emulated chips among them.
//
//     ATOME_DATA=... npm run bench -- stories [--json] [--dry-run] [--seed 0] [--keep folder] [config=steps ...]
//
// Training text: v1-train-2mib and v2-train-10klines. Held out: v2-valid-256k, all of it, read as one stream; for prod its first
// 32 KiB, because the float64 reference needs a millisecond a byte there.
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { markdownTable, publish } from "./shared/results.mjs";

const run = promisify(execFile);
const atomeProgram = fileURLToPath(new URL("../dist/cli/main.js", import.meta.url));
const defaults = ["stories=3000", "gated-20k=3000", "tokens-20k=3000", "recall-20k=3000", "prod=1500"];
const prodBytes = 32768;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    seed: { type: "string", default: "0" },
    keep: { type: "string" },
  },
});
const data = process.env.ATOME_DATA;
if (!data) {
  process.stderr.write(
    'Cannot run the bench "stories": ATOME_DATA is not set; set it to the folder that holds tinystories-v1-train-2mib and the others.\n',
  );
  process.exit(1);
}
const training = [
  join(data, "tinystories-v1-train-2mib", "tinystories_sample.txt"),
  join(data, "tinystories-v2-train-10klines", "tinystories_10k.txt"),
];
const heldOut = join(data, "tinystories-v2-valid-256k", "sample.txt");
const folder = options.keep ?? mkdtempSync(join(tmpdir(), "atome-stories-"));
mkdirSync(folder, { recursive: true });

/** The JSON object that a command ends with. Exit code 1 of verify (engines differ) is a result too. */
async function atome(...args) {
  process.stderr.write(`atome ${args.join(" ")}\n`);
  const outcome = await run(process.execPath, [atomeProgram, ...args, "--json", "--quiet"], {
    maxBuffer: 1 << 26,
  }).catch((error) => {
    if (args[0] === "verify" && error.code === 1 && error.stdout) return error;
    throw error;
  });
  return JSON.parse(outcome.stdout.trimEnd().split("\n").at(-1));
}

async function measure(config, steps) {
  const place = join(folder, config);
  const model = join(place, "model.atome");
  const checkpoint = join(place, "best.safetensors");
  const numbers = ["--config", config, "--steps", steps, "--seed", options.seed];
  await atome("train", ...training, ...numbers, "-o", place, "--force");
  await atome("export", checkpoint, "-o", model);
  const limit = config === "prod" ? ["--max-bytes", String(prodBytes)] : [];
  const score = await atome("eval", model, heldOut, "--against", checkpoint, ...limit);
  const verified = await atome("verify", model, "--tokens", "32");
  return {
    config,
    steps: Number(steps),
    flashBytes: statSync(model).size,
    bytes: score.bytes,
    symbols: score.symbols,
    bitsPerByte: score.bitsPerByte,
    perplexity: score.perplexity,
    bitsPerByteFloat: score.against.bitsPerByte,
    klNatsPerSymbol: score.klNatsPerSymbol,
    top1Agreement: score.top1Agreement,
    identical: verified.identical,
    engines: verified.engines.map(({ name }) => name),
    skipped: verified.skipped?.map(({ name }) => name) ?? [],
  };
}

const rows = [];
for (const entry of positionals.length > 0 ? positionals : defaults) {
  const [config, steps] = entry.split("=");
  rows.push(await measure(config, steps));
}
if (!options.keep) rmSync(folder, { recursive: true });

const percent = (ratio) => `${(100 * ratio).toFixed(3)} %`;
const table = markdownTable(
  [
    ...[
      "configuration",
      "steps",
      "flash bytes",
      "bits per byte (integer engine)",
      "bits per byte (float)",
      "difference",
    ],
    ...["KL, nats per symbol", "top-1 agreement", "held-out bytes", "engines, all bits the same"],
  ],
  rows.map((row) => [
    ...[row.config, row.steps, row.flashBytes, row.bitsPerByte.toFixed(4), row.bitsPerByteFloat.toFixed(4)],
    ...[percent(Math.abs(row.bitsPerByte / row.bitsPerByteFloat - 1)), row.klNatsPerSymbol.toFixed(6)],
    ...[percent(row.top1Agreement), row.bytes, row.identical ? `yes: ${row.engines.join(", ")}` : "NO"],
  ]),
);
const text = `Trained on TinyStories (v1-train-2mib and v2-train-10klines, 3.5 MB), measured on v2-valid-256k, which shares no story with
them. Flash is the size of the .atome file, token table and all. Float is the checkpoint with its quantised weights in float64.

${table}`;
const command = `npm run bench -- stories --seed ${options.seed}${positionals.map((entry) => ` ${entry}`).join("")}`;
if (!options["dry-run"]) {
  publish("stories", {
    title: "Quality and fidelity on TinyStories",
    command,
    seed: Number(options.seed),
    text,
    data: { rows },
  });
}
process.stdout.write(options.json ? `${JSON.stringify({ rows })}\n` : `${text}\n`);
