import type { LayerPlan, LayerScratch, MatrixGroup } from "../layout.js";
import { type Block, firstRow, type Pass } from "../pass.js";
import { Pathways } from "./pathways.js";

/** Base block: every pathway reads n; x += r_local l + r_state out s + r_sparse z. */
export class BaseBlock implements Block {
  private readonly pathways: Pathways;

  constructor(private readonly pass: Pass) {
    this.pathways = new Pathways(pass);
  }

  forward(layer: LayerPlan, buffers: LayerScratch, x: number, next: number): void {
    const { pathways } = this;
    const { k, plan, T } = this.pass;
    const { slots } = layer;
    const { local, state, sparse } = layer.config.pathways;
    const d = plan.dModel;
    const { n } = buffers;
    if (local) k.convolutionForward(buffers.l, n, d, slots["local.taps"].effective, T, d);
    if (state) k.stateForward(buffers.s, n, d, slots["state.decay"].effective, slots["state.gain"].effective, T, d);
    if (sparse) {
      const N = (layer.project as MatrixGroup).rows;
      pathways.attention(layer, buffers, buffers.project, N, buffers.project + 4 * firstRow(layer, "sparse.value"), N);
    }
    pathways.route(layer, buffers);
    pathways.mix(next, x, layer, buffers);
  }

  backward(layer: LayerPlan, buffers: LayerScratch): void {
    const { pass, pathways } = this;
    const { k, plan, scratch, T } = pass;
    const { slots, project } = layer;
    const { local, state, sparse } = layer.config.pathways;
    const { dn, dProject } = scratch;
    const d = plan.dModel;
    pathways.mixBackward(layer, buffers, scratch.dx);
    if (project) {
      const N = project.rows;
      k.clear(dProject, T * N);
      pathways.routeBackward(layer, buffers);
      const value = 4 * firstRow(layer, "sparse.value");
      const v = buffers.project + value;
      if (sparse) pathways.attentionBackward(layer, buffers, dProject, buffers.project, N, dProject + value, v, N);
      pass.productBackward(dn, dProject, buffers.n, project);
    } else k.clear(dn, T * d);
    if (local) {
      const taps = slots["local.taps"];
      k.convolutionBackward(dn, d, pass.partialOf(taps), scratch.dl, buffers.n, d, taps.effective, T, d);
    }
    if (state) pathways.stateBackward(layer, buffers, dn, d, buffers.n, d, slots["state.gain"].effective);
  }
}
