import { describe, expect, test } from "vitest";
import { bucketsOf, featuresLabel, hashesOf } from "./ngrams.mjs";

describe("hashesOf()", () => {
  test("has one hash per distinct run, begin and end of the text included", () => {
    // Of begin, a, b, a, b, end: the runs of two are begin-a, ab, ba, b-end.
    expect(hashesOf("abab", { characters: [2] }).size).toBe(4);
    expect(hashesOf("abab", { characters: [2, 6] }).size).toBe(5);
    expect(hashesOf("abab", { characters: [7] }).size).toBe(0);
  });

  test("tells runs of words from runs of characters, and marks from words", () => {
    // Words: turn, it, off, !; pairs: turn it, it off, off !.
    expect(hashesOf("turn it off!", { words: [1, 2] }).size).toBe(7);
    const both = hashesOf("ab", { characters: [1], words: [1] });
    expect(both.size).toBe(4 + 1);
  });

  test("folds digits and case only where it is told to", () => {
    const of = (text: string, more: object) => [...hashesOf(text, { words: [1], ...more })];
    expect(of("Win 500", { digits: true, lower: true })).toEqual(of("win 123", { digits: true, lower: true }));
    expect(of("Win 500", { digits: true })).not.toEqual(of("win 123", { digits: true }));
    expect(of("win 500", { lower: true })).not.toEqual(of("win 123", { lower: true }));
  });
});

test("bucketsOf() puts every hash into its share of the range", () => {
  const hashes = [[0, 2 ** 32 - 1], [], [2 ** 31]].map((list) => Uint32Array.from(list));
  const { starts, buckets } = bucketsOf(hashes, 10);
  expect([...starts]).toEqual([0, 2, 2, 3]);
  expect([...buckets]).toEqual([0, 9, 5]);
});

test("featuresLabel() names every choice", () => {
  expect(featuresLabel({ characters: [2, 3, 4], words: [1], digits: true })).toBe("c2-4 w1-1 0");
  expect(featuresLabel({ words: [1, 2], lower: true })).toBe("w1-2 a");
});
