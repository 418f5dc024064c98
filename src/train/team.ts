import type { ModelConfig } from "../model/config.js";
import { type GradientTask, gradientTasks } from "./gradients.js";
import { bindKernels } from "./kernels.js";
import { type Layout, planLayout, type Task } from "./layout.js";
import { type UpdateParameters, type UpdateTask, updateTasks } from "./update.js";
import { WindowPass } from "./window-pass.js";

/** First message to a thread: all it needs to work in the trainer's memory. */
export interface StartMessage {
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  config: ModelConfig;
  vocab: number;
  outputs: number;
  task: Task;
  /** See `WindowPass`. */
  forget: number;
  threads: number;
  /** Which of the threads this is, from 0. */
  thread: number;
}

/** What the first thread tells the trainer when a command is done. */
export type Report = { done: true };

/** Int32 words of the control block at the start of the shared memory. */
const COMMAND_COUNT = 0;
const COMMAND = 1;
const ARRIVED = 2;
const BARRIER_COUNT = 3;
const NEXT_TASK = 4;
const WINDOWS = 5;
/** Float64 words, from byte 64 on. */
const RESULTS = 8;
const PARAMETERS = 16;

export const commands = { prepare: 1, step: 2, evaluate: 3, gradients: 4, stop: 5 } as const;
export type Command = keyof typeof commands;

const parameterNames = [
  "gradientScale",
  "learningRate",
  "embeddingLearningRate",
  "beta1",
  "beta2",
  "correction1",
  "correction2",
  "epsilon",
  "weightDecay",
  "vectorWeightDecay",
] as const satisfies readonly (keyof UpdateParameters)[];

/** The trainer's end of the control block. */
export class Control {
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;

  constructor(memory: ArrayBufferLike) {
    this.words = new Int32Array(memory);
    this.doubles = new Float64Array(memory);
  }

  /** Wakes every thread to run a command over `windows` windows. */
  send(command: Command, windows = 0): void {
    this.words[WINDOWS] = windows;
    this.words[COMMAND] = commands[command];
    Atomics.add(this.words, COMMAND_COUNT, 1);
    Atomics.notify(this.words, COMMAND_COUNT);
  }

  /** `gradientScale` holds the largest norm allowed; the threads replace it once they know the norm. */
  setParameters(parameters: UpdateParameters): void {
    parameterNames.forEach((name, index) => {
      this.doubles[PARAMETERS + index] = parameters[name];
    });
  }

  /** Norm of the gradient of the last step, before clipping. */
  gradientNorm(): number {
    return this.doubles[RESULTS];
  }
}

/** Rounds of spinning before a thread sleeps at a barrier: phases are short, waking up is not. */
const SPINS = 4000;

/**
 * One thread of the team: runs commands until told to stop. Threads take tasks from a shared counter; no result depends on
 * who takes which. It blocks its thread and must not run where that is forbidden.
 */
export function runTeamMember(start: StartMessage, report: (report: Report) => void): void {
  const plan = planLayout(start.config, start.vocab, start.outputs, start.threads, start.task);
  const member = new TeamMember(start, plan, report);
  member.run();
}

class TeamMember {
  private readonly words: Int32Array;
  private readonly doubles: Float64Array;
  private readonly pass: WindowPass;
  private readonly gradients: GradientTask[];
  private readonly updates: UpdateTask[];

  constructor(
    private readonly start: StartMessage,
    private readonly plan: Layout,
    private readonly report: (report: Report) => void,
  ) {
    const { buffer } = start.memory;
    const kernels = bindKernels(start.module, start.memory);
    this.words = new Int32Array(buffer);
    this.doubles = new Float64Array(buffer);
    this.pass = new WindowPass(kernels, plan, start.thread, buffer, start.forget);
    this.gradients = gradientTasks(kernels, plan, buffer);
    this.updates = updateTasks(kernels, plan, plan.scratch[start.thread]);
  }

  run(): void {
    for (let seen = 0; ; seen++) {
      while (Atomics.load(this.words, COMMAND_COUNT) === seen) Atomics.wait(this.words, COMMAND_COUNT, seen);
      const command = this.words[COMMAND];
      if (command === commands.stop) return;
      this.execute(command);
      if (this.start.thread === 0) this.report({ done: true });
    }
  }

  private execute(command: number): void {
    if (command === commands.prepare) this.share(this.updates.length, (i) => this.updates[i].prepare());
    else if (command === commands.evaluate) this.share(this.words[WINDOWS], (window) => this.pass.evaluate(window));
    else {
      this.share(this.words[WINDOWS], (window) => this.pass.train(window));
      this.share(this.gradients.length, (i) => {
        this.doubles[this.plan.squares / 8 + i] = this.gradients[i]();
      });
      if (command === commands.step) this.update();
    }
  }

  private update(): void {
    const parameters = this.parameters();
    this.share(this.updates.length, (i) => {
      this.updates[i].update(parameters);
      this.updates[i].prepare();
    });
  }

  /** This step's parameters with the gradient clipped to its largest norm (Pascanu et al. 2013). */
  private parameters(): UpdateParameters {
    const values = parameterNames.map((name, index) => [name, this.doubles[PARAMETERS + index]]);
    const parameters = Object.fromEntries(values) as UpdateParameters;
    let squares = 0;
    for (let i = 0; i < this.gradients.length; i++) squares += this.doubles[this.plan.squares / 8 + i];
    const norm = Math.sqrt(squares);
    this.doubles[RESULTS] = norm;
    return { ...parameters, gradientScale: Math.min(1, parameters.gradientScale / (norm + 1e-6)) };
  }

  /** Runs tasks 0 .. count - 1, shared among the threads; all are done when it returns. */
  private share(count: number, task: (index: number) => void): void {
    const { words } = this;
    for (let i = Atomics.add(words, NEXT_TASK, 1); i < count; i = Atomics.add(words, NEXT_TASK, 1)) task(i);
    this.barrier();
  }

  /** Waits for every thread. The last to arrive resets the task counter, which nobody reads then. */
  private barrier(): void {
    const { words } = this;
    const round = Atomics.load(words, BARRIER_COUNT);
    if (Atomics.add(words, ARRIVED, 1) === this.start.threads - 1) {
      Atomics.store(words, ARRIVED, 0);
      Atomics.store(words, NEXT_TASK, 0);
      Atomics.add(words, BARRIER_COUNT, 1);
      Atomics.notify(words, BARRIER_COUNT);
      return;
    }
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(words, BARRIER_COUNT) !== round) return;
    while (Atomics.load(words, BARRIER_COUNT) === round) Atomics.wait(words, BARRIER_COUNT, round);
  }
}
