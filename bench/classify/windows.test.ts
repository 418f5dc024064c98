import { describe, expect, test } from "vitest";
import { fitDenseLogistic } from "./dense-logistic.mjs";
import { judgedRows, laggedFeatures, levelOf, quantileThresholds } from "./lagged.mjs";
import { fitTrees, treeBytes } from "./trees.mjs";

/** Steps of `columns` numbers as one series. */
const part = (samples: number[], columns: number, labels: number[]) => ({
  samples: Float64Array.from(samples),
  labels: Int16Array.from(labels),
  series: [{ name: "one", begin: 0, end: samples.length / columns, windows: [] }],
});

describe("laggedFeatures()", () => {
  test("gives value, differences, mean and deviation of the window that ends at the step", () => {
    const { count, values } = laggedFeatures(part([1, 3, 5, 11], 1, [0, 0, 0, 0]), 1, [1, 2]);
    expect(count).toBe(5);
    // Before the series stands its first sample; windows of two: (1, 1), (1, 3), (3, 5), (5, 11).
    expect([...values]).toEqual([1, 0, 0, 1, 0, 3, 2, 2, 2, 1, 5, 2, 4, 4, 1, 11, 6, 8, 8, 3]);
  });

  test("begins anew with every series", () => {
    const two = { ...part([1, 2, 9, 9], 1, [0, 0, 0, 0]), series: [0, 2].map((begin) => ({ begin, end: begin + 2 })) };
    const { values } = laggedFeatures(two, 1, []);
    expect([...values]).toEqual([1, 2, 9, 9]);
    expect([...laggedFeatures(two, 1, [1]).values.filter((_: number, i: number) => i % 4 === 1)]).toEqual([0, 1, 0, 0]);
  });
});

test("quantileThresholds() makes equal shares, and levelOf() finds them", () => {
  const features = { count: 1, values: Float32Array.from([5, 1, 2, 6, 3, 4, 8, 7]) };
  const thresholds = quantileThresholds(features, judgedRows(new Int16Array(8)), 0, 4);
  expect(thresholds).toEqual([3, 5, 7]);
  expect([0, 3, 4.9, 5, 100].map((value) => levelOf(value, thresholds))).toEqual([0, 1, 1, 2, 3]);
});

/** Two columns of which one is right of the other's sign: no line tells them apart. */
function crossed(count: number, shift: number) {
  const samples: number[] = [];
  const labels: number[] = [];
  for (let i = 0; i < count; i++) {
    const [x, y] = [((i * 37 + shift) % 101) / 50 - 1, ((i * 53 + shift) % 97) / 48 - 1];
    samples.push(x, y);
    labels.push(x > 0 === y > 0 ? 1 : 0);
  }
  return part(samples, 2, labels);
}
const set = {
  kind: "series",
  columns: ["x", "y"],
  classes: ["apart", "alike"],
  parts: { train: crossed(3000, 0), validation: crossed(500, 11), test: crossed(500, 29) },
};

type Fitted = { usedBytes: number; logitsOf: (part: string) => Float32Array } | undefined;
function accuracyOf(fitted: Fitted) {
  const logits = fitted?.logitsOf("test") ?? new Float32Array(0);
  const { labels } = set.parts.test;
  return labels.filter((label, i) => (logits[2 * i + 1] > logits[2 * i] ? 1 : 0) === label).length / labels.length;
}

const treeConfig = { lags: [], depth: 3, fill: 1, shrinkage: 0.3, share: 1, positiveWeight: 1 };
const lineConfig = { lags: [], levels: 0, rate: 0.02, epochs: 10, decay: 0, positiveWeight: 1 };

describe("fitTrees()", () => {
  test("learns what no sum of steps tells", () => {
    const trees = fitTrees(set, 1024, treeConfig, 1);
    expect(accuracyOf(trees)).toBeGreaterThan(0.95);
    expect(accuracyOf(fitDenseLogistic(set, 1024, { ...lineConfig, levels: 16 }, 1))).toBeLessThan(0.7);
  });

  test("fills the flash with trees of a known size", () => {
    // Seven nodes of three bytes and eight leaves of one; two units, a factor and a bias in half precision.
    expect(treeBytes(3)).toBe(29);
    expect(fitTrees(set, 8 + 3 * 29 + 28, treeConfig, 1)?.usedBytes).toBe(8 + 3 * 29);
    expect(fitTrees(set, 8 + 28, treeConfig, 1)).toBeUndefined();
  });

  test("gives the same bits for the same seed", () => {
    const of = (seed: number) => fitTrees(set, 512, { ...treeConfig, share: 0.5 }, seed)?.logitsOf("test");
    expect(of(3)).toEqual(of(3));
    expect(of(3)).not.toEqual(of(4));
  });
});

describe("fitDenseLogistic()", () => {
  /** Alike where x lies between -0.5 and 0.5. */
  const between = {
    ...set,
    parts: Object.fromEntries(
      Object.entries(set.parts).map(([name, own]) => {
        return [name, { ...own, labels: own.labels.map((_, i) => (Math.abs(own.samples[2 * i]) < 0.5 ? 1 : 0)) }];
      }),
    ),
  };
  const accuracy = (levels: number) => {
    const logits = fitDenseLogistic(between, 1024, { ...lineConfig, levels }, 1)?.logitsOf("test");
    const { labels } = between.parts.test;
    return labels.filter((label, i) => (logits?.[2 * i + 1] > 0 ? 1 : 0) === label).length / labels.length;
  };

  test("tells a range by steps and not by a line", () => {
    expect(accuracy(16)).toBeGreaterThan(0.9);
    expect(accuracy(0)).toBeLessThan(0.75);
  });

  test("counts thresholds, weights and scales, and refuses what does not fit", () => {
    // Two features: 15 thresholds of 2 bytes and 16 weights each, a weight, mean and deviation, and two factors and a bias.
    const config = { ...lineConfig, levels: 16, epochs: 1 };
    const bytes = 2 * (30 + 16) + 2 * 5 + 6;
    expect(fitDenseLogistic(set, bytes, config, 1)?.usedBytes).toBe(bytes);
    expect(fitDenseLogistic(set, bytes - 1, config, 1)).toBeUndefined();
  });
});
