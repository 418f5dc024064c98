import { describe, expect, test } from "vitest";
import { type Decision, type Evaluation, encodeEvaluation, parseEvaluation } from "./evaluation.js";
import { makePart } from "./evaluation-part.js";
import { NONE, type ScoredExample } from "./scored-example.js";

const decision: Decision = { signal: "margin", threshold: 2048, temperature: 2, target: { maxRisk: 0.25 } };
const scored: ScoredExample[] = [
  { text: "right", label: 0, logits: [6144, 0] },
  { text: "withheld", label: 1, logits: [0, 1024] },
  { text: "wrong", label: 1, logits: [2048, 0] },
  { text: "of no class", label: NONE, logits: [4096, 0] },
  { text: "of no class, and told", label: NONE, logits: [0, 0] },
];
const part = makePart("test", scored, 2, decision);
const evaluation: Evaluation = {
  version: 1,
  task: "classify",
  model: { configName: "small", flashBytes: 20480, ramBytes: 4096, sha256: "ab".repeat(32) },
  classNames: ["on", "off"],
  decision,
  parts: [part],
  fit: [{ chip: "RP2040", flashBytes: 30000, ramBytes: 5000, fits: true, decisionsPerSecond: 120 }],
  notes: ["2 texts are there twice."],
};

describe("makePart", () => {
  test("measures examples of a class without the threshold, and all with it", () => {
    expect(part).toMatchObject({ name: "test", count: 5, noneCount: 2, accuracy: 2 / 3 });
    expect(part.macroF1).toBeCloseTo(2 / 3, 14);
    expect(part.perClass.map(({ count }) => count)).toEqual([1, 2]);
    expect(part.confusion).toEqual([
      [1, 0, 0],
      [1, 0, 1],
      [1, 0, 1],
    ]);
    expect(part.outcome).toEqual({ answered: 3, coverage: 2 / 3, risk: 2 / 3, noneRejected: 0.5 });
    expect(part.signals.map(({ signal }) => signal)).toEqual(["probability", "margin", "entropy", "energy"]);
  });

  test("is calibrated after the temperature, and knows how it was before", () => {
    // Margins of 3, 0.5 and 1 bits; twice as much before.
    const nats = (bits: number) => Math.log(1 + 2 ** -bits);
    expect(part.calibration.after.nllNats).toBeCloseTo((nats(3) + nats(0.5) + nats(-1)) / 3, 12);
    expect(part.calibration.before.nllNats).toBeCloseTo((nats(6) + nats(1) + nats(-2)) / 3, 12);
  });

  test("keeps the surest wrong answers, cut short", () => {
    expect(part.mistakes).toEqual([
      { text: "of no class", label: NONE, predicted: 0, probability: expect.closeTo(0.8, 12) },
      { text: "wrong", label: 1, predicted: 0, probability: expect.closeTo(2 / 3, 12) },
    ]);
    const long = Array.from({ length: 60 }, (_, index) => ({ text: "🙂".repeat(201), label: 1, logits: [index, 0] }));
    const { mistakes } = makePart("long", long, 2, { ...decision, threshold: null });
    expect(mistakes.length).toBe(50);
    expect(mistakes[0].text).toBe(`${"🙂".repeat(199)}…`);
    expect(mistakes[0].probability).toBeGreaterThan(mistakes[49].probability);
  });

  test("refuses a part without an example of a class", () => {
    expect(() => makePart("test", scored.slice(3), 2, decision)).toThrow(
      'Cannot evaluate the part "test": none of its 2 examples belongs to a class; give some that do.',
    );
  });
});

describe("parseEvaluation", () => {
  const text = new TextDecoder().decode(encodeEvaluation(evaluation));

  test("reads what encodeEvaluation() writes", () => {
    expect(parseEvaluation(text, "evaluation.json")).toEqual(evaluation);
  });

  const changed = (change: (copy: Evaluation & Record<string, unknown>) => void) => {
    const copy = structuredClone(evaluation) as Evaluation & Record<string, unknown>;
    change(copy);
    return JSON.stringify(copy);
  };

  test.each([
    ["no JSON", "{", "it is not JSON"],
    ["a number", "7", "it is not a JSON object"],
    ["a list", "[]", '"version" is missing'],
    ["an unknown key", changed((copy) => Object.assign(copy, { colour: 1 })), '"colour" is not a known key'],
    ["a missing key", changed((copy) => Reflect.deleteProperty(copy.model, "sha256")), '"model.sha256" is missing'],
    [
      "a share above 1",
      changed(({ parts }) => Object.assign(parts[0], { accuracy: 1.5 })),
      '"parts.0.accuracy" is 1.5 but must be <=1',
    ],
    [
      "another signal",
      changed((copy) => Object.assign(copy.decision, { signal: "luck" })),
      '"decision.signal" is "luck" but must be',
    ],
    [
      "a class too many",
      changed(({ classNames }) => classNames.push("dim")),
      '"parts.0" does not speak of the 3 classes that "classNames" has',
    ],
    [
      "a mistake of no class there is",
      changed(({ parts }) => (parts[0].mistakes[0].predicted = 2)),
      '"parts.0" does not speak',
    ],
  ])("refuses %s", (_, bad, problem) => {
    expect(() => parseEvaluation(bad, "evaluation.json")).toThrow(`Cannot read "evaluation.json": ${problem}`);
    expect(() => parseEvaluation(bad, "evaluation.json")).toThrow('; train again with "atome train", which writes it.');
  });
});
