import type { Kernels } from "./kernels.js";
import type { Layout, MatrixGroup, ScratchPlan, TensorSlot } from "./layout.js";

/** What AdamW and Muon need of a step; see the kernels. */
export interface UpdateParameters {
  gradientScale: number;
  learningRate: number;
  embeddingLearningRate: number;
  beta1: number;
  beta2: number;
  /** 1 - beta^step. */
  correction1: number;
  correction2: number;
  epsilon: number;
  weightDecay: number;
  vectorWeightDecay: number;
}

/** The update of some tensors, then everything the forward pass wants of them: quantised values, packed weights. */
export interface UpdateTask {
  update(parameters: UpdateParameters): void;
  prepare(): void;
}

/** The third phase of a step, largest tasks first so that threads finish together. */
export function updateTasks(kernels: Kernels, plan: Layout, scratch: Pick<ScratchPlan, "muon">): UpdateTask[] {
  const grouped = new Set(plan.groups.flatMap((group) => group.members.map(({ slot }) => slot)));
  const alone = plan.slots.filter((slot) => !grouped.has(slot));
  const tasks = [
    ...plan.groups.map((group) => ({ size: group.rows * group.depth, task: groupTask(kernels, group, scratch.muon) })),
    ...alone.map((slot) => ({ size: slot.count, task: slotTask(kernels, slot) })),
  ];
  return tasks.sort((a, b) => b.size - a.size).map(({ task }) => task);
}

function slotTask(kernels: Kernels, slot: TensorSlot): UpdateTask {
  return {
    update: (parameters) => update(kernels, slot, parameters),
    prepare: () => {
      quantise(kernels, slot);
    },
  };
}

function groupTask(kernels: Kernels, group: MatrixGroup, muonScratch: number): UpdateTask {
  const { rows, depth, effective, forwardWeights, backwardWeights } = group;
  return {
    update: (parameters) => {
      for (const { slot } of group.members) {
        if (slot.optimizer === "muon") updateByMuon(kernels, slot, parameters, muonScratch);
        else update(kernels, slot, parameters);
      }
    },
    prepare: () => {
      for (const { slot, firstRow } of group.members) {
        const scale = quantise(kernels, slot);
        if (group.isTernary) kernels.fill(group.rowScales + firstRow * 4, slot.rows, scale);
        else pack(kernels, slot, group, firstRow);
      }
      if (group.isTernary) {
        kernels.encodeTernary(forwardWeights, effective, depth, 1, rows, depth);
        kernels.encodeTernary(backwardWeights, effective, 1, depth, depth, rows);
      }
    },
  };
}

function update(kernels: Kernels, slot: TensorSlot, p: UpdateParameters): void {
  const rate = slot.spec.group === "embedding" ? p.embeddingLearningRate : p.learningRate;
  const moments = [slot.latent, slot.firstMoment, slot.secondMoment, slot.gradient, slot.count];
  const keep = 1 - rate * (slot.spec.group === "vector" ? p.vectorWeightDecay : p.weightDecay);
  kernels.adamw(...moments, p.gradientScale, rate / p.correction1, keep, p.beta1, p.beta2, p.correction2, p.epsilon);
}

function updateByMuon(kernels: Kernels, slot: TensorSlot, p: UpdateParameters, scratch: number): void {
  const { latent, firstMoment, gradient, rows, columns, stride } = slot;
  const rate = p.learningRate * 0.2 * Math.sqrt(Math.max(rows, columns));
  const keep = 1 - p.learningRate * p.weightDecay;
  kernels.muon(latent, firstMoment, gradient, rows, stride, scratch, p.gradientScale, rate, keep);
}

/** Makes a slot's effective values; returns the scale of a ternary tensor, 0 for others. */
function quantise(kernels: Kernels, slot: TensorSlot): number {
  const { latent, effective, rows, columns, stride, count, transposed } = slot;
  if (slot.spec.name.endsWith("state.decay")) kernels.prepareDecay(effective, latent, columns, stride);
  if (slot.spec.quantiser === "int4") kernels.quantiseInt4(effective, latent, rows, columns, stride);
  if (slot.spec.quantiser === "int8") kernels.quantiseInt8(effective, latent, rows, stride);
  if (slot.spec.quantiser === "int6") kernels.quantiseInt6Taps(effective, latent, stride);
  if (slot.spec.quantiser === "sparse") kernels.quantiseSparse(effective, latent, count);
  if (slot.spec.quantiser !== "ternary") return 0;
  // The mean runs in index order: channel by channel for taps, which are kept transposed.
  const order = transposed ? [columns, 1, rows, stride] : [rows, stride, columns, 1];
  return kernels.quantiseTernary(effective, latent, ...order, count);
}

/** Packs a slot's rows among the panels of its group. */
function pack(kernels: Kernels, slot: TensorSlot, group: MatrixGroup, firstRow: number): void {
  const { depth } = group;
  const panels = Math.ceil(slot.rows / 8);
  kernels.packRows(group.forwardWeights + firstRow * depth * 4, slot.effective, depth, depth, panels);
  const backward = group.backwardWeights + firstRow * 32;
  kernels.packColumns(backward, group.rows, slot.effective, depth, panels * 8, depth / 8);
}
