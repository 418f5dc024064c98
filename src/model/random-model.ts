import type { ModelConfig } from "./config.js";
import { initialTensors, tensorSpecs } from "./tensors.js";

/** How far each value of a vector is moved off its start, in standard deviations of the normal distribution. */
const VECTOR_SPREAD = 0.3;

/** Nearly normal values, the sum of twelve uniform ones, from a 32-bit linear congruential generator. */
export function normalSource(seed: number): () => number {
  let state = seed;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) sum += uniform();
    return sum;
  };
}

/** Latent tensors of a model that is not trained but has no value left at its start: for tests and test vectors. */
export function randomTensors(
  config: ModelConfig,
  vocab: number,
  outputs: number,
  seed: number,
): Map<string, Float32Array> {
  const normal = normalSource(seed);
  const tensors = initialTensors(config, vocab, outputs, normal);
  for (const { name, group } of tensorSpecs(config, vocab, outputs)) {
    const values = tensors.get(name);
    if (name === "ngrams") tensors.set(name, Float32Array.from(values ?? [], normal));
    if (group !== "vector" || !values) continue;
    tensors.set(
      name,
      values.map((value) => value + VECTOR_SPREAD * normal()),
    );
  }
  return tensors;
}
