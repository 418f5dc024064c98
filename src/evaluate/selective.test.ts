import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DECISION_SIGNALS } from "./confidence.js";
import { hasClass, NONE, type ScoredExample } from "./scored-example.js";
import { chooseThreshold, outcomeAt, riskCoverage } from "./selective.js";

/** An example by its margin: two classes, of which the first is answered. */
const example = (margin: number, label: number): ScoredExample => ({ label, logits: [margin, 0] });
// From the surest on: right, right, wrong, right, none, wrong.
const scored = [example(60, 0), example(50, 0), example(40, 1), example(30, 0), example(20, NONE), example(10, 1)];

const anyScored = fc.array(
  fc.record({
    label: fc.integer({ min: -1, max: 2 }),
    logits: fc.array(fc.integer({ min: -3000, max: 3000 }), { minLength: 3, maxLength: 3 }),
  }),
  { minLength: 1, maxLength: 40 },
);

describe("riskCoverage", () => {
  test("counts coverage over the examples of a class and risk over all answers", () => {
    expect(riskCoverage(scored, "margin")).toEqual([
      { threshold: 60, coverage: 0.2, risk: 0 },
      { threshold: 50, coverage: 0.4, risk: 0 },
      { threshold: 40, coverage: 0.6, risk: 1 / 3 },
      { threshold: 30, coverage: 0.8, risk: 1 / 4 },
      // The example of no class, at 20, covers nothing more.
      { threshold: 10, coverage: 1, risk: 3 / 6 },
    ]);
  });

  test("has at most so many points, and always the last", () => {
    const many = Array.from({ length: 1000 }, (_, index) => example(index, index % 7 === 0 ? NONE : index % 2));
    const curve = riskCoverage(many, "margin", 20);
    expect(curve.length).toBe(20);
    expect(curve.at(-1)).toMatchObject({ threshold: 0, coverage: 1 });
    expect(riskCoverage([], "margin")).toEqual([]);
  });
});

describe("outcomeAt", () => {
  test("answers what is at least as sure", () => {
    const at = (threshold: number) => outcomeAt(scored, { signal: "margin", threshold });
    expect(at(30)).toEqual({ answered: 4, coverage: 0.8, risk: 1 / 4, noneRejected: 1 });
    expect(at(11)).toEqual({ answered: 5, coverage: 0.8, risk: 2 / 5, noneRejected: 0 });
    expect(at(61)).toEqual({ answered: 0, coverage: 0, risk: null, noneRejected: 1 });
    expect(outcomeAt(scored.slice(0, 1), { signal: "margin", threshold: 0 }).noneRejected).toBeNull();
  });
});

describe("chooseThreshold", () => {
  const margin = (target: Parameters<typeof chooseThreshold>[2]) => chooseThreshold(scored, "margin", target);

  test("takes the largest coverage that keeps the risk, also behind one that does not", () => {
    expect(margin({ maxRisk: 0.25 })).toMatchObject({
      threshold: 30,
      coverage: 0.8,
      risk: 0.25,
      answered: 4,
      count: 6,
    });
    expect(margin({ maxRisk: 0.24 })).toMatchObject({ threshold: 50, coverage: 0.4, risk: 0 });
    expect(margin({ maxRisk: 1 })).toMatchObject({ threshold: 10, coverage: 1 });
    // 1 of 4: 0.05 = (1 - p)^4 + 4 p (1 - p)^3.
    expect(margin({ maxRisk: 0.25 }).riskUpperBound).toBeCloseTo(0.75139, 4);
  });

  test("takes the highest threshold with enough coverage", () => {
    expect(margin({ coverage: 0.5 })).toMatchObject({ threshold: 40, coverage: 0.6 });
    expect(margin({ coverage: 0.6 })).toMatchObject({ threshold: 40, coverage: 0.6 });
    expect(margin({ coverage: 1 })).toMatchObject({ threshold: 10, coverage: 1 });
    expect(() => margin({ coverage: 1.1 })).toThrow(
      "a coverage of 1.1 is more than all there is; give one from 0 to 1.",
    );
  });

  test("cautiously keeps the upper bound below the risk", () => {
    // 0 of 2 may still be 1 - 0.05^(1/2) = 0.776.
    expect(margin({ maxRisk: 0.78, isCautious: true })).toMatchObject({ threshold: 30, coverage: 0.8 });
    expect(() => margin({ maxRisk: 0.5, isCautious: true })).toThrow(
      "Cannot reach an upper bound of the risk of 0.5 by margin on the validation part: the least is 0.7514, where 4 of 6 examples are answered; allow more risk or train with more examples.",
    );
  });

  test("says what is the least risk when none is low enough", () => {
    expect(() => chooseThreshold(scored.slice(2), "margin", { maxRisk: 0.1 })).toThrow(
      "Cannot reach a risk of 0.1 by margin on the validation part: the least is 0.5000, where 2 of 4 examples are answered; allow more risk or train with more examples.",
    );
    expect(() => chooseThreshold([example(1, NONE)], "margin", { maxRisk: 1 })).toThrow(
      "Cannot choose a threshold: none of the validation examples belongs to a class; hold out examples of every class.",
    );
  });

  test("keeps its promise on its own examples, and no lower threshold would", () => {
    const promise = fc.record({
      signal: fc.constantFrom(...DECISION_SIGNALS),
      maxRisk: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(anyScored, promise, (examples, { signal, maxRisk }) => {
        fc.pre(examples.some(hasClass));
        const curve = riskCoverage(examples, signal, 1000).map(({ threshold }) =>
          outcomeAt(examples, { signal, threshold }),
        );
        const kept = curve.filter(({ risk }) => (risk ?? 0) <= maxRisk + 1e-12);
        if (kept.length === 0) {
          expect(() => chooseThreshold(examples, signal, { maxRisk })).toThrow("Cannot reach a risk of");
          return;
        }
        const choice = chooseThreshold(examples, signal, { maxRisk });
        const outcome = outcomeAt(examples, choice);
        expect(outcome).toMatchObject({ answered: choice.answered, coverage: choice.coverage, risk: choice.risk });
        expect(choice.risk).toBeLessThanOrEqual(maxRisk + 1e-9);
        expect(choice.riskUpperBound).toBeGreaterThanOrEqual(choice.risk);
        expect(choice.coverage).toBe(Math.max(...kept.map(({ coverage }) => coverage)));
        expect(Number.isInteger(choice.threshold)).toBe(true);
      }),
    );
  });
});
