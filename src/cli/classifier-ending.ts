import { createHash } from "node:crypto";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import type { Engine } from "../engine/engine.js";
import { loadWasm } from "../engine/wasm.js";
import type { Decision, Evaluation, FitRow } from "../evaluate/evaluation.js";
import { makePart } from "../evaluate/evaluation-part.js";
import type { ScoredExample } from "../evaluate/scored-example.js";
import { chooseThreshold, type Target } from "../evaluate/selective.js";
import { bestSignal } from "../evaluate/signals.js";
import { fitTemperature } from "../evaluate/temperature.js";
import { exportModel } from "../export/export.js";
import { CHIPS } from "../fit/chips.js";
import { fitChip } from "../fit/estimate.js";
import { shapeOfModel } from "../fit/shape.js";
import { readModel } from "../format/reader.js";
import { metadataOf } from "./export.js";
import type { Ending } from "./task.js";

/** A part of the data, read by an engine. */
export interface ScoredPart {
  name: string;
  score(engine: Engine): ScoredExample[];
}

export interface EndingRequest {
  task: Evaluation["task"];
  best: Checkpoint;
  configName: string;
  /** The first is what the temperature and the threshold are chosen by. */
  parts: readonly ScoredPart[];
  target: Target | undefined;
  /** Symbols or rows that the numbers' ranges are fitted to. */
  calibration: readonly Uint16Array[];
  /** Mean symbols of a decision. */
  symbolsPerDecision: number;
  notes: readonly string[];
}

/** A temperature to begin with at which the logits of a model that is far too sure of itself can be written, too. */
const ROOMY = 8;

/**
 * Makes a trained classifier into what goes on the chip: integers, calibrated on the validation part by a temperature, with the
 * threshold that keeps the target; and measures the result, by the engine, on all parts.
 */
export async function endClassifier(request: EndingRequest): Promise<Ending> {
  const { best, parts, target, task, notes } = request;
  const engines = await loadWasm();
  const exported = (settings: Pick<Decision, "temperature"> & Partial<Decision>) =>
    exportModel({
      ...best,
      metadata: metadataOf(best),
      calibration: request.calibration,
      temperature: settings.temperature,
      decision: decisionParts(settings),
    });
  const scored = (model: Uint8Array) => parts[0].score(engines.create(model));
  const temperature = ROOMY * fitTemperature(scored(exported({ temperature: ROOMY })));
  const calibrated = exported({ temperature });
  const decision = decisionOn(scored(calibrated), target, temperature);
  const model = decision.threshold === null ? calibrated : exported(decision);
  const engine = engines.create(model);
  const classNames = [...(best.classNames ?? [])];
  const evaluation: Evaluation = {
    version: 1,
    task,
    model: {
      configName: request.configName,
      flashBytes: model.length,
      ramBytes: engine.arenaBytes,
      sha256: createHash("sha256").update(model).digest("hex"),
    },
    classNames,
    decision,
    parts: parts.map(({ name, score }) => makePart(name, score(engine), classNames.length, decision)),
    fit: fitRows(model, request.symbolsPerDecision),
    notes: [...notes],
  };
  return { model, evaluation };
}

function decisionOn(scored: readonly ScoredExample[], target: Target | undefined, temperature: number): Decision {
  const signal = bestSignal(scored);
  const threshold = target ? chooseThreshold(scored, signal, target).threshold : null;
  return { signal, threshold, temperature, target: target ?? null };
}

const decisionParts = ({ signal, threshold }: Partial<Decision>) =>
  signal === undefined || threshold === null || threshold === undefined ? undefined : { signal, threshold };

/** What well-known chips make of the model. */
function fitRows(bytes: Uint8Array, symbolsPerDecision: number): FitRow[] {
  const shape = shapeOfModel(readModel(bytes, "the model"));
  return CHIPS.map((chip) => {
    const fit = fitChip({ shape, modelBytes: bytes.length, bytesPerSymbol: 1 }, chip);
    const instructions = fit.speed && Math.round(fit.speed.instructionsPerSymbol * symbolsPerDecision);
    return {
      chip: chip.name,
      flashBytes: fit.flashNeeded,
      ramBytes: fit.ramNeeded,
      fits: fit.fits,
      ...(fit.speed && instructions
        ? {
            instructionsPerDecision: instructions,
            decisionsPerSecond: fit.speed.symbolsPerSecond / symbolsPerDecision,
          }
        : {}),
    };
  });
}
