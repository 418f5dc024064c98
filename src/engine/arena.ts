import { type Dimensions, padded, tableRows } from "../format/layout.js";

/** Tables of sums that a build of atome.c holds at a time: its switch ATOME_TABLES. */
export type Tables = 1 | 4;

// struct atome on a 32-bit core: ten pointers, thirteen words and four bytes.
const STRUCT_BYTES = 96;
const TABLE_BYTES = 504;
const MIX_BYTES = 8;

/** The tables; in their place the sampler and recall want 2 bytes per output. */
const scratchBytes = (outputs: number, tables: Tables): number =>
  tables === 4 ? 2048 : Math.max(TABLE_BYTES, padded(2 * outputs));

/**
 * RAM that an engine on a 32-bit core needs for a model, in bytes: the formula of atome.h.
 *
 * @param model its dimensions and options
 * @param memoryBytes what the model remembers between steps, as its header says
 */
export function arenaBytes(
  { dimensions, options }: { dimensions: Dimensions; options: number },
  memoryBytes: number,
  tables: Tables,
): number {
  const { dModel, dInner, dHead, outputs, nLayers } = dimensions;
  const widest = Math.max(dModel, dInner);
  const answers = tableRows(dimensions, options).unembedding;
  const rows = Math.max(answers, dInner > 0 ? 2 * widest : dModel) + 2 * dHead + 3;
  const vector = padded(2 * (widest + 4));
  const streams = 4 * (dModel + 4) + 4 * rows + vector + MIX_BYTES * nLayers;
  return STRUCT_BYTES + scratchBytes(outputs, tables) + streams + memoryBytes;
}
