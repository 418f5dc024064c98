import type { ModelConfig } from "../model/config.js";
import { FailureError, UsageError } from "../model/errors.js";
import { initialTensors, sizeOf } from "../model/tensors.js";
import { type Layout, pad8, planLayout, readTensor, type TensorSlot, windowAddress, writeTensor } from "./layout.js";
import { Random, type RandomState } from "./random.js";
import { rotaryTables } from "./rotary.js";
import { integerPower, learningRateFactor } from "./schedule.js";
import { type Command, Control, type Report, type StartMessage } from "./team.js";
import type { Thread, ThreadPlatform } from "./threads.js";

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
  /** Rows of the unembedding; `vocab` unless given. */
  outputs?: number;
  /** The symbol that empties the memory of recall: `alphabet.lastSymbolOf(config.recall?.forget)`. */
  forget?: number | undefined;
  /** Training part of the corpus; more than one window of it. */
  symbols: SymbolSource;
  /** Worker threads; results do not depend on it. */
  threads: number;
  /** Where the threads run: `nodePlatform` or `browserPlatform`. */
  platform: ThreadPlatform;
  resume?: TrainerState;
}

export interface StepResult {
  /** Steps done, this one included. */
  step: number;
  /** Mean cross-entropy of this step's windows before its update. */
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
  }

  /**
   * Starts the threads and loads the tensors: new ones from the configuration's seed, or those of `resume`.
   *
   * @throws UsageError when the symbols are fewer than a window needs, the model does not fit in memory or a classifier has recall; FailureError when the
   *   tensors of `resume` are of another configuration
   */
  static async create(options: TrainerOptions): Promise<Trainer> {
    const { config, vocab, symbols, threads, platform, resume } = options;
    checkLength(symbols.length, config.train.context);
    const outputs = options.outputs ?? vocab;
    if (config.recall && outputs !== vocab) {
      throw new UsageError(
        `Cannot train a classifier of ${outputs} classes with recall, which makes symbols likelier; leave "recall" out of the configuration.`,
      );
    }
    const plan = planLayout(config, vocab, outputs, threads);
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
    const { symbols } = this.options;
    for (let window = 0; window < train.batch; window++) {
      const offset = this.random.below(symbols.length - train.context);
      this.setWindow(window, symbols, offset, offset + train.context + 1);
    }
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
    });
    await this.command("step", train.batch);
    return {
      step: this.stepsDone,
      lossNatsPerSymbol: this.lossSum(train.batch) / (train.batch * train.context),
      learningRate: train.learningRate * factor,
      gradientNorm: this.control.gradientNorm(),
    };
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
    const length = Math.min(symbols.length, maxSymbols);
    checkLength(length, 1);
    let nats = 0;
    for (let next = 1; next < length; ) {
      const bounds = [next];
      for (let window = 0; window < this.plan.batch && next < length; window++) {
        const first = Math.max(0, next - 1 - warmup);
        const end = Math.min(length, first + context + 1);
        this.setWindow(window, symbols, first, end, next - 1 - first);
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
   * Loss and gradients of one batch, without an update: `windows` holds `batch` windows of `context` + 1 symbols. For checks.
   * Gradients are by the effective (quantised) weights, which training applies to the latent ones.
   */
  async gradients(
    windows: readonly Uint16Array[],
  ): Promise<{ lossNatsPerSymbol: number; gradients: Map<string, Float32Array> }> {
    const { batch, context } = this.plan;
    windows.forEach((window, index) => {
      this.setWindow(index, window, 0, window.length);
    });
    await this.command("gradients", batch);
    return {
      lossNatsPerSymbol: this.lossSum(batch) / (batch * context),
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

  /**
   * Gives a window symbols `begin` .. `end` - 1: all but the last are read, all but the first predicted, counted from `first` on.
   * Recall also knows the symbols before it.
   */
  private setWindow(window: number, source: SymbolSource, begin: number, end: number, first = 0): void {
    const { buffer } = this.memory;
    const history = Math.min(begin, this.plan.history);
    const symbols = source.subarray(begin - history, end);
    const tooLarge = symbols.findIndex((symbol) => symbol >= this.options.vocab);
    if (tooLarge >= 0) {
      throw new UsageError(
        `Cannot train or evaluate: symbol ${symbols[tooLarge]} at position ${begin - history + tooLarge} is outside the alphabet of ${this.options.vocab}; encode the text with the model's alphabet.`,
      );
    }
    new Uint16Array(buffer, windowAddress(this.plan, window) - 2 * history, symbols.length).set(symbols);
    const tokens = symbols.length - history - 1;
    new Int32Array(buffer, this.plan.windows + window * 12, 3).set([tokens, first, history]);
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
