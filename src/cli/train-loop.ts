import type { Checkpoint, HistoryEntry } from "../checkpoint/checkpoint.js";
import type { ModelConfig } from "../model/config.js";
import { FailureError } from "../model/errors.js";
import { Random } from "../train/random.js";
import { nodePlatform } from "../train/threads-node.js";
import { type StepResult, Trainer, type TrainerState } from "../train/trainer.js";
import type { RunFolder } from "./run-folder.js";
import { type Task, type TaskMaterial, type Vocabulary, vocabularySize } from "./task.js";

export interface LoopOptions {
  config: ModelConfig;
  task: Task;
  vocabulary: Vocabulary;
  material: TaskMaterial;
  /** SHA-256 of everything read, hexadecimal. */
  dataSha256: string;
  threads: number;
  folder: RunFolder;
  /** What is trained, in words. */
  description: string;
  /** Where to go on, or the weights to start from. */
  from?: Checkpoint;
  /** Asked after every step. */
  isStopped: () => boolean;
  onStep?: (step: StepResult) => void;
  onValidation?: (entry: HistoryEntry) => void;
}

/** How training ended. */
export interface LoopResult {
  /** Below the configured steps when it was stopped. */
  step: number;
  history: readonly HistoryEntry[];
}

/**
 * Trains up to the last step, validates, and keeps the run's folder up to date. What is saved does not depend on how often
 * training was interrupted.
 *
 * @throws FailureError when a file cannot be written; what was saved before stays
 */
export async function trainToEnd(options: LoopOptions): Promise<LoopResult> {
  const { config, vocabulary, material, threads } = options;
  const trainer = await Trainer.create({
    ...material.trainer,
    config,
    vocab: vocabularySize(vocabulary),
    outputs: vocabulary.outputs,
    threads,
    platform: nodePlatform,
    ...(options.from ? { resume: startingState(options.from, config) } : {}),
  });
  try {
    return await new Loop(options, trainer).run();
  } finally {
    await trainer.close();
  }
}

/** The state to go on from; of a checkpoint without one, its weights at step 0. */
export function startingState({ training, tensors, step }: Checkpoint, config: ModelConfig): TrainerState {
  const weights = new Map(tensors);
  if (training) {
    const [a, b, c, d] = training.random;
    const moments = { firstMoments: new Map(training.m), secondMoments: new Map(training.v) };
    return { step, random: [a, b, c, d], tensors: weights, ...moments };
  }
  const zeros = () => new Map([...tensors].map(([name, values]) => [name, new Float32Array(values.length)]));
  const random = Random.fromSeed(config.train.seed).state();
  return { step: 0, random, tensors: weights, firstMoments: zeros(), secondMoments: zeros() };
}

class Loop {
  readonly #options: LoopOptions;
  readonly #trainer: Trainer;
  readonly #history: HistoryEntry[];
  #step: number;
  /** Sum of the losses since the last entry of the history. */
  #lossSum: number;

  constructor(options: LoopOptions, trainer: Trainer) {
    const { from } = options;
    this.#options = options;
    this.#trainer = trainer;
    this.#history = from?.training ? [...from.history] : [];
    this.#step = from?.training ? from.step : 0;
    this.#lossSum = from?.training?.lossSum ?? 0;
  }

  async run(): Promise<LoopResult> {
    const { config, folder, isStopped } = this.#options;
    const { steps, validateEvery, checkpointEvery } = config.train;
    while (this.#step < steps) {
      await this.#trainStep();
      const isLast = this.#step === steps;
      if (isLast || this.#step % validateEvery === 0) await this.#validate();
      const stopped = isStopped();
      if (isLast || stopped || this.#step % checkpointEvery === 0) folder.saveLast(this.#checkpoint());
      if (stopped) break;
    }
    return { step: this.#step, history: this.#history };
  }

  async #trainStep(): Promise<void> {
    const result = await this.#trainer.step();
    this.#step = result.step;
    this.#lossSum += result.lossNatsPerSymbol;
    const { folder, onStep } = this.#options;
    const { step, lossNatsPerSymbol: loss, learningRate, gradientNorm } = result;
    // What follows would spoil the checkpoints that are there.
    if (!Number.isFinite(loss + gradientNorm)) {
      throw new FailureError(
        `Cannot go on training: the loss of step ${step} is ${loss} and its gradient ${gradientNorm}; start again with a smaller --learning-rate.`,
      );
    }
    folder.log({ step, loss, learningRate, gradientNorm });
    folder.beat();
    onStep?.(result);
  }

  /** Adds an entry to the history; saves the weights when they are the best so far. Without held-out text: the newest. */
  async #validate(): Promise<void> {
    const { task, material, folder, description, onValidation } = this.#options;
    const steps = this.#step - (this.#history.at(-1)?.step ?? 0);
    const trainingLoss = this.#lossSum / steps;
    this.#lossSum = 0;
    const found = await material.validate(this.#trainer);
    if (!found) {
      folder.saveBest(this.#checkpoint());
    } else {
      const entry = { step: this.#step, trainingLoss, ...found };
      const isBest = this.#history.every((earlier) => task.isBetter(entry, earlier));
      this.#history.push(entry);
      if (isBest) folder.saveBest(this.#checkpoint());
      folder.log(entry);
      onValidation?.(entry);
    }
    folder.savePicture(description);
  }

  #checkpoint(): Checkpoint {
    const { config, vocabulary, dataSha256 } = this.#options;
    const { tensors, firstMoments: m, secondMoments: v, random } = this.#trainer.state();
    return {
      config,
      ...vocabulary,
      step: this.#step,
      seed: config.train.seed,
      dataSha256,
      history: this.#history,
      tensors,
      training: { m, v, random, lossSum: this.#lossSum },
    };
  }
}
