import { describe, expect, test } from "vitest";
import type { Engine, RouterMix } from "../engine/engine.js";
import { Alphabet } from "../tokenizer/alphabet.js";
import { Continuation } from "../tokenizer/continuation.js";
import { Prompt } from "../tokenizer/prompt.js";
import { type GenerationOptions, generate } from "./generation.js";

/** An engine that writes the given pieces one after the other, whatever it is fed. */
function scripted(
  pieces: readonly (string | Uint8Array)[],
  routers: readonly RouterMix[] = [],
): Engine & { fed: number[] } {
  const fed: number[] = [];
  return {
    fed,
    nLayers: routers.length,
    router: (layer: number) => routers[layer],
    argmax: () => fed.length,
    sample: () => fed.length,
    step: (symbol: number) => {
      fed.push(symbol);
      return new Int32Array();
    },
    decode: (symbol: number) => Buffer.from(pieces[symbol % pieces.length]),
  } as unknown as Engine & { fed: number[] };
}

const sampler = { temperature: 0, topK: 0, topP: 0, random: 0 };
const write = (pieces: readonly (string | Uint8Array)[], options: Partial<GenerationOptions>) =>
  [...generate(scripted(pieces), { sampler, maxBytes: 100, ...options })].map(({ bytes }) =>
    Buffer.from(bytes).toString(),
  );
const stop = (text: string) => new TextEncoder().encode(text);

describe("generate", () => {
  test("ends at the number of bytes, within a piece if need be", () => {
    expect(write(["abc", "de"], { maxBytes: 7 })).toEqual(["abc", "de", "ab"]);
  });

  test("leaves out a character of UTF-8 that the number of bytes would cut off", () => {
    expect(write(["ab\u00e9"], { maxBytes: 3 })).toEqual(["ab"]);
    expect(write(["ab\u00e9"], { maxBytes: 4 })).toEqual(["ab\u00e9"]);
    expect(write(["\u20ac"], { maxBytes: 5 })).toEqual(["\u20ac"]);
    expect(write(["a", "\u{1f600}"], { maxBytes: 4 })).toEqual(["a"]);
    expect(write(["a", "\u{1f600}"], { maxBytes: 5 })).toEqual(["a", "\u{1f600}"]);
  });

  test("leaves it out where a piece has but a part of it, too", () => {
    const [first, second, third] = [...Buffer.from("\u20ac")].map((byte) => Uint8Array.of(byte));
    expect(write(["a", first, second, third], { maxBytes: 3 })).toEqual(["a"]);
    const whole = [...generate(scripted(["a", first, second, third]), { sampler, maxBytes: 4 })];
    expect(Buffer.concat(whole.map(({ bytes }) => bytes)).toString()).toBe("a\u20ac");
  });

  test("hands on bytes that are no UTF-8", () => {
    const latin1 = Uint8Array.of(0xe9, 0x74, 0xe9, 0x20);
    const [piece] = generate(scripted([latin1]), { sampler, maxBytes: 4 });
    expect([...piece.bytes]).toEqual([...latin1]);
    const [continued] = generate(scripted([Uint8Array.of(0x80, 0x80, 0x80, 0x80)]), { sampler, maxBytes: 4 });
    expect(continued.bytes.length).toBe(4);
  });

  test("leaves out pieces without bytes", () => {
    expect(write(["", "x", ""], { maxBytes: 2 })).toEqual(["x", "x"]);
  });

  test("ends before the stop text, wherever pieces cut it", () => {
    expect(write(["one", "\n", "\n", "two"], { stop: stop("\n\n") })).toEqual(["one"]);
    expect(write(["one\n", "\ntwo"], { stop: stop("\n\n") })).toEqual(["one"]);
    expect(write(["a\n\nb"], { stop: stop("\n\n") })).toEqual(["a"]);
    expect(write(["a", "b", "c"], { stop: stop("a") })).toEqual([]);
  });

  test("gives back what only looked like the stop text", () => {
    expect(write(["a\n", "b", "c"], { stop: stop("\n\n"), maxBytes: 4 })).toEqual(["a\n", "b", "c"]);
  });

  test("hands on a piece as soon as it cannot begin the stop text", () => {
    const engine = scripted(["aaaa", "b", "c"]);
    const pieces = generate(engine, { sampler, maxBytes: 100, stop: stop("\n\n") });
    pieces.next();
    // The second piece was needed to know: the first might have ended in a line break.
    expect(engine.fed.length).toBe(1);
  });

  test("chooses among what agrees with the end of the prompt, and writes what is behind it", () => {
    const tokens = ["$", " ", " tar", " to", ...Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))];
    const alphabet = Alphabet.ofTokens(tokens.map((token) => Buffer.from(token, "latin1")));
    const prompt = new Continuation(alphabet, new Prompt(alphabet, "$ t"));
    // The later a symbol, the likelier; the last that begins with " t" is " to".
    const logits = Int32Array.from(tokens.keys());
    const engine = Object.assign(scripted(tokens), {
      logits: () => logits,
      argmax: () => logits.indexOf(Math.max(...logits)),
    });
    const [piece] = generate(engine, { sampler, maxBytes: 3, prompt });
    expect(Buffer.from(piece.bytes).toString()).toBe("o");
    expect(prompt.rest).toHaveLength(0);
  });

  test("averages the router over the layers that have a choice", () => {
    const engine = scripted(
      ["a"],
      [
        { mix: [32768, 0, 0], entropy: 0 },
        { mix: [16384, 16384, 0], entropy: 2048 },
        { mix: [0, 24576, 8192], entropy: 1024 },
      ],
    );
    const [piece] = generate(engine, { sampler, maxBytes: 1 });
    expect(piece).toMatchObject({ mix: [0.25, 0.625, 0.125], entropyBits: 0.75 });
  });
});
