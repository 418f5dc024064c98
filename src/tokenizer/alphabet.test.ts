import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FailureError, UsageError } from "../model/errors.js";
import { Alphabet } from "./alphabet.js";
import { Prompt } from "./prompt.js";

const ascii = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** An alphabet of an escape, the given tokens and fillers that no test text holds. */
function withTokens(...tokens: string[]): Alphabet {
  const fillers = Array.from({ length: 16 }, (_, i) => Uint8Array.of(1, i));
  return Alphabet.ofTokens([new Uint8Array(0), ...tokens.map(ascii), ...fillers]);
}

/** Longest match by looking at every token. */
function naiveEncode(alphabet: Alphabet, bytes: Uint8Array): number[] {
  const tokens = alphabet.tokens as readonly Uint8Array[];
  const symbols: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    let best = -1;
    tokens.forEach((token, index) => {
      const fits = token.length > 0 && token.every((byte, i) => bytes[at + i] === byte);
      if (fits && (best < 0 || token.length > tokens[best].length)) best = index;
    });
    symbols.push(...(best >= 0 ? [best] : [alphabet.escapeSymbol, bytes[at] >> 4, bytes[at] & 15]));
    at += best >= 0 ? tokens[best].length : 1;
  }
  return symbols;
}

/** Tables of short tokens over a few byte values, so that many are prefixes of one another. */
const tables = fc
  .uniqueArray(fc.uint8Array({ minLength: 1, maxLength: 5, max: 3 }), {
    minLength: 16,
    maxLength: 60,
    selector: (token) => token.join(),
  })
  .map((tokens) => Alphabet.ofTokens([...tokens.slice(0, 7), new Uint8Array(0), ...tokens.slice(7)]));
const texts = fc.array(fc.oneof(fc.nat(3), fc.nat(255)), { maxLength: 80 }).map((bytes) => Uint8Array.from(bytes));

describe("Alphabet.encode", () => {
  test("takes the longest token at each position, not the best cut", () => {
    const alphabet = withTokens("a", "ab", "abc", "bcd", "d");
    expect([...alphabet.encode(ascii("abcd"))]).toEqual([3, 5]);
    expect([...alphabet.encode(ascii("aabbcd"))]).toEqual([1, 2, 4]);
  });

  test("spells a byte without a token as escape and two halves", () => {
    const alphabet = withTokens("a");
    expect([...alphabet.encode(Uint8Array.of(97, 0xe9, 97))]).toEqual([1, 0, 14, 9, 1]);
  });

  test("takes the first of equal tokens", () => {
    expect([...withTokens("a", "b", "b").encode(ascii("b"))]).toEqual([2]);
  });

  test("finds what looking at every token finds", () => {
    fc.assert(
      fc.property(tables, texts, (alphabet, bytes) => {
        expect([...alphabet.encode(bytes)]).toEqual(naiveEncode(alphabet, bytes));
      }),
    );
  });

  test("is undone by decode for any bytes", () => {
    fc.assert(
      fc.property(tables, texts, (alphabet, bytes) => {
        expect(alphabet.decode(alphabet.encode(bytes))).toEqual(bytes);
        expect(Alphabet.bytes().decode(Alphabet.bytes().encode(bytes))).toEqual(bytes);
      }),
    );
  });

  test("does not depend on where the pieces of a text end", () => {
    fc.assert(
      fc.property(tables, fc.array(texts), (alphabet, pieces) => {
        const encoder = alphabet.encoder();
        const symbols = [...pieces.map((piece) => encoder.push(piece)), encoder.finish()].flatMap((part) => [...part]);
        expect(symbols).toEqual([...alphabet.encode(Uint8Array.from(pieces.flatMap((piece) => [...piece])))]);
      }),
    );
  });

  test("grows beyond its first room", () => {
    const bytes = new Uint8Array(5000).fill(7);
    expect(withTokens("a").encode(bytes).length).toBe(15_000);
  });

  test("names the place of a byte that a small bytes alphabet lacks", () => {
    expect([...Alphabet.bytes(32).encode(Uint8Array.of(0, 31))]).toEqual([0, 31]);
    const encode = () => Alphabet.bytes(32).encode(Uint8Array.of(0, 31, 32));
    expect(encode).toThrow(UsageError);
    expect(encode).toThrow("at byte 2, found the value 32 but this alphabet has the bytes 0 to 31 only");
  });
});

describe("Alphabet.lastSymbolOf", () => {
  test("is the last symbol of the text, and none for an escaped byte, whose digits stand for other strings", () => {
    const alphabet = withTokens("<", "|>");
    expect(alphabet.lastSymbolOf("<||>")).toBe(2);
    expect(alphabet.lastSymbolOf("<|")).toBeUndefined();
    expect(alphabet.lastSymbolOf(undefined)).toBeUndefined();
    expect(Alphabet.bytes().lastSymbolOf("end\n")).toBe(10);
    expect(Alphabet.bytes(100).lastSymbolOf("x")).toBeUndefined();
  });
});

describe("Decoder", () => {
  test("keeps an escape between calls", () => {
    const decoder = withTokens("ab").decoder();
    expect(text(decoder.push(1))).toBe("ab");
    expect([decoder.push(0).length, decoder.insideEscape]).toEqual([0, true]);
    expect(decoder.push(4).length).toBe(0);
    expect([...decoder.push(17)]).toEqual([0x41]);
    expect(decoder.insideEscape).toBe(false);
  });

  test("uses the low four bits of both halves, whatever the symbols are", () => {
    expect([...withTokens("a").decode([0, 0, 16])]).toEqual([0]);
    expect([...withTokens("a").decode([0, 16 + 1, 15])]).toEqual([0x1f]);
  });

  test("gives nothing for an escape that the end cuts short", () => {
    expect(text(withTokens("a").decode([1, 0, 3]))).toBe("a");
  });

  test("refuses a symbol outside the alphabet", () => {
    expect(() => Alphabet.bytes().decoder().push(256)).toThrow(RangeError);
    expect(() => Alphabet.bytes().decoder().push(-1)).toThrow(RangeError);
  });
});

describe("Alphabet.ofTokens", () => {
  const singles = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));

  test("takes all single bytes without an escape", () => {
    expect(Alphabet.ofTokens(singles).escapeSymbol).toBe(-1);
  });

  const bad: [string, Uint8Array[], string][] = [
    ["a missing byte", singles.slice(1), "byte 0 has no token and there is no escape"],
    ["two escapes", [...singles, new Uint8Array(0), new Uint8Array(0)], "2 tokens are empty"],
    ["an escape and 16 symbols", [new Uint8Array(0), ...singles.slice(0, 15)], "it has an escape and 16 tokens"],
    ["a token of 256 bytes", [...singles, new Uint8Array(256)], "token 256 has 256 bytes"],
    ["one token", [Uint8Array.of(1)], "it has 1 tokens"],
  ];
  test.each(bad)("refuses %s", (_, tokens, message) => {
    expect(() => Alphabet.ofTokens(tokens)).toThrow(FailureError);
    expect(() => Alphabet.ofTokens(tokens)).toThrow(message);
  });

  test("takes 17 symbols with an escape", () => {
    expect(Alphabet.ofTokens([new Uint8Array(0), ...singles.slice(0, 16)]).size).toBe(17);
  });
});

describe("Alphabet.fromJson", () => {
  test("undoes toJson", () => {
    fc.assert(
      fc.property(tables, (alphabet) => {
        expect(Alphabet.fromJson(JSON.parse(JSON.stringify(alphabet.toJson()))).tokens).toEqual(alphabet.tokens);
      }),
    );
    expect(Alphabet.fromJson(Alphabet.bytes(32).toJson()).size).toBe(32);
  });

  test.each([
    null,
    "bytes",
    { kind: "bytes" },
    { kind: "bytes", size: 257 },
    { kind: "bytes", size: 1.5 },
    { kind: "tokens", tokens: "YQ==" },
    { kind: "tokens", tokens: ["%"] },
    { kind: "tokens", tokens: [1, 2] },
  ])("refuses %j", (json) => {
    expect(() => Alphabet.fromJson(json)).toThrow(FailureError);
  });
});

test("Prompt counts the bytes it had to escape", () => {
  const prompt = new Prompt(withTokens("t", "ea"), "teaé");
  expect([...prompt.symbols]).toEqual([1, 2, 0, 12, 3, 0, 10, 9]);
  expect(prompt.escapedBytes).toBe(2);
  expect(new Prompt(Alphabet.bytes(), "é").escapedBytes).toBe(0);
});
