// Our side of the comparison: trains a model with the command line and gives an outcome like a rival's.
//
// The only place that knows how `atome train --task classify` and `--task sensor` are called and what they leave behind.
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createWasm } from "../../dist/engine/wasm.js";
import { parseEvaluation } from "../../dist/evaluate/evaluation.js";
import { ENGINE_NATS_PER_UNIT } from "../../dist/evaluate/language.js";
import { instructionsPerSymbol } from "../../dist/fit/estimate.js";
import { shapeOfModel } from "../../dist/fit/shape.js";
import { readModel } from "../../dist/format/reader.js";
import { seriesFigures } from "./figures.mjs";

const atomeProgram = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const NONE_LABEL = "none of these";
/** What a sensor that measured nothing is given as: SPEC.md 3.2.2. */
const MISSING = -(2 ** 31);

const textLines = ({ classes }, { texts, labels }) =>
  texts.map((text, i) => JSON.stringify({ text, label: labels[i] < 0 ? NONE_LABEL : classes[labels[i]] }));

/** Steps that are not judged have no class; a series is told by its name. */
function sampleLines({ columns, classes }, { samples, labels, series }) {
  const rows = series.flatMap(({ name, begin, end }) =>
    Array.from({ length: end - begin }, (_, i) => {
      const values = samples.subarray((begin + i) * columns.length, (begin + i + 1) * columns.length);
      return [...values, classes[labels[begin + i]] ?? "", name].join(",");
    }),
  );
  return [[...columns, "label", "series"].join(","), ...rows];
}

/** The files of a set's parts, written into a folder: {train: path, validation: path, test: path, ...}. */
export function writeParts(set, folder) {
  mkdirSync(folder, { recursive: true });
  const parts = Object.entries(set.parts).map(([name, part]) => {
    const [lines, suffix] = set.kind === "texts" ? [textLines(set, part), "jsonl"] : [sampleLines(set, part), "csv"];
    const path = join(folder, `${name}.${suffix}`);
    writeFileSync(path, `${lines.join("\n")}\n`);
    return [name, path];
  });
  return Object.fromEntries(parts);
}

function argumentsOf(set, paths, config, seed, run) {
  const { train, validation, ...tests } = paths;
  const hasNone = set.kind === "texts" && set.parts.train.labels.includes(-1);
  return [
    ...["train", train, "--task", set.kind === "texts" ? "classify" : "sensor", "--config", config],
    ...["--validation-file", validation, ...Object.values(tests).flatMap((path) => ["--test-file", path])],
    // The rivals learn from copies of the test's examples, too: the splits are the official ones.
    ...(set.kind === "texts" ? ["--keep-copies", ...(hasNone ? ["--none-label", NONE_LABEL] : [])] : []),
    ...(set.kind === "series" ? ["--label", "label", "--series", "series"] : []),
    ...["--seed", `${seed}`, "--threads", "1", "--output", run, "--force", "--quiet", "--json"],
  ];
}

/** What evaluation.json says of a part, as textFigures() does. */
function figuresOfPart({ accuracy, macroF1, signals, calibration }) {
  const of = (name) => {
    const row = signals.find(({ signal }) => signal === name);
    return { auroc: row.aurocNone, fpr: row.fprNone };
  };
  const none = of("probability").auroc === null ? undefined : { probability: of("probability"), energy: of("energy") };
  const ece = { before: calibration.before.ece, after: calibration.after.ece };
  return { accuracy, macroF1, none, ece, signals };
}

function textOutcome(run) {
  const path = join(run, "evaluation.json");
  const { parts } = parseEvaluation(readFileSync(path, "utf8"), path);
  const [validation] = parts.filter(({ name }) => name === "validation");
  const tests = parts.filter(({ name }) => name !== "validation");
  return {
    validation: {
      score: validation.accuracy,
      none: figuresOfPart(validation).none?.probability.auroc,
      nats: validation.calibration.before.nllNats,
    },
    tests: Object.fromEntries(tests.map((part) => [part.name, figuresOfPart(part)])),
  };
}

/** The engine's logits after every step of a part, in nats, rows of one per class; the engine begins anew with every series. */
export function engineLogits(engine, decimals, { samples, labels, series }) {
  const columns = decimals.length;
  const all = [];
  for (const { begin, end } of series) {
    engine.reset();
    for (let t = begin; t < end; t++) {
      engine.feedSample(
        decimals.map((digits, c) => {
          const value = samples[t * columns + c];
          return Number.isFinite(value) ? Math.round(value * 10 ** digits) : MISSING;
        }),
      );
      for (const logit of engine.logits()) all.push(logit * ENGINE_NATS_PER_UNIT);
    }
  }
  const classes = all.length / labels.length;
  return Float32Array.from({ length: labels.length * classes }, (_, i) => all[i]);
}

/** A sensor's model is judged as the rivals are, by the logits of the finished .atome file. */
async function seriesOutcome(set, model) {
  const engine = await createWasm(model);
  const decimals = readModel(model).sensor.columns.map((column) => column.decimals);
  return seriesFigures(set, (part) => engineLogits(engine, decimals, set.parts[part]));
}

/** Estimated instructions of a decision on a Cortex-M0 and a Cortex-M3: of a text of mean length, or of one sample. */
async function decisionWork(set, bytes) {
  const shape = shapeOfModel(readModel(bytes));
  const engine = await createWasm(bytes);
  const { texts } = Object.entries(set.parts).find(([name]) => name.startsWith("test"))[1];
  const encoder = new TextEncoder();
  const symbols =
    texts?.reduce((sum, text) => sum + engine.encode(encoder.encode(text)).length, 0) / texts?.length || 1;
  const of = (family) => Math.round(symbols * instructionsPerSymbol(shape, family, 4));
  return { m0: of("cortex-m0"), m3: of("cortex-m3") };
}

/**
 * Trains one of our models.
 *
 * @param config a configuration as JSON
 * @param folder for the data's files, the configuration and the run
 * @returns an outcome like that of compare.mjs, with ramBytes
 */
export async function trainOurs(set, config, seed, folder) {
  const paths = writeParts(set, join(folder, "data"));
  const [configPath, run] = [join(folder, "config.json"), join(folder, "run")];
  writeFileSync(configPath, `${JSON.stringify(config)}\n`);
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [atomeProgram, ...argumentsOf(set, paths, configPath, seed, run)],
    { maxBuffer: 2 ** 28 },
  );
  const result = JSON.parse(stdout.trimEnd().split("\n").at(-1));
  const model = readFileSync(join(run, "model.atome"));
  const figures = set.kind === "texts" ? textOutcome(run) : await seriesOutcome(set, model);
  return {
    ...figures,
    usedBytes: model.length,
    ramBytes: result.ramBytes,
    instructions: await decisionWork(set, model),
  };
}
