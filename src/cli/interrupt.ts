import { FailureError } from "../model/errors.js";

/** The user stopped the command; exit code 130, as shells expect after Ctrl-C. */
export class Interrupted extends FailureError {}

/**
 * Runs `work` with a question it can ask: has Ctrl-C (SIGINT) or SIGTERM come? A second Ctrl-C ends the process at once.
 */
export async function interruptible<T>(work: (isStopped: () => boolean) => Promise<T>): Promise<T> {
  let stopped = false;
  const stop = () => {
    if (stopped) process.exit(130);
    stopped = true;
  };
  process.on("SIGINT", stop);
  process.on("SIGTERM", stop);
  try {
    return await work(() => stopped);
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}
