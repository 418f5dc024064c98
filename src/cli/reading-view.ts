import { statSync } from "node:fs";
import { duration, grouped } from "./output.js";
import { Progress } from "./progress.js";

/** Nothing is shown of what takes less. */
const DELAY_MS = 1000;
const MEGABYTE = 1e6;

/** The progress of reading long texts as a person sees it. */
export class ReadingView {
  readonly #progress: Progress;
  readonly #onRead: () => void;
  #doing = "";
  #bytes = 0;
  #totalBytes = 0;
  #startMs = performance.now();

  /** @param onRead called for every piece that is read */
  constructor(quiet: boolean, onRead: () => void) {
    this.#progress = new Progress(process.stderr, () => performance.now(), quiet, DELAY_MS);
    this.#onRead = onRead;
  }

  /** Begins a pass over texts of so many bytes. @param doing what is done with them, e.g. `Encoding the text` */
  begin(doing: string, totalBytes: number): void {
    this.#doing = doing;
    this.#totalBytes = totalBytes;
    this.#bytes = 0;
    this.#startMs = performance.now();
  }

  /** Begins a pass over files; those that cannot be read are told of by who reads them. */
  beginFiles(doing: string, paths: readonly string[]): void {
    const sizes = paths.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
    this.begin(
      doing,
      sizes.reduce((sum, size) => sum + size, 0),
    );
  }

  read(byteCount: number): void {
    this.#bytes += byteCount;
    this.#onRead();
    this.#progress.show(() => this.#line());
  }

  /** Takes the line away. */
  end(): void {
    this.#progress.clear();
  }

  #line(): string {
    const doneBytes = Math.min(this.#bytes, this.#totalBytes);
    const [done, total] = [doneBytes, this.#totalBytes].map((bytes) => grouped(bytes / MEGABYTE));
    const seconds = (performance.now() - this.#startMs) / 1000;
    const left = (seconds / doneBytes) * (this.#totalBytes - doneBytes);
    return `${this.#doing}: ${done} of ${total} MB  ${duration(left)} left`;
  }
}
