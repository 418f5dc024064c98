import * as v from "valibot";
import { UsageError } from "../model/errors.js";
import { DECISION_SIGNALS, SIGNALS } from "./confidence.js";
import { NONE } from "./scored-example.js";

const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const fraction = v.pipe(v.number(), v.minValue(0), v.maxValue(1));
const classOrNone = v.pipe(v.number(), v.integer(), v.minValue(NONE));

const decisionSchema = v.strictObject({
  /** What the answers are held against, or would be: see `confidenceOf`. */
  signal: v.picklist(DECISION_SIGNALS),
  /** In the engine's unit of the signal; null: every answer stands. */
  threshold: v.nullable(v.pipe(v.number(), v.integer())),
  /** By which the logits were divided when the model was exported. */
  temperature: v.pipe(v.number(), v.minValue(1e-6)),
  /** What was asked of the threshold; null when nothing was. */
  target: v.nullable(
    v.union([
      v.strictObject({ maxRisk: fraction, isCautious: v.optional(v.boolean()) }),
      v.strictObject({ coverage: fraction }),
    ]),
  ),
});

const calibrationSchema = v.strictObject({
  ece: fraction,
  nllNats: v.number(),
  brier: v.number(),
  bins: v.array(
    v.strictObject({ lower: fraction, upper: fraction, count, confidence: v.number(), accuracy: fraction }),
  ),
});

const partSchema = v.strictObject({
  /** "validation", "test" or what else it is called. */
  name: v.string(),
  /** Examples, and those of them that belong to none of the classes. */
  count,
  noneCount: count,
  /** Of the examples of a class, when every answer stands. */
  accuracy: fraction,
  macroF1: fraction,
  perClass: v.array(v.strictObject({ count, answered: count, precision: fraction, recall: fraction, f1: fraction })),
  /** Labels in rows, answers at the threshold in columns; the last of each is none. */
  confusion: v.array(v.array(count)),
  /** With the logits as they were before the temperature, and as they are. */
  calibration: v.strictObject({ before: calibrationSchema, after: calibrationSchema }),
  riskCoverage: v.array(v.strictObject({ threshold: v.number(), coverage: fraction, risk: fraction })),
  signals: v.array(
    v.strictObject({
      signal: v.picklist(SIGNALS),
      aurocWrong: v.nullable(fraction),
      aurc: v.nullable(fraction),
      aurocNone: v.nullable(fraction),
      fprNone: v.nullable(fraction),
    }),
  ),
  /** At the threshold. */
  outcome: v.strictObject({
    answered: count,
    coverage: fraction,
    risk: v.nullable(fraction),
    noneRejected: v.nullable(fraction),
  }),
  /** Wrong answers, the surest first. */
  mistakes: v.array(v.strictObject({ text: v.string(), label: classOrNone, predicted: count, probability: fraction })),
});

const evaluationSchema = v.strictObject({
  version: v.literal(1),
  task: v.picklist(["classify", "sensor"]),
  model: v.strictObject({
    configName: v.string(),
    flashBytes: count,
    ramBytes: count,
    sha256: v.string(),
  }),
  classNames: v.array(v.string()),
  decision: decisionSchema,
  parts: v.array(partSchema),
  fit: v.array(
    v.strictObject({
      chip: v.string(),
      flashBytes: count,
      ramBytes: count,
      fits: v.boolean(),
      instructionsPerDecision: v.optional(v.number()),
      decisionsPerSecond: v.optional(v.number()),
    }),
  ),
  /** Sentences on the data: duplicates, leakage, rows that were skipped. */
  notes: v.array(v.string()),
});

export type Decision = v.InferOutput<typeof decisionSchema>;
export type EvaluationPart = v.InferOutput<typeof partSchema>;
export type FitRow = Evaluation["fit"][number];
/** What is known of a finished classifier: `evaluation.json` in the folder of a run. No time and no machine. */
export type Evaluation = v.InferOutput<typeof evaluationSchema>;

/** The bytes of evaluation.json: the same for the same evaluation. */
export const encodeEvaluation = (evaluation: Evaluation): Uint8Array =>
  new TextEncoder().encode(`${JSON.stringify(evaluation)}\n`);

/**
 * Reads what `encodeEvaluation` writes.
 *
 * @param path what the user calls the file, for the error
 * @throws UsageError naming the first value that is not as it must be
 */
export function parseEvaluation(text: string, path: string): Evaluation {
  const result = v.safeParse(evaluationSchema, jsonOf(text, path));
  if (!result.success) return refuse(path, problemOf(result.issues[0]));
  checkSizes(result.output, path);
  return result.output;
}

function problemOf(issue: v.BaseIssue<unknown>): string {
  const place = v.getDotPath(issue);
  if (!place) return "it is not a JSON object";
  if (issue.expected === "never") return `"${place}" is not a known key`;
  if (issue.received === "undefined") return `"${place}" is missing`;
  return `"${place}" is ${issue.received} but must be ${issue.expected}`;
}

function jsonOf(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return refuse(path, "it is not JSON");
  }
}

/** Every part speaks of the classes that are named. */
function checkSizes({ classNames, parts }: Evaluation, path: string): void {
  const classes = classNames.length;
  parts.forEach(({ perClass, confusion, mistakes }, index) => {
    const isSquare = confusion.length === classes + 1 && confusion.every((row) => row.length === classes + 1);
    const isNamed = mistakes.every(({ label, predicted }) => label < classes && predicted < classes);
    if (perClass.length !== classes || !isSquare || !isNamed) {
      refuse(path, `"parts.${index}" does not speak of the ${classes} classes that "classNames" has`);
    }
  });
}

function refuse(path: string, problem: string): never {
  throw new UsageError(`Cannot read "${path}": ${problem}; train again with "atome train", which writes it.`);
}
