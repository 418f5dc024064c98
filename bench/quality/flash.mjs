// How many bytes of flash and RAM a model needs, before it is trained, and the width that fills the flash.
import { arenaBytes } from "../../dist/engine/arena.js";
import { rememberedBytes, shapeOfConfig, weightBytes } from "../../dist/fit/shape.js";
import { groupsOf, HEADER_BYTES, int4RowBytes, padded, SECTION_ENTRY_BYTES } from "../../dist/format/layout.js";
import { FailureError } from "../../dist/model/errors.js";
import { tensorSpecs } from "../../dist/model/tensors.js";

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Bytes of the tokens section (SPEC.md 1.3) and its entry; 0 when a symbol is a byte. */
function alphabetBytes({ tokens }) {
  if (!tokens) return 0;
  return SECTION_ENTRY_BYTES + padded(sum(tokens.map((token) => 1 + token.length)));
}

/** Bytes of one row of a matrix, its scale included. */
const ROW_BYTES = {
  none: (columns) => 4 * columns,
  ternary: groupsOf,
  int4: (columns) => int4RowBytes(columns) + 2,
  int6: () => 4 + 2,
  int8: (columns) => columns + 2,
};
/** A ternary matrix has one scale: multiplier and shift. */
const SCALE_BYTES = 4;

function tensorBytes({ shape, quantiser }) {
  const [rows, columns] = shape;
  if (columns === undefined) return 2 * rows;
  return rows * ROW_BYTES[quantiser](columns) + (quantiser === "ternary" ? SCALE_BYTES : 0);
}

/** The configuration of a model whose weights are quantised after training; as it is when undefined. */
export const quantisedConfig = (config, weights) =>
  weights ? { ...config, matrices: weights, embedding: weights, unembedding: weights } : config;

/**
 * Flash that a model without an export would need in the same format: header, section table and token table as ours; ternary
 * rows five to a byte, 4-bit and 8-bit rows with a scale of 2 bytes each, float in 4 bytes; vectors in 2. In its favour
 * neither layer records, padding nor metadata are counted, though ours have them.
 */
export function rivalFlashBytes(config, alphabet) {
  const specs = tensorSpecs(config, alphabet.size, alphabet.size);
  const weights = sum(specs.map(tensorBytes));
  return HEADER_BYTES + SECTION_ENTRY_BYTES + alphabetBytes(alphabet) + weights;
}

/** What `atome train` puts into the file, at its longest for so many steps. */
const metadataBytes = ({ train }) => {
  const { seed, steps } = train;
  return padded(JSON.stringify({ seed, step: steps, dataSha256: "0".repeat(64) }).length) + SECTION_ENTRY_BYTES;
};

/** Size of the .atome file that `atome train` writes. */
export const atomeFlashBytes = (config, alphabet) =>
  weightBytes(shapeOfConfig(config, alphabet.size)) + alphabetBytes(alphabet) + metadataBytes(config);

/** RAM of the engine on a 32-bit core, everything counted. @param tables its switch ATOME_TABLES */
export function atomeRamBytes(config, vocab, tables = 4) {
  const shape = shapeOfConfig(config, vocab);
  return arenaBytes(shape, rememberedBytes(shape), tables);
}

/**
 * RAM that a transformer would need in an engine like ours: keys and values of the whole context in 8 bits, the residual in
 * 32 bits, one vector (normed residual or MLP) in 16 bits, one product in 32 bits that holds the logits, the MLP's rows or
 * the scores of a head, whichever is longest; and what recall remembers, where it has it. In its favour: gates and heads are
 * computed one at a time, and there is neither a struct nor a scratch, which in our engine take 2,144 bytes.
 */
export function rivalRamBytes(config, vocab) {
  const { dModel, dInner, nLayers, recall, train } = config;
  const cache = 2 * nLayers * train.context * dModel;
  const residual = 4 * dModel;
  const vector = 2 * Math.max(dModel, dInner);
  const product = 4 * Math.max(vocab, dModel, dInner, train.context);
  return cache + residual + vector + product + (recall ? 4 + padded(3 * recall.window) : 0);
}

const WIDEST = { dInner: 2048, dModel: 1024 };

/**
 * The greatest width whose bytes, of flash or of RAM, are within the limit, or undefined when not even a width of 2 is.
 *
 * @param key "dInner" or "dModel"
 * @param bytesOf bytes by width; grows with it
 */
export function fillingWidth(key, limitBytes, bytesOf) {
  let [fits, tooWide] = [1, WIDEST[key] + 1];
  while (tooWide - fits > 1) {
    const width = Math.floor((fits + tooWide) / 2);
    if (bytesOf(width) <= limitBytes) fits = width;
    else tooWide = width;
  }
  if (fits === WIDEST[key]) {
    throw new FailureError(
      `Cannot fill ${limitBytes} bytes: "${key}" would be above ${WIDEST[key]}; give the model more layers.`,
    );
  }
  return fits > 1 ? fits : undefined;
}
