import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeFileAtomically, writingError } from "../checkpoint/atomic-file.js";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "../checkpoint/checkpoint.js";
import { UsageError } from "../model/errors.js";
import { prepareFolder, readInput } from "./files.js";

/** The folder of one training run. */
export class RunFolder {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
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

  get #config(): string {
    return join(this.path, "config.json");
  }

  get #log(): string {
    return join(this.path, "log.jsonl");
  }

  /** Prepares the folder for a new run. @param force replaces a run that is there @throws UsageError when one is there */
  start(config: object, force: boolean): void {
    if (this.#holdsRun() && !force) {
      throw new UsageError(
        `Cannot train into "${this.path}": a run is already there; go on with it by --resume, replace it by --force, or choose another folder with -o.`,
      );
    }
    prepareFolder(this.path);
    for (const path of [this.last, this.best, this.model, this.#log]) rmSync(path, { force: true });
    this.#write(this.#config, `${JSON.stringify(config, null, 2)}\n`);
    this.#write(this.#log, "");
  }

  /** The checkpoint to go on from. @throws UsageError when there is none */
  resume(): Checkpoint {
    if (!existsSync(this.last)) {
      throw new UsageError(
        `Cannot resume "${this.path}": there is no last.safetensors in it; start the run without --resume.`,
      );
    }
    prepareFolder(this.path);
    const checkpoint = decodeCheckpoint(readInput(this.last, "a checkpoint"), `"${this.last}"`);
    if (!checkpoint.training) {
      throw new UsageError(
        `Cannot resume "${this.last}": it has weights only; start a new run with --init ${this.last}.`,
      );
    }
    this.#dropLogAfter(checkpoint.step);
    return checkpoint;
  }

  saveLast(checkpoint: Checkpoint): void {
    writeFileAtomically(this.last, encodeCheckpoint(checkpoint));
  }

  saveBest({ training: _, ...weights }: Checkpoint): void {
    writeFileAtomically(this.best, encodeCheckpoint(weights));
  }

  /** Adds a line to log.jsonl. */
  log(entry: { step: number } & Record<string, number>): void {
    try {
      appendFileSync(this.#log, `${JSON.stringify(entry)}\n`);
    } catch (error) {
      throw writingError(this.#log, error as NodeJS.ErrnoException);
    }
  }

  #holdsRun(): boolean {
    return [this.last, this.best, this.model].some((path) => existsSync(path));
  }

  /** Steps after the checkpoint will be made, and logged, again. */
  #dropLogAfter(step: number): void {
    if (!existsSync(this.#log)) return;
    const lines = readFileSync(this.#log, "utf8").split("\n");
    this.#write(
      this.#log,
      lines
        .filter((line) => isEntryUpTo(line, step))
        .map((line) => `${line}\n`)
        .join(""),
    );
  }

  #write(path: string, text: string): void {
    writeFileAtomically(path, new TextEncoder().encode(text));
  }
}

/** False also for a line that a crash cut short. */
function isEntryUpTo(line: string, step: number): boolean {
  try {
    return JSON.parse(line).step <= step;
  } catch {
    return false;
  }
}
