/** The signature section and what it signs: SPEC.md section 7. The cryptography itself is the caller's. */
import { HEADER, HEADER_BYTES, SECTION, SECTION_ENTRY_BYTES, SECTION_NAMES, SMALLEST_FILE_BYTES } from "./layout.js";
import type { AtomeModel } from "./reader.js";
import { sealModel } from "./writer.js";

/** Offsets of the fields of the signature section. */
export const SIGNATURE = { head: 0, modelVersion: 12, signature: 16 } as const;
export const SIGNATURE_SECTION_BYTES = 80;
/** The message begins after the CRC, which depends on the signature, and ends where the signature begins. */
const MESSAGE_START = HEADER.crc32 + 4;
const SMALLEST_SIGNED_FILE_BYTES = HEADER_BYTES + 2 * SECTION_ENTRY_BYTES + SIGNATURE_SECTION_BYTES;

/** Why a file is not signed by a key: the numbers of SPEC.md section 7, which the module for devices returns too. */
export const SIGNATURE_ERRORS = { size: 3, unsigned: 32, signature: 33, modelVersion: 34 } as const;
export type SignatureProblem = keyof typeof SIGNATURE_ERRORS;

/** What a file says of its signature, right or wrong. */
export interface SignatureClaim {
  /** What is signed: a view into the file. */
  message: Uint8Array;
  /** 64 bytes: a view into the file. */
  signature: Uint8Array;
  modelVersion: number;
}

/** Finds the signature in any bytes, a valid file or not; or why there is none. */
export function findSignature(bytes: Uint8Array): SignatureClaim | SignatureProblem {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < SMALLEST_FILE_BYTES || view.getUint32(HEADER.totalBytes, true) !== bytes.length) return "size";
  const count = view.getUint16(HEADER.sectionCount, true);
  if (bytes.length < SMALLEST_SIGNED_FILE_BYTES || count < 2 || count > SECTION_NAMES.length) return "unsigned";
  const entry = HEADER_BYTES + (count - 1) * SECTION_ENTRY_BYTES;
  if (view.getUint32(entry, true) !== SECTION.signature) return "unsigned";
  if (view.getUint32(entry + 4, true) !== SIGNATURE_SECTION_BYTES) return "unsigned";
  const section = bytes.length - SIGNATURE_SECTION_BYTES;
  for (let i = 0; i < HEADER.crc32; i++) if (bytes[section + SIGNATURE.head + i] !== bytes[i]) return "signature";
  const end = section + SIGNATURE.signature;
  return {
    message: bytes.subarray(MESSAGE_START, end),
    signature: bytes.subarray(end),
    modelVersion: view.getUint32(section + SIGNATURE.modelVersion, true),
  };
}

/**
 * The bytes of a file with a signature, in place of the one it may have.
 *
 * @param modelVersion 0..4294967295
 * @param sign gives the 64 bytes of the signature of a message
 */
export function placeSignature(
  { bytes, sections }: AtomeModel,
  modelVersion: number,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  const kept = sections.filter(({ name }) => name !== "signature");
  const last = kept[kept.length - 1];
  const contents = bytes.subarray(sections[0].offset, last.offset + last.bytes);
  const entry = HEADER_BYTES + kept.length * SECTION_ENTRY_BYTES;
  const start = entry + SECTION_ENTRY_BYTES;
  const section = start + contents.length;
  const signed = new Uint8Array(section + SIGNATURE_SECTION_BYTES);
  const view = new DataView(signed.buffer);
  signed.set(bytes.subarray(0, entry));
  signed.set(contents, start);
  view.setUint32(HEADER.totalBytes, signed.length, true);
  view.setUint16(HEADER.sectionCount, kept.length + 1, true);
  view.setUint32(entry, SECTION.signature, true);
  view.setUint32(entry + 4, SIGNATURE_SECTION_BYTES, true);
  signed.copyWithin(section + SIGNATURE.head, 0, HEADER.crc32);
  view.setUint32(section + SIGNATURE.modelVersion, modelVersion, true);
  const end = section + SIGNATURE.signature;
  signed.set(sign(signed.subarray(MESSAGE_START, end)), end);
  sealModel(signed);
  return signed;
}
