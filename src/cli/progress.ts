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

  /** @param clockMs any clock that goes forward */
  constructor(stream: ProgressStream, clockMs: () => number, silent = false) {
    this.#stream = stream;
    this.#clockMs = clockMs;
    this.#silent = silent;
  }

  /** Shows the line if it is time to. @param now show it in any case */
  show(line: () => string, now = false): void {
    const interval = this.#stream.isTTY ? TERMINAL_INTERVAL_MS : PIPE_INTERVAL_MS;
    const ms = this.#clockMs();
    if (this.#silent || (!now && ms - this.#lastMs < interval)) return;
    this.#lastMs = ms;
    if (this.#stream.isTTY) this.#stream.write(`\r\x1b[2K${line().slice(0, (this.#stream.columns || 80) - 1)}`);
    else this.#stream.write(`${line()}\n`);
    this.#open = this.#stream.isTTY === true;
  }

  /** Ends the line that is written over, so that other output starts on a new one. */
  end(): void {
    if (this.#open) this.#stream.write("\n");
    this.#open = false;
  }
}
