// Models with random weights, for measurements that depend on the shape alone. The scales are of a trained model's order of
// magnitude, so that no pathway saturates or vanishes.
import { OPTION, PATHWAY, SENSOR_LIMITS } from "../../dist/format/layout.js";
import { drawModel, seededDraw, sensorRows } from "../../dist/format/samples.js";
import { writeModel } from "../../dist/format/writer.js";

const half = 16384; // of a multiplier's 2^15
const normShift = 16;

// gamma >> 16 turns a unit vector in Q15 into values of about 1.0 = 512.
const normParameters = (draw, dModel) => ({
  gamma: Int16Array.from({ length: dModel }, () => Math.trunc(Math.sqrt(dModel) * draw(768, 1280))),
  beta: Int16Array.from({ length: dModel }, () => draw(-64, 64)),
});

// A ternary row times values of about 512 gives about 512 sqrt(2 columns / 3).
const rootBits = (columns) => Math.round(Math.log2(columns) / 2);

const baseScales = ({ dModel, dHead }) => {
  // Queries, keys and values come to about 50 of 127.
  const product = { multiplier: half, shift: 8 + rootBits(dModel) };
  return {
    local: { multiplier: 24000, shift: 8 },
    state: { multiplier: 24000, shift: 3 },
    sparse: { multiplier: 24000, shift: 4 },
    router: { multiplier: half, shift: 2 + rootBits(dModel) },
    score: { multiplier: half, shift: 5 + rootBits(dHead) },
    query: product,
    key: product,
    value: product,
  };
};

const gatedScales = ({ dModel, dInner, dHead }) => ({
  sparse: { multiplier: 24000, shift: 4 },
  score: { multiplier: half, shift: 5 + rootBits(dHead) },
  query: { multiplier: half, shift: 8 + rootBits(dInner) },
  key: { multiplier: half, shift: 8 + rootBits(dInner) },
  value: { multiplier: half, shift: 8 },
  local: { multiplier: 24000, shift: 13 },
  state: { multiplier: 24000, shift: 2 },
  router: { multiplier: half, shift: 2 + rootBits(dModel) },
  in: { multiplier: half, shift: 4 + rootBits(dModel) },
  gate: { multiplier: half, shift: 4 + rootBits(dModel) },
  out: { multiplier: half, shift: 3 },
});

function withRealisticScales(layer, draw, dimensions) {
  const { dModel, dInner } = dimensions;
  return {
    ...layer,
    normShift,
    norm: normParameters(draw, dModel),
    routerBias: [0, 0, 0],
    state: layer.state && {
      a: Int16Array.from(layer.state.a, () => draw(0, 32000)),
      c: Int16Array.from(layer.state.c, () => draw(-half, half)),
    },
    first: withRealisticSteps(layer.first),
    second: withRealisticSteps(layer.second),
    third: withRealisticSteps(layer.third),
    scales: { ...layer.scales, ...(dInner > 0 ? gatedScales(dimensions) : baseScales(dimensions)) },
    tapScales: layer.tapScales?.map(() => half),
    tapShift: 14,
    mixShift: 10,
  };
}

const withRealisticSteps = (table) =>
  table?.kind === "int4" ? { ...table, steps: table.steps.map(() => half) } : table;

const [least, greatest] = SENSOR_LIMITS.value;
/** A sample of large numbers passes every threshold, and so does the difference of two that are equal. */
const withLowThresholds = ({ columns }) => {
  const below = (thresholds) => thresholds.map((_, i) => i - thresholds.length);
  const low = ({ values, differences }) => ({
    ...{ values: below(values), differences: below(differences) },
    ...{ decimals: 0, least, greatest },
  });
  return { columns: columns.map(low) };
};

/** What a text of many kinds of bytes gives. */
const alphabetSizes = { bytes: () => 256, map: () => 96, tokens: ({ size }) => size };

function optionsOf({ tied, embedding, unembedding, matrices }) {
  const int4 = (kind, bit) => (kind === "int4" ? bit : 0);
  const last = tied ? embedding : unembedding;
  const tables = int4(embedding, OPTION.embedInt4) | int4(last, OPTION.unembedInt4);
  return (tied ? OPTION.tied : 0) | tables | int4(matrices, OPTION.matricesInt4);
}

/**
 * What the .atome file of a configuration says, with `vocab` symbols and no token table.
 *
 * @param extras what no configuration says: `outputs` of a classifier, `pooled`, `ngrams` and `sensor` as in a SampleShape
 */
export function syntheticParts(
  config,
  seed,
  symbols = alphabetSizes[config.alphabet.kind](config.alphabet),
  { outputs, pooled, ngrams, sensor } = {},
) {
  const vocab = sensor ? sensorRows(sensor) : symbols;
  const { block, dModel, dInner, dHead, nLayers, topK, layers, recall } = config;
  const draw = seededDraw(seed);
  const gated = block === "gated";
  const dimensions = { vocab, outputs: outputs ?? vocab, dModel, dInner: gated ? dInner : 0, dHead, nLayers, topK };
  const bitsOf = (pathways) => Object.keys(PATHWAY).reduce((bits, key) => bits | (pathways[key] ? PATHWAY[key] : 0), 0);
  const classifier = outputs === undefined ? 0 : OPTION.classifier;
  const options = optionsOf(config) | classifier | (pooled ? OPTION.pooled : 0);
  const parts = drawModel(draw, {
    dimensions,
    options,
    layers: layers.map(({ pathways, window }) => ({
      pathways: bitsOf(pathways),
      window: pathways.sparse ? window : 0,
    })),
    recall: recall && {
      window: recall.window,
      forget: undefined,
      gates: recall.gates === true,
      symbols: recall.symbols === true,
    },
    ngrams,
    sensor,
  });
  const isInt4 = (bit) => (options & bit) !== 0;
  return {
    ...parts,
    sensor: parts.sensor && withLowThresholds(parts.sensor),
    epsilon: 1,
    embedScale: isInt4(OPTION.embedInt4) ? 1 : 32768,
    embedding: withRealisticSteps(parts.embedding),
    unembedding: withRealisticSteps(parts.unembedding),
    logitScale: { multiplier: half, shift: isInt4(OPTION.unembedInt4) ? 3 : 2 + rootBits(dModel) },
    finalNormShift: normShift,
    finalNorm: normParameters(draw, dModel),
    layers: parts.layers.map((layer) => withRealisticScales(layer, draw, dimensions)),
  };
}

/** The .atome bytes of what `syntheticParts` says. */
export const syntheticModel = (...args) => writeModel(syntheticParts(...args));
