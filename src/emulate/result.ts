import { FailureError } from "../model/errors.js";
import type { Job } from "./job.js";

/** What an engine gave for a job; firmware/main.c defines every figure. */
export interface EngineResult {
  /** 0, or the number of SPEC.md section 6; then there are no tokens. 100: a symbol is out of range. */
  error: number;
  /** FNV-1a (32 bits, 8 hexadecimal digits) of all logits after every symbol fed. */
  hash: string;
  /** The same over everything else the job's `details` ask for. */
  details: string;
  /** Symbols generated. */
  tokens: number[];
  /** Symbols fed: the prompt's and the generated ones. */
  fed: number;
  /** RAM the model needs; 0 when the engine does not tell. */
  arenaBytes: number;
  /** RAM there was for it. */
  ramBytes: number;
  /** Deepest stack below the caller, where it is measured. */
  stackBytes?: number;
  /**
   * Per generated token (choosing it and feeding it), where instructions are counted; where none is generated, per sample of the
   * prompt.
   */
  instructionsPerToken?: number;
  /** For the generated token that took most. */
  instructionsPerTokenMax?: number;
  /** For the check of the whole model. */
  instructionsPerCheck?: number;
  /** The same in cycles, where those are counted. */
  cyclesPerToken?: number;
  cyclesPerCheck?: number;
}

/** An engine that can be asked to do a job: native code, an emulated board, or one in this process. */
export interface EngineRun {
  readonly name: string;
  /**
   * @throws ModelTooLargeError when the machine is too small for the model
   * @throws FailureError when the engine cannot be built, crashes or does not end
   */
  run(model: Uint8Array, job: Job): Promise<EngineResult>;
}

/** The machine has too little flash or RAM for the model. */
export class ModelTooLargeError extends FailureError {
  override name = "ModelTooLargeError";
}

/** @param missingBytes how much more flash firmware, job and model want */
export const flashTooSmall = (name: string, missingBytes: number) =>
  new ModelTooLargeError(
    `Cannot run the model on ${name}: its flash is ${missingBytes} bytes too small for firmware and model; use a smaller model.`,
  );

/** ATOME_ERROR_ARENA of atome.h. */
const ARENA_ERROR = 18;

/**
 * A machine's result, unless it has too little RAM for the model.
 *
 * @throws ModelTooLargeError when it has
 */
export function refuseSmallRam(result: EngineResult, name: string): EngineResult {
  if (result.error !== ARENA_ERROR || result.arenaBytes <= result.ramBytes) return result;
  throw new ModelTooLargeError(
    `Cannot run the model on ${name}: it needs ${result.arenaBytes} bytes of RAM but ${result.ramBytes} are free; use a smaller model.`,
  );
}

/** A run's "error" for a symbol that the model does not know, or a prompt without symbols. */
export const SYMBOL_ERROR = 100;

type Counts = Record<
  "error" | "fed" | "arenaBytes" | "ramBytes" | "stackBytes" | "checkTicks" | "ticks" | "maxTicks" | "clockHz",
  number
>;
const countNames = [
  "error",
  "fed",
  "arenaBytes",
  "ramBytes",
  "stackBytes",
  "checkTicks",
  "ticks",
  "maxTicks",
  "clockHz",
] as const;
const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) >= 0;
const isHash = (value: unknown): value is string => typeof value === "string" && /^[0-9a-f]{8}$/.test(value);

/**
 * Reads the line that firmware/main.c prints.
 *
 * @param name of the engine, for errors
 * @param cyclesPerTick where cycles are counted and not instructions
 * @throws FailureError when the line is not complete
 */
export function parseResult(printed: string, name: string, cyclesPerTick?: number): EngineResult {
  const line = printed.split("\n").find((text) => text.startsWith("{"));
  const raw = line === undefined ? undefined : parseObject(line);
  const valid =
    raw !== undefined &&
    isHash(raw.hash) &&
    isHash(raw.details) &&
    Array.isArray(raw.tokens) &&
    raw.tokens.every(isCount) &&
    countNames.every((key) => isCount(raw[key]));
  if (!valid) {
    const found = printed === "" ? "nothing" : JSON.stringify(printed.slice(0, 80));
    throw new FailureError(
      `Cannot read the result of ${name}: expected one line of JSON, found ${found}; the engine stopped early.`,
    );
  }
  const counts = raw as unknown as Counts;
  const tokens = raw.tokens as number[];
  const { error, fed, arenaBytes, ramBytes, stackBytes } = counts;
  return {
    error,
    hash: raw.hash as string,
    details: raw.details as string,
    tokens,
    fed,
    arenaBytes,
    ramBytes,
    ...(stackBytes > 0 && { stackBytes }),
    // Nothing else is counted: without tokens, samples.
    ...(counts.clockHz > 0 && workOf(counts, tokens.length || (counts.ticks > 0 ? fed : 0), cyclesPerTick)),
  };
}

function workOf(
  { ticks, maxTicks, checkTicks, clockHz }: Counts,
  tokens: number,
  cyclesPerTick?: number,
): Partial<EngineResult> {
  if (cyclesPerTick !== undefined) {
    const cyclesPerCheck = checkTicks * cyclesPerTick;
    return { cyclesPerCheck, ...(tokens > 0 && { cyclesPerToken: Math.round((ticks * cyclesPerTick) / tokens) }) };
  }
  // With -icount shift=0 the emulator spends 1 ns per instruction.
  const instructions = (of: number) => (of * 1e9) / clockHz;
  const instructionsPerCheck = Math.round(instructions(checkTicks));
  return {
    instructionsPerCheck,
    ...(tokens > 0 && {
      instructionsPerToken: Math.round(instructions(ticks) / tokens),
      instructionsPerTokenMax: Math.round(instructions(maxTicks)),
    }),
  };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
