/** Tiny valid models with every item of the format, for tests and for the files that must be refused. */
import {
  type Dimensions,
  firstRows,
  GATE_ROWS,
  levelsOf,
  OPTION,
  PATHWAY,
  pathwayCount,
  RECALL_PAIRS,
  SCALE_NAMES,
  type ScaleName,
  SENSOR_LIMITS,
  SIGNALS,
  STATE_LIMIT,
  TAPS,
  tableRows,
  widthOf,
} from "./layout.js";
import type {
  DecisionParts,
  Int4Table,
  LayerParts,
  ModelParts,
  NgramParts,
  RecallParts,
  Scale,
  SensorColumn,
  Table,
} from "./parts.js";

/** Whole numbers from `least` to `greatest`. */
export type Draw = (least: number, greatest: number) => number;

/** The generator of SPEC.md 3.7, reduced to a range. */
export function seededDraw(seed: number): Draw {
  let state = seed;
  return (least, greatest) => {
    state = (state + 0x9e3779b9) | 0;
    let z = state ^ (state >>> 16);
    z = Math.imul(z, 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return least + (((z ^ (z >>> 15)) >>> 0) % (greatest - least + 1));
  };
}

export interface SampleShape {
  dimensions: Dimensions;
  /** Bits of `OPTION`; those of recall, ngrams and sensor follow from what stands below. */
  options: number;
  layers: readonly { pathways: number; window: number }[];
  recall?: (Pick<RecallParts, "window" | "forget"> & { gates?: boolean; symbols?: boolean }) | undefined;
  ngrams?: Pick<NgramParts, "buckets" | "orders"> | undefined;
  /** How many thresholds each column has: of its values, of its differences. Their rows must be the vocabulary: `sensorRows`. */
  sensor?: readonly (readonly [values: number, differences: number])[] | undefined;
}

/** Rows of the embedding table that belong to a sensor's columns. */
export const sensorRows = (columns: readonly (readonly [number, number])[]): number =>
  columns.flat().reduce((sum, thresholds) => sum + levelsOf(thresholds), 0);

const bytesOf = (length: number, draw: Draw, least: number, greatest: number) =>
  Int8Array.from({ length }, () => draw(least, greatest));
const wordsOf = (length: number, draw: Draw, greatest: number) =>
  Int16Array.from({ length }, () => draw(-greatest, greatest));
const drawScale = (draw: Draw): Scale => ({ multiplier: draw(0, 32767), shift: draw(2, 31) });

function drawInt4(draw: Draw, rows: number, columns: number): Int4Table {
  const steps = Uint16Array.from({ length: rows }, () => draw(0, 32767));
  return { kind: "int4", values: bytesOf(rows * columns, draw, -8, 7), steps };
}

function drawTable(draw: Draw, int4: boolean, rows: number, columns: number): Table {
  return int4 ? drawInt4(draw, rows, columns) : { kind: "ternary", trits: bytesOf(rows * columns, draw, -1, 1) };
}

function drawLayer(draw: Draw, shape: SampleShape, pathways: number, window: number): LayerParts {
  const { dimensions } = shape;
  const table = (height: number, columns: number) =>
    drawTable(draw, (shape.options & OPTION.matricesInt4) !== 0, height, columns);
  const { dModel, dHead, dInner } = dimensions;
  const gated = dInner > 0;
  const width = widthOf(dimensions);
  const rows = Object.values(firstRows(dimensions, pathways)).reduce((sum, count) => sum + count, 0);
  const hasTaps = gated || (pathways & PATHWAY.local) !== 0;
  const bias = (index: number) => (index < pathwayCount(pathways) ? draw(-32768, 32767) : 0);
  return {
    pathways,
    window,
    normShift: draw(0, 31),
    scales: Object.fromEntries(SCALE_NAMES.map((name) => [name, drawScale(draw)])) as Record<ScaleName, Scale>,
    routerBias: [bias(0), bias(1), bias(2)],
    tapShift: draw(0, 31),
    mixShift: draw(0, 31),
    norm: { gamma: wordsOf(dModel, draw, 32767), beta: wordsOf(dModel, draw, 32767) },
    taps: hasTaps ? bytesOf(width * TAPS, draw, gated ? -32 : -1, gated ? 31 : 1) : undefined,
    tapScales: gated ? wordsOf(width, draw, 32767) : undefined,
    state:
      (pathways & PATHWAY.state) !== 0
        ? { a: wordsOf(width, draw, STATE_LIMIT), c: wordsOf(width, draw, 32767) }
        : undefined,
    first: rows > 0 ? table(rows, dModel) : undefined,
    second: gated && (pathways & PATHWAY.sparse) !== 0 ? table(2 * dHead, width) : undefined,
    third: gated ? table(dModel, width) : undefined,
  };
}

/** Ascending thresholds, some as far out as they can be. */
function drawThresholds(draw: Draw, count: number): Int32Array {
  const reach = 2 ** draw(7, 31);
  const drawn = new Set<number>();
  // A sum of two draws: one has 32 bits at most, and the generator no more.
  while (drawn.size < count) drawn.add(draw(0, reach - 1) - draw(0, reach));
  return Int32Array.from(drawn).sort();
}

function drawColumn(draw: Draw, [values, differences]: readonly [number, number]): SensorColumn {
  return {
    values: drawThresholds(draw, values),
    differences: drawThresholds(draw, differences),
    decimals: draw(-3, 6),
    ...drawRange(draw),
  };
}

/** The whole range, or some of it. */
function drawRange(draw: Draw): { least: number; greatest: number } {
  const [lowest, highest] = SENSOR_LIMITS.value;
  if (draw(0, 2) === 0) return { least: lowest, greatest: highest };
  const reach = 2 ** draw(7, 30);
  const least = -draw(0, reach);
  return { least, greatest: least + draw(0, reach - 1) };
}

/** A threshold that some decisions reach and some do not. */
function drawDecision(draw: Draw): DecisionParts {
  const signal = SIGNALS[draw(0, 3)];
  const threshold = {
    probability: draw(0, 32768),
    margin: draw(0, 8192),
    entropy: -draw(0, 4096),
    energy: draw(-4096, 16384),
  };
  return { signal, threshold: threshold[signal] };
}

const drawNgrams = (draw: Draw) => ({ buckets: draw(0, 3) ? draw(1, 60) : draw(1, 2000), orders: draw(1, 255) });

/** One to four columns with a few thresholds each. */
function drawSensor(draw: Draw): (readonly [number, number])[] {
  return Array.from({ length: draw(1, 4) }, () => {
    const values = draw(0, 6);
    return [values, draw(values === 0 ? 1 : 0, 5)] as const;
  });
}

/** The shape of any small model: every block, option and set of pathways, and recall, n-grams and samples where they may be. */
export function drawShape(draw: Draw): SampleShape {
  const options = [0, 1, 2, 4, 6, 7, 8, 10, 12, 14][draw(0, 9)];
  const classifier = (options & OPTION.classifier) !== 0;
  const sensor = classifier && draw(0, 2) === 0 ? drawSensor(draw) : undefined;
  const ngrams = !sensor && draw(0, 2) === 0 ? drawNgrams(draw) : undefined;
  const more = classifier ? draw(0, 1) * OPTION.pooled + draw(0, 1) * OPTION.decision : 0;
  const vocab = sensor ? sensorRows(sensor) : draw(2, 40);
  const dInner = draw(0, 1) * draw(1, 50);
  // Mostly one that a few steps fill.
  const drawWindow = () => Math.max(1, draw(1, 1024) >> draw(0, 10));
  const layers = Array.from({ length: draw(1, 4) }, () => {
    const pathways = draw(1, 7) | (dInner > 0 ? PATHWAY.local : 0);
    return { pathways, window: (pathways & PATHWAY.sparse) !== 0 ? drawWindow() : 0 };
  });
  const outputs = classifier ? draw(2, 30) : vocab;
  const dimensions = { vocab, outputs, dModel: draw(2, 45), dInner, dHead: draw(1, 9), topK: draw(1, 4) };
  const recall = { window: drawWindow(), forget: draw(0, 1) ? draw(0, vocab - 1) : undefined };
  const hasRecall = !classifier && draw(0, 1) === 1;
  const matrices = draw(0, 3) === 0 ? OPTION.matricesInt4 : 0;
  const gates = draw(0, 1) === 1;
  const symbols = draw(0, 1) === 1;
  return {
    dimensions: { ...dimensions, nLayers: layers.length },
    options: options | more | matrices,
    layers,
    ngrams,
    sensor,
    recall: hasRecall ? { ...recall, gates, symbols } : undefined,
  };
}

/** A valid model without sections besides the weights (and the class names of a classifier), its values drawn at random. */
export function drawModel(draw: Draw, shape: SampleShape): ModelParts {
  const { dimensions, options } = shape;
  const { outputs, dModel } = dimensions;
  const rows = tableRows(dimensions, options | (shape.recall?.gates ? OPTION.recallGates : 0));
  const embedInt4 = (options & OPTION.embedInt4) !== 0;
  const classifier = (options & OPTION.classifier) !== 0;
  return {
    dimensions,
    epsilon: draw(0, 2 ** 30 - 1),
    embedScale: draw(0, embedInt4 ? 15 : 2 ** 21 - 1),
    logitScale: drawScale(draw),
    finalNormShift: draw(0, 31),
    embedding: drawTable(draw, embedInt4, rows.embedding, dModel),
    layers: shape.layers.map(({ pathways, window }) => drawLayer(draw, shape, pathways, window)),
    finalNorm: { gamma: wordsOf(dModel, draw, 32767), beta: wordsOf(dModel, draw, 32767) },
    unembedding:
      (options & OPTION.tied) !== 0
        ? undefined
        : drawTable(draw, (options & OPTION.unembedInt4) !== 0, rows.unembedding, dModel),
    recall: shape.recall && {
      window: shape.recall.window,
      forget: shape.recall.forget,
      gates: shape.recall.gates === true,
      bonus: wordsOf(RECALL_PAIRS, draw, 32767),
      pull: Int16Array.from({ length: RECALL_PAIRS }, () => draw(0, 32767)),
      symbols: shape.recall.symbols ? drawInt4(draw, GATE_ROWS, dimensions.vocab) : undefined,
    },
    ngrams: shape.ngrams && {
      ...shape.ngrams,
      scale: draw(0, 2 ** 21 - 1),
      trits: bytesOf(shape.ngrams.buckets * dModel, draw, -1, 1),
    },
    pooled: (options & OPTION.pooled) !== 0,
    sensor: shape.sensor && { columns: shape.sensor.map((sizes) => drawColumn(draw, sizes)) },
    decision: (options & OPTION.decision) !== 0 ? drawDecision(draw) : undefined,
    tokens: undefined,
    classNames: classifier
      ? Array.from({ length: outputs }, (_, index) => new TextEncoder().encode(`c${index}`))
      : undefined,
    metadata: undefined,
    signature: undefined,
  };
}

const dimensionsOf = (vocab: number, outputs: number, dModel: number, dInner: number, nLayers: number) => ({
  vocab,
  outputs,
  dModel,
  dInner,
  dHead: 3,
  nLayers,
  topK: 2,
});

/** Base block, ternary tables, all pathways in its first layer, only local and state in its second. */
export function sampleBase(): ModelParts {
  return drawModel(seededDraw(1), {
    dimensions: dimensionsOf(5, 5, 7, 0, 2),
    options: 0,
    layers: [
      { pathways: 7, window: 3 },
      { pathways: 3, window: 0 },
    ],
  });
}

/** Gated block, tied 4-bit tables, a token table with an escape, metadata and a signature. */
export function sampleGated(): ModelParts {
  const tokens = Array.from({ length: 17 }, (_, index) => new TextEncoder().encode("abcabcabca".slice(0, index % 9)));
  tokens[9] = Uint8Array.of(0xff);
  return {
    ...drawModel(seededDraw(2), {
      dimensions: dimensionsOf(17, 17, 6, 9, 2),
      options: OPTION.tied | OPTION.embedInt4 | OPTION.unembedInt4,
      layers: [
        { pathways: 7, window: 2 },
        { pathways: 1, window: 0 },
      ],
    }),
    tokens,
    metadata: '{"licence":"none"}',
    signature: Uint8Array.from({ length: 64 }, (_, index) => index),
  };
}

/** Gated block with class names and a 4-bit unembedding. */
export function sampleClassifier(): ModelParts {
  return drawModel(seededDraw(3), {
    dimensions: dimensionsOf(4, 3, 5, 4, 1),
    options: OPTION.unembedInt4 | OPTION.classifier,
    layers: [{ pathways: 3, window: 0 }],
  });
}

/** Gated block with every pathway, its matrices in 4 bits and its tables not. */
export function sampleInt4Matrices(): ModelParts {
  return drawModel(seededDraw(7), {
    dimensions: dimensionsOf(4, 4, 5, 6, 1),
    options: OPTION.matricesInt4,
    layers: [{ pathways: 7, window: 2 }],
  });
}

/** Base block, ternary tables, with recall of few symbols that one of them empties. */
export function sampleRecall(): ModelParts {
  return drawModel(seededDraw(4), {
    dimensions: dimensionsOf(3, 3, 5, 0, 1),
    options: 0,
    layers: [{ pathways: 1, window: 0 }],
    recall: { window: 7, forget: 2 },
  });
}

/** The same of the gated block, tied, with gates. */
export function sampleRecallGates(): ModelParts {
  return drawModel(seededDraw(8), {
    dimensions: dimensionsOf(5, 5, 6, 7, 1),
    options: OPTION.tied,
    layers: [{ pathways: 1, window: 0 }],
    recall: { window: 5, forget: undefined, gates: true },
  });
}

/** Gated block, with recall of few symbols that each have bonuses of their own. */
export function sampleRecallSymbols(): ModelParts {
  return drawModel(seededDraw(9), {
    dimensions: dimensionsOf(5, 5, 6, 7, 1),
    options: 0,
    layers: [{ pathways: 1, window: 0 }],
    recall: { window: 6, forget: 4, symbols: true },
  });
}

/** Base block, n-grams of 2 and 4 symbols, pooled, with classes of which a decision may choose none. */
export function sampleNgrams(): ModelParts {
  return drawModel(seededDraw(5), {
    dimensions: dimensionsOf(6, 3, 7, 0, 1),
    options: OPTION.classifier | OPTION.pooled | OPTION.decision,
    layers: [{ pathways: 1, window: 0 }],
    ngrams: { buckets: 5, orders: 5 },
  });
}

/** Base block, samples of two columns: of the first values and differences, of the second differences alone. */
export const sampleSensor = (): ModelParts =>
  withSensor([
    [3, 2],
    [0, 1],
  ]);

/** The same of the values of two columns alone: as many as a column may have, and two. */
export const sampleSensorOf63 = (): ModelParts =>
  withSensor([
    [63, 0],
    [2, 0],
  ]);

function withSensor(sensor: readonly (readonly [number, number])[]): ModelParts {
  return drawModel(seededDraw(6), {
    dimensions: dimensionsOf(sensorRows(sensor), 2, 5, 0, 1),
    options: OPTION.classifier | OPTION.decision,
    layers: [{ pathways: 3, window: 0 }],
    sensor,
  });
}
