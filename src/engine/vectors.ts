/** The calls of test vectors and what an engine gives for them: vectors/README.md says what they mean. */
import { UsageError } from "../model/errors.js";
import type { Engine } from "./engine.js";

/** Symbols listed, or drawn: `count` times next() of SPEC.md 3.8 from the state `random` on, modulo the vocabulary. */
export type Symbols = number[] | { random: number; count: number };

/**
 * Samples listed, or drawn: of `count` samples each value is the next number w of next() of SPEC.md 3.8 from the state `random`
 * on, as i32, shifted right by its own lowest 5 bits.
 */
export type Samples = number[][] | { random: number; count: number };

export type Call =
  | { call: "reset" }
  | { call: "recall"; longest: number; repeats: number; penalty: number }
  | { call: "step"; symbols: number[] }
  | { call: "stream"; symbols: Symbols }
  | { call: "stepSamples"; samples: number[][] }
  | { call: "streamSamples"; samples: Samples }
  | { call: "greedy"; count: number }
  | {
      call: "sample";
      count: number;
      /** Whether each symbol drawn is fed. */
      feed: boolean;
      temperature: number;
      topK: number;
      topP: number;
      random: number;
    }
  | { call: "router" }
  | { call: "scores" }
  | { call: "decide" }
  | { call: "encode"; text: string }
  | { call: "decode"; symbols: number[] }
  | { call: "names" };

/** JSON. */
export type Answer = null | number | string | Answer[] | { [key: string]: Answer };

/** A call with what every engine must give for it. */
export type Expectation = Call & { gives: Answer };

/** A model, and calls to be made in this order on one stream of it. */
export interface Vector {
  /** Of the model: `<name>.atome`. */
  name: string;
  /** What it holds the engine to. */
  why: string;
  /** Of arena, on a 32-bit target. */
  arenaBytes: number;
  calls: Expectation[];
}

/** A file that must be refused. */
export interface MalformedVector {
  name: string;
  /** The number of SPEC.md section 6 (of a signature: section 7). */
  error: number;
  /** The vector whose model is changed, or nothing. */
  of: string | undefined;
  /** It is cut or filled up with zeros to so many bytes; then come the edits. */
  bytes: number;
  /** Offset, and the bytes from there on in hexadecimal. */
  edits: [number, string][];
}

/** A file whose signature must be judged. */
export interface SignatureVector extends MalformedVector {
  /** 32 bytes in hexadecimal. */
  publicKey: string;
  minimumVersion: number;
}

export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");

export const fromHex = (text: string): Uint8Array =>
  Uint8Array.from({ length: text.length / 2 }, (_, i) => Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));

/** FNV-1a, 32 bits, over the little-endian bytes of 32-bit words. */
function hashWords(hash: number, words: ArrayLike<number>): number {
  let state = hash;
  for (let i = 0; i < words.length; i++) {
    for (let shift = 0; shift < 32; shift += 8) state = Math.imul(state ^ ((words[i] >>> shift) & 255), 0x01000193);
  }
  return state;
}
const EMPTY_HASH = 0x811c9dc5;
const hashText = (hash: number) => (hash >>> 0).toString(16).padStart(8, "0");

/** `count` times next() of SPEC.md 3.8. */
function drawWords(random: number, count: number): number[] {
  let state = random;
  return Array.from({ length: count }, () => {
    state = (state + 0x9e3779b9) | 0;
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return (z ^ (z >>> 15)) >>> 0;
  });
}

/** The symbols of a call, listed. */
export const listSymbols = (symbols: Symbols, vocab: number): number[] =>
  Array.isArray(symbols) ? symbols : drawWords(symbols.random, symbols.count).map((word) => word % vocab);

/** The samples of a call, listed, of so many columns. */
export function listSamples(samples: Samples, columns: number): number[][] {
  if (Array.isArray(samples)) return samples;
  const values = drawWords(samples.random, samples.count * columns).map((word) => (word | 0) >> (word & 31));
  return Array.from({ length: samples.count }, (_, i) => values.slice(i * columns, (i + 1) * columns));
}

const routers = (engine: Engine) => Array.from({ length: engine.nLayers }, (_, layer) => engine.router(layer));

function stepSample(engine: Engine, sample: readonly number[]): Int32Array {
  engine.feedSample(sample);
  return engine.logits();
}

/** @param steps each takes something and gives the logits after it */
function stream(engine: Engine, steps: readonly (() => Int32Array)[]): Answer {
  let logits = EMPTY_HASH;
  let router = EMPTY_HASH;
  for (const step of steps) {
    logits = hashWords(logits, step());
    for (const { mix, entropy } of routers(engine)) router = hashWords(router, [...mix, entropy]);
  }
  return { logits: hashText(logits), router: hashText(router) };
}

/** Chooses `count` symbols one after the other. */
function choose(engine: Engine, count: number, feed: boolean, next: () => number): number[] {
  return Array.from({ length: count }, () => {
    const symbol = next();
    if (feed) engine.step(symbol);
    return symbol;
  });
}

function encode(engine: Engine, text: Uint8Array): Answer {
  try {
    return [...engine.encode(text)];
  } catch (error) {
    if (error instanceof UsageError) return null;
    throw error;
  }
}

function names(engine: Engine): string[] {
  return Array.from({ length: engine.outputs }, (_, index) => toHex(engine.className(index)));
}

/** Makes one call and returns what the engine gives for it. */
export function answer(engine: Engine, call: Call): Answer {
  switch (call.call) {
    case "reset":
      engine.reset();
      return null;
    case "recall":
      engine.recall(call);
      return null;
    case "step":
      return call.symbols.map((symbol) => [...engine.step(symbol)]);
    case "stream":
      return stream(
        engine,
        listSymbols(call.symbols, engine.vocab).map((symbol) => () => engine.step(symbol)),
      );
    case "stepSamples":
      return call.samples.map((sample) => [...stepSample(engine, sample)]);
    case "streamSamples":
      return stream(
        engine,
        listSamples(call.samples, engine.columns).map((sample) => () => stepSample(engine, sample)),
      );
    case "greedy":
      return choose(engine, call.count, true, () => engine.argmax());
    case "sample": {
      const sampler = { ...call };
      const symbols = choose(engine, call.count, call.feed, () => engine.sample(sampler));
      return { symbols, random: sampler.random };
    }
    case "router":
      return routers(engine).map(({ mix, entropy }) => ({ mix, entropy }));
    case "scores": {
      const scores = [...engine.scores()];
      return { scores, entropy: engine.entropy(scores) };
    }
    case "decide": {
      const { class: index, probability } = engine.decide();
      return { class: index, probability };
    }
    case "encode":
      return encode(engine, fromHex(call.text));
    case "decode":
      return call.symbols.map((symbol) => toHex(engine.decode(symbol)));
    case "names":
      return names(engine);
  }
}

/**
 * The file that a malformed vector describes.
 *
 * @param modelOf the model of a vector
 */
export function malformedBytes(vector: MalformedVector, modelOf: (name: string) => Uint8Array): Uint8Array {
  const bytes = new Uint8Array(vector.bytes);
  if (vector.of !== undefined) bytes.set(modelOf(vector.of).subarray(0, vector.bytes));
  for (const [offset, text] of vector.edits) bytes.set(fromHex(text), offset);
  return bytes;
}
