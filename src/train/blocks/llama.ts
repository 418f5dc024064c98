import type { LayerScratch } from "../layout.js";
import { Transformer } from "./transformer.js";

/** llama block (Touvron et al. 2023): RMSNorm, queries and keys rotated, y + W_down [silu(W_gate n) * (W_up n)]. */
export class LlamaBlock extends Transformer {
  protected activate(buffers: LayerScratch): void {
    const { k, plan, T } = this.pass;
    k.swigluForward(buffers.m, buffers.mlp, T, plan.dInner);
  }

  protected activateBackward(buffers: LayerScratch, dm: number): void {
    const { k, plan, T } = this.pass;
    k.swigluBackward(buffers.mlp, dm, T, plan.dInner);
  }

  protected override rotate(heads: number, direction: 1 | -1): void {
    const { k, plan } = this.pass;
    const [rows, count, , width] = this.headSizes();
    k.rotate(heads, plan.rotary, plan.rotary + 4 * plan.tokens * width, direction, rows, count, width);
  }
}
