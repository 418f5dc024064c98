import { describe, expect, test } from "vitest";
import { plan } from "./plan.mjs";
import { duel, qualityText, tierSummaries } from "./tables.mjs";

const setting = { texts: "stories", tier: "20k", budget: "1x", contextBytes: 256 };
const numbers = { flashBytes: 20000, ramBytes: 5000, dModel: 40, dInner: 90, steps: 3000 };

/** A measured run; every block of the text costs the same. */
const run = (model: string, shape: string, seed: number, validationBpb: number, testBpb: number) => ({
  ...{ ...setting, ...numbers, model, shape, seed, learningRate: 0.02, validationBpb, testBpb },
  blockBits: Array(64).fill(testBpb.toFixed(4)).join(" "),
});
const rows = [
  run("atome", "d40 L3 512 tokens", 1, 1.5, 1.5),
  run("atome", "d40 L3 512 tokens", 2, 1.5, 1.7),
  run("gpt-int4", "d32 L1 512 tokens", 1, 1.4, 1.75),
  run("gpt-int4", "d32 L1 512 tokens", 2, 1.4, 1.85),
  // Better on the test text, worse on the validation text: not the best rival.
  run("llama-int4", "d32 L1 512 tokens", 1, 1.6, 1.1),
  run("llama-int4", "d32 L1 512 tokens", 2, 1.6, 1.1),
];

test("duel() pairs ours with the rival that validates best", () => {
  const found = duel(plan, rows, setting);
  expect(found?.rival.model.name).toBe("gpt-int4");
  // Differences -0.25 and -0.15: mean -0.2, standard error 0.05, t quantile of one degree of freedom 12.7062.
  expect(found?.difference.mean).toBeCloseTo(-0.2, 12);
  expect(found?.difference.high).toBeCloseTo(-0.2 + 0.05 * 12.7062, 4);
  expect(found?.blocks.mean).toBeCloseTo(-0.2, 12);
  expect(duel(plan, rows.slice(0, 2), setting)).toBeUndefined();
});

test("duel() takes no variant for a rival", () => {
  const variants = [1, 2].map((seed) => run("llama-ternary-recall", "d40 L2 512 tokens untied", seed, 1.1, 1.2));
  const found = duel(plan, [...rows, ...variants], setting);
  expect([found?.rival.model.name, found?.rivalCount]).toEqual(["gpt-int4", 2]);
});

test("duel() takes neither of ours for a rival of the other", () => {
  const lessRam = [1, 2].map((seed) => run(plan.lessRam, "d72 L2 352 tokens", seed, 1.2, 1.7));
  expect(duel(plan, [...rows, ...lessRam], setting)?.rivalCount).toBe(2);
  const found = duel(plan, [...rows, ...lessRam], setting, plan.lessRam);
  expect([found?.rival.model.name, found?.rivalCount]).toEqual(["gpt-int4", 2]);
  // 1.7 against 1.75 and 1.85.
  expect(found?.difference.mean).toBeCloseTo(-0.1, 12);
  const text = qualityText(plan, [...rows, ...lessRam]);
  expect(text).toContain("Ours with less RAM needs 5.6 % fewer bits than the best by validation of 2 rivals");
});

test("tierSummaries() has an entry for what both sides are measured at and no other", () => {
  const [summary, ...others] = tierSummaries(plan, rows);
  expect(others).toEqual([]);
  expect(summary).toMatchObject({ flashBytes: 20480, steps: 3000, bestRival: "gpt-int4", seeds: 2 });
  expect(summary.oursBpb).toBeCloseTo(1.6, 12);
  expect(summary.bestRivalBpb).toBeCloseTo(1.8, 12);
});

describe("qualityText()", () => {
  test("tells wins and losses in the same words", () => {
    expect(qualityText(plan, rows)).toContain("Ours needs 11.1 % fewer bits than the best by validation of ");
    const worse = rows.map((row) => (row.model === "atome" ? { ...row, testBpb: row.testBpb + 0.38 } : row));
    expect(qualityText(plan, worse)).toContain("Ours needs 10.0 % more bits than the best by validation of ");
  });

  test("speaks of one rival and one seed in the singular", () => {
    const text = qualityText(plan, [rows[0], rows[2]]);
    expect(text).toContain("the best by validation of 1 rival, GPT, int4, QAT (1.5000 against 1.7500)");
    expect(text).toContain("over 1 paired seed none (one seed), over 64 blocks");
  });

  test("tells the seeds that failed", () => {
    const { testBpb: _, blockBits: __, validationBpb: ___, ...failed } = { ...rows[0], seed: 3, failed: "diverged" };
    expect(qualityText(plan, [...rows, failed])).toContain("| 2, 1 failed |");
    expect(qualityText(plan, rows)).not.toContain("failed");
  });

  test("shows of the split text what the tuning chose", () => {
    const gated = { ...run("atome", "d36 L3 640 tokens gates", 1, 1.45, 1.3), dModel: 36 };
    const split = { texts: "split", contextBytes: 64, validationBpb: undefined };
    const [before, chosen, faster] = [
      { ...rows[0], ...split, testBpb: 1.52 },
      { ...gated, ...split, testBpb: 1.49 },
      { ...gated, ...split, testBpb: 1.48, learningRate: 0.04 },
    ];
    const text = qualityText(plan, [...rows, gated, { ...gated, seed: 2 }, before, chosen, faster]);
    expect(text).toMatch(/\| Atome: gated block, tokens, recall \| 20,000 \| 0.02 \| 1 \| 1.4900 \| 2.809 \|/);
    expect(text).not.toMatch(/1\.5200|1\.4800/);
    expect(text).toContain("- one small text, split 90/10: base block, bytes, constant rate 3e-4; base block, bytes\n");
  });

  test("holds recall against recall, and none against none", () => {
    const here = [
      ...rows,
      run("llama-int4-recall", "d32 L1 512 tokens", 1, 1.3, 2),
      run("atome-without-recall", "d36 L3 640 tokens", 1, 1.6, 1.4),
    ];
    const there = here.map((row) => ({ ...row, tier: "64k", testBpb: row.testBpb * 0.8 }));
    const lines = qualityText(plan, [...here, ...there]).split("\n");
    const lineBelow = (start: string) => lines[lines.findIndex((line) => line.startsWith(start)) + 4];
    expect(lineBelow("With recall on both sides")).toMatch(
      /^\| 20,480 \| 1.5000 \| 5,000 \| Llama, int4, QAT, with our recall and its gates \| 2.0000 \| 5,000 \| -25.0 % \|/,
    );
    expect(lineBelow("Without recall on either side")).toMatch(
      /^\| 20,480 \| 1.4000 \| 5,000 \| GPT, int4, QAT \| 1.7500 \| 5,000 \| -20.0 % \|/,
    );
    expect(qualityText(plan, rows)).not.toContain("recall on");
  });

  test("puts budgets and tiers side by side", () => {
    const longer = rows.map((row) => ({ ...row, budget: "10x", steps: 30000, testBpb: row.testBpb - 0.1 }));
    expect(qualityText(plan, rows)).not.toContain("| flash | steps |");
    const lines = qualityText(plan, [...rows, ...longer]).split("\n");
    const table = lines.slice(lines.findIndex((line) => line.startsWith("| flash | steps |"))).slice(2, 4);
    expect(table[0]).toMatch(
      /^\| 20,480 \| 3,000 \| 1.6000 \| 5,000 \| GPT, int4, QAT \| 1.8000 \| 5,000 \| -11.1 % \| -0.2000 \| 2 \|/,
    );
    expect(table[1]).toMatch(/^\| 20,480 \| 30,000 \| 1.5000 \|/);
  });

  test("invents nothing for what is not measured, and names it", () => {
    const text = qualityText(plan, []);
    expect(text).not.toMatch(/^#|\|/m);
    expect(text).toContain("- 262,144 bytes of flash, 30,000 steps, context of 256 bytes: everything");
    expect(qualityText(plan, rows)).toMatch(
      /- 20,480 bytes of flash, 3,000 steps, context of 256 bytes: .*Llama, FP32/,
    );
  });
});
