// What integers cost, without data from elsewhere: models trained for a moment on the text of examples/household, float and engine
// side by side, and the shipped models on short texts. Everything here comes out the same on every machine.
//
//     npm run bench -- fidelity [--json] [--dry-run] [--steps 200] [--seed 1]
//
// The fidelity of models trained to the end stands in the section of the bench "stories".
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { createWasm } from "../dist/engine/wasm.js";
import { compareOnText, ENGINE_NATS_PER_UNIT, scoreText } from "../dist/evaluate/language.js";
import { exportModel } from "../dist/export/export.js";
import { namedConfig } from "../dist/model/configs.js";
import { quantiseModel } from "../dist/model/quantised-model.js";
import { ReferenceModel } from "../dist/model/reference.js";
import { learnAlphabet } from "../dist/tokenizer/learn.js";
import { nodePlatform } from "../dist/train/threads-node.js";
import { Trainer } from "../dist/train/trainer.js";
import { excerpts } from "./shared/excerpts.mjs";
import { markdownTable, publish } from "./shared/results.mjs";

const configs = ["nano", "small", "gated-20k", "tokens-20k", "recall-20k"];
const HELD_OUT_BYTES = 4096;

const { values: options } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    steps: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
  },
});
const [steps, seed] = [Number(options.steps), Number(options.seed)];
const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url));
const [trainingText, heldOut] = [
  read("examples/household/train.txt"),
  read("examples/household/heldout.txt").subarray(0, HELD_OUT_BYTES),
];
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const predictorOf = (stream, natsPerUnit) => ({ step: (symbol) => stream.step(symbol), natsPerUnit });

async function train(config, alphabet) {
  const trainer = await Trainer.create({
    ...{ config, vocab: alphabet.size, forget: alphabet.lastSymbolOf(config.recall?.forget) },
    ...{ symbols: alphabet.encode(trainingText), threads: availableParallelism(), platform: nodePlatform },
  });
  for (let i = 0; i < steps; i++) await trainer.step();
  const { tensors } = trainer.state();
  await trainer.close();
  return tensors;
}

async function measureTrained(name) {
  const named = namedConfig(name);
  const config = { ...named, train: { ...named.train, steps, seed } };
  const alphabet = learnAlphabet(config.alphabet, () => [trainingText]);
  const tensors = await train(config, alphabet);
  const model = exportModel({ config, alphabet, tensors });
  const engine = await createWasm(model);
  const float = new ReferenceModel(quantiseModel(config, tensors, alphabet.size, alphabet.size, undefined));
  const symbols = alphabet.encode(heldOut);
  const {
    reference,
    engine: score,
    klNatsPerSymbol,
    top1Agreement,
  } = compareOnText(predictorOf(float, 1), predictorOf(engine, ENGINE_NATS_PER_UNIT), symbols, heldOut.length);
  process.stderr.write(
    `${name}: ${score.bitsPerByte.toFixed(4)} bits per byte, ${reference.bitsPerByte.toFixed(4)} in float\n`,
  );
  return {
    ...{ config: name, flashBytes: model.length, ramBytes: engine.arenaBytes, sha256: sha256(model) },
    ...{ bitsPerByte: score.bitsPerByte, bitsPerByteFloat: reference.bitsPerByte, klNatsPerSymbol, top1Agreement },
  };
}

async function measureShipped([name, text]) {
  const model = read(`models/${name}/model.atome`);
  const engine = await createWasm(model);
  const bytes = new TextEncoder().encode(text);
  const { bitsPerByte } = scoreText(predictorOf(engine, ENGINE_NATS_PER_UNIT), engine.encode(bytes), bytes.length);
  return { model: name, flashBytes: model.length, ramBytes: engine.arenaBytes, sha256: sha256(model), bitsPerByte };
}

function describe({ trained, shipped }) {
  const percent = (ratio) => `${(100 * ratio).toFixed(3)} %`;
  const trainedTable = markdownTable(
    [
      ...[
        "configuration",
        "flash bytes",
        "RAM bytes",
        "bits per byte (integer engine)",
        "bits per byte (float)",
        "difference",
      ],
      ...["KL, nats per symbol", "top-1 agreement"],
    ],
    trained.map((row) => [
      ...[row.config, row.flashBytes, row.ramBytes, row.bitsPerByte.toFixed(4), row.bitsPerByteFloat.toFixed(4)],
      ...[
        percent(row.bitsPerByte / row.bitsPerByteFloat - 1),
        row.klNatsPerSymbol.toFixed(6),
        percent(row.top1Agreement),
      ],
    ]),
  );
  const shippedTable = markdownTable(
    ["model", "flash bytes", "RAM bytes", "bits per byte of its excerpt"],
    shipped.map((row) => [row.model, row.flashBytes, row.ramBytes, row.bitsPerByte.toFixed(4)]),
  );
  return `${steps} training steps on examples/household/train.txt; measured on the first ${HELD_OUT_BYTES} bytes of heldout.txt, read as one stream. The
models learn little in so short a time: what counts is that float and integers agree, and that the bytes of the models and these
figures come out the same again.

${trainedTable}

Shipped models on texts of some 500 bytes (bench/shared/excerpts.mjs); what they reach on held-out text stands on their cards:

${shippedTable}`;
}

const trained = [];
for (const name of configs) trained.push(await measureTrained(name));
const data = { trained, shipped: await Promise.all(Object.entries(excerpts).map(measureShipped)) };
const text = describe(data);
if (!options["dry-run"]) {
  const command = `npm run bench -- fidelity --steps ${steps} --seed ${seed}`;
  publish("fidelity", { title: "Fidelity: integers against float", command, seed, text, data });
}
process.stdout.write(options.json ? `${JSON.stringify(data)}\n` : `${text}\n`);
