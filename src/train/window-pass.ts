import { type BlockName, gatesOf } from "../model/config.js";
import { BaseBlock } from "./blocks/base.js";
import { GatedBlock } from "./blocks/gated.js";
import { GptBlock } from "./blocks/gpt.js";
import { LlamaBlock } from "./blocks/llama.js";
import type { Kernels } from "./kernels.js";
import { type Layout, recallEntriesPerToken, type WindowField, windowAddress, windowFieldAddress } from "./layout.js";
import { type Block, Pass } from "./pass.js";

const blocks: Record<BlockName, new (pass: Pass) => Block> = {
  base: BaseBlock,
  gated: GatedBlock,
  gpt: GptBlock,
  llama: LlamaBlock,
};

/**
 * Forward and backward of one window, from its symbols to its share of the gradients. Windows do not meet before the
 * gradients of the matrices are summed (see gradients.ts), so each thread takes whole windows and no result depends on
 * which thread took which.
 */
export class WindowPass {
  private readonly pass: Pass;
  private readonly block: Block;
  private readonly integers: Int32Array;
  private readonly doubles: Float64Array;
  /** Whether recall, if the model has it, takes part: in training in every second window, so that the model can do without. */
  private recalls = true;

  /** @param forget the symbol that empties the memory of recall; -1 for none */
  constructor(
    kernels: Kernels,
    plan: Layout,
    thread: number,
    memory: ArrayBufferLike,
    private readonly forget: number,
  ) {
    this.pass = new Pass(kernels, plan, plan.scratch[thread]);
    this.block = new blocks[plan.config.block](this.pass);
    this.integers = new Int32Array(memory);
    this.doubles = new Float64Array(memory);
  }

  /** Leaves the window's summed loss in `losses`. */
  evaluate(window: number): void {
    this.recalls = true;
    this.forward(window);
    this.loss(0);
  }

  /** Leaves the window's loss, its partial gradients of the vectors and, packed, what the matrices' gradients need. */
  train(window: number): void {
    const { plan } = this.pass;
    this.recalls = window % 2 === 0;
    this.forward(window);
    this.loss(this.doubles[plan.lossScale / 8]);
    this.backward();
  }

  private forward(window: number): void {
    const { pass } = this;
    const { k, plan, scratch } = pass;
    pass.window = window;
    pass.T = this.tokens();
    plan.inputs.forEach(({ table, address, windowBytes }, index) => {
      const read = index === 0 ? k.embeddingForward : k.embeddingAdd;
      read(scratch.x[0], table.effective, address + window * windowBytes, pass.T, plan.dModel);
    });
    if (plan.position) k.add(scratch.x[0], plan.position.effective, pass.T * plan.dModel);
    plan.layers.forEach((layer, index) => {
      const buffers = scratch.layers[index];
      const x = scratch.x[index];
      pass.norm(buffers.n, buffers.stats, x, layer.slots["norm.gamma"], layer.slots["norm.beta"]);
      if (layer.project) pass.product(buffers.project, buffers.n, layer.project);
      this.block.forward(layer, buffers, x, scratch.x[index + 1]);
    });
    this.pool();
    pass.norm(scratch.finalNorm, scratch.finalStats, this.answered(), plan.finalGamma, plan.finalBeta);
    pass.product(scratch.logits, scratch.finalNorm, plan.unembed);
    this.recall();
  }

  private tokens(): number {
    return this.field("tokens");
  }

  private field(name: WindowField): number {
    const { plan, window } = this.pass;
    return this.integers[windowFieldAddress(plan, window, name) / 4];
  }

  /** The first token that a text's answer is made of. */
  private firstPooled(): number {
    return this.pass.plan.config.pool === "sum" ? 0 : this.tokens() - 1;
  }

  /** What the final norm reads: every token, or of a text one row. */
  private answered(): number {
    const { plan, scratch } = this.pass;
    return plan.task.kind === "texts" ? scratch.pooled : scratch.x[plan.layers.length];
  }

  /** From here on a text has one row. */
  private pool(): void {
    const { k, plan, scratch, T } = this.pass;
    if (plan.task.kind !== "texts") return;
    k.poolForward(scratch.pooled, scratch.x[plan.layers.length], this.firstPooled(), T, plan.dModel);
    this.pass.T = 1;
  }

  private poolBackward(): void {
    const { k, plan, scratch } = this.pass;
    if (plan.task.kind !== "texts") return;
    this.pass.T = this.tokens();
    k.copy(scratch.pooled, scratch.dx, plan.dModel);
    k.poolBackward(scratch.dx, scratch.pooled, this.firstPooled(), this.pass.T, plan.dModel);
  }

  private recall(): void {
    const { k, plan, scratch, window, T } = this.pass;
    const { config, recall } = plan;
    if (!config.recall || !recall || !this.recalls) return;
    const history = this.field("history");
    const read = [windowAddress(plan, window) - 2 * history, history, T, config.recall.window, this.forget];
    const parameters = [recall.bonus.latent, recall.pull.latent];
    // Eight lengths more before the first.
    const kept = [scratch.recallLengths + 16, scratch.recallPlaces, scratch.recallHeads, scratch.recallEntries];
    const sizes = [plan.unembed.rows, plan.outputs];
    const more = [
      recallEntriesPerToken(plan),
      gatesOf(config),
      recall.symbols?.effective ?? 0,
      recall.symbols?.stride ?? 0,
    ];
    k.recallForward(scratch.logits, ...sizes, ...read, ...parameters, ...kept, ...more);
  }

  private recallBackward(): void {
    const { pass } = this;
    const { k, plan, scratch, T } = pass;
    const { config, recall } = plan;
    if (!recall || !this.recalls) return;
    const { bonus, pull, symbols } = recall;
    const partials = [pass.partialOf(bonus), pass.partialOf(pull)];
    const kept = [scratch.recallHeads, scratch.recallEntries, recallEntriesPerToken(plan), gatesOf(config)];
    const own = symbols ? [pass.partialOf(symbols), symbols.stride] : [0, 0];
    k.recallBackward(scratch.logits, plan.unembed.rows, plan.outputs, T, pull.latent, ...partials, ...kept, ...own);
  }

  private loss(scale: number): void {
    const { k, plan, scratch, window, T } = this.pass;
    const first = this.field("first");
    const sizes = [first, T, plan.outputs, plan.unembed.rows, scale];
    this.doubles[plan.losses / 8 + window] =
      plan.task.kind === "language"
        ? k.crossEntropy(scratch.logits, windowAddress(plan, window) + 2, ...sizes)
        : this.classLoss(sizes);
  }

  private classLoss(sizes: readonly number[]): number {
    const { k, plan, scratch, window } = this.pass;
    const labels = plan.labels + window * plan.tokens * 2;
    const uniform = Number(plan.task.kind === "texts");
    return k.classCrossEntropy(scratch.logits, labels, ...sizes, uniform, plan.correct + window * 8);
  }

  private backward(): void {
    const { pass } = this;
    const { k, plan, scratch, T } = pass;
    const { dx, dn } = scratch;
    k.clear(pass.partial(0), plan.vectorCount);
    k.clear(dx, T * plan.dModel);
    this.recallBackward();
    pass.productBackward(dn, scratch.logits, scratch.finalNorm, plan.unembed);
    pass.normBackward(scratch.finalStats, this.answered(), plan.finalGamma, plan.finalBeta);
    this.poolBackward();
    for (let index = plan.layers.length - 1; index >= 0; index--) {
      const layer = plan.layers[index];
      const buffers = scratch.layers[index];
      this.block.backward(layer, buffers);
      pass.normBackward(buffers.stats, scratch.x[index], layer.slots["norm.gamma"], layer.slots["norm.beta"]);
    }
    pass.publish(plan.embedStore, dx, plan.dModel);
  }
}
