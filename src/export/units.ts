/**
 * The units of the fixed-point numbers: how many steps of the integer make 1.0. Chosen from the calibration, so that nothing
 * clips that matters and nothing is coarser than it must be.
 */
import { LAYER_NORM_EPSILON, pathwaysOf } from "../model/config.js";
import { FailureError } from "../model/errors.js";
import { type QuantisedModel, tensorOf } from "../model/quantised-model.js";
import { tanh } from "../model/reference.js";
import type { Calibration, Range } from "./calibration.js";
import { GAIN_MAX, largestMagnitude, SCALE_MAX } from "./fixed-point.js";

/** Clip of every vector (SPEC.md vec). */
export const VECTOR_MAX = 6553;
/** Clip of queries, keys and values. */
const BYTE_MAX = 127;
/** Logits and scores are in 1/2048 bit; a nat is log2(e) bits. */
export const NAT = 2048 * Math.LOG2E;
/** Clip of the sum of the pathways in the gated block. */
const MIX_MAX = 2 ** 17 - 1;
const RESIDUAL_MAX = 2 ** 21 - 1;
/** Steps of the 8-bit history, in units of the vector it is taken of, and how many there are on each side of 0. */
export const HISTORY_STEP = 32;
const HISTORY_LEVELS = 127;
/** Text that was not seen may go this much beyond what was. */
const MARGIN = 1.25;
const EPSILON_LIMIT = 2 ** 30 - 1;

/** Units of a gated layer. */
export interface GatedUnits {
  /** u */
  inner: number;
  /** g */
  gate: number;
  /** l */
  local: number;
  /** m, the sum of the pathways */
  mix: number;
  /** y = m * g */
  product: number;
  /** y = (m * g) >> mixShift */
  mixShift: number;
}

/** Units of sparse attention: int8. */
export interface SparseUnits {
  query: number;
  key: number;
  value: number;
}

/** A state coefficient a as the engine has it, and the factor that goes with its input: s = a s + 64 i; y = factor * s / 64. */
export interface StateUnits {
  a: Int16Array;
  factor: Float64Array;
}

export interface LayerUnits {
  /** n */
  norm: number;
  gated: GatedUnits | undefined;
  state: StateUnits | undefined;
  sparse: SparseUnits | undefined;
}

export interface Units {
  /** x */
  residual: number;
  layers: readonly LayerUnits[];
  /** n of the final norm */
  finalNorm: number;
}

const nonZero = (limit: number) => (limit > 0 ? limit : 1);

/** Unit of a vector with resolution to spare. */
const plainUnit = (range: Range) => VECTOR_MAX / (MARGIN * nonZero(range.max));
/** Unit of a vector of which an 8-bit history is kept: there clipping a little costs less than coarse steps. */
const historyUnit = (range: Range) => (HISTORY_STEP * HISTORY_LEVELS) / nonZero(range.bestLimit(HISTORY_LEVELS));

const stepsMax = (model: QuantisedModel, name: string) => largestMagnitude(tensorOf(model, name).steps);

/** What 1 of a layer's product stands for: of 4-bit rows, P >> 5 = sum * step / 2^17 with the largest step 32767. */
export const alphaOf = (model: QuantisedModel, name: string): number =>
  stepsMax(model, name) * (tensorOf(model, name).quantiser === "int4" ? 2 ** 17 / 32767 : 1);

const A_MAX = 32760;

/**
 * Rounds a = tanh(decay) to Q15 and folds everything linear into one factor, which also makes up for what rounding a does to
 * the response to a constant input, 1 / (1 - a). Where a is clipped the memory is longer than 4096 symbols: there matching
 * the start of the response, factor / 1, matters, not its limit.
 */
function stateUnits(model: QuantisedModel, layer: string): StateUnits {
  const decay = tensorOf(model, `${layer}state.decay`).values;
  const gain = model.tensors.get(`${layer}state.gain`)?.values;
  const out = tensorOf(model, `${layer}state.out`).values;
  const a = new Int16Array(decay.length);
  const factor = Float64Array.from(decay, (value, c) => {
    const exact = tanh(value);
    const rounded = Math.round(32768 * exact);
    a[c] = Math.max(-A_MAX, Math.min(A_MAX, rounded));
    const correction = a[c] === rounded ? (1 - rounded / 32768) / (1 - exact) : 1;
    // y = c s, s = a s + b i (gated: b = 1 - a), so the factor of the sum of a^k i is c b.
    return out[c] * (gain ? gain[c] : 1 - exact) * correction;
  });
  return { a, factor };
}

export const factorMax = (state: StateUnits | undefined): number => (state ? largestMagnitude(state.factor) : 0);

/** The largest factor as the multipliers see it: c = 32767 stands for it, and the engine divides by 2^15. */
export const stateFactor = (state: StateUnits | undefined): number => (factorMax(state) * 2 ** 15) / 32767;

function gatedUnits(
  model: QuantisedModel,
  calibration: Calibration,
  index: number,
  norm: number,
  state: StateUnits | undefined,
  sparse: SparseUnits | undefined,
): GatedUnits {
  const name = `layers.${index}.`;
  const range = (stage: Parameters<Calibration["range"]>[0]) => calibration.range(stage, index);
  const nPathways = pathwaysOf(model.config.layers[index]).length;
  // in.scale = inner * alpha / (64 norm) must not exceed SCALE_MAX; the same for the gate.
  const largest = (tensor: string) => (SCALE_MAX * 64 * norm) / nonZero(alphaOf(model, name + tensor));
  const inner = Math.min(historyUnit(range("inner")), largest("in"));
  const gate = Math.min(plainUnit(range("gate")), largest("gate"));
  // tapScale = local * step * HISTORY_STEP / inner is an i16.
  const tapLimit = (32767 * inner) / (HISTORY_STEP * nonZero(stepsMax(model, `${name}local.taps`)));
  const local = Math.min(plainUnit(range("local")), tapLimit);
  // The pathways' multipliers, mix * P / local, mix * P * factor / (64 local), mix * P / value, have limits.
  const mixLimit = Math.min(
    MIX_MAX / (MARGIN * nonZero(range("mix").max)),
    (GAIN_MAX * local) / nPathways,
    (SCALE_MAX * 64 * local) / (nPathways * nonZero(stateFactor(state))),
    (GAIN_MAX * (sparse?.value ?? Infinity)) / nPathways,
  );
  // product = mix * gate / 2^mixShift: the largest shift that keeps mix below its limit.
  const wanted = plainUnit(range("product"));
  let mixShift = 0;
  while (mixShift < 31 && (wanted * 2 ** (mixShift + 1)) / gate <= mixLimit) mixShift++;
  const mix = Math.min((wanted * 2 ** mixShift) / gate, mixLimit);
  return { inner, gate, local, mix, product: (mix * gate) / 2 ** mixShift, mixShift };
}

/**
 * Clipping a little costs less than coarse steps. The score's scale, NAT / (64 query key sqrt(dHead)), must not exceed
 * SCALE_MAX: for queries and keys so large that it would, finer units make them clip earlier.
 */
function sparseUnits(model: QuantisedModel, calibration: Calibration, index: number): SparseUnits {
  const unit = (stage: keyof SparseUnits) => BYTE_MAX / nonZero(calibration.range(stage, index).bestLimit(BYTE_MAX));
  const [query, key] = [unit("query"), unit("key")];
  const least = NAT / (64 * Math.sqrt(model.config.dHead) * SCALE_MAX);
  const finer = Math.max(1, Math.sqrt(least / (query * key)));
  return { query: query * finer, key: key * finer, value: unit("value") };
}

function layerUnits(model: QuantisedModel, calibration: Calibration, index: number): LayerUnits {
  const { block, layers } = model.config;
  const { local, state: hasState } = layers[index].pathways;
  const range = calibration.range("norm", index);
  const norm = block === "base" && local ? historyUnit(range) : plainUnit(range);
  const state = hasState ? stateUnits(model, `layers.${index}.`) : undefined;
  const sparse = layers[index].pathways.sparse ? sparseUnits(model, calibration, index) : undefined;
  const gated = block === "gated" ? gatedUnits(model, calibration, index, norm, state, sparse) : undefined;
  return { norm, state, sparse, gated };
}

/** The largest residual unit for which a layer's multipliers can be written. */
function residualLimit(model: QuantisedModel, index: number, { norm, gated, state, sparse }: LayerUnits): number {
  const name = `layers.${index}.`;
  // out.scale = residual * alpha / (64 product)
  if (gated) return (SCALE_MAX * 64 * gated.product) / nonZero(alphaOf(model, `${name}out`));
  const { local } = model.config.layers[index].pathways;
  return Math.min(
    // local: residual * alpha * HISTORY_STEP / norm
    local ? (GAIN_MAX * norm) / (HISTORY_STEP * nonZero(stepsMax(model, `${name}local.taps`))) : Infinity,
    // state: residual * factor / (64 norm)
    state ? (SCALE_MAX * 64 * norm) / nonZero(stateFactor(state)) : Infinity,
    // sparse: residual / value
    sparse ? GAIN_MAX * sparse.value : Infinity,
  );
}

/**
 * The unit of x, as fine as can be: its largest value a quarter of the clip at most, epsilon and the layers' multipliers
 * within their limits, and such that the embedding's scale can be written: a whole number for ternary rows, a power of two
 * times the largest step for 4-bit rows.
 */
function residualUnit(model: QuantisedModel, calibration: Calibration, layers: readonly LayerUnits[]): number {
  const { dModel } = model.config;
  const embed = tensorOf(model, "embed");
  const step = stepsMax(model, "embed");
  const limit = Math.min(
    RESIDUAL_MAX / 4 / nonZero(calibration.residualMax),
    Math.sqrt(EPSILON_LIMIT / (4 * dModel * LAYER_NORM_EPSILON)),
    ...layers.map((units, index) => residualLimit(model, index, units)),
  );
  if (step === 0) return limit;
  if (embed.quantiser === "ternary") return Math.floor(limit * step) / step || tooSmall();
  let shift = 0;
  while (shift < 15 && 32767 / step / 2 ** shift > limit) shift++;
  const unit = 32767 / step / 2 ** shift;
  return unit <= limit ? unit : tooSmall();
}

function tooSmall(): never {
  throw new FailureError(
    'Cannot export the model: the tensor "embed" is too small beside what the layers add; train with a higher embedding learning rate.',
  );
}

/** Chooses every unit of a model. */
export function chooseUnits(model: QuantisedModel, calibration: Calibration): Units {
  const layers = model.config.layers.map((_, index) => layerUnits(model, calibration, index));
  return {
    layers,
    residual: residualUnit(model, calibration, layers),
    finalNorm: plainUnit(calibration.range("norm", model.config.nLayers)),
  };
}
