// Milliseconds per training step (forward, backward, AdamW), ours beside PyTorch's on the same machine in the same run.
//
//     npm run bench -- train [--json] [--dry-run] [--shapes stories,prod] [--threads 1,2] [--rounds 3]
//     npm run bench -- train --gradients [--json]     gradients against PyTorch's autograd in float64
//
// PyTorch is Debian's python3-torch with libopenblas0-pthread under /usr/bin/python3 (or $PYTHON); without it no ratio is given. The two take turns,
// round by round, because the machine may be shared; each keeps its best round. PyTorch's is the fastest of several equivalent
// ways to write the state, the attention, the convolution and the optimiser.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { namedConfig } from "../dist/model/configs.js";
import { effectiveWeights } from "../dist/model/quantise.js";
import { tensorSpecs } from "../dist/model/tensors.js";
import { Random } from "../dist/train/random.js";
import { nodePlatform } from "../dist/train/threads-node.js";
import { Trainer } from "../dist/train/trainer.js";
import { markdownTable, publish } from "./shared/results.mjs";

// `name`, windows per step and symbols per window; the vocabulary where the configuration learns it.
const shapes = [
  { name: "stories", batch: 16, context: 64 },
  { name: "prod", batch: 16, context: 64 },
  { name: "prod", batch: 16, context: 256 },
  { name: "gated-20k", batch: 16, context: 64, vocab: 96 },
  { name: "tokens-20k", batch: 8, context: 94, vocab: 512 },
];

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    gradients: { type: "boolean", default: false },
    shapes: { type: "string", default: shapes.map(({ name }) => name).join(",") },
    threads: { type: "string", default: "1,2" },
    rounds: { type: "string", default: "3" },
    seed: { type: "string", default: "1" },
  },
});
const seed = Number(options.seed);
const threads = options.threads.split(",").map(Number);
const rounds = Number(options.rounds);
const chosen = shapes.filter(({ name }) => options.shapes.split(",").includes(name));
const python = process.env.PYTHON ?? "/usr/bin/python3";
const twin = fileURLToPath(new URL("./pytorch_twin.py", import.meta.url));
const say = (text) => process.stderr.write(`${text}\n`);

const label = ({ name, batch, context }) => `${name} ${batch}x${context}`;

function hasPytorch() {
  try {
    execFileSync(python, ["-c", "import torch"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The shape's configuration and random text for it. */
function prepare({ name, batch, context, vocab = 256 }) {
  const named = namedConfig(name);
  const config = { ...named, train: { ...named.train, batch, context, seed } };
  const random = Random.fromSeed(seed);
  const symbols = Uint16Array.from({ length: 50_000 }, () => random.below(vocab));
  const windows = Array.from({ length: batch }, (_, i) => symbols.slice(i * 1000, i * 1000 + context + 1));
  return { config, vocab, symbols, windows };
}

/** Runs the twin on tensors and windows; returns its answer and, of "gradients", the values. */
function runTwin(command, { config, vocab, windows }, tensors, extra, env = process.env) {
  const folder = mkdtempSync(join(tmpdir(), "atome-twin-"));
  try {
    const specs = tensorSpecs(config, vocab, vocab);
    writeFileSync(join(folder, "job.json"), JSON.stringify({ config, tensors: specs, ...extra }));
    writeFileSync(join(folder, "tensors.bin"), Buffer.concat(specs.map(({ name }) => bytesOf(tensors.get(name)))));
    writeFileSync(join(folder, "windows.bin"), Buffer.concat(windows.map(bytesOf)));
    const text = execFileSync(python, [twin, command, folder], { encoding: "utf8", stdio: ["ignore", "pipe", 2], env });
    const values = command === "gradients" ? readFileSync(join(folder, "gradients.bin")) : undefined;
    return { answer: JSON.parse(text.trim().split("\n").at(-1)), values };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const bytesOf = (array) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

/** Median milliseconds of a step over about two seconds. */
async function ourMedianMs(job, count) {
  const trainer = await Trainer.create({ ...job, threads: count, platform: nodePlatform });
  const times = [];
  const start = performance.now();
  while (times.length < 12 || performance.now() - start < 2500) {
    const begin = performance.now();
    await trainer.step();
    times.push(performance.now() - begin);
  }
  await trainer.close();
  // The first third compiles and warms the caches.
  const warm = times.slice(Math.ceil(times.length / 3)).sort((a, b) => a - b);
  return warm[warm.length >> 1];
}

/** Threads of PyTorch itself and of its BLAS to try with `count` cores: for small shapes one thread can beat two. */
function rivalSettings(count) {
  const choices = [...new Set([1, count])];
  return choices.flatMap((ompThreads) => choices.map((blasThreads) => [ompThreads, blasThreads]));
}

/** PyTorch's fastest step with `count` threads; `known` is the variant found in an earlier round. */
function rivalTime(job, tensors, count, known) {
  let best;
  let variant = known;
  for (const [ompThreads, blasThreads] of rivalSettings(count)) {
    const env = { ...process.env, OMP_NUM_THREADS: `${ompThreads}`, OPENBLAS_NUM_THREADS: `${blasThreads}` };
    const { answer } = runTwin("time", job, tensors, { ompThreads, seconds: 2, variant: variant ?? null }, env);
    variant = answer.variant;
    const { medianMs, gemmGflops } = answer;
    if (!best || medianMs < best.medianMs) best = { medianMs, variant, ompThreads, blasThreads, gemmGflops };
  }
  return best;
}

async function measure(shape, withPytorch) {
  const job = prepare(shape);
  const trainer = await Trainer.create({ ...job, threads: 1, platform: nodePlatform });
  const { tensors } = trainer.state();
  await trainer.close();
  const rows = [];
  for (const count of threads) {
    let ours = Number.POSITIVE_INFINITY;
    let rival;
    for (let round = 0; round < rounds; round++) {
      ours = Math.min(ours, await ourMedianMs(job, count));
      const time = withPytorch ? rivalTime(job, tensors, count, rival?.variant) : undefined;
      if (time && !(rival?.medianMs <= time.medianMs)) rival = time;
    }
    const row = rowOf(shape, count, ours, rival);
    say(`${row.shape}, ${count} threads: ${row.msPerStep} ms, PyTorch ${row.pytorchMsPerStep ?? "not measured"}`);
    if (rival?.gemmGflops < 15) say("PyTorch's BLAS is slow (Debian's reference one?): install libopenblas0-pthread.");
    rows.push(row);
  }
  return rows;
}

const rounded = (value, digits) => Number(value.toPrecision(digits));

function rowOf(shape, count, ms, rival) {
  return {
    shape: label(shape),
    threads: count,
    msPerStep: rounded(ms, 4),
    tokensPerSecond: Math.round((shape.batch * shape.context * 1000) / ms),
    ...(rival
      ? {
          ratioToPytorch: rounded(rival.medianMs / ms, 3),
          pytorchMsPerStep: rounded(rival.medianMs, 4),
          pytorch: rival,
        }
      : {}),
  };
}

const norm = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));

/** Relative error of every tensor's gradient, each in its norm; the largest. */
async function compareGradients(shape) {
  const job = prepare(shape);
  const trainer = await Trainer.create({ ...job, threads: 2, platform: nodePlatform });
  const specs = tensorSpecs(job.config, job.vocab, job.vocab);
  const { tensors } = trainer.state();
  const ours = await trainer.gradients(job.windows);
  await trainer.close();
  const effective = new Map(
    specs.map(({ name, shape: dims, quantiser }) => [
      name,
      effectiveWeights(tensors.get(name), dims.at(-1), quantiser),
    ]),
  );
  const { answer, values } = runTwin("gradients", job, effective, {});
  let offset = values.byteOffset;
  const errors = specs.map(({ name }) => {
    const gradient = ours.gradients.get(name);
    const truth = new Float32Array(values.buffer, offset, gradient.length);
    offset += gradient.byteLength;
    return { name, error: norm(truth.map((value, i) => value - gradient[i])) / norm(truth) };
  });
  const worst = errors.reduce((a, b) => (b.error > a.error ? b : a));
  return {
    shape: label(shape),
    loss: ours.lossNatsPerSymbol,
    lossPytorch: answer.loss,
    largestRelativeError: rounded(worst.error, 3),
    tensor: worst.name,
  };
}

function finish(rows, text) {
  process.stdout.write(options.json ? `${JSON.stringify({ rows })}\n` : `${text}\n`);
}

async function benchGradients() {
  const rows = [];
  for (const shape of chosen) rows.push(await compareGradients(shape));
  finish(
    rows,
    markdownTable(
      ["shape", "largest relative error", "of tensor"],
      rows.map((row) => [row.shape, row.largestRelativeError.toExponential(1), row.tensor]),
    ),
  );
  if (rows.some((row) => !(row.largestRelativeError <= 1e-5))) process.exitCode = 1;
}

async function benchTime() {
  const withPytorch = hasPytorch();
  if (!withPytorch)
    say(`PyTorch is not installed for ${python} (apt-get install python3-torch libopenblas0-pthread): no ratio.`);
  const rows = [];
  for (const shape of chosen) rows.push(...(await measure(shape, withPytorch)));
  const columns = ["shape", "threads", "ms per step", "tokens per second", "PyTorch, ms", "times as fast"];
  const cells = rows.map((row) => [
    ...[row.shape, row.threads, row.msPerStep, row.tokensPerSecond],
    ...[row.pytorchMsPerStep ?? "-", row.ratioToPytorch ?? "-"],
  ]);
  const text = `One step: forward, backward, clipping and AdamW. PyTorch is the fastest of its variants and thread
settings; medians, best of ${rounds} rounds that take turns.

${markdownTable(columns, cells)}`;
  if (!options["dry-run"]) {
    const command = `npm run bench -- train --rounds ${rounds} --seed ${seed}`;
    publish("train", { title: "Training: time per step", command, seed, text, data: { rows } });
  }
  finish(rows, text);
}

if (options.gradients && !hasPytorch()) {
  say(`Cannot compare gradients: PyTorch is not installed for ${python}; install python3-torch or set PYTHON.`);
  process.exitCode = 1;
} else await (options.gradients ? benchGradients() : benchTime());
