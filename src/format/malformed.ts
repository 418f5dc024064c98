/** Files that a reader must refuse: one or more for every rule of SPEC.md sections 1, 2 and 4, each named after what is wrong. */
import { ERROR_NAMES, type ErrorName } from "./format-error.js";
import {
  HEADER,
  HEADER_BYTES,
  type Item,
  LAYER,
  NGRAMS,
  OPTION,
  RECALL,
  SCALE_NAMES,
  SECTION_ENTRY_BYTES,
  SENSOR,
  SENSOR_ENTRY,
  SMALLEST_FILE_BYTES,
} from "./layout.js";
import type { ModelParts } from "./parts.js";
import { type AtomeModel, readModel } from "./reader.js";
import {
  sampleBase,
  sampleClassifier,
  sampleGated,
  sampleInt4Matrices,
  sampleNgrams,
  sampleRecall,
  sampleRecallGates,
  sampleRecallSymbols,
  sampleSensor,
  sampleSensorOf63,
} from "./samples.js";
import { encodeModel, sealModel } from "./writer.js";

export interface MalformedFile {
  /** kebab-case; fit for a file name. */
  name: string;
  /** The number that a reader must give: SPEC.md section 6. */
  error: number;
  bytes: Uint8Array;
}

/** One change to a valid file; `view` lies over `bytes`, `valid` is what the file said before. */
type Mutation = (view: DataView, valid: AtomeModel, bytes: Uint8Array) => Uint8Array | undefined;
interface Case {
  name: string;
  error: ErrorName;
  sample: () => ModelParts;
  mutate: Mutation;
  /** Whether the checksum is made right again after the change. */
  sealed: boolean;
}

const at16 =
  (offset: number, value: number): Mutation =>
  (view) => {
    view.setUint16(offset, value, true);
    return undefined;
  };
const at32 =
  (offset: number, value: number): Mutation =>
  (view) => {
    view.setUint32(offset, value, true);
    return undefined;
  };
const at8 =
  (offset: number, value: number): Mutation =>
  (view) => {
    view.setUint8(offset, value);
    return undefined;
  };

const entry = (name: string, error: ErrorName, sample: () => ModelParts, mutate: Mutation, sealed = true): Case => ({
  name,
  error,
  sample,
  mutate,
  sealed,
});

const cut =
  (keep: (valid: AtomeModel) => number): Mutation =>
  (_, valid, bytes) =>
    bytes.slice(0, keep(valid));

/** Adds (or, negative, takes away) bytes at an offset and corrects totalBytes and the size of one section. */
function resize(bytes: Uint8Array, offset: number, change: number, sectionIndex: number): Uint8Array {
  const result = new Uint8Array(bytes.length + change);
  result.set(bytes.subarray(0, Math.min(offset, offset + change)));
  result.set(bytes.subarray(offset), offset + change);
  const view = new DataView(result.buffer);
  const sizeAt = HEADER_BYTES + sectionIndex * SECTION_ENTRY_BYTES + 4;
  view.setUint32(HEADER.totalBytes, result.length, true);
  view.setUint32(sizeAt, view.getUint32(sizeAt, true) + change, true);
  return result;
}

const envelope: Case[] = [
  entry(
    "size-empty",
    "size",
    sampleBase,
    cut(() => 0),
    false,
  ),
  entry(
    "size-one-byte",
    "size",
    sampleBase,
    cut(() => 1),
    false,
  ),
  entry(
    "size-59-bytes",
    "size",
    sampleBase,
    cut(() => SMALLEST_FILE_BYTES - 1),
    false,
  ),
  entry(
    "size-header-only",
    "size",
    sampleBase,
    cut(() => HEADER_BYTES),
    false,
  ),
  entry("size-header-only-whole", "size", sampleBase, (_v, _m, bytes) => {
    const header = bytes.slice(0, HEADER_BYTES);
    new DataView(header.buffer).setUint32(HEADER.totalBytes, HEADER_BYTES, true);
    return header;
  }),
  entry(
    "size-last-byte-missing",
    "size",
    sampleBase,
    cut((valid) => valid.bytes.length - 1),
  ),
  entry("size-one-byte-too-many", "size", sampleBase, (_v, _m, bytes) => Uint8Array.of(...bytes, 0)),
  entry("size-total-zero", "size", sampleBase, at32(HEADER.totalBytes, 0)),
  entry("size-total-huge", "size", sampleBase, at32(HEADER.totalBytes, 0xffffffff)),
  entry("magic-first-byte", "magic", sampleBase, at8(0, 0x61)),
  entry("magic-last-byte", "magic", sampleBase, at8(3, 0x45)),
  entry("magic-all-zero", "magic", sampleBase, (_v, _m, bytes) => new Uint8Array(bytes.length)),
  entry("version-0", "version", sampleBase, at16(HEADER.version, 0)),
  entry("version-2", "version", sampleBase, at16(HEADER.version, 2)),
  entry("header-bytes-48", "version", sampleBase, at16(HEADER.headerBytes, 48)),
  entry("header-bytes-56", "version", sampleBase, at16(HEADER.headerBytes, 56)),
  entry(
    "checksum-stored",
    "checksum",
    sampleBase,
    (view, valid) => at32(HEADER.crc32, valid.crc32 ^ 1)(view, valid, valid.bytes),
    false,
  ),
  entry(
    "checksum-header-bit",
    "checksum",
    sampleBase,
    (view, valid) => at32(HEADER.epsilon, valid.epsilon ^ 1)(view, valid, valid.bytes),
    false,
  ),
  entry(
    "checksum-last-byte",
    "checksum",
    sampleBase,
    (view, valid) => at8(valid.bytes.length - 1, view.getUint8(valid.bytes.length - 1) ^ 128)(view, valid, valid.bytes),
    false,
  ),
];

const dimensions: Case[] = [
  ...(
    [
      ["vocab", 0],
      ["vocab", 1],
      ["vocab", 1025],
      ["outputs", 0],
      ["outputs", 1],
      ["outputs", 1025],
      ["dModel", 0],
      ["dModel", 1],
      ["dModel", 1025],
      ["dInner", 2049],
      ["dHead", 0],
      ["dHead", 257],
    ] as const
  ).map(([name, value]) => entry(`${name}-${value}`, "dimension", sampleClassifier, at16(HEADER[name], value))),
  ...(
    [
      ["nLayers", 0],
      ["nLayers", 65],
      ["topK", 0],
      ["topK", 5],
    ] as const
  ).map(([name, value]) => entry(`${name}-${value}`, "dimension", sampleBase, at8(HEADER[name], value))),
  entry("outputs-not-vocab", "dimension", sampleBase, at16(HEADER.outputs, 4)),
];

const options: Case[] = [
  entry("option-bit-12", "option", sampleBase, at32(HEADER.options, 4096)),
  entry("option-bit-31", "option", sampleBase, at32(HEADER.options, 0x80000000)),
  entry("option-tied-embed-int4-only", "option", sampleGated, at32(HEADER.options, 3)),
  entry("option-tied-unembed-int4-only", "option", sampleGated, at32(HEADER.options, 5)),
  entry("option-tied-classifier", "option", sampleClassifier, at32(HEADER.options, 15)),
  entry("option-recall-classifier", "option", sampleClassifier, at32(HEADER.options, 28)),
  entry("option-gates-without-recall", "option", sampleBase, at32(HEADER.options, OPTION.recallGates)),
  entry("option-symbols-without-recall", "option", sampleBase, at32(HEADER.options, OPTION.recallSymbols)),
  ...(["pooled", "sensor", "decision"] as const).map((name) =>
    entry(`option-${name}-without-classifier`, "option", sampleBase, at32(HEADER.options, OPTION[name])),
  ),
  entry("option-sensor-ngrams", "option", sampleSensor, (view, valid, bytes) =>
    at32(HEADER.options, valid.options | OPTION.ngrams)(view, valid, bytes),
  ),
];

const layerAt = (valid: AtomeModel, index: number) => valid.layout.layers[index].record.offset;

const unchanged: Mutation = () => undefined;
const oneByteTokens = (count: number) => Array.from({ length: count }, (_, index) => Uint8Array.of(index));

/** A 16-bit field of layer `index`. */
const layer16 =
  (index: number, field: number, value: number): Mutation =>
  (view, valid, bytes) =>
    at16(layerAt(valid, index) + field, value)(view, valid, bytes);
const layer8 =
  (index: number, field: number, value: number): Mutation =>
  (view, valid, bytes) =>
    at8(layerAt(valid, index) + field, value)(view, valid, bytes);

const stepOf =
  (item: (valid: AtomeModel) => Item | undefined, row: number): Mutation =>
  (view, valid, bytes) =>
    at16((item(valid) as Item).offset + 2 * row, 32768)(view, valid, bytes);

const scales: Case[] = [
  entry("epsilon-2-to-30", "scale", sampleBase, at32(HEADER.epsilon, 2 ** 30)),
  entry("embed-scale-2-to-21", "scale", sampleBase, at32(HEADER.embedScale, 2 ** 21)),
  entry("embed-scale-int4-16", "scale", sampleGated, at32(HEADER.embedScale, 16)),
  entry("logit-multiplier-32768", "scale", sampleBase, at16(HEADER.logitMultiplier, 32768)),
  entry("logit-shift-1", "scale", sampleBase, at16(HEADER.logitShift, 1)),
  entry("logit-shift-32", "scale", sampleBase, at16(HEADER.logitShift, 32)),
  entry("final-norm-shift-32", "scale", sampleBase, at16(HEADER.finalNormShift, 32)),
  entry("norm-shift-32", "scale", sampleBase, layer8(0, LAYER.normShift, 32)),
  // 32 | 0 | 0: a reader may look at the three shifts together.
  entry("norm-shift-32-alone", "scale", sampleBase, (view, valid) => {
    const at = layerAt(valid, 0);
    view.setUint8(at + LAYER.normShift, 32);
    for (const field of [LAYER.tapShift, LAYER.mixShift]) view.setUint8(at + field, 0);
    return undefined;
  }),
  // The first 16 bits of the record would be no valid decay of a state, either: error 9 all the same.
  entry("norm-shift-128", "scale", sampleBase, layer8(0, LAYER.normShift, 128)),
  entry("tap-shift-32", "scale", sampleGated, layer8(1, LAYER.tapShift, 32)),
  entry("mix-shift-32", "scale", sampleGated, layer8(0, LAYER.mixShift, 32)),
  ...SCALE_NAMES.flatMap((name, index) => [
    entry(`${name}-multiplier-32768`, "scale", sampleBase, layer16(index % 2, LAYER.scales + 4 * index, 32768)),
    entry(`${name}-shift-1`, "scale", sampleGated, layer16(0, LAYER.scales + 4 * index + 2, 1)),
    entry(`${name}-shift-32`, "scale", sampleBase, layer16(1, LAYER.scales + 4 * index + 2, 32)),
  ]),
  entry(
    "embedding-step-32768",
    "scale",
    sampleGated,
    stepOf((valid) => valid.layout.embedding, 16),
  ),
  entry(
    "unembedding-step-32768",
    "scale",
    sampleClassifier,
    stepOf((valid) => valid.layout.unembedding, 0),
  ),
  ...(["first", "second", "third"] as const).map((matrix) =>
    entry(
      `${matrix}-step-32768`,
      "scale",
      sampleInt4Matrices,
      stepOf((valid) => valid.layout.layers[0][matrix], 4),
    ),
  ),
];

const sectionEntry = (index: number) => HEADER_BYTES + index * SECTION_ENTRY_BYTES;
/** Changes the sizes of two neighbouring sections by opposite amounts. */
const shiftBorder =
  (first: number, change: number): Mutation =>
  (view) => {
    for (const [index, sign] of [
      [first, 1],
      [first + 1, -1],
    ]) {
      const at = sectionEntry(index) + 4;
      view.setUint32(at, view.getUint32(at, true) + sign * change, true);
    }
    return undefined;
  };

/** The table of the gated sample, whose last section is the signature, with one more section of no bytes. */
const sectionAfterSignature =
  (id: number): Mutation =>
  (_, valid, bytes) => {
    const at = sectionEntry(valid.sections.length);
    const result = new Uint8Array(bytes.length + SECTION_ENTRY_BYTES);
    result.set(bytes.subarray(0, at));
    result.set(bytes.subarray(at), at + SECTION_ENTRY_BYTES);
    const view = new DataView(result.buffer);
    view.setUint32(at, id, true);
    view.setUint16(HEADER.sectionCount, valid.sections.length + 1, true);
    view.setUint32(HEADER.totalBytes, result.length, true);
    return result;
  };

const sections: Case[] = [
  entry("section-count-0", "section", sampleBase, at16(HEADER.sectionCount, 0)),
  entry("section-count-6", "section", sampleBase, at16(HEADER.sectionCount, 6)),
  entry("section-count-65535", "section", sampleBase, at16(HEADER.sectionCount, 65535)),
  entry("section-table-beyond-end", "section", sampleBase, (_v, _m, bytes) => {
    const short = bytes.slice(0, SMALLEST_FILE_BYTES);
    new DataView(short.buffer).setUint32(HEADER.totalBytes, SMALLEST_FILE_BYTES, true);
    new DataView(short.buffer).setUint16(HEADER.sectionCount, 5, true);
    return short;
  }),
  entry("section-weights-missing", "section", sampleBase, at32(sectionEntry(0), 2)),
  entry("section-id-0", "section", sampleBase, at32(sectionEntry(0), 0)),
  entry("section-id-twice", "section", sampleGated, at32(sectionEntry(2), 2)),
  entry("section-ids-fall", "section", sampleGated, at32(sectionEntry(2), 1)),
  entry("section-id-6", "section", sampleGated, at32(sectionEntry(3), 6)),
  entry("section-id-huge", "section", sampleGated, at32(sectionEntry(3), 0xffffffff)),
  entry("section-signature-twice", "section", sampleGated, sectionAfterSignature(5)),
  entry("section-6-after-signature", "section", sampleGated, sectionAfterSignature(6)),
  entry("section-huge-after-signature", "section", sampleGated, sectionAfterSignature(0x7fffffff)),
  entry("section-bytes-not-multiple-of-4", "section", sampleGated, shiftBorder(0, 2)),
  entry("section-too-long", "section", sampleBase, (view, valid, bytes) =>
    at32(sectionEntry(0) + 4, valid.sections[0].bytes + 4)(view, valid, bytes),
  ),
  entry("section-too-short", "section", sampleBase, (view, valid, bytes) =>
    at32(sectionEntry(0) + 4, valid.sections[0].bytes - 4)(view, valid, bytes),
  ),
  entry("section-bytes-huge", "section", sampleBase, at32(sectionEntry(0) + 4, 0xfffffffc)),
  entry("section-sum-wraps", "section", sampleGated, (view, valid) => {
    // Modulo 2^32 these two sizes add up to what they should.
    view.setUint32(sectionEntry(0) + 4, valid.sections[0].bytes + 0x80000000, true);
    view.setUint32(sectionEntry(1) + 4, valid.sections[1].bytes + 0x80000000, true);
    return undefined;
  }),
  entry("section-tokens-of-sensor", "section", () => ({ ...sampleSensor(), tokens: oneByteTokens(11) }), unchanged),
  entry("section-class-names-missing", "section", sampleClassifier, at32(sectionEntry(1), 4)),
  entry("section-class-names-unasked", "section", sampleGated, at32(sectionEntry(2), 3)),
];

const layers: Case[] = [
  // The layer begins two rows too early.
  entry("layer-without-gates", "layer", sampleRecallGates, at32(HEADER.options, OPTION.tied | OPTION.recall)),
  entry("pathways-none", "layer", sampleBase, layer8(1, LAYER.pathways, 0)),
  entry("pathways-8", "layer", sampleBase, layer8(1, LAYER.pathways, 8)),
  entry("pathways-bit-3", "layer", sampleBase, layer8(0, LAYER.pathways, 15)),
  entry("pathways-gated-without-local", "layer", sampleGated, layer8(0, LAYER.pathways, 6)),
  entry("window-0-with-sparse", "layer", sampleBase, layer16(0, LAYER.window, 0)),
  entry("window-1025", "layer", sampleBase, layer16(0, LAYER.window, 1025)),
  entry("window-without-sparse", "layer", sampleBase, layer16(1, LAYER.window, 1)),
];

/** Byte `index` of an item. */
const itemByte =
  (item: (valid: AtomeModel) => Item | undefined, index: number, value: number): Mutation =>
  (view, valid, bytes) =>
    at8((item(valid) as Item).offset + index, value)(view, valid, bytes);

const codes: Case[] = [
  entry(
    "code-252",
    "code",
    sampleBase,
    itemByte((valid) => valid.layout.embedding, 0, 252),
  ),
  entry(
    "code-255",
    "code",
    sampleBase,
    itemByte((valid) => valid.layout.embedding, 9, 255),
  ),
  entry(
    "code-27",
    "code",
    sampleBase,
    itemByte((valid) => valid.layout.layers[0].first, 0, 27),
  ),
  entry(
    "code-251",
    "code",
    sampleBase,
    itemByte((valid) => valid.layout.layers[1].first, 3, 251),
  ),
  entry(
    "code-second",
    "code",
    sampleGated,
    itemByte((valid) => valid.layout.layers[0].second, 11, 55),
  ),
  entry(
    "code-third",
    "code",
    sampleGated,
    itemByte((valid) => valid.layout.layers[1].third, 5, 83),
  ),
  entry(
    "code-ngrams",
    "code",
    sampleNgrams,
    itemByte((valid) => valid.layout.ngramTable, 9, 27),
  ),
  entry(
    "code-unembedding",
    "code",
    sampleBase,
    itemByte((valid) => valid.layout.unembedding, 4, 139),
  ),
];

const tapsAndState: Case[] = [
  entry(
    "tap-base-10",
    "tap",
    sampleBase,
    itemByte((valid) => valid.layout.layers[0].taps, 0, 0b10),
  ),
  entry(
    "tap-base-10-last",
    "tap",
    sampleBase,
    itemByte((valid) => valid.layout.layers[1].taps, 13, 0b10),
  ),
  entry(
    "tap-base-bit-10",
    "tap",
    sampleBase,
    itemByte((valid) => valid.layout.layers[0].taps, 1, 0b100),
  ),
  entry(
    "tap-base-bit-15",
    "tap",
    sampleBase,
    itemByte((valid) => valid.layout.layers[0].taps, 3, 0b10000000),
  ),
  entry(
    "tap-gated-bit-30",
    "tap",
    sampleGated,
    itemByte((valid) => valid.layout.layers[0].taps, 3, 0b01000000),
  ),
  entry(
    "tap-gated-bit-31",
    "tap",
    sampleGated,
    itemByte((valid) => valid.layout.layers[1].taps, 35, 0b10000000),
  ),
  ...[32761, -32761, 32767, -32768].map((a) =>
    entry(`state-a-${a}`, "state", sampleBase, (view, valid) => {
      view.setInt16((valid.layout.layers[1].state as Item).offset + 4 * 6, a, true);
      return undefined;
    }),
  ),
];

const end = (valid: AtomeModel) => valid.layout.end;
/** Ends the weights section at an earlier offset. */
const cutWeights =
  (until: (valid: AtomeModel) => number): Mutation =>
  (_, valid, bytes) =>
    resize(bytes, end(valid), until(valid) - end(valid), 0);

const weights: Case[] = [
  entry(
    "weights-empty",
    "weights",
    sampleBase,
    cutWeights((valid) => valid.layout.embedding.offset),
  ),
  entry(
    "weights-end-in-embedding",
    "weights",
    sampleBase,
    cutWeights((valid) => valid.layout.embedding.offset + 4),
  ),
  entry(
    "weights-end-in-int4-steps",
    "weights",
    sampleGated,
    cutWeights((valid) => valid.layout.embedding.offset + 4),
  ),
  entry(
    "weights-end-in-int4-matrix",
    "weights",
    sampleInt4Matrices,
    cutWeights((valid) => (valid.layout.layers[0].third as Item).offset + 12),
  ),
  entry(
    "weights-end-before-layer",
    "weights",
    sampleBase,
    cutWeights((valid) => layerAt(valid, 0)),
  ),
  entry(
    "weights-end-in-record",
    "weights",
    sampleBase,
    cutWeights((valid) => layerAt(valid, 1) + 40),
  ),
  entry(
    "weights-end-in-norm",
    "weights",
    sampleBase,
    cutWeights((valid) => layerAt(valid, 1) + 48),
  ),
  ...(["taps", "state", "first"] as const).map((item) =>
    entry(
      `weights-end-in-${item}`,
      "weights",
      sampleBase,
      cutWeights((valid) => (valid.layout.layers[0][item] as Item).offset + 4),
    ),
  ),
  ...(["second", "third"] as const).map((item) =>
    entry(
      `weights-end-in-${item}`,
      "weights",
      sampleGated,
      cutWeights((valid) => (valid.layout.layers[0][item] as Item).offset),
    ),
  ),
  entry(
    "weights-end-in-final-norm",
    "weights",
    sampleBase,
    cutWeights((valid) => valid.layout.finalNorm.offset + 24),
  ),
  entry(
    "weights-end-in-unembedding",
    "weights",
    sampleBase,
    cutWeights((valid) => end(valid) - 4),
  ),
  entry(
    "weights-end-in-recall",
    "weights",
    sampleRecall,
    cutWeights((valid) => end(valid) - 4),
  ),
  entry(
    "weights-end-in-recall-symbols",
    "weights",
    sampleRecallSymbols,
    cutWeights((valid) => (valid.layout.recallSymbols as Item).offset + 4),
  ),
  ...(["sensor", "ngrams", "ngramTable", "decision"] as const).map((item) =>
    entry(
      `weights-end-in-${item}`,
      "weights",
      item === "sensor" ? sampleSensor : sampleNgrams,
      cutWeights((valid) => (valid.layout[item] as Item).offset + (item === "sensor" ? 0 : 4)),
    ),
  ),
  ...[16, 32, 40].map((bytes) =>
    entry(
      `weights-end-in-sensor-${bytes}`,
      "weights",
      sampleSensor,
      cutWeights((valid) => (valid.layout.sensor as Item).offset + bytes),
    ),
  ),
  entry("weights-too-long", "weights", sampleBase, (_v, valid, bytes) => resize(bytes, end(valid), 4, 0)),
  entry("weights-too-long-by-tokens", "weights", sampleGated, shiftBorder(0, 4)),
  entry("weights-memory-bytes-0", "weights", sampleBase, at32(HEADER.memoryBytes, 0)),
  entry("weights-memory-bytes-too-many", "weights", sampleGated, at32(HEADER.memoryBytes, 0x7ffffffc)),
  // Of the history of its five channels alone.
  entry("weights-memory-bytes-without-recall", "weights", sampleRecall, at32(HEADER.memoryBytes, 20)),
  // Of the history of its seven channels, their sums, and the last three symbols.
  entry("weights-memory-bytes-without-ngrams", "weights", sampleNgrams, at32(HEADER.memoryBytes, 28 + 28)),
  entry("weights-memory-bytes-without-sums", "weights", sampleNgrams, at32(HEADER.memoryBytes, 28 + 8)),
  // Of the history and the state of its five channels, and two values.
  entry("weights-memory-bytes-without-sensor", "weights", sampleSensor, at32(HEADER.memoryBytes, 40)),
  entry("weights-memory-bytes-of-a-column-more", "weights", sampleSensor, at32(HEADER.memoryBytes, 52)),
  entry("weights-tied-with-unembedding", "weights", sampleBase, at32(HEADER.options, 1)),
  entry("weights-without-recall", "weights", sampleRecall, at32(HEADER.options, 0)),
  entry("weights-gates-missing", "weights", sampleRecall, at32(HEADER.options, OPTION.recall | OPTION.recallGates)),
  entry("weights-symbols-missing", "weights", sampleRecall, at32(HEADER.options, OPTION.recall | OPTION.recallSymbols)),
  entry("weights-recall-missing", "weights", sampleBase, at32(HEADER.options, 16)),
];

/** A 16-bit field of the recall record. */
const recall16 =
  (field: number, value: number): Mutation =>
  (view, valid, bytes) =>
    at16((valid.layout.recall as Item).offset + field, value)(view, valid, bytes);

const recall: Case[] = [
  entry("recall-symbols-step-32768", "scale", sampleRecallSymbols, (view, valid, bytes) =>
    at16((valid.layout.recallSymbols as Item).offset + 2, 32768)(view, valid, bytes),
  ),
  entry("recall-window-0", "recall", sampleRecall, recall16(RECALL.window, 0)),
  entry("recall-window-1025", "recall", sampleRecall, recall16(RECALL.window, 1025)),
  // No valid decay of a state: error 19 all the same.
  entry("recall-window-32768", "recall", sampleRecall, recall16(RECALL.window, 32768)),
  entry("recall-forget-vocab", "recall", sampleRecall, recall16(RECALL.forget, 3)),
  entry("recall-forget-65534", "recall", sampleRecall, recall16(RECALL.forget, 65534)),
  entry("recall-pull-32768", "recall", sampleRecall, recall16(RECALL.pairs + 2, 32768)),
  entry("recall-last-pull-65535", "recall", sampleRecall, recall16(RECALL.pairs + 4 * 27 + 2, 65535)),
];

/** A field of the n-gram record. */
const ngrams16 =
  (field: number, value: number): Mutation =>
  (view, valid, bytes) =>
    at16((valid.layout.ngrams as Item).offset + field, value)(view, valid, bytes);

/** A byte, and a word, of the sensor record. */
const sensor8 =
  (at: number, value: number): Mutation =>
  (view, valid, bytes) =>
    at8((valid.layout.sensor as Item).offset + at, value)(view, valid, bytes);
const sensor32 =
  (at: number, value: number): Mutation =>
  (view, valid, bytes) =>
    at32((valid.layout.sensor as Item).offset + at, value)(view, valid, bytes);

/** Byte `field` of the entry of column `index`. */
const column8 = (index: number, field: number, value: number) =>
  sensor8(SENSOR.entries + SENSOR_ENTRY.bytes * index + field, value);
/** The same of 32 bits. */
const column32 = (index: number, field: number, value: number) =>
  sensor32(SENSOR.entries + SENSOR_ENTRY.bytes * index + field, value);
/** Threshold `index` of the sample, which has two columns, gets the value of the one before it, plus `more`. */
const threshold =
  (index: number, more: number): Mutation =>
  (view, valid) => {
    const at = (valid.layout.sensor as Item).offset + SENSOR.entries + SENSOR_ENTRY.bytes * 2 + 4 * index;
    view.setInt32(at, view.getInt32(at - 4, true) + more, true);
    return undefined;
  };

const extras: Case[] = [
  entry("ngrams-buckets-0", "ngrams", sampleNgrams, ngrams16(NGRAMS.buckets, 0)),
  entry("ngrams-orders-0", "ngrams", sampleNgrams, ngrams16(NGRAMS.orders, 0)),
  entry("ngrams-orders-256", "ngrams", sampleNgrams, ngrams16(NGRAMS.orders, 256)),
  entry("ngrams-scale-2-to-21", "ngrams", sampleNgrams, (view, valid) => {
    view.setUint32((valid.layout.ngrams as Item).offset + NGRAMS.scale, 2 ** 21, true);
    return undefined;
  }),
  entry("sensor-columns-0", "sensor", sampleSensor, sensor32(SENSOR.columns, 0)),
  entry("sensor-columns-65", "sensor", sampleSensor, sensor32(SENSOR.columns, 65)),
  // The low half alone would be right.
  entry("sensor-columns-65538", "sensor", sampleSensor, sensor32(SENSOR.columns, 65538)),
  entry("sensor-values-64", "sensor", sampleSensor, column8(0, SENSOR_ENTRY.values, 64)),
  // All thresholds have their rows: the last of the first column was the other's first.
  entry("sensor-values-64-with-rows", "sensor", sampleSensorOf63, (view, valid) => {
    const at = (valid.layout.sensor as Item).offset + SENSOR.entries;
    view.setUint8(at + SENSOR_ENTRY.values, 64);
    view.setUint8(at + SENSOR_ENTRY.bytes + SENSOR_ENTRY.values, 1);
    view.setInt32(at + SENSOR_ENTRY.bytes * 2 + 4 * 63, 2 ** 31 - 1, true);
    return undefined;
  }),
  entry("sensor-differences-64", "sensor", sampleSensor, column8(0, SENSOR_ENTRY.differences, 64)),
  entry("sensor-column-of-nothing", "sensor", sampleSensor, column8(1, SENSOR_ENTRY.differences, 0)),
  entry("sensor-zero-1", "sensor", sampleSensor, column8(0, SENSOR_ENTRY.zero, 1)),
  entry("sensor-last-zero-255", "sensor", sampleSensor, column8(1, SENSOR_ENTRY.zero, 255)),
  entry("sensor-least-below-2-to-30", "sensor", sampleSensor, column32(0, SENSOR_ENTRY.least, -(2 ** 30) - 1)),
  entry("sensor-least--2-to-31", "sensor", sampleSensor, column32(1, SENSOR_ENTRY.least, -(2 ** 31))),
  entry("sensor-least-2-to-30", "sensor", sampleSensor, column32(1, SENSOR_ENTRY.least, 2 ** 30)),
  entry("sensor-greatest-2-to-30", "sensor", sampleSensor, column32(0, SENSOR_ENTRY.greatest, 2 ** 30)),
  entry("sensor-greatest-2-to-31", "sensor", sampleSensor, column32(1, SENSOR_ENTRY.greatest, 2 ** 31 - 1)),
  entry("sensor-greatest-below-least", "sensor", sampleSensor, (view, valid) => {
    const at = (valid.layout.sensor as Item).offset + SENSOR.entries;
    view.setInt32(at + SENSOR_ENTRY.greatest, view.getInt32(at + SENSOR_ENTRY.least, true) - 1, true);
    return undefined;
  }),
  entry("sensor-values-equal", "sensor", sampleSensor, threshold(1, 0)),
  entry("sensor-values-equal-even", "sensor", sampleSensor, (view, valid, bytes) => {
    const at = (valid.layout.sensor as Item).offset + SENSOR.entries + SENSOR_ENTRY.bytes * 2;
    view.setInt32(at, view.getInt32(at, true) & ~1, true);
    return threshold(1, 0)(view, valid, bytes);
  }),
  entry("sensor-values-fall", "sensor", sampleSensor, threshold(2, -1)),
  entry("sensor-differences-equal", "sensor", sampleSensor, threshold(4, 0)),
  entry("sensor-rows-too-few", "sensor", sampleSensor, at16(HEADER.vocab, 13)),
  entry("sensor-rows-too-many", "sensor", sampleSensor, at16(HEADER.vocab, 11)),
  entry("decision-signal-4", "decision", sampleNgrams, (view, valid) => {
    view.setUint32((valid.layout.decision as Item).offset, 4, true);
    return undefined;
  }),
  entry("decision-signal-65536", "decision", sampleSensor, (view, valid) => {
    view.setUint32((valid.layout.decision as Item).offset, 65536, true);
    return undefined;
  }),
];

/** Replaces a section's content, of the same length. */
const inSection =
  (index: number, change: (content: Uint8Array) => void): Mutation =>
  (_, valid, bytes) => {
    const { offset, bytes: size } = valid.sections[index];
    change(bytes.subarray(offset, offset + size));
    return undefined;
  };

/** The gated sample with other tokens. */
function withTokens(tokens: readonly Uint8Array[]): ModelParts {
  const gated = sampleGated();
  const vocab = tokens.length;
  const { dModel } = gated.dimensions;
  return {
    ...gated,
    dimensions: { ...gated.dimensions, vocab, outputs: vocab },
    embedding: { kind: "int4", values: new Int8Array(vocab * dModel), steps: new Uint16Array(vocab) },
    tokens,
  };
}
const ESCAPE = new Uint8Array(0);

const strings: Case[] = [
  entry(
    "tokens-string-beyond-section",
    "token",
    sampleGated,
    inSection(1, (content) => content.fill(255, content.length - 4)),
  ),
  entry(
    "tokens-too-few",
    "token",
    sampleGated,
    inSection(1, (content) => content.set([255])),
  ),
  entry("tokens-section-empty", "token", sampleGated, (_v, valid, bytes) =>
    resize(bytes, valid.sections[2].offset, -valid.sections[1].bytes, 1),
  ),
  entry("tokens-four-bytes-left", "token", sampleGated, (_v, valid, bytes) =>
    resize(bytes, valid.sections[2].offset, 4, 1),
  ),
  entry(
    "tokens-padding-not-zero",
    "token",
    sampleGated,
    inSection(1, (content) => content.set([1], content.length - 1)),
  ),
  entry("tokens-two-escapes", "token", () => withTokens([ESCAPE, ...oneByteTokens(256), ESCAPE]), unchanged),
  entry("tokens-escape-of-16", "token", () => withTokens([ESCAPE, ...oneByteTokens(15)]), unchanged),
  entry(
    "tokens-byte-without-token",
    "token",
    () => withTokens([...oneByteTokens(255), Uint8Array.of(0, 1)]),
    unchanged,
  ),
  entry(
    "tokens-byte-0-without-token",
    "token",
    () => withTokens([...oneByteTokens(256).slice(1), Uint8Array.of(0, 1)]),
    unchanged,
  ),
  entry("tokens-byte-twice", "token", () => withTokens([...oneByteTokens(255), Uint8Array.of(254)]), unchanged),
  entry(
    "class-string-beyond-section",
    "class",
    sampleClassifier,
    inSection(1, (content) => content.set([200])),
  ),
  entry(
    "class-string-one-byte-beyond-section",
    "class",
    sampleClassifier,
    // "c2", the last, from byte 6 of 12 on.
    inSection(1, (content) => content.set([6], 6)),
  ),
  entry("class-four-bytes-left", "class", sampleClassifier, (_v, _m, bytes) => resize(bytes, bytes.length, 4, 1)),
  entry(
    "class-padding-of-4",
    "class",
    () => ({ ...sampleClassifier(), classNames: ["one", "two", "six"].map((name) => new TextEncoder().encode(name)) }),
    (_v, _m, bytes) => resize(bytes, bytes.length, 4, 1),
  ),
  entry("class-too-few", "class", sampleClassifier, (_v, _m, bytes) => resize(bytes, bytes.length, -4, 1)),
  entry("class-file-ends-between-strings", "class", sampleClassifier, (_v, valid, bytes) => {
    // The first name takes the 8 bytes that are left.
    bytes[valid.sections[1].offset] = 7;
    return resize(bytes, bytes.length, -4, 1);
  }),
  entry(
    "class-padding-not-zero",
    "class",
    sampleClassifier,
    inSection(1, (content) => content.set([1], content.length - 1)),
  ),
];

function build({ name, error, sample, mutate, sealed }: Case): MalformedFile {
  const bytes = encodeModel(sample());
  if (mutate === unchanged) return { name, error: ERROR_NAMES.indexOf(error), bytes };
  const valid = readModel(bytes.slice());
  const result = mutate(new DataView(bytes.buffer), valid, bytes) ?? bytes;
  if (sealed && result.length >= HEADER_BYTES) sealModel(result);
  return { name, error: ERROR_NAMES.indexOf(error), bytes: result };
}

/** Every malformed file, in the order of the checks it fails. */
export const malformedFiles = (): MalformedFile[] =>
  [envelope, dimensions, options, scales, sections, layers, codes, tapsAndState, weights, recall, extras, strings]
    .flat()
    .map(build);
