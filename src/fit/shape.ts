import { HEADER_BYTES, memoryBytes, OPTION, PATHWAY, SECTION_ENTRY_BYTES, weightsLayout } from "../format/layout.js";
import type { AtomeModel } from "../format/reader.js";
import { type ModelConfig, pathwaysOf } from "../model/config.js";
import { orderBits } from "../model/ngrams.js";
import type { Shape } from "./work.js";

/** The shape of a model. */
export const shapeOfModel = ({ dimensions, options, layers, recall, ngrams, sensor }: AtomeModel): Shape => ({
  dimensions,
  options,
  layers: layers.map(({ pathways, window }) => ({ pathways, window })),
  recallWindow: recall?.window ?? 0,
  ngrams: ngrams && { buckets: ngrams.buckets, orders: ngrams.orders },
  sensor: sensor && {
    columns: sensor.columns.map(({ values, differences }) => ({
      values: { length: values.length },
      differences: { length: differences.length },
    })),
  },
});

/** The shape that a configuration of text will have with so many symbols. @param classes of a classifier */
export function shapeOfConfig(config: ModelConfig, vocab: number, classes?: number): Shape {
  const { dModel, dHead, nLayers, topK, matrices, embedding, unembedding, tied, recall, ngrams, pool } = config;
  const option = (isSet: boolean, bit: number) => (isSet ? bit : 0);
  return {
    dimensions: {
      vocab,
      outputs: classes ?? vocab,
      dModel,
      dInner: config.block === "gated" ? config.dInner : 0,
      dHead,
      nLayers,
      topK,
    },
    options:
      option(tied, OPTION.tied) |
      option(embedding === "int4", OPTION.embedInt4) |
      option(unembedding === "int4", OPTION.unembedInt4) |
      option(recall !== undefined, OPTION.recall) |
      option(recall?.gates === true, OPTION.recallGates) |
      option(recall?.symbols === true, OPTION.recallSymbols) |
      option(classes !== undefined, OPTION.classifier) |
      option(ngrams !== undefined, OPTION.ngrams) |
      option(pool === "sum", OPTION.pooled) |
      option(matrices === "int4", OPTION.matricesInt4),
    layers: config.layers.map((layer) => ({
      pathways: pathwaysOf(layer).reduce((bits, pathway) => bits | PATHWAY[pathway], 0),
      window: layer.pathways.sparse ? layer.window : 0,
    })),
    recallWindow: recall?.window ?? 0,
    ngrams: ngrams && { buckets: ngrams.buckets, orders: orderBits(ngrams.orders) },
  };
}

/** What a model of the shape remembers between steps, in bytes. */
export const rememberedBytes = ({ dimensions, options, layers, recallWindow, ngrams, sensor }: Shape): number =>
  memoryBytes(dimensions, layers, {
    recall: recallWindow > 0 ? { window: recallWindow } : undefined,
    ngrams,
    pooled: (options & OPTION.pooled) !== 0,
    sensor,
  });

/** Flash of header and weights, in bytes: all of a .atome file but tokens and metadata. */
export function weightBytes({ dimensions, options, layers, ngrams, sensor }: Shape): number {
  const start = HEADER_BYTES + SECTION_ENTRY_BYTES;
  const pathways = layers.map((layer) => layer.pathways);
  return weightsLayout(dimensions, options, pathways, start, { ngrams, sensor }).end;
}
