import {
  type Dimensions,
  type Item,
  layerItems,
  OPTION,
  PATHWAY,
  SCALE_NAMES,
  type SectionName,
  VERSION,
} from "./layout.js";
import type { DecisionParts, RecallParts } from "./parts.js";
import type { AtomeModel } from "./reader.js";
import { findSignature } from "./signature.js";

export interface ModelDescription {
  version: number;
  totalBytes: number;
  /** 8 hexadecimal digits. */
  crc32: string;
  block: "base" | "gated";
  dimensions: Dimensions;
  /** Each option in a few words. */
  options: string[];
  sections: { name: SectionName; offset: number; bytes: number }[];
  layers: { pathways: string[]; window: number; bytes: number }[];
  /** Symbols remembered, and the one that empties the memory; undefined without recall. */
  recall: { window: number; forget: number | null; gates: boolean; symbols: boolean } | undefined;
  /** Rows of the table, and the lengths of the runs that have one; undefined without n-grams. */
  ngrams: { buckets: number; runs: number[] } | undefined;
  /** Thresholds and range of each column of a sensor's sample; undefined for a model of symbols. */
  sensor: { values: number[]; differences: number[]; decimals: number; least: number; greatest: number }[] | undefined;
  /** When a decision stands; undefined when it always does. */
  decision: DecisionParts | undefined;
  /** Items of the weights section, in file order. */
  weights: { name: string; offset: number; bytes: number }[];
  /** Tokens of the alphabet; 0 when a symbol is a byte. */
  tokens: number;
  /** Names of the classes; empty for a language model. */
  classNames: string[];
  /** The metadata as JSON, or as text when it is not JSON; undefined when there is none. */
  metadata: unknown;
  signatureBytes: number;
  /** What the signature section says; undefined when there is none. Nothing of it is checked here. */
  modelVersion: number | undefined;
}

/** Lengths of the runs of symbols whose order is set. */
export const runsOf = (orders: number): number[] =>
  Array.from({ length: 8 }, (_, bit) => bit + 2).filter((run) => (orders >> (run - 2)) & 1);

function recallExtras({ gates, symbols }: RecallParts): string {
  const extras = [...(gates ? ["gates"] : []), ...(symbols ? ["a bonus per symbol"] : [])];
  return extras.length > 0 ? ` with ${extras.join(" and ")}` : "";
}

function optionsInWords({ options, recall, ngrams, pooled, sensor, decision }: AtomeModel): string[] {
  const table = (name: string, int4: number) => `${name} in ${(options & int4) !== 0 ? "4-bit rows" : "ternary"}`;
  const tied = (options & OPTION.tied) !== 0;
  return [
    table("embedding", OPTION.embedInt4),
    tied ? "unembedding tied to the embedding" : table("unembedding", OPTION.unembedInt4),
    ...((options & OPTION.matricesInt4) !== 0 ? ["matrices in 4-bit rows"] : []),
    (options & OPTION.classifier) !== 0 ? "classifier" : "language model",
    ...(recall ? [`recall of ${recall.window} symbols${recallExtras(recall)}`] : []),
    ...(ngrams ? [`n-grams of ${runsOf(ngrams.orders).join(", ")} symbols in ${ngrams.buckets} rows`] : []),
    ...(pooled ? ["pooled over all steps"] : []),
    ...(sensor ? [`samples of ${sensor.columns.length} numbers`] : []),
    ...(decision ? [`decides when the ${decision.signal} is ${decision.threshold} or more`] : []),
  ];
}

function parsedMetadata(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export const pathwayNames = (bits: number): string[] =>
  SCALE_NAMES.slice(0, 3).filter((name) => (bits & PATHWAY[name as keyof typeof PATHWAY]) !== 0);

/** What a model is, for people and for JSON. */
export function describeModel(model: AtomeModel): ModelDescription {
  const { layout, dimensions, recall, ngrams, sensor, decision, tokens, classNames, signature } = model;
  const claim = findSignature(model.bytes);
  const entry = (prefix: string) => (item: Item) => ({
    name: `${prefix}${item.name}`,
    offset: item.offset,
    bytes: item.bytes,
  });
  const those = (items: readonly (Item | undefined)[]) => items.filter((item) => item !== undefined).map(entry(""));
  return {
    version: VERSION,
    totalBytes: model.bytes.length,
    crc32: model.crc32.toString(16).padStart(8, "0"),
    block: dimensions.dInner > 0 ? "gated" : "base",
    dimensions,
    options: optionsInWords(model),
    sections: model.sections.map(({ name, offset, bytes }) => ({ name, offset, bytes })),
    layers: model.layers.map(({ pathways, window }, index) => ({
      pathways: pathwayNames(pathways),
      window,
      bytes: layout.layers[index].end - layout.layers[index].record.offset,
    })),
    recall: recall && {
      window: recall.window,
      forget: recall.forget ?? null,
      gates: recall.gates,
      symbols: recall.symbols !== undefined,
    },
    ngrams: ngrams && { buckets: ngrams.buckets, runs: runsOf(ngrams.orders) },
    sensor: sensor?.columns.map((column) => ({
      ...column,
      values: [...column.values],
      differences: [...column.differences],
    })),
    decision,
    weights: [
      ...those([layout.sensor, layout.embedding, layout.ngrams, layout.ngramTable]),
      ...layout.layers.flatMap((layer, index) => layerItems(layer).map(entry(`layers.${index}.`))),
      ...those([layout.finalNorm, layout.unembedding, layout.recallSymbols, layout.recall, layout.decision]),
    ],
    tokens: tokens?.length ?? 0,
    classNames: (classNames ?? []).map((name) => new TextDecoder().decode(name)),
    metadata: parsedMetadata(model.metadata),
    signatureBytes: signature?.length ?? 0,
    modelVersion: typeof claim === "string" ? undefined : claim.modelVersion,
  };
}
