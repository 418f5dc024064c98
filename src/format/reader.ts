import { crc32 } from "./crc32.js";
import { type ErrorName, FormatError } from "./format-error.js";
import {
  ALL_OPTIONS,
  DECISION,
  type Dimensions,
  type Extras,
  FORGET_NONE,
  HEADER,
  HEADER_BYTES,
  type Item,
  itemAt,
  LAYER,
  type LayerLayout,
  LIMITS,
  layerLayout,
  levelsOf,
  MAGIC,
  memoryBytes,
  NGRAM_LIMITS,
  NGRAMS,
  OPTION,
  PATHWAY,
  RECALL,
  RECALL_PAIRS,
  recallSymbolsItem,
  SCALE_NAMES,
  type ScaleName,
  SECTION,
  SECTION_ENTRY_BYTES,
  SECTION_NAMES,
  SENSOR,
  SENSOR_ENTRY,
  SENSOR_LIMITS,
  type SectionName,
  SIGNALS,
  SMALLEST_FILE_BYTES,
  STATE_LIMIT,
  sensorItem,
  TAPS,
  tableItem,
  tableRows,
  ternaryBytes,
  VERSION,
  type WeightsLayout,
} from "./layout.js";
import { isCode, unpackInt4, unpackTap, unpackTernary } from "./matrices.js";
import type {
  DecisionParts,
  Int4Table,
  LayerParts,
  ModelParts,
  NgramParts,
  NormPairs,
  RecallParts,
  Scale,
  SensorColumn,
  SensorParts,
  Table,
} from "./parts.js";

export interface Section {
  name: SectionName;
  /** In the file. */
  offset: number;
  bytes: number;
}

/** A valid .atome file: its decoded parts and where each stands in its bytes. */
export interface AtomeModel extends ModelParts {
  bytes: Uint8Array;
  crc32: number;
  /** Bits of `OPTION`. */
  options: number;
  sections: readonly Section[];
  layout: WeightsLayout;
}

interface File {
  bytes: Uint8Array;
  view: DataView;
  place: string;
}

function refuse(file: File, name: ErrorName, at: number, problem: string): never {
  throw new FormatError(name, file.place, at, problem);
}

function checkRange(
  file: File,
  error: ErrorName,
  at: number,
  name: string,
  value: number,
  [least, greatest]: readonly [number, number],
): number {
  if (value < least || value > greatest) {
    const range = least === greatest ? `${least}` : `${least} to ${greatest}`;
    refuse(file, error, at, `${name} is ${value} but must be ${range}`);
  }
  return value;
}

const u8 = (file: File, at: number) => file.bytes[at];
const u16 = (file: File, at: number) => file.view.getUint16(at, true);
const u32 = (file: File, at: number) => file.view.getUint32(at, true);
const slice = (file: File, item: Item) => file.bytes.subarray(item.offset, item.offset + item.bytes);

const hex = (value: number) => value.toString(16).padStart(8, "0");

/** Errors 3 to 6: size, magic, version, checksum. */
function checkEnvelope(file: File): number {
  const { bytes } = file;
  if (bytes.length < SMALLEST_FILE_BYTES) {
    refuse(file, "size", bytes.length, `the file ends but at least ${SMALLEST_FILE_BYTES} bytes are needed`);
  }
  if (MAGIC.some((byte, index) => bytes[index] !== byte)) {
    const found = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    refuse(file, "magic", HEADER.magic, `the magic is ${found} but must be 41 54 4f 4d ("ATOM")`);
  }
  checkRange(file, "version", HEADER.version, "version", u16(file, HEADER.version), [VERSION, VERSION]);
  const headerBytes = u16(file, HEADER.headerBytes);
  checkRange(file, "version", HEADER.headerBytes, "headerBytes", headerBytes, [HEADER_BYTES, HEADER_BYTES]);
  const totalBytes = u32(file, HEADER.totalBytes);
  if (totalBytes !== bytes.length) {
    refuse(file, "size", HEADER.totalBytes, `totalBytes is ${totalBytes} but the file has ${bytes.length} bytes`);
  }
  const found = crc32(bytes.subarray(0, HEADER.crc32), bytes.subarray(HEADER.crc32 + 4));
  const stored = u32(file, HEADER.crc32);
  if (found !== stored) {
    refuse(file, "checksum", HEADER.crc32, `crc32 is ${hex(stored)} but the bytes give ${hex(found)}`);
  }
  return stored;
}

/** Error 7. */
function readDimensions(file: File): Dimensions {
  const read = (name: keyof Dimensions, value: number) =>
    checkRange(file, "dimension", HEADER[name], name, value, LIMITS[name]);
  const vocab = read("vocab", u16(file, HEADER.vocab));
  const outputs = read("outputs", u16(file, HEADER.outputs));
  const dModel = read("dModel", u16(file, HEADER.dModel));
  const dInner = u16(file, HEADER.dInner);
  if (dInner !== 0) read("dInner", dInner);
  const dHead = read("dHead", u16(file, HEADER.dHead));
  const nLayers = read("nLayers", u8(file, HEADER.nLayers));
  const topK = read("topK", u8(file, HEADER.topK));
  if (outputs !== vocab && (u32(file, HEADER.options) & OPTION.classifier) === 0) {
    refuse(file, "dimension", HEADER.outputs, `outputs is ${outputs} but must be vocab, ${vocab}, without classifier`);
  }
  return { vocab, outputs, dModel, dInner, dHead, nLayers, topK };
}

/** Error 8. */
function readOptions(file: File): number {
  const options = u32(file, HEADER.options);
  const has = (name: keyof typeof OPTION) => (options & OPTION[name]) !== 0;
  const no = (why: string) => refuse(file, "option", HEADER.options, `options are ${hex(options)} but ${why}`);
  if (options > ALL_OPTIONS) no("only bits 0 to 11 are known");
  if (has("classifier")) {
    if (has("recall")) no("recall needs no classifier");
  } else {
    for (const name of ["pooled", "sensor", "decision"] as const) if (has(name)) no(`${name} needs a classifier`);
  }
  if (has("recallGates") && !has("recall")) no("gates need recall");
  if (has("recallSymbols") && !has("recall")) no("bonuses of symbols need recall");
  if (has("sensor") && has("ngrams")) no("a sensor has no symbols for n-grams");
  if (has("tied")) {
    if (has("embedInt4") !== has("unembedInt4")) no("tied needs embedding and unembedding of one kind");
    if (has("classifier")) no("tied needs no classifier");
  }
  return options;
}

function readScale(file: File, at: number, name: string): Scale {
  return {
    multiplier: checkRange(file, "scale", at, `${name} multiplier`, u16(file, at), [0, 32767]),
    shift: checkRange(file, "scale", at + 2, `${name} shift`, u16(file, at + 2), [2, 31]),
  };
}

/** Error 9, the header's part. */
function readHeaderScales(file: File, options: number) {
  const check = (name: "epsilon" | "embedScale" | "finalNormShift", value: number, greatest: number) =>
    checkRange(file, "scale", HEADER[name], name, value, [0, greatest]);
  const epsilon = check("epsilon", u32(file, HEADER.epsilon), 2 ** 30 - 1);
  const largest = (options & OPTION.embedInt4) !== 0 ? 15 : 2 ** 21 - 1;
  const embedScale = check("embedScale", u32(file, HEADER.embedScale), largest);
  const logitScale = readScale(file, HEADER.logitMultiplier, "logitScale");
  const finalNormShift = check("finalNormShift", u16(file, HEADER.finalNormShift), 31);
  return { epsilon, embedScale, logitScale, finalNormShift };
}

/** Error 10. */
function readSections(file: File, options: number): Section[] {
  const no = (at: number, problem: string) => refuse(file, "section", at, problem);
  const range = [1, SECTION_NAMES.length] as const;
  const count = checkRange(file, "section", HEADER.sectionCount, "sectionCount", u16(file, HEADER.sectionCount), range);
  let offset = HEADER_BYTES + count * SECTION_ENTRY_BYTES;
  if (offset > file.bytes.length) no(file.bytes.length, `the file ends within its table of ${count} sections`);
  const sections: Section[] = [];
  let last = 0;
  for (let at = HEADER_BYTES; at < HEADER_BYTES + count * SECTION_ENTRY_BYTES; at += SECTION_ENTRY_BYTES) {
    const id = u32(file, at);
    const bytes = u32(file, at + 4);
    if (last === 0 && id !== SECTION.weights) no(at, `the first section is ${id} but must be 1`);
    if (id <= last || id > SECTION_NAMES.length) no(at, `section ${id} follows ${last} but must be above it, up to 5`);
    if (bytes % 4 !== 0) no(at + 4, `section ${id} has ${bytes} bytes but must have a multiple of 4`);
    sections.push({ name: SECTION_NAMES[id - 1], offset, bytes });
    offset += bytes;
    last = id;
  }
  if (offset !== file.bytes.length) {
    no(HEADER_BYTES, `the sections end at byte ${offset} but the file at ${file.bytes.length}`);
  }
  if (sections.some(({ name }) => name === "tokens") && (options & OPTION.sensor) !== 0) {
    no(HEADER_BYTES, "there are tokens but a sensor has no symbols");
  }
  const named = sections.some((section) => section.name === "classNames");
  if (named !== ((options & OPTION.classifier) !== 0)) {
    no(HEADER_BYTES, `class names are ${named ? "given" : "missing"} but the option classifier says otherwise`);
  }
  return sections;
}

/** Error 15 for an item that does not fit into the section, which ends at `end`. */
function checkFits(file: File, item: Item, end: number): void {
  if (item.offset + item.bytes > end) {
    const left = end - item.offset;
    refuse(file, "weights", item.offset, `${left} bytes of weights are left but the ${item.name} needs ${item.bytes}`);
  }
}

/** Error 12. */
function readTernary(file: File, item: Item): Int8Array {
  const codes = file.bytes.subarray(item.offset, item.offset + ternaryBytes(item.rows, item.columns));
  const bad = codes.findIndex((code) => !isCode(code));
  if (bad >= 0) refuse(file, "code", item.offset + bad, `${codes[bad]} is not a code of five trits`);
  return unpackTernary(codes, item.rows, item.columns);
}

/** Errors 15, 12, and 9 for a 4-bit step. */
function readTable(file: File, item: Item, end: number): Table {
  checkFits(file, item, end);
  if (item.kind === "ternary") return { kind: "ternary", trits: readTernary(file, item) };
  const { values, steps } = unpackInt4(slice(file, item), item.rows, item.columns);
  const bad = steps.findIndex((step) => step > 32767);
  if (bad >= 0) {
    refuse(file, "scale", item.offset + 2 * bad, `the step of row ${bad} is ${steps[bad]} but must be 0 to 32767`);
  }
  return { kind: "int4", values, steps };
}

/** `count` pairs of i16 from `at` on, as their first and second members. */
function readPairs(file: File, at: number, count: number): [Int16Array, Int16Array] {
  const member = (offset: number) =>
    Int16Array.from({ length: count }, (_, index) => file.view.getInt16(at + 4 * index + offset, true));
  return [member(0), member(2)];
}

function readNorm(file: File, item: Item): NormPairs {
  const [gamma, beta] = readPairs(file, item.offset, item.rows);
  return { gamma, beta };
}

/** Error 13. */
function readTaps(file: File, item: Item): { taps: Int8Array; tapScales: Int16Array | undefined } {
  const gated = item.kind === "taps6";
  const [bits, channelBytes] = gated ? [6, 4] : [2, 2];
  const taps = new Int8Array(item.rows * TAPS);
  for (let channel = 0; channel < item.rows; channel++) {
    const at = item.offset + channel * channelBytes;
    const packed = gated ? u32(file, at) : u16(file, at);
    if (packed >= 2 ** (bits * TAPS)) {
      refuse(file, "tap", at, `the taps of channel ${channel} are ${hex(packed)} but the upper bits must be 0`);
    }
    for (let j = 0; j < TAPS; j++) {
      const tap = unpackTap(packed, j, bits);
      if (!gated && tap === -2) refuse(file, "tap", at, `tap ${j} of channel ${channel} is -2 but must be -1, 0 or 1`);
      taps[channel * TAPS + j] = tap;
    }
  }
  if (!gated) return { taps, tapScales: undefined };
  const scales = item.offset + item.rows * channelBytes;
  const tapScales = Int16Array.from({ length: item.rows }, (_, c) => file.view.getInt16(scales + 2 * c, true));
  return { taps, tapScales };
}

/** Error 14. */
function readState(file: File, item: Item): { a: Int16Array; c: Int16Array } {
  const [a, c] = readPairs(file, item.offset, item.rows);
  const bad = a.findIndex((value) => Math.abs(value) > STATE_LIMIT);
  if (bad >= 0) {
    const at = item.offset + 4 * bad;
    refuse(file, "state", at, `a of channel ${bad} is ${a[bad]} but must be -${STATE_LIMIT} to ${STATE_LIMIT}`);
  }
  return { a, c };
}

/** Error 11; gives the pathway bits and the window. */
function readPathways(file: File, dimensions: Dimensions, at: number): { pathways: number; window: number } {
  const pathways = checkRange(file, "layer", at + LAYER.pathways, "pathways", u8(file, at + LAYER.pathways), [1, 7]);
  if (dimensions.dInner > 0 && (pathways & PATHWAY.local) === 0) {
    refuse(file, "layer", at + LAYER.pathways, `pathways is ${pathways} but bit 0 must be set in the gated block`);
  }
  const limits = (pathways & PATHWAY.sparse) !== 0 ? LIMITS.window : ([0, 0] as const);
  const window = checkRange(file, "layer", at + LAYER.window, "window", u16(file, at + LAYER.window), limits);
  return { pathways, window };
}

/** Error 9 of a layer. */
function readLayerScales(file: File, at: number) {
  const shift = (name: "normShift" | "tapShift" | "mixShift") =>
    checkRange(file, "scale", at + LAYER[name], name, u8(file, at + LAYER[name]), [0, 31]);
  const normShift = shift("normShift");
  const scales = Object.fromEntries(
    SCALE_NAMES.map((name, index) => [name, readScale(file, at + LAYER.scales + 4 * index, `the ${name} scale's`)]),
  ) as Record<ScaleName, Scale>;
  return { normShift, scales, tapShift: shift("tapShift"), mixShift: shift("mixShift") };
}

function readLayer(file: File, dimensions: Dimensions, int4: boolean, offset: number, end: number) {
  checkFits(file, itemAt(offset, "record of a layer", "record", 1, 1), end);
  const { pathways, window } = readPathways(file, dimensions, offset);
  const layout: LayerLayout = layerLayout(dimensions, pathways, offset, int4);
  const scales = readLayerScales(file, offset);
  const bias = (index: number) => file.view.getInt16(offset + LAYER.routerBias + 2 * index, true);
  const fitting = <T>(item: Item | undefined, read: (item: Item) => T): T | undefined => {
    if (!item) return undefined;
    checkFits(file, item, end);
    return read(item);
  };
  const table = (item: Item | undefined) => fitting(item, (present) => readTable(file, present, end));
  const parts: LayerParts = {
    pathways,
    window,
    ...scales,
    routerBias: [bias(0), bias(1), bias(2)],
    norm: fitting(layout.norm, (item) => readNorm(file, item)) as NormPairs,
    first: table(layout.first),
    ...(fitting(layout.taps, (item) => readTaps(file, item)) ?? { taps: undefined, tapScales: undefined }),
    state: fitting(layout.state, (item) => readState(file, item)),
    second: table(layout.second),
    third: table(layout.third),
  };
  return { layout, parts };
}

/** Error 19. */
function readRecall(file: File, { vocab }: Dimensions, item: Item): Omit<RecallParts, "gates" | "symbols"> {
  const at = (field: keyof typeof RECALL) => item.offset + RECALL[field];
  const window = checkRange(file, "recall", at("window"), "the window", u16(file, at("window")), LIMITS.window);
  const forget = u16(file, at("forget"));
  if (forget !== FORGET_NONE) checkRange(file, "recall", at("forget"), "forget", forget, [0, vocab - 1]);
  const [bonus, pull] = readPairs(file, at("pairs"), RECALL_PAIRS);
  pull.forEach((value, i) => {
    checkRange(file, "recall", at("pairs") + 4 * i + 2, `pull ${i}`, value, [0, 32767]);
  });
  return { window, forget: forget === FORGET_NONE ? undefined : forget, bonus, pull };
}

/** What a column's numbers lie in: error 21. */
function readRange(file: File, entry: number): { least: number; greatest: number } {
  const [lowest, highest] = SENSOR_LIMITS.value;
  const check = (name: "least" | "greatest", from: number) => {
    const at = entry + SENSOR_ENTRY[name];
    return checkRange(file, "sensor", at, `the column's ${name}`, file.view.getInt32(at, true), [from, highest]);
  };
  const least = check("least", lowest);
  return { least, greatest: check("greatest", least) };
}

/** How many thresholds a column has, and its other facts: error 21. */
function readColumnEntry(file: File, at: number) {
  const count = (name: "values" | "differences") => {
    const value = u8(file, at + SENSOR_ENTRY[name]);
    return checkRange(
      file,
      "sensor",
      at + SENSOR_ENTRY[name],
      `the number of ${name}`,
      value,
      SENSOR_LIMITS.thresholds,
    );
  };
  const [values, differences] = [count("values"), count("differences")];
  if (values + differences === 0) refuse(file, "sensor", at, "the column has no thresholds but needs some");
  checkRange(
    file,
    "sensor",
    at + SENSOR_ENTRY.zero,
    "the column's last byte",
    u8(file, at + SENSOR_ENTRY.zero),
    [0, 0],
  );
  return { values, differences, decimals: file.view.getInt8(at + SENSOR_ENTRY.decimals), ...readRange(file, at) };
}

/** Errors 15 and 21. */
function readSensor(
  file: File,
  { vocab }: Dimensions,
  offset: number,
  end: number,
): { item: Item; parts: SensorParts } {
  let at = offset;
  const take = (bytes: number) => {
    checkFits(file, { name: "sensor", kind: "sensor", offset: at, bytes, rows: 0, columns: 0 }, end);
    at += bytes;
    return at - bytes;
  };
  const thresholds = (length: number) => {
    const list = take(4 * length);
    return Int32Array.from({ length }, (_, i) => {
      const value = file.view.getInt32(list + 4 * i, true);
      const before = i > 0 ? file.view.getInt32(list + 4 * i - 4, true) : Number.NEGATIVE_INFINITY;
      if (value <= before) {
        refuse(file, "sensor", list + 4 * i, `threshold ${value} follows ${before} but must be above it`);
      }
      return value;
    });
  };
  const count = u32(file, take(SENSOR.entries));
  checkRange(file, "sensor", offset, "columns", count, SENSOR_LIMITS.columns);
  const entries = take(SENSOR_ENTRY.bytes * count);
  const columns = Array.from({ length: count }, (_, i): SensorColumn => {
    const { values, differences, ...rest } = readColumnEntry(file, entries + SENSOR_ENTRY.bytes * i);
    return { values: thresholds(values), differences: thresholds(differences), ...rest };
  });
  const rows = columns.flatMap(({ values, differences }) => [levelsOf(values.length), levelsOf(differences.length)]);
  const total = rows.reduce((sum, levels) => sum + levels, 0);
  if (total !== vocab) refuse(file, "sensor", offset, `the columns have ${total} rows but vocab is ${vocab}`);
  return { item: sensorItem(offset, columns), parts: { columns } };
}

/** Error 20. */
function readNgramRecord(file: File, { offset }: Item): Omit<NgramParts, "trits"> {
  const read = (name: keyof typeof NGRAMS, value: number) =>
    checkRange(file, "ngrams", offset + NGRAMS[name], name, value, NGRAM_LIMITS[name]);
  return {
    buckets: read("buckets", u16(file, offset + NGRAMS.buckets)),
    orders: read("orders", u16(file, offset + NGRAMS.orders)),
    scale: read("scale", u32(file, offset + NGRAMS.scale)),
  };
}

/** Error 22. */
function readDecision(file: File, { offset }: Item): DecisionParts {
  const at = offset + DECISION.signal;
  const signal = checkRange(file, "decision", at, "the signal", u32(file, at), [0, SIGNALS.length - 1]);
  return { signal: SIGNALS[signal], threshold: file.view.getInt32(offset + DECISION.threshold, true) };
}

/** The items of the weights one after the other. */
class WeightsReader {
  constructor(
    readonly file: File,
    readonly dimensions: Dimensions,
    readonly options: number,
    public at: number,
    readonly end: number,
  ) {}

  has(option: keyof typeof OPTION): boolean {
    return (this.options & OPTION[option]) !== 0;
  }

  /** Error 15, then what `read` refuses. */
  next<T>(item: Item, read: (item: Item) => T): { item: Item; parts: T } {
    checkFits(this.file, item, this.end);
    this.at = item.offset + item.bytes;
    return { item, parts: read(item) };
  }

  table(name: string, int4: boolean, rows: number) {
    const item = tableItem(this.at, name, int4, rows, this.dimensions.dModel);
    return this.next(item, () => readTable(this.file, item, this.end));
  }

  sensor() {
    const sensor = readSensor(this.file, this.dimensions, this.at, this.end);
    this.at += sensor.item.bytes;
    return sensor;
  }

  ngrams() {
    const record = this.next(itemAt(this.at, "ngrams", "ngrams", 1, 1), (item) => readNgramRecord(this.file, item));
    const { buckets } = record.parts;
    const table = this.next(itemAt(this.at, "ngramTable", "ternary", buckets, this.dimensions.dModel), (item) =>
      readTernary(this.file, item),
    );
    return { record: record.item, table: table.item, parts: { ...record.parts, trits: table.parts } };
  }

  recall() {
    const { vocab } = this.dimensions;
    const symbols = this.has("recallSymbols")
      ? this.next(recallSymbolsItem(this.at, vocab), (item) => readTable(this.file, item, this.end))
      : undefined;
    const record = this.next(itemAt(this.at, "recall", "recall", RECALL_PAIRS, 2), (item) =>
      readRecall(this.file, this.dimensions, item),
    );
    const parts = { ...record.parts, gates: this.has("recallGates"), symbols: symbols?.parts as Int4Table | undefined };
    return { symbols: symbols?.item, record: record.item, parts };
  }

  layers() {
    return Array.from({ length: this.dimensions.nLayers }, () => {
      const layer = readLayer(this.file, this.dimensions, this.has("matricesInt4"), this.at, this.end);
      this.at = layer.layout.end;
      return layer;
    });
  }
}

function readWeights(file: File, dimensions: Dimensions, options: number, section: Section) {
  const { dModel } = dimensions;
  const rows = tableRows(dimensions, options);
  const end = section.offset + section.bytes;
  const reader = new WeightsReader(file, dimensions, options, section.offset, end);
  const sensor = reader.has("sensor") ? reader.sensor() : undefined;
  const embedding = reader.table("embedding", reader.has("embedInt4"), rows.embedding);
  const ngrams = reader.has("ngrams") ? reader.ngrams() : undefined;
  const layers = reader.layers();
  const finalNorm = reader.next(itemAt(reader.at, "finalNorm", "norm", dModel, 2), (item) => readNorm(file, item));
  const unembedding = reader.has("tied")
    ? undefined
    : reader.table("unembedding", reader.has("unembedInt4"), rows.unembedding);
  const recall = reader.has("recall") ? reader.recall() : undefined;
  const decision = reader.has("decision")
    ? reader.next(itemAt(reader.at, "decision", "decision", 1, 1), (item) => readDecision(file, item))
    : undefined;
  if (reader.at !== end) {
    refuse(file, "weights", reader.at, `the weights are complete but their section goes on to byte ${end}`);
  }
  const layout: WeightsLayout = {
    sensor: sensor?.item,
    embedding: embedding.item,
    ngrams: ngrams?.record,
    ngramTable: ngrams?.table,
    layers: layers.map((layer) => layer.layout),
    finalNorm: finalNorm.item,
    unembedding: unembedding?.item,
    recallSymbols: recall?.symbols,
    recall: recall?.record,
    decision: decision?.item,
    end,
  };
  const parts = {
    sensor: sensor?.parts,
    embedding: embedding.parts,
    ngrams: ngrams?.parts,
    layers: layers.map((layer) => layer.parts),
    pooled: reader.has("pooled"),
    finalNorm: finalNorm.parts,
    unembedding: unembedding?.parts,
    recall: recall?.parts,
    decision: decision?.parts,
  };
  checkMemory(file, dimensions, parts);
  return { layout, ...parts };
}

/** Error 15 for what the model says it remembers. */
function checkMemory(file: File, dimensions: Dimensions, parts: Extras & { layers: readonly LayerParts[] }): void {
  const memory = memoryBytes(dimensions, parts.layers, parts);
  const stored = u32(file, HEADER.memoryBytes);
  if (stored === memory) return;
  refuse(file, "weights", HEADER.memoryBytes, `memoryBytes is ${stored} but the model needs ${memory}`);
}

/** Strings of a section (SPEC.md 1.3), or undefined when it is not there. */
function readStrings(file: File, section: Section | undefined, error: ErrorName, count: number) {
  if (!section) return undefined;
  const end = section.offset + section.bytes;
  const strings: Uint8Array[] = [];
  let at = section.offset;
  for (let index = 0; index < count; index++) {
    const next = at + 1 + (at < end ? u8(file, at) : 0);
    if (next > end) refuse(file, error, at, `string ${index} of ${count} does not end within its section`);
    strings.push(file.bytes.subarray(at + 1, next));
    at = next;
  }
  const rest = file.bytes.subarray(at, end);
  if (rest.length > 3 || rest.some((byte) => byte !== 0)) {
    refuse(file, error, at, `${rest.length} bytes follow the last string but only 0 to 3 zeros may`);
  }
  return strings;
}

/** Error 16: every byte must be encodable (SPEC.md section 4). */
function checkTokens(file: File, at: number, tokens: readonly Uint8Array[]): void {
  const escapes = tokens.filter((token) => token.length === 0).length;
  if (escapes > 1) refuse(file, "token", at, `${escapes} tokens are empty but at most one, the escape, may be`);
  if (escapes === 1) {
    if (tokens.length < 17) refuse(file, "token", at, `there are ${tokens.length} tokens but an escape needs 17`);
    return;
  }
  const single = new Set(tokens.filter((token) => token.length === 1).map((token) => token[0]));
  if (single.size < 256) {
    refuse(file, "token", at, `${256 - single.size} bytes have no token but without an escape each must have one`);
  }
}

function metadataText(file: File, section: Section | undefined): string | undefined {
  if (!section) return undefined;
  const bytes = file.bytes.subarray(section.offset, section.offset + section.bytes);
  return new TextDecoder().decode(bytes).replace(/ +$/, "");
}

/**
 * Reads an .atome file, checking everything that SPEC.md calls "valid if and only if", in the order of its section 6.
 *
 * @param bytes the whole file; the result's byte arrays are views into it
 * @param place what the user calls the file, for the error, e.g. `"a.atome"`
 * @throws FormatError for the first rule that the file breaks
 */
export function readModel(bytes: Uint8Array, place = "the model"): AtomeModel {
  const file: File = { bytes, place, view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength) };
  const crc = checkEnvelope(file);
  const dimensions = readDimensions(file);
  const options = readOptions(file);
  const scales = readHeaderScales(file, options);
  const sections = readSections(file, options);
  const section = (name: SectionName) => sections.find((candidate) => candidate.name === name);
  const weights = readWeights(file, dimensions, options, sections[0]);
  const tokenSection = section("tokens");
  const tokens = readStrings(file, tokenSection, "token", dimensions.vocab);
  if (tokens && tokenSection) checkTokens(file, tokenSection.offset, tokens);
  const classNames = readStrings(file, section("classNames"), "class", dimensions.outputs);
  const signature = section("signature");
  return {
    bytes,
    crc32: crc,
    options,
    sections,
    dimensions,
    ...scales,
    ...weights,
    tokens,
    classNames,
    metadata: metadataText(file, section("metadata")),
    signature: signature && bytes.subarray(signature.offset, signature.offset + signature.bytes),
  };
}

/** Whether a file is valid: error 0 and no message, or the number of SPEC.md section 6 and the sentence that says why. */
export function checkModel(bytes: Uint8Array, place?: string): { error: number; message: string } {
  try {
    readModel(bytes, place);
    return { error: 0, message: "" };
  } catch (error) {
    if (error instanceof FormatError) return { error: error.code, message: error.message };
    throw error;
  }
}
