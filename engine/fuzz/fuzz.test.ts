/** Hostile bytes: every reader and engine says the same of them, and nothing breaks. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { agree, callsFor } from "../../src/engine/agreement.js";
import { answer } from "../../src/engine/vectors.js";
import { loadWasm } from "../../src/engine/wasm.js";
import { madeWhole, mutate, placesOf } from "../../src/format/mutate.js";
import { drawModel, drawShape, seededDraw } from "../../src/format/samples.js";
import { writeModel } from "../../src/format/writer.js";
import { modelOf, vectors } from "../../vectors/load.js";
import { PlainEngine } from "../../vectors/plain-engine.js";
import { buildHost, isMissing, removeBuilds, runHost, SANITIZERS } from "../test/native-host.js";
import { buildHarness, CORPUS, filesIn, runLibFuzzer } from "./fuzzers.mjs";

const folder = mkdtempSync(join(tmpdir(), "atome-fuzz-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  removeBuilds();
});

/** About 10 s of one core. */
const RUNS = 50_000;

const wasm = await loadWasm();
const read = (path: string): Uint8Array => Uint8Array.from(readFileSync(path));

function mutatedVectors(count: number): Uint8Array[] {
  const draw = seededDraw(22);
  const small = vectors.map(({ name }) => ({ name, model: modelOf(name) })).filter(({ model }) => model.length < 3000);
  // Half of them of those with more than weights.
  const withMore = small.filter(({ name }) => /tokens|classes|sample|recall|ngrams|pooled|sensor|decision/.test(name));
  const places = new Map(small.map(({ model }) => [model, placesOf(model)]));
  return Array.from({ length: count }, () => {
    const from = draw(0, 1) ? small : withMore;
    const { model } = from[draw(0, from.length - 1)];
    return mutate(draw, model, places.get(model) ?? []);
  });
}

/** Valid, with any value wherever the format leaves the choice. */
const wildModels = (count: number) =>
  Array.from({ length: count }, (_, seed) => {
    const draw = seededDraw(seed);
    return writeModel(drawModel(draw, drawShape(draw)));
  });

const corpus = filesIn(CORPUS).map(read);
const [mutated, wild] = [mutatedVectors(2500), wildModels(150)];
const models = [...mutated, ...wild, ...corpus];
const agreements = new Map(models.map((model) => [model, agree(model, wasm)]));

test.each([
  ["mutated vectors", mutated, [0, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22]],
  ["models of any shape and weights", wild, [0]],
  ["the corpus", corpus, [0, 3, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19]],
] as const)("every reader says the same of %s: accepted, or refused for every reason", (_, some, errors) => {
  const found = some.map((model) => agreements.get(model)?.error ?? -1);
  expect([...new Set(found)].sort((a, b) => a - b)).toEqual(errors);
});

test.skipIf(isMissing("gcc") || isMissing("clang")).each(SANITIZERS)(
  "they get the same errors and answers from atome.c of %s %j",
  (compiler, flags) => {
    const jobs = [...agreements].map(([model, { error }]) => ({ model, calls: error === 0 ? callsFor(model) : [] }));
    const given = runHost(buildHost(compiler, flags), jobs);
    expect(given.map(({ error, answers }) => ({ error, answers }))).toEqual([...agreements.values()]);
  },
);

test("they get the same answers from SPEC.md read literally, within its bounds", () => {
  for (const [model, { error, answers }] of agreements) {
    if (error !== 0) continue;
    const engine = new PlainEngine(model);
    expect(callsFor(model).map((call) => answer(engine, call))).toEqual(answers);
  }
});

test.skipIf(isMissing("clang"))(
  "libFuzzer finds nothing from the corpus on, and what it reaches is agreed on",
  () => {
    const found = join(folder, "found");
    mkdirSync(found);
    const harness = buildHarness("clang", join(folder, "harness"));
    const { failed, executions } = runLibFuzzer(harness, [found, CORPUS], { runs: RUNS, seed: 1, findings: folder });
    expect({ failed, executions }).toEqual({ failed: false, executions: RUNS });
    const files = filesIn(found).map(read);
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) for (const model of [file, madeWhole(file)]) agree(model, wasm);
  },
  600_000, // on a busy machine
);
