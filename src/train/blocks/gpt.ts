import type { LayerScratch } from "../layout.js";
import { Transformer } from "./transformer.js";

/** gpt block (Radford et al. 2019): y = x + W_out attention(LayerNorm(x)); y + W_down GELU(W_up LayerNorm(y)). */
export class GptBlock extends Transformer {
  protected activate(buffers: LayerScratch): void {
    const { k, plan, T } = this.pass;
    k.geluForward(buffers.m, buffers.mlp, T * plan.dInner);
  }

  protected activateBackward(buffers: LayerScratch, dm: number): void {
    const { k, plan, T } = this.pass;
    k.multiply(buffers.mlp, dm, T * plan.dInner);
  }
}
