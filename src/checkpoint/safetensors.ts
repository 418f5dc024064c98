import { FailureError } from "../model/errors.js";

/** Bytes of the header's length, before the header. */
const LENGTH_BYTES = 8;
/** The format's own limit on the header. */
const MAX_HEADER_BYTES = 100_000_000;
const FLOAT_BYTES = 4;

export interface Tensor {
  /** Row-major. */
  shape: readonly number[];
  values: Float32Array;
}

/** A safetensors file of float32 tensors. */
export interface TensorFile {
  metadata: Readonly<Record<string, string>>;
  tensors: ReadonlyMap<string, Tensor>;
}

/**
 * Encodes a safetensors file (https://github.com/huggingface/safetensors#format): u64 header length, JSON header padded
 * with spaces so that the tensors start at a multiple of 8, tensors little-endian in the order of the map.
 */
export function encodeSafetensors({ metadata, tensors }: TensorFile): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata };
  let end = 0;
  for (const [name, { shape, values }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [end, end + values.length * FLOAT_BYTES] };
    end += values.length * FLOAT_BYTES;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = Math.ceil((LENGTH_BYTES + json.length) / 8) * 8;
  const bytes = new Uint8Array(start + end).fill(0x20, LENGTH_BYTES, start);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt(start - LENGTH_BYTES), true);
  bytes.set(json, LENGTH_BYTES);
  let at = start;
  for (const { values } of tensors.values()) {
    for (const value of values) {
      view.setFloat32(at, value, true);
      at += FLOAT_BYTES;
    }
  }
  return bytes;
}

/**
 * Decodes a safetensors file. Valid if and only if the header is what the format says, every tensor is float32, and the
 * tensors cover the bytes after the header without gap or overlap.
 *
 * @param name what the user calls the file, for the error
 * @throws FailureError with the first thing that is wrong
 */
export function decodeSafetensors(bytes: Uint8Array, name: string): TensorFile {
  const fail = loadingError(name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < LENGTH_BYTES) throw fail(`it has ${bytes.length} bytes, expected a safetensors file`);
  const headerBytes = view.getBigUint64(0, true);
  if (headerBytes > BigInt(Math.min(MAX_HEADER_BYTES, bytes.length - LENGTH_BYTES))) {
    throw fail(
      `the header has ${headerBytes} bytes but only ${bytes.length - LENGTH_BYTES} follow; the file is cut short or is no safetensors file`,
    );
  }
  const start = LENGTH_BYTES + Number(headerBytes);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, start), fail);
  const { __metadata__: metadata = {}, ...entries } = header;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === "string")) {
    throw fail('"__metadata__" is not a map of strings');
  }
  const tensors = readTensors(entries, view, start, fail);
  return { metadata: metadata as Record<string, string>, tensors };
}

type Fail = (found: string) => FailureError;

/** Makes the error for a checkpoint that cannot be used. */
export const loadingError =
  (name: string): Fail =>
  (found) =>
    new FailureError(`Cannot load ${name}: ${found}; use an undamaged checkpoint.`);

function parseHeader(bytes: Uint8Array, fail: Fail): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw fail("the header is not JSON");
  }
  if (!isRecord(header)) throw fail("the header is not a JSON object");
  return header;
}

function readTensors(entries: Record<string, unknown>, view: DataView, start: number, fail: Fail): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  const extents: [number, number][] = [];
  const dataBytes = view.byteLength - start;
  for (const [name, entry] of Object.entries(entries)) {
    const { shape, from, to } = checkEntry(name, entry, dataBytes, fail);
    extents.push([from, to]);
    const values = new Float32Array((to - from) / FLOAT_BYTES);
    for (let i = 0; i < values.length; i++) values[i] = view.getFloat32(start + from + i * FLOAT_BYTES, true);
    tensors.set(name, { shape, values });
  }
  extents.sort(([a, aEnd], [b, bEnd]) => a - b || aEnd - bEnd);
  let end = 0;
  for (const [from, to] of extents) {
    if (from !== end) throw fail(`no tensor or more than one covers byte ${Math.min(from, end)} of the data`);
    end = to;
  }
  if (end !== dataBytes) throw fail(`the tensors have ${end} bytes but ${dataBytes} follow the header`);
  return tensors;
}

function checkEntry(name: string, entry: unknown, dataBytes: number, fail: Fail) {
  const place = `tensor ${JSON.stringify(name.slice(0, 80))}`;
  if (!isRecord(entry)) throw fail(`${place} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = entry;
  if (dtype !== "F32") throw fail(`${place} has the type ${JSON.stringify(dtype)?.slice(0, 20)}, expected "F32"`);
  if (!isListOfSizes(shape)) throw fail(`${place} has no valid shape`);
  if (!isListOfSizes(offsets) || offsets.length !== 2) throw fail(`${place} has no valid offsets`);
  const [from, to] = offsets;
  const bytes = shape.reduce((product, length) => product * length, FLOAT_BYTES);
  if (to > dataBytes)
    throw fail(`${place} ends at byte ${to} of the data, which has ${dataBytes}; the file is cut short`);
  if (to - from !== bytes) throw fail(`${place} has ${to - from} bytes, expected ${bytes} for the shape [${shape}]`);
  return { shape, from, to };
}

const isListOfSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
