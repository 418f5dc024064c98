import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { decodeCheckpoint, type HistoryEntry } from "../checkpoint/checkpoint.js";
import { type Evaluation, encodeEvaluation } from "../evaluate/evaluation.js";
import { AtomeError } from "../model/errors.js";
import { engineMaker } from "./engines.js";
import { readInput } from "./files.js";
import { duration, grouped, type Output } from "./output.js";
import { type Ending, validationWords, vocabularySize } from "./task.js";
import type { PlannedRun } from "./train-plan.js";

/** What a finished run is told as. */
export interface TrainReport {
  run: string;
  steps: number;
  symbols: number;
  /** Of a language model. */
  bitsPerByte: number | null;
  best: { step: number; bitsPerByte: number | null; accuracy: number | null } | null;
  seconds: number;
  symbolsPerSecond: number;
  lastCheckpoint: string;
  bestCheckpoint: string;
  /** The .atome file of the best checkpoint; null when its configuration cannot be exported. */
  model: string | null;
  flashBytes: number | null;
  ramBytes: number | null;
  /** Of a classifier: evaluation.json, and what the finished model reaches on each part. */
  evaluation: string | null;
  parts: PartReport[];
}

/** Shares: accuracy when every answer stands, coverage and risk at the threshold. */
export interface PartReport {
  name: string;
  count: number;
  accuracy: number;
  macroF1: number;
  coverage: number;
  risk: number | null;
  noneRejected: number | null;
}

/** How far a run came, and how fast in this process. */
export interface Trained {
  step: number;
  history: readonly HistoryEntry[];
  seconds: number;
  symbolsPerSecond: number;
}

type Exported = Pick<TrainReport, "model" | "flashBytes" | "ramBytes" | "evaluation" | "parts">;

/**
 * Writes model.atome and, of a classifier, evaluation.json. A language model that cannot be exported (float tables, say) is
 * told and left out.
 */
export async function endRun({ folder, data, isLabelled }: PlannedRun, output: Output): Promise<Exported> {
  const best = decodeCheckpoint(readInput(folder.best, "a checkpoint"), `"${folder.best}"`);
  let ending: Ending;
  try {
    ending = await data.end(best);
  } catch (error) {
    if (isLabelled || !(error instanceof AtomeError)) throw error;
    output.note(`The checkpoints are saved, but there is no .atome file: ${error.message}`);
    return { model: null, flashBytes: null, ramBytes: null, evaluation: null, parts: [] };
  }
  const { model, evaluation } = ending;
  writeFileAtomically(folder.model, model);
  if (evaluation) writeFileAtomically(folder.evaluation, encodeEvaluation(evaluation));
  const { arenaBytes } = (await engineMaker("js")).check(model);
  return {
    model: folder.model,
    flashBytes: model.length,
    ramBytes: arenaBytes,
    evaluation: evaluation ? folder.evaluation : null,
    parts: evaluation ? partReports(evaluation) : [],
  };
}

const partReports = ({ parts }: Evaluation): PartReport[] =>
  parts.map(({ name, count, accuracy, macroF1, outcome: { coverage, risk, noneRejected } }) => ({
    ...{ name, count, accuracy, macroF1, coverage, risk, noneRejected },
  }));

export function reportOf(
  { folder, task, vocabulary }: PlannedRun,
  { step, history, seconds, symbolsPerSecond }: Trained,
  exported: Exported,
): TrainReport {
  const best = history.reduce<HistoryEntry | undefined>(
    (best, entry) => (best && !task.isBetter(entry, best) ? best : entry),
    undefined,
  );
  return {
    run: folder.path,
    steps: step,
    symbols: vocabularySize(vocabulary),
    bitsPerByte: history.at(-1)?.bitsPerByte ?? null,
    best: best ? { step: best.step, bitsPerByte: best.bitsPerByte ?? null, accuracy: best.accuracy ?? null } : null,
    seconds,
    symbolsPerSecond,
    lastCheckpoint: folder.last,
    bestCheckpoint: folder.best,
    ...exported,
  };
}

export function reportLines(report: TrainReport): string[] {
  const { steps, seconds, best, model, flashBytes, ramBytes, bestCheckpoint, parts, run } = report;
  return [
    `Trained ${steps} steps in ${duration(seconds)}.`,
    ...(best && parts.length === 0 ? [`Best on the held-out text: ${validationWords(best)} (step ${best.step}).`] : []),
    ...parts.map(partLine),
    `Checkpoint: ${bestCheckpoint}`,
    ...(model
      ? [`Model: ${model}, ${grouped(flashBytes ?? 0)} bytes of flash, ${grouped(ramBytes ?? 0)} bytes of RAM.`]
      : []),
    ...(parts.length > 0 ? [`More with: atome report ${run}`] : []),
  ];
}

function partLine({ name, count, accuracy, macroF1, coverage, risk, noneRejected }: PartReport): string {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  const rejected = noneRejected === null ? "" : `, ${percent(noneRejected)} of none of the classes are rejected`;
  const answered =
    coverage < 1 || noneRejected !== null
      ? `; ${percent(coverage)} are answered, ${risk === null ? "none" : percent(risk)} of the answers wrong${rejected}`
      : "";
  const chosen = name === "validation" ? " (step, temperature and threshold were chosen by it)" : "";
  return `${name}, ${grouped(count)} examples: ${percent(accuracy)} right, macro F1 ${macroF1.toFixed(3)}${answered}${chosen}.`;
}
