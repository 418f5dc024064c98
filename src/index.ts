/**
 * What a JavaScript program may use: run a model, read a file, export and train.
 *
 * @example
 * import { readFileSync } from "node:fs";
 * import { createMirror } from "atome-lm";
 *
 * const engine = createMirror(readFileSync("model.atome"));
 * for (const symbol of engine.encode(new TextEncoder().encode("Once"))) engine.feed(symbol);
 * engine.logits();
 * process.stdout.write(engine.decode(engine.argmax()));
 */
export { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint/checkpoint.js";
export type { CheckResult, Engine, Sampler } from "./engine/engine.js";
export { check, createMirror } from "./engine/mirror.js";
export { createWasm, loadWasm } from "./engine/wasm.js";
export { type ExportInput, exportModel, exportQuantised } from "./export/export.js";
export { type AtomeModel, readModel } from "./format/reader.js";
export type { ModelConfig } from "./model/config.js";
export { namedConfig } from "./model/configs.js";
export { AtomeError, FailureError, UsageError } from "./model/errors.js";
export { parseConfig } from "./model/parse-config.js";
export { type QuantisedModel, quantiseModel } from "./model/quantised-model.js";
export { ReferenceModel } from "./model/reference.js";
export { Alphabet } from "./tokenizer/alphabet.js";
export { Trainer, type TrainerOptions, type TrainerState } from "./train/trainer.js";
