import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { FormatError } from "../format/format-error.js";
import { sampleBase, sampleClassifier, sampleGated, sampleRecall } from "../format/samples.js";
import { writeModel } from "../format/writer.js";
import { UsageError } from "../model/errors.js";
import type { Engine } from "./engine.js";
import { check, createMirror } from "./mirror.js";
import { createWasm, loadWasm } from "./wasm.js";

const base = writeModel(sampleBase());
const gated = writeModel(sampleGated());
const classifier = writeModel(sampleClassifier());
const recalling = writeModel(sampleRecall());
const wasm = await loadWasm();

/** Bytes that begin anywhere in their buffer. */
const shifted = (bytes: Uint8Array) => {
  const buffer = new Uint8Array(bytes.length + 3);
  buffer.set(bytes, 3);
  return buffer.subarray(3);
};

describe.each([
  ["createMirror()", { check, create: createMirror }],
  ["createWasm()", wasm],
] as const)("%s", (_, { check: checked, create }) => {
  test("tells the model's dimensions and RAM", () => {
    const { vocab, outputs, nLayers, arenaBytes } = create(classifier);
    expect({ vocab, outputs, nLayers }).toEqual({ vocab: 4, outputs: 3, nLayers: 1 });
    expect(checked(classifier)).toEqual({ error: 0, arenaBytes });
  });

  test("takes a model from the middle of a buffer", () => {
    expect([...create(shifted(base)).step(3)]).toEqual([...create(base).step(3)]);
  });

  test("refuses a model in the reader's words", () => {
    const damaged = base.slice();
    damaged[100] ^= 1;
    expect(checked(damaged)).toEqual({ error: 6, arenaBytes: 0 });
    expect(() => create(damaged)).toThrow(FormatError);
    expect(() => create(damaged)).toThrow(/^Cannot load the model: at byte 12, crc32 is /);
  });

  const sampler = { temperature: 256, topK: 0, topP: 0, random: 1 };
  const settings = { longest: 6, repeats: 7, penalty: 0 };

  test.each<[string, (engine: Engine) => unknown, string]>([
    ...[5, 65536, -1, 2 ** 32 - 1, 0.5, Number.NaN].flatMap(
      (symbol): [string, (engine: Engine) => unknown, string][] => {
        const refusal = `Cannot feed symbol ${symbol}: the model has the symbols 0 to 4; encode the text with it.`;
        return [
          [`to feed ${symbol}`, (engine) => engine.feed(symbol), refusal],
          [`to step with ${symbol}`, (engine) => engine.step(symbol), refusal],
        ];
      },
    ),
    [
      "a layer too many",
      (engine) => engine.router(2),
      "Cannot tell the router's mix: layer is 2 but it must be a whole number from 0 to 1; give such.",
    ],
    ["a layer below 0", (engine) => engine.router(-1), "Cannot tell the router's mix: layer is -1 but "],
    ["no layer", (engine) => engine.router(Number.NaN), "Cannot tell the router's mix: layer is NaN but "],
    [
      "a temperature of 65536",
      (engine) => engine.sample({ ...sampler, temperature: 65536 }),
      "Cannot sample: temperature is",
    ],
    [
      "a temperature below 0",
      (engine) => engine.sample({ ...sampler, temperature: -1 }),
      "Cannot sample: temperature is -1",
    ],
    ["a topK of 0.5", (engine) => engine.sample({ ...sampler, topK: 0.5 }), "Cannot sample: topK is 0.5 but"],
    ["a topP of NaN", (engine) => engine.sample({ ...sampler, topP: Number.NaN }), "Cannot sample: topP is NaN but"],
    [
      "a random of 2^32",
      (engine) => engine.sample({ ...sampler, random: 2 ** 32 }),
      "Cannot sample: random is 4294967296",
    ],
    ["recall of 7", (engine) => engine.recall({ ...settings, longest: 7 }), "Cannot set recall: longest is 7 but"],
    [
      "recall's repeats of 8",
      (engine) => engine.recall({ ...settings, repeats: 8 }),
      "Cannot set recall: repeats is 8",
    ],
    ["a penalty of 32768", (engine) => engine.recall({ ...settings, penalty: 32768 }), "Cannot set recall: penalty is"],
    ["a penalty below 0", (engine) => engine.recall({ ...settings, penalty: -1 }), "Cannot set recall: penalty is -1"],
    ["a probability of 0.5", (engine) => engine.entropy([1, 0.5]), "Cannot tell the entropy: probability 1 is 0.5 but"],
    ["a probability below 0", (engine) => engine.entropy([-1]), "Cannot tell the entropy: probability 0 is -1 but"],
    ["a probability of 32769", (engine) => engine.entropy([32769]), "Cannot tell the entropy: probability 0 is 32769"],
    [
      "1025 probabilities",
      (engine) => engine.entropy(Array(1025).fill(0)),
      "Cannot tell the entropy: the number of probabilities is 1025 but",
    ],
    ["to decode -1", (engine) => engine.decode(-1), "Cannot decode: the symbol is -1 but"],
    ["to decode 0.5", (engine) => engine.decode(0.5), "Cannot decode: the symbol is 0.5 but"],
    ["to name class 0.5", (engine) => engine.className(0.5), "Cannot name a class: its index is 0.5 but"],
  ])("refuses %s, and changes nothing", (_, act, refusal) => {
    const [engine, twin] = [create(base), create(base)];
    engine.step(1);
    twin.step(1);
    const bad = () => act(engine);
    expect(bad).toThrow(UsageError);
    expect(bad).toThrow(refusal);
    expect(bad).toThrow(/^Cannot [^\n;]+: [^\n;]+; [^\n;]+\.$/);
    expect(engine.argmax()).toBe(twin.argmax());
    expect([...engine.step(2)]).toEqual([...twin.step(2)]);
  });

  test.each<[string, (engine: Engine) => unknown, string]>([
    [
      "argmax",
      (engine) => engine.argmax(),
      "Cannot choose a symbol: there are no logits of the last symbol; call step",
    ],
    [
      "sample",
      (engine) => engine.sample({ ...sampler }),
      "Cannot sample: there are no logits of the last symbol; call",
    ],
    [
      "scores",
      (engine) => engine.scores(),
      "Cannot tell the scores: there are no logits of the last symbol; call step",
    ],
  ])("refuses %s where there are no logits: before a step, after feed and after a reset", (_, act, refusal) => {
    const engine = create(base);
    const readings = [() => undefined, () => engine.feed(1), () => void engine.step(1), () => engine.reset()];
    const outcomes = readings.map((read) => {
      read();
      try {
        return typeof act(engine);
      } catch (error) {
        return error instanceof UsageError ? error.message : error;
      }
    });
    const refused = expect.stringContaining(refusal);
    expect(outcomes).toEqual([refused, refused, expect.stringMatching(/number|object/), refused]);
  });

  test("refuses logits before a symbol is read, and after a reset", () => {
    const engine = create(base);
    const refusal = new UsageError("Cannot tell the logits: no symbol was read; call feed or step before.");
    expect(() => engine.logits()).toThrow(refusal);
    engine.feed(1);
    expect(engine.logits()).toHaveLength(5);
    engine.reset();
    expect(() => engine.logits()).toThrow(refusal);
  });

  test("takes nothing: no text, no probabilities, a symbol and a class that are not there", () => {
    const engine = create(gated);
    expect([...engine.encode(new Uint8Array())]).toEqual([]);
    expect(engine.entropy([])).toBe(0);
    expect([...engine.decode(17), ...engine.decode(0xffffffff), ...engine.className(0)]).toEqual([]);
    expect(engine.router(1).mix).toEqual([0, 0, 0]);
  });

  test("keeps streams apart", () => {
    const alone = create(base);
    const symbols = [0, 4, 2, 2, 1];
    const expected = symbols.map((symbol) => [...alone.step(symbol)]);
    const [one, other]: Engine[] = [create(base), create(gated)];
    const interleaved = symbols.map((symbol) => {
      other.step(symbol);
      return [...one.step(symbol)];
    });
    expect(interleaved).toEqual(expected);
  });

  test("feeds without logits as it steps with them, and resets to the start", () => {
    const [feeding, stepping] = [create(gated), create(gated)];
    const first = [...stepping.step(7)];
    stepping.step(16);
    feeding.feed(7);
    feeding.feed(16);
    expect([...feeding.logits()]).toEqual([...stepping.logits()]);
    expect([...feeding.logits()]).toEqual([...stepping.logits()]);
    feeding.reset();
    expect([...feeding.step(7)]).toEqual(first);
  });

  test("keeps the settings of recall through a reset", () => {
    const engine = create(recalling);
    const text = [0, 1, 1, 0, 1, 1, 0];
    const run = () => {
      engine.reset();
      return text.map((symbol) => [...engine.step(symbol)]);
    };
    const full = run();
    engine.recall({ longest: 0, repeats: 0, penalty: 0 });
    const off = run();
    expect(off).not.toEqual(full);
    expect(run()).toEqual(off);
    engine.recall({ longest: 6, repeats: 0, penalty: 700 });
    // Of the three symbols, one and then two have been read.
    const lost = run().map((logits, t) => logits.map((logit, symbol) => off[t][symbol] - logit));
    expect(lost).toEqual([[700, 0, 0], ...text.slice(1).map(() => [700, 700, 0])]);
    engine.recall({ longest: 6, repeats: 7, penalty: 0 });
    expect(run()).toEqual(full);
  });

  test("gives logits in one array that the next step overwrites", () => {
    const engine = create(classifier);
    const logits = engine.step(1);
    expect(logits).toHaveLength(3);
    expect(engine.step(2)).toBe(logits);
    expect(engine.scores()).toBe(logits);
    expect(logits.reduce((sum, score) => sum + score, 0)).toBeGreaterThan(32768 - 4);
  });

  test("moves the generator's state on by each draw, and not at temperature 0", () => {
    const engine = create(base);
    engine.step(0);
    const sampler = { temperature: 0, topK: 0, topP: 0, random: 0xffffffff };
    expect(engine.sample(sampler)).toBe(engine.argmax());
    expect(sampler.random).toBe(0xffffffff);
    // One output kept: any number drawn is below its weight of 2^15, so one is enough.
    Object.assign(sampler, { temperature: 256, topK: 1 });
    expect(engine.sample(sampler)).toBe(engine.argmax());
    expect(sampler.random).toBe(0x9e3779b8);
  });

  test("knows entropies", () => {
    const engine = create(base);
    const of = (...probabilities: number[]) => engine.entropy(probabilities);
    expect([of(), of(32768), of(0, 32768, 0), of(16384, 16384), of(8192, 8192, 8192, 8192)]).toEqual([
      0, 0, 0, 2048, 4096,
    ]);
  });

  test("refuses text of which a byte has no symbol", () => {
    expect([...create(base).encode(Uint8Array.of(0, 4))]).toEqual([0, 4]);
    expect(() => create(base).encode(Uint8Array.of(0, 4, 5))).toThrow(
      new UsageError(
        "Cannot encode the text: at byte 2, the byte is 5 but the model has only the symbols 0 to 4; leave it out.",
      ),
    );
  });

  test("names classes, and nothing beyond", () => {
    const name = (model: Uint8Array, index: number) => new TextDecoder().decode(create(model).className(index));
    expect([0, 2, 3, 99].map((index) => name(classifier, index))).toEqual(["c0", "c2", "", ""]);
    expect(name(base, 0)).toBe("");
  });
});

test("createWasm() takes the module's bytes", async () => {
  const bytes = Uint8Array.from(readFileSync(new URL("../../dist/wasm/engine.wasm", import.meta.url)));
  const engine = await createWasm(base, bytes);
  expect([...engine.step(1)]).toEqual([...createMirror(base).step(1)]);
  expect([...(await createWasm(base)).step(1)]).toEqual([...engine.logits()]);
});

test("createWasm() holds a model larger than its first memory", () => {
  const large = writeModel({ ...sampleBase(), metadata: " ".repeat(3_000_000).replace(/^ /, "1") });
  expect([...wasm.create(large).step(2)]).toEqual([...createMirror(base).step(2)]);
});
