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

  test.each([5, 65536, -1, 2 ** 32 - 1])("refuses symbol %d and changes nothing", (symbol) => {
    const [engine, twin] = [create(base), create(base)];
    const refusal = `Cannot feed symbol ${symbol}: the model has the symbols 0 to 4; encode the text with it.`;
    engine.step(1);
    twin.step(1);
    expect(() => engine.feed(symbol)).toThrow(new UsageError(refusal));
    expect(() => engine.step(symbol)).toThrow(new UsageError(refusal));
    expect([...engine.step(2)]).toEqual([...twin.step(2)]);
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

  test("keeps the settings of recall through a reset, and refuses others", () => {
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
    for (const bad of [{ longest: 7 }, { repeats: 8 }, { repeats: 0.5 }, { penalty: 32768 }, { penalty: -1 }]) {
      const act = () => engine.recall({ longest: 6, repeats: 7, penalty: 0, ...bad });
      expect(act).toThrow(UsageError);
      expect(act).toThrow(/^Cannot set recall: [^\n]+; [^\n]+\.$/);
    }
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
