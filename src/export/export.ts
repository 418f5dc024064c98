import type { CheckpointAlphabet } from "../checkpoint/checkpoint.js";
import { firstRows, LIMITS, NGRAM_LIMITS, PATHWAY } from "../format/layout.js";
import type {
  DecisionParts,
  Int4Table,
  LayerParts,
  ModelParts,
  NgramParts,
  NormPairs,
  RecallParts,
  Scale,
  Table,
  TernaryTable,
} from "../format/parts.js";
import { writeModel } from "../format/writer.js";
import { isTransformer, LAYER_NORM_EPSILON, type ModelConfig, type PATHWAYS, pathwaysOf } from "../model/config.js";
import { FailureError } from "../model/errors.js";
import { orderBits } from "../model/ngrams.js";
import { type QuantisedModel, type QuantisedTensor, quantiseModel, tensorOf } from "../model/quantised-model.js";
import { type CalibrationInput, calibrate } from "./calibration.js";
import { factorScale, gainScale, headroomShift, largestMagnitude, roundTo, UNUSED } from "./fixed-point.js";
import {
  alphaOf,
  chooseUnits,
  factorMax,
  type GatedUnits,
  HISTORY_STEP,
  type LayerUnits,
  NAT,
  type StateUnits,
  stateFactor,
  type Units,
} from "./units.js";

export type ExportOptions = ExportSettings & CheckpointAlphabet;

export interface ExportSettings {
  /** Names of the outputs of a classifier. */
  classNames?: readonly string[] | undefined;
  /** Stored as JSON beside the weights; the engine does not read it. */
  metadata?: Readonly<Record<string, unknown>> | undefined;
  /**
   * What the fixed-point units are fitted to, some hundred steps or more: symbols of typical text, of several texts, or rows
   * of a sensor's series as its alphabet makes them of samples; without it the model's own text serves, or a classifier's random input.
   */
  calibration?: Uint16Array | readonly Uint16Array[] | undefined;
  /** Divides a classifier's logits, so that its scores become probabilities; 1 unless given. */
  temperature?: number | undefined;
  /** When a classifier's decision stands; always unless given. */
  decision?: DecisionParts | undefined;
}

export type ExportInput = ExportOptions & {
  config: ModelConfig;
  /** Latent float32 tensors by name, as in a checkpoint. */
  tensors: ReadonlyMap<string, Float32Array>;
};

const I16 = 32767;
const fail = (problem: string, fix: string): never => {
  throw new FailureError(`Cannot export the model: ${problem}; ${fix}.`);
};

/** The integers of a 4-bit table's steps: the largest step is 32767. */
function int4Table(tensor: QuantisedTensor): Int4Table {
  const largest = largestMagnitude(tensor.steps);
  return {
    kind: "int4",
    values: tensor.values as Int8Array,
    steps: Uint16Array.from(tensor.steps, (step) => (largest > 0 ? Math.round((I16 * step) / largest) : 0)),
  };
}

const tableOf = (tensor: QuantisedTensor): Table =>
  tensor.quantiser === "int4" ? int4Table(tensor) : { kind: "ternary", trits: tensor.values as Int8Array };

/**
 * LayerNorm's gamma and beta. The engine's normalised vector has length 1 = 2^15, LayerNorm's has length sqrt(d), so
 * n * unit = ((v * G) >> shift) + B with G = gamma * sqrt(d) * unit * 2^shift / 2^15, B = beta * unit.
 */
function normParts(gamma: QuantisedTensor, beta: QuantisedTensor, unit: number): { pairs: NormPairs; shift: number } {
  const factor = (Math.sqrt(gamma.columns) * unit) / 2 ** 15;
  const shift = headroomShift(largestMagnitude(gamma.values) * factor, I16);
  const pairs = {
    gamma: Int16Array.from(gamma.values, (value) => roundTo(value * factor * 2 ** shift, I16)),
    beta: Int16Array.from(beta.values, (value) => roundTo(value * unit, I16)),
  };
  return { pairs, shift };
}

/**
 * c so that mulq15(s, c) times the pathway's multiplier is the state's output: c = factor / largest factor in Q15. The
 * largest is in the multiplier.
 */
function stateParts(state: StateUnits | undefined): { a: Int16Array; c: Int16Array } | undefined {
  if (!state) return undefined;
  const largest = factorMax(state);
  const c = Int16Array.from(state.factor, (value) => (largest > 0 ? roundTo((I16 * value) / largest, I16) : 0));
  return { a: state.a, c };
}

/** One matrix of the rows of several; the largest step of each of 4-bit rows is 32767. */
function joined(parts: readonly QuantisedTensor[]): Table | undefined {
  if (parts.length === 0) return undefined;
  const tables = parts.map(tableOf);
  const all = <T>(listOf: (table: Table) => Iterable<T>) => tables.flatMap((table) => [...listOf(table)]);
  if (tables[0].kind === "ternary") {
    return { kind: "ternary", trits: Int8Array.from(all((table) => (table as TernaryTable).trits)) };
  }
  return {
    kind: "int4",
    values: Int8Array.from(all((table) => (table as Int4Table).values)),
    steps: Uint16Array.from(all((table) => (table as Int4Table).steps)),
  };
}

/** One layer on its way into the file. */
class LayerExport {
  readonly #model: QuantisedModel;
  readonly #prefix: string;
  readonly #units: LayerUnits;
  readonly #residual: number;
  readonly #pathways: ReturnType<typeof pathwaysOf>;
  readonly #window: number;

  constructor(model: QuantisedModel, index: number, units: Units) {
    const layer = model.config.layers[index];
    this.#model = model;
    this.#prefix = `layers.${index}.`;
    this.#units = units.layers[index];
    this.#residual = units.residual;
    this.#pathways = pathwaysOf(layer);
    this.#window = layer.pathways.sparse ? layer.window : 0;
  }

  parts(): LayerParts {
    const { norm, state, gated } = this.#units;
    const { pairs, shift } = normParts(this.#tensor("norm.gamma"), this.#tensor("norm.beta"), norm);
    const bits = this.#pathways.reduce((sum, pathway) => sum | PATHWAY[pathway], 0);
    const { dModel, dInner, dHead } = this.#model.config;
    const dimensions = { dModel, dInner: gated ? dInner : 0, dHead, vocab: 0, outputs: 0, nLayers: 0, topK: 0 };
    const rows = Object.entries(firstRows(dimensions, bits)).filter(([, count]) => count > 0);
    const first = rows.map(([name]) => this.#tensor(FIRST_TENSORS[name as keyof typeof FIRST_TENSORS]));
    return {
      pathways: bits,
      window: this.#window,
      normShift: shift,
      norm: pairs,
      scales: gated ? this.#gatedScales(gated) : this.#baseScales(),
      routerBias: this.#routerBias(),
      ...this.#taps(gated),
      mixShift: gated?.mixShift ?? 0,
      state: stateParts(state),
      first: joined(first),
      second:
        gated && this.#has("sparse") ? joined([this.#tensor("sparse.query"), this.#tensor("sparse.key")]) : undefined,
      third: gated ? tableOf(this.#tensor("out")) : undefined,
    };
  }

  #has(pathway: (typeof PATHWAYS)[number]): boolean {
    return this.#pathways.includes(pathway);
  }

  #tensor(name: string): QuantisedTensor {
    return tensorOf(this.#model, this.#prefix + name);
  }

  #alpha(name: string): number {
    return alphaOf(this.#model, this.#prefix + name);
  }

  #factor(value: number, name: string): Scale {
    return factorScale(value, this.#prefix + name);
  }

  #gain(value: number, name: string): Scale {
    return gainScale(value, this.#prefix + name);
  }

  /** Router and attention: what both blocks share. `mix` is the unit of the sum of the pathways. */
  #commonScales(mix: number): Pick<LayerParts["scales"], "router" | "sparse" | "score" | "query" | "key" | "value"> {
    const { norm, gated, sparse } = this.#units;
    // v = 64 A router, A = norm * logit / alpha, v in 1/2048 bit: router = NAT * alpha / (64 norm).
    const router =
      this.#pathways.length > 1
        ? this.#factor((NAT * this.#alpha("router.weight")) / (64 * norm), "router.weight")
        : UNUSED;
    if (!sparse) return { router, sparse: UNUSED, score: UNUSED, query: UNUSED, key: UNUSED, value: UNUSED };
    // q8 = 64 A_q query / 2, A_q = input * q / alpha_q; the same for k, and for v in the base block. The gated block's value is u.
    const input = gated ? gated.local : norm;
    const rows = (name: "query" | "key" | "value") =>
      this.#factor((sparse[name] * this.#alpha(`sparse.${name}`)) / (32 * input), `sparse.${name}`);
    return {
      router,
      // z = 2^15 p r / 2^15 * value * v, and r is p of the router times the multiplier: mix / value.
      sparse: this.#gain(mix / sparse.value, gated ? "in" : "sparse.value"),
      // v = 64 q8 k8 score = NAT * q.k / sqrt(dHead).
      score: this.#factor(NAT / (64 * sparse.query * sparse.key * Math.sqrt(this.#model.config.dHead)), "sparse.query"),
      query: rows("query"),
      key: rows("key"),
      value: gated ? this.#factor(sparse.value / (32 * gated.inner), "in") : rows("value"),
    };
  }

  #baseScales(): LayerParts["scales"] {
    const { norm, state } = this.#units;
    const residual = this.#residual;
    return {
      ...this.#commonScales(residual),
      // History h = n / HISTORY_STEP, so the sum of taps is norm * l / (HISTORY_STEP alpha).
      local: this.#has("local")
        ? this.#gain((residual * this.#alpha("local.taps") * HISTORY_STEP) / norm, "local.taps")
        : UNUSED,
      // s = 64 norm * sum of a^k n.
      state: state ? this.#factor((residual * stateFactor(state)) / (64 * norm), "state.out") : UNUSED,
      in: UNUSED,
      gate: UNUSED,
      out: UNUSED,
    };
  }

  /** As in the base block with r = P * p, and with the mix's unit in place of the residual's. */
  #gatedScales(units: GatedUnits): LayerParts["scales"] {
    const { norm, state } = this.#units;
    const mix = units.mix * this.#pathways.length;
    return {
      ...this.#commonScales(mix),
      // l is in its own unit already.
      local: this.#gain(mix / units.local, "local.taps"),
      state: state ? this.#factor((mix * stateFactor(state)) / (64 * units.local), "state.out") : UNUSED,
      // u * inner = 64 A in, A = norm * u / alpha.
      in: this.#factor((units.inner * this.#alpha("in")) / (64 * norm), "in"),
      gate: this.#factor((units.gate * this.#alpha("gate")) / (64 * norm), "gate"),
      // x * residual = 64 B out, B = product * x / alpha.
      out: this.#factor((this.#residual * this.#alpha("out")) / (64 * units.product), "out"),
    };
  }

  /** The gated block's taps: l * local = (sum * tapScale) >> tapShift, sum = inner / HISTORY_STEP * l / step. */
  #taps(gated: GatedUnits | undefined): Pick<LayerParts, "taps" | "tapScales" | "tapShift"> {
    if (!this.#has("local")) return { taps: undefined, tapScales: undefined, tapShift: 0 };
    const { values, steps } = this.#tensor("local.taps");
    const taps = values as Int8Array;
    if (!gated) return { taps, tapScales: undefined, tapShift: 0 };
    const factor = (HISTORY_STEP * gated.local) / gated.inner;
    const tapShift = headroomShift(largestMagnitude(steps) * factor, I16);
    const tapScales = Int16Array.from(steps, (step) => roundTo(step * factor * 2 ** tapShift, I16));
    return { taps, tapScales, tapShift };
  }

  /** In 1/2048 bit. Only differences count, so the mean is taken off before clipping. */
  #routerBias(): [number, number, number] {
    const bias = this.#model.tensors.get(`${this.#prefix}router.bias`)?.values;
    if (!bias) return [0, 0, 0];
    const mean = Array.from(bias).reduce((sum, value) => sum + value, 0) / bias.length;
    const at = (index: number) => (index < bias.length ? roundTo((bias[index] - mean) * NAT, I16) : 0);
    return [at(0), at(1), at(2)];
  }
}

/** The tensors that make up a layer's first matrix. */
const FIRST_TENSORS = {
  query: "sparse.query",
  key: "sparse.key",
  value: "sparse.value",
  in: "in",
  gate: "gate",
  router: "router.weight",
} as const;

/** embedScale: x * residual = trit * embedScale, or = (value * step) >> embedScale with the largest step 32767. */
function embedScale(embed: QuantisedTensor, residual: number): number {
  const step = largestMagnitude(embed.steps);
  if (embed.quantiser === "ternary") return Math.round(residual * step);
  return step > 0 ? Math.round(Math.log2(I16 / (residual * step))) : 0;
}

/**
 * The scale of the logits. Ternary: logit * NAT = 64 A scale, A = finalNorm * logit / alpha. 4-bit: = 8 A / 2^15 * integer
 * step * scale, A = finalNorm * logit / step.
 */
function logitScale(table: QuantisedTensor, finalNorm: number, name: string, temperature: number): Scale {
  const step = largestMagnitude(table.steps) / temperature;
  if (table.quantiser === "ternary") return factorScale((NAT * step) / (64 * finalNorm), name);
  return factorScale((NAT * step * 2 ** 15) / (I16 * 8 * finalNorm), name);
}

const recallSymbols = ({ values, steps }: QuantisedTensor): Int4Table => ({
  kind: "int4",
  values: values as Int8Array,
  steps: Uint16Array.from(steps, (step) => roundTo(step * NAT, I16)),
});

/** Bonuses are in nats; a pull is a share of the way to the largest logit. */
function recallParts(model: QuantisedModel): RecallParts | undefined {
  const { config, forget } = model;
  if (!config.recall) return undefined;
  const { values: bonus } = tensorOf(model, "recall.bonus");
  const { values: pull } = tensorOf(model, "recall.pull");
  return {
    window: config.recall.window,
    forget,
    gates: config.recall.gates === true,
    symbols: config.recall.symbols && recallSymbols(tensorOf(model, "recall.symbols")),
    bonus: Int16Array.from(bonus, (value) => roundTo(value * NAT, I16)),
    pull: Int16Array.from(pull, (value) => Math.max(0, roundTo(value * 2 ** 15, I16))),
  };
}

/** Rows in the units of the residual. */
function ngramParts(model: QuantisedModel, residual: number): NgramParts | undefined {
  const { ngrams } = model.config;
  if (!ngrams) return undefined;
  const { values, steps } = tensorOf(model, "ngrams");
  return {
    buckets: ngrams.buckets,
    orders: orderBits(ngrams.orders),
    scale: roundTo(steps[0] * residual, NGRAM_LIMITS.scale[1]),
    trits: values as Int8Array,
  };
}

const calibrationInput = ({ calibration, sensor }: ExportOptions): CalibrationInput | undefined =>
  calibration && {
    streams: calibration instanceof Uint16Array ? [calibration] : calibration,
    rowsPerStep: sensor?.rowsPerStep ?? 1,
  };

function checkSettings(
  { config }: QuantisedModel,
  { classNames, sensor, temperature = 1, decision }: ExportOptions,
): void {
  if (!(temperature > 0 && temperature < Infinity)) {
    fail(`the temperature is ${temperature}`, "choose a number above 0");
  }
  if ((config.alphabet.kind === "sensor") !== (sensor !== undefined)) {
    fail(`its alphabet is "${config.alphabet.kind}"`, "give the alphabet it was trained with");
  }
  if (classNames) return;
  if (config.pool === "sum") fail('a language model has "pool" "sum"', 'train it without "pool"');
  if (sensor) fail("a sensor's model has no class names", "give one name for each class");
  if (decision || temperature !== 1) fail("a language model has no decisions", "leave out decision and temperature");
}

function checkExportable({ config, vocab, outputs, tensors }: QuantisedModel, classNames?: readonly string[]): void {
  if (isTransformer(config)) {
    fail(`its ${config.block} block is for comparison and has no export`, 'train a "base" or "gated" block for a chip');
  }
  for (const key of ["router", "gate"] as const) {
    if (!config[key]) fail(`its "${key}" is false, which is for comparison and has no export`, "train it with true");
  }
  for (const key of ["matrices", "embedding", "unembedding"] as const) {
    const choice = config[key];
    if (choice !== "ternary" && choice !== "int4")
      fail(`its "${key}" ${key === "matrices" ? "are" : "is"} "${choice}"`, 'train it with "ternary" or "int4"');
  }
  if (classNames && config.recall) fail("a classifier has recall", 'train it without "recall"');
  if (classNames && config.tied) fail("a classifier has tied tables", 'train it with "tied": false');
  const expected = classNames?.length ?? vocab;
  if (outputs !== expected) {
    const what = classNames ? "class names" : "symbols";
    fail(`it has ${outputs} outputs but ${expected} ${what}`, "give one name for each class of a classifier");
  }
  const [least, greatest] = LIMITS.outputs;
  if (outputs < least || outputs > greatest) {
    fail(`it has ${outputs} outputs but the format takes ${least} to ${greatest}`, "give it other classes");
  }
  for (const [name, { values, steps }] of tensors) {
    if (![values, steps].every((list) => list.every(Number.isFinite))) {
      fail(`the tensor "${name}" is not finite`, "train it with a lower learning rate");
    }
  }
}

/**
 * Writes a model that is already quantised as an .atome file.
 *
 * @throws FailureError when the model cannot be written in fixed point, naming the tensor or the setting
 */
export function exportQuantised(model: QuantisedModel, options: ExportOptions): Uint8Array {
  const { config, vocab, outputs } = model;
  const { alphabet, sensor, classNames, metadata, temperature = 1, decision } = options;
  checkSettings(model, options);
  checkExportable(model, classNames);
  const units = chooseUnits(model, calibrate(model, calibrationInput(options), sensor?.parts()));
  const embed = tensorOf(model, "embed");
  const unembed = config.tied ? embed : tensorOf(model, "unembed");
  const final = normParts(tensorOf(model, "final.gamma"), tensorOf(model, "final.beta"), units.finalNorm);
  const { dModel, dHead, nLayers, topK } = config;
  const dInner = config.block === "gated" ? config.dInner : 0;
  const parts: ModelParts = {
    dimensions: { vocab, outputs, dModel, dInner, dHead, nLayers, topK },
    // LayerNorm adds d * 1e-5 to the sum of squares of x - mean; the engine's S is 4096 / 1024 * residual^2 times that sum.
    epsilon: Math.round(4 * dModel * LAYER_NORM_EPSILON * units.residual ** 2),
    embedScale: embedScale(embed, units.residual),
    logitScale: logitScale(unembed, units.finalNorm, config.tied ? "embed" : "unembed", temperature),
    finalNormShift: final.shift,
    finalNorm: final.pairs,
    embedding: tableOf(embed),
    unembedding: config.tied ? undefined : tableOf(unembed),
    layers: config.layers.map((_, index) => new LayerExport(model, index, units).parts()),
    recall: recallParts(model),
    ngrams: ngramParts(model, units.residual),
    pooled: config.pool === "sum",
    sensor: sensor && {
      columns: sensor.columns.map(({ name: _, ...column }) => column),
    },
    decision,
    tokens: alphabet?.tokens,
    classNames: classNames?.map((name) => new TextEncoder().encode(name)),
    metadata: metadata && JSON.stringify(metadata),
    signature: undefined,
  };
  return writeModel(parts);
}

/**
 * Turns a checkpoint into an .atome file: quantises its tensors and chooses every fixed-point scale of SPEC.md.
 *
 * @throws FailureError as `exportQuantised` and `quantiseModel`
 * @example writeFileSync('model.atome', exportModel({ ...checkpoint, calibration }))
 */
export function exportModel({ config, tensors, ...options }: ExportInput): Uint8Array {
  const { alphabet, sensor, classNames } = options;
  const { size } = alphabet ?? sensor;
  const forget = alphabet?.lastSymbolOf(config.recall?.forget);
  return exportQuantised(quantiseModel(config, tensors, size, classNames?.length ?? size, forget), options);
}
