import type { HistoryEntry } from "../checkpoint/checkpoint.js";
import type { ModelConfig } from "../model/config.js";
import type { Alphabet } from "../tokenizer/alphabet.js";
import type { Trainer } from "../train/trainer.js";
import { exportCheckpoint, metadataOf } from "./export.js";
import { grouped } from "./output.js";
import type { ReadingView } from "./reading-view.js";
import type { Task, TaskData, TaskMaterial, Validation, Vocabulary } from "./task.js";
import { checkLengths, type DataChoice, encodeTexts, learnFrom, openTexts, type TrainingData } from "./train-data.js";

/** Learning to write on: the data are texts. */
export class LanguageTask implements Task {
  readonly #paths: readonly string[];
  readonly #choice: DataChoice;
  readonly #symbolPath: string;
  readonly #view: ReadingView;

  /** @param symbolPath where the training text is kept as symbols */
  constructor(paths: readonly string[], choice: DataChoice, symbolPath: string, view: ReadingView) {
    this.#paths = paths;
    this.#choice = choice;
    this.#symbolPath = symbolPath;
    this.#view = view;
  }

  open(config: ModelConfig): TaskData {
    const view = this.#view;
    const texts = openTexts(this.#paths, config, this.#choice, view);
    return {
      ...texts,
      vocabulary: (known) => {
        const alphabet = known?.alphabet ?? learnFrom(texts, config, view);
        checkLengths(texts, config, alphabet);
        return { alphabet, outputs: alphabet.size };
      },
      encode: ({ alphabet }: Vocabulary) =>
        new LanguageMaterial(config, encodeTexts(texts, alphabet as Alphabet, this.#symbolPath, view)),
      end: async (best) => ({ model: await exportCheckpoint(best, metadataOf(best)) }),
    };
  }

  isBetter(one: HistoryEntry, other: HistoryEntry): boolean {
    return one.validationLoss < other.validationLoss;
  }
}

class LanguageMaterial implements TaskMaterial {
  readonly #config: ModelConfig;
  readonly #data: TrainingData;

  constructor(config: ModelConfig, data: TrainingData) {
    this.#config = config;
    this.#data = data;
  }

  get trainer(): TaskMaterial["trainer"] {
    const { alphabet, training } = this.#data;
    return { symbols: training.symbols, forget: alphabet.lastSymbolOf(this.#config.recall?.forget) };
  }

  get words(): string {
    const { training, validation } = this.#data;
    return `${grouped(training.byteCount)} bytes (${grouped(training.symbols.length)} symbols), ${grouped(validation.byteCount)} held out`;
  }

  get symbolsPerByte(): number {
    const { symbols, byteCount } = this.#data.training;
    return symbols.length / byteCount;
  }

  /** Windows overlap by half, so that each symbol has at least half a context before it. */
  async validate(trainer: Trainer): Promise<Validation | undefined> {
    const { alphabet, validation } = this.#data;
    const { symbols } = validation;
    if (symbols.length === 0) return undefined;
    const warmup = Math.floor(this.#config.train.context / 2);
    const { natsPerSymbol, symbols: predicted } = await trainer.evaluate(symbols, { warmup });
    const bytes = alphabet.decode(symbols).length - alphabet.decode(symbols.subarray(0, 1)).length;
    return { validationLoss: natsPerSymbol, bitsPerByte: (natsPerSymbol / Math.LN2) * (predicted / bytes) };
  }

  close(): void {
    this.#data.training.symbols.close();
  }
}
