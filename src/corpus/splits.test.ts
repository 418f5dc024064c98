import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../model/errors.js";
import { type LabelledExample, readExamples } from "./examples.js";
import { conflictNote, findLeaks, leakNote, normalisedText, withoutLeaks } from "./leakage.js";
import { splitExamples } from "./splits.js";

const example = (text: string, label = "x", place = `f:${text}`): LabelledExample => ({ text, label, place });
const options = { validation: 0.2, test: 0.1, seed: 1 };
const sideOf = (parts: ReturnType<typeof splitExamples>) => {
  const sides = new Map<string, Set<string>>();
  for (const [side, examples] of Object.entries(parts) as [string, LabelledExample[]][]) {
    for (const { text } of examples) {
      const key = normalisedText(text);
      sides.set(key, (sides.get(key) ?? new Set()).add(side));
    }
  }
  return sides;
};

const sets = fc.array(
  fc.record({
    text: fc.string({ unit: fc.constantFrom("a", "B", "b", "1", "2", " ", "!"), minLength: 1, maxLength: 5 }),
    label: fc.constantFrom("x", "y", "z"),
    place: fc.constant("f:1"),
  }),
  { minLength: 1, maxLength: 60 },
);

describe("normalisedText", () => {
  test.each([
    ["  Turn it to 21.5 °C!", "turn it to 0 0 °c"],
    ["turn it\tto 9, 05 °C", "turn it to 0 0 °c"],
    ["ＦＵＬＬ ﬁ", "full fi"],
    [" ?! ", "?!"],
    ["👍", "👍"],
    ["é", "e\u0301".normalize("NFC")],
  ])("of %j", (text, normalised) => {
    expect(normalisedText(text)).toBe(normalised);
  });
});

describe("splitExamples", () => {
  test("puts every example into one part, in order, near-duplicates into the same", () => {
    fc.assert(
      fc.property(sets, (examples) => {
        const parts = splitExamples(examples, options);
        const all = [...parts.training, ...parts.validation, ...parts.test];
        expect(all.length).toBe(examples.length);
        expect(new Set(all)).toEqual(new Set(examples));
        for (const part of Object.values(parts) as LabelledExample[][]) {
          expect(part).toEqual(examples.filter((one) => part.includes(one)));
        }
        for (const sides of sideOf(parts).values()) expect(sides.size).toBe(1);
        expect(findLeaks(parts)).toEqual([]);
      }),
    );
  });

  test("gives a class with two texts one to learn from and one to validate with, unless other labels need these", () => {
    fc.assert(
      fc.property(sets, (examples) => {
        const { training, validation } = splitExamples(examples, options);
        const keys = (part: readonly LabelledExample[], label?: string) =>
          new Set(part.filter((one) => !label || one.label === label).map(({ text }) => normalisedText(text)));
        for (const label of ["x", "y", "z"]) {
          const texts = keys(examples, label);
          if (texts.size > 0) expect(keys(training, label).size).toBeGreaterThan(0);
          const own = examples.filter(
            ({ text }) => !keys(examples.filter((one) => one.label !== label)).has(normalisedText(text)),
          );
          if (texts.size > 1 && keys(own).size === texts.size) expect(keys(validation, label).size).toBeGreaterThan(0);
        }
      }),
    );
  });

  test("moves nothing when examples are added, but for a class's one for validation and one for training", () => {
    fc.assert(
      fc.property(sets, sets, (examples, more) => {
        const known = new Set(examples.map(({ text }) => normalisedText(text)));
        const added = more.filter(({ text }) => !known.has(normalisedText(text)));
        const [before, after] = [examples, [...examples, ...added]].map((set) => sideOf(splitExamples(set, options)));
        const moved = [...before].filter(([key, sides]) => [...sides][0] !== [...(after.get(key) as Set<string>)][0]);
        expect(moved.length).toBeLessThanOrEqual(2 * 3);
      }),
    );
  });

  const many = Array.from({ length: 4000 }, (_, i) =>
    example(`word${"abcdefghij"[i % 10]} ${i.toString(2).replaceAll("0", "o").replaceAll("1", "l")}`, `${i % 4}`),
  );

  test("has the shares asked for in every class", () => {
    const parts = splitExamples(many, options);
    for (const label of ["0", "1", "2", "3"]) {
      const count = (part: readonly LabelledExample[]) => part.filter((one) => one.label === label).length / 1000;
      expect(Math.abs(count(parts.validation) - 0.2)).toBeLessThan(0.04);
      expect(Math.abs(count(parts.test) - 0.1)).toBeLessThan(0.03);
    }
  });

  test("is the same for a seed, on every machine, and another for another", () => {
    const first = (seed: number) =>
      splitExamples(many, { ...options, seed })
        .validation.slice(0, 3)
        .map(({ text }) => many.findIndex((one) => one.text === text));
    expect(first(1)).toEqual([0, 2, 15]);
    expect(first(2)).not.toEqual(first(1));
  });

  test("may hold half of the examples out", () => {
    const { training, validation } = splitExamples(many, { validation: 0.5, test: 0, seed: 0 });
    expect(Math.abs(training.length - validation.length)).toBeLessThan(200);
  });

  test("holds nothing out where no share is asked for", () => {
    const { training } = splitExamples(many, { validation: 0, test: 0, seed: 0 });
    expect(training).toEqual(many);
  });

  test.each([
    [{ validation: 0.6 }, "the share for validation is 0.6"],
    [{ test: -0.1 }, "the share for test is -0.1"],
    [{ test: Number.NaN }, "expected 0 to 0.5"],
    [{ validation: 0.5, test: 0.5 }, "less than 1 with the other"],
  ])("refuses %j", (shares, message) => {
    expect(() => splitExamples(many, { ...options, ...shares })).toThrow(UsageError);
    expect(() => splitExamples(many, { ...options, ...shares })).toThrow(message);
  });
});

describe("leaks", () => {
  const parts = {
    training: ["on", "off", "dim 10", "red", "On!"].map((text) => example(text, "x", `train:${text}`)),
    validation: ["on", "on", "Blue", "green"].map((text, index) => example(text, "x", `valid:${index}`)),
    test: ["dim 25", "blue", "on", "white"].map((text) => example(text, "x", `test:${text}`)),
  };

  test("are found between all parts, the first copy of each", () => {
    const found = findLeaks(parts).map(({ kind, from, to, pairs }) => [
      `${kind} ${from} ${to}`,
      ...pairs.map(({ example: one, copy }) => `${one.place} ${copy.place}`),
    ]);
    expect(found).toEqual([
      ["exact training validation", "train:on valid:0"],
      ["near training validation", "train:On! valid:0"],
      ["exact training test", "train:on test:on"],
      ["near training test", "train:dim 10 test:dim 25", "train:On! test:on"],
      ["exact validation test", "valid:0 test:on", "valid:1 test:on"],
      ["near validation test", "valid:2 test:blue"],
    ]);
  });

  test("are taken out of training and validation, and none is left", () => {
    const clean = withoutLeaks(parts, findLeaks(parts));
    expect(clean.training.map(({ text }) => text)).toEqual(["off", "red"]);
    expect(clean.validation.map(({ text }) => text)).toEqual(["green"]);
    expect(clean.test).toBe(parts.test);
    expect(findLeaks(clean)).toEqual([]);
  });

  test("are told with their first places", () => {
    const [first, near] = findLeaks(parts);
    expect(leakNote(first, true)).toBe(
      "1 examples of training are the same in validation (train:on and valid:0): left out of training.",
    );
    expect(leakNote(near, false)).toBe(
      "1 examples of training are the same but for case, digits, punctuation and spaces in validation (train:On! and valid:0): kept, so that figures come out too good.",
    );
  });
});

test("conflictNote() names texts with several labels", () => {
  expect(conflictNote([example("a", "x"), example("a", "x"), example("A", "y")])).toBeUndefined();
  const conflicts = ["a", "b", "c", "d"].flatMap((text) => [
    example(text, "x", `${text}1`),
    example(text, "x", `${text}2`),
    example(text, "y", `${text}3`),
  ]);
  expect(conflictNote(conflicts)).toBe(
    '4 texts have more than one label ("x" at a1 and "y" at a3, "x" at b1 and "y" at b3, "x" at c1 and "y" at c3 and 1 more): no model can give both.',
  );
});

const data = process.env.ATOME_DATA;
test.skipIf(!data)("SNIPS has copies of training texts in its other parts (skipped without ATOME_DATA)", () => {
  const read = (part: string) => readExamples(join(data as string, "snips-goo2018-split", part)).examples;
  const parts = { training: read("train"), validation: read("valid"), test: read("test") };
  const counts = findLeaks(parts).map(({ kind, from, to, pairs }) => `${kind} ${from} ${to} ${pairs.length}`);
  expect(counts).toEqual([
    "exact training validation 14",
    "near training validation 40",
    "exact training test 64",
    "near training test 17",
    "exact validation test 1",
  ]);
  expect(findLeaks(withoutLeaks(parts, findLeaks(parts)))).toEqual([]);
});
