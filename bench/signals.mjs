// What a model's signals of doubt are worth: does the router's entropy track loss, errors, or text of another kind, as the
// entropy and the margin of the prediction do?
//
//     ATOME_DATA=... npm run bench -- signals [--json] [--dry-run] [--bytes 65536] [model.atome ...]
//
// Text: TinyStories (v2-valid-256k) is like what the models were trained on; voice commands (SNIPS) and a French novel are not, nor are
// the stories with their words shuffled.
import { readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createWasm } from "../dist/engine/wasm.js";
import { confidenceOf } from "../dist/evaluate/confidence.js";
import { ENGINE_NATS_PER_UNIT } from "../dist/evaluate/language.js";
import { Random } from "../dist/train/random.js";
import { auroc, rankCorrelation } from "./shared/auroc.mjs";
import { markdownTable, publish } from "./shared/results.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
/** Symbols whose mean tells one text from another. */
const WINDOW = 64;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    "dry-run": { type: "boolean", default: false },
    bytes: { type: "string", default: "65536" },
  },
});
const data = process.env.ATOME_DATA;
if (!data) {
  process.stderr.write(
    'Cannot run the bench "signals": ATOME_DATA is not set; set it to the folder of the data sets.\n',
  );
  process.exit(1);
}
const models =
  positionals.length > 0
    ? positionals
    : ["stories-20k", "stories-64k", "stories-base-944k"].map((name) => join(root, "models", name, "model.atome"));
const limit = Number(options.bytes);
const read = (...path) => readFileSync(join(data, ...path)).subarray(0, limit);
const stories = read("tinystories-v2-valid-256k", "sample.txt");
const foreign = {
  "words shuffled": shuffled(stories),
  "voice commands": read("snips-goo2018-split", "test", "seq.in"),
  "French novel": read("eltec-fra-jeunesse", "FRA03903_Stolz.txt"),
};

function shuffled(bytes) {
  const random = Random.fromSeed(1);
  const words = new TextDecoder().decode(bytes).split(" ");
  for (let i = words.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [words[i], words[j]] = [words[j], words[i]];
  }
  return new TextEncoder().encode(words.join(" "));
}

const signalNames = [
  "softmax entropy",
  "negative margin",
  "negative largest probability",
  "negative energy",
  "router entropy",
  "loss",
];

/** Signals of every prediction of a text read as one stream, and whether its likeliest symbol was wrong. */
async function observe(model, text) {
  const engine = await createWasm(model);
  const symbols = engine.encode(text);
  const signals = Object.fromEntries(signalNames.map((name) => [name, new Float64Array(symbols.length - 1)]));
  const isWrong = [];
  for (let t = 0; t + 1 < symbols.length; t++) {
    const logits = engine.step(symbols[t]);
    const next = symbols[t + 1];
    signals.loss[t] = surprise(logits, next);
    isWrong.push(engine.argmax() !== next);
    const { first, second, entropy } = spread(logits);
    signals["softmax entropy"][t] = entropy;
    signals["negative margin"][t] = second - first;
    signals["negative largest probability"][t] = -first;
    signals["negative energy"][t] = -confidenceOf(logits, "energy");
    let router = 0;
    for (let layer = 0; layer < engine.nLayers; layer++) router += engine.router(layer).entropy;
    signals["router entropy"][t] = router / engine.nLayers;
  }
  return { signals, isWrong };
}

const surprise = (logits, target) => -Math.log(probabilities(logits)[target]);

function probabilities(logits) {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - largest) * ENGINE_NATS_PER_UNIT));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
}

/** The two largest probabilities, and the entropy in nats. */
function spread(logits) {
  let [first, second, entropy] = [0, 0, 0];
  for (const p of probabilities(logits)) {
    if (p > 0) entropy -= p * Math.log(p);
    if (p > first) [first, second] = [p, first];
    else if (p > second) second = p;
  }
  return { first, second, entropy };
}

const means = (values) =>
  Array.from({ length: Math.floor(values.length / WINDOW) }, (_, i) => {
    return values.subarray(i * WINDOW, (i + 1) * WINDOW).reduce((a, b) => a + b) / WINDOW;
  });

async function measure(path) {
  const model = readFileSync(path);
  const home = await observe(model, stories);
  const rows = signalNames.map((signal) => ({
    signal,
    correlationWithLoss: rankCorrelation(home.signals[signal], home.signals.loss),
    wrong: auroc(home.signals[signal], home.isWrong),
    foreign: {},
  }));
  for (const [name, text] of Object.entries(foreign)) {
    const away = await observe(model, text);
    for (const row of rows) {
      const [inside, outside] = [home, away].map(({ signals }) => means(signals[row.signal]));
      row.foreign[name] = auroc([...inside, ...outside], [...inside.map(() => false), ...outside.map(() => true)]);
    }
  }
  return { model: path.endsWith("model.atome") ? basename(dirname(path)) : basename(path), rows };
}

const results = [];
for (const path of models) {
  process.stderr.write(`${path}\n`);
  results.push(await measure(path));
}

const area = ({ area: value, standardError }) => `${value.toFixed(3)} ± ${(1.96 * standardError).toFixed(3)}`;
const table = markdownTable(
  ["model", "signal", "rank correlation with loss", "wrong next symbol", ...Object.keys(foreign)],
  results.flatMap(({ model, rows }) =>
    rows.map((row) => [
      ...[model, row.signal, row.correlationWithLoss.toFixed(3), row.signal === "loss" ? "-" : area(row.wrong)],
      ...Object.values(row.foreign).map(area),
    ]),
  ),
);
const text = `AUROC with its 95 % interval (Hanley and McNeil 1982); 0.5 is chance. "Wrong next symbol": is the signal larger where the likeliest
symbol is not the one that came? The other columns: is its mean over ${WINDOW} symbols larger in that text than in stories? Loss needs the true
next symbol; it is known when a text is judged, not when one is written.

${table}`;
if (!options["dry-run"]) {
  const command = `npm run bench -- signals --bytes ${limit}${positionals.map((path) => ` ${path}`).join("")}`;
  publish("signals", {
    title: "The router as a signal",
    command,
    seed: 1,
    text,
    data: { bytes: limit, models: results },
  });
}
process.stdout.write(options.json ? `${JSON.stringify({ models: results })}\n` : `${text}\n`);
