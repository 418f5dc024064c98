/** The vectors as the tests of this repository read them. */
import { readFileSync } from "node:fs";
import type { EngineRun } from "../src/emulate/result.js";
import { type Verification, verifyModel } from "../src/emulate/verify.js";
import type { Engine } from "../src/engine/engine.js";
import {
  answer,
  type Call,
  fromHex,
  type MalformedVector,
  malformedBytes,
  type SignatureVector,
  type Vector,
} from "../src/engine/vectors.js";

const read = (name: string) => readFileSync(new URL(name, import.meta.url));
const parse = (name: string): unknown => JSON.parse(read(name).toString());

export const vectors = parse("vectors.json") as Vector[];

/** The model of a vector, at the start of a buffer of its own. */
export const modelOf = (name: string): Uint8Array<ArrayBuffer> => Uint8Array.from(read(`${name}.atome`));

/** Every file that must be refused: its name, its error, its bytes and the vector whose model they were, if any. */
export const malformed = (parse("malformed.json") as MalformedVector[]).map((vector) => ({
  name: vector.name,
  error: vector.error,
  of: vector.of,
  bytes: malformedBytes(vector, modelOf),
}));

/** Files whose signature must be judged, and what the verdict is: a number of SPEC.md section 7, 0 for a right one. */
export const signatures = (parse("signatures.json") as SignatureVector[]).map((vector) => ({
  name: vector.name,
  error: vector.error,
  bytes: malformedBytes(vector, modelOf),
  publicKey: fromHex(vector.publicKey),
  minimumVersion: vector.minimumVersion,
}));

const brief = (value: unknown) => JSON.stringify(value).slice(0, 120);

/** What differs between a vector's answers and those given, by call; empty when nothing does. */
export function differences(vector: Vector, given: (call: Call, index: number) => unknown): string[] {
  return vector.calls.flatMap(({ gives, ...call }, index) => {
    const got = given(call, index);
    if (JSON.stringify(got) === JSON.stringify(gives)) return [];
    return [`${vector.name}, call ${index} (${call.call}): ${brief(got)} instead of ${brief(gives)}`];
  });
}

/** Makes a vector's calls on an engine in this process. */
export const differencesOf = (engine: Engine, vector: Vector): string[] =>
  differences(vector, (call) => answer(engine, call));

/**
 * Holds an engine that runs jobs, such as an emulated board, to a vector: its listed samples or symbols, then symbols drawn from its
 * model, with everything that the interface can tell.
 *
 * @param reference an engine that passed the vectors
 * @returns `skipped` holds the engine when it is too small for the model
 */
export function runVector(engine: EngineRun, reference: EngineRun, vector: Vector): Promise<Verification> {
  const model = modelOf(vector.name);
  const first = vector.calls.find((call) => call.call === "step");
  const symbols = first?.call === "step" ? first.symbols : [0];
  const [vocab, outputs] = [16, 18].map((at) => new DataView(model.buffer).getUint16(at, true));
  const sampler = { temperature: 300, topK: 8, topP: 30000, random: vocab };
  const samples = vector.calls.find((call) => call.call === "stepSamples");
  const prompt =
    samples?.call === "stepSamples"
      ? { promptSymbols: [], promptSamples: samples.samples }
      : { promptSymbols: symbols };
  const job = { ...prompt, generate: outputs <= vocab ? 12 : 0, sampler, details: true };
  return verifyModel(model, [reference, engine], job);
}
