import {
  type BlockName,
  isTransformer,
  type LayerConfig,
  type ModelConfig,
  type Optimizer,
  PATHWAYS,
  pathwaysOf,
  TAPS,
} from "../model/config.js";
import { sizeOf, type TensorSpec, tensorSpecs } from "../model/tensors.js";

/**
 * Where everything lies in the shared memory. It is computed alike in every thread from the same few numbers.
 *
 * B windows per step, T tokens per window (padded to a multiple of 8), d and w the padded widths. Addresses are bytes;
 * strides, widths and counts are float32 values.
 */

export const pad8 = (count: number): number => (count + 7) & ~7;

/** One tensor. Rows are padded to `stride`; taps are kept transposed, as 5 rows of w. */
export interface TensorSlot {
  spec: TensorSpec;
  transposed: boolean;
  optimizer: Optimizer;
  rows: number;
  columns: number;
  stride: number;
  /** Values with padding, of which zeros stay zeros. */
  count: number;
  latent: number;
  firstMoment: number;
  secondMoment: number;
  gradient: number;
  /** What the forward pass uses: the quantised values; for a decay what `prepareDecay` makes of it. */
  effective: number;
  /** Where a window's share of a vector's gradient lies in its partials (values); unused for matrices. */
  partial: number;
}

/** Matrices that share an input are one product: their rows lie one below the other, each padded to a multiple of 8. */
export interface MatrixGroup {
  rows: number;
  depth: number;
  members: { slot: TensorSlot; firstRow: number }[];
  /** Ternary matrices are multiplied by table, others as packed panels; the two below hold the one or the other. */
  isTernary: boolean;
  /** For y = x W^T. */
  forwardWeights: number;
  /** For dx = dy W. */
  backwardWeights: number;
  /** Effective values, row-major with zeros between the members, and each row's scale; of ternary matrices only. */
  effective: number;
  rowScales: number;
  gradient: number;
  /** Inputs and output gradients of all windows, packed by columns: what the gradient of the matrices is made of. */
  inputStore: number;
  outputStore: number;
}

/** Matrices that share an input, by what the products of a layer are called. */
const PRODUCTS: Record<BlockName, Partial<Record<Product, readonly string[]>>> = {
  base: { project: ["sparse.query", "sparse.key", "sparse.value", "router.weight"] },
  gated: { project: ["in", "gate", "router.weight"], queryKey: ["sparse.query", "sparse.key"], out: ["out"] },
  gpt: {
    project: ["attention.query", "attention.key", "attention.value"],
    out: ["attention.out"],
    mlpIn: ["mlp.up"],
    mlpOut: ["mlp.down"],
  },
  llama: {
    project: ["attention.query", "attention.key", "attention.value"],
    out: ["attention.out"],
    mlpIn: ["mlp.gate", "mlp.up"],
    mlpOut: ["mlp.down"],
  },
};

type Product = "project" | "queryKey" | "out" | "mlpIn" | "mlpOut";

export interface LayerPlan {
  config: LayerConfig;
  slots: Record<string, TensorSlot>;
  /** Products of the norm. */
  project?: MatrixGroup;
  /** Gated block: query and key of the local pathway's output. */
  queryKey?: MatrixGroup;
  /** Back to the model's width; not in the base block. */
  out?: MatrixGroup;
  /** Transformers: products of the second norm, and back to the model's width. */
  mlpIn?: MatrixGroup;
  mlpOut?: MatrixGroup;
  routerSlots: number;
}

/** What the windows of a trainer are: text whose every next symbol is predicted, whole texts of a class, steps of a class each. */
export type Task = { kind: "language" | "texts" } | { kind: "series"; rowsPerStep: number };

/** One row of a table for every token, added up over the inputs: which row, is u16 [B, T]. */
export interface InputPlan {
  table: TensorSlot;
  /** Of the first window's. */
  address: number;
  windowBytes: number;
}

export interface Layout {
  config: ModelConfig;
  task: Task;
  vocab: number;
  outputs: number;
  batch: number;
  context: number;
  /** Context padded to a multiple of 8. */
  tokens: number;
  dModel: number;
  dInner: number;
  slots: TensorSlot[];
  groups: MatrixGroup[];
  layers: LayerPlan[];
  embed: TensorSlot;
  /** gpt block only. */
  position: TensorSlot | undefined;
  /** What is added up into the residual stream. */
  inputs: InputPlan[];
  finalGamma: TensorSlot;
  /** Not in the llama block. */
  finalBeta: TensorSlot | undefined;
  unembed: MatrixGroup;
  /** `symbols`: what each symbol adds by itself, where the configuration has that. */
  recall: { bonus: TensorSlot; pull: TensorSlot; symbols: TensorSlot | undefined } | undefined;
  /** Gradient of the embedding's output for all windows, packed by columns. */
  embedStore: number;
  /** Gradients of all vectors (and taps) side by side, and each window's share of them. */
  vectorGradients: number;
  vectorCount: number;
  partials: number;
  /** Most symbols before a window that are kept for recall. */
  history: number;
  /** u16 [B, history + T + 1]; see `windowAddress`. */
  symbols: number;
  /** i32 [B, WINDOW_FIELDS]; see `windowFieldAddress`. */
  windows: number;
  /** u16 [B, T]: classes of the steps, or of the text; classifiers only. */
  labels: number;
  /** f64 per window; how many of its examples were classified rightly. */
  losses: number;
  correct: number;
  /** f64: what a loss counts in the gradient. */
  lossScale: number;
  /** f64 per gradient task. */
  squares: number;
  /** Tables of rotary.ts; llama block only. */
  rotary: number;
  scratch: ScratchPlan[];
  bytes: number;
}

/** Activations of the window a thread works on; no values where the block has no such part. */
export interface ScratchPlan {
  /** Input of each layer and, last, of the final norm. */
  x: number[];
  layers: LayerScratch[];
  /** A text's one row: the last, or the sum. */
  pooled: number;
  finalNorm: number;
  finalStats: number;
  logits: number;
  /** Recall: see the kernel. */
  recallLengths: number;
  recallPlaces: number;
  recallHeads: number;
  recallEntries: number;
  dx: number;
  dn: number;
  dProject: number;
  dQueryKey: number;
  dl: number;
  ds: number;
  dz: number;
  dh: number;
  dr: number;
  da: number;
  db: number;
  carry: number;
  queries: number;
  scores: number;
  /** Transformers: heads of z and its gradient, gradients of q, k and v, what the attention kernels work in. */
  heads: number;
  dq: number;
  dk: number;
  dv: number;
  attention: number;
  /** For `matmulTernary`. */
  tables: number;
  /** For the kernel of Muon, where it is the optimizer. */
  muon: number;
}

export interface LayerScratch {
  n: number;
  stats: number;
  project: number;
  queryKey: number;
  l: number;
  s: number;
  z: number;
  r: number;
  probabilities: number;
  positions: number;
  h: number;
  m: number;
  /** Transformers: q, k and v head by head, what the softmax keeps, the sum after attention, its norm and the products of it. */
  q: number;
  k: number;
  v: number;
  softmax: number;
  y: number;
  mlpNorm: number;
  mlpStats: number;
  mlp: number;
}

/** Most gradient tasks a plan has room for. */
export const MAX_GRADIENT_TASKS = 4096;

/** Symbols that the kernel of recall may read before the first one. */
const SYMBOLS_BEFORE = 8;

/** First byte used: below lie the control block (see team.ts) and what the compiler keeps for itself. */
const FIRST_BYTE = 8192;

class Allocator {
  bytes = FIRST_BYTE;

  /** Room for `count` float32 values, on a cache line of its own. */
  take(count: number): number {
    const address = this.bytes;
    this.bytes += Math.ceil((count * 4) / 64) * 64;
    return address;
  }
}

function shapeOf(spec: TensorSpec): Pick<TensorSlot, "transposed" | "rows" | "columns" | "stride"> {
  const transposed = spec.name.endsWith("local.taps");
  const rows = transposed ? TAPS : spec.shape.length > 1 ? spec.shape[0] : 1;
  const columns = sizeOf(spec) / rows;
  return { transposed, rows, columns, stride: pad8(columns) };
}

const isInGroup = (spec: TensorSpec) => spec.group !== "vector" && !spec.name.endsWith("local.taps");

/** Muon is for the matrices of the layers; a router's two or three rows are none that could be orthogonal to much. */
const isMuons = ({ train }: ModelConfig, spec: TensorSpec) =>
  train.optimizer === "muon" &&
  spec.group === "matrix" &&
  !spec.name.endsWith("local.taps") &&
  !spec.name.endsWith("router.weight");

/** Values that the kernel of Muon works in for a tensor. */
function muonValues({ optimizer, rows, stride }: TensorSlot): number {
  if (optimizer !== "muon") return 0;
  const height = pad8(rows);
  return 2 * height * stride + 2 * Math.min(height, stride) ** 2;
}

function placeSlot(config: ModelConfig, spec: TensorSpec, allocator: Allocator, partial: number): TensorSlot {
  const shape = shapeOf(spec);
  const count = shape.rows * shape.stride;
  // Panels of 8 rows are packed from these: the rows beyond the last are zeros.
  const padded = pad8(shape.rows) * shape.stride;
  const latent = allocator.take(padded);
  const isDecay = spec.name.endsWith("state.decay");
  return {
    spec,
    ...shape,
    optimizer: isMuons(config, spec) ? "muon" : "adamw",
    count,
    latent,
    firstMoment: allocator.take(count),
    secondMoment: allocator.take(count),
    gradient: 0,
    effective: isDecay ? allocator.take(3 * count) : spec.quantiser === "none" ? latent : allocator.take(padded),
    partial,
  };
}

function placeSlots(
  config: ModelConfig,
  specs: TensorSpec[],
  allocator: Allocator,
): { slots: TensorSlot[]; vectorCount: number } {
  let vectorCount = 0;
  const slots = specs.map((spec) => {
    const slot = placeSlot(config, spec, allocator, vectorCount);
    if (!isInGroup(spec)) vectorCount += slot.count;
    return slot;
  });
  return { slots, vectorCount };
}

function placeGroup(slots: TensorSlot[], tokensInBatch: number, allocator: Allocator): MatrixGroup {
  const depth = slots[0].stride;
  let rows = 0;
  const members = slots.map((slot) => {
    const firstRow = rows;
    rows += pad8(slot.rows);
    return { slot, firstRow };
  });
  const gradient = allocator.take(rows * depth);
  for (const { slot, firstRow } of members) slot.gradient = gradient + firstRow * depth * 4;
  const isTernary = slots[0].spec.quantiser === "ternary";
  const effective = isTernary ? allocator.take(rows * depth) : 0;
  if (isTernary) for (const { slot, firstRow } of members) slot.effective = effective + firstRow * depth * 4;
  return {
    rows,
    depth,
    members,
    isTernary,
    forwardWeights: allocator.take(rows * (depth + 12)),
    backwardWeights: allocator.take((rows + 12) * depth),
    effective,
    rowScales: allocator.take(rows),
    gradient,
    inputStore: allocator.take(tokensInBatch * depth),
    outputStore: allocator.take(tokensInBatch * rows),
  };
}

type GroupMaker = (names: string[]) => MatrixGroup | undefined;

function placeLayer(
  config: ModelConfig,
  index: number,
  all: Map<string, TensorSlot>,
  makeGroup: GroupMaker,
): LayerPlan {
  const prefix = `layers.${index}.`;
  const slots: Record<string, TensorSlot> = {};
  for (const [name, slot] of all) if (name.startsWith(prefix)) slots[name.slice(prefix.length)] = slot;
  const layer = config.layers[index];
  const products = Object.entries(PRODUCTS[config.block]).map(([product, names]) => {
    const present = names.filter((name) => name in slots);
    return [product, makeGroup(present.map((name) => prefix + name))];
  });
  return {
    config: layer,
    slots,
    ...(Object.fromEntries(products) as Partial<Record<Product, MatrixGroup>>),
    routerSlots: pathwaysOf(layer).reduce((bits, name, i) => bits | (PATHWAYS.indexOf(name) << (2 * i)), 0),
  };
}

function placeScratch(layout: Omit<Layout, "scratch" | "bytes">, allocator: Allocator): ScratchPlan {
  const { tokens: T, dModel: d, dInner: w, layers, unembed, recall, history } = layout;
  const rowsOf = (pick: (layer: LayerPlan) => MatrixGroup | undefined) =>
    Math.max(8, ...layers.map((layer) => pick(layer)?.rows ?? 0));
  const take = (width: number) => allocator.take(T * width);
  const { dModel, dHead } = layout.config;
  const depth = pad8(dHead);
  const transformer = isTransformer(layout.config);
  // Widths of what only the pathways and only the transformers have, the latter's heads side by side.
  const [pathway, residual, heads] = transformer ? [0, d, (dModel / dHead) * depth] : [w, 0, 0];
  return {
    x: Array.from({ length: layers.length + 1 }, () => take(d)),
    layers: layers.map((layer) => ({
      n: take(d),
      stats: take(2),
      project: take(layer.project?.rows ?? 0),
      queryKey: take(layer.queryKey?.rows ?? 0),
      l: take(pathway),
      s: take(pathway),
      z: take(transformer ? d : w),
      r: take(4),
      probabilities: take(4),
      positions: take(4),
      h: take(pathway),
      m: take(w),
      q: take(heads),
      k: take(heads),
      v: take(heads),
      softmax: take((2 * heads) / depth),
      y: take(residual),
      mlpNorm: take(residual),
      mlpStats: take(2),
      mlp: take(layer.mlpIn?.rows ?? 0),
    })),
    // Kernels read four rows at a time.
    pooled: allocator.take(4 * d),
    finalNorm: take(d),
    finalStats: take(2),
    logits: take(unembed.rows),
    recallLengths: allocator.take(recall ? (history + T) / 2 + 8 : 0),
    recallPlaces: allocator.take(recall ? layout.vocab / 2 + 1 : 0),
    recallHeads: take(recall ? 2 : 0),
    recallEntries: take(2 * recallEntriesPerToken(layout)),
    dx: take(d),
    dn: take(d),
    dProject: take(rowsOf((layer) => layer.project)),
    dQueryKey: take(rowsOf((layer) => layer.queryKey)),
    dl: take(pathway),
    ds: take(pathway),
    dz: take(transformer ? d : w),
    dh: take(w),
    dr: take(4),
    da: allocator.take(w),
    db: allocator.take(w),
    carry: allocator.take(w),
    queries: take(depth),
    scores: take(8),
    heads: take(heads),
    dq: take(heads),
    dk: take(heads),
    dv: take(heads),
    attention: take(transformer ? 5 * depth + 16 : 0),
    tables: allocator.take(16 * Math.max(...layout.groups.map(({ rows, depth }) => rows + depth + 12)) + 6912),
    muon: allocator.take(Math.max(...layout.slots.map(muonValues))),
  };
}

/** Most symbols that recall can change the logits of. */
export const recallEntriesPerToken = ({ vocab, history }: Pick<Layout, "vocab" | "history">): number =>
  Math.min(vocab, history);

/** Lays out a trainer's memory; `batch` and `context` come from the configuration. */
export function planLayout(
  config: ModelConfig,
  vocab: number,
  outputs: number,
  threads: number,
  task: Task = { kind: "language" },
): Layout {
  const allocator = new Allocator();
  const { batch, context } = config.train;
  const tokens = pad8(context);
  const history = config.recall?.window ?? 0;
  const { slots, vectorCount } = placeSlots(config, tensorSpecs(config, vocab, outputs), allocator);
  const byName = new Map(slots.map((slot) => [slot.spec.name, slot]));
  const named = (name: string) => byName.get(name) as TensorSlot;
  const groups: MatrixGroup[] = [];
  const makeGroup: GroupMaker = (names) => {
    if (names.length === 0) return undefined;
    const group = placeGroup(names.map(named), batch * tokens, allocator);
    groups.push(group);
    return group;
  };
  const layers = config.layers.map((_, index) => placeLayer(config, index, byName, makeGroup));
  const unembed = makeGroup([config.tied ? "embed" : "unembed"]) as MatrixGroup;
  const embed = named("embed");
  const position = byName.get("position");
  const ngrams = byName.get("ngrams");
  for (const table of [...(config.tied ? [] : [embed]), ...(position ? [position] : []), ...(ngrams ? [ngrams] : [])]) {
    table.gradient = allocator.take(table.count);
  }
  const vectorGradients = allocator.take(vectorCount);
  for (const slot of slots) if (!isInGroup(slot.spec)) slot.gradient = vectorGradients + slot.partial * 4;
  const symbols = allocator.take((batch * (history + context + 1)) / 2 + 8);
  const plan = {
    config,
    task,
    vocab,
    outputs,
    batch,
    context,
    tokens,
    dModel: pad8(config.dModel),
    dInner: pad8(config.dInner),
    slots,
    groups,
    layers,
    embed,
    position,
    inputs: placeInputs(config, task, { embed, ngrams, symbols, history }, allocator),
    finalGamma: named("final.gamma"),
    finalBeta: byName.get("final.beta"),
    unembed,
    recall: config.recall && {
      bonus: named("recall.bonus"),
      pull: named("recall.pull"),
      symbols: byName.get("recall.symbols"),
    },
    embedStore: allocator.take(batch * tokens * embed.stride),
    vectorGradients,
    vectorCount,
    partials: allocator.take(batch * vectorCount),
    history,
    symbols,
    windows: allocator.take(batch * WINDOW_FIELDS.length),
    labels: allocator.take(task.kind === "language" ? 0 : (batch * tokens) / 2),
    losses: allocator.take(batch * 2),
    correct: allocator.take(batch * 2),
    lossScale: allocator.take(2),
    squares: allocator.take(MAX_GRADIENT_TASKS * 2),
    rotary: allocator.take(config.block === "llama" ? 2 * tokens * pad8(config.dHead) : 0),
  };
  const scratch = Array.from({ length: threads }, () => placeScratch(plan, allocator));
  return { ...plan, scratch, bytes: allocator.bytes };
}

function placeInputs(
  { ngrams, train: { batch, context } }: ModelConfig,
  task: Task,
  placed: Pick<Layout, "embed" | "symbols" | "history"> & { ngrams: TensorSlot | undefined },
  allocator: Allocator,
): InputPlan[] {
  const windowBytes = 2 * pad8(context);
  const planes = (count: number, table: TensorSlot): InputPlan[] =>
    Array.from({ length: count }, () => ({ table, address: allocator.take((batch * windowBytes) / 4), windowBytes }));
  const { embed, history } = placed;
  if (task.kind === "series") return planes(task.rowsPerStep, embed);
  const symbols = {
    table: embed,
    address: windowAddress({ ...placed, context }, 0),
    windowBytes: 2 * (history + context + 1),
  };
  return [symbols, ...(ngrams && placed.ngrams ? planes(ngrams.orders.length, placed.ngrams) : [])];
}

/** What a window's head says of it: its tokens, the first of them that counts, the symbols of history before it. */
export const WINDOW_FIELDS = ["tokens", "first", "history"] as const;
export type WindowField = (typeof WINDOW_FIELDS)[number];

/** Address of an i32 of a window's head. */
export const windowFieldAddress = ({ windows }: Pick<Layout, "windows">, window: number, field: WindowField): number =>
  windows + (window * WINDOW_FIELDS.length + WINDOW_FIELDS.indexOf(field)) * 4;

/** Address of a window's first symbol; its history ends before it, its targets start one symbol later. */
export const windowAddress = (
  { symbols, history, context }: Pick<Layout, "symbols" | "history" | "context">,
  window: number,
): number => symbols + SYMBOLS_BEFORE * 2 + (window * (history + context + 1) + history) * 2;

/** Copies a tensor's values into memory at one of its slot's addresses, with the slot's padding and order. */
export function writeTensor(memory: Float32Array, slot: TensorSlot, address: number, values: Float32Array): void {
  eachValue(slot, (at, index) => {
    memory[address / 4 + at] = values[index];
  });
}

/** The values at one of a slot's addresses, row-major without padding. */
export function readTensor(memory: Float32Array, slot: TensorSlot, address: number): Float32Array {
  const values = new Float32Array(sizeOf(slot.spec));
  eachValue(slot, (at, index) => {
    values[index] = memory[address / 4 + at];
  });
  return values;
}

function eachValue(slot: TensorSlot, visit: (at: number, index: number) => void): void {
  for (let row = 0; row < slot.rows; row++) {
    for (let column = 0; column < slot.columns; column++) {
      const index = slot.transposed ? column * slot.rows + row : row * slot.columns + column;
      visit(row * slot.stride + column, index);
    }
  }
}
