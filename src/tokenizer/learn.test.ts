import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../model/errors.js";
import { learnMerges } from "./byte-pairs.js";
import { countChunks } from "./chunks.js";
import { learnAlphabet } from "./learn.js";
import { pruneTokens } from "./prune.js";

const ascii = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder("latin1").decode(bytes);
const household = new Uint8Array(readFileSync(new URL("../../examples/household/train.txt", import.meta.url)));

describe("countChunks", () => {
  const split = (...pieces: string[]) =>
    countChunks(pieces.map(ascii)).map(({ bytes, count }) => [text(bytes), count] as const);

  test("cuts between words, punctuation and line breaks; a word takes the spaces before it", () => {
    expect(split("Tom's cat.\n\nThe cat, 12 of  3x ")).toEqual([
      ["Tom's", 1],
      [" cat", 2],
      [".", 1],
      ["\n\n", 1],
      ["The", 1],
      [",", 1],
      [" 12", 1],
      [" of", 1],
      ["  3", 1],
      ["x", 1],
      [" ", 1],
    ]);
  });

  test("does not depend on where the pieces end", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: fc.constantFrom("a", "b", " ", ".", "1"), maxLength: 90 })), (pieces) => {
        expect(split(...pieces)).toEqual(split(pieces.join("")));
      }),
    );
  });

  test("cuts chunks at 64 bytes", () => {
    expect(split("a".repeat(130)).map(([chunk, count]) => [chunk.length, count])).toEqual([
      [64, 2],
      [2, 1],
    ]);
  });
});

describe("countChunks in a bounded memory", () => {
  // Every third word is one of ten; the others never come again.
  const letters = (i: number) => String(i).replace(/\d/g, (digit) => "abcdefghij"[Number(digit)]);
  const words = Array.from({ length: 3000 }, (_, i) =>
    i % 3 === 0 ? ` common${letters(i % 10)}` : ` once${letters(i)}`,
  );
  const bytes = ascii(words.join(""));

  test("keeps what is frequent and forgets what is rare", () => {
    const chunks = countChunks([bytes], 64);
    expect(chunks.length).toBeLessThanOrEqual(64);
    const frequent = chunks.filter(({ count }) => count >= 90).map(({ bytes: chunk, count }) => [text(chunk), count]);
    expect(frequent.sort()).toEqual([..."abcdefghij"].map((letter) => [` common${letter}`, 100]));
    expect(countChunks([bytes], 4096).length).toBe(2010);
  });

  test("does not depend on where the pieces end", () => {
    const pieces = Array.from({ length: bytes.length }, (_, i) => bytes.subarray(i, i + 1));
    expect(countChunks(pieces, 64)).toEqual(countChunks([bytes], 64));
  });
});

describe("learnMerges", () => {
  const learn = (chunks: Record<string, number>, size: number) =>
    learnMerges(
      Object.entries(chunks).map(([chunk, count]) => ({ bytes: ascii(chunk), count })),
      size,
    ).map(text);

  test("merges the most frequent pair first", () => {
    expect(learn({ abc: 3, bc: 2, ab: 1 }, 5)).toEqual(["a", "b", "c", "bc", "abc"]);
  });

  test("takes the lower pair among equals", () => {
    expect(learn({ cd: 2, ab: 2 }, 6)).toEqual(["a", "b", "c", "d", "ab", "cd"]);
  });

  test("counts overlapping repeats as they can be merged", () => {
    // aaaa: "aa" once merged leaves one pair of "aa".
    expect(learn({ aaaa: 2 }, 9)).toEqual(["a", "aa", "aaaa"]);
  });

  test("keeps the counts that a recount gives", () => {
    const chunk = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.dictionary(chunk, fc.integer({ min: 1, max: 9 }), { minKeys: 1 }), (chunks) => {
        expect(learn(chunks, 20)).toEqual(recountingMerges(chunks, 20));
      }),
    );
  });

  test("stops when no pair occurs twice", () => {
    expect(learn({ ab: 1, cd: 1 }, 9)).toEqual(["a", "b", "c", "d"]);
  });
});

/** Byte-pair merges that count every pair anew before each merge. */
function recountingMerges(chunks: Record<string, number>, size: number): string[] {
  const tokens = [...new Set(Object.keys(chunks).join(""))].sort();
  let texts = Object.entries(chunks).map(([chunk, count]) => ({ parts: [...chunk], count }));
  while (tokens.length < size) {
    const counts = new Map<string, number>();
    for (const { parts, count } of texts) {
      for (let i = 1; i < parts.length; i++) {
        const key = `${parts[i - 1]} ${parts[i]}`;
        counts.set(key, (counts.get(key) ?? 0) + count);
      }
    }
    const rank = (key: string) => key.split(" ").map((part) => tokens.indexOf(part));
    const order = ([a, n]: [string, number], [b, m]: [string, number]) =>
      m - n || rank(a)[0] - rank(b)[0] || rank(a)[1] - rank(b)[1];
    const best = [...counts].filter(([, count]) => count > 1).sort(order)[0];
    if (!best) break;
    const [left, right] = best[0].split(" ");
    if (!tokens.includes(left + right)) tokens.push(left + right);
    texts = texts.map(({ parts, count }) => ({ parts: replacePair(parts, left, right), count }));
  }
  return tokens;
}

function replacePair(parts: string[], left: string, right: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const both = parts[i] === left && parts[i + 1] === right;
    out.push(both ? left + right : parts[i]);
    if (both) i++;
  }
  return out;
}

test("pruneTokens() removes what longest match uses least", () => {
  const tokens = ["a", "b", "c", "ab", "abc", "bc"].map(ascii);
  const chunks = [
    { bytes: ascii("abc"), count: 9 },
    { bytes: ascii("bc"), count: 4 },
    { bytes: ascii("a"), count: 3 },
    { bytes: ascii("b"), count: 2 },
    { bytes: ascii("c"), count: 1 },
  ];
  // "ab" is a step on the way to "abc" and never used.
  expect(pruneTokens(tokens, chunks, 5).map(text)).toEqual(["a", "b", "c", "abc", "bc"]);
});

describe("learnAlphabet", () => {
  test("map has the bytes in use, in order, after the escape", () => {
    const alphabet = learnAlphabet({ kind: "map" }, () => [household]);
    const tokens = alphabet.tokens as readonly Uint8Array[];
    const counts = new Map<number, number>();
    for (const byte of household) counts.set(byte, (counts.get(byte) ?? 0) + 1);
    const used = [...counts.keys()].filter((byte) => (counts.get(byte) as number) >= 2).sort((a, b) => a - b);
    expect(tokens.map((token) => [...token])).toEqual([[], ...used.map((byte) => [byte])]);
  });

  test("map leaves rare bytes to the escape", () => {
    const bytes = new Uint8Array(200_000).map((_, i) => 65 + (i % 20));
    bytes.fill(200, 0, 3);
    bytes.fill(201, 3, 7);
    const tokens = learnAlphabet({ kind: "map" }, () => [bytes]).tokens as readonly Uint8Array[];
    // 200,000 / 65,536 = 3.05
    expect(tokens.some((token) => token[0] === 200)).toBe(false);
    expect(tokens.some((token) => token[0] === 201)).toBe(true);
  });

  test("map of a text with few bytes is filled up to 17 symbols", () => {
    const alphabet = learnAlphabet({ kind: "map" }, () => [ascii("abababab")]);
    expect(alphabet.size).toBe(17);
    expect([...alphabet.encode(ascii("ba"))].map((symbol) => alphabet.tokens?.[symbol][0])).toEqual([98, 97]);
  });

  test("tokens has the size asked for, an escape and loses nothing", () => {
    const alphabet = learnAlphabet({ kind: "tokens", size: 300 }, () => [household]);
    expect([alphabet.size, alphabet.escapeSymbol]).toEqual([300, 0]);
    const symbols = alphabet.encode(household);
    expect(alphabet.decode(symbols)).toEqual(household);
    expect(symbols.length / household.length).toBeLessThan(0.4);
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    expect(alphabet.decode(alphabet.encode(all))).toEqual(all);
  });

  test("gives the same tokens for the same text in other pieces", () => {
    const pieces = [household.subarray(0, 1001), household.subarray(1001, 50_000), household.subarray(50_000)];
    const whole = learnAlphabet({ kind: "tokens", size: 300 }, () => [household]);
    expect(learnAlphabet({ kind: "tokens", size: 300 }, () => pieces).toJson()).toEqual(whole.toJson());
  });

  test("says how many tokens a small text gives", () => {
    const learn = () => learnAlphabet({ kind: "tokens", size: 512 }, () => [ascii("one two one two")]);
    expect(learn).toThrow(UsageError);
    expect(learn).toThrow(/the training text gives \d+ tokens, expected 512; .* --set 'alphabet=\{"kind":"map"\}'\.$/);
  });

  const data = process.env.ATOME_DATA ?? "";
  const stories = join(data, "tinystories-v2-train-10klines/tinystories_10k.txt");
  const heldOut = join(data, "tinystories-v2-valid-256k/sample.txt");
  test.skipIf(!existsSync(stories) || !existsSync(heldOut))(
    "512 tokens take at most .36 tokens per byte of stories",
    () => {
      const alphabet = learnAlphabet({ kind: "tokens", size: 512 }, () => [readFileSync(stories)]);
      const bytes = new Uint8Array(readFileSync(heldOut));
      const symbols = alphabet.encode(bytes);
      expect(symbols.length / bytes.length).toBeLessThan(0.36);
      expect(Buffer.compare(alphabet.decode(symbols), bytes)).toBe(0);
    },
  );
});
