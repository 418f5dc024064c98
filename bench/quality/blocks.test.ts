import { expect, test } from "vitest";
import { Alphabet } from "../../src/tokenizer/alphabet.js";
import { bitsOfBlocks, firstBytes } from "./blocks.mjs";

test("firstBytes() counts the bytes of tokens and of escapes", () => {
  const text = (value: string) => new TextEncoder().encode(value);
  const halves = Array.from({ length: 16 }, (_, index) => text(String.fromCharCode(65 + index)));
  const alphabet = Alphabet.ofTokens([...halves, text("the"), new Uint8Array(0)]);
  const symbols = alphabet.encode(text("thexA"));
  // "the", then "x" (0x78) as escape, 7, 8, then "A".
  expect([...symbols]).toEqual([16, 17, 7, 8, 0]);
  expect(firstBytes(alphabet, symbols)).toEqual([0, 3, 3, 3, 4]);
});

test("bitsOfBlocks() gives a symbol to the block in which it starts", () => {
  const bits = [8, 4, 2, 6];
  const nats = Float64Array.from(bits, (value) => value * Math.LN2);
  const blocks = bitsOfBlocks(nats, [0, 3, 4, 7], 8, 2);
  expect(blocks[0]).toBeCloseTo((8 + 4) / 4, 12);
  expect(blocks[1]).toBeCloseTo((2 + 6) / 4, 12);
});
