import { FailureError } from "../model/errors.js";

/** The user stopped the command; exit code 130, as shells expect after Ctrl-C. */
export class Interrupted extends FailureError {}

/**
 * Runs `work` with a question it can ask: has Ctrl-C (SIGINT) or SIGTERM come? The signal tells the same to what waits.
 * A second Ctrl-C ends the process at once.
 */
export async function interruptible<T>(
  work: (isStopped: () => boolean, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const stopping = new AbortController();
  const stop = () => {
    if (stopping.signal.aborted) process.exit(130);
    stopping.abort();
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await work(() => stopping.signal.aborted, stopping.signal);
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
