import { describe, expect, test } from "vitest";
import { plan } from "./plan.mjs";
import { chosenGroups, classifyText, duel, setSummaries } from "./tables.mjs";

const row = (peer: string, rate: number, seed: number, score: number, accuracy: number) => ({
  ...{
    version: 1,
    set: "snips",
    flashBytes: 8192,
    peer,
    config: { rate },
    seed,
    figures: "all",
    label: `rate ${rate}`,
  },
  ...{ usedBytes: 8000, shape: "", validation: { score, nats: 1 - score } },
  tests: { test: { accuracy, macroF1: accuracy } },
});
type Row = ReturnType<typeof row>;
const rows = [
  row("svm", 1, 1, 0.9, 0.91),
  row("svm", 1, 2, 0.9, 0.93),
  // Better on the test part, worse on the validation part: not the one that stands for the SVM.
  row("svm", 2, 1, 0.8, 0.99),
  row("bag", 1, 1, 0.95, 0.9),
  row("bag", 1, 2, 0.95, 0.9),
  row("ours", 1, 1, 0.9, 0.95),
  row("ours", 1, 2, 0.9, 0.97),
  { ...row("logistic", 1, 1, 0.99, 0.99), figures: "choice", tests: {} },
];
const groups = chosenGroups(rows, { name: "snips", flashBytes: 8192, seeds: plan.seeds });

test("chosenGroups() takes the setting that validates best, with all of its seeds", () => {
  const found = groups.map(({ peer, rows: own }) => [peer, own.map(({ config, seed }: Row) => [config.rate, seed])]);
  expect(Object.fromEntries(found)).toEqual({
    svm: [[1, 1], [1, 2]], // biome-ignore format: pairs
    bag: [[1, 1], [1, 2]], // biome-ignore format: pairs
    ours: [[1, 1], [1, 2]], // biome-ignore format: pairs
  });
});

test("duel() holds ours against the rival that is best on the test part", () => {
  expect(duel(groups, "test")?.rival.peer).toBe("svm");
  expect(duel(groups.slice(0, 2), "test")).toBeUndefined();
});

describe("setSummaries()", () => {
  test("has an entry for what both sides are measured at and no other", () => {
    const [summary, ...others] = setSummaries(plan, rows);
    expect(others).toEqual([]);
    expect(summary).toMatchObject({ name: "snips", flashBytes: 8192, bestRival: "svm", measure: "accuracy", seeds: 2 });
    expect(summary.accuracy).toBeCloseTo(0.96, 12);
    expect(summary.bestRivalAccuracy).toBeCloseTo(0.92, 12);
    expect(summary.deviation).toBeCloseTo(Math.SQRT2 / 100, 12);
  });
});

describe("classifyText()", () => {
  test("tells wins and losses in the same words", () => {
    expect(classifyText(plan, rows)).toContain(
      "Ours is 4.00 points above the best rival, linear SVM on n-grams: 96.00 against 92.00.",
    );
    const worse = rows.map((own) => (own.peer === "ours" ? row("ours", 1, own.seed, 0.9, 0.9) : own));
    expect(classifyText(plan, worse)).toContain(
      "Ours is 2.00 points below the best rival, linear SVM on n-grams: 90.00 against 92.00.",
    );
  });

  test("invents nothing for what is not measured", () => {
    expect(classifyText(plan, [])).not.toMatch(/^#|\|/m);
    expect(
      classifyText(
        plan,
        rows.filter(({ peer }) => peer !== "ours"),
      ),
    ).not.toContain("Ours is 4");
  });

  test("tells alarms by NAB's score and answers of none by both signals", () => {
    const alarms = {
      score: 50,
      windows: 29,
      found: 20,
      falseAlarms: 66,
      precision: 0.23,
      f1: 0.35,
      balancedAccuracy: 0.6,
    };
    const none = { probability: { auroc: 0.9, fpr: 0.4 }, energy: { auroc: 0.8, fpr: 0.5 } };
    const more = [
      { ...row("trees", 1, 1, 40, 0), set: "nab", flashBytes: 4096, tests: { test: alarms } },
      {
        ...row("svm", 1, 1, 1, 0),
        set: "clinc150",
        flashBytes: 20480,
        tests: { test: { accuracy: 0.9, macroF1: 0.9, none } },
      },
    ];
    const text = classifyText(plan, more);
    expect(text).toContain("| 50.0 | 20.0 of 29 | 66.0 | 0.230 | 0.350 | 60.00 |");
    expect(text).toContain("| 90.00 | 90.00 | 0.900; 0.800 | 40.0 %; 50.0 % |");
  });
});
