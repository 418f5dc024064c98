import { appendFileSync, closeSync, existsSync, fsyncSync, openSync, readSync, truncateSync } from "node:fs";
import { writeFileAtomically, writingError } from "../checkpoint/atomic-file.js";
import type { HistoryEntry } from "../checkpoint/checkpoint.js";
import { readingError } from "./files.js";

/** What is logged of a step. */
export interface StepEntry {
  step: number;
  /** Mean over the step's windows, before its update, nats per symbol. */
  loss: number;
  learningRate: number;
  /** Before clipping. */
  gradientNorm: number;
}

export type LogEntry = StepEntry | HistoryEntry;

/** log.jsonl: an object per line, in the order in which things happened. Read piece by piece, however long it is. */
export class RunLog {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  clear(): void {
    writeFileAtomically(this.path, new Uint8Array(0));
  }

  append(entry: LogEntry): void {
    this.#writing(() => appendFileSync(this.path, `${JSON.stringify(entry)}\n`));
  }

  /** Waits until what was appended is on the disk. */
  sync(): void {
    this.#writing(() => {
      const file = openSync(this.path, "r+");
      fsyncSync(file);
      closeSync(file);
    });
  }

  /**
   * Takes away what follows the last entry of step `step`: those steps will be made, and logged, again. So goes a line that
   * a crash cut short.
   *
   * @param onEntry told of every entry that stays
   */
  cutAfter(step: number, onEntry: (entry: LogEntry) => void): void {
    if (!existsSync(this.path)) this.clear();
    let end = 0;
    for (const line of this.#lines()) {
      const entry = parseEntry(line.text);
      if (entry && entry.step <= step) {
        onEntry(entry);
        end = line.end;
      }
    }
    this.#writing(() => truncateSync(this.path, end));
  }

  /** Complete lines and the offsets after them. */
  *#lines(): Iterable<{ text: string; end: number }> {
    let file: number | undefined;
    try {
      file = openSync(this.path, "r");
      const buffer = Buffer.alloc(1 << 16);
      let open = "";
      let end = 0;
      for (let at = 0; ; ) {
        const count = readSync(file, buffer, 0, buffer.length, at);
        if (count === 0) return;
        at += count;
        // One character per byte, so that lengths are offsets.
        const lines = (open + buffer.toString("latin1", 0, count)).split("\n");
        open = lines.pop() as string;
        for (const text of lines) {
          end += text.length + 1;
          yield { text, end };
        }
      }
    } catch (error) {
      throw readingError(this.path, "the log of a run", error as NodeJS.ErrnoException);
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }

  #writing(write: () => void): void {
    try {
      write();
    } catch (error) {
      throw writingError(this.path, error as NodeJS.ErrnoException);
    }
  }
}

/** Whether an entry is of a validation and not of a step. */
export const isValidation = (entry: LogEntry): entry is HistoryEntry => "validationLoss" in entry;

function parseEntry(text: string): LogEntry | undefined {
  try {
    const entry = JSON.parse(text);
    const numbers = [entry.step, isValidation(entry) ? entry.validationLoss : entry.loss];
    return numbers.every(Number.isFinite) ? entry : undefined;
  } catch {
    return undefined;
  }
}
