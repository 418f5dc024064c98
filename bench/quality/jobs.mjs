// From the plan to jobs: a job is one training with everything that decides its outcome, and the hash of that.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically } from "../../dist/checkpoint/atomic-file.js";
import { jobSha256 } from "../../dist/cli/sweep-plan.js";
import { Corpus } from "../../dist/corpus/corpus.js";
import { parseConfig } from "../../dist/model/parse-config.js";
import { sizeOf, tensorSpecs } from "../../dist/model/tensors.js";
import { learnAlphabet } from "../../dist/tokenizer/learn.js";
import {
  atomeFlashBytes,
  atomeRamBytes,
  fillingWidth,
  quantisedConfig,
  rivalFlashBytes,
  rivalRamBytes,
} from "./flash.mjs";

/** Multiplications and additions of training per weight and symbol, and how many a thread makes in a second. */
const OPERATIONS_PER_WEIGHT = 6;
const OPERATIONS_PER_SECOND = 35e9;

/** `512 tokens`, `map`, `bytes` */
const alphabetLabel = ({ kind, size }) => (size ? `${size} ${kind}` : kind);

/** What a shape is known by in tables and in rows; the width that fills the flash is not part of it. */
export function shapeLabel(shape) {
  const { dModel, nLayers, alphabet, tied, embedding, matrices, embeddingRate } = shape;
  const { optimizer, vectorWeightDecay, initialGain, gates, symbols } = shape;
  const parts = [
    ...(dModel ? [`d${dModel}`] : []),
    ...[`L${nLayers}`, alphabetLabel(alphabet)],
    ...(embedding ? [`${embedding} table`] : []),
    ...(tied === undefined ? [] : [tied ? "tied" : "untied"]),
    ...(matrices ? [`${matrices} matrices`] : []),
    ...(embeddingRate ? [`embedding rate x${embeddingRate}`] : []),
    ...(optimizer === "muon" ? ["Muon"] : []),
    ...(vectorWeightDecay === undefined ? [] : ["undecayed vectors"]),
    ...(initialGain ? [`gains from ${initialGain}`] : []),
    ...(gates ? ["gates"] : []),
    ...(symbols ? ["symbol bonuses"] : []),
  ];
  return parts.join(" ");
}

/** The label of a shape with the width that fills the flash: `d32 L1 512 tokens e134`. `widths`: {dModel, dInner}. */
export function filledLabel({ fill }, label, widths) {
  if (!fill) return label;
  return fill === "dModel" ? `d${widths.dModel} ${label}` : `${label} e${widths.dInner}`;
}

/** Names a setting in rows and tables. */
export const settingKey = ({ texts, tier, budget, contextBytes }) => `${texts} ${tier} ${budget} ${contextBytes}`;

/** Paths of the training texts and the test text; a text that is to be split is split into the folder. */
function textPaths(choice, data, folder) {
  if (!choice.split) {
    return { training: choice.training.map((name) => join(data, name)), test: join(data, choice.test) };
  }
  const text = readFileSync(join(data, choice.split));
  const cut = Math.round(text.length * choice.trainingShare);
  mkdirSync(folder, { recursive: true });
  const [training, test] = [join(folder, "training.txt"), join(folder, "test.txt")];
  writeFileAtomically(training, text.subarray(0, cut));
  writeFileAtomically(test, text.subarray(cut));
  return { training: [training], test };
}

/** Symbols of a text by one alphabet. */
function symbolCount(span, alphabet) {
  const encoder = alphabet.encoder();
  let count = 0;
  for (const piece of span.pieces()) count += encoder.push(piece).length;
  return count + encoder.finish().length;
}

function memoised(keyOf, make) {
  const known = new Map();
  return (...args) => {
    const key = keyOf(...args);
    if (!known.has(key)) known.set(key, make(...args));
    return known.get(key);
  };
}

/**
 * Makes the jobs of a plan.
 *
 * @param data folder of the texts
 * @param keep folder of the comparison
 * @param scale factor of the numbers of steps, for trials
 * @returns {textsOf(name), jobOf({model, shape, setting, learningRate, seed})}; jobOf gives undefined when no width of the shape
 *   fits the flash
 */
export function createJobs(plan, { data, keep, scale = 1 }) {
  const textsOf = memoised(
    (name) => name,
    (name) => {
      const paths = textPaths(plan.texts[name], data, join(keep, "split"));
      const validation = plan.texts[name].split ? 0 : plan.validation;
      const corpus = Corpus.open(paths.training);
      const hashes = [corpus.sha256, Corpus.open([paths.test]).sha256];
      return { ...paths, validation, span: corpus.split(validation).training, hashes };
    },
  );

  const alphabetOf = memoised(
    (texts, choice) => `${texts} ${alphabetLabel(choice)}`,
    (texts, choice) => {
      const { span } = textsOf(texts);
      const alphabet = learnAlphabet(choice, () => span.pieces());
      return { alphabet, bytesPerSymbol: span.byteCount / symbolCount(span, alphabet) };
    },
  );

  /** Every model of a setting reads as many bytes of text in a step, whatever its symbols are. */
  function trainOf(model, setting, bytesPerSymbol) {
    const { budget, contextBytes, texts, stepBytes = plan.stepBytes } = setting;
    const steps = Math.max(1, Math.round(plan.budgets[budget] * scale));
    return {
      steps,
      batch: stepBytes / contextBytes,
      context: Math.max(1, Math.round(contextBytes / bytesPerSymbol)),
      validation: textsOf(texts).validation,
      validateEvery: Math.ceil(steps / 6),
      ...plan.train,
      ...model.config.train,
    };
  }

  const ramBytesOf = (model, config, alphabet) =>
    model.isAtome ? atomeRamBytes(config, alphabet.size, model.tables) : rivalRamBytes(config, alphabet.size);

  /** What a model of a shape is but for learning rate and seed: {json, alphabet, flashBytes}; undefined when it does not fit. */
  const modelOf = memoised(
    ({ model, shape, setting }) => `${model.name} ${shapeLabel(shape)} ${settingKey(setting)}`,
    ({
      model,
      shape: { embeddingRate: _, optimizer, vectorWeightDecay, initialGain, gates, symbols, ...shape },
      setting,
    }) => {
      const { alphabet, bytesPerSymbol } = alphabetOf(setting.texts, shape.alphabet);
      const own = {
        ...(optimizer ? { optimizer } : {}),
        ...(vectorWeightDecay === undefined ? {} : { vectorWeightDecay }),
        ...(initialGain ? { initialGain } : {}),
      };
      const train = { ...trainOf(model, setting, bytesPerSymbol), ...own };
      const recall = gates || symbols ? { recall: { ...model.config.recall, gates, symbols } } : {};
      const json = { ...model.config, ...recall, ...shape, train };
      const configWith = (changes) => parseConfig({ ...json, ...changes }, `of ${model.name}`);
      const flashBytesOf = (config) =>
        model.isAtome
          ? atomeFlashBytes(config, alphabet)
          : rivalFlashBytes(quantisedConfig(config, model.quantiseAfterwards), alphabet);
      const flash = { limitBytes: plan.tiers[setting.tier], bytesOf: flashBytesOf };
      const ram = {
        limitBytes: model.ramLimits?.[setting.tier],
        bytesOf: (config) => ramBytesOf(model, config, alphabet),
      };
      const limits = ram.limitBytes === undefined ? [flash] : [flash, ram];
      const fill = shape.dInner ? undefined : model.fill;
      const widthWithin = ({ limitBytes, bytesOf }) =>
        fillingWidth(fill, limitBytes, (width) => bytesOf(configWith({ [fill]: width })));
      const widths = fill ? limits.map(widthWithin) : [];
      if (widths.includes(undefined)) return undefined;
      const filled = fill ? { [fill]: Math.min(...widths) } : {};
      const config = configWith(filled);
      const isWithin = limits.every(({ limitBytes, bytesOf }) => bytesOf(config) <= limitBytes);
      return isWithin ? { json: { ...json, ...filled }, alphabet, flashBytes: flashBytesOf(config) } : undefined;
    },
  );

  function makeJob({ model, shape, setting, learningRate, seed }) {
    const found = modelOf({ model, shape, setting });
    if (!found) return undefined;
    const embeddingRate = shape.embeddingRate ?? model.embeddingRate ?? plan.embeddingRate;
    const rates = { learningRate, embeddingLearningRate: learningRate * embeddingRate };
    const json = { ...found.json, train: { ...found.json.train, ...rates, seed } };
    const config = parseConfig(json, `of ${model.name}`);
    const { quantiseAfterwards } = model;
    const hashes = [...textsOf(setting.texts).hashes, ...(quantiseAfterwards ? [quantiseAfterwards] : [])];
    const sha256 = jobSha256(config, hashes);
    const id = `${settingKey(setting)} ${model.name}`.replaceAll(" ", "-");
    return {
      ...{ id: `${id}-${sha256.slice(0, 12)}`, sha256, model, shape, setting, learningRate, seed, config },
      flashBytes: found.flashBytes,
      ramBytes: ramBytesOf(model, config, found.alphabet),
      minutes: minutesOf(config, found.alphabet.size),
    };
  }

  const jobOf = memoised(
    ({ model, shape, setting, learningRate, seed }) =>
      `${model.name} ${shapeLabel(shape)} ${settingKey(setting)} ${learningRate} ${seed}`,
    makeJob,
  );
  return { textsOf, jobOf };
}

/** About how long a thread trains. */
function minutesOf(config, vocab) {
  const { steps, batch, context } = config.train;
  const specs = tensorSpecs(config, vocab, vocab).filter(({ name }) => name !== "embed" || config.tied);
  const weights = specs.reduce((sum, spec) => sum + sizeOf(spec), 0);
  const seconds = (OPERATIONS_PER_WEIGHT * weights * steps * batch * context) / OPERATIONS_PER_SECOND;
  return seconds / 60;
}
