// Writes the vectors beside this file; with --check tells instead whether they are what it would write.
// Build first. `node vectors/generate.mjs`
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { createMirror } from "../dist/engine/mirror.js";
import { answer, listSymbols, toHex } from "../dist/engine/vectors.js";
import { malformedFiles } from "../dist/format/malformed.js";
import { writeModel } from "../dist/format/writer.js";
import { vectorModels } from "./models.mjs";
import { signatureCases } from "./signed.mjs";

const here = dirname(fileURLToPath(import.meta.url));

/** Logits of so many numbers are listed; of more, hashed. */
const LISTED_LOGITS = 260;

const sample = (count, temperature, topK, topP, random, feed = true) => ({
  call: "sample",
  count,
  feed,
  temperature,
  topK,
  topP,
  random,
});

/** Samplers at and around their limits: argmax, cold, usual, hot, topK and topP alone and together. */
const samplersOf = (outputs) => [
  sample(4, 0, 0, 0, 7, false),
  sample(6, 1, 0, 0, 1, false),
  sample(8, 256, 0, 0, 2, false),
  sample(8, 65535, 0, 0, 0xffffffff, false),
  sample(4, 1000, 1, 0, 4, false),
  sample(8, 1000, 2, 0, 5, false),
  sample(6, 300, outputs, 0, 6, false),
  sample(6, 300, 65535, 32768, 6, false),
  sample(4, 2000, 0, 1, 7, false),
  sample(8, 2000, 0, 16384, 8, false),
  sample(8, 2000, 0, 32767, 9, false),
  sample(8, 5000, 3, 20000, 10, false),
];

/** A generator's state after which next() & mask is `wanted`. */
function stateBefore(wanted, mask) {
  for (let random = 0; ; random++) if (listSymbols({ random, count: 1 }, mask + 1)[0] === wanted) return random;
}

/** Draws that fall on the first and last number of each weight, on the total (drawn again), and topP that is just reached. */
function choicesOf(name) {
  const draw = (wanted, mask, temperature, topK, topP) =>
    sample(1, temperature, topK, topP, stateBefore(wanted, mask), false);
  // Temperature 256: weights 32768 and 8192. 35: 32768 and 1.
  if (name === "choice-of-2") {
    return [
      ...[0, 32767, 32768, 40959, 40960, 65535].map((wanted) => draw(wanted, 65535, 256, 0, 0)),
      ...[32767, 32768, 32769].map((wanted) => draw(wanted, 65535, 35, 0, 0)),
      // 40960 topP is 32768 x 2^15 and a bit with 26215, not quite with 26214: the first alone suffices; with 26216 it does not.
      ...[26214, 26215, 26216].map((topP) => draw(32768, 65535, 256, 0, topP)),
    ];
  }
  if (name === "choice-of-2-far") {
    const draws = [32767, 32768, 32769].map((wanted) => draw(wanted, 65535, 32, 0, 0));
    // 32769 topP is 32768 and a bit with 32767: the first alone suffices.
    return [...draws, draw(32768, 65535, 32, 0, 32767)];
  }
  // Temperature 256, the three largest: 32768, 32768, 16384.
  if (name === "choice-of-5") {
    return [
      ...[32767, 32768, 65535, 65536, 81919, 81920].map((wanted) => draw(wanted, 131071, 256, 3, 0)),
      ...[1, 2].map((topK) => draw(32768, 65535, 256, topK, 0)),
    ];
  }
  return [];
}

/** Symbols at the ends of the alphabet and between. */
function listedSymbols(vocab, outputs) {
  const all = [0, vocab - 1, 1 % vocab, vocab >> 1, 0, 0, vocab - 1];
  return all.slice(0, Math.max(1, Math.min(all.length, Math.floor(LISTED_LOGITS / outputs))));
}

/** Texts for a model's own encoder, as bytes. */
function textsOf(parts) {
  if (parts.tokens) {
    const utf8 = (text) => [...new TextEncoder().encode(text)];
    return [
      [],
      utf8("abcabcab the then th the\n\n\n"),
      utf8("abcdddddzzzz\u00e4\u00c4"),
      [0, 255, 0, 0, 255, 255, 128, 0, 255],
      ...(parts.tokens.length > 256 ? [utf8("a".repeat(600))] : []),
      Array.from({ length: 256 }, (_, byte) => byte),
    ];
  }
  return [[], [0, parts.dimensions.vocab - 1], [0, parts.dimensions.vocab], [0, 1, 255]].filter((text) =>
    text.every((byte) => byte < 256),
  );
}

function stringCalls(parts) {
  const { vocab } = parts.dimensions;
  const e = parts.tokens?.findIndex((token) => token.length === 0) ?? -1; // the escape
  return [
    ...textsOf(parts).map((text) => ({ call: "encode", text: toHex(Uint8Array.from(text)) })),
    { call: "decode", symbols: Array.from({ length: Math.min(vocab, 40) }, (_, i) => (i === e ? 0 : i)) },
    { call: "decode", symbols: [vocab - 1, vocab, 0, 65535] },
    ...(e >= 0
      ? [
          // The escape, bytes by their halves (only the low four bits count), and a reset amid an escape.
          { call: "decode", symbols: [e, 15, 14, e, e, e, 0, e, 16, 17, 1, e] },
          { call: "decode", symbols: [5, 6, e, 4] },
          { call: "reset" },
          { call: "decode", symbols: [1, 2] },
        ]
      : []),
    ...(parts.classNames || vocab < 10 ? [{ call: "names" }] : []),
  ];
}

/** Recall as it is set for text that is written, at its limits and off, on text that repeats itself with a change now and then. */
function recallCalls({ dimensions, recall }) {
  if (!recall) return [];
  const symbols = Array.from({ length: 60 }, (_, i) => (i % 13 === 12 ? i : i % 7) % dimensions.vocab);
  const set = (longest, repeats, penalty) => ({ call: "recall", longest, repeats, penalty });
  const streamed = { call: "stream", symbols };
  return [
    { call: "reset" },
    streamed,
    ...[set(1, 4, 8192), set(0, 7, 0), set(6, 1, 32767), set(2, 3, 500), set(0, 0, 0)].flatMap((settings) => [
      settings,
      streamed,
      { call: "greedy", count: 12 },
    ]),
    set(3, 5, 1000),
    { call: "reset" },
    streamed,
    set(6, 7, 0),
    streamed,
  ];
}

/** Samples around each threshold and the ends of each range, at all ends, and missing ones; then many drawn. */
function sensorCalls({ sensor, dimensions }) {
  if (!sensor) return [];
  const { columns } = sensor;
  const many = columns.length > 8;
  const ends = [-(2 ** 31), -(2 ** 30) - 1, -(2 ** 30), 0, 2 ** 30 - 1, 2 ** 30, 2 ** 31 - 1];
  const thresholds = columns.flatMap(({ values }) => [...values].slice(0, 3)).slice(0, 12);
  const limits = columns.flatMap(({ least, greatest }) => [least, greatest]).slice(0, 12);
  const around = [...limits, ...thresholds].flatMap((threshold) => [threshold - 1, threshold, threshold + 1]);
  const inRange = (value) => Math.min(2 ** 31 - 1, Math.max(-(2 ** 31), value));
  const samples = [...ends, ...around].map((value, i) => columns.map((_, c) => inRange(value + ((c * i) % 7))));
  const changes = columns.flatMap(({ differences }) => [...differences].slice(0, 2)).slice(0, 8);
  // From 0 to the threshold of a difference and just below it.
  const steps = changes
    .flatMap((change) => [0, change, 0, change - 1])
    .map((value) => columns.map(() => inRange(value)));
  // The largest differences there are.
  const swing = [-(2 ** 30), 2 ** 30 - 1, -(2 ** 30)].map((value) => columns.map(() => value));
  const few = Math.floor(LISTED_LOGITS / dimensions.outputs);
  return [
    { call: "reset" },
    { call: "stepSamples", samples: samples.slice(0, many ? 3 : few) },
    { call: "decide" },
    ...(many ? [] : [{ call: "streamSamples", samples: [...samples, ...steps, ...swing, ...samples.toReversed()] }]),
    { call: "router" },
    { call: "streamSamples", samples: { random: dimensions.vocab, count: many ? 40 : 400 } },
    { call: "decide" },
    // Between them a symbol, which leaves the last values as they are.
    { call: "stepSamples", samples: [columns.map(() => 0)] },
    { call: "step", symbols: [dimensions.vocab - 1] },
    { call: "stepSamples", samples: [columns.map(() => 0)] },
    { call: "reset" },
    { call: "stepSamples", samples: [columns.map(() => 0)] },
  ];
}

/** A model's calls: listed steps, everything that reads the last of them (all samplers in every fifth model), then streams. */
function callsOf({ name, parts }, index) {
  const { vocab, outputs, dModel, dInner, nLayers } = parts.dimensions;
  const large = dModel * (dInner + vocab) * nLayers > 20_000 || dModel >= 1000 || dInner >= 1000;
  const generates = outputs <= vocab;
  // The state comes to its bound after some times 1 / (1 - a) = 4096 steps.
  const long = name.startsWith("extreme-state") ? 30_000 : Math.max(400, 2 * (parts.recall?.window ?? 0));
  const first = { call: "step", symbols: listedSymbols(vocab, outputs) };
  if (name.startsWith("decision-")) return [first, { call: "decide" }, first, { call: "scores" }];
  return [
    first,
    { call: "router" },
    ...samplersOf(outputs).filter((_, sampler) => index % 5 === 0 || (sampler + index) % 6 === 0),
    ...choicesOf(name),
    ...(parts.classNames ? [{ call: "decide" }, { call: "step", symbols: first.symbols.slice(0, 1) }] : []),
    { call: "scores" },
    { call: "reset" },
    { call: "stream", symbols: { random: vocab + dModel, count: large ? 60 : long } },
    { call: "router" },
    ...(generates ? [{ call: "greedy", count: large ? 8 : 24 }, sample(large ? 8 : 40, 300, 8, 30000, 0xdecade)] : []),
    // One symbol over and over: what remembers comes to its limit.
    { call: "stream", symbols: Array(large ? 10 : 40).fill(vocab - 1) },
    { call: "reset" },
    { call: "step", symbols: first.symbols.slice(0, 1) },
    ...stringCalls(parts),
    ...recallCalls(parts),
    ...sensorCalls(parts),
    ...(parts.pooled ? [{ call: "stream", symbols: Array(600).fill(0) }, { call: "decide" }] : []),
  ];
}

function vectorOf({ name, why, parts, finish }, index) {
  const model = finish(writeModel(parts));
  const engine = createMirror(model);
  const calls = callsOf({ name, parts }, index).map((call) => ({ ...call, gives: answer(engine, call) }));
  return { model, vector: { name, why, arenaBytes: engine.arenaBytes, calls } };
}

/** Runs of bytes that differ; gaps of up to 3 equal bytes are taken along. */
function editsBetween(from, to) {
  const edits = [];
  for (let at = 0; at < to.length; at++) {
    if ((from[at] ?? 0) === to[at]) continue;
    let end = at + 1;
    for (let i = end; i < to.length && i < end + 4; i++) if ((from[i] ?? 0) !== to[i]) end = i + 1;
    edits.push([at, toHex(to.subarray(at, end))]);
    at = end;
  }
  return edits;
}

/** The shortest description of a file that is to be refused by one of the models, with whatever else is said of it. */
function changeOf({ bytes, ...rest }, models) {
  const descriptions = [...models, [undefined, new Uint8Array()]].map(([of, model]) => ({
    ...rest,
    of,
    bytes: bytes.length,
    edits: editsBetween(model.subarray(0, bytes.length), bytes),
  }));
  const size = (description) => JSON.stringify(description).length;
  return descriptions.reduce((best, next) => (size(next) < size(best) ? next : best));
}

/** A JSON list with one element per line, and one call per line within. */
function listing(elements) {
  const one = (element) => {
    if (!element.calls) return JSON.stringify(element);
    const { calls, ...rest } = element;
    const lines = calls.map((call) => `\n      ${JSON.stringify(call)}`);
    return `${JSON.stringify(rest).slice(0, -1)}, "calls": [${lines.join(",")}\n    ]}`;
  };
  return `[\n  ${elements.map(one).join(",\n  ")}\n]\n`;
}

/**
 * Everything that belongs into this folder, by file name.
 *
 * @returns {Map<string, Uint8Array>}
 */
export function vectorFiles() {
  const made = vectorModels().map(vectorOf);
  const models = made.map(({ vector, model }) => [vector.name, model]);
  const samples = models.filter(([name]) => name.startsWith("sample-"));
  const malformed = malformedFiles().map((file) => changeOf(file, samples));
  const bases = models.filter(([name]) => name === "signed" || name.startsWith("sample-"));
  const modelOf = (name) => models.find(([other]) => other === name)[1];
  const signatures = signatureCases(modelOf).map((file) => changeOf(file, bases));
  const utf8 = (text) => new TextEncoder().encode(text);
  return new Map([
    ...made.map(({ vector, model }) => [`${vector.name}.atome`, model]),
    ["vectors.json", utf8(listing(made.map(({ vector }) => vector)))],
    ["malformed.json", utf8(listing(malformed))],
    ["signatures.json", utf8(listing(signatures))],
  ]);
}

/** The files of a former run that are not made any more. */
const strangers = (files) => readdirSync(here).filter((name) => name.endsWith(".atome") && !files.has(name));

/** Names of the files that are missing, differ, or are left over. */
export function staleFiles(files = vectorFiles()) {
  const differs = ([name, bytes]) => !existsSync(join(here, name)) || !readFileSync(join(here, name)).equals(bytes);
  return [...[...files].filter(differs).map(([name]) => name), ...strangers(files)];
}

function main(args) {
  const files = vectorFiles();
  if (args.includes("--check")) {
    const stale = staleFiles(files);
    if (stale.length === 0) return;
    process.stderr.write(`Stale: ${stale.join(", ")}; run "node vectors/generate.mjs".\n`);
    process.exitCode = 1;
    return;
  }
  for (const name of strangers(files)) rmSync(join(here, name));
  for (const [name, bytes] of files) writeFileSync(join(here, name), bytes);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv.slice(2));
