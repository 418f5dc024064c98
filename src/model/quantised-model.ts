import type { ModelConfig } from "./config.js";
import { FailureError } from "./errors.js";
import { type Quantiser, rowQuantisers, ternaryQuantisers } from "./quantise.js";
import { sizeOf, type TensorSpec, tensorSpecs } from "./tensors.js";

/** A tensor as the forward pass uses it: weight [row][column] = values[row * columns + column] * its step. */
export interface QuantisedTensor {
  quantiser: Quantiser;
  /** 1 for a vector. */
  rows: number;
  columns: number;
  /** Row-major integers; the weights themselves when the quantiser is `none`. */
  values: Int8Array | Float32Array;
  /** ternary, sparse: one for the tensor; int4, int6, int8: one per row; none: one, 1. */
  steps: Float32Array;
}

/** A model after quantisation: what the reference model computes with and what the exporter writes. */
export interface QuantisedModel {
  config: ModelConfig;
  /** Symbols of the alphabet. */
  vocab: number;
  /** Rows of the unembedding. */
  outputs: number;
  /** The symbol that empties recall's memory. */
  forget?: number | undefined;
  /** By name, as `tensorSpecs` lists them. */
  tensors: ReadonlyMap<string, QuantisedTensor>;
}

/** The step of a row. */
export const stepOf = (tensor: QuantisedTensor, row: number): number =>
  tensor.steps.length === 1 ? tensor.steps[0] : tensor.steps[row];

/** A tensor of a model; it must have it. */
export function tensorOf(model: QuantisedModel, name: string): QuantisedTensor {
  const tensor = model.tensors.get(name);
  if (!tensor)
    throw new FailureError(`Cannot use the model: it has no tensor "${name}" but its configuration needs it.`);
  return tensor;
}

function quantiseTensor(spec: TensorSpec, weights: Float32Array): QuantisedTensor {
  const { quantiser } = spec;
  const columns = spec.shape[spec.shape.length - 1];
  const rows = sizeOf(spec) / columns;
  const one = (values: Int8Array | Float32Array, step: number) => ({
    quantiser,
    rows,
    columns,
    values,
    steps: Float32Array.of(step),
  });
  if (quantiser === "none") return one(weights, 1);
  if (quantiser === "ternary" || quantiser === "sparse") {
    const { trits, scale } = ternaryQuantisers[quantiser](weights);
    return one(trits, scale);
  }
  return { quantiser, rows, columns, ...rowQuantisers[quantiser](weights, columns) };
}

/**
 * Quantises the latent tensors of a checkpoint.
 *
 * @param tensors latent float32 values by name, row-major, as `tensorSpecs` lists them
 * @param vocab symbols of the alphabet
 * @param outputs rows of the unembedding: `vocab` for a language model
 * @param forget the symbol that empties recall's memory: what the alphabet makes of `config.recall.forget`
 * @throws FailureError when a tensor is missing or has another size
 */
export function quantiseModel(
  config: ModelConfig,
  tensors: ReadonlyMap<string, Float32Array>,
  vocab: number,
  outputs: number,
  forget?: number,
): QuantisedModel {
  const quantised = new Map<string, QuantisedTensor>();
  for (const spec of tensorSpecs(config, vocab, outputs)) {
    const weights = tensors.get(spec.name);
    if (weights?.length !== sizeOf(spec)) {
      const found = weights ? `has ${weights.length} values` : "is missing";
      throw new FailureError(
        `Cannot use the model: the tensor "${spec.name}" ${found} but its configuration asks for ${sizeOf(spec)}.`,
      );
    }
    quantised.set(spec.name, quantiseTensor(spec, weights));
  }
  return { config, vocab, outputs, forget, tensors: quantised };
}
