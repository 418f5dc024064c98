import { expect, test } from "vitest";
import { emptyHash, hashByte, hashText, hashWords } from "./hash.js";

const ofText = (text: string) => hashText([...new TextEncoder().encode(text)].reduce(hashByte, emptyHash));

// Published test vectors of FNV-1a, 32 bits.
test("hashByte() is FNV-1a", () => {
  expect([ofText(""), ofText("a"), ofText("foobar")]).toEqual(["811c9dc5", "e40c292c", "bf9cf968"]);
});

test("hashWords() takes the bytes of each word, the lowest first", () => {
  const bytes = [0x04, 0x03, 0x02, 0x01, 0xfe, 0xff, 0xff, 0xff];
  expect(hashWords(emptyHash, Int32Array.of(0x01020304, -2))).toBe(bytes.reduce(hashByte, emptyHash));
});
