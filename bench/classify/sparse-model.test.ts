import { describe, expect, test } from "vitest";
import { bucketsOf, hashesOf } from "./ngrams.mjs";
import { fillingBuckets, modelBytes, trainSparse } from "./sparse-model.mjs";

const colours = ["red", "green", "blue"];
const things = ["cup", "door", "lamp", "shoe", "tree", "wall"];
const texts = things.flatMap((thing) => colours.map((colour) => `a ${colour} ${thing}`));
const labels = Int16Array.from(texts, (_, i) => i % colours.length);
const hashes = texts.map((text) => Uint32Array.from(hashesOf(text, { characters: [2, 3], words: [1] })));
const recipe = { loss: "softmax", rate: 0.1, epochs: 60, seed: 1 };

function trained(shape: object, more: object = {}) {
  const whole = { classes: 3, buckets: 300, width: 0, weights: "ternary", ...shape };
  const data = { ...bucketsOf(hashes, whole.buckets), labels };
  const model = trainSparse(whole, { ...recipe, ...more }, data);
  const logits = model.logitsOf(data);
  const answers = texts.map((_, i) => {
    const row = [...logits.subarray(3 * i, 3 * i + 3)];
    return row.indexOf(Math.max(...row));
  });
  return { model, logits, right: answers.filter((answer, i) => answer === labels[i]).length };
}

describe("trainSparse()", () => {
  test.each([
    ["logistic regression", {}, {}],
    ["logistic regression, quantised afterwards", { weights: "int4" }, { isAware: false }],
    ["a linear SVM", {}, { loss: "hinge" }],
    ["a bag", { width: 4, weights: "int4" }, {}],
    ["a bag with dropout", { width: 6 }, { dropout: 0.3 }],
  ])("learns by %s what is to be learned", (_name, shape, more) => {
    expect(trained(shape, more).right).toBe(texts.length);
  });

  test("answers from the quantised weights", () => {
    const { model } = trained({});
    const { values, columns } = model.table;
    for (let c = 0; c < columns; c++) {
      const column = [...values].filter((_, i) => i % columns === c);
      expect(new Set(column.map(Math.abs)).size).toBe(2);
    }
  });

  test("gives the same bits for the same seed and others for another", () => {
    const of = (seed: number) => trained({ width: 4 }, { seed }).logits;
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  test("learns equal probabilities for what has no class", () => {
    const none = things.map((thing) => `why is it ${thing}`);
    const all = [...texts, ...none].map((text) => Uint32Array.from(hashesOf(text, { words: [1] })));
    const data = { ...bucketsOf(all, 300), labels: Int16Array.from([...labels, ...none.map(() => -1)]) };
    const model = trainSparse({ classes: 3, buckets: 300, width: 0, weights: "float" }, recipe, data);
    const logits = model.logitsOf(data);
    const spread = (i: number) => {
      const row = [...logits.subarray(3 * i, 3 * i + 3)];
      return Math.max(...row) - Math.min(...row);
    };
    expect(spread(texts.length)).toBeLessThan(0.2 * spread(0));
  });
});

test("modelBytes() counts the table, the matrix on top, factors and biases", () => {
  expect(modelBytes({ classes: 7, buckets: 100, width: 0, weights: "ternary" })).toBe(140 + 14 + 14);
  // A table of 100 x 8 and a matrix of 8 x 7 of half bytes, factors of 8 and 7 columns, 7 biases.
  expect(modelBytes({ classes: 7, buckets: 100, width: 8, weights: "int4" })).toBe(400 + 16 + 28 + 14 + 14);
});

test("fillingBuckets() fills the flash and not more", () => {
  for (const width of [0, 8]) {
    const shape = { classes: 7, width, weights: "int4" };
    const buckets = fillingBuckets(shape, 8192);
    expect(modelBytes({ ...shape, buckets })).toBeLessThanOrEqual(8192);
    expect(modelBytes({ ...shape, buckets: buckets + 1 })).toBeGreaterThan(8192);
  }
});
