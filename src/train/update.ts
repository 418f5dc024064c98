import type { Kernels } from "./kernels.js";
import type { Layout, MatrixGroup, TensorSlot } from "./layout.js";

/** What AdamW needs of a step; see the kernel. */
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
}

/** A tensor's update, then everything the forward pass wants of it: quantised values and packed panels. */
export interface UpdateTask {
  update(parameters: UpdateParameters): void;
  prepare(): void;
}

/** The third phase of a step, largest tensors first so that threads finish together. */
export function updateTasks(kernels: Kernels, plan: Layout): UpdateTask[] {
  const homes = new Map<TensorSlot, { group: MatrixGroup; firstRow: number }>();
  for (const group of plan.groups) {
    for (const { slot, firstRow } of group.members) homes.set(slot, { group, firstRow });
  }
  return [...plan.slots]
    .sort((a, b) => b.count - a.count)
    .map((slot) => {
      const home = homes.get(slot);
      return {
        update: (parameters) => update(kernels, slot, parameters),
        prepare: () => {
          quantise(kernels, slot);
          if (home) pack(kernels, slot, home.group, home.firstRow);
        },
      };
    });
}

function update(kernels: Kernels, slot: TensorSlot, p: UpdateParameters): void {
  const rate = slot.spec.group === "embedding" ? p.embeddingLearningRate : p.learningRate;
  const moments = [slot.latent, slot.firstMoment, slot.secondMoment, slot.gradient, slot.count];
  const keep = 1 - rate * p.weightDecay;
  kernels.adamw(...moments, p.gradientScale, rate / p.correction1, keep, p.beta1, p.beta2, p.correction2, p.epsilon);
}

function quantise(kernels: Kernels, slot: TensorSlot): void {
  const { latent, effective, rows, columns, stride, count, transposed } = slot;
  if (slot.spec.name.endsWith("state.decay")) kernels.prepareDecay(effective, latent, columns, stride);
  if (slot.spec.quantiser === "int4") kernels.quantiseInt4(effective, latent, rows, columns, stride);
  if (slot.spec.quantiser === "int6") kernels.quantiseInt6Taps(effective, latent, stride);
  if (slot.spec.quantiser === "ternary") {
    // The mean runs in index order: channel by channel for taps, which are kept transposed.
    const order = transposed ? [columns, 1, rows, stride] : [rows, stride, columns, 1];
    kernels.quantiseTernary(effective, latent, ...order, count);
  }
}

function pack(kernels: Kernels, slot: TensorSlot, group: MatrixGroup, firstRow: number): void {
  const { depth } = group;
  const panels = Math.ceil(slot.rows / 8);
  kernels.packRows(group.forwardPanels + firstRow * depth * 4, slot.effective, depth, depth, panels);
  const backward = group.backwardPanels + firstRow * 32;
  kernels.packColumns(backward, group.rows, slot.effective, depth, panels * 8, depth / 8);
}
