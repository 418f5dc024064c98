import { hasRouter, pathwaysOf } from "../../model/config.js";
import { type LayerPlan, type LayerScratch, type MatrixGroup, pad8 } from "../layout.js";
import { firstRow, type Pass } from "../pass.js";

/** What the base and the gated block share: sparse attention, state, router and mix. */
export class Pathways {
  constructor(private readonly pass: Pass) {}

  attention(layer: LayerPlan, buffers: LayerScratch, qk: number, qkStride: number, v: number, vStride: number): void {
    const { k, plan, scratch, T } = this.pass;
    const { topK, dHead } = plan.config;
    const depth = pad8(dHead);
    k.packRows(scratch.queries, qk, qkStride, depth, plan.tokens / 8);
    const kept = [buffers.probabilities, buffers.positions, scratch.scores];
    const sizes = [T, layer.config.window, topK, depth, 1 / Math.sqrt(dHead), plan.dInner];
    k.attentionForward(buffers.z, ...kept, scratch.queries, qk + 4 * depth, qkStride, v, vStride, ...sizes);
  }

  attentionBackward(
    layer: LayerPlan,
    buffers: LayerScratch,
    dqk: number,
    qk: number,
    qkStride: number,
    dv: number,
    v: number,
    vStride: number,
  ): void {
    const { k, plan, scratch, T } = this.pass;
    const { topK, dHead } = plan.config;
    const depth = pad8(dHead);
    const kept = [scratch.dz, buffers.probabilities, buffers.positions];
    const count = Math.min(topK, layer.config.window);
    const sizes = [T, count, depth, 1 / Math.sqrt(dHead), plan.dInner];
    const key = 4 * depth;
    k.attentionBackward(dqk, dqk + key, dv, vStride, ...kept, qk, qk + key, qkStride, v, vStride, ...sizes);
  }

  stateBackward(
    layer: LayerPlan,
    buffers: LayerScratch,
    dn: number,
    dnStride: number,
    n: number,
    nStride: number,
    gain: number,
  ): void {
    const { pass } = this;
    const { k, plan, scratch, T } = pass;
    const w = plan.dInner;
    const decay = layer.slots["state.decay"];
    const out = layer.slots["state.out"];
    const learnedGain = layer.slots["state.gain"];
    const db = learnedGain ? pass.partialOf(learnedGain) : scratch.db;
    k.clear(scratch.da, w);
    if (!learnedGain) k.clear(db, w);
    const sums = [scratch.da, db, pass.partialOf(out), scratch.carry];
    const inputs = [scratch.ds, buffers.s, n, nStride, decay.effective, gain, out.effective];
    k.stateBackward(dn, dnStride, ...sums, ...inputs, T, w);
    k.decayGradient(pass.partialOf(decay), scratch.da, learnedGain ? 0 : db, decay.effective + 8 * w, w);
  }

  route(layer: LayerPlan, buffers: LayerScratch): void {
    const { k, plan, T } = this.pass;
    const count = pathwaysOf(layer.config).length;
    if (!hasRouter(plan.config, layer.config)) {
      k.constantRouter(buffers.r, count, layer.routerSlots, T);
      return;
    }
    const logits = buffers.project + 4 * firstRow(layer, "router.weight");
    const bias = layer.slots["router.bias"]?.latent ?? 0;
    const stride = (layer.project as MatrixGroup).rows;
    k.routerForward(buffers.r, logits, stride, bias, count, layer.routerSlots, this.routerScale(count), T);
  }

  routeBackward(layer: LayerPlan, buffers: LayerScratch): void {
    const { pass } = this;
    const { k, plan, scratch, T } = pass;
    if (!hasRouter(plan.config, layer.config)) return;
    const count = pathwaysOf(layer.config).length;
    const dLogits = scratch.dProject + 4 * firstRow(layer, "router.weight");
    const bias = layer.slots["router.bias"];
    const stride = (layer.project as MatrixGroup).rows;
    const r = [scratch.dr, buffers.r, count, layer.routerSlots, this.routerScale(count)];
    k.routerBackward(dLogits, stride, bias ? pass.partialOf(bias) : 0, ...r, T);
  }

  private routerScale(pathways: number): number {
    return this.pass.plan.config.block === "gated" ? pathways : 1;
  }

  mix(h: number, x: number, layer: LayerPlan, buffers: LayerScratch): void {
    const { k, plan, T } = this.pass;
    k.mixForward(h, x, buffers.r, ...this.buffersOf(layer, buffers), T, plan.dInner);
  }

  mixBackward(layer: LayerPlan, buffers: LayerScratch, dh: number): void {
    const { k, plan, scratch, T } = this.pass;
    const { dl, ds, dz, dr } = scratch;
    k.mixBackward(dl, ds, dz, dr, dh, buffers.r, ...this.buffersOf(layer, buffers), T, plan.dInner);
  }

  /** l, s, out, z; 0 where the layer has no such pathway. */
  private buffersOf(layer: LayerPlan, buffers: LayerScratch): number[] {
    const { local, state, sparse } = layer.config.pathways;
    return [
      local ? buffers.l : 0,
      state ? buffers.s : 0,
      state ? layer.slots["state.out"].latent : 0,
      sparse ? buffers.z : 0,
    ];
  }
}
