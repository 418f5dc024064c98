import type { Tables } from "../engine/arena.js";
import { runsOf } from "../format/describe.js";
import {
  type Dimensions,
  firstRows,
  groupsOf,
  int4RowBytes,
  OPTION,
  PATHWAY,
  tableRows,
  widthOf,
} from "../format/layout.js";

/** What decides a model's cost: all that is known before it is trained. */
export interface Shape {
  dimensions: Dimensions;
  /** Bits of `OPTION`. */
  options: number;
  /** Bits of `PATHWAY`, and the attention window (0 without attention). */
  layers: readonly { pathways: number; window: number }[];
  /** Symbols that recall remembers; 0 without recall. */
  recallWindow: number;
  ngrams?: { buckets: number; orders: number } | undefined;
  /** How many thresholds the columns of a sensor's sample have. */
  sensor?: { columns: readonly { values: { length: number }; differences: { length: number } }[] } | undefined;
}

/** How often the loops of atome.c run for one symbol; named after their functions. */
export const WORK = [
  ["tables", "groups of five whose sums build_tables makes"],
  ["passes", "calls of build_tables and of what adds the sums"],
  ["fours", "rows of add_four"],
  ["ones", "rows of add_one"],
  ["strided", "rows of add_one with one table at a time"],
  ["rows", "rows of ternary products: fill"],
  ["nibbles", "bytes of multiply_int4"],
  ["int4Rows", "rows of multiply_int4"],
  ["normed", "channels of normalize"],
  ["scaled", "values of scale_product and quantize"],
  ["taps", "channels of convolve"],
  ["states", "channels of step_state"],
  ["slots", "keys that attend looks at"],
  ["products", "multiplications of dot"],
  ["weighted", "values of add_weighted"],
  ["mixed", "channels of the sum of pathways and of the residual"],
  ["gated", "channels of the gate"],
  ["layers", "layers: router, square root, division"],
  ["outputs", "logits: 4-bit steps, argmax"],
  ["places", "symbols that recall remembers"],
  ["bonuses", "different ones of them with bonuses of their own"],
  ["added", "channels of the rows of the embedding and of n-grams"],
  ["levels", "thresholds of a sample"],
  ["pooled", "channels of the sum over the steps"],
  ["always", "a symbol"],
] as const;
export type WorkName = (typeof WORK)[number][0];
export type Work = Record<WorkName, number>;

const noWork = (): Work => Object.fromEntries(WORK.map(([name]) => [name, 0])) as Work;

/** A ternary product: multiply_ternary. */
function countProduct(work: Work, rows: number, columns: number, tables: Tables): void {
  if (rows === 0) return;
  const groups = groupsOf(columns);
  const [blocks, rest] = [Math.floor(groups / 4), groups % 4];
  work.tables += groups;
  work.rows += rows;
  if (tables === 1) {
    work.passes += groups;
    work.strided += rows * groups;
    return;
  }
  work.passes += blocks + rest;
  work.fours += rows * blocks;
  work.ones += rows * rest;
}

function countAttention(work: Work, { dimensions, layers }: Shape, layer: number): void {
  const { dHead, topK } = dimensions;
  const { window } = layers[layer];
  const width = widthOf(dimensions);
  work.scaled += 2 * dHead + width;
  work.slots += window;
  work.products += window * dHead;
  work.weighted += Math.min(topK, window) * width;
}

/** A product of one or the other kind. */
function countMatrix(work: Work, isInt4: boolean, rows: number, columns: number, tables: Tables): void {
  if (isInt4) {
    work.nibbles += rows * int4RowBytes(columns);
    work.int4Rows += rows;
  } else countProduct(work, rows, columns, tables);
}

function countLayer(work: Work, shape: Shape, layer: number, tables: Tables): void {
  const { dimensions, layers, options } = shape;
  const { dModel, dInner, dHead } = dimensions;
  const { pathways } = layers[layer];
  const isInt4 = (options & OPTION.matricesInt4) !== 0;
  const width = widthOf(dimensions);
  const has = (pathway: number) => (pathways & pathway) !== 0;
  const rows = Object.values(firstRows(dimensions, pathways)).reduce((sum, count) => sum + count, 0);
  work.layers += 1;
  work.normed += dModel;
  work.mixed += width + dModel;
  countMatrix(work, isInt4, rows, dModel, tables);
  if (has(PATHWAY.local)) work.taps += width;
  if (has(PATHWAY.state)) work.states += width;
  if (has(PATHWAY.sparse)) countAttention(work, shape, layer);
  if (dInner === 0) return;
  if (has(PATHWAY.sparse)) countMatrix(work, isInt4, 2 * dHead, dInner, tables);
  countMatrix(work, isInt4, dModel, dInner, tables);
  work.scaled += 2 * dInner + dModel;
  work.gated += dInner;
}

/** The rows that a step begins with, and what sums add to it. */
function countExtras(work: Work, { dimensions: { dModel }, options, ngrams, sensor }: Shape): void {
  const lists = (sensor?.columns ?? []).flatMap(({ values, differences }) => [values.length, differences.length]);
  const looked = sensor ? lists.filter((thresholds) => thresholds > 0).length : 1;
  work.added += (looked + runsOf(ngrams?.orders ?? 0).length) * dModel;
  work.levels += lists.reduce((sum, thresholds) => sum + thresholds, 0);
  if ((options & OPTION.pooled) !== 0) work.pooled += dModel;
}

/** The work of one symbol or sample, its logits and the choice of the next, when every attention window and recall are full: the worst case. */
export function workOf(shape: Shape, tables: Tables): Work {
  const { dimensions, options, layers, recallWindow } = shape;
  const { dModel, outputs } = dimensions;
  const rows = tableRows(dimensions, options).unembedding;
  const work = noWork();
  layers.forEach((_, layer) => {
    countLayer(work, shape, layer, tables);
  });
  work.always = 1;
  work.normed += dModel;
  work.outputs += outputs;
  work.places += recallWindow;
  if ((options & OPTION.recallSymbols) !== 0) work.bonuses += Math.min(recallWindow, outputs);
  countExtras(work, shape);
  countMatrix(work, (options & OPTION.unembedInt4) !== 0, rows, dModel, tables);
  work.scaled += rows;
  return work;
}
