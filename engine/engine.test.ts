import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { packageWorkshop } from "../src/emulate/engines.js";
import { findNativeTools, nativeTargets, targetName } from "../src/emulate/native.js";
import type { Engine } from "../src/engine/engine.js";
import { check, createMirror } from "../src/engine/mirror.js";
import { answer, type Call } from "../src/engine/vectors.js";
import { loadWasm } from "../src/engine/wasm.js";
import { HEADER, HEADER_BYTES, layerItems } from "../src/format/layout.js";
import { checkModel, readModel } from "../src/format/reader.js";
import { sealModel } from "../src/format/writer.js";
import { differences, malformed, modelOf, vectors } from "../vectors/load.js";
import {
  buildHost,
  COMPILERS,
  type Compiler,
  compile,
  ENGINE_SOURCE,
  type HostAnswer,
  type HostJob,
  isMissing,
  mustRun,
  removeBuilds,
  runHost,
} from "./test/native-host.js";

afterAll(removeBuilds);

const wasm = await loadWasm();
const workshop = packageWorkshop(process.env.PATH ?? "");

const vectorJobs: HostJob[] = vectors.map(({ name, calls }) => ({ model: modelOf(name), calls }));
const malformedJobs: HostJob[] = malformed.map(({ bytes }) => ({ model: bytes, calls: [] }));

/** What a host's answers to all vectors and malformed files differ in. */
function differencesFrom(given: readonly HostAnswer[]): string[] {
  const answers = given.slice(0, vectors.length);
  // A host with pointers of 8 bytes needs more than a chip: the same for each model.
  const surplusBytes = answers[0].arenaBytes - vectors[0].arenaBytes;
  return [
    ...vectors.flatMap((vector, index) => [
      ...(answers[index].arenaBytes - vector.arenaBytes === surplusBytes ? [] : [`${vector.name}: arenaBytes`]),
      ...differences(vector, (_, call) => answers[index].answers[call]),
    ]),
    ...malformed.flatMap(({ name, error }, index) => {
      const got = given[vectors.length + index].error;
      return got === error ? [] : [`${name}: error ${got} instead of ${error}`];
    }),
  ];
}

const SANITIZERS: [Compiler, string[]][] = [
  ["gcc", ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]],
  ["clang", ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]],
  ["clang", ["-O1", "-g", "-fsanitize=memory", "-fno-sanitize-recover=all"]],
];
/** Every target of `atome verify`, with its tools. */
const targets = await Promise.all(
  nativeTargets.map(async (target) => ({ ...target, tools: await findNativeTools(workshop, target) })),
);

test.skipIf(isMissing("gcc"))(
  "atome.c of gcc, as cores without wide products and division get it, does the same",
  () => {
    const switches = /^#define (WIDE_PRODUCT|DIVISION) 1$/gm;
    const source = readFileSync(ENGINE_SOURCE, "utf8");
    const host = buildHost(...SANITIZERS[0], source.replace(switches, "#define $1 0"));
    expect(differencesFrom(runHost(host, [...vectorJobs, ...malformedJobs]))).toEqual([]);
  },
);

for (const { tools, ...target } of targets) {
  test.skipIf("missing" in tools && !mustRun).each(target.optimisations)(
    `atome.c of ${targetName(target)} %s does the same`,
    (level) => {
      if ("missing" in tools) throw new Error(`${tools.missing} is not installed`);
      const host = buildHost(tools.compiler, [...target.flags, level]);
      expect(differencesFrom(runHost(host, [...vectorJobs, ...malformedJobs], tools))).toEqual([]);
    },
  );
}

describe.each(SANITIZERS)("atome.c of %s %j", (compiler, flags) => {
  test.skipIf(isMissing(compiler))("answers every vector and refuses every malformed file", () => {
    const given = runHost(buildHost(compiler, flags), [...vectorJobs, ...malformedJobs]);
    expect(differencesFrom(given)).toEqual([]);
  });
});

/** A valid model, changed in a few places and made whole again. */
interface Mutation {
  name: string;
  keep: number;
  edits: readonly { where: "head" | "item" | "anywhere"; at: number; plus: number; value: number; bytes: 1 | 2 | 4 }[];
}

const small = vectors.map(({ name }) => name).filter((name) => modelOf(name).length < 3000);
const withMore = small.filter((name) => /tokens|classes|sample|recall/.test(name));
const HEAD_BYTES = 160;

/** Where the items and sections of a model begin. */
const places = new Map(
  small.map((name) => {
    const { layout, sections } = readModel(modelOf(name));
    const items = layout.layers.flatMap(layerItems).map((item) => item.offset);
    const last = [layout.finalNorm, layout.recall].flatMap((item) => (item ? [item.offset] : []));
    return [name, [...sections.map(({ offset }) => offset), ...last, ...items]] as const;
  }),
);

const mutation: fc.Arbitrary<Mutation> = fc.record({
  name: fc.oneof(fc.constantFrom(...small), fc.constantFrom(...withMore)),
  // Mostly whole: a shortened file seldom gets past its size.
  keep: fc.oneof(
    { weight: 9, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  ),
  edits: fc.array(
    fc.record({
      where: fc.constantFrom("head", "item", "anywhere"),
      at: fc.nat(),
      plus: fc.nat(9),
      value: fc.oneof(
        fc.constantFrom(
          0,
          1,
          2,
          3,
          4,
          5,
          27,
          31,
          32,
          252,
          255,
          1023,
          1024,
          1025,
          2048,
          32767,
          32768,
          65535,
          0xffffffff,
        ),
        fc.nat(0xffffffff),
      ),
      bytes: fc.constantFrom(1 as const, 2 as const, 4 as const),
    }),
    { minLength: 0, maxLength: 3 },
  ),
});

function mutated({ name, keep, edits }: Mutation): Uint8Array {
  const bytes = modelOf(name).slice(0, Math.ceil(modelOf(name).length * keep));
  const view = new DataView(bytes.buffer);
  if (bytes.length < HEADER_BYTES) return bytes;
  view.setUint32(HEADER.totalBytes, bytes.length, true);
  const items = places.get(name) ?? [];
  for (const { where, at, plus, value, bytes: size } of edits) {
    const place = { head: at % HEAD_BYTES, item: items[at % items.length] + plus, anywhere: at % bytes.length }[where];
    const offset = Math.min(place, bytes.length - size);
    if (size === 1) view.setUint8(offset, value & 255);
    else if (size === 2) view.setUint16(offset, value & 65535, true);
    else view.setUint32(offset, value, true);
  }
  sealModel(bytes);
  return bytes;
}

/** Calls that any valid model can answer. */
function shortCalls(model: Uint8Array): Call[] {
  const vocab = model[HEADER.vocab] | (model[HEADER.vocab + 1] << 8);
  return [
    { call: "stream", symbols: { random: model.length, count: 12 } },
    { call: "sample", count: 3, feed: false, temperature: 400, topK: 5, topP: 30000, random: vocab },
    { call: "recall", longest: 1, repeats: 2, penalty: 300 },
    { call: "stream", symbols: { random: model.length, count: 12 } },
    { call: "scores" },
    { call: "router" },
    { call: "encode", text: "00616263ff20" },
    { call: "decode", symbols: [0, vocab - 1, 6, 1, 2, 3, 6] },
    { call: "names" },
  ];
}

const answersOf = (engine: Engine, calls: readonly Call[]) => calls.map((call) => answer(engine, call));

describe("mutated models", () => {
  const mutations = fc.sample(mutation, { seed: 20, numRuns: 2500 }).map(mutated);
  const verdicts = mutations.map((model) => check(model).error);
  const jobs: HostJob[] = mutations.map((model, i) => ({ model, calls: verdicts[i] === 0 ? shortCalls(model) : [] }));

  test("hit every error of a file, and none", () => {
    expect([...new Set(verdicts)].sort((a, b) => a - b)).toEqual([
      0, 3, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 19,
    ]);
  });

  test("get the same error from the reader, the TypeScript engine and the WebAssembly engine", () => {
    expect(mutations.map((model) => checkModel(model).error)).toEqual(verdicts);
    expect(mutations.map((model) => wasm.check(model))).toEqual(mutations.map((model) => check(model)));
  });

  test.skipIf(isMissing("gcc"))("get the same error and answers from atome.c, under the sanitizers", () => {
    const given = runHost(buildHost(...SANITIZERS[0]), jobs);
    expect(given.map(({ error }) => error)).toEqual(verdicts);
    for (const [i, { model, calls }] of jobs.entries()) {
      if (verdicts[i] !== 0) continue;
      expect(given[i].answers).toEqual(answersOf(createMirror(model), calls));
      expect(answersOf(wasm.create(model), calls)).toEqual(given[i].answers);
    }
  });
});

/** Names that begin a line of a source file, as group 1 of a pattern. */
const namesIn = (path: string, pattern: RegExp) =>
  [...readFileSync(path, "utf8").matchAll(pattern)].map(([, name]) => name);

test("the TypeScript engine has the functions of atome.c, in their order", () => {
  const mirrored = namesIn(
    fileURLToPath(new URL("../src/engine/mirror.ts", import.meta.url)),
    /^(?:export )?(?:function |const )(\w+)(?:\(| = \()/gm,
  );
  const camelCase = (name: string) =>
    name.replace(/^atome_/, "").replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
  const all = namesIn(ENGINE_SOURCE, /^[a-z][\w ]*[ *](\w+)\([^;]*\{/gm).map(camelCase);
  // Of a function that is there twice, for different cores, the mirror has one.
  const functions = all.filter((name, i) => name !== all[i - 1]);
  expect(functions.length).toBeGreaterThan(50);
  // Where one function of C would be too long, the mirror has more.
  expect(mirrored.filter((name) => functions.includes(name))).toEqual(functions);
});

const SWITCHES = [
  ...readFileSync(ENGINE_SOURCE.replace(/c$/, "h"), "utf8").matchAll(/#ifndef (ATOME_\w+)\n#define \1 1/g),
].map(([, name]) => name);
/** Each switch off alone; the least engine of each block, and with one thing more. */
const COMBINATIONS = [
  [],
  ...SWITCHES.map((name) => [name]),
  ...["ATOME_BASE", "ATOME_GATED"].map((kept) => SWITCHES.filter((name) => name !== kept)),
  ...["ATOME_CHECK", "ATOME_SCORES", "ATOME_ROUTER", "ATOME_TOKENS"].map((kept) =>
    SWITCHES.filter((name) => name !== kept && name !== "ATOME_GATED"),
  ),
];

const WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"];
/** Each compiler, and what it is given beside `WARNINGS`. */
const DIALECTS: [Compiler, string[]][] = [
  ["gcc", ["-pedantic"]],
  ["clang", ["-pedantic"]],
  ["avr-gcc", ["-std=gnu99", "-mmcu=atmega1284p"]],
];

test("atome.h has its switches", () => {
  expect(SWITCHES).toHaveLength(10);
});

describe.each(DIALECTS)("%s compiles atome.c without a warning", (compiler, dialect) => {
  test
    .skipIf(isMissing(compiler))
    .each(COMBINATIONS.map((off) => [off.map((name) => name.slice(6)).join(" ") || "nothing", off] as const))(
    "with %s switched off",
    (_, off) => {
      const flags = [...dialect, ...WARNINGS, "-O2", "-c", ...off.map((name) => `-D${name}=0`)];
      expect(() => compile(compiler, flags, [ENGINE_SOURCE])).not.toThrow();
    },
  );
});

describe.each(COMPILERS)("%s", (compiler) => {
  test.skipIf(isMissing(compiler))("compiles vectors-host.c without a warning", () => {
    const host = ENGINE_SOURCE.replace("atome.c", "test/vectors-host.c");
    expect(() => compile(compiler, [...WARNINGS, "-pedantic", "-c"], [host])).not.toThrow();
  });
});
