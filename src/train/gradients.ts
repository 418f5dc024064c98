import type { Kernels } from "./kernels.js";
import { type Layout, MAX_GRADIENT_TASKS, type MatrixGroup, type TensorSlot, windowAddress } from "./layout.js";

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

export function gradientTasks(kernels: Kernels, plan: Layout): GradientTask[] {
  const tasks = [
    ...plan.groups.flatMap((group) => groupTasks(kernels, plan, group)),
    ...(plan.config.tied ? [] : embeddingTasks(kernels, plan)),
    ...(plan.position ? positionTasks(kernels, plan, plan.position) : []),
    ...vectorTasks(kernels, plan),
  ];
  if (tasks.length > MAX_GRADIENT_TASKS) throw new RangeError(`${tasks.length} gradient tasks`);
  return tasks;
}

/** The gradient of a group's matrices, cut by columns: sum over windows and tokens of dy x^T. */
function groupTasks(kernels: Kernels, plan: Layout, group: MatrixGroup): GradientTask[] {
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
      sumGroup(kernels, plan, group, first, count);
      if (isTiedTable) sumEmbedding(kernels, plan, first, count);
      return kernels.sumOfSquares(group.gradient + first * 32, depth, rows, count * 8);
    });
  }
  return tasks;
}

function sumGroup(kernels: Kernels, plan: Layout, group: MatrixGroup, firstPanel: number, panels: number): void {
  const { tokens, context, batch } = plan;
  const { rows, depth, gradient } = group;
  const to = gradient + firstPanel * 32;
  for (let window = 0; window < batch; window++) {
    const y = group.outputStore + window * tokens * rows * 4;
    const x = group.inputStore + (window * depth + firstPanel * 8) * tokens * 4;
    kernels.matmulOuter(to, depth, y, x, tokens, context, rows / 8, panels, Number(window > 0));
  }
}

/** Adds the gradient of the embedding's output to the rows of the symbols read. */
function sumEmbedding(kernels: Kernels, plan: Layout, firstPanel: number, panels: number): void {
  const { embed, tokens, context, batch } = plan;
  for (let panel = firstPanel; panel < firstPanel + panels; panel++) {
    for (let window = 0; window < batch; window++) {
      const dx = plan.embedStore + (window * embed.stride + panel * 8) * tokens * 4;
      kernels.embeddingBackward(embed.gradient + panel * 32, dx, windowAddress(plan, window), context, embed.stride);
    }
  }
}

function embeddingTasks(kernels: Kernels, plan: Layout): GradientTask[] {
  const { embed } = plan;
  // One task: it costs little, and the table's columns are best cleared together.
  return [
    () => {
      kernels.clear(embed.gradient, embed.count);
      sumEmbedding(kernels, plan, 0, embed.stride / 8);
      return kernels.sumOfSquares(embed.gradient, embed.stride, embed.rows, embed.stride);
    },
  ];
}

/** The gradient of the embedding's output, summed by position. */
function positionTasks(kernels: Kernels, plan: Layout, { gradient, stride, rows, count }: TensorSlot): GradientTask[] {
  const { tokens, context, batch, embedStore } = plan;
  return [
    () => {
      kernels.clear(gradient, count);
      for (let window = 0; window < batch; window++) {
        for (let panel = 0; panel < stride / 8; panel++) {
          const dx = embedStore + (window * stride + panel * 8) * tokens * 4;
          kernels.positionBackward(gradient + panel * 32, dx, context, stride);
        }
      }
      return kernels.sumOfSquares(gradient, stride, rows, stride);
    },
  ];
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
