import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openChromium } from "../scripts/chromium.mjs";
import { MISSING } from "../src/engine/engine.js";
import { check, createMirror } from "../src/engine/mirror.js";
import { loadWasm } from "../src/engine/wasm.js";
import { ERROR_NAMES } from "../src/format/format-error.js";
import { checkModel, readModel } from "../src/format/reader.js";
import { drawModel, seededDraw } from "../src/format/samples.js";
import { writeModel } from "../src/format/writer.js";
import { UsageError } from "../src/model/errors.js";
import { staleFiles, vectorFiles } from "./generate.mjs";
import { differences, differencesOf, malformed, modelOf, vectors } from "./load.js";
import { vectorModels } from "./models.mjs";
import { PlainEngine, reached } from "./plain-engine.js";

const wasm = await loadWasm();

test("the files are what generate.mjs writes, and small", () => {
  const files = vectorFiles();
  expect(staleFiles(files)).toEqual([]);
  const totalBytes = [...files.values()].reduce((sum, bytes) => sum + bytes.length, 0);
  expect(totalBytes).toBeLessThan(800_000);
});

test("there is a vector for each block, pathway set, table kind and limit", () => {
  const fields = (offset: number, bytes: 1 | 2) => (model: Uint8Array) =>
    bytes === 1 ? model[offset] : model[offset] | (model[offset + 1] << 8);
  const all = vectors.map(({ name }) => modelOf(name));
  const values = (offset: number, bytes: 1 | 2) => new Set(all.map(fields(offset, bytes)));
  const has = (offset: number, bytes: 1 | 2, ...wanted: number[]) =>
    expect([...values(offset, bytes)]).toEqual(expect.arrayContaining(wanted));
  has(16, 2, 2, 1024); // vocab
  has(20, 2, 2, 5, 20, 21, 64, 100, 1024); // dModel
  has(22, 2, 0, 1, 7, 160, 2048); // dInner
  has(24, 2, 1, 256); // dHead
  has(26, 1, 1, 3, 64); // nLayers
  has(27, 1, 1, 2, 3, 4); // topK
  has(28, 2, 0, 1, 2, 4, 6, 7, 8, 12, 16, 17, 23, 32, 33, 55, 72, 136, 200, 264, 360, 364, 392, 462, 512, 519); // options
  const columns = all.map((bytes) => readModel(bytes).sensor?.columns.length ?? 0);
  expect(columns).toEqual(expect.arrayContaining([0, 1, 2, 3, 64]));
  const ngrams = all.flatMap((bytes) => readModel(bytes).ngrams ?? []);
  expect(ngrams.map(({ buckets }) => buckets)).toEqual(expect.arrayContaining([1, 65535]));
  expect(ngrams.map(({ orders }) => orders)).toEqual(expect.arrayContaining([1, 2, 128, 255]));
  const windows = all.flatMap((bytes) => readModel(bytes).recall?.window ?? []);
  expect(windows).toEqual(expect.arrayContaining([1, 1024]));
  const pathways = (gated: boolean) =>
    new Set(
      all
        .map((bytes) => readModel(bytes))
        .filter(({ dimensions }) => dimensions.dInner > 0 === gated)
        .flatMap(({ layers }) => layers.map((layer) => layer.pathways)),
    );
  expect([...pathways(false)].sort()).toEqual([1, 2, 3, 4, 5, 6, 7]);
  expect([...pathways(true)].sort()).toEqual([1, 3, 5, 7]);
});

describe.each(vectors.map((vector) => [vector.name, vector] as const))("%s", (name, vector) => {
  const model = modelOf(name);

  test("the TypeScript engine gives its answers", () => {
    expect(check(model)).toEqual({ error: 0, arenaBytes: vector.arenaBytes });
    expect(differencesOf(createMirror(model), vector)).toEqual([]);
  });

  test("the WebAssembly engine gives its answers", () => {
    expect(wasm.check(model)).toEqual({ error: 0, arenaBytes: vector.arenaBytes });
    expect(differencesOf(wasm.create(model), vector)).toEqual([]);
  });

  test("SPEC.md read literally gives its answers, within its bounds", () => {
    expect(differencesOf(new PlainEngine(model), vector)).toEqual([]);
  });
});

describe.skipIf(!chromiumPath)("in Chromium", () => {
  let web: Awaited<ReturnType<typeof openChromium>>;

  beforeAll(async () => {
    web = await openChromium();
  });
  afterAll(() => web?.close());

  test.each(["typescript", "wasm"])(
    "the %s engine gives the answers of every vector and malformed file",
    async (name) => {
      const page = await web.browser.newPage();
      await page.goto(`${web.origin}/vectors/page.html`);
      const given = (await page.evaluate(`answersOf("${name}")`)) as { answers: unknown[][]; errors: number[] };
      await page.close();
      expect(vectors.flatMap((vector, i) => differences(vector, (_, call) => given.answers[i][call]))).toEqual([]);
      expect(given.errors).toEqual(malformed.map(({ error }) => error));
    },
  );
});

test("a decision stands up to its threshold, by each signal, and one below it none does", () => {
  const decisions = vectors.filter(({ name }) => name.startsWith("decision-"));
  expect(decisions.length).toBe(16);
  for (const { name, calls } of decisions) {
    expect(calls[1].gives, name).toMatchObject({ class: name.endsWith("-none") ? -1 : 0 });
  }
});

test("engines refuse samples, and decisions, that cannot be", () => {
  for (const engine of [createMirror(modelOf("sensor-columns")), wasm.create(modelOf("sensor-columns"))]) {
    expect(engine.columns).toBe(3);
    expect(() => engine.decide()).toThrow(UsageError);
    for (const values of [
      [],
      [1, 2],
      [1, 2, 3, 4],
      [1, 2, 0.5],
      [1, 2, 2 ** 31],
      [1, 2, -(2 ** 31) - 1],
      [1, 2, NaN],
    ]) {
      expect(() => engine.feedSample(values)).toThrow(UsageError);
    }
    expect(() => engine.logits()).toThrow(UsageError);
    engine.feedSample([1, 2, MISSING]);
    expect(() => engine.decide()).toThrow(UsageError);
    engine.logits();
    expect(engine.decide().probability).toBeGreaterThan(0);
  }
  for (const engine of [createMirror(modelOf("base-classes")), wasm.create(modelOf("base-classes"))]) {
    expect(engine.columns).toBe(0);
    expect(() => engine.feedSample([])).toThrow("Cannot feed a sample: the model is of no sensor; feed symbols.");
  }
});

test.each(vectorModels().filter(({ name }) => name.startsWith("unused-")))(
  "$name: what stands there changes nothing",
  ({ name, parts }) => {
    const plain = writeModel(parts);
    expect(plain).not.toEqual(modelOf(name));
    const vector = vectors.find((each) => each.name === name);
    expect(vector && differencesOf(createMirror(plain), vector)).toEqual([]);
  },
);

test("recall is what its definition says, for any memory, text and settings", () => {
  const anyRecall = fc.record({
    vocab: fc.integer({ min: 2, max: 5 }),
    window: fc.integer({ min: 1, max: 30 }),
    forget: fc.option(fc.nat(1), { nil: undefined }),
    seed: fc.nat(),
    text: fc.array(fc.nat(4), { minLength: 1, maxLength: 80 }),
    settings: fc.record({
      longest: fc.integer({ min: 0, max: 6 }),
      repeats: fc.integer({ min: 0, max: 7 }),
      penalty: fc.integer({ min: 0, max: 32767 }),
    }),
  });
  fc.assert(
    fc.property(anyRecall, ({ vocab, window, forget, seed, text, settings }) => {
      const dimensions = { vocab, outputs: vocab, dModel: 3, dInner: 0, dHead: 1, nLayers: 1, topK: 1 };
      const shape = { dimensions, options: 0, layers: [{ pathways: 1, window: 0 }], recall: { window, forget } };
      const model = writeModel(drawModel(seededDraw(seed), shape));
      const engines = [createMirror(model), wasm.create(model), new PlainEngine(model)];
      const given = engines.map((engine) =>
        [...text, ...text].map((symbol, t) => {
          if (t === text.length) engine.recall(settings);
          return [...engine.step(symbol % vocab)];
        }),
      );
      expect(given[0]).toEqual(given[2]);
      expect(given[1]).toEqual(given[2]);
    }),
    { numRuns: 200 },
  );
});

test("the vectors come close to the bounds of SPEC.md section 5", () => {
  const least = {
    x: 1,
    "sum x": 0.99,
    j: 1,
    "times gamma": 0.6,
    "a ternary product": 0.99,
    "an int4 product x 8": 0.98,
    "taps of the base block": 0.99,
    taps: 0.92,
    "taps x tapScale": 0.92,
    s: 0.99,
    m: 0.86,
    "weight x value": 0.99,
    "64 D": 0.98,
    "clamp(m) x gate": 0.98,
    "min(m - logit, 128 T) q": 1,
    "a logit": 0.98,
    "M - logit": 0.98,
    "a logit after recall": 0.91,
    "x plus a row": 0.99,
    "a difference": 0.99,
    P: 0.99,
  };
  for (const [what, share] of Object.entries(least)) expect(reached.get(what), what).toBeGreaterThanOrEqual(share);
  for (const [what, share] of reached) expect(share, what).toBeLessThanOrEqual(1);
});

test.each(malformed.map((file) => [file.name, file] as const))("every reader refuses %s", (_, { error, bytes }) => {
  const found = [checkModel(bytes).error, check(bytes).error, wasm.check(bytes).error];
  expect(found.map((code) => ERROR_NAMES[code])).toEqual(Array(3).fill(ERROR_NAMES[error]));
});
