import { TAPS } from "../model/config.js";
import { FailureError, UsageError } from "../model/errors.js";
import { parseConfig } from "../model/parse-config.js";
import type { QuantisedModel, QuantisedTensor } from "../model/quantised-model.js";
import { sizeOf, type TensorSpec, tensorSpecs } from "../model/tensors.js";
import { Alphabet } from "../tokenizer/alphabet.js";

/** What an ATOME01 file does not say of itself. */
export interface Atome01Dimensions {
  dModel: number;
  nLayers: number;
  dHead: number;
  topK: number;
  /** Taps of the local pathway, 1..5. */
  kernel: number;
  /** Byte symbols, 2..256; 256 unless given. */
  vocab?: number | undefined;
  /** Positions that attention looks at; 64 unless given. */
  window?: number | undefined;
}

const MAGIC = "ATOME01";
const TOP_K_MAX = 4;
const DEFAULT_VOCAB = 256;
const DEFAULT_WINDOW = 64;
const FLOAT_BYTES = 4;

/**
 * The order of a layer's tensors in the file, under the names of this package; the embedding comes before the layers, the
 * final norm and the unembedding after them.
 */
const LAYER_ORDER = [
  "norm.gamma",
  "norm.beta",
  "local.taps",
  "state.decay",
  "state.gain",
  "state.out",
  "sparse.query",
  "sparse.key",
  "sparse.value",
  "router.weight",
] as const;

/** Trits of the 2-bit codes 00, 01, 10, 11; 2 marks the invalid one. */
const TRITS = [0, 1, 2, -1] as const;

/** Reads a file from front to back. */
class BlobReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #place: string;
  #at = MAGIC.length;

  constructor(bytes: Uint8Array, place: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#place = place;
  }

  floats(name: string, count: number): Float32Array {
    return Float32Array.from({ length: count }, () => this.#float(name));
  }

  /** T(count): a float32 scale, then `count` 2-bit trits, lowest bits first. A negative scale turns the trits around. */
  ternary(name: string, count: number): { trits: Int8Array; scale: number } {
    const scale = this.#float(name);
    const sign = scale < 0 ? -1 : 1;
    const trits = new Int8Array(count);
    for (let index = 0; index < count; index++) {
      const at = this.#at + (index >> 2);
      const trit = TRITS[(this.#bytes[at] >> (2 * (index & 3))) & 3];
      if (trit === 2) {
        this.#fail(at, `trit ${index} of the tensor "${name}" has the code 10 but must have 00, 01 or 11`);
      }
      trits[index] = sign * trit + 0;
    }
    this.#at += Math.ceil(count / 4);
    return { trits, scale: Math.abs(scale) };
  }

  #float(name: string): number {
    const value = this.#view.getFloat32(this.#at, true);
    if (!Number.isFinite(value)) this.#fail(this.#at, `the tensor "${name}" has ${value} but must be finite`);
    this.#at += FLOAT_BYTES;
    return value;
  }

  #fail(at: number, problem: string): never {
    throw new FailureError(
      `Cannot import ${this.#place}: at byte ${at}, ${problem}; check the dimensions given, or export the file again.`,
    );
  }
}

/** Bytes that a tensor takes; the taps have `kernel` columns in the file. */
function bytesOf(spec: TensorSpec, kernel: number): number {
  const count = spec.name.endsWith("local.taps") ? (sizeOf(spec) / TAPS) * kernel : sizeOf(spec);
  return spec.quantiser === "ternary" ? FLOAT_BYTES + Math.ceil(count / 4) : FLOAT_BYTES * count;
}

/** The tensors in the order of the file. */
function inFileOrder(specs: readonly TensorSpec[], nLayers: number): TensorSpec[] {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  const layers = Array.from({ length: nLayers }, (_, index) => LAYER_ORDER.map((name) => `layers.${index}.${name}`));
  return ["embed", ...layers.flat(), "final.gamma", "final.beta", "unembed"].map(
    (name) => byName.get(name) as TensorSpec,
  );
}

/** Kernels shorter than five get zeros for their oldest taps. */
function readTaps(reader: BlobReader, spec: TensorSpec, kernel: number): { trits: Int8Array; scale: number } {
  const channels = spec.shape[0];
  const { trits, scale } = reader.ternary(spec.name, channels * kernel);
  const taps = new Int8Array(channels * TAPS);
  for (let c = 0; c < channels; c++) taps.set(trits.subarray(c * kernel, (c + 1) * kernel), c * TAPS);
  return { trits: taps, scale };
}

function readTensor(reader: BlobReader, spec: TensorSpec, kernel: number): QuantisedTensor {
  const { name, quantiser } = spec;
  const columns = spec.shape[spec.shape.length - 1];
  const shape = { quantiser, rows: sizeOf(spec) / columns, columns };
  if (quantiser === "none") return { ...shape, values: reader.floats(name, columns), steps: Float32Array.of(1) };
  const { trits, scale } = name.endsWith("local.taps")
    ? readTaps(reader, spec, kernel)
    : reader.ternary(name, sizeOf(spec));
  return { ...shape, values: trits, steps: Float32Array.of(scale) };
}

function checkRange(place: string, what: string, value: number, greatest: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= greatest) return;
  throw new UsageError(
    `Cannot import ${place}: the ${what} is ${value} but this engine has 1 to ${greatest}; give the one the model was trained with.`,
  );
}

/**
 * Reads a model in the ATOME01 format: a 7-byte magic, then the tensors of the base block with all pathways, ternary ones as
 * a float32 scale and 2-bit trits, without dimensions or a checksum. The integers and scales are taken over as they are.
 *
 * @param place what the user calls the file, e.g. `"blob.bin"`
 * @throws UsageError when the dimensions are out of range, FailureError when the file does not have exactly the bytes they
 *   ask for, has another magic, a number that is not finite, or an invalid trit
 */
export function importAtome01(
  bytes: Uint8Array,
  dimensions: Atome01Dimensions,
  place: string,
): { model: QuantisedModel; alphabet: Alphabet } {
  const { dModel, nLayers, dHead, topK, kernel } = dimensions;
  const vocab = dimensions.vocab ?? DEFAULT_VOCAB;
  checkRange(place, "kernel", kernel, TAPS);
  checkRange(place, "top-k", topK, TOP_K_MAX);
  const window = dimensions.window ?? DEFAULT_WINDOW;
  const config = parseConfig({ block: "base", dModel, nLayers, dHead, topK, window }, `for ${place}`);
  const alphabet = Alphabet.bytes(vocab);
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC) {
    throw new FailureError(
      `Cannot import ${place}: at byte 0, the magic is ${JSON.stringify(magic)} but must be "${MAGIC}"; give a file of that format.`,
    );
  }
  const specs = inFileOrder(tensorSpecs(config, vocab, vocab), nLayers);
  const needed = specs.reduce((sum, spec) => sum + bytesOf(spec, kernel), MAGIC.length);
  if (bytes.length !== needed) {
    throw new FailureError(
      `Cannot import ${place}: it has ${bytes.length} bytes but a model of these dimensions (vocab ${vocab}, dModel ${dModel}, ${nLayers} layers, dHead ${dHead}, kernel ${kernel}) has ${needed}; give the dimensions it was trained with.`,
    );
  }
  const reader = new BlobReader(bytes, place);
  const tensors = new Map(specs.map((spec) => [spec.name, readTensor(reader, spec, kernel)]));
  return { model: { config, vocab, outputs: vocab, tensors }, alphabet };
}
