/**
 * Where everything stands in an .atome file: SPEC.md sections 1 and 2. Offsets and sizes are in bytes; this is their one home.
 */

export const MAGIC = [0x41, 0x54, 0x4f, 0x4d] as const;
export const VERSION = 1;
export const HEADER_BYTES = 52;
export const SECTION_ENTRY_BYTES = 8;
export const SMALLEST_FILE_BYTES = HEADER_BYTES + SECTION_ENTRY_BYTES;
export const LAYER_RECORD_BYTES = 56;
export const RECALL_BYTES = 116;
export const NGRAM_RECORD_BYTES = 8;
export const DECISION_BYTES = 8;
export const TAPS = 5;

/** Offsets of the header's fields. */
export const HEADER = {
  magic: 0,
  version: 4,
  headerBytes: 6,
  totalBytes: 8,
  crc32: 12,
  vocab: 16,
  outputs: 18,
  dModel: 20,
  dInner: 22,
  dHead: 24,
  nLayers: 26,
  topK: 27,
  options: 28,
  epsilon: 32,
  embedScale: 36,
  logitMultiplier: 40,
  logitShift: 42,
  finalNormShift: 44,
  sectionCount: 46,
  memoryBytes: 48,
} as const;

/** Bits of the header's options. */
export const OPTION = {
  tied: 1,
  embedInt4: 2,
  unembedInt4: 4,
  classifier: 8,
  recall: 16,
  ngrams: 32,
  pooled: 64,
  sensor: 128,
  decision: 256,
  matricesInt4: 512,
  recallGates: 1024,
  recallSymbols: 2048,
} as const;
export const ALL_OPTIONS = 4095;

/** Section numbers. */
export const SECTION = { weights: 1, tokens: 2, classNames: 3, metadata: 4, signature: 5 } as const;
export type SectionName = keyof typeof SECTION;
export const SECTION_NAMES = ["weights", "tokens", "classNames", "metadata", "signature"] as const;

/** Least and greatest value of each dimension; dInner may also be 0 (base block). */
export const LIMITS = {
  vocab: [2, 1024],
  outputs: [2, 1024],
  dModel: [2, 1024],
  dInner: [1, 2048],
  dHead: [1, 256],
  nLayers: [1, 64],
  topK: [1, 4],
  window: [1, 1024],
} as const;

/** Offsets of the fields of a layer record. */
export const LAYER = {
  pathways: 0,
  normShift: 1,
  window: 2,
  scales: 4,
  routerBias: 48,
  tapShift: 54,
  mixShift: 55,
} as const;

/** Offsets of the fields of the recall record; `pairs`: {i16 bonus, i16 pull} of each match length and kind. */
export const RECALL = { window: 0, forget: 2, pairs: 4 } as const;
export const RECALL_PAIRS = 28;
/** Rows of the gates of recall behind those of the outputs, and of its symbols' own bonuses. */
export const GATE_ROWS = 2;
/** What `forget` is when no symbol empties the memory. */
export const FORGET_NONE = 65535;

/** Offsets of the fields of the sensor record, and within the entry of each of its columns. */
export const SENSOR = { columns: 0, entries: 4 } as const;
export const SENSOR_ENTRY = {
  values: 0,
  differences: 1,
  decimals: 2,
  zero: 3,
  least: 4,
  greatest: 8,
  bytes: 12,
} as const;
/** Columns, thresholds of a column's value or difference, and values that are not missing. */
export const SENSOR_LIMITS = { columns: [1, 64], thresholds: [0, 63], value: [-(2 ** 30), 2 ** 30 - 1] } as const;

/** Offsets of the fields of the n-gram record, which its table follows. */
export const NGRAMS = { buckets: 0, orders: 2, scale: 4 } as const;
/** `orders`: bit n - 2 for runs of n symbols. */
export const NGRAM_LIMITS = { buckets: [1, 65535], orders: [1, 255], scale: [0, 2 ** 21 - 1] } as const;

/** Offsets of the fields of the decision record. */
export const DECISION = { signal: 0, threshold: 4 } as const;
/** What a decision's confidence is, by its number in the file: SPEC.md 3.8. */
export const SIGNALS = ["probability", "margin", "entropy", "energy"] as const;
export type Signal = (typeof SIGNALS)[number];

/** Bits of a layer's pathways. */
export const PATHWAY = { local: 1, state: 2, sparse: 4 } as const;

/** A layer record's scales, in their order: 4 bytes each, {u16 multiplier, u16 shift}. */
export const SCALE_NAMES = [
  "local",
  "state",
  "sparse",
  "router",
  "score",
  "query",
  "key",
  "value",
  "in",
  "gate",
  "out",
] as const;
export type ScaleName = (typeof SCALE_NAMES)[number];

/** Largest magnitude of a state coefficient a. */
export const STATE_LIMIT = 32760;

export interface Dimensions {
  /** Symbols V. */
  vocab: number;
  /** Logits O. */
  outputs: number;
  dModel: number;
  /** 0 in the base block. */
  dInner: number;
  dHead: number;
  nLayers: number;
  topK: number;
}

/** Width w that the pathways work on: dModel in the base block, dInner in the gated one. */
export const widthOf = (dimensions: Dimensions): number => dimensions.dInner || dimensions.dModel;

/** Number of pathways P of a layer. */
export const pathwayCount = (bits: number): number => (bits & 1) + ((bits >> 1) & 1) + ((bits >> 2) & 1);

/** Size rounded up to the alignment of everything in the file. */
export const padded = (bytes: number): number => Math.ceil(bytes / 4) * 4;

/** Symbols of the longest run whose order is set. */
export const longestOrder = (orders: number): number => 33 - Math.clz32(orders);

/** Rows of the embedding table that belong to one list of thresholds: between them, missing, and none without thresholds. */
export const levelsOf = (thresholds: number): number => (thresholds > 0 ? thresholds + 2 : 0);

/** What a model has besides its layers: of it depends what it remembers. */
export interface Extras {
  recall?: { window: number } | undefined;
  ngrams?: { orders: number } | undefined;
  pooled?: boolean;
  sensor?: { columns: { length: number } } | undefined;
}

/** What a model remembers between steps, in bytes: SPEC.md 3.7. */
export function memoryBytes(
  dimensions: Dimensions,
  layers: readonly { pathways: number; window: number }[],
  { recall, ngrams, pooled = false, sensor }: Extras,
): number {
  const width = widthOf(dimensions);
  const places = recall ? 4 + padded(3 * recall.window) : 0;
  const symbols = ngrams ? padded(2 * (longestOrder(ngrams.orders) - 1)) : 0;
  const sums = pooled ? 4 * dimensions.dModel : 0;
  const values = sensor ? 4 * sensor.columns.length : 0;
  const has = (pathways: number, pathway: number) => ((pathways & pathway) === 0 ? 0 : 1);
  return layers.reduce(
    (sum, { pathways, window }) => {
      const histories = has(pathways, PATHWAY.local) + has(pathways, PATHWAY.state);
      const slots = has(pathways, PATHWAY.sparse) * (4 + padded(window * (dimensions.dHead + width)));
      return sum + 4 * width * histories + slots;
    },
    places + symbols + sums + values,
  );
}

/** Groups of five trits in a row. */
export const groupsOf = (columns: number): number => Math.floor((columns + 4) / 5);
export const ternaryBytes = (rows: number, columns: number): number => rows * groupsOf(columns);
/** Where the code of a row's group stands within a ternary matrix. */
export const codeIndex = (rows: number, columns: number, row: number, group: number): number => {
  const block = group >> 2;
  return block < groupsOf(columns) >> 2 ? (block * rows + row) * 4 + (group & 3) : group * rows + row;
};

export const int4RowBytes = (columns: number): number => Math.floor((columns + 1) / 2);
export const int4StepBytes = (rows: number): number => padded(2 * rows);
export const int4Bytes = (rows: number, columns: number): number => int4StepBytes(rows) + rows * int4RowBytes(columns);

export type ItemKind =
  | "ternary"
  | "int4"
  | "record"
  | "norm"
  | "taps2"
  | "taps6"
  | "state"
  | "recall"
  | "sensor"
  | "ngrams"
  | "decision";

/** One item of the weights section. */
export interface Item {
  name: string;
  kind: ItemKind;
  /** Offset in the file. */
  offset: number;
  /** Size with padding. */
  bytes: number;
  rows: number;
  columns: number;
}

const ITEM_BYTES: Record<ItemKind, (rows: number, columns: number) => number> = {
  ternary: ternaryBytes,
  int4: int4Bytes,
  record: () => LAYER_RECORD_BYTES,
  norm: (rows) => 4 * rows,
  taps2: (rows) => 2 * rows,
  // Packed taps, then the tapScales.
  taps6: (rows) => 4 * rows + 2 * rows,
  state: (rows) => 4 * rows,
  recall: () => RECALL_BYTES,
  // Thresholds in all, and columns of samples.
  sensor: (rows, columns) => SENSOR.entries + SENSOR_ENTRY.bytes * columns + 4 * rows,
  ngrams: () => NGRAM_RECORD_BYTES,
  decision: () => DECISION_BYTES,
};

export const itemAt = (offset: number, name: string, kind: ItemKind, rows: number, columns: number): Item => ({
  name,
  kind,
  offset,
  bytes: padded(ITEM_BYTES[kind](rows, columns)),
  rows,
  columns,
});

const tableKind = (int4: boolean) => (int4 ? "int4" : "ternary");

export const tableItem = (offset: number, name: string, int4: boolean, rows: number, columns: number): Item =>
  itemAt(offset, name, tableKind(int4), rows, columns);

/** Rows of a layer's first matrix, in the order in which they stand; 0 for those the layer lacks. */
export function firstRows(dimensions: Dimensions, pathways: number) {
  const { dModel, dInner, dHead } = dimensions;
  const sparse = dInner === 0 && (pathways & PATHWAY.sparse) !== 0;
  const nPathways = pathwayCount(pathways);
  return {
    query: sparse ? dHead : 0,
    key: sparse ? dHead : 0,
    value: sparse ? dModel : 0,
    in: dInner,
    gate: dInner,
    router: nPathways > 1 ? nPathways : 0,
  };
}

export interface LayerLayout {
  record: Item;
  norm: Item;
  first: Item | undefined;
  taps: Item | undefined;
  state: Item | undefined;
  second: Item | undefined;
  third: Item | undefined;
  /** Offset of what follows the layer. */
  end: number;
}

/** The layout of a layer whose record stands at `offset` and has these pathway bits; its matrices are `Q` with `int4`. */
export function layerLayout(dimensions: Dimensions, pathways: number, offset: number, int4: boolean): LayerLayout {
  const { dModel, dHead } = dimensions;
  const gated = dimensions.dInner > 0;
  const width = widthOf(dimensions);
  const sparse = (pathways & PATHWAY.sparse) !== 0;
  const rows = Object.values(firstRows(dimensions, pathways)).reduce((sum, count) => sum + count, 0);
  let end = offset;
  const place = (name: string, kind: ItemKind, present: boolean, height: number, columns: number) => {
    if (!present) return undefined;
    const item = itemAt(end, name, kind, height, columns);
    end += item.bytes;
    return item;
  };
  const record = place("record", "record", true, 1, 1) as Item;
  const norm = place("norm", "norm", true, dModel, 2) as Item;
  const first = place("first", tableKind(int4), rows > 0, rows, dModel);
  const taps = place("taps", gated ? "taps6" : "taps2", gated || (pathways & PATHWAY.local) !== 0, width, TAPS);
  const state = place("state", "state", (pathways & PATHWAY.state) !== 0, width, 2);
  const second = place("second", tableKind(int4), gated && sparse, 2 * dHead, width);
  const third = place("third", tableKind(int4), gated, dModel, width);
  return { record, norm, first, taps, state, second, third, end };
}

/** The items of a layer that are there, in file order. */
export const layerItems = (layer: LayerLayout): Item[] =>
  [layer.record, layer.norm, layer.first, layer.taps, layer.state, layer.second, layer.third].filter(
    (item) => item !== undefined,
  );

/** What each symbol adds to recall by itself. */
export const recallSymbolsItem = (offset: number, vocab: number): Item =>
  itemAt(offset, "recallSymbols", "int4", GATE_ROWS, vocab);

/** How many thresholds the value and the difference of a column have. */
interface ColumnSize {
  values: { length: number };
  differences: { length: number };
}

/** The record of a sensor with such columns. */
export const sensorItem = (offset: number, columns: readonly ColumnSize[]): Item => {
  const thresholds = columns.reduce((sum, { values, differences }) => sum + values.length + differences.length, 0);
  return itemAt(offset, "sensor", "sensor", thresholds, columns.length);
};

export interface WeightsLayout {
  /** Absent without the option. */
  sensor: Item | undefined;
  embedding: Item;
  /** The record, then the table; absent without the option. */
  ngrams: Item | undefined;
  ngramTable: Item | undefined;
  layers: readonly LayerLayout[];
  finalNorm: Item;
  /** Absent when tied. */
  unembedding: Item | undefined;
  /** Absent without the options. */
  recallSymbols: Item | undefined;
  recall: Item | undefined;
  /** Absent without the option. */
  decision: Item | undefined;
  end: number;
}

/** Rows of the two tables. */
export function tableRows({ vocab, outputs }: Dimensions, options: number) {
  const gates = (options & OPTION.recallGates) !== 0 ? GATE_ROWS : 0;
  return { embedding: vocab + ((options & OPTION.tied) !== 0 ? gates : 0), unembedding: outputs + gates };
}

/** Sizes that no dimension tells. */
export interface ExtraSizes {
  ngrams?: { buckets: number } | undefined;
  sensor?: { columns: readonly ColumnSize[] } | undefined;
}

/**
 * The layout of the weights section.
 *
 * @param pathways pathway bits, one per layer
 * @param offset where the section starts
 * @param sizes with the options ngrams and sensor
 */
export function weightsLayout(
  dimensions: Dimensions,
  options: number,
  pathways: readonly number[],
  offset: number,
  { ngrams, sensor }: ExtraSizes = {},
): WeightsLayout {
  const { dModel } = dimensions;
  const rows = tableRows(dimensions, options);
  let end = offset;
  const has = (option: number) => (options & option) !== 0;
  const placeIf = (present: boolean, make: () => Item) => {
    const item = present ? make() : undefined;
    end += item?.bytes ?? 0;
    return item;
  };
  const place = (make: () => Item) => placeIf(true, make) as Item;
  return {
    sensor: placeIf(sensor !== undefined, () => sensorItem(end, sensor?.columns ?? [])),
    embedding: place(() => tableItem(end, "embedding", has(OPTION.embedInt4), rows.embedding, dModel)),
    ngrams: placeIf(ngrams !== undefined, () => itemAt(end, "ngrams", "ngrams", 1, 1)),
    ngramTable: placeIf(ngrams !== undefined, () => itemAt(end, "ngramTable", "ternary", ngrams?.buckets ?? 0, dModel)),
    layers: pathways.map((bits) => {
      const layer = layerLayout(dimensions, bits, end, has(OPTION.matricesInt4));
      end = layer.end;
      return layer;
    }),
    finalNorm: place(() => itemAt(end, "finalNorm", "norm", dModel, 2)),
    unembedding: placeIf(!has(OPTION.tied), () =>
      tableItem(end, "unembedding", has(OPTION.unembedInt4), rows.unembedding, dModel),
    ),
    recallSymbols: placeIf(has(OPTION.recallSymbols), () => recallSymbolsItem(end, dimensions.vocab)),
    recall: placeIf(has(OPTION.recall), () => itemAt(end, "recall", "recall", RECALL_PAIRS, 2)),
    decision: placeIf(has(OPTION.decision), () => itemAt(end, "decision", "decision", 1, 1)),
    end,
  };
}
