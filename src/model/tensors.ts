import {
  gatesOf,
  hasRouter,
  isTransformer,
  type ModelConfig,
  pathwaysOf,
  RECALL_GATES,
  RECALL_KINDS,
  RECALL_LENGTHS,
  TAPS,
  type WeightQuantiser,
} from "./config.js";
import { atanh, exp, log } from "./elementary.js";
import type { Quantiser } from "./quantise.js";

/** `embedding`: a table with its own learning rate; `matrix`: weights of a matrix product or convolution; `vector`: the rest. */
export type TensorGroup = "embedding" | "matrix" | "vector";

export interface TensorSpec {
  name: string;
  /** Row-major. */
  shape: readonly number[];
  quantiser: Quantiser;
  group: TensorGroup;
}

const quantiserOf = (choice: WeightQuantiser): Quantiser => (choice === "float" ? "none" : choice);

function specMakers(config: ModelConfig, index: number) {
  const matrices = quantiserOf(config.matrices);
  const matrix = (name: string, rows: number, columns: number, quantiser: Quantiser = matrices): TensorSpec => ({
    name: `layers.${index}.${name}`,
    shape: [rows, columns],
    quantiser,
    group: "matrix",
  });
  const vector = (name: string, length: number): TensorSpec => ({
    name: `layers.${index}.${name}`,
    shape: [length],
    quantiser: "none",
    group: "vector",
  });
  return { matrix, vector };
}

function transformerSpecs(config: ModelConfig, index: number): TensorSpec[] {
  const { dModel: d, dInner: e } = config;
  const { matrix, vector } = specMakers(config, index);
  const gpt = config.block === "gpt";
  return [
    vector("norm.gamma", d),
    ...(gpt ? [vector("norm.beta", d)] : []),
    ...["query", "key", "value", "out"].map((name) => matrix(`attention.${name}`, d, d)),
    vector("mlp.norm.gamma", d),
    ...(gpt ? [vector("mlp.norm.beta", d)] : [matrix("mlp.gate", e, d)]),
    matrix("mlp.up", e, d),
    matrix("mlp.down", d, e),
  ];
}

function pathwaySpecs(config: ModelConfig, index: number): TensorSpec[] {
  const { dModel: d, dInner: w, dHead, block } = config;
  const layer = config.layers[index];
  const nPathways = pathwaysOf(layer).length;
  const routed = hasRouter(config, layer);
  const gated = block === "gated";
  const taps = config.matrices === "float" ? "none" : gated ? "int6" : "ternary";
  const { matrix, vector } = specMakers(config, index);
  const { local, state, sparse } = layer.pathways;
  return [
    vector("norm.gamma", d),
    vector("norm.beta", d),
    ...(local ? [matrix("local.taps", w, TAPS, taps)] : []),
    ...(state ? [vector("state.decay", w), vector("state.out", w)] : []),
    ...(state && !gated ? [vector("state.gain", w)] : []),
    ...(sparse ? [matrix("sparse.query", dHead, w), matrix("sparse.key", dHead, w)] : []),
    ...(sparse && !gated ? [matrix("sparse.value", d, d)] : []),
    ...(routed ? [matrix("router.weight", nPathways, d)] : []),
    ...(routed && gated ? [vector("router.bias", nPathways)] : []),
    ...(gated ? [matrix("in", w, d)] : []),
    ...(gated && config.gate ? [matrix("gate", w, d)] : []),
    ...(gated ? [matrix("out", d, w)] : []),
  ];
}

/**
 * Names, shapes and quantisers of a checkpoint's tensors, in the fixed order of ARCHITECTURE.md.
 *
 * @param vocab symbols of the alphabet
 * @param outputs rows of the unembedding: `vocab` for a language model, the number of classes for a classifier
 */
export function tensorSpecs(config: ModelConfig, vocab: number, outputs: number): TensorSpec[] {
  const d = config.dModel;
  const layerSpecs = isTransformer(config) ? transformerSpecs : pathwaySpecs;
  const table = (name: string, rows: number, choice: WeightQuantiser): TensorSpec => ({
    name,
    shape: [rows, d],
    quantiser: quantiserOf(choice),
    group: "embedding",
  });
  const ngramTable = (buckets: number): TensorSpec => ({
    name: "ngrams",
    shape: [buckets, d],
    quantiser: config.embedding === "float" ? "none" : "sparse",
    group: "embedding",
  });
  const recalled = (name: string): TensorSpec => ({
    name: `recall.${name}`,
    shape: [RECALL_LENGTHS * RECALL_KINDS],
    quantiser: "none",
    group: "vector",
  });
  return [
    table("embed", config.tied ? vocab + gatesOf(config) : vocab, config.embedding),
    ...(config.block === "gpt" ? [table("position", config.train.context, config.embedding)] : []),
    ...config.layers.flatMap((_, index) => layerSpecs(config, index)),
    { name: "final.gamma", shape: [d], quantiser: "none", group: "vector" },
    ...(config.block === "llama"
      ? []
      : [{ name: "final.beta", shape: [d], quantiser: "none", group: "vector" } as const]),
    ...(config.tied ? [] : [table("unembed", outputs + gatesOf(config), config.unembedding)]),
    ...(config.ngrams ? [ngramTable(config.ngrams.buckets)] : []),
    ...(config.recall ? [recalled("bonus"), recalled("pull")] : []),
    ...(config.recall?.symbols
      ? [{ name: "recall.symbols", shape: [RECALL_GATES, vocab], quantiser: "int4", group: "vector" } as const]
      : []),
  ];
}

/** Values in a tensor. */
export const sizeOf = (spec: TensorSpec): number => spec.shape.reduce((product, length) => product * length, 1);

/** Matrices whose products are added to the residual stream. */
const RESIDUAL_OUTPUTS: readonly string[] = ["out", "attention.out", "mlp.down"];

const SHORTEST_MEMORY = 1.5;
const LONGEST_MEMORY = 64;

/** decay with tanh(decay) = exp(-1 / tau), tau spaced evenly in its logarithm over the channels. */
function decayOf(channel: number, channels: number): number {
  const position = channels > 1 ? channel / (channels - 1) : 0;
  const tau = SHORTEST_MEMORY * exp(position * log(LONGEST_MEMORY / SHORTEST_MEMORY));
  return atanh(exp(-1 / tau));
}

function initialTensor(spec: TensorSpec, config: ModelConfig, normal: () => number): Float32Array {
  const values = new Float32Array(sizeOf(spec));
  const kind = spec.name.replace(/^layers\.\d+\./, "");
  const gated = config.block === "gated";
  if (kind === "final.gamma") return values.fill(1);
  if (kind.endsWith("gamma")) return values.fill(config.train.initialGain);
  // A run that was never seen adds nothing.
  if (kind === "ngrams") return values;
  if (kind.endsWith("beta") || kind === "router.bias" || kind.startsWith("recall.")) return values;
  if (kind === "state.decay") return values.map((_, channel) => (gated ? decayOf(channel, values.length) : 1.5));
  if (kind === "state.out" && gated) return values.fill(1);
  const fanIn = spec.shape[spec.shape.length - 1];
  // The layers' outputs add up in the residual stream, so each starts smaller.
  const summands = RESIDUAL_OUTPUTS.includes(kind) ? 2 * config.nLayers : 1;
  const deviation = (kind === "position" ? 0.5 : 1) / Math.sqrt(fanIn * summands);
  return values.map(() => normal() * deviation);
}

/**
 * The tensors training starts from, by name.
 *
 * @param normal draws from the standard normal distribution; called once per random value, in the order of `tensorSpecs`
 */
export function initialTensors(
  config: ModelConfig,
  vocab: number,
  outputs: number,
  normal: () => number,
): Map<string, Float32Array> {
  const specs = tensorSpecs(config, vocab, outputs);
  return new Map(specs.map((spec) => [spec.name, initialTensor(spec, config, normal)]));
}
