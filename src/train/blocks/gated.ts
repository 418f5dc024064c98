import type { LayerPlan, LayerScratch, MatrixGroup } from "../layout.js";
import { type Block, firstRow, type Pass } from "../pass.js";
import { Pathways } from "./pathways.js";

/** Gated block: the pathways read u = W_in n; x += W_out [(r_local l + r_state out s + r_sparse z) * g]. Without a gate g is 1. */
export class GatedBlock implements Block {
  private readonly pathways: Pathways;

  constructor(private readonly pass: Pass) {
    this.pathways = new Pathways(pass);
  }

  forward(layer: LayerPlan, buffers: LayerScratch, x: number, next: number): void {
    const { pass, pathways } = this;
    const { k, plan, T } = pass;
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
      pass.product(buffers.queryKey, buffers.l, group);
      pathways.attention(layer, buffers, buffers.queryKey, group.rows, u, N);
    }
    pathways.route(layer, buffers);
    pathways.mix(buffers.h, 0, layer, buffers);
    if (plan.config.gate) k.gateForward(buffers.m, buffers.h, u + 4 * firstRow(layer, "gate"), N, T, w);
    k.copy(next, x, T * plan.dModel);
    pass.product(next, plan.config.gate ? buffers.m : buffers.h, layer.out as MatrixGroup, true);
  }

  backward(layer: LayerPlan, buffers: LayerScratch): void {
    const { pass, pathways } = this;
    const { k, plan, scratch, T } = pass;
    const { state, sparse } = layer.config.pathways;
    const project = layer.project as MatrixGroup;
    const { dProject, dQueryKey, dh, dl } = scratch;
    const w = plan.dInner;
    const N = project.rows;
    const gate = 4 * firstRow(layer, "gate");
    const u = buffers.project;
    pass.productBackward(dh, scratch.dx, plan.config.gate ? buffers.m : buffers.h, layer.out as MatrixGroup);
    k.clear(dProject, T * N);
    if (plan.config.gate) k.gateBackward(dh, dProject + gate, buffers.h, u + gate, N, T, w);
    pathways.mixBackward(layer, buffers, dh);
    pathways.routeBackward(layer, buffers);
    if (sparse) {
      const group = layer.queryKey as MatrixGroup;
      k.clear(dQueryKey, T * group.rows);
      pathways.attentionBackward(layer, buffers, dQueryKey, buffers.queryKey, group.rows, dProject, u, N);
      pass.productBackward(dl, dQueryKey, buffers.l, group, true);
    }
    if (state) {
      const b = layer.slots["state.decay"].effective + 4 * w;
      pathways.stateBackward(layer, buffers, dl, w, buffers.l, w, b);
    }
    const taps = layer.slots["local.taps"];
    k.convolutionBackward(dProject, N, pass.partialOf(taps), dl, u, N, taps.effective, T, w);
    pass.productBackward(scratch.dn, dProject, buffers.n, project);
  }
}
