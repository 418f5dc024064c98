import type { Kernels } from "./kernels.js";
import { type Layout, MAX_GRADIENT_TASKS, type MatrixGroup, type TensorSlot, windowFieldAddress } from "./layout.js";

/**
 * The second phase of a step: sums the windows' shares into the gradients. A task makes a block of the gradients alone, over
 * the windows in order, and returns the sum of its squares. How the work is cut depends on the configuration only, never on
 * the number of threads: the norm of the gradient adds up the tasks' sums.
 */
export type GradientTask = () => number;

/** Values of a block of vector gradients. */
const VECTOR_BLOCK = 4096;
/** Multiplications worth a task of their own, and most tasks of a group. */
const TASK_SIZE = 1 << 22;
const MOST_TASKS = 8;

export function gradientTasks(kernels: Kernels, plan: Layout, memory: ArrayBufferLike): GradientTask[] {
  const integers = new Int32Array(memory);
  const tokensOf = (window: number) => integers[windowFieldAddress(plan, window, "tokens") / 4];
  const sums = new GradientSums(kernels, plan, tokensOf);
  const tables = new Set(plan.inputs.map(({ table }) => table));
  if (plan.config.tied) tables.delete(plan.embed);
  const tasks = [
    ...plan.groups.flatMap((group) => groupTasks(sums, group)),
    ...[...tables].map((table) => tableTask(sums, table)),
    ...(plan.position ? [positionTask(sums, plan.position)] : []),
    ...vectorTasks(kernels, plan),
  ];
  if (tasks.length > MAX_GRADIENT_TASKS) throw new RangeError(`${tasks.length} gradient tasks`);
  return tasks;
}

/** The gradient of a group's matrices, cut by columns: sum over windows and tokens of dy x^T. */
function groupTasks(sums: GradientSums, group: MatrixGroup): GradientTask[] {
  const { kernels, plan } = sums;
  const { rows, depth } = group;
  const panels = depth / 8;
  const work = plan.batch * plan.context * rows * depth;
  const wanted = Math.min(MOST_TASKS, Math.ceil(work / TASK_SIZE));
  const panelsPerTask = Math.ceil(panels / wanted);
  const isTiedTable = plan.config.tied && group === plan.unembed;
  const tasks: GradientTask[] = [];
  for (let first = 0; first < panels; first += panelsPerTask) {
    const count = Math.min(panelsPerTask, panels - first);
    tasks.push(() => {
      sums.addGroup(group, first, count);
      if (isTiedTable) sums.addTable(plan.embed, first, count);
      return kernels.sumOfSquares(group.gradient + first * 32, depth, rows, count * 8);
    });
  }
  return tasks;
}

/** One task: it costs little, and the table's columns are best cleared together. */
function tableTask(sums: GradientSums, table: TensorSlot): GradientTask {
  return () => {
    sums.kernels.clear(table.gradient, table.count);
    sums.addTable(table, 0, table.stride / 8);
    return sums.kernels.sumOfSquares(table.gradient, table.stride, table.rows, table.stride);
  };
}

/** The gradient of the embedding's output, summed by position. */
function positionTask(sums: GradientSums, { gradient, stride, rows, count }: TensorSlot): GradientTask {
  return () => {
    sums.kernels.clear(gradient, count);
    sums.addPositions(gradient, stride);
    return sums.kernels.sumOfSquares(gradient, stride, rows, stride);
  };
}

/** Sums over the windows in order. Letters: a panel is 8 columns, `tokensOf` a window's length. */
class GradientSums {
  constructor(
    readonly kernels: Kernels,
    readonly plan: Layout,
    private readonly tokensOf: (window: number) => number,
  ) {}

  /** Sets the columns of a group's gradient. */
  addGroup(group: MatrixGroup, firstPanel: number, panels: number): void {
    const { tokens, batch, task, unembed } = this.plan;
    const { rows, depth, gradient } = group;
    const to = gradient + firstPanel * 32;
    const isOneRow = task.kind === "texts" && group === unembed;
    for (let window = 0; window < batch; window++) {
      const y = group.outputStore + window * tokens * rows * 4;
      const x = group.inputStore + (window * depth + firstPanel * 8) * tokens * 4;
      const count = isOneRow ? 1 : this.tokensOf(window);
      this.kernels.matmulOuter(to, depth, y, x, tokens, count, rows / 8, panels, Number(window > 0));
    }
  }

  /** Adds the gradient of the embedding's output to the rows of a table that were read. */
  addTable(table: TensorSlot, firstPanel: number, panels: number): void {
    const { inputs, batch } = this.plan;
    for (let panel = firstPanel; panel < firstPanel + panels; panel++) {
      for (let window = 0; window < batch; window++) {
        for (const input of inputs) {
          if (input.table !== table) continue;
          const rows = input.address + window * input.windowBytes;
          const dx = this.outputOf(window, panel);
          this.kernels.embeddingBackward(table.gradient + panel * 32, dx, rows, this.tokensOf(window), table.stride);
        }
      }
    }
  }

  addPositions(gradient: number, stride: number): void {
    for (let window = 0; window < this.plan.batch; window++) {
      for (let panel = 0; panel < stride / 8; panel++) {
        const dx = this.outputOf(window, panel);
        this.kernels.positionBackward(gradient + panel * 32, dx, this.tokensOf(window), stride);
      }
    }
  }

  /** A panel of the gradient of the embedding's output. */
  private outputOf(window: number, panel: number): number {
    const { embedStore, embed, tokens } = this.plan;
    return embedStore + (window * embed.stride + panel * 8) * tokens * 4;
  }
}

function vectorTasks(kernels: Kernels, plan: Layout): GradientTask[] {
  const tasks: GradientTask[] = [];
  for (let first = 0; first < plan.vectorCount; first += VECTOR_BLOCK) {
    const count = Math.min(VECTOR_BLOCK, plan.vectorCount - first);
    const target = plan.vectorGradients + first * 4;
    tasks.push(() => {
      kernels.sumPartials(target, plan.partials + first * 4, plan.vectorCount, plan.batch, count);
      return kernels.sumOfSquares(target, count, 1, count);
    });
  }
  return tasks;
}
