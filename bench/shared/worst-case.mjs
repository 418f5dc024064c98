// Models and inputs that make a step slow. The engine's loops run as often for any data but for those named here; each way to
// go takes one of them, or a branch, to its end.
import { firstRows, PATHWAY } from "../../dist/format/layout.js";

const LARGEST = 32767;
const VECTOR_MAX = 6553;

const mapScales = (scales, change) =>
  Object.fromEntries(Object.entries(scales).map(([name, scale]) => [name, change(scale)]));
const filled = (array, value) => array?.map(() => value);
const signsOf = (array, value) => array.map((_, i) => (i % 2 ? -value : value));
const mapTable = (table, trits, values, steps) =>
  table.kind === "ternary"
    ? { ...table, trits: table.trits.map(trits) }
    : { ...table, values: table.values.map(values), steps: table.steps.map(steps) };
const eachTable = (parts, change) => ({
  ...parts,
  embedding: change(parts.embedding),
  unembedding: parts.unembedding && change(parts.unembedding),
});

/** All values are clamped, and the residual's bits take the longest to count. */
function saturated(parts) {
  const most = { multiplier: LARGEST, shift: 2 };
  const norm = ({ gamma, beta }) => ({ gamma: signsOf(gamma, LARGEST), beta: signsOf(beta, LARGEST) });
  return {
    ...eachTable(parts, (table) =>
      mapTable(
        table,
        (trit) => trit,
        (value) => value,
        () => LARGEST,
      ),
    ),
    embedScale: parts.embedding.kind === "ternary" ? 2 ** 21 - 1 : 0,
    logitScale: most,
    finalNormShift: 0,
    finalNorm: norm(parts.finalNorm),
    layers: parts.layers.map((layer) => ({
      ...layer,
      normShift: 0,
      norm: norm(layer.norm),
      scales: mapScales(layer.scales, () => most),
      tapScales: filled(layer.tapScales, LARGEST),
      tapShift: 0,
      mixShift: 0,
    })),
  };
}

/** Nothing reaches the residual, all of whose values are the same: sums of squares are 0 and take the longest to normalise, all
 * scores are equal, and the digits of every code are the largest. */
function still(parts) {
  const none = { multiplier: 0, shift: 2 };
  const norm = ({ gamma, beta }) => ({ gamma: filled(gamma, 0), beta: filled(beta, 0) });
  return {
    ...eachTable(parts, (table) =>
      mapTable(
        table,
        () => 1,
        () => 7,
        (step) => step,
      ),
    ),
    finalNorm: norm(parts.finalNorm),
    layers: parts.layers.map((layer) => ({
      ...layer,
      norm: norm(layer.norm),
      scales: mapScales(layer.scales, () => none),
      routerBias: [0, 0, 0],
    })),
  };
}

/** How many steps of a trit channels are up for level `level` of `levels`. */
const stepsUp = (level, levels, channels) => Math.round((2 * channels * level) / Math.max(1, levels - 1));

/** Trit c of a thermometer that is so many steps up: ones first, then minus ones. */
const thermometer = (steps, c) => Math.min(Math.max(steps - 2 * c, 0), 2) - 1;

/** The symbol that `ascending` generates after any prompt: the first of the greatest logits. */
function generatedSymbol({ dimensions, embedding, unembedding }) {
  const { outputs, dModel } = dimensions;
  if ((unembedding ?? embedding).kind === "int4") return outputs - 1;
  return Array.from({ length: outputs }, (_, row) => stepsUp(row, outputs, dModel)).indexOf(2 * dModel);
}

/** The key rises with the symbol's level, the query is the same for all: two channels are constant, the others are a
 * thermometer and its opposite. */
function ascendingLayer(layer, { dimensions }) {
  const { dModel, dHead } = dimensions;
  const half = (dModel - 2) >> 1;
  const first = layer.first.trits.slice();
  const rows = firstRows(dimensions, layer.pathways);
  for (let row = 0; row < rows.query + rows.key; row++) {
    for (let c = 0; c < dModel; c++) {
      const isKey = row >= rows.query;
      const keyTrit = c < half ? 1 : c < 2 * half ? -1 : 0;
      first[row * dModel + c] = isKey ? keyTrit : c >= dModel - 2 ? 1 : 0;
    }
  }
  const silent = { multiplier: 0, shift: 2 };
  const rootBits = Math.round(Math.log2(dHead) / 2);
  const { scales } = layer;
  return {
    ...layer,
    first: { ...layer.first, trits: first },
    norm: {
      gamma: layer.norm.gamma.map((_, c) => (c < 2 * half ? Math.trunc(1024 * Math.sqrt(dModel)) : 0)),
      beta: layer.norm.beta.map((_, c) => (c < 2 * half ? 0 : VECTOR_MAX)),
    },
    scales: {
      ...scales,
      ...{ local: silent, state: silent, sparse: silent },
      query: { multiplier: 16384, shift: 10 },
      key: { multiplier: 16384, shift: 7 + Math.round(Math.log2(dModel)) - 1 },
      score: { multiplier: 16384, shift: 5 + rootBits },
    },
  };
}

/** Every score of attention is the greatest so far, and so is every logit: both are sorted in the longest way. The symbol that is
 * generated has the lowest key, so that it does not disturb the order of the others. */
function ascending(parts) {
  const { dModel, vocab, outputs } = parts.dimensions;
  const window = Math.max(...parts.layers.map((layer) => layer.window));
  const half = (dModel - 2) >> 1;
  const generated = generatedSymbol(parts);
  const embed = (_, i) => {
    const [symbol, c] = [Math.floor(i / dModel), i % dModel];
    const steps = stepsUp(((symbol - generated + vocab) % vocab) % window, window, half);
    return c < half ? thermometer(steps, c) : c < 2 * half ? -thermometer(steps, c - half) : 0;
  };
  // Rows behind those of the outputs are gates of recall: 0.
  const logitTrit = (row, c) => (row < outputs ? thermometer(stepsUp(row, outputs, dModel), c) : 0);
  const rising = (table) =>
    mapTable(
      table,
      (_, i) => logitTrit(Math.floor(i / dModel), i % dModel),
      () => 7,
      (_, row) => (row < outputs ? Math.floor((LARGEST * (row + 1)) / outputs) : 0),
    );
  const { embedding, unembedding, finalNorm, recall } = parts;
  const thermometers = () => ({ kind: "ternary", trits: (embedding.trits ?? embedding.values).map(embed) });
  return {
    ...parts,
    embedding: window > 0 ? thermometers() : unembedding ? embedding : rising(embedding),
    unembedding: unembedding && rising(unembedding),
    recall: recall && {
      ...recall,
      bonus: filled(recall.bonus, 0),
      pull: filled(recall.pull, 0),
      symbols: recall.symbols && { ...recall.symbols, steps: filled(recall.symbols.steps, 0) },
    },
    finalNorm: { gamma: filled(finalNorm.gamma, 0), beta: filled(finalNorm.beta, 512) },
    layers: parts.layers.map((layer) => (layer.pathways & PATHWAY.sparse ? ascendingLayer(layer, parts) : layer)),
  };
}

/** The model without the symbol that empties recall's memory: from some place on the memory is full for ever. */
export const neverForgetting = (parts) =>
  parts.recall ? { ...parts, recall: { ...parts.recall, forget: undefined } } : parts;

/** These symbols in turn, as many as fill every memory. */
function fillingPrompt({ layers, recall }, symbols) {
  const length = Math.max(16, recall?.window ?? 0, ...layers.map(({ window }) => window));
  return Array.from({ length }, (_, i) => symbols[i % symbols.length]);
}

/** `count` symbols in a row, the last before the first. */
const symbolsFrom = (first, count, { vocab }) => Array.from({ length: count }, (_, i) => (first + i) % vocab);

/** Different symbols that fill every memory. */
const variedPrompt = (parts) => fillingPrompt(parts, symbolsFrom(0, parts.dimensions.vocab, parts.dimensions));

/** In the order of the levels of `ascending`, or without the symbol that it generates: then no match is longer than another. */
function ascendingPrompt(parts) {
  const { dimensions, layers } = parts;
  const generated = generatedSymbol(parts);
  const window = Math.max(...layers.map((layer) => layer.window));
  if (window > 0) return symbolsFrom(generated, window, dimensions);
  return fillingPrompt(parts, symbolsFrom(generated + 1, dimensions.vocab - 1, dimensions));
}

/** Ways to make the step after the prompt slow, for models that never forget: [{input, parts, promptSymbols}]; the first leaves the
 * model as it is, its memories full of different symbols. */
export const slowWays = (parts) => [
  { input: "different symbols", parts, promptSymbols: variedPrompt(parts) },
  ...(parts.recall ? [{ input: "one symbol", parts, promptSymbols: fillingPrompt(parts, [0]) }] : []),
  { input: "all values clamped", parts: saturated(parts), promptSymbols: variedPrompt(parts) },
  { input: "equal values", parts: still(parts), promptSymbols: variedPrompt(parts) },
  { input: "rising scores and logits", parts: ascending(parts), promptSymbols: ascendingPrompt(parts) },
];
