import { existsSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../checkpoint/checkpoint.js";
import { configToJson, type ModelConfig } from "../model/config.js";
import { AtomeError, FailureError, UsageError } from "../model/errors.js";
import { parseConfig } from "../model/parse-config.js";
import { prepareFolder, readInput, readingError } from "./files.js";
import { LossCurve } from "./loss-curve.js";
import { lossSvg } from "./loss-svg.js";
import { RunLock } from "./run-lock.js";
import { type LogEntry, RunLog } from "./run-log.js";

/** What a run was started with beside its configuration: run.json. */
export interface RunOrigin {
  version: string;
  /** Of the checkout that the program ran from, with "-dirty" when files of it were changed; null without one. */
  commit: string | null;
  /** SHA-256 of everything read. */
  dataSha256: string;
  corpus: readonly OriginFile[];
  /** Held-out text of its own; null when it is the end of the corpus. */
  validationFile: OriginFile | null;
  /** The checkpoint whose weights it started from. */
  init: Omit<OriginFile, "byteCount"> | null;
}

interface OriginFile {
  path: string;
  byteCount: number;
  sha256: string;
}

/** What is there to go on with. */
export interface StartedRun {
  config: ModelConfig;
  /** Undefined when run.json is missing. */
  origin: RunOrigin | undefined;
  /** Undefined when the run ended before its first checkpoint. */
  checkpoint: Checkpoint | undefined;
}

/** The folder of one training run, which one process at a time may use. */
export class RunFolder {
  readonly path: string;
  /** The losses logged so far. */
  curve = new LossCurve(1);
  readonly #log: RunLog;
  readonly #lock: RunLock;
  /** The uppermost folder that had to be made. */
  readonly #made: string | undefined;

  private constructor(path: string, lock: RunLock, made: string | undefined) {
    this.path = path;
    this.#log = new RunLog(join(path, "log.jsonl"));
    this.#lock = lock;
    this.#made = made;
  }

  /**
   * Makes the folder if need be, and keeps other processes out until `close`.
   *
   * @throws UsageError when another process trains there
   * @throws FailureError when nothing can be written there
   */
  static open(path: string): RunFolder {
    const made = prepareFolder(path);
    const lock = RunLock.take(join(path, "run.lock"), path);
    const folder = new RunFolder(path, lock, made);
    try {
      folder.#removeUnfinished();
    } catch (error) {
      folder.close();
      throw readingError(path, "the folder of a run", error as NodeJS.ErrnoException);
    }
    return folder;
  }

  /** Whether a run was started in the folder. */
  get isStarted(): boolean {
    return existsSync(this.#config) || existsSync(this.last);
  }

  /** Lets other processes in; takes away folders that were made for nothing. */
  close(): void {
    this.#lock.release();
    if (this.#made === undefined) return;
    try {
      for (let path = resolve(this.path); ; path = dirname(path)) {
        rmdirSync(path);
        if (path === this.#made) return;
      }
    } catch {
      // Not empty: there is a run in it.
    }
  }

  /** Shows other hosts that this process lives; to be called often. */
  beat(): void {
    this.#lock.beat();
  }

  /** The newest checkpoint, with what is needed to go on. */
  get last(): string {
    return join(this.path, "last.safetensors");
  }

  /** The weights that did best on the held-out text. */
  get best(): string {
    return join(this.path, "best.safetensors");
  }

  /** What goes on the chip. */
  get model(): string {
    return join(this.path, "model.atome");
  }

  /** What is known of a finished classifier. */
  get evaluation(): string {
    return join(this.path, "evaluation.json");
  }

  /** The training text as symbols, while there is something left to train. */
  get symbols(): string {
    return join(this.path, "symbols.u16");
  }

  get #config(): string {
    return join(this.path, "config.json");
  }

  get #origin(): string {
    return join(this.path, "run.json");
  }

  get #picture(): string {
    return join(this.path, "loss.svg");
  }

  /** @throws UsageError when the folder holds what a run has saved */
  checkFree(): void {
    if (![this.last, this.best, this.model].some((path) => existsSync(path))) return;
    throw new UsageError(
      `Cannot train into "${this.path}": a run is already there; go on with it by --resume, replace it by --force, or choose another folder with -o.`,
    );
  }

  /** Starts a run; one that is there is removed. */
  start(config: ModelConfig, origin: RunOrigin): void {
    // First goes and last comes what says that there is a run.
    const old = [this.#config, this.last, this.best, this.model, this.evaluation, this.#picture, this.symbols];
    for (const path of old) rmSync(path, { force: true });
    this.#log.clear();
    this.curve = new LossCurve(config.train.steps);
    this.#write(this.#origin, jsonText(origin));
    this.#write(this.#config, jsonText(configToJson(config)));
  }

  /**
   * What was started in the folder and how far it came.
   *
   * @throws UsageError when nothing was started; FailureError when it cannot be gone on with
   */
  resume(): StartedRun {
    if (!this.isStarted) {
      throw new UsageError(
        `Cannot resume "${this.path}": no run was started there; check the folder, or start one without --resume or with --auto-resume.`,
      );
    }
    const checkpoint = existsSync(this.last) ? this.#readLast() : undefined;
    return { config: this.#readConfig(checkpoint), checkpoint, origin: this.#readOrigin() };
  }

  /**
   * Goes back to a checkpoint: what was logged after it will happen again.
   *
   * @param step of the checkpoint; 0 without one
   * @returns how many steps up to there the log lacks
   */
  rewind({ train }: ModelConfig, step: number): number {
    this.curve = new LossCurve(train.steps);
    let missing = step;
    this.#log.cutAfter(step, (entry) => {
      this.curve.add(entry);
      if ("loss" in entry) missing--;
    });
    return missing;
  }

  /** Adds a line to log.jsonl. */
  log(entry: LogEntry): void {
    this.#log.append(entry);
    this.curve.add(entry);
  }

  saveLast(checkpoint: Checkpoint): void {
    this.#log.sync();
    writeFileAtomically(this.last, encodeCheckpoint(checkpoint));
  }

  saveBest({ training: _, ...weights }: Checkpoint): void {
    writeFileAtomically(this.best, encodeCheckpoint(weights));
  }

  /** Draws loss.svg. @param subtitle what is trained */
  savePicture(subtitle: string): void {
    this.#write(this.#picture, lossSvg(this.curve, subtitle));
  }

  /** Everything that only training needs. */
  removeSymbols(): void {
    rmSync(this.symbols, { force: true });
  }

  /** Takes away what a killed process was writing. */
  #removeUnfinished(): void {
    const names = readdirSync(this.path).filter((name) => /^\..*\.tmp$/.test(name));
    for (const name of names) rmSync(join(this.path, name), { recursive: true, force: true });
  }

  #readLast(): Checkpoint {
    const bytes = readInput(this.last, "a checkpoint");
    let checkpoint: Checkpoint;
    try {
      checkpoint = decodeCheckpoint(bytes, `"${this.last}"`);
    } catch (error) {
      if (!(error instanceof AtomeError)) throw error;
      const fix = existsSync(this.best)
        ? `start from the best weights with --init ${this.best} in another folder`
        : "start again with --force";
      throw new FailureError(`Cannot resume "${this.path}": its last.safetensors is damaged or cut short; ${fix}.`);
    }
    if (checkpoint.training) return checkpoint;
    throw new UsageError(
      `Cannot resume "${this.last}": it has weights only; start a new run with --init ${this.last}.`,
    );
  }

  /** The configuration of the run; config.json must say the same as the checkpoint, and is made again when it is gone. */
  #readConfig(checkpoint: Checkpoint | undefined): ModelConfig {
    if (!checkpoint) return this.#parseConfig();
    const text = jsonText(configToJson(checkpoint.config));
    if (!existsSync(this.#config)) this.#write(this.#config, text);
    if (readText(this.#config) === text) return checkpoint.config;
    throw new UsageError(
      `Cannot resume "${this.path}": its config.json is changed or damaged and does not say what last.safetensors was trained with; delete it to go on, or start a new run with it in another folder.`,
    );
  }

  #parseConfig(): ModelConfig {
    const text = readText(this.#config);
    try {
      return parseConfig(JSON.parse(text), `"${this.#config}"`);
    } catch {
      throw new FailureError(
        `Cannot resume "${this.path}": its config.json is damaged and there is no checkpoint yet; start again with --force.`,
      );
    }
  }

  #readOrigin(): RunOrigin | undefined {
    if (!existsSync(this.#origin)) return undefined;
    const text = readText(this.#origin);
    try {
      const origin: RunOrigin = JSON.parse(text);
      if (typeof origin.dataSha256 === "string") return origin;
    } catch {
      // Told below.
    }
    throw new FailureError(`Cannot resume "${this.path}": its run.json is damaged; delete it to go on.`);
  }

  #write(path: string, text: string): void {
    writeFileAtomically(path, new TextEncoder().encode(text));
  }
}

const readText = (path: string): string => new TextDecoder().decode(readInput(path, "a file of the run"));

const jsonText = (value: object): string => `${JSON.stringify(value, null, 2)}\n`;
