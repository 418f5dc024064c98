import type { Kernels } from "./kernels.js";
import type { LayerPlan, LayerScratch, Layout, MatrixGroup, ScratchPlan, TensorSlot } from "./layout.js";

/** Forward and backward of a layer, after its norm and the products of it and before the gradient of that norm. */
export interface Block {
  /** Makes the input of the next layer from `x` of this one and `buffers.n`, `buffers.project`. */
  forward(layer: LayerPlan, buffers: LayerScratch, x: number, next: number): void;
  /** From the gradient of the layer's output, `dx` of the scratch, that of n in `dn`; what flows past the layer stays in `dx`. */
  backward(layer: LayerPlan, buffers: LayerScratch): void;
}

/**
 * What all parts of a window's pass share: its memory and the products and norms of any layer.
 *
 * Shapes: T tokens, d model width, w inner width, N rows of the layer's joint product (all padded). Backward stands beside
 * forward.
 */
export class Pass {
  /** The window that is worked on, and its tokens. */
  window = 0;
  T = 0;

  constructor(
    readonly k: Kernels,
    readonly plan: Layout,
    readonly scratch: ScratchPlan,
  ) {}

  /** n = LayerNorm(x), or RMSNorm(x) where there is no beta. */
  norm(n: number, stats: number, x: number, gamma: TensorSlot, beta: TensorSlot | undefined): void {
    const { k, plan, T } = this;
    const { dModel } = plan.config;
    if (beta) k.layerNormForward(n, stats, x, gamma.latent, beta.latent, T, dModel, plan.dModel);
    else k.rmsNormForward(n, stats, x, gamma.latent, T, dModel, plan.dModel);
  }

  /** dx += the gradient of dn through a norm. */
  normBackward(stats: number, x: number, gamma: TensorSlot, beta: TensorSlot | undefined): void {
    const { k, plan, scratch, T } = this;
    const { dModel } = plan.config;
    const inputs = [scratch.dn, stats, x, gamma.latent, T, dModel, plan.dModel];
    if (beta) k.layerNormBackward(scratch.dx, this.partialOf(gamma), this.partialOf(beta), ...inputs);
    else k.rmsNormBackward(scratch.dx, this.partialOf(gamma), ...inputs);
  }

  /** y [T, rows] = (or +=) x [T, depth] * W^T. */
  product(y: number, x: number, group: MatrixGroup, accumulate = false): void {
    const { rows, depth, forwardWeights } = group;
    const add = Number(accumulate);
    if (group.isTernary) {
      const sizes = [this.T, rows, depth, add, this.scratch.tables];
      this.k.matmulTernary(y, rows, x, depth, forwardWeights, 0, group.rowScales, ...sizes);
    } else this.k.matmul(y, rows, x, depth, forwardWeights, pad4(this.T), depth, rows / 8, add);
  }

  /** dx = (or +=) dy * W; dy and x are kept for the gradient of W. */
  productBackward(dx: number, dy: number, x: number, group: MatrixGroup, accumulate = false): void {
    const { rows, depth, backwardWeights } = group;
    const add = Number(accumulate);
    if (group.isTernary) {
      const sizes = [this.T, depth, rows, add, this.scratch.tables];
      this.k.matmulTernary(dx, depth, dy, rows, backwardWeights, group.rowScales, 0, ...sizes);
    } else this.k.matmul(dx, depth, dy, rows, backwardWeights, pad4(this.T), rows, depth / 8, add);
    this.publish(group.inputStore, x, depth);
    this.publish(group.outputStore, dy, rows);
  }

  /** Packs rows of this window, `width` wide, into its place in a store. */
  publish(store: number, rows: number, width: number): void {
    const { tokens } = this.plan;
    this.k.packColumns(store + this.window * tokens * width * 4, tokens, rows, width, this.T, width / 8);
  }

  /** Address of this window's share of the vector gradients. */
  partial(offset: number): number {
    return this.plan.partials + 4 * (this.window * this.plan.vectorCount + offset);
  }

  partialOf(slot: TensorSlot): number {
    return this.partial(slot.partial);
  }
}

const pad4 = (count: number) => (count + 3) & ~3;

/** First row of a matrix in its layer's joint product: its first column in the output. 0 when it has none. */
export function firstRow(layer: LayerPlan, name: string): number {
  return layer.project?.members.find(({ slot }) => slot === layer.slots[name])?.firstRow ?? 0;
}
