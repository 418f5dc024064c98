import { UsageError } from "../model/errors.js";

/** How to choose symbols: SPEC.md section 3.7. */
export interface Sampler {
  /** In 1/256, 0..65535; 0 is argmax. */
  temperature: number;
  /** 0..65535; 0 keeps all. */
  topK: number;
  /** In 1/32768, 0..32768; 0 keeps all. */
  topP: number;
  /** State of the generator, 32 bits. */
  random: number;
}

/** What an engine is asked to do with a model. */
export interface Job {
  /** Fed first, each followed by its logits. Empty means that `promptText` is the prompt. */
  promptSymbols: readonly number[];
  /** A prompt the engine encodes itself. */
  promptText?: Uint8Array;
  /** A prompt of samples instead: 32-bit integers, as many in each as the model's sensor has columns. */
  promptSamples?: readonly (readonly number[])[];
  /** Symbols to generate after the prompt; 0 only feeds the prompt (teacher forcing). */
  generate: number;
  /** Without it, or with temperature 0, the likeliest symbol is taken. */
  sampler?: Sampler;
  /** Also exercises router mix, scores, entropy, decoding, class names, decisions and reset, and hashes what they give. */
  details?: boolean;
}

const headerBytes = 24;

function inRange(value: number, limit: number, what: string): number {
  if (!Number.isInteger(value) || value < 0 || value >= limit) {
    throw new UsageError(`Cannot run the job: ${what} is ${value} but must be a whole number from 0 to ${limit - 1}.`);
  }
  return value;
}

/** What the prompt is in bytes where it is not symbols. */
function promptBytes({ promptSymbols, promptSamples, promptText = new Uint8Array() }: Job): Uint8Array {
  if (promptSymbols.length > 0) return new Uint8Array();
  if (!promptSamples) return promptText;
  const values = promptSamples.flat();
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    inRange(value + 2 ** 31, 2 ** 32, `value ${i} of the samples, with 2147483648 added,`);
    view.setInt32(4 * i, value, true);
  });
  return bytes;
}

/**
 * The job as firmware/main.c reads it.
 *
 * @throws UsageError when there is no prompt or a number is out of the range of its field
 */
export function encodeJob(job: Job): Uint8Array {
  const symbols = job.promptSymbols;
  const text = promptBytes(job);
  if (symbols.length + text.length === 0)
    throw new UsageError("Cannot run the job: the prompt is empty; give at least one symbol or sample.");
  const sampler = job.sampler ?? { temperature: 0, topK: 0, topP: 0, random: 0 };
  const bytes = new Uint8Array(headerBytes + 2 * symbols.length + text.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, symbols.length, true);
  view.setUint32(4, inRange(job.generate, 2 ** 32, "the number of symbols to generate"), true);
  view.setUint16(8, inRange(sampler.temperature, 65536, "the temperature (in 1/256)"), true);
  view.setUint16(10, inRange(sampler.topK, 65536, "top-k"), true);
  view.setUint16(12, inRange(sampler.topP, 32769, "top-p (in 1/32768)"), true);
  view.setUint16(14, (job.details ? 1 : 0) | (job.promptSamples ? 2 : 0), true);
  view.setUint32(16, sampler.random >>> 0, true);
  view.setUint32(20, text.length, true);
  symbols.forEach((symbol, i) => {
    view.setUint16(headerBytes + 2 * i, inRange(symbol, 65536, `prompt symbol ${i}`), true);
  });
  bytes.set(text, headerBytes + 2 * symbols.length);
  return bytes;
}
