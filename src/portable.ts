// What runs in Node and in a page alike; index.ts and browser.ts add what does not.
export { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint/checkpoint.js";
export type { CheckResult, Engine, RecallSettings, Sampler } from "./engine/engine.js";
export { check, createMirror } from "./engine/mirror.js";
export { type ExportInput, exportModel, exportQuantised } from "./export/export.js";
export { type AtomeModel, readModel } from "./format/reader.js";
export type { ModelConfig } from "./model/config.js";
export { namedConfig } from "./model/configs.js";
export { AtomeError, FailureError, UsageError } from "./model/errors.js";
export { parseConfig } from "./model/parse-config.js";
export { type QuantisedModel, quantiseModel } from "./model/quantised-model.js";
export { ReferenceModel } from "./model/reference.js";
export { Alphabet } from "./tokenizer/alphabet.js";
export { Continuation } from "./tokenizer/continuation.js";
export { learnAlphabet } from "./tokenizer/learn.js";
export { SensorAlphabet } from "./tokenizer/sensor-alphabet.js";
export type { Examples, SeriesExamples, TextExamples } from "./train/examples.js";
export type { Thread, ThreadPlatform } from "./train/threads.js";
export { Trainer, type TrainerOptions, type TrainerState } from "./train/trainer.js";
