import { crc32 } from "./crc32.js";
import {
  DECISION,
  FORGET_NONE,
  HEADER,
  HEADER_BYTES,
  type Item,
  LAYER,
  type LayerLayout,
  MAGIC,
  memoryBytes,
  NGRAMS,
  OPTION,
  padded,
  RECALL,
  SCALE_NAMES,
  SECTION,
  SECTION_ENTRY_BYTES,
  SENSOR,
  SENSOR_ENTRY,
  type SectionName,
  SIGNALS,
  VERSION,
  type WeightsLayout,
  weightsLayout,
} from "./layout.js";
import { packInt4, packTaps, packTernary } from "./matrices.js";
import type {
  DecisionParts,
  LayerParts,
  ModelParts,
  NgramParts,
  RecallParts,
  Scale,
  SensorParts,
  Table,
} from "./parts.js";
import { readModel } from "./reader.js";

const int4Bit = (table: Table | undefined, bit: number) => (table?.kind === "int4" ? bit : 0);

function optionsOf(parts: ModelParts): number {
  const { embedding, layers, unembedding, classNames, recall, ngrams, pooled, sensor, decision } = parts;
  const hasInt4 = layers.some(({ first, third }) => (first ?? third)?.kind === "int4");
  return (
    (unembedding ? 0 : OPTION.tied) |
    int4Bit(embedding, OPTION.embedInt4) |
    int4Bit(unembedding ?? embedding, OPTION.unembedInt4) |
    (classNames ? OPTION.classifier : 0) |
    (recall ? OPTION.recall : 0) |
    (recall?.gates ? OPTION.recallGates : 0) |
    (recall?.symbols ? OPTION.recallSymbols : 0) |
    (ngrams ? OPTION.ngrams : 0) |
    (pooled ? OPTION.pooled : 0) |
    (sensor ? OPTION.sensor : 0) |
    (decision ? OPTION.decision : 0) |
    (hasInt4 ? OPTION.matricesInt4 : 0)
  );
}

/** A string list (SPEC.md 1.3). */
function stringList(strings: readonly Uint8Array[]): Uint8Array {
  const list = new Uint8Array(padded(strings.reduce((sum, string) => sum + 1 + string.length, 0)));
  let at = 0;
  for (const string of strings) {
    list[at] = string.length;
    list.set(string, at + 1);
    at += 1 + string.length;
  }
  return list;
}

function paddedText(text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const result = new Uint8Array(padded(bytes.length)).fill(0x20);
  result.set(bytes);
  return result;
}

/** The sections after the weights, in order. */
function otherSections(parts: ModelParts): [SectionName, Uint8Array][] {
  const { tokens, classNames, metadata, signature } = parts;
  return [
    ...(tokens ? [["tokens", stringList(tokens)] as [SectionName, Uint8Array]] : []),
    ...(classNames ? [["classNames", stringList(classNames)] as [SectionName, Uint8Array]] : []),
    ...(metadata !== undefined ? [["metadata", paddedText(metadata)] as [SectionName, Uint8Array]] : []),
    ...(signature ? [["signature", signature] as [SectionName, Uint8Array]] : []),
  ];
}

function writeScale(view: DataView, at: number, scale: Scale): void {
  view.setUint16(at, scale.multiplier, true);
  view.setUint16(at + 2, scale.shift, true);
}

function writeHeader(view: DataView, parts: ModelParts, sections: readonly (readonly [SectionName, number])[]): void {
  const { dimensions } = parts;
  MAGIC.forEach((byte, index) => {
    view.setUint8(HEADER.magic + index, byte);
  });
  view.setUint16(HEADER.version, VERSION, true);
  view.setUint16(HEADER.headerBytes, HEADER_BYTES, true);
  view.setUint32(HEADER.totalBytes, view.byteLength, true);
  for (const name of ["vocab", "outputs", "dModel", "dInner", "dHead"] as const) {
    view.setUint16(HEADER[name], dimensions[name], true);
  }
  view.setUint8(HEADER.nLayers, dimensions.nLayers);
  view.setUint8(HEADER.topK, dimensions.topK);
  view.setUint32(HEADER.options, optionsOf(parts), true);
  view.setUint32(HEADER.epsilon, parts.epsilon, true);
  view.setUint32(HEADER.embedScale, parts.embedScale, true);
  writeScale(view, HEADER.logitMultiplier, parts.logitScale);
  view.setUint16(HEADER.finalNormShift, parts.finalNormShift, true);
  view.setUint16(HEADER.sectionCount, sections.length, true);
  view.setUint32(HEADER.memoryBytes, memoryBytes(dimensions, parts.layers, parts), true);
  sections.forEach(([name, bytes], index) => {
    view.setUint32(HEADER_BYTES + index * SECTION_ENTRY_BYTES, SECTION[name], true);
    view.setUint32(HEADER_BYTES + index * SECTION_ENTRY_BYTES + 4, bytes, true);
  });
}

class WeightsWriter {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }

  table(item: Item | undefined, table: Table | undefined): void {
    if (!item || !table) return;
    const { rows, columns, offset } = item;
    this.#bytes.set(
      table.kind === "ternary"
        ? packTernary(table.trits, rows, columns)
        : packInt4(table.values, table.steps, rows, columns),
      offset,
    );
  }

  pairs(at: number, first: Int16Array, second: Int16Array): void {
    for (let index = 0; index < first.length; index++) {
      this.#view.setInt16(at + 4 * index, first[index], true);
      this.#view.setInt16(at + 4 * index + 2, second[index], true);
    }
  }

  taps(item: Item, taps: Int8Array, tapScales: Int16Array | undefined): void {
    for (let channel = 0; channel < item.rows; channel++) {
      if (!tapScales) {
        this.#view.setUint16(item.offset + 2 * channel, packTaps(taps, channel, 2), true);
        continue;
      }
      this.#view.setUint32(item.offset + 4 * channel, packTaps(taps, channel, 6), true);
      this.#view.setInt16(item.offset + 4 * item.rows + 2 * channel, tapScales[channel], true);
    }
  }

  record(at: number, parts: LayerParts): void {
    const view = this.#view;
    view.setUint8(at + LAYER.pathways, parts.pathways);
    view.setUint8(at + LAYER.normShift, parts.normShift);
    view.setUint16(at + LAYER.window, parts.window, true);
    SCALE_NAMES.forEach((name, index) => {
      writeScale(view, at + LAYER.scales + 4 * index, parts.scales[name]);
    });
    parts.routerBias.forEach((bias, index) => {
      view.setInt16(at + LAYER.routerBias + 2 * index, bias, true);
    });
    view.setUint8(at + LAYER.tapShift, parts.tapShift);
    view.setUint8(at + LAYER.mixShift, parts.mixShift);
  }

  layer(layout: LayerLayout, parts: LayerParts): void {
    this.record(layout.record.offset, parts);
    this.pairs(layout.norm.offset, parts.norm.gamma, parts.norm.beta);
    if (layout.taps && parts.taps) this.taps(layout.taps, parts.taps, parts.tapScales);
    if (layout.state && parts.state) this.pairs(layout.state.offset, parts.state.a, parts.state.c);
    this.table(layout.first, parts.first);
    this.table(layout.second, parts.second);
    this.table(layout.third, parts.third);
  }

  recall(item: Item, { window, forget, bonus, pull }: RecallParts): void {
    this.#view.setUint16(item.offset + RECALL.window, window, true);
    this.#view.setUint16(item.offset + RECALL.forget, forget ?? FORGET_NONE, true);
    this.pairs(item.offset + RECALL.pairs, bonus, pull);
  }

  sensor(item: Item, { columns }: SensorParts): void {
    const view = this.#view;
    view.setUint32(item.offset + SENSOR.columns, columns.length, true);
    let entry = item.offset + SENSOR.entries;
    let at = entry + SENSOR_ENTRY.bytes * columns.length;
    for (const { values, differences, decimals, least, greatest } of columns) {
      view.setUint8(entry + SENSOR_ENTRY.values, values.length);
      view.setUint8(entry + SENSOR_ENTRY.differences, differences.length);
      view.setInt8(entry + SENSOR_ENTRY.decimals, decimals);
      view.setInt32(entry + SENSOR_ENTRY.least, least, true);
      view.setInt32(entry + SENSOR_ENTRY.greatest, greatest, true);
      entry += SENSOR_ENTRY.bytes;
      for (const threshold of [...values, ...differences]) {
        view.setInt32(at, threshold, true);
        at += 4;
      }
    }
  }

  ngrams(item: Item, { buckets, orders, scale }: NgramParts): void {
    this.#view.setUint16(item.offset + NGRAMS.buckets, buckets, true);
    this.#view.setUint16(item.offset + NGRAMS.orders, orders, true);
    this.#view.setUint32(item.offset + NGRAMS.scale, scale, true);
  }

  decision(item: Item, { signal, threshold }: DecisionParts): void {
    this.#view.setUint32(item.offset + DECISION.signal, SIGNALS.indexOf(signal), true);
    this.#view.setInt32(item.offset + DECISION.threshold, threshold, true);
  }

  /** What stands before, between and after the layers only with its option. */
  extras(layout: WeightsLayout, { sensor, ngrams, recall, decision }: ModelParts): void {
    if (layout.sensor && sensor) this.sensor(layout.sensor, sensor);
    if (layout.ngrams && ngrams) this.ngrams(layout.ngrams, ngrams);
    this.table(layout.ngramTable, ngrams && { kind: "ternary", trits: ngrams.trits });
    this.table(layout.recallSymbols, recall?.symbols);
    if (layout.recall && recall) this.recall(layout.recall, recall);
    if (layout.decision && decision) this.decision(layout.decision, decision);
  }
}

/** Writes the right CRC-32 into a file. */
export function sealModel(bytes: Uint8Array): void {
  const checksum = crc32(bytes.subarray(0, HEADER.crc32), bytes.subarray(HEADER.crc32 + 4));
  new DataView(bytes.buffer, bytes.byteOffset).setUint32(HEADER.crc32, checksum, true);
}

/** The bytes of an .atome file, whether the parts keep the rules or not. */
export function encodeModel(parts: ModelParts): Uint8Array {
  const others = otherSections(parts);
  const start = HEADER_BYTES + SECTION_ENTRY_BYTES * (1 + others.length);
  const pathways = parts.layers.map((layer) => layer.pathways);
  const layout = weightsLayout(parts.dimensions, optionsOf(parts), pathways, start, parts);
  const bytes = new Uint8Array(others.reduce((sum, [, content]) => sum + content.length, layout.end));
  const sizes = others.map(([name, content]) => [name, content.length] as const);
  writeHeader(new DataView(bytes.buffer), parts, [["weights", layout.end - start], ...sizes]);
  const weights = new WeightsWriter(bytes);
  weights.table(layout.embedding, parts.embedding);
  layout.layers.forEach((layer, index) => {
    weights.layer(layer, parts.layers[index]);
  });
  weights.pairs(layout.finalNorm.offset, parts.finalNorm.gamma, parts.finalNorm.beta);
  weights.table(layout.unembedding, parts.unembedding);
  weights.extras(layout, parts);
  let at = layout.end;
  for (const [, content] of others) {
    bytes.set(content, at);
    at += content.length;
  }
  sealModel(bytes);
  return bytes;
}

/**
 * The bytes of an .atome file; `readModel` gives the same parts back.
 *
 * @throws FormatError when the parts break a rule of SPEC.md
 */
export function writeModel(parts: ModelParts): Uint8Array {
  const bytes = encodeModel(parts);
  readModel(bytes, "the model to write");
  return bytes;
}
