import { pathwaysOf } from "../model/config.js";
import type { Kernels } from "./kernels.js";
import {
  type LayerPlan,
  type LayerScratch,
  type Layout,
  type MatrixGroup,
  pad8,
  type TensorSlot,
  windowAddress,
} from "./layout.js";

/**
 * Forward and backward of one window, from its symbols to its share of the gradients. Windows do not meet before the
 * gradients of the matrices are summed (see gradients.ts), so each thread takes whole windows and no result depends on
 * which thread took which.
 *
 * Shapes: T tokens, d model width, w pathway width, N rows of the layer's joint product (all padded). Backward stands below
 * forward, step for step in reverse.
 */
export class WindowPass {
  private readonly k: Kernels;
  private readonly plan: Layout;
  private readonly scratch: Layout["scratch"][number];
  private readonly integers: Int32Array;
  private readonly doubles: Float64Array;
  private window = 0;
  /** Tokens of this window. */
  private T = 0;

  constructor(kernels: Kernels, plan: Layout, thread: number, memory: ArrayBufferLike) {
    this.k = kernels;
    this.plan = plan;
    this.scratch = plan.scratch[thread];
    this.integers = new Int32Array(memory);
    this.doubles = new Float64Array(memory);
  }

  /** Leaves the window's summed loss in `losses`. */
  evaluate(window: number): void {
    this.forward(window);
    this.loss(0);
  }

  /** Leaves the window's loss, its partial gradients of the vectors and, packed, what the matrices' gradients need. */
  train(window: number): void {
    this.forward(window);
    this.loss(1 / (this.plan.batch * this.plan.context));
    this.backward();
  }

  private forward(window: number): void {
    const { k, plan, scratch } = this;
    this.window = window;
    this.T = this.integers[plan.windows / 4 + 2 * window];
    k.embeddingForward(scratch.x[0], plan.embed.effective, windowAddress(plan, window), this.T, plan.dModel);
    plan.layers.forEach((layer, index) => {
      const buffers = scratch.layers[index];
      this.norm(buffers.n, buffers.stats, scratch.x[index], layer.slots["norm.gamma"], layer.slots["norm.beta"]);
      if (layer.project) this.product(buffers.project, buffers.n, layer.project);
      if (plan.config.block === "base") this.baseForward(layer, buffers, index);
      else this.gatedForward(layer, buffers, index);
    });
    this.norm(scratch.finalNorm, scratch.finalStats, scratch.x[plan.layers.length], plan.finalGamma, plan.finalBeta);
    this.product(scratch.logits, scratch.finalNorm, plan.unembed);
  }

  private loss(scale: number): void {
    const { plan, scratch, window } = this;
    const first = this.integers[plan.windows / 4 + 2 * window + 1];
    const targets = windowAddress(plan, window) + 2;
    this.doubles[plan.losses / 8 + window] = this.k.crossEntropy(
      scratch.logits,
      targets,
      first,
      this.T,
      plan.outputs,
      plan.unembed.rows,
      scale,
    );
  }

  private backward(): void {
    const { k, plan, scratch, T } = this;
    const { dx, dn } = scratch;
    k.clear(this.partial(0), plan.vectorCount);
    k.clear(dx, T * plan.dModel);
    this.productBackward(dn, scratch.logits, scratch.finalNorm, plan.unembed, false);
    this.normBackward(scratch.finalStats, scratch.x[plan.layers.length], plan.finalGamma, plan.finalBeta);
    for (let index = plan.layers.length - 1; index >= 0; index--) {
      const layer = plan.layers[index];
      const buffers = scratch.layers[index];
      if (plan.config.block === "base") this.baseBackward(layer, buffers);
      else this.gatedBackward(layer, buffers);
      this.normBackward(buffers.stats, scratch.x[index], layer.slots["norm.gamma"], layer.slots["norm.beta"]);
    }
    this.publish(plan.embedStore, dx, plan.dModel);
  }

  // Base block: every pathway reads n; x += r_local l + r_state out s + r_sparse z.

  private baseForward(layer: LayerPlan, buffers: LayerScratch, index: number): void {
    const { k, plan, scratch, T } = this;
    const { slots } = layer;
    const { local, state, sparse } = layer.config.pathways;
    const d = plan.dModel;
    const { n } = buffers;
    if (local) k.convolutionForward(buffers.l, n, d, slots["local.taps"].effective, T, d);
    if (state) k.stateForward(buffers.s, n, d, slots["state.decay"].effective, slots["state.gain"].effective, T, d);
    if (sparse) {
      const N = (layer.project as MatrixGroup).rows;
      this.attention(layer, buffers, buffers.project, N, buffers.project + 4 * firstRow(layer, "sparse.value"), N);
    }
    this.route(layer, buffers);
    this.mix(scratch.x[index + 1], scratch.x[index], layer, buffers);
  }

  private baseBackward(layer: LayerPlan, buffers: LayerScratch): void {
    const { k, plan, scratch, T } = this;
    const { slots, project } = layer;
    const { local, state, sparse } = layer.config.pathways;
    const { dn, dProject } = scratch;
    const d = plan.dModel;
    this.mixBackward(layer, buffers, scratch.dx);
    if (project) {
      k.clear(dProject, T * project.rows);
      this.routeBackward(layer, buffers);
      const value = 4 * firstRow(layer, "sparse.value");
      if (sparse) {
        const { rows } = project;
        this.attentionBackward(
          layer,
          buffers,
          dProject,
          buffers.project,
          rows,
          value + dProject,
          value + buffers.project,
          rows,
        );
      }
      this.productBackward(dn, dProject, buffers.n, project, false);
    } else k.clear(dn, T * d);
    if (local) {
      const taps = slots["local.taps"];
      k.convolutionBackward(dn, d, this.partialOf(taps), scratch.dl, buffers.n, d, taps.effective, T, d);
    }
    if (state) this.stateBackward(layer, buffers, dn, d, buffers.n, d, slots["state.gain"].effective);
  }

  // Gated block: the pathways read u = W_in n; x += W_out [(r_local l + r_state out s + r_sparse z) * g].

  private gatedForward(layer: LayerPlan, buffers: LayerScratch, index: number): void {
    const { k, plan, scratch, T } = this;
    const { state, sparse } = layer.config.pathways;
    const w = plan.dInner;
    const N = (layer.project as MatrixGroup).rows;
    const u = buffers.project;
    k.convolutionForward(buffers.l, u, N, layer.slots["local.taps"].effective, T, w);
    if (state) {
      const a = layer.slots["state.decay"].effective;
      k.stateForward(buffers.s, buffers.l, w, a, a + 4 * w, T, w);
    }
    if (sparse) {
      const group = layer.queryKey as MatrixGroup;
      this.product(buffers.queryKey, buffers.l, group);
      this.attention(layer, buffers, buffers.queryKey, group.rows, u, N);
    }
    this.route(layer, buffers);
    this.mix(buffers.h, 0, layer, buffers);
    k.gateForward(buffers.m, buffers.h, u + 4 * firstRow(layer, "gate"), N, T, w);
    k.copy(scratch.x[index + 1], scratch.x[index], T * plan.dModel);
    this.product(scratch.x[index + 1], buffers.m, layer.out as MatrixGroup, true);
  }

  private gatedBackward(layer: LayerPlan, buffers: LayerScratch): void {
    const { k, plan, scratch, T } = this;
    const { state, sparse } = layer.config.pathways;
    const project = layer.project as MatrixGroup;
    const { dProject, dQueryKey, dh, dl } = scratch;
    const w = plan.dInner;
    const N = project.rows;
    const gate = 4 * firstRow(layer, "gate");
    const u = buffers.project;
    this.productBackward(dh, scratch.dx, buffers.m, layer.out as MatrixGroup, false);
    k.clear(dProject, T * N);
    k.gateBackward(dh, dProject + gate, buffers.h, u + gate, N, T, w);
    this.mixBackward(layer, buffers, dh);
    this.routeBackward(layer, buffers);
    if (sparse) {
      const group = layer.queryKey as MatrixGroup;
      k.clear(dQueryKey, T * group.rows);
      this.attentionBackward(layer, buffers, dQueryKey, buffers.queryKey, group.rows, dProject, u, N);
      this.productBackward(dl, dQueryKey, buffers.l, group, true);
    }
    if (state) this.stateBackward(layer, buffers, dl, w, buffers.l, w, layer.slots["state.decay"].effective + 4 * w);
    const taps = layer.slots["local.taps"];
    k.convolutionBackward(dProject, N, this.partialOf(taps), dl, u, N, taps.effective, T, w);
    this.productBackward(scratch.dn, dProject, buffers.n, project, false);
  }

  // Parts both blocks share.

  private norm(n: number, stats: number, x: number, gamma: TensorSlot, beta: TensorSlot): void {
    const { k, plan } = this;
    k.layerNormForward(n, stats, x, gamma.latent, beta.latent, this.T, plan.config.dModel, plan.dModel);
  }

  /** dx += the gradient of dn through a norm. */
  private normBackward(stats: number, x: number, gamma: TensorSlot, beta: TensorSlot): void {
    const { k, plan, scratch, T } = this;
    const { dModel } = plan.config;
    const partials = [this.partialOf(gamma), this.partialOf(beta)];
    k.layerNormBackward(scratch.dx, ...partials, scratch.dn, stats, x, gamma.latent, T, dModel, plan.dModel);
  }

  /** y [T, rows] = (or +=) x [T, depth] * W^T. */
  private product(y: number, x: number, group: MatrixGroup, accumulate = false): void {
    const { rows, depth, forwardWeights } = group;
    const add = Number(accumulate);
    if (group.isTernary) {
      const sizes = [this.T, rows, depth, add, this.scratch.tables];
      this.k.matmulTernary(y, rows, x, depth, forwardWeights, 0, group.rowScales, ...sizes);
    } else this.k.matmul(y, rows, x, depth, forwardWeights, pad4(this.T), depth, rows / 8, add);
  }

  /** dx = (or +=) dy * W; dy and x are kept for the gradient of W. */
  private productBackward(dx: number, dy: number, x: number, group: MatrixGroup, accumulate: boolean): void {
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
  private publish(store: number, rows: number, width: number): void {
    const { tokens } = this.plan;
    this.k.packColumns(store + this.window * tokens * width * 4, tokens, rows, width, this.T, width / 8);
  }

  private attention(
    layer: LayerPlan,
    buffers: LayerScratch,
    qk: number,
    qkStride: number,
    v: number,
    vStride: number,
  ): void {
    const { k, plan, scratch } = this;
    const { topK, dHead } = plan.config;
    const depth = pad8(dHead);
    k.packRows(scratch.queries, qk, qkStride, depth, plan.tokens / 8);
    const kept = [buffers.probabilities, buffers.positions, scratch.scores];
    const sizes = [this.T, layer.config.window, topK, depth, 1 / Math.sqrt(dHead), plan.dInner];
    k.attentionForward(buffers.z, ...kept, scratch.queries, qk + 4 * depth, qkStride, v, vStride, ...sizes);
  }

  private attentionBackward(
    layer: LayerPlan,
    buffers: LayerScratch,
    dqk: number,
    qk: number,
    qkStride: number,
    dv: number,
    v: number,
    vStride: number,
  ): void {
    const { k, plan, scratch } = this;
    const { topK, dHead } = plan.config;
    const depth = pad8(dHead);
    const kept = [scratch.dz, buffers.probabilities, buffers.positions];
    const count = Math.min(topK, layer.config.window);
    const sizes = [this.T, count, depth, 1 / Math.sqrt(dHead), plan.dInner];
    const key = 4 * depth;
    k.attentionBackward(dqk, dqk + key, dv, vStride, ...kept, qk, qk + key, qkStride, v, vStride, ...sizes);
  }

  private stateBackward(
    layer: LayerPlan,
    buffers: LayerScratch,
    dn: number,
    dnStride: number,
    n: number,
    nStride: number,
    gain: number,
  ): void {
    const { k, plan, scratch, T } = this;
    const w = plan.dInner;
    const decay = layer.slots["state.decay"];
    const out = layer.slots["state.out"];
    const learnedGain = layer.slots["state.gain"];
    const db = learnedGain ? this.partialOf(learnedGain) : scratch.db;
    k.clear(scratch.da, w);
    if (!learnedGain) k.clear(db, w);
    const sums = [scratch.da, db, this.partialOf(out), scratch.carry];
    const inputs = [scratch.ds, buffers.s, n, nStride, decay.effective, gain, out.effective];
    k.stateBackward(dn, dnStride, ...sums, ...inputs, T, w);
    k.decayGradient(this.partialOf(decay), scratch.da, learnedGain ? 0 : db, decay.effective + 8 * w, w);
  }

  private route(layer: LayerPlan, buffers: LayerScratch): void {
    const count = pathwaysOf(layer.config).length;
    if (count === 1) {
      this.k.constantRouter(buffers.r, layer.routerSlots, this.T);
      return;
    }
    const logits = buffers.project + 4 * firstRow(layer, "router.weight");
    const bias = layer.slots["router.bias"]?.latent ?? 0;
    const stride = (layer.project as MatrixGroup).rows;
    this.k.routerForward(buffers.r, logits, stride, bias, count, layer.routerSlots, this.routerScale(count), this.T);
  }

  private routeBackward(layer: LayerPlan, buffers: LayerScratch): void {
    const count = pathwaysOf(layer.config).length;
    if (count === 1) return;
    const { scratch } = this;
    const dLogits = scratch.dProject + 4 * firstRow(layer, "router.weight");
    const bias = layer.slots["router.bias"];
    const stride = (layer.project as MatrixGroup).rows;
    const r = [scratch.dr, buffers.r, count, layer.routerSlots, this.routerScale(count)];
    this.k.routerBackward(dLogits, stride, bias ? this.partialOf(bias) : 0, ...r, this.T);
  }

  private routerScale(pathways: number): number {
    return this.plan.config.block === "gated" ? pathways : 1;
  }

  private mix(h: number, x: number, layer: LayerPlan, buffers: LayerScratch): void {
    this.k.mixForward(h, x, buffers.r, ...this.pathwayBuffers(layer, buffers), this.T, this.plan.dInner);
  }

  private mixBackward(layer: LayerPlan, buffers: LayerScratch, dh: number): void {
    const { dl, ds, dz, dr } = this.scratch;
    this.k.mixBackward(dl, ds, dz, dr, dh, buffers.r, ...this.pathwayBuffers(layer, buffers), this.T, this.plan.dInner);
  }

  /** l, s, out, z; 0 where the layer has no such pathway. */
  private pathwayBuffers(layer: LayerPlan, buffers: LayerScratch): number[] {
    const { local, state, sparse } = layer.config.pathways;
    return [
      local ? buffers.l : 0,
      state ? buffers.s : 0,
      state ? layer.slots["state.out"].latent : 0,
      sparse ? buffers.z : 0,
    ];
  }

  /** Address of this window's share of the vector gradients. */
  private partial(offset: number): number {
    return this.plan.partials + 4 * (this.window * this.plan.vectorCount + offset);
  }

  private partialOf(slot: TensorSlot): number {
    return this.partial(slot.partial);
  }
}

const pad4 = (count: number) => (count + 3) & ~3;

/** First row of a matrix in its layer's joint product: its first column in the output. 0 when it has none. */
function firstRow(layer: LayerPlan, name: string): number {
  return layer.project?.members.find(({ slot }) => slot === layer.slots[name])?.firstRow ?? 0;
}
