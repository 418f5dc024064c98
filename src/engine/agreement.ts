/** Holds every reader and engine of this process to each other, whatever the bytes. */
import { HEADER } from "../format/layout.js";
import { checkModel } from "../format/reader.js";
import { check, columnsOf, createMirror } from "./mirror.js";
import { type Answer, answer, type Call } from "./vectors.js";
import type { WasmFactory } from "./wasm.js";

/** Calls that every valid model can answer; which symbols, its size and vocabulary say. */
export function callsFor(model: Uint8Array): Call[] {
  const vocab = model[HEADER.vocab] | (model[HEADER.vocab + 1] << 8);
  const samples = { call: "streamSamples", samples: { random: model.length, count: 12 } } as const;
  return [
    ...(columnsOf(model) > 0 ? [samples, { call: "decide" } as const] : []),
    { call: "stream", symbols: { random: model.length, count: 12 } },
    { call: "sample", count: 3, feed: false, temperature: 400, topK: 5, topP: 30000, random: vocab },
    { call: "recall", longest: 1, repeats: 2, penalty: 300 },
    { call: "stream", symbols: { random: model.length, count: 12 } },
    { call: "decide" },
    { call: "scores" },
    { call: "router" },
    { call: "encode", text: "00616263ff20" },
    { call: "decode", symbols: [0, vocab - 1, 6, 1, 2, 3, 6] },
    { call: "names" },
  ];
}

/** What the readers and engines found the same in some bytes. */
export interface Agreement {
  /** The number of SPEC.md section 6. */
  error: number;
  /** To `callsFor` the model; none when it is refused. */
  answers: Answer[];
}

/**
 * Lets the reader, the mirror and the WebAssembly engine check the bytes and, when they are a model, answer calls.
 *
 * @throws Error when two of them differ
 */
export function agree(model: Uint8Array, wasm: WasmFactory): Agreement {
  const mirrored = check(model);
  const same = (what: string, found: unknown, expected: unknown) => {
    const [one, other] = [found, expected].map((value) => JSON.stringify(value));
    if (one !== other) throw new Error(`${what}: ${one.slice(0, 200)}, but the mirror says ${other.slice(0, 200)}`);
  };
  same("the reader's error", checkModel(model).error, mirrored.error);
  same("the WebAssembly engine's check", wasm.check(model), mirrored);
  if (mirrored.error !== 0) return { error: mirrored.error, answers: [] };
  const [mirror, compiled] = [createMirror(model), wasm.create(model)];
  const answers = callsFor(model).map((call) => {
    const given = answer(mirror, call);
    same(`the WebAssembly engine's answer to ${call.call}`, answer(compiled, call), given);
    return given;
  });
  return { error: 0, answers };
}
