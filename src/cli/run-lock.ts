import { closeSync, futimesSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { writingError } from "../checkpoint/atomic-file.js";
import { UsageError } from "../model/errors.js";

/** How often a lock shows that its process lives. */
const BEAT_MS = 10_000;
/** A process on another host that has shown nothing for so long is taken for dead. */
const SILENCE_MS = 120_000;
/** How often, and how long apart, a lock is looked at: a process that was killed may take a moment to die. */
const LOOKS = 5;
const LOOK_INTERVAL_MS = 200;

interface Holder {
  pid: number;
  host: string;
}

/**
 * A file that keeps a second process out of a run's folder. Whatever kills the process that holds it: the next one on the
 * same host sees that there is no such process any more; on another host it sees that the file has not been touched.
 */
export class RunLock {
  readonly #path: string;
  readonly #file: number;
  #beatMs = Date.now();

  private constructor(path: string, file: number) {
    this.#path = path;
    this.#file = file;
  }

  /**
   * @param folder what the user calls what is locked
   * @throws UsageError when another process holds the lock
   */
  static take(path: string, folder: string): RunLock {
    for (let look = 1; ; look++) {
      try {
        const file = openSync(path, "wx");
        writeSync(file, JSON.stringify({ pid: process.pid, host: hostname() } satisfies Holder));
        return new RunLock(path, file);
      } catch (error) {
        const failure = error as NodeJS.ErrnoException;
        if (failure.code !== "EEXIST") throw writingError(path, failure);
      }
      const holder = livingHolder(path);
      if (holder && look >= LOOKS) throw new UsageError(refusal(path, folder, holder));
      if (holder) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOOK_INTERVAL_MS);
      else removeStale(path);
    }
  }

  /** Shows that this process lives; to be called often, acts now and then. */
  beat(): void {
    const nowMs = Date.now();
    if (nowMs - this.#beatMs < BEAT_MS) return;
    this.#beatMs = nowMs;
    try {
      futimesSync(this.#file, nowMs / 1000, nowMs / 1000);
    } catch {
      // No reason to stop training.
    }
  }

  release(): void {
    closeSync(this.#file);
    rmSync(this.#path, { force: true });
  }
}

/** Who holds the lock; undefined when it is gone or whoever made it is dead. */
function livingHolder(path: string): Holder | undefined {
  try {
    const holder: Holder = JSON.parse(readFileSync(path, "utf8"));
    const silenceMs = Date.now() - statSync(path).mtimeMs;
    const lives = holder.host === hostname() ? isRunning(holder.pid) : silenceMs < SILENCE_MS;
    return lives ? holder : undefined;
  } catch {
    // Gone, or its process died before it wrote its name.
    return undefined;
  }
}

function isRunning(pid: number): boolean {
  // In a container that was started again, the dead process had this one's number.
  if (pid === process.pid) return false;
  try {
    return process.kill(pid, 0) && !isZombie(pid);
  } catch (error) {
    // It runs as another user.
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Whether a process has ended but its parent has not asked how; the first process of a container may never ask. */
function isZombie(pid: number): boolean {
  try {
    return /\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

/** Another process may find the same stale lock: what was taken away by mistake is put back. */
function removeStale(path: string): void {
  const aside = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw writingError(path, error as NodeJS.ErrnoException);
  }
  if (livingHolder(aside)) renameSync(aside, path);
  else rmSync(aside, { recursive: true });
}

function refusal(path: string, folder: string, { pid, host }: Holder): string {
  const refused = `Cannot train into "${folder}": process ${pid}`;
  const place = host === hostname() ? "" : ` on "${host}"`;
  return `${refused}${place} is training there now; wait for it, choose another folder with -o or, if that process no longer trains, delete "${path}".`;
}
