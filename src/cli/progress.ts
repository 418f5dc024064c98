const TERMINAL_INTERVAL_MS = 100;
const PIPE_INTERVAL_MS = 5000;

/** What progress needs of a stream. */
export interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

/** Progress: one line that is written over on a terminal, a plain line now and then in a pipe. */
export class Progress {
  readonly #stream: ProgressStream;
  readonly #clockMs: () => number;
  readonly #silent: boolean;
  #lastMs = Number.NEGATIVE_INFINITY;
  #open = false;

  /**
   * @param clockMs any clock that goes forward
   * @param delayMs nothing is shown of what takes less
   */
  constructor(stream: ProgressStream, clockMs: () => number, silent = false, delayMs = 0) {
    this.#stream = stream;
    this.#clockMs = clockMs;
    this.#silent = silent;
    if (delayMs > 0) this.#lastMs = clockMs() + delayMs - this.#intervalMs;
  }

  get #intervalMs(): number {
    return this.#stream.isTTY ? TERMINAL_INTERVAL_MS : PIPE_INTERVAL_MS;
  }

  /** Shows the line if it is time to. @param now show it in any case */
  show(line: () => string, now = false): void {
    const ms = this.#clockMs();
    if (this.#silent || (!now && ms - this.#lastMs < this.#intervalMs)) return;
    this.#lastMs = ms;
    if (this.#stream.isTTY) this.#stream.write(`\r\x1b[2K${line().slice(0, (this.#stream.columns || 80) - 1)}`);
    else this.#stream.write(`${line()}\n`);
    this.#open = this.#stream.isTTY === true;
  }

  /** Takes the line that is written over away. */
  clear(): void {
    if (this.#open) this.#stream.write("\r\x1b[2K");
    this.#open = false;
  }

  /** Ends the line that is written over, so that other output starts on a new one. */
  end(): void {
    if (this.#open) this.#stream.write("\n");
    this.#open = false;
  }
}
