import { crc32 } from "../format/crc32.js";
import { configToJson, type ModelConfig } from "../model/config.js";
import { AtomeError } from "../model/errors.js";
import { parseConfig } from "../model/parse-config.js";
import { sizeOf, type TensorSpec, tensorSpecs } from "../model/tensors.js";
import { Alphabet } from "../tokenizer/alphabet.js";
import { SensorAlphabet } from "../tokenizer/sensor-alphabet.js";
import { decodeSafetensors, encodeSafetensors, loadingError, type Tensor } from "./safetensors.js";

/** Version of the metadata below. */
const VERSION = "1";
const METADATA_KEYS = new Set([
  "version",
  "config",
  "alphabet",
  "outputs",
  "class_names",
  "step",
  "seed",
  "data_sha256",
  "history",
  "random",
  "loss_sum",
  "crc32",
  // Written by PyTorch's tools.
  "format",
]);
const MOMENTS = ["adamw.m.", "adamw.v."] as const;

/** What validation found at a step. */
export interface HistoryEntry {
  step: number;
  /** Mean loss of the training windows since the entry before, nats per symbol, of a classifier per decision. */
  trainingLoss: number;
  /** Mean loss of what is held out, in the same unit. */
  validationLoss: number;
  /** Of a language model: the same per byte of the text. */
  bitsPerByte?: number;
  /** Of a classifier: share of the held-out examples that it gets right. */
  accuracy?: number;
}

/** What training needs beside the tensors to go on with the same bits. */
export interface TrainingState {
  /** AdamW's running mean of the gradient, or Muon's momentum; one array per tensor. */
  m: ReadonlyMap<string, Float32Array>;
  /** AdamW's running mean of the squared gradient; zeros where Muon is the optimizer. */
  v: ReadonlyMap<string, Float32Array>;
  /** Words of the random generator's state. */
  random: readonly number[];
  /** Sum of the losses of the steps since the last entry of the history. */
  lossSum: number;
}

/** What the rows of the embedding table are: symbols of text, or a sensor's intervals. */
export type CheckpointAlphabet =
  | { alphabet: Alphabet; sensor?: undefined }
  | { alphabet?: undefined; sensor: SensorAlphabet };

/** A model in training: everything needed to go on, or (without `training`) to export it. */
export type Checkpoint = CheckpointBase & CheckpointAlphabet;

interface CheckpointBase {
  config: ModelConfig;
  /** Names of a classifier's outputs, in their order. */
  classNames?: readonly string[];
  /** Rows of the unembedding: the alphabet's size, or the number of classes. */
  outputs: number;
  /** Optimizer steps made. */
  step: number;
  seed: number;
  /** SHA-256 of the corpus, hexadecimal. */
  dataSha256: string;
  history: readonly HistoryEntry[];
  /** Latent float32 values by name, as `tensorSpecs` lists them. */
  tensors: ReadonlyMap<string, Float32Array>;
  training?: TrainingState;
}

/** The bytes of a checkpoint: safetensors, everything but the numbers in the metadata, the same for the same checkpoint. */
export function encodeCheckpoint(checkpoint: Checkpoint): Uint8Array {
  const { config, classNames, outputs, training } = checkpoint;
  const alphabet = checkpoint.alphabet ?? checkpoint.sensor;
  const specs = tensorSpecs(config, alphabet.size, outputs);
  const tensors = new Map<string, Tensor>();
  const add = (prefix: string, values: ReadonlyMap<string, Float32Array>) => {
    for (const { name, shape } of specs)
      tensors.set(prefix + name, { shape, values: values.get(name) as Float32Array });
  };
  add("", checkpoint.tensors);
  if (training) {
    add(MOMENTS[0], training.m);
    add(MOMENTS[1], training.v);
  }
  const metadata = {
    version: VERSION,
    config: JSON.stringify(configToJson(config)),
    alphabet: JSON.stringify(alphabet.toJson()),
    outputs: String(outputs),
    ...(classNames ? { class_names: JSON.stringify(classNames) } : {}),
    step: String(checkpoint.step),
    seed: String(checkpoint.seed),
    data_sha256: checkpoint.dataSha256,
    history: JSON.stringify(checkpoint.history),
    ...(training ? { random: JSON.stringify(training.random), loss_sum: String(training.lossSum) } : {}),
  };
  return encodeSafetensors({ metadata: { ...metadata, crc32: checksum(metadata, tensors) }, tensors });
}

/**
 * Decodes and checks a checkpoint: what this accepts has exactly the tensors its configuration asks for, all finite.
 *
 * @param name what the user calls the file, for the error
 * @throws FailureError with the first thing that is wrong
 */
export function decodeCheckpoint(bytes: Uint8Array, name: string): Checkpoint {
  const fail = loadingError(name);
  const { metadata, tensors } = decodeSafetensors(bytes, name);
  const text = (key: string): string => {
    if (!Object.hasOwn(metadata, key))
      throw fail(`the metadata has no "${key}", expected a checkpoint of this program`);
    return metadata[key];
  };
  if (text("version") !== VERSION) {
    throw fail(`it is version ${JSON.stringify(text("version").slice(0, 20))} but this build reads "${VERSION}"`);
  }
  checkMetadata(metadata, tensors, fail);
  const count = (key: string): number => {
    if (!/^\d{1,15}$/.test(text(key))) throw fail(`"${key}" of the metadata is not a whole number`);
    return Number(text(key));
  };
  const { config, ...alphabets } = readSettings(text, fail);
  const outputs = count("outputs");
  const names = Object.hasOwn(metadata, "class_names") ? readClassNames(text("class_names"), outputs, fail) : undefined;
  const checkpoint = {
    config,
    ...alphabets,
    ...(names ? { classNames: names } : {}),
    outputs,
    step: count("step"),
    seed: count("seed"),
    dataSha256: text("data_sha256"),
    history: readHistory(text("history"), fail),
  };
  const specs = tensorSpecs(config, (alphabets.alphabet ?? alphabets.sensor).size, outputs);
  checkNames(specs, tensors, fail);
  const take = (prefix: string) => takeTensors(specs, tensors, prefix, fail);
  if (tensors.size === specs.length) return { ...checkpoint, tensors: take("") };
  const random = readRandom(text("random"), fail);
  const lossSum = Number(text("loss_sum"));
  if (!Number.isFinite(lossSum)) throw fail('"loss_sum" of the metadata is not a number');
  const training = { m: take(MOMENTS[0]), v: take(MOMENTS[1]), random, lossSum };
  return { ...checkpoint, tensors: take(""), training };
}

type Fail = ReturnType<typeof loadingError>;

function readSettings(text: (key: string) => string, fail: Fail): { config: ModelConfig } & CheckpointAlphabet {
  const config = parseJson(text("config"), "config", fail);
  const alphabet = parseJson(text("alphabet"), "alphabet", fail);
  try {
    const parsed = parseConfig(config, "of the checkpoint");
    if (parsed.alphabet.kind === "sensor") return { config: parsed, sensor: SensorAlphabet.fromJson(alphabet) };
    return { config: parsed, alphabet: Alphabet.fromJson(alphabet) };
  } catch (error) {
    if (!(error instanceof AtomeError)) throw error;
    throw fail(`its settings are not valid (${error.message})`);
  }
}

/** Refuses unknown keys and a wrong checksum. A file that another tool wrote may lack the checksum. */
function checkMetadata(
  metadata: Readonly<Record<string, string>>,
  tensors: ReadonlyMap<string, Tensor>,
  fail: Fail,
): void {
  const unknown = Object.keys(metadata).find((key) => !METADATA_KEYS.has(key));
  if (unknown !== undefined) throw fail(`the metadata has the unknown key ${JSON.stringify(unknown.slice(0, 40))}`);
  const { crc32: stored, ...rest } = metadata;
  if (stored !== undefined && stored !== checksum(rest, tensors)) {
    throw fail("the checksum of its content does not match");
  }
}

function readRandom(text: string, fail: Fail): number[] {
  const random = parseJson(text, "random", fail);
  const isWord = (word: unknown) => Number.isInteger(word) && (word as number) >>> 0 === word;
  if (!Array.isArray(random) || random.length !== 4 || !random.every(isWord)) {
    throw fail('"random" of the metadata is not a list of 4 words of 32 bits');
  }
  return random;
}

function readClassNames(text: string, outputs: number, fail: Fail): string[] {
  const names = parseJson(text, "class_names", fail);
  if (!Array.isArray(names) || names.length !== outputs || !names.every((name) => typeof name === "string")) {
    throw fail(`"class_names" of the metadata is not a list of ${outputs} names`);
  }
  return names;
}

function readHistory(text: string, fail: Fail): HistoryEntry[] {
  const history = parseJson(text, "history", fail);
  const fields = ["step", "trainingLoss", "validationLoss"];
  const hasNumber = (entry: unknown, field: string) => typeof Object(entry)[field] === "number";
  const isEntry = (entry: unknown) =>
    fields.every((field) => hasNumber(entry, field)) &&
    (hasNumber(entry, "bitsPerByte") || hasNumber(entry, "accuracy"));
  if (!Array.isArray(history) || !history.every(isEntry)) {
    throw fail(`"history" of the metadata is not a list of {${fields.join(", ")}, bitsPerByte or accuracy}`);
  }
  return history;
}

function parseJson(text: string, key: string, fail: Fail): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw fail(`"${key}" of the metadata is not JSON`);
  }
}

/** Either the model's tensors alone, or with both moments of each. */
function checkNames(specs: readonly TensorSpec[], tensors: ReadonlyMap<string, Tensor>, fail: Fail): void {
  const names = specs.map((spec) => spec.name);
  const all = [...names, ...MOMENTS.flatMap((prefix) => names.map((name) => prefix + name))];
  const expected = tensors.size === names.length ? names : all;
  const missing = expected.find((name) => !tensors.has(name));
  if (missing !== undefined) throw fail(`the tensor "${missing}" is missing`);
  const known = new Set(expected);
  const extra = [...tensors.keys()].find((name) => !known.has(name));
  if (extra !== undefined) throw fail(`the tensor ${JSON.stringify(extra.slice(0, 80))} is not one of this model`);
}

function takeTensors(
  specs: readonly TensorSpec[],
  tensors: ReadonlyMap<string, Tensor>,
  prefix: string,
  fail: Fail,
): Map<string, Float32Array> {
  const taken = new Map<string, Float32Array>();
  for (const spec of specs) {
    const name = prefix + spec.name;
    const { shape, values } = tensors.get(name) as Tensor;
    if (shape.join() !== spec.shape.join() || values.length !== sizeOf(spec)) {
      throw fail(`the tensor "${name}" has the shape [${shape}], expected [${spec.shape}]`);
    }
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad >= 0) throw fail(`value ${bad} of the tensor "${name}" is ${values[bad]}, expected finite numbers`);
    taken.set(spec.name, values);
  }
  return taken;
}

/** CRC-32 of the metadata and all tensors, as text. */
function checksum(metadata: Readonly<Record<string, string>>, tensors: ReadonlyMap<string, Tensor>): string {
  return String(crc32(encodeSafetensors({ metadata, tensors })));
}
