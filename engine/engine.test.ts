import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { packageWorkshop } from "../src/emulate/engines.js";
import { findNativeTools, nativeTargets, targetName } from "../src/emulate/native.js";
import { arenaBytes, type Tables } from "../src/engine/arena.js";
import { memoryBytes } from "../src/format/layout.js";
import { readModel } from "../src/format/reader.js";
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
  narrow,
  removeBuilds,
  runHost,
  SANITIZERS,
} from "./test/native-host.js";

afterAll(removeBuilds);

const workshop = packageWorkshop(process.env.PATH ?? "");

const vectorJobs: HostJob[] = vectors.map(({ name, calls }) => ({ model: modelOf(name), calls }));
const malformedJobs: HostJob[] = malformed.map(({ bytes }) => ({ model: bytes, calls: [] }));

/** RAM that a vector's model needs, by the formula of atome.h. */
function neededBytes(name: string, tables: Tables): number {
  const model = readModel(modelOf(name));
  return arenaBytes(model, memoryBytes(model.dimensions, model.layers, model), tables);
}

test.each(vectors)("$name needs as much RAM as the formula says", ({ name, arenaBytes: bytes }) => {
  expect(neededBytes(name, 4)).toBe(bytes);
});

/** What a host's answers to all vectors and malformed files differ in. */
function differencesFrom(given: readonly HostAnswer[], tables: Tables = 4): string[] {
  const answers = given.slice(0, vectors.length);
  const wanted = vectors.map(({ name }) => neededBytes(name, tables));
  // A host with pointers of 8 bytes needs more than a chip: the same for each model.
  const surplusBytes = answers[0].arenaBytes - wanted[0];
  return [
    ...vectors.flatMap((vector, index) => [
      ...(answers[index].arenaBytes - wanted[index] === surplusBytes ? [] : [`${vector.name}: arenaBytes`]),
      ...differences(vector, (_, call) => answers[index].answers[call]),
    ]),
    ...malformed.flatMap(({ name, error }, index) => {
      const got = given[vectors.length + index].error;
      return got === error ? [] : [`${name}: error ${got} instead of ${error}`];
    }),
  ];
}

/** Every target of `atome verify`, with its tools. */
const targets = await Promise.all(
  nativeTargets.map(async (target) => ({ ...target, tools: await findNativeTools(workshop, target) })),
);

test.skipIf(isMissing("gcc"))("atome.c of gcc, as narrow and big-endian cores get it, does the same", () => {
  const host = buildHost(...SANITIZERS[0], narrow(readFileSync(ENGINE_SOURCE, "utf8")));
  expect(differencesFrom(runHost(host, [...vectorJobs, ...malformedJobs]))).toEqual([]);
});

test.skipIf(isMissing("gcc"))("atome.c with one table at a time does the same in less RAM", () => {
  const [compiler, flags] = SANITIZERS[0];
  const given = runHost(buildHost(compiler, [...flags, "-DATOME_TABLES=1"]), [...vectorJobs, ...malformedJobs]);
  expect(differencesFrom(given, 1)).toEqual([]);
});

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

test.skipIf(isMissing("gcc"))("atome.c refuses another number of tables", () => {
  expect(() => compile("gcc", ["-c", "-DATOME_TABLES=2"], [ENGINE_SOURCE])).toThrow("ATOME_TABLES must be 4 or 1");
});

test("atome.h has its switches", () => {
  expect(SWITCHES).toHaveLength(14);
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

  test.skipIf(isMissing(compiler))("with one table at a time", () => {
    const flags = [...dialect, ...WARNINGS, "-O2", "-c", "-DATOME_TABLES=1"];
    expect(() => compile(compiler, flags, [ENGINE_SOURCE])).not.toThrow();
  });
});

describe.each(COMPILERS)("%s", (compiler) => {
  test.skipIf(isMissing(compiler)).each(["test/vectors-host.c", "fuzz/fuzz.c"])(
    "compiles %s without a warning",
    (path) => {
      const source = ENGINE_SOURCE.replace("atome.c", path);
      expect(() => compile(compiler, [...WARNINGS, "-pedantic", "-c"], [source])).not.toThrow();
    },
  );
});
