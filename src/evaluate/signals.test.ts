import { describe, expect, test } from "vitest";
import { DECISION_SIGNALS } from "./confidence.js";
import { isWrong, NONE, type ScoredExample } from "./scored-example.js";
import { bestSignal, compareSignals } from "./signals.js";

/** An example by its margin: two classes, of which the first is answered. */
const example = (margin: number, label: number): ScoredExample => ({ label, logits: [margin, 0] });
// From the surest on: right, right, wrong, right, none, wrong.
const scored = [example(60, 0), example(50, 0), example(40, 1), example(30, 0), example(20, NONE), example(10, 1)];

describe("compareSignals", () => {
  test("tells wrong answers among those of a class, and none from all of a class", () => {
    // Of a class, from the surest on: right, right, wrong, right, wrong.
    const [, margin] = compareSignals(scored);
    expect(margin).toEqual({
      signal: "margin",
      aurocWrong: 5 / 6,
      aurc: expect.closeTo((0 + 0 + 1 / 3 + 1 / 4 + 2 / 5) / 5, 14),
      aurocNone: 4 / 5,
      // 95 % of five are all five.
      fprNone: 1,
    });
    expect(compareSignals(scored).map(({ signal }) => signal)).toEqual(DECISION_SIGNALS);
    expect(compareSignals([])).toEqual([]);
  });

  test("has the router's entropy where it is known, the lower the surer", () => {
    const routed = scored.map((item) => ({ ...item, routerEntropy: isWrong(item) ? 0.25 : 1.5 }));
    expect(compareSignals(routed).at(-1)).toMatchObject({ signal: "router", aurocWrong: 0, aurocNone: 0.2 });
  });
});

describe("bestSignal", () => {
  // Two sums of probability 1/2 apart; energy tells them and nothing else does.
  const byEnergy = (label: number, energy: number): ScoredExample => ({ label, logits: [energy + 2048, energy] });

  test("tells none where there are examples of it, wrong answers elsewhere", () => {
    expect(bestSignal([byEnergy(0, 500), byEnergy(1, 400), byEnergy(NONE, 100)])).toBe("energy");
    expect(bestSignal([byEnergy(0, 500), byEnergy(1, 400)])).toBe("energy");
    expect(bestSignal([byEnergy(1, 500), byEnergy(0, 400)])).toBe("probability");
    expect(bestSignal([])).toBe("probability");
  });
});
