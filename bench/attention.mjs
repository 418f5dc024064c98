// Where attention earns its RAM: tasks whose answer stands in what was read before, by models with attention, with recall, with
// both and with neither.
//
//     npm run bench -- attention [--seeds 1,2] [--steps 2000] [--json] [--dry-run]
//
// "Pairs": lines of twelve letters with a digit each, then four of the letters again, each of which wants its digit. "Household":
// the questions and answers of examples/household, which no model can look up in what it has read.
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { measureHeldOut } from "../dist/cli/demo.js";
import { engineMaker } from "../dist/cli/engines.js";
import { ENGINE_NATS_PER_UNIT, scoreText } from "../dist/evaluate/language.js";
import { exportModel } from "../dist/export/export.js";
import { configToJson } from "../dist/model/config.js";
import { namedConfig } from "../dist/model/configs.js";
import { parseConfig } from "../dist/model/parse-config.js";
import { learnAlphabet } from "../dist/tokenizer/learn.js";
import { Random } from "../dist/train/random.js";
import { nodePlatform } from "../dist/train/threads-node.js";
import { Trainer } from "../dist/train/trainer.js";
import { mean } from "./quality/statistics.mjs";
import { markdownTable, publish } from "./shared/results.mjs";

const { values: options } = parseArgs({
  options: {
    seeds: { type: "string", default: "1,2" },
    steps: { type: "string", default: "2000" },
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
  },
});
const seeds = options.seeds.split(",").map(Number);
const steps = Number(options.steps);
const bytesOf = (text) => new TextEncoder().encode(text);
const threads = availableParallelism();

const [PAIRS, ASKED, LETTERS, DIGITS] = [12, 4, 26, 10];

/** Lines such as `a3f7c1...?f7a3...`: the digits after the mark are answers. */
function pairLines(count, random) {
  const line = () => {
    const letters = Array.from({ length: LETTERS }, (_, i) => String.fromCharCode(97 + i));
    const drawn = Array.from({ length: PAIRS }, () => letters.splice(random.below(letters.length), 1)[0]);
    const pairs = drawn.map((letter) => letter + random.below(DIGITS));
    const asked = Array.from({ length: ASKED }, () => pairs[random.below(PAIRS)]);
    return `${pairs.join("")}?${asked.join("")}\n`;
  };
  return Array.from({ length: count }, line).join("");
}

/** Share of the answers that are the engine's likeliest symbol, and bits per byte of all lines. */
const scoreOfPairs = (lines) => (engine) => {
  const symbols = engine.encode(bytesOf(lines));
  const [mark, end] = ["?", "\n"].map((text) => engine.encode(bytesOf(text))[0]);
  let [asked, right, place] = [0, 0, -1];
  const step = (symbol) => {
    if (symbol === mark) place = 0;
    else if (symbol === end) place = -1;
    else if (place >= 0) place++;
    return engine.step(symbol);
  };
  const { bitsPerByte } = scoreText({ step, natsPerUnit: ENGINE_NATS_PER_UNIT }, symbols, lines.length, (next) => {
    // After a letter that is asked for, the digit follows.
    if (place < 0 || place % 2 === 0) return;
    asked++;
    if (engine.argmax() === symbols[next]) right++;
  });
  return { right: right / asked, bitsPerByte };
};

const household = (name) => fileURLToPath(new URL(`../examples/household/${name}.txt`, import.meta.url));
const pairsRandom = Random.fromSeed(77);
const tasks = {
  pairs: {
    training: pairLines(30000, pairsRandom),
    score: scoreOfPairs(pairLines(1000, pairsRandom)),
    json: {
      ...{ block: "gated", dModel: 48, dInner: 96, nLayers: 2, alphabet: { kind: "map" } },
      train: { steps, batch: 16, context: 70, decay: "cosine" },
    },
    forget: "\n",
  },
  household: {
    training: readFileSync(household("train"), "utf8"),
    score: (engine) => {
      const { accuracy, bitsPerByte } = measureHeldOut(engine, household("heldout"));
      return { right: accuracy, bitsPerByte };
    },
    json: configToJson(namedConfig("household")),
  },
};

const everyPathway = ["local", "state", "sparse"];
const memories = [
  ["neither", () => ({})],
  ["attention in the last layer", () => ({ pathways: [["local", "state"], everyPathway] })],
  ["attention in both layers", () => ({ pathways: everyPathway })],
  ["recall", (recall) => ({ recall })],
  ["attention in both layers and recall", (recall) => ({ pathways: everyPathway, recall })],
];

async function measure({ training, score, json, forget }, changes, seed) {
  const recall = { window: 64, ...(forget ? { forget } : {}) };
  const config = parseConfig({ ...json, ...changes(recall), train: { ...json.train, seed } }, "of the bench");
  const bytes = bytesOf(training);
  const alphabet = learnAlphabet(config.alphabet, () => [bytes]);
  const trainer = await Trainer.create({
    ...{ config, vocab: alphabet.size, forget: alphabet.lastSymbolOf(config.recall?.forget) },
    ...{ symbols: alphabet.encode(bytes), threads, platform: nodePlatform },
  });
  for (let step = 0; step < config.train.steps; step++) await trainer.step();
  const { tensors } = trainer.state();
  await trainer.close();
  const model = exportModel({ config, alphabet, tensors });
  const engine = (await engineMaker("wasm")).create(model);
  return { ...score(engine), ramBytes: engine.arenaBytes, flashBytes: model.length };
}

const rows = [];
for (const [task, definition] of Object.entries(tasks)) {
  for (const [memory, changes] of memories) {
    const runs = [];
    for (const seed of seeds) runs.push(await measure(definition, changes, seed));
    const [right, bitsPerByte] = ["right", "bitsPerByte"].map((key) => mean(runs.map((run) => run[key])));
    const { ramBytes, flashBytes } = runs[0];
    rows.push({ task, memory, flashBytes, ramBytes, right, rightBySeed: runs.map((run) => run.right), bitsPerByte });
    process.stderr.write(
      `${task}, ${memory}: ${(100 * right).toFixed(1)} % right, ${bitsPerByte.toFixed(4)} bits per byte\n`,
    );
  }
}

const table = markdownTable(
  ["task", "memory", "flash bytes", "RAM bytes", "answers right", "bits per byte"],
  rows.map(({ task, memory, flashBytes, ramBytes, right, bitsPerByte }) => [
    ...[task, memory, flashBytes, ramBytes, `${(100 * right).toFixed(1)} %`, bitsPerByte.toFixed(4)],
  ]),
);
const text = `"Pairs": lines of ${PAIRS} letters with a digit each, then ${ASKED} of the letters again, whose digits are the answers; chance is 10 %. "Household": the
held-out questions of examples/household, answered to the letter. Gated blocks of two layers, windows and recall of 64 symbols, ${steps} steps
for the pairs; means of ${seeds.length} seeds, integer engine, one stream.

${table}`;
if (!options["dry-run"]) {
  const command = `npm run bench -- attention --seeds ${options.seeds} --steps ${steps}`;
  publish("attention", { title: "Where attention earns its RAM", command, seed: options.seeds, text, data: { rows } });
}
process.stdout.write(options.json ? `${JSON.stringify({ rows })}\n` : `${text}\n`);
