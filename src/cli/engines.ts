import type { FoundEngines } from "../emulate/engines.js";
import type { Stream, StreamMaker } from "../emulate/in-process.js";
import type { CheckResult, Engine } from "../engine/engine.js";
import { UsageError } from "../model/errors.js";

/** Engines that run in this process. */
export const ENGINE_NAMES = ["wasm", "js"] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

interface EngineMaker {
  check(model: Uint8Array): CheckResult;
  create(model: Uint8Array): Engine;
}

/** What makes engines of a kind: the C engine as WebAssembly, or its mirror in TypeScript. */
export async function engineMaker(name: EngineName): Promise<EngineMaker> {
  if (name === "wasm") return (await import("../engine/wasm.js")).loadWasm();
  const { check, createMirror } = await import("../engine/mirror.js");
  return { check, create: createMirror };
}

/** Every engine that can run here: in this process, native code, emulated boards. */
export async function findAllEngines(): Promise<FoundEngines> {
  const { findEngines, packageWorkshop } = await import("../emulate/engines.js");
  const { inProcessEngine } = await import("../emulate/in-process.js");
  const { rp2040Engine } = await import("../emulate/rp2040.js");
  const workshop = packageWorkshop(process.env.PATH ?? "");
  const { engines, missing } = await findEngines(workshop);
  const here = [
    inProcessEngine("typescript", streamMaker(await engineMaker("js"))),
    inProcessEngine("wasm", streamMaker(await engineMaker("wasm"))),
  ];
  return { engines: [...here, rp2040Engine(workshop), ...engines], missing };
}

const streamMaker = ({ check, create }: EngineMaker): StreamMaker => ({
  check,
  open: (model) => streamOf(create(model)),
});

/** Engines throw where the runner, like the C engine, wants a return value. */
function streamOf(engine: Engine): Stream {
  return {
    nLayers: engine.nLayers,
    columns: engine.columns,
    reset: () => engine.reset(),
    recall: (settings) => engine.recall(settings),
    encode: (text) => unlessRefused(() => engine.encode(text)),
    step: (symbol) => unlessRefused(() => engine.step(symbol)),
    stepSample: (values) =>
      unlessRefused(() => {
        engine.feedSample(values);
        return engine.logits();
      }),
    argmax: () => engine.argmax(),
    sample: (sampler) => engine.sample(sampler),
    router: (layer) => engine.router(layer),
    scores: () => engine.scores(),
    decide: () => engine.decide(),
    entropy: (probabilities) => engine.entropy(probabilities),
    decode: (symbol) => engine.decode(symbol),
    className: (index) => engine.className(index),
  };
}

function unlessRefused<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (error instanceof UsageError) return undefined;
    throw error;
  }
}
