/** Valid files changed in a few places and made whole again: most of what a reader has to refuse, and much that it accepts. */
import { HEADER, HEADER_BYTES, layerItems, MAGIC, SMALLEST_FILE_BYTES, VERSION } from "./layout.js";
import { readModel } from "./reader.js";
import type { Draw } from "./samples.js";
import { sealModel } from "./writer.js";

/** Header, section table and, in small files, what follows. */
const HEAD_BYTES = 160;
/** On both sides of the limits of SPEC.md sections 1 and 2. */
const VALUES = [...[0, 1, 2, 3, 4, 5, 27, 31, 32, 252, 255, 1023, 1024, 1025, 2048, 32767, 32768, 65535, 0xffffffff]];

/** A copy whose magic, version, size and checksum are right, where it is long enough to have them: as engine/fuzz/fuzz.c does it. */
export function madeWhole(file: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = Uint8Array.from(file);
  if (bytes.length < SMALLEST_FILE_BYTES) return bytes;
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC, HEADER.magic);
  view.setUint16(HEADER.version, VERSION, true);
  view.setUint16(HEADER.headerBytes, HEADER_BYTES, true);
  view.setUint32(HEADER.totalBytes, bytes.length, true);
  sealModel(bytes);
  return bytes;
}

/** Where the sections and items of a valid file begin. */
export function placesOf(model: Uint8Array): number[] {
  const { layout, sections } = readModel(model);
  const { sensor, embedding, ngrams, ngramTable, finalNorm, recallSymbols, recall, decision } = layout;
  const before = [sensor, embedding, ngrams, ngramTable];
  const items = [...before, ...layout.layers.flatMap(layerItems), finalNorm, recallSymbols, recall, decision];
  return [...sections, ...items].flatMap((part) => (part ? [part.offset] : []));
}

function edit(draw: Draw, bytes: Uint8Array, places: readonly number[]): void {
  const size = [1, 2, 4][draw(0, 2)];
  const at = [() => draw(0, HEAD_BYTES - 1), () => places[draw(0, places.length - 1)] + draw(0, 9)];
  const offset = [...at, () => draw(0, bytes.length - 1)][draw(0, 2)]();
  let value = draw(0, 1) ? VALUES[draw(0, VALUES.length - 1)] : draw(0, 0xfffffffe);
  for (let i = Math.min(offset, bytes.length - size), end = i + size; i < end; i++, value >>>= 8) bytes[i] = value;
}

/**
 * A copy with up to three edits, and now and then cut short; its size and checksum are right.
 *
 * @param places of the model: `placesOf`
 */
export function mutate(draw: Draw, model: Uint8Array, places: readonly number[]): Uint8Array<ArrayBuffer> {
  // A shortened file seldom gets past its size.
  const bytes = Uint8Array.from(model.subarray(0, draw(0, 9) ? model.length : draw(0, model.length)));
  if (bytes.length < HEADER_BYTES) return bytes;
  new DataView(bytes.buffer).setUint32(HEADER.totalBytes, bytes.length, true);
  for (let edits = draw(0, 3); edits > 0; edits--) edit(draw, bytes, places);
  sealModel(bytes);
  return bytes;
}
