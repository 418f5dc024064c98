// The models of the vectors: small, each for a reason. Their weights are drawn by the generator of SPEC.md 3.8.
import {
  codeIndex,
  groupsOf,
  int4RowBytes,
  int4StepBytes,
  layerItems,
  OPTION,
  PATHWAY,
  SCALE_NAMES,
  STATE_LIMIT,
} from "../dist/format/layout.js";
import { readModel } from "../dist/format/reader.js";
import {
  drawModel,
  sampleBase,
  sampleClassifier,
  sampleGated,
  sampleInt4Matrices,
  sampleNgrams,
  sampleRecall,
  sampleRecallGates,
  sampleRecallSymbols,
  sampleSensor,
  seededDraw,
  sensorRows,
} from "../dist/format/samples.js";
import { sealModel } from "../dist/format/writer.js";
import { signed } from "./signed.mjs";

const { local, state, sparse } = PATHWAY;
const { tied, embedInt4, unembedInt4, classifier, pooled, decision, matricesInt4 } = OPTION;
const TIED_INT4 = tied | embedInt4 | unembedInt4;

const utf8 = (text) => new TextEncoder().encode(text);
const oneByte = (byte) => Uint8Array.of(byte);
/** Half the binary logarithm: what the norm of a vector grows by. */
const halfBits = (size) => (32 - Math.clz32(size)) >> 1;

/** Shifts around which each scale keeps its values in the middle of their range. */
const usualShifts = ({ dModel, dInner }) => ({
  local: dInner > 0 ? 8 : 4,
  state: 2,
  sparse: 13,
  router: 5 + halfBits(dModel),
  score: 9,
  query: 8 + halfBits(dInner || dModel),
  key: 8 + halfBits(dInner || dModel),
  value: dInner > 0 ? 8 : 8 + halfBits(dModel),
  in: 5 + halfBits(dModel),
  gate: 5 + halfBits(dModel),
  out: 2 + halfBits(dInner || dModel),
});

const around = (draw, shift) => ({
  multiplier: draw(16384, 32767),
  shift: Math.min(31, Math.max(2, shift + draw(-1, 1))),
});

function usualNorm(draw, dModel) {
  const gamma = Int16Array.from({ length: dModel }, () => draw(4096, 32767) * (draw(0, 7) === 0 ? -1 : 1));
  return { gamma, beta: Int16Array.from({ length: dModel }, () => draw(-200, 200)) };
}

function usualTable(draw, table, greatest = 8191) {
  if (table?.kind !== "int4") return table;
  return { ...table, steps: table.steps.map(() => draw((greatest + 1) >> 4, greatest)) };
}

/** Up to 2 bits, up to half of the way to the top. */
function usualRecall(draw, recall) {
  return {
    ...recall,
    bonus: recall.bonus.map(() => draw(-4096, 4096)),
    pull: recall.pull.map(() => draw(0, 16384)),
    symbols: recall.symbols && { ...recall.symbols, steps: recall.symbols.steps.map(() => draw(256, 2048)) },
  };
}

/** Thresholds some steps from each other, around 0: those of values further than those of differences; a range that leaves out some samples. */
function usualSensor(draw, { columns }) {
  const spread = (thresholds, step) => {
    let next = -(step >> 1) * thresholds.length;
    return thresholds.map(() => {
      next += draw(1, step);
      return next;
    });
  };
  const usual = ({ values, differences }) => ({
    values: spread(values, 400),
    differences: spread(differences, 60),
    decimals: draw(0, 3),
    least: -draw(200, 2000),
    greatest: draw(200, 2000),
  });
  return { columns: columns.map(usual) };
}

function usualLayer(draw, dimensions, layer) {
  const shifts = usualShifts(dimensions);
  const gated = dimensions.dInner > 0;
  return {
    ...layer,
    normShift: 19 - halfBits(dimensions.dModel),
    scales: Object.fromEntries(SCALE_NAMES.map((name) => [name, around(draw, shifts[name])])),
    routerBias: layer.routerBias.map((bias) => (bias === 0 ? 0 : draw(-3000, 3000))),
    tapShift: gated ? draw(12, 14) : 0,
    mixShift: gated ? draw(13, 15) : 0,
    norm: usualNorm(draw, dimensions.dModel),
    tapScales: layer.tapScales?.map(() => draw(4096, 32767)),
    state: layer.state && {
      a: layer.state.a.map(() => (draw(0, 3) === 0 ? draw(-STATE_LIMIT, STATE_LIMIT) : draw(24000, 32700))),
      c: layer.state.c.map(() => draw(-16384, 16384)),
    },
    first: usualTable(draw, layer.first, 32767),
    second: usualTable(draw, layer.second, 32767),
    third: usualTable(draw, layer.third, 32767),
  };
}

/** A model whose values stay in the middle of their ranges, as a trained one's do. */
function usualModel(seed, shape) {
  const draw = seededDraw(seed);
  const model = drawModel(draw, shape);
  const int4 = model.embedding.kind === "int4";
  return {
    ...model,
    epsilon: draw(0, 4095),
    embedScale: int4 ? draw(0, 2) : draw(8192, 65535),
    logitScale: around(draw, (shape.options & unembedInt4) !== 0 ? 2 : 5),
    finalNormShift: 19 - halfBits(shape.dimensions.dModel),
    embedding: usualTable(draw, model.embedding),
    unembedding: usualTable(draw, model.unembedding),
    layers: model.layers.map((layer) => usualLayer(draw, shape.dimensions, layer)),
    finalNorm: usualNorm(draw, shape.dimensions.dModel),
    recall: model.recall && usualRecall(draw, model.recall),
    ngrams: model.ngrams && { ...model.ngrams, scale: draw(4096, 32767) },
    sensor: model.sensor && usualSensor(draw, model.sensor),
  };
}

/** `layers`: [pathways, window] each; `sensor`: thresholds of each column's values and differences, which make the vocabulary. */
function shapeOf({ vocab, outputs, d, e = 0, head = 8, topK = 2, options = 0, layers, recall, ngrams, sensor }) {
  const symbols = sensor ? sensorRows(sensor) : vocab;
  return {
    dimensions: {
      vocab: symbols,
      outputs: outputs ?? symbols,
      dModel: d,
      dInner: e,
      dHead: head,
      nLayers: layers.length,
      topK,
    },
    options,
    layers: layers.map(([pathways, window = 0]) => ({ pathways, window })),
    recall,
    ngrams,
    sensor,
  };
}

const repeat = (count, layer) => Array.from({ length: count }, () => layer);

/** name, why, shape. */
const USUAL = [
  ["base-local", "d of whole groups, four at a time", { vocab: 32, d: 20, layers: [[local]] }],
  ["base-state", "one group left over", { vocab: 33, d: 21, layers: [[state]] }],
  [
    "base-sparse-window-1",
    "attention to the symbol itself only",
    { vocab: 31, d: 5, head: 3, topK: 1, layers: [[sparse, 1]] },
  ],
  ["base-local-state", "the least d and vocabulary", { vocab: 2, d: 2, layers: [[local | state]] }],
  [
    "base-local-sparse",
    "a window of 2 and topK 4: never so many to choose from",
    { vocab: 16, d: 64, head: 16, topK: 4, layers: [[local | sparse, 2]] },
  ],
  ["base-state-sparse", "d of 20 groups", { vocab: 16, d: 100, head: 20, topK: 3, layers: [[state | sparse, 5]] }],
  [
    "base-all",
    "all pathways, then each alone, windows of 5, 1 and 2",
    { vocab: 40, d: 21, head: 7, topK: 2, layers: [[7, 5], [sparse, 1], [local], [state], [7, 2]] },
  ],
  [
    "base-window-64",
    "a long window, wrapped around by the stream",
    {
      vocab: 24,
      d: 32,
      head: 8,
      topK: 4,
      layers: [
        [7, 64],
        [7, 33],
      ],
    },
  ],
  ["base-tied", "tied ternary tables", { vocab: 50, d: 23, options: tied, layers: [[local | state]] }],
  ["base-1024-symbols", "the largest vocabulary", { vocab: 1024, d: 22, options: tied, layers: [[local | sparse, 3]] }],
  [
    "base-int4-odd",
    "4-bit tables with an odd d: half a byte unused in each row",
    { vocab: 19, d: 21, options: embedInt4 | unembedInt4, layers: [[7, 4]] },
  ],
  ["base-int4-tied", "one 4-bit table for both", { vocab: 27, d: 26, options: TIED_INT4, layers: [[local | state]] }],
  [
    "base-int4-embedding",
    "4-bit embedding, ternary unembedding",
    { vocab: 18, d: 15, options: embedInt4, layers: [[state]] },
  ],
  [
    "base-int4-unembedding",
    "ternary embedding, 4-bit unembedding",
    { vocab: 18, d: 15, options: unembedInt4, layers: [[local]] },
  ],
  ["base-head-256", "the largest dHead, far above d", { vocab: 8, d: 6, head: 256, topK: 2, layers: [[sparse, 3]] }],
  ["base-64-layers", "the most layers", { vocab: 8, d: 3, head: 2, layers: repeat(64, [7, 2]) }],
  ["base-1024-wide", "the largest d", { vocab: 4, d: 1024, options: tied, layers: [[local | state]] }],
  ["gated-local", "the gated block's least pathways", { vocab: 32, d: 20, e: 40, layers: [[local]] }],
  [
    "gated-local-state",
    "three layers, as in the default configuration",
    { vocab: 30, d: 24, e: 72, options: TIED_INT4, layers: repeat(3, [local | state]) },
  ],
  ["gated-local-sparse", "e below d", { vocab: 21, d: 21, e: 7, head: 5, topK: 4, layers: [[local | sparse, 5]] }],
  [
    "gated-all",
    "all pathways; layers that differ; e of no whole group",
    {
      vocab: 26,
      d: 22,
      e: 33,
      head: 6,
      topK: 3,
      layers: [[7, 5], [local], [local | sparse, 1], [local | state], [7, 2]],
    },
  ],
  ["gated-inner-1", "the least e", { vocab: 9, d: 5, e: 1, head: 1, topK: 1, layers: [[7, 2]] }],
  ["gated-inner-160", "d of 64, e of 160", { vocab: 16, d: 64, e: 160, head: 16, options: tied, layers: [[7, 9]] }],
  [
    "gated-int4-odd",
    "4-bit tables with an odd d",
    { vocab: 17, d: 13, e: 21, options: embedInt4 | unembedInt4, layers: [[local | state], [local]] },
  ],
  [
    "base-int4-matrices",
    "4-bit matrices between ternary tables: with every pathway, a router alone, and none",
    { vocab: 17, d: 22, head: 5, options: matricesInt4, layers: [[7, 3], [local | state], [state]] },
  ],
  [
    "gated-int4-matrices",
    "4-bit matrices and one 4-bit table, an even d and an odd e",
    { vocab: 17, d: 14, e: 21, options: TIED_INT4 | matricesInt4, layers: [[local | state], [7, 3], [local]] },
  ],
  [
    "gated-int4-matrices-odd",
    "the same, an odd d and an even e",
    { vocab: 9, d: 11, e: 30, head: 3, options: matricesInt4, layers: [[local | sparse, 2], [local | state]] },
  ],
];

const CLASSES = ["light on", "light off", "Wärme", "", "x".repeat(255), "blind up", "blind down"].map(utf8);

/** Every byte, then words of up to 255 bytes, prefixes of one another, and one of them twice. */
const BYTES_AND_WORDS = [
  ...Array.from({ length: 256 }, (_, byte) => oneByte(byte)),
  ...["th", "the", " the", "then", "the", "e", "\n\n", "a".repeat(254), "a".repeat(255)].map(utf8),
];
/** An escape among words; 17 at least. */
const WORDS_AND_ESCAPE = [
  ...["a", "b", "ab", "abc", "bca", "cab"].map(utf8),
  new Uint8Array(),
  ...["c", "d", " ", "e", "dd", "ddd", "abcd", "\u00e4"].map(utf8),
  oneByte(0xff),
  Uint8Array.of(0, 255, 0),
  utf8("zz"),
];

function named(seed, shape, extra) {
  return { ...usualModel(seed, shape), ...extra };
}

/** Models with class names or tokens. */
const withStrings = () => [
  [
    "base-classes",
    "class names: UTF-8, empty, 255 bytes; more classes than fit in one group of symbols",
    named(101, shapeOf({ vocab: 12, outputs: 7, d: 20, options: classifier, layers: [[7, 6]] }), {
      classNames: CLASSES,
    }),
  ],
  [
    "gated-classes",
    "two classes from 4-bit rows, metadata and signature after the names",
    named(
      102,
      shapeOf({ vocab: 20, outputs: 2, d: 9, e: 14, options: classifier | unembedInt4, layers: [[local | state]] }),
      {
        classNames: ["no", "yes"].map(utf8),
        metadata: '{"licence":"none"}',
        signature: new Uint8Array(64).fill(1),
      },
    ),
  ],
  [
    "gated-classes-more",
    "more classes than symbols",
    named(103, shapeOf({ vocab: 2, outputs: 90, d: 10, e: 5, options: classifier, layers: [[local]] }), {
      classNames: Array.from({ length: 90 }, (_, index) => utf8(`class ${index}`)),
    }),
  ],
  [
    "base-tokens-all-bytes",
    "tokens without an escape: every byte is one",
    named(104, shapeOf({ vocab: BYTES_AND_WORDS.length, d: 10, options: tied, layers: [[local | state]] }), {
      tokens: BYTES_AND_WORDS,
    }),
  ],
  [
    "gated-tokens-escape",
    "tokens with an escape in their middle",
    named(
      105,
      shapeOf({ vocab: WORDS_AND_ESCAPE.length, d: 12, e: 18, options: TIED_INT4, layers: [[local | state]] }),
      {
        tokens: WORDS_AND_ESCAPE,
      },
    ),
  ],
  [
    "gated-bytes",
    "256 symbols that are the bytes",
    named(106, shapeOf({ vocab: 256, d: 8, e: 12, options: TIED_INT4, layers: [[local | state]] }), {}),
  ],
];

const LARGEST = { multiplier: 32767, shift: 2 };
const SMALLEST = { multiplier: 0, shift: 31 };
const allScales = (scale) => Object.fromEntries(SCALE_NAMES.map((name) => [name, scale]));
const filled = (values, value) => values?.map(() => value);
/** value, -value, value, ... */
const alternating = (values, value) => values?.map((_, index) => (index % 2 === 0 ? value : -value));

/** Every factor at its largest: clamps cut in, and the sums come near to the bounds of SPEC.md section 5. */
function loudest(model, sign) {
  const gamma = (norm) => ({ gamma: sign(norm.gamma, 32767), beta: sign(norm.beta, 32767) });
  const int4Loudest = (table) =>
    table?.kind === "int4" ? { ...table, values: filled(table.values, -8), steps: filled(table.steps, 32767) } : table;
  const matrixLoudest = (matrix) =>
    matrix?.kind === "ternary" ? { ...matrix, trits: filled(matrix.trits, 1) } : int4Loudest(matrix);
  return {
    ...model,
    epsilon: 0,
    embedScale: model.embedding.kind === "int4" ? 0 : 2 ** 21 - 1,
    logitScale: LARGEST,
    finalNormShift: 0,
    embedding: int4Loudest(model.embedding),
    unembedding: int4Loudest(model.unembedding),
    finalNorm: gamma(model.finalNorm),
    layers: model.layers.map((layer) => ({
      ...layer,
      normShift: 0,
      scales: allScales(LARGEST),
      routerBias: layer.routerBias.map((bias) => (bias === 0 ? 0 : Math.sign(bias) * 32767)),
      tapShift: 0,
      mixShift: 0,
      norm: gamma(layer.norm),
      taps: layer.tapScales ? filled(layer.taps, -32) : filled(layer.taps, 1),
      tapScales: layer.tapScales && sign(layer.tapScales, 32767),
      state: layer.state && { a: sign(layer.state.a, STATE_LIMIT), c: sign(layer.state.c, 32767) },
      first: matrixLoudest(layer.first),
      second: matrixLoudest(layer.second),
      third: matrixLoudest(layer.third),
    })),
  };
}

/** The same n = +-6553 in every step, whatever the symbol, and states that hardly decay. */
function steadiest(model, sign) {
  const steady = (norm) => ({ gamma: filled(norm.gamma, 0), beta: sign(norm.beta, 32767) });
  const loud = loudest(model, filled);
  return { ...loud, layers: loud.layers.map((layer) => ({ ...layer, norm: steady(layer.norm) })) };
}

/**
 * The same logits in every step: row . beta.
 *
 * @param {number[][]} rows of the unembedding, three trits each
 */
function constant(model, rows, beta = [4096, 2048, 6000]) {
  const finalNorm = { gamma: filled(model.finalNorm.gamma, 0), beta: Int16Array.from(beta) };
  const unembedding = { kind: "ternary", trits: Int8Array.from(rows.flat()) };
  return { ...model, finalNorm, finalNormShift: 0, unembedding, logitScale: { multiplier: 16384, shift: 5 } };
}

function quietest(model) {
  return {
    ...model,
    epsilon: 2 ** 30 - 1,
    embedScale: model.embedding.kind === "int4" ? 15 : 1,
    logitScale: SMALLEST,
    finalNormShift: 31,
    layers: model.layers.map((layer) => ({
      ...layer,
      normShift: 31,
      scales: allScales(SMALLEST),
      tapShift: 31,
      mixShift: 31,
    })),
  };
}

/** Norms shifted so little that a root is seen in what comes out. */
function wideNorms(model) {
  const layers = model.layers.map((layer) => ({ ...layer, normShift: 0 }));
  return { ...model, layers, finalNormShift: 0, logitScale: LARGEST };
}

/** All symbols with the same, even embedding: the residual does not vary over its channels. */
function flat(model, trit) {
  return { ...model, epsilon: 0, embedding: { kind: "ternary", trits: filled(model.embedding.trits, trit) } };
}

/** Wild: everything the format allows, drawn evenly. */
const wild = (seed, shape) => drawModel(seededDraw(seed), shapeOf(shape));

const extremes = () => {
  const base = shapeOf({
    vocab: 8,
    d: 64,
    head: 16,
    topK: 4,
    layers: [
      [7, 3],
      [7, 3],
    ],
  });
  const gated = shapeOf({
    vocab: 8,
    d: 24,
    e: 65,
    head: 16,
    topK: 4,
    layers: [
      [7, 3],
      [7, 3],
    ],
  });
  const int4 = shapeOf({ vocab: 6, d: 100, options: embedInt4 | unembedInt4, layers: [[local | state]] });
  const widest = shapeOf({
    vocab: 3,
    d: 1024,
    head: 1,
    topK: 1,
    options: tied | embedInt4 | unembedInt4,
    layers: [[local]],
  });
  return [
    ["extreme-base", "every factor of the base block at its largest", loudest(usualModel(201, base), filled)],
    ["extreme-base-signs", "the same, signs alternating", loudest(usualModel(202, base), alternating)],
    ["extreme-gated", "every factor of the gated block at its largest", loudest(usualModel(203, gated), filled)],
    ["extreme-gated-signs", "the same, signs alternating", loudest(usualModel(204, gated), alternating)],
    ["extreme-int4", "4-bit rows at their largest", loudest(usualModel(205, int4), filled)],
    [
      "extreme-int4-wide",
      "the largest 4-bit product of a table: 1024 times -8 and 6553",
      loudest(usualModel(206, widest), filled),
    ],
    [
      "extreme-inner-2048",
      "the largest e, and the largest ternary product: 2048 times 6553",
      steadiest(usualModel(214, shapeOf({ vocab: 4, d: 2, e: 2048, layers: [[local]] })), filled),
    ],
    [
      "extreme-int4-matrices",
      "the largest 4-bit product there is: 2048 times -8 and 6553",
      steadiest(
        usualModel(218, shapeOf({ vocab: 4, d: 2, e: 2048, options: matricesInt4, layers: [[local | state]] })),
        filled,
      ),
    ],
    [
      "extreme-head-256",
      "the largest dHead, and the largest dot product: 256 times 127 times 127",
      loudest(usualModel(215, shapeOf({ vocab: 4, d: 6, head: 256, layers: [[sparse, 2]] })), filled),
    ],
    [
      "extreme-state-base",
      "states at their bound, up and down",
      steadiest(usualModel(212, shapeOf({ vocab: 3, d: 4, layers: [[local | state], [state]] })), alternating),
    ],
    [
      "extreme-state-gated",
      "states at their bound in the gated block",
      steadiest(usualModel(213, shapeOf({ vocab: 3, d: 4, e: 6, layers: [[local | state]] })), alternating),
    ],
    ["extreme-base-small", "scales of 0, shifts of 31, the largest epsilon", quietest(usualModel(207, base))],
    ["extreme-gated-small", "the same, gated block", quietest(usualModel(208, gated))],
    [
      "choice-of-2",
      "logits 4096 and 0: draws at the edges of their weights",
      constant(usualModel(216, shapeOf({ vocab: 2, d: 3, layers: [[local]] })), [
        [1, 0, 0],
        [0, 0, 0],
      ]),
    ],
    [
      "choice-of-5",
      "logits 0, 4096, 4096, 2048, -6000: ties at the top",
      constant(usualModel(217, shapeOf({ vocab: 5, d: 3, layers: [[local]] })), [
        [0, 0, 0],
        [1, 0, 0],
        [1, 0, 0],
        [0, 1, 0],
        [0, 0, -1],
      ]),
    ],
    ["flat-zero", "an embedding of zeros and no epsilon: a norm of 0", flat(usualModel(209, base), 0)],
    ["flat-one", "equal channels: they vanish with their mean", flat(usualModel(210, base), 1)],
    ["flat-minus-one", "equal negative channels", flat(usualModel(211, gated), -1)],
    [
      "wild-base",
      "any value the format allows, base block",
      wild(301, {
        vocab: 20,
        d: 33,
        head: 9,
        topK: 3,
        layers: [
          [7, 4],
          [5, 3],
          [6, 2],
        ],
      }),
    ],
    [
      "wild-gated",
      "any value the format allows, gated block",
      wild(302, { vocab: 20, d: 17, e: 28, head: 9, topK: 3, layers: [[7, 4], [5, 3], [3]] }),
    ],
    [
      "wild-int4",
      "any value the format allows, 4-bit tables",
      wild(303, { vocab: 20, d: 17, options: TIED_INT4, layers: [[3], [1]] }),
    ],
    [
      "wild-int4-matrices",
      "any value the format allows, everything in 4 bits",
      wild(304, { vocab: 20, d: 17, e: 28, head: 5, options: TIED_INT4 | matricesInt4, layers: [[7, 4], [3], [1]] }),
    ],
  ];
};

/** Logits at their bound, up and down, and every bonus and pull at its own. */
function loudestRecall(model) {
  const { vocab, dModel } = model.dimensions;
  const loud = loudest(model, filled);
  /** Of rows of symbols; then come the gates. */
  const signOf = (row) => (row < vocab ? [1, 0, -1][row % 3] : row === vocab ? 1 : -1);
  return {
    ...loud,
    finalNorm: { gamma: filled(loud.finalNorm.gamma, 0), beta: filled(loud.finalNorm.beta, 32767) },
    unembedding: {
      kind: "ternary",
      trits: loud.unembedding.trits.map((_, i) => signOf(Math.floor(i / dModel))),
    },
    recall: {
      ...loud.recall,
      bonus: loud.recall.bonus.map((_, i) => (i % 2 === 0 ? 32767 : -32768)),
      pull: loud.recall.pull.map((_, i) => (i % 3 === 0 ? 0 : 32767)),
      symbols: loud.recall.symbols && {
        ...loud.recall.symbols,
        values: loud.recall.symbols.values.map((_, i) => (((i % vocab) + Math.floor(i / vocab)) % 2 === 0 ? 7 : -8)),
        steps: loud.recall.symbols.steps.map(() => 32767),
      },
    },
  };
}

const withRecall = () => [
  [
    "recall-gated-tokens",
    "recall of 20 tokens, which one of them empties",
    named(
      401,
      shapeOf({
        vocab: WORDS_AND_ESCAPE.length,
        d: 10,
        e: 15,
        layers: [[local | state]],
        recall: { window: 20, forget: 9 },
      }),
      { tokens: WORDS_AND_ESCAPE },
    ),
  ],
  [
    "recall-window-1",
    "recall of the last symbol alone",
    usualModel(402, shapeOf({ vocab: 3, d: 5, layers: [[state]], recall: { window: 1 } })),
  ],
  [
    "recall-window-1024",
    "the longest recall, after one 4-bit table",
    usualModel(403, shapeOf({ vocab: 5, d: 6, options: TIED_INT4, layers: [[local]], recall: { window: 1024 } })),
  ],
  [
    "recall-1024-symbols",
    "recall with the largest vocabulary, which its last symbol empties",
    usualModel(
      404,
      shapeOf({ vocab: 1024, d: 5, options: tied, layers: [[local]], recall: { window: 40, forget: 1023 } }),
    ),
  ],
  [
    "recall-extreme",
    "logits, bonuses and pulls at their bounds",
    loudestRecall(usualModel(405, shapeOf({ vocab: 3, d: 1024, layers: [[local]], recall: { window: 9 } }))),
  ],
  ["sample-recall", "recall, wild values", sampleRecall()],
  [
    "recall-gates",
    "gates of recall, ternary tables",
    usualModel(406, shapeOf({ vocab: 6, d: 9, layers: [[local | state]], recall: { window: 30, gates: true } })),
  ],
  [
    "recall-gates-tied",
    "the same, one 4-bit table with odd rows, which a symbol empties",
    usualModel(
      407,
      shapeOf({
        ...{ vocab: 5, d: 7, e: 11, options: TIED_INT4, layers: [[local | state]] },
        recall: { window: 12, forget: 4, gates: true },
      }),
    ),
  ],
  [
    "recall-gates-tied-ternary",
    "the same, one ternary table of more groups than four",
    usualModel(408, shapeOf({ vocab: 7, d: 24, options: tied, layers: [[local]], recall: { window: 9, gates: true } })),
  ],
  [
    "recall-gates-extreme",
    "the largest gates and bonuses of symbols there are, of both signs",
    loudestRecall(
      usualModel(
        409,
        shapeOf({ vocab: 4, d: 1024, layers: [[local]], recall: { window: 9, gates: true, symbols: true } }),
      ),
    ),
  ],
  ["sample-recall-gates", "gates of recall, wild values", sampleRecallGates()],
  ["sample-recall-symbols", "recall with bonuses of symbols, wild values", sampleRecallSymbols()],
  [
    "recall-symbols-odd",
    "recall with gates and bonuses of 31 symbols",
    usualModel(
      410,
      shapeOf({ vocab: 31, d: 8, e: 6, layers: [[local]], recall: { window: 40, gates: true, symbols: true } }),
    ),
  ],
];

/** Residuals at their bound in every step, of one sign in each channel: the sums of a pooled model grow as fast as they can. */
function steepest(model) {
  const { vocab, dModel } = model.dimensions;
  const trits = Int8Array.from({ length: vocab * dModel }, (_, i) => 1 - ((i % dModel) % 3));
  const ngrams = model.ngrams && { ...model.ngrams, scale: 2 ** 21 - 1 };
  return { ...model, embedding: { kind: "ternary", trits }, embedScale: 2 ** 21 - 1, ngrams };
}

/** Every row at its bound, thresholds at the ends of what a value and a difference can be; the widest range, then the narrowest. */
function widestSensor(model) {
  const ends = Int32Array.of(-(2 ** 31), -(2 ** 30), -(2 ** 30) + 1, 0, 2 ** 30 - 1, 2 ** 30, 2 ** 31 - 1);
  const ranges = [
    { least: -(2 ** 30), greatest: 2 ** 30 - 1 },
    { least: 1, greatest: 1 },
  ];
  const columns = model.sensor.columns.map((column, i) => ({
    ...column,
    values: ends,
    differences: ends,
    ...ranges[i],
  }));
  return { ...model, embedScale: 2 ** 21 - 1, sensor: { columns } };
}

const decided = (model, signal, threshold) => ({ ...model, decision: { signal, threshold } });

const withNgrams = () => [
  [
    "ngrams-base",
    "n-grams of all orders",
    usualModel(701, shapeOf({ vocab: 7, d: 21, layers: [[local | state]], ngrams: { buckets: 40, orders: 255 } })),
  ],
  [
    "ngrams-gated-tokens",
    "n-grams of 2 and 3 tokens, one tied 4-bit table, recall after it",
    named(
      702,
      shapeOf({
        vocab: WORDS_AND_ESCAPE.length,
        d: 9,
        e: 14,
        options: TIED_INT4,
        layers: [[local | state]],
        ngrams: { buckets: 33, orders: 3 },
        recall: { window: 8, forget: 9 },
      }),
      { tokens: WORDS_AND_ESCAPE },
    ),
  ],
  [
    "ngrams-of-9",
    "n-grams of 9 symbols alone, and the fewest buckets",
    usualModel(703, shapeOf({ vocab: 2, d: 6, layers: [[local]], ngrams: { buckets: 1, orders: 128 } })),
  ],
  [
    "ngrams-65535-buckets",
    "the most buckets, for runs of 3",
    usualModel(
      704,
      shapeOf({ vocab: 1024, d: 2, options: tied, layers: [[local]], ngrams: { buckets: 65535, orders: 2 } }),
    ),
  ],
  [
    "ngrams-extreme",
    "rows at their bound: clamped after each",
    steepest(usualModel(705, shapeOf({ vocab: 5, d: 7, layers: [[local]], ngrams: { buckets: 9, orders: 255 } }))),
  ],
];

const withPool = () => [
  [
    "pooled-base",
    "classes from the sum over all steps",
    usualModel(711, shapeOf({ vocab: 9, outputs: 3, d: 22, options: classifier | pooled, layers: [[7, 4]] })),
  ],
  [
    "pooled-ngrams",
    "a bag of runs of 2 alone: gated, and a decision by margin",
    decided(
      usualModel(
        712,
        shapeOf({
          vocab: 6,
          outputs: 4,
          d: 13,
          e: 5,
          options: classifier | pooled | decision | unembedInt4,
          layers: [[local]],
          ngrams: { buckets: 25, orders: 1 },
        }),
      ),
      "margin",
      900,
    ),
  ],
  [
    "pooled-halved",
    "sums that are halved again and again",
    steepest(usualModel(713, shapeOf({ vocab: 3, outputs: 2, d: 8, options: classifier | pooled, layers: [[local]] }))),
  ],
];

const withSensor = () => [
  [
    "sensor-one-column",
    "values of one column, no differences",
    usualModel(721, shapeOf({ outputs: 2, d: 10, options: classifier, layers: [[local | state]], sensor: [[5, 0]] })),
  ],
  [
    "sensor-columns",
    "values, differences, and both; the decision by entropy",
    decided(
      usualModel(
        722,
        shapeOf({
          outputs: 5,
          d: 21,
          e: 12,
          options: classifier | decision,
          layers: [[local | state]],
          sensor: [
            [7, 3],
            [0, 4],
            [2, 0],
          ],
        }),
      ),
      "entropy",
      -3000,
    ),
  ],
  [
    "sensor-int4",
    "4-bit rows, pooled; the decision by energy",
    decided(
      usualModel(
        723,
        shapeOf({
          outputs: 3,
          d: 11,
          options: classifier | pooled | decision | embedInt4 | unembedInt4,
          layers: [[state]],
          sensor: [
            [1, 1],
            [0, 1],
          ],
        }),
      ),
      "energy",
      2048,
    ),
  ],
  [
    "sensor-64-columns",
    "the most columns, and the most thresholds: 63",
    usualModel(
      724,
      shapeOf({
        outputs: 2,
        d: 5,
        options: classifier,
        layers: [[local]],
        sensor: Array.from({ length: 64 }, (_, i) => (i === 0 ? [63, 63] : [i % 2, 1 - (i % 2)])),
      }),
    ),
  ],
  [
    "sensor-extreme",
    "thresholds and values at their ends, rows clamped after each",
    widestSensor(
      usualModel(
        725,
        shapeOf({
          outputs: 4,
          d: 9,
          options: classifier | pooled,
          layers: [[local]],
          sensor: [
            [7, 7],
            [7, 7],
          ],
        }),
      ),
    ),
  ],
];

/** Logits 4096, 4096, 2048, 0, -6000 in every step. */
const TIED_LOGITS = [
  [1, 0, 0],
  [1, 0, 0],
  [0, 1, 0],
  [0, 0, 0],
  [0, 0, -1],
];
/** Logits 6000, 2048, -4096, -6000, 0. One more in the sum of their powers would be one more of energy. */
const CLEAR_LOGITS = [
  [0, 0, 1],
  [0, 1, 0],
  [-1, 0, 0],
  [0, 0, -1],
  [0, 0, 0],
];

/** What each signal is for them. */
const CONFIDENCE = {
  probability: { tied: 11775, clear: 22696 },
  margin: { tied: 0, clear: 3952 },
  entropy: { tied: -3878, clear: -2718 },
  energy: { tied: 7119, clear: 7084 },
};

/** Each signal with the threshold that the confidence just reaches, and with the next. */
const withDecision = () => {
  const of = (rows) =>
    constant(
      usualModel(731, shapeOf({ vocab: 2, outputs: 5, d: 3, options: classifier | decision, layers: [[local]] })),
      rows,
    );
  return Object.entries(CONFIDENCE).flatMap(([signal, { tied: reachedByTied, clear }]) => [
    [
      `decision-${signal}-tied`,
      `two likeliest classes, ${signal} just enough`,
      decided(of(TIED_LOGITS), signal, reachedByTied),
    ],
    [
      `decision-${signal}-tied-none`,
      `the same, ${signal} one too little`,
      decided(of(TIED_LOGITS), signal, reachedByTied + 1),
    ],
    [`decision-${signal}`, `one likeliest class, ${signal} just enough`, decided(of(CLEAR_LOGITS), signal, clear)],
    [`decision-${signal}-none`, `the same, ${signal} one too little`, decided(of(CLEAR_LOGITS), signal, clear + 1)],
  ]);
};

const withSignature = () => [
  [
    "signed",
    "tokens, metadata and a signature by the test key",
    signed(
      named(501, shapeOf({ vocab: WORDS_AND_ESCAPE.length, d: 5, e: 7, layers: [[local | state]] }), {
        tokens: WORDS_AND_ESCAPE,
        metadata: '{"licence":"none"}',
      }),
    ),
  ],
];

const withUnused = () => [
  [
    "unused-trits",
    "codes whose unused columns are not 0, base block",
    usualModel(
      601,
      shapeOf({
        vocab: 20,
        d: 33,
        head: 9,
        topK: 3,
        layers: [
          [7, 4],
          [5, 3],
        ],
      }),
    ),
  ],
  [
    "unused-trits-gated",
    "codes whose unused columns are not 0, gated block",
    usualModel(602, shapeOf({ vocab: 20, d: 17, e: 28, head: 9, layers: [[7, 4], [3]] })),
  ],
  [
    "unused-nibbles",
    "rows of 4 bits whose unused last value is not 0",
    usualModel(603, shapeOf({ vocab: 20, d: 17, options: TIED_INT4, layers: [[3], [1]] })),
  ],
  [
    "unused-nibbles-matrices",
    "the same in the matrices of a layer",
    usualModel(604, shapeOf({ vocab: 9, d: 7, e: 9, head: 2, options: matricesInt4, layers: [[7, 2]] })),
  ],
];

/** Puts 1 into the unused trits of the last group of each row: they were 0. */
function fillTrits(bytes, { offset, rows, columns }) {
  const places = [1, 3, 9, 28, 84].slice(columns - 5 * (groupsOf(columns) - 1));
  const more = places.reduce((sum, place) => sum + place, 0);
  for (let row = 0; row < rows; row++) bytes[offset + codeIndex(rows, columns, row, groupsOf(columns) - 1)] += more;
}

/** Puts 7 into the unused last nibble of each row. */
function fillNibbles(bytes, { offset, rows, columns }) {
  const first = offset + int4StepBytes(rows);
  for (let row = 1; row <= rows && columns % 2; row++) bytes[first + row * int4RowBytes(columns) - 1] |= 240;
}

/** The same model, with other values in those places that no column belongs to. */
function fillUnused(bytes) {
  const { layout } = readModel(bytes);
  const items = [layout.embedding, layout.ngramTable, ...layout.layers.flatMap(layerItems), layout.unembedding];
  for (const item of items) {
    if (item?.kind === "ternary") fillTrits(bytes, item);
    if (item?.kind === "int4") fillNibbles(bytes, item);
  }
  sealModel(bytes);
  return bytes;
}

/** Numbers at the edge of what an operation tells apart. They come last: which calls a vector has depends on its place. */
const withEdges = () => [
  [
    "extreme-epsilon",
    "the largest epsilon under the smallest residuals: roots of 2^30 and more",
    wideNorms(quietest(usualModel(220, shapeOf({ vocab: 3, d: 5, layers: [[local]] })))),
  ],
  [
    "choice-of-2-far",
    "logits 3840 and 0: at temperature 32 the weights are 2^15 and 1",
    constant(
      usualModel(219, shapeOf({ vocab: 2, d: 3, layers: [[local]] })),
      [
        [1, 0, 0],
        [0, 0, 0],
      ],
      [3840, 0, 0],
    ),
  ],
];

const unchanged = (bytes) => bytes;

/**
 * The models, in the order of the vectors; `finish` changes the file that is written of the parts.
 *
 * @returns {{name: string, why: string, parts: import("../dist/format/parts.js").ModelParts,
 *   finish: (bytes: Uint8Array) => Uint8Array}[]}
 */
export function vectorModels() {
  const usual = USUAL.map(([name, why, shape], index) => [name, why, usualModel(index + 1, shapeOf(shape))]);
  // What the malformed files are made from.
  const samples = [
    ["sample-base", "base block, wild values", sampleBase()],
    ["sample-gated", "gated block, wild values, tokens, metadata and signature", sampleGated()],
    ["sample-classifier", "classifier, wild values", sampleClassifier()],
    ["sample-ngrams", "pooled classifier with n-grams, wild values", sampleNgrams()],
    ["sample-sensor", "sensor, wild values", sampleSensor()],
    ["sample-int4-matrices", "4-bit matrices, wild values", sampleInt4Matrices()],
  ];
  const written = [...usual, ...withStrings(), ...extremes(), ...samples, ...withRecall(), ...withSignature()];
  const classifiers = [...withNgrams(), ...withPool(), ...withSensor(), ...withDecision()];
  const finished = (models, finish) => models.map(([name, why, parts]) => ({ name, why, parts, finish }));
  return [
    ...finished([...written, ...classifiers], unchanged),
    ...finished(withUnused(), fillUnused),
    ...finished(withEdges(), unchanged),
  ];
}
