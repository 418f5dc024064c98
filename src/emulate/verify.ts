import { FailureError } from "../model/errors.js";
import type { Job } from "./job.js";
import { type EngineResult, type EngineRun, ModelTooLargeError } from "./result.js";

export interface EngineReport extends EngineResult {
  name: string;
}

export interface Verification {
  /** All engines that ran gave the same error, tokens, logits and details. */
  identical: boolean;
  /** In the order they ran. */
  engines: EngineReport[];
  /** Machines that are too small for the model. */
  skipped: { name: string; reason: string }[];
  /** The first difference, in words. */
  difference?: string;
}

const compared = ["error", "fed", "hash", "details", "tokens"] as const;

function differenceOf(first: EngineReport, other: EngineReport): string | undefined {
  for (const key of compared) {
    const [a, b] = [String(first[key]), String(other[key])];
    if (a !== b) return `${key} is ${a} with ${first.name} but ${b} with ${other.name}`;
  }
  return undefined;
}

/**
 * Runs the same job on every engine, one after the other, and compares what they give with the first one's result.
 *
 * @param onStart called before each engine runs
 * @throws FailureError when an engine fails, or when none is large enough for the model
 */
export async function verifyModel(
  model: Uint8Array,
  engines: readonly EngineRun[],
  job: Job,
  onStart: (engine: EngineRun, index: number) => void = () => {},
): Promise<Verification> {
  const result: Verification = { identical: true, engines: [], skipped: [] };
  for (const [index, engine] of engines.entries()) {
    onStart(engine, index);
    try {
      result.engines.push({ name: engine.name, ...(await engine.run(model, job)) });
    } catch (error) {
      if (!(error instanceof ModelTooLargeError)) throw error;
      result.skipped.push({ name: engine.name, reason: error.message });
    }
  }
  if (result.engines.length === 0) {
    throw new FailureError(
      "Cannot verify the model: no engine ran it; install a C compiler or qemu-system-arm, or use a smaller model.",
    );
  }
  const difference = result.engines
    .map((report) => differenceOf(result.engines[0], report))
    .find((text) => text !== undefined);
  return difference === undefined ? result : { ...result, identical: false, difference };
}
