import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleGated } from "../format/samples.js";
import { writeModel } from "../format/writer.js";
import { boardEngine } from "./board-engine.js";
import { boards } from "./boards.js";
import { type Code, type CodeFunction, findOpenings, stackBytes } from "./disassembly.js";
import { packageWorkshop } from "./engines.js";
import { type EngineInspection, inspectEngine, inspectSource } from "./inspect.js";
import { findTool } from "./tools.js";

const searchPath = process.env.PATH ?? "";
const workshop = packageWorkshop(searchPath);
const tool = (name: string) => findTool(name, searchPath) ?? "";
const arm = { compiler: tool("arm-none-eabi-gcc"), objdump: tool("arm-none-eabi-objdump") };
const host = { compiler: tool("gcc"), objdump: tool("objdump") };
const emulator = tool("qemu-system-arm");
const withArm = test.skipIf(arm.compiler === "" || arm.objdump === "");
const withHost = test.skipIf(host.compiler === "" || host.objdump === "" || process.arch !== "x64");
const cores = ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7"];
/** atome.h: "the stack needed is below 512 bytes on 32-bit cores". */
const stackLimitBytes = 512;
/** A run with one small model need not take the deepest path. */
const slackBytes = 64;

const dir = mkdtempSync(join(tmpdir(), "atome-inspect-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function sourceOf(name: string, text: string): string {
  const path = join(dir, `${name}.c`);
  writeFileSync(path, text);
  return path;
}

/** Programs that do what the engine must not, and what is said of them for Thumb and for x86-64. */
const offenders = [
  { name: "heap", text: "void *malloc(unsigned); void *f(void) { return malloc(4); }", says: /^needs malloc$/ },
  { name: "output", text: 'int puts(const char *); int f(void) { return puts(""); }', says: /^needs puts$/ },
  {
    name: "system",
    text: `
      #ifdef __arm__
      void f(void) { __asm__ volatile("svc 0"); }
      #else
      void f(void) { __asm__ volatile("syscall"); }
      #endif`,
    says: /^f asks a system by "(svc 0|syscall)"$/,
  },
  {
    name: "library",
    text: "void *memcpy(void *, const void *, __SIZE_TYPE__); void f(char *p, const char *q) { memcpy(p, q, 99); }",
    says: /^needs memcpy$/,
  },
  { name: "variable", text: "static int n; int f(void) { return ++n; }", says: /^has variables in \.bss/ },
  { name: "initial-value", text: "int n = 7; int f(void) { return ++n; }", says: /^has variables in \.data/ },
  {
    name: "float",
    text: "float f(float a, float b) { return a * b; }",
    says: /^(needs __aeabi_fmul|f has the float instruction "mulss)/,
  },
  { name: "self", text: "int f(int n) { return n ? n * f(n - 1) + f(n / 2) : 1; }", says: /^recursion: f -> f$/ },
  {
    name: "circle",
    text: "int g(int); __attribute__((noinline)) int h(int n) { return g(n - 1) * n; } __attribute__((noinline)) int g(int n) { return n ? h(n) + 1 : 0; }",
    says: /^recursion: (h -> g -> h|g -> h -> g)$/,
  },
  { name: "indirect-call", text: "int f(int (*g)(int)) { return g(1) + 1; }", says: /^f jumps by "(blx r|call \*)/ },
  { name: "indirect-jump", text: "int f(int (*g)(int)) { return g(1); }", says: /^f jumps by "(bx r|blx r|jmp \*)/ },
  {
    name: "alloca",
    text: "void g(char *); void f(unsigned n) { char text[n]; g(text); }",
    says: /^f has no constant frame$/,
  },
];

const targets = [
  { target: "cortex-m0", tools: arm, flags: ["-mthumb", "-mcpu=cortex-m0"], when: withArm },
  { target: "cortex-m4", tools: arm, flags: ["-mthumb", "-mcpu=cortex-m4"], when: withArm },
  { target: "this machine", tools: host, flags: [], when: withHost },
];

describe.each(targets)("findOpenings() of code for $target", ({ tools, flags, when }) => {
  when.each(offenders)("names $name", async ({ name, text, says }) => {
    const openings = findOpenings(await inspectSource(workshop, tools, sourceOf(name, text), flags));
    expect(openings.filter((line) => says.test(line))).not.toEqual([]);
  });

  when("is content with loops, constants, calls and a frame", async () => {
    const text = `
      static const int table[] = {3, 1, 4};
      __attribute__((noipa)) static int sum(const volatile int *v, int n) { int s = 0; while (n--) s += *v++; return s; }
      int f(int n) { volatile int copy[40]; for (int i = 0; i < 40; i++) copy[i] = n * table[i & 1]; return sum(copy, 40); }
      int g(int n) { while (n > 9) n = f(n); return n ? f(n) + 1 : 0; }`;
    const code = await inspectSource(workshop, tools, sourceOf("clean", text), flags);
    expect(findOpenings(code)).toEqual([]);
    expect([...code.functions.values()].map(({ name, isPublic }) => [name, isPublic])).toEqual([
      ["sum", false],
      ["f", true],
      ["g", true],
    ]);
    const [sum, f, g] = ["sum", "f", "g"].map((name) => code.functions.get(name)?.frameBytes ?? Number.NaN);
    expect(f).toBeGreaterThanOrEqual(160); // 40 words
    expect(stackBytes(code, "g")).toBe(g + f + sum);
  });
});

withArm("findOpenings() names the instructions of a floating-point unit", async () => {
  const flags = ["-mthumb", "-mcpu=cortex-m4", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"];
  const source = sourceOf("unit", "float f(float a, float b) { return a * b; }");
  expect(findOpenings(await inspectSource(workshop, arm, source, flags))).toEqual([
    'f has the float instruction "vmul.f32 s0, s0, s1"',
  ]);
});

test("stackBytes() refuses a circle and a frame that is not constant", () => {
  const named = (name: string, callees: string[], frameBytes: number | undefined): [string, CodeFunction] => [
    name,
    { name, isPublic: true, callees, frameBytes, indirect: [], float: [], system: [] },
  ];
  const code: Code = {
    functions: new Map([
      named("a", ["b"], 8),
      named("b", ["a"], 8),
      named("c", [], undefined),
      named("d", ["gone"], 8),
    ]),
    undefinedSymbols: [],
    writableSections: [],
  };
  for (const name of ["a", "c", "d"]) expect(() => stackBytes(code, name)).toThrow(/no bound/);
});

describe("the engine", () => {
  const publicNames = [
    ...[
      "argmax",
      "check",
      "class_name",
      "decide",
      "decode",
      "encode",
      "entropy",
      "feed",
      "feed_sample",
      "init",
      "logits",
    ],
    ...["recall", "reset", "router", "sample", "scores", "step"],
  ].map((name) => `atome_${name}`);
  const inspections = new Map<string, EngineInspection>();
  beforeAll(async () => {
    if (arm.compiler === "" || arm.objdump === "") return;
    for (const core of cores) {
      const board = boards.find((board) => board.core === core) ?? boards[0];
      inspections.set(core, await inspectEngine(workshop, arm, board));
    }
  });

  describe.each(cores)("on %s", (core) => {
    withArm("needs nothing, has no variables, no floats, no indirect calls, no recursion", () => {
      const { functions, openings, stackBytes } = inspections.get(core) as EngineInspection;
      expect(openings).toEqual([]);
      expect(Object.keys(stackBytes).sort()).toEqual(publicNames);
      expect(functions).toBeGreaterThan(publicNames.length);
    });

    withArm("takes no more stack than atome.h says", () => {
      const { stackBytes } = inspections.get(core) as EngineInspection;
      for (const bytes of Object.values(stackBytes)) expect(bytes).toBeLessThan(stackLimitBytes);
    });

    test.skipIf(arm.compiler === "" || arm.objdump === "" || emulator === "")(
      "takes no more stack in a run than its disassembly allows, and not much less",
      async () => {
        const board = boards.find((board) => board.core === core) ?? boards[0];
        const { firmwareStackBytes } = inspections.get(core) as EngineInspection;
        const job = {
          promptSymbols: [1, 2, 3],
          generate: 8,
          sampler: { temperature: 300, topK: 4, topP: 30000, random: 1 },
        };
        const model = writeModel(sampleGated());
        const run = await boardEngine(workshop, { compiler: arm.compiler, emulator }, board).run(model, job);
        expect(run.stackBytes).toBeLessThanOrEqual(firmwareStackBytes);
        expect(run.stackBytes).toBeGreaterThan(firmwareStackBytes - slackBytes);
      },
    );
  });

  withHost("on this machine needs nothing, has no variables, no floats, no indirect calls, no recursion", async () => {
    expect(findOpenings(await inspectSource(workshop, host, join(workshop.engineDir, "atome.c")))).toEqual([]);
  });
});
