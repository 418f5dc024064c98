import { type LayerPlan, type LayerScratch, type MatrixGroup, pad8 } from "../layout.js";
import { type Block, firstRow, type Pass } from "../pass.js";

const NAMES = ["attention.query", "attention.key", "attention.value"] as const;

/** What the gpt and the llama block share: y = x + W_out attention(n), then y + W_down activation(W_in norm(y)). */
export abstract class Transformer implements Block {
  constructor(protected readonly pass: Pass) {}

  /** `buffers.m` from `buffers.mlp`, the products of the norm. */
  protected abstract activate(buffers: LayerScratch): void;

  /** `buffers.mlp` becomes the gradient of those products, from that of m. */
  protected abstract activateBackward(buffers: LayerScratch, dm: number): void;

  /** Turns the heads of queries or keys by their positions, or back (`direction` -1); nothing unless a block says so. */
  protected rotate(_heads: number, _direction: 1 | -1): void {}

  forward(layer: LayerPlan, buffers: LayerScratch, x: number, next: number): void {
    const { pass } = this;
    const { k, plan, T } = pass;
    const { slots } = layer;
    this.attention(layer, buffers);
    k.copy(buffers.y, x, T * plan.dModel);
    pass.product(buffers.y, buffers.z, layer.out as MatrixGroup, true);
    pass.norm(buffers.mlpNorm, buffers.mlpStats, buffers.y, slots["mlp.norm.gamma"], slots["mlp.norm.beta"]);
    pass.product(buffers.mlp, buffers.mlpNorm, layer.mlpIn as MatrixGroup);
    this.activate(buffers);
    k.copy(next, buffers.y, T * plan.dModel);
    pass.product(next, buffers.m, layer.mlpOut as MatrixGroup, true);
  }

  backward(layer: LayerPlan, buffers: LayerScratch): void {
    const { pass } = this;
    const { slots } = layer;
    const { dx, dn, dh, dz, dProject } = pass.scratch;
    pass.productBackward(dh, dx, buffers.m, layer.mlpOut as MatrixGroup);
    this.activateBackward(buffers, dh);
    pass.productBackward(dn, buffers.mlp, buffers.mlpNorm, layer.mlpIn as MatrixGroup);
    pass.normBackward(buffers.mlpStats, buffers.y, slots["mlp.norm.gamma"], slots["mlp.norm.beta"]);
    pass.productBackward(dz, dx, buffers.z, layer.out as MatrixGroup);
    this.attentionBackward(layer, buffers);
    pass.productBackward(dn, dProject, buffers.n, layer.project as MatrixGroup);
  }

  /** z from q, k and v, which are kept head by head. */
  private attention(layer: LayerPlan, buffers: LayerScratch): void {
    const { k, plan, scratch, T } = this.pass;
    const N = (layer.project as MatrixGroup).rows;
    const heads = [buffers.q, buffers.k, buffers.v];
    heads.forEach((to, i) => {
      k.splitHeads(to, buffers.project + 4 * firstRow(layer, NAMES[i]), N, T, ...this.headSizes());
    });
    this.rotate(buffers.q, 1);
    this.rotate(buffers.k, 1);
    k.causalAttentionForward(scratch.heads, buffers.softmax, ...heads, ...this.attentionSizes());
    k.mergeHeads(buffers.z, plan.dModel, scratch.heads, T, ...this.headSizes());
  }

  /** dProject from dz. */
  private attentionBackward(layer: LayerPlan, buffers: LayerScratch): void {
    const { k, plan, scratch, T } = this.pass;
    const N = (layer.project as MatrixGroup).rows;
    const gradients = [scratch.dq, scratch.dk, scratch.dv];
    k.splitHeads(scratch.heads, scratch.dz, plan.dModel, T, ...this.headSizes());
    const inputs = [scratch.heads, buffers.softmax, buffers.q, buffers.k, buffers.v];
    k.causalAttentionBackward(...gradients, ...inputs, ...this.attentionSizes());
    this.rotate(scratch.dq, -1);
    this.rotate(scratch.dk, -1);
    gradients.forEach((from, i) => {
      k.mergeHeads(scratch.dProject + 4 * firstRow(layer, NAMES[i]), N, from, T, ...this.headSizes());
    });
  }

  /** Rows of a head, heads, width of a head and that of its rows. */
  protected headSizes(): [rows: number, heads: number, dHead: number, width: number] {
    const { dModel, dHead } = this.pass.plan.config;
    return [pad8(this.pass.T), dModel / dHead, dHead, pad8(dHead)];
  }

  private attentionSizes(): number[] {
    const [rows, heads, dHead, width] = this.headSizes();
    return [rows, heads, width, (dHead + 3) & ~3, 1 / Math.sqrt(dHead), this.pass.scratch.attention];
  }
}
