import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Alphabet } from "./alphabet.js";
import { Continuation } from "./continuation.js";
import { Prompt } from "./prompt.js";

const utf8 = (text: string) => new TextEncoder().encode(text);
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** An escape, the given tokens from symbol 1 on, and fillers that no test text holds. */
function withTokens(...tokens: string[]): Alphabet {
  const fillers = Array.from({ length: 16 }, (_, i) => Uint8Array.of(1, i));
  return Alphabet.ofTokens([new Uint8Array(0), ...tokens.map(utf8), ...fillers]);
}

const continued = (alphabet: Alphabet, prompt: string | Uint8Array) =>
  new Continuation(alphabet, new Prompt(alphabet, prompt));

const agreeing = (continuation: Continuation, alphabet: Alphabet): string[] =>
  (alphabet.tokens ?? []).filter((_, symbol) => continuation.agrees(symbol)).map(text);

describe("Continuation", () => {
  const commands = withTokens("$", " ", " tar", " to", "t", "a", "r", "-");

  test("does not feed what may begin a longer token, and asks for it instead", () => {
    const continuation = continued(commands, "$ ");
    expect([...continuation.symbols]).toEqual([1]);
    expect(text(continuation.rest)).toBe(" ");
    expect(agreeing(continuation, commands)).toEqual([" ", " tar", " to"]);
    expect(text(continuation.take(utf8(" tar")))).toBe("tar");
    expect(continuation.rest).toHaveLength(0);
    expect(agreeing(continuation, commands)).toHaveLength(commands.size);
  });

  test("holds back several symbols that together begin one token", () => {
    const continuation = continued(commands, "$ ta");
    expect([...continuation.symbols]).toEqual([1]);
    // " t" is no token, so that what " ta" is encoded as begins with " ".
    expect(agreeing(continuation, commands)).toEqual([" ", " tar"]);
    expect(continuation.take(utf8(" "))).toHaveLength(0);
    expect(agreeing(continuation, commands)).toEqual(["t"]);
    expect(continuation.take(utf8("t"))).toHaveLength(0);
    expect(continuation.take(utf8("a"))).toHaveLength(0);
    expect(continuation.rest).toHaveLength(0);
  });

  test("feeds all of a prompt that ends where a token does, its first symbol always, and escaped bytes", () => {
    const symbolsOf = (prompt: string) => [...continued(commands, prompt).symbols];
    expect(symbolsOf("$ tar")).toEqual([...commands.encode(utf8("$ tar"))]);
    expect(symbolsOf(" ")).toEqual([...commands.encode(utf8(" "))]);
    expect(symbolsOf("$é")).toEqual([...commands.encode(utf8("$é"))]);
    expect(symbolsOf("")).toEqual([]);
    const bytes = continued(Alphabet.bytes(), "$ ");
    expect([...bytes.symbols]).toEqual([0x24, 0x20]);
    expect(bytes.agrees(0)).toBe(true);
  });

  test("makes what does not agree impossible, and nothing once the rest is spelled", () => {
    const continuation = continued(commands, "$ ");
    const logits = new Int32Array(commands.size).fill(7);
    continuation.restrict(logits);
    expect([...logits.keys()].filter((symbol) => logits[symbol] === 7)).toEqual([2, 3, 4]);
    continuation.take(utf8(" "));
    logits.fill(7);
    continuation.restrict(logits);
    expect(new Set(logits)).toEqual(new Set([7]));
  });

  test("lets every text that goes on be written as it is encoded", () => {
    const tokens = fc.uniqueArray(fc.uint8Array({ minLength: 2, maxLength: 6, max: 2 }), {
      minLength: 14,
      maxLength: 40,
      selector: (token) => token.join(),
    });
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 20, max: 2 });
    fc.assert(
      fc.property(tokens, bytes, bytes, (longer, prompt, more) => {
        const alphabet = Alphabet.ofTokens([new Uint8Array(0), ...[0, 1, 2].map((b) => Uint8Array.of(b)), ...longer]);
        const continuation = continued(alphabet, prompt);
        const whole = alphabet.encode(Uint8Array.of(...prompt, ...more));
        // The first symbol of the prompt is fed, whatever follows.
        fc.pre(whole[0] === continuation.symbols[0]);
        const { length } = continuation.symbols;
        expect(whole.subarray(0, length)).toEqual(continuation.symbols);
        const written: number[] = [];
        for (const symbol of whole.subarray(length)) {
          expect(continuation.agrees(symbol)).toBe(true);
          written.push(...continuation.take((alphabet.tokens as Uint8Array[])[symbol]));
        }
        expect(written).toEqual([...more]);
      }),
    );
  });
});
