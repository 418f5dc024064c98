import type { ModelConfig } from "../model/config.js";
import { FailureError, UsageError } from "../model/errors.js";
import { initialTensors, sizeOf } from "../model/tensors.js";
import {
  checkExamples,
  ExampleSampler,
  type Examples,
  exampleWindows,
  type Fill,
  taskOf,
  wholeExamples,
} from "./examples.js";
import { type Layout, pad8, planLayout, readTensor, type TensorSlot, writeTensor } from "./layout.js";
import { Random, type RandomState } from "./random.js";
import { rotaryTables } from "./rotary.js";
import { integerPower, learningRateFactor } from "./schedule.js";
import { type Command, Control, type Report, type StartMessage } from "./team.js";
import type { Thread, ThreadPlatform } from "./threads.js";
import { WindowWriter } from "./windows.js";

/** All that training needs to continue to the same bits. */
export interface TrainerState {
  /** Steps done. */
  step: number;
  /** The generator of the windows' offsets. */
  random: RandomState;
  /** Latent values by name, shapes as in `tensorSpecs`. */
  tensors: Map<string, Float32Array>;
  /** AdamW's running means of the gradient and of its square; Muon's momentum and zeros. */
  firstMoments: Map<string, Float32Array>;
  secondMoments: Map<string, Float32Array>;
}

/** Symbols of a text, read a window at a time: a Uint16Array, or a file that is too long for memory. */
export interface SymbolSource {
  readonly length: number;
  /** Symbols `begin` .. `end` - 1; good until the next call. */
  subarray(begin: number, end: number): Uint16Array;
}

export interface TrainerOptions {
  config: ModelConfig;
  /** Symbols of the alphabet. */
  vocab: number;
  /** Rows of the unembedding: the number of classes; of a language model `vocab`. */
  outputs?: number;
  /** The symbol that empties the memory of recall: `alphabet.lastSymbolOf(config.recall?.forget)`. */
  forget?: number | undefined;
  /** Training part of a language model's corpus; more than one window of it. */
  symbols?: SymbolSource;
  /** What a classifier learns from, in place of `symbols`. */
  examples?: Examples;
  /** Worker threads; results do not depend on it. */
  threads: number;
  /** Where the threads run: `nodePlatform` or `browserPlatform`. */
  platform: ThreadPlatform;
  resume?: TrainerState;
}

export interface StepResult {
  /** Steps done, this one included. */
  step: number;
  /** Mean cross-entropy of this step's windows before its update; of a classifier, per text or per step that has a class. */
  lossNatsPerSymbol: number;
  learningRate: number;
  /** Before clipping. */
  gradientNorm: number;
}

export interface EvaluateOptions {
  /** Symbols a window reads, at most the training context; that unless given. */
  context?: number;
  /** Symbols at the start of each window after the first that only warm the model up; 0 unless given. */
  warmup?: number;
  /** Evaluate at most so many symbols from the start; all unless given. */
  maxSymbols?: number;
  /** Told of each window in order: it predicted symbols `begin` .. `end` - 1, which cost `nats` together. */
  onWindow?: (begin: number, end: number, nats: number) => void;
}

/** Most memory WebAssembly can address. */
const MAX_BYTES = 65536 * 65536;

/**
 * Trains a model: same configuration, symbols and seed give the same tensors to the bit on every machine, with any number of
 * threads, and through `state()` and `resume`.
 *
 * @example
 * const trainer = await Trainer.create({ config, vocab: 256, symbols, threads: 2, platform: nodePlatform });
 * for (let i = 0; i < config.train.steps; i++) await trainer.step();
 * const { tensors } = trainer.state();
 * await trainer.close();
 */
export class Trainer {
  private readonly floats: Float32Array;
  private readonly control: Control;
  private readonly writer: WindowWriter;
  private readonly sampler: ExampleSampler | undefined;
  private threads: Thread[] = [];
  private stepsDone = 0;
  private failure: Error | undefined;
  private finish: { resolve: () => void; reject: (error: Error) => void } | undefined;

  private constructor(
    private readonly options: TrainerOptions,
    private readonly plan: Layout,
    private readonly memory: WebAssembly.Memory,
    private readonly random: Random,
  ) {
    this.floats = new Float32Array(memory.buffer);
    this.control = new Control(memory.buffer);
    this.writer = new WindowWriter(plan, memory);
    const { config, vocab, examples } = options;
    this.sampler = examples && new ExampleSampler(examples, config, vocab, this.writer);
  }

  /**
   * Starts the threads and loads the tensors: new ones from the configuration's seed, or those of `resume`.
   *
   * @throws UsageError when the symbols are fewer than a window needs, the examples are not valid, the model does not fit in
   *   memory or the configuration has what only the other of language models and classifiers has; FailureError when the tensors of `resume` are of another configuration
   */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const { config, vocab, threads, platform, resume } = options;
    const outputs = checkOptions(options);
    const plan = planLayout(config, vocab, outputs, threads, taskOf(options.examples));
    const module = await platform.compileKernels();
    const memory = allocate(plan.bytes);
    const random = resume ? Random.fromState(resume.random) : Random.fromSeed(config.train.seed);
    const trainer = new Trainer(options, plan, memory, random);
    if (config.block === "llama") {
      trainer.floats.set(rotaryTables(plan.tokens, config.dHead, pad8(config.dHead)), plan.rotary / 4);
    }
    const tensors = resume?.tensors ?? initialTensors(config, vocab, outputs, () => random.normal());
    trainer.load(tensors, (slot) => slot.latent);
    if (resume) {
      trainer.stepsDone = resume.step;
      trainer.load(resume.firstMoments, (slot) => slot.firstMoment);
      trainer.load(resume.secondMoments, (slot) => slot.secondMoment);
    }
    await trainer.start(platform, module, outputs);
    return trainer;
  }

  /** One step of the optimizer on `batch` windows at random places. */
  async step(): Promise<StepResult> {
    const { train } = this.options.config;
    const losses = this.sampler ? this.sampler.draw(this.random) : this.drawText();
    this.writer.setLosses(losses);
    const factor = learningRateFactor(train, this.stepsDone);
    this.stepsDone++;
    this.control.setParameters({
      gradientScale: train.clip,
      learningRate: train.learningRate * factor,
      embeddingLearningRate: train.embeddingLearningRate * factor,
      beta1: train.beta1,
      beta2: train.beta2,
      correction1: 1 - integerPower(train.beta1, this.stepsDone),
      correction2: 1 - integerPower(train.beta2, this.stepsDone),
      epsilon: train.epsilon,
      weightDecay: train.weightDecay,
      vectorWeightDecay: train.vectorWeightDecay,
    });
    await this.command("step", train.batch);
    return {
      step: this.stepsDone,
      lossNatsPerSymbol: this.lossSum(train.batch) / Math.max(1, losses),
      learningRate: train.learningRate * factor,
      gradientNorm: this.control.gradientNorm(),
    };
  }

  /** Windows at random places of the text; returns how many symbols they predict. */
  private drawText(): number {
    const { batch, context } = this.plan;
    const symbols = this.options.symbols as SymbolSource;
    for (let window = 0; window < batch; window++) {
      const offset = this.random.below(symbols.length - context);
      this.writer.language(window, symbols, offset, offset + context + 1);
    }
    return batch * context;
  }

  /**
   * Mean cross-entropy of every symbol but the first, each predicted from what precedes it in its window. A model that
   * streams does better: it never forgets what a window cuts off.
   */
  async evaluate(
    symbols: SymbolSource,
    { context = this.plan.context, warmup = 0, maxSymbols = symbols.length, onWindow }: EvaluateOptions = {},
  ): Promise<{ natsPerSymbol: number; symbols: number }> {
    if (context > this.plan.context || context < 1 || warmup < 0 || warmup >= context) {
      throw new UsageError(
        `Cannot evaluate in windows of ${context} symbols after ${warmup} of warm-up: a window has 1 to ${this.plan.context} symbols and its warm-up fewer; choose so.`,
      );
    }
    if (this.options.examples) {
      throw new UsageError("Cannot evaluate a classifier on text without classes; give it examples.");
    }
    const length = Math.min(symbols.length, maxSymbols);
    checkLength(length, 1);
    let nats = 0;
    for (let next = 1; next < length; ) {
      const bounds = [next];
      for (let window = 0; window < this.plan.batch && next < length; window++) {
        const first = Math.max(0, next - 1 - warmup);
        const end = Math.min(length, first + context + 1);
        this.writer.language(window, symbols, first, end, next - 1 - first);
        next = end;
        bounds.push(end);
      }
      const windows = bounds.length - 1;
      await this.command("evaluate", windows);
      nats += this.lossSum(windows);
      this.losses(windows).forEach((loss, window) => {
        onWindow?.(bounds[window], bounds[window + 1], loss);
      });
    }
    return { natsPerSymbol: nats / (length - 1), symbols: length - 1 };
  }

  /**
   * Mean cross-entropy of the examples that have a class, and the share of them whose class has the largest logit, the first
   * one among equals. A series is read in windows that overlap by half.
   *
   * @throws UsageError when the examples are not of the kind that is trained on, or not valid
   */
  async evaluateExamples(examples: Examples): Promise<{ natsPerExample: number; accuracy: number; count: number }> {
    const { plan } = this;
    if (examples.kind !== plan.task.kind) {
      throw new UsageError(
        `Cannot evaluate a model of ${plan.task.kind} on ${examples.kind}; give it what it was trained on.`,
      );
    }
    checkExamples(examples, plan.vocab, plan.outputs);
    const sums = { nats: 0, correct: 0, count: 0 };
    const fills: Fill[] = [];
    const run = async () => {
      for (const [window, fill] of fills.entries()) sums.count += fill(window);
      await this.command("evaluate", fills.length);
      sums.nats += this.lossSum(fills.length);
      sums.correct += new Float64Array(this.memory.buffer, plan.correct, fills.length).reduce((a, b) => a + b, 0);
      fills.length = 0;
    };
    for (const fill of exampleWindows(examples, plan.context, this.writer)) {
      if (fills.push(fill) === plan.batch) await run();
    }
    if (fills.length > 0) await run();
    const { nats, correct, count } = sums;
    return { natsPerExample: nats / Math.max(1, count), accuracy: correct / Math.max(1, count), count };
  }

  /**
   * Loss and gradients of one batch, without an update: `windows` holds `batch` windows of `context` + 1 symbols, or as many
   * texts or series of at most `context`. For checks. Gradients are by the effective (quantised) weights, which training
   * applies to the latent ones.
   */
  async gradients(
    windows: readonly Uint16Array[] | Examples,
  ): Promise<{ lossNatsPerSymbol: number; gradients: Map<string, Float32Array> }> {
    const { batch, context } = this.plan;
    let losses = batch * context;
    if ("kind" in windows) {
      const fills = [...wholeExamples(windows, this.writer)];
      losses = fills.reduce((sum, fill, window) => sum + fill(window), 0);
    } else {
      windows.forEach((window, index) => {
        this.writer.language(index, window, 0, window.length);
      });
    }
    this.writer.setLosses(losses);
    await this.command("gradients", batch);
    return {
      lossNatsPerSymbol: this.lossSum(batch) / losses,
      gradients: this.read((slot) => slot.gradient),
    };
  }

  /** A copy of everything training depends on, after the last step. */
  state(): TrainerState {
    return {
      step: this.stepsDone,
      random: this.random.state(),
      tensors: this.read((slot) => slot.latent),
      firstMoments: this.read((slot) => slot.firstMoment),
      secondMoments: this.read((slot) => slot.secondMoment),
    };
  }

  /** Stops the threads; the trainer is of no use afterwards. */
  async close(): Promise<void> {
    this.control.send("stop");
    await Promise.all(this.threads.map((thread) => thread.terminate()));
  }

  private async start(platform: ThreadPlatform, module: WebAssembly.Module, outputs: number): Promise<void> {
    const { config, vocab, threads } = this.options;
    this.threads = Array.from({ length: threads }, () => platform.spawnThread());
    this.threads.forEach((thread, index) => {
      const message: StartMessage = {
        module,
        memory: this.memory,
        config,
        vocab,
        outputs,
        task: this.plan.task,
        forget: this.options.forget ?? -1,
        threads,
        thread: index,
      };
      thread.listen(
        (report) => this.receive(report as Report),
        (error) => this.fail(error),
      );
      thread.post(message);
    });
    await this.command("prepare");
  }

  private command(command: Command, windows = 0): Promise<void> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      this.finish = { resolve, reject };
      this.control.send(command, windows);
    });
  }

  private receive(report: Report): void {
    if ("done" in report) this.finish?.resolve();
  }

  private fail(error: Error): void {
    this.failure = new FailureError(
      `Cannot go on training: a thread stopped with "${error.message}"; resume from the last checkpoint.`,
    );
    this.finish?.reject(this.failure);
  }

  /** Losses of the first windows. */
  private losses(windows: number): Float64Array {
    return new Float64Array(this.memory.buffer, this.plan.losses, windows);
  }

  private lossSum(windows: number): number {
    return this.losses(windows).reduce((sum, loss) => sum + loss, 0);
  }

  private load(tensors: Map<string, Float32Array>, addressOf: (slot: TensorSlot) => number): void {
    for (const slot of this.plan.slots) {
      const values = tensors.get(slot.spec.name);
      if (values?.length !== sizeOf(slot.spec)) {
        throw new FailureError(
          `Cannot start training: the tensor "${slot.spec.name}" has ${values?.length ?? "no"} values but the configuration asks for ${sizeOf(slot.spec)}; use the configuration it was trained with.`,
        );
      }
      writeTensor(this.floats, slot, addressOf(slot), values);
    }
  }

  private read(addressOf: (slot: TensorSlot) => number): Map<string, Float32Array> {
    return new Map(this.plan.slots.map((slot) => [slot.spec.name, readTensor(this.floats, slot, addressOf(slot))]));
  }
}

/**
 * Refuses what does not go together, and examples that are not valid.
 *
 * @returns rows of the unembedding
 */
function checkOptions({ config, vocab, symbols, examples, outputs = vocab }: TrainerOptions): number {
  const fail = (what: string, fix: string): never => {
    throw new UsageError(`Cannot train ${what}; ${fix}.`);
  };
  const classifier = `a classifier of ${outputs} classes`;
  if ((examples || outputs !== vocab) && config.recall) {
    fail(`${classifier} with recall, which makes symbols likelier`, 'leave "recall" out of the configuration');
  }
  if (examples) {
    if (config.tied) fail(`${classifier} with tied tables`, 'set "tied" to false');
    if ((config.alphabet.kind === "sensor") !== (examples.kind === "series")) {
      fail(`${classifier} on ${examples.kind} with the alphabet "${config.alphabet.kind}"`, "choose the one that fits");
    }
    checkExamples(examples, vocab, outputs);
    return outputs;
  }
  if (!symbols) return fail("without symbols or examples", "give one of them");
  if (config.pool === "sum") fail('a language model with "pool" "sum"', 'leave "pool" out of the configuration');
  if (config.train.noise > 0) fail('a language model with "noise"', 'leave "noise" out of the configuration');
  if (config.alphabet.kind === "sensor") fail("a language model of a sensor", "give it series with classes");
  checkLength(symbols.length, config.train.context);
  return outputs;
}

function checkLength(length: number, context: number): void {
  if (length < context + 1) {
    throw new UsageError(
      `Cannot train or evaluate on ${length} symbols: a window of ${context} needs at least ${context + 1}; give more text or a smaller context.`,
    );
  }
}

function allocate(bytes: number): WebAssembly.Memory {
  const pages = Math.ceil(bytes / 65536);
  const megabytes = Math.ceil(bytes / 2 ** 20);
  if (bytes > MAX_BYTES) {
    throw new UsageError(
      `Cannot train this model: it needs ${megabytes} MB of memory and 4096 MB is the limit; choose a smaller model, batch or context.`,
    );
  }
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch {
    throw new FailureError(
      `Cannot train this model: it needs ${megabytes} MB of memory and the system refuses them; choose a smaller model, batch or context.`,
    );
  }
}
