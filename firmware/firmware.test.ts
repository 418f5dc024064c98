import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { findBoardTools, runOnBoard } from "../src/emulate/board-engine.js";
import { type Board, boards, largeCortexM0 } from "../src/emulate/boards.js";
import type { Workshop } from "../src/emulate/cache.js";
import { packageWorkshop } from "../src/emulate/engines.js";
import { runProgram } from "../src/emulate/process.js";
import { findTool } from "../src/emulate/tools.js";
import { sampleBase } from "../src/format/samples.js";
import { writeModel } from "../src/format/writer.js";

const searchPath = process.env.PATH ?? "";
const workshop = packageWorkshop(searchPath);
const withBoards = test.skipIf("missing" in findBoardTools(workshop, largeCortexM0));
const folder = mkdtempSync(join(tmpdir(), "atome-firmware-"));
afterAll(() => rmSync(folder, { recursive: true }));

const smallest = ["GATED", "INT4", "CHECK", "SAMPLE", "SCORES", "ROUTER", "TOKENS"].map((name) => `ATOME_${name}=0`);
const model = writeModel(sampleBase());
const job = { promptSymbols: [0, 4], generate: 4 };

describe("warnings", () => {
  const common = ["-std=c99", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-c", "-o", "/dev/null"];
  const folders = ["-I", workshop.engineDir, "-I", workshop.firmwareDir];
  const builds = [
    ...[...new Map(boards.map((board) => [board.architecture, board])).values()].flatMap(({ architecture, core }) =>
      ["main.c", ...architecture.sources].map(
        (file) =>
          [architecture.compiler, file, ["-ffreestanding", "-DCLOCK_HZ=1", ...architecture.flags(core)]] as const,
      ),
    ),
    ["gcc", "main.c", []],
    ["gcc", "host/port.c", []],
    ["clang", "main.c", []],
    ["clang", "host/port.c", []],
    ["gcc", "host/profiler.c", ["-D_POSIX_C_SOURCE=200809L"]],
    ["clang", "host/profiler.c", ["-D_POSIX_C_SOURCE=200809L"]],
  ] as const;
  for (const [name, file, flags] of builds) {
    const tool = findTool(name, searchPath) ?? "";
    test.skipIf(tool === "")(`${name} has none for ${file}`, async () => {
      for (const defines of [[], smallest]) {
        const args = [...common, ...flags, ...defines.map((define) => `-D${define}`), ...folders];
        const outcome = await runProgram(tool, [...args, join(workshop.firmwareDir, file)], folder, 60_000);
        expect(outcome).toEqual({ code: 0, stdout: "", stderr: "" });
      }
    });
  }
});

describe("an image", () => {
  /** The engine with lines added at its end, which atome_argmax calls. */
  function engineWith(name: string, lines: string) {
    const engineDir = join(folder, name);
    mkdirSync(engineDir);
    copyFileSync(join(workshop.engineDir, "atome.h"), join(engineDir, "atome.h"));
    const source = `#define atome_argmax right
#include "${join(workshop.engineDir, "atome.c")}"
#undef atome_argmax
${lines}
`;
    writeFileSync(join(engineDir, "atome.c"), source);
    return { ...workshop, engineDir, cacheDir: join(folder, "cache") };
  }
  function run(from: Workshop, board = largeCortexM0, defines: readonly string[] = []) {
    const tools = findBoardTools(from, board);
    if ("missing" in tools) throw new Error(`${tools.missing} is not installed`);
    return runOnBoard(from, tools, board, defines, model, job);
  }

  withBoards("holds the engine and nothing of a library", async () => {
    const { sections } = await run(workshop, boards[0]);
    expect(sections[".library"] ?? 0).toBe(0);
    expect(sections[".data"] ?? 0).toBe(0);
    expect(sections[".engine_globals"] ?? 0).toBe(0);
    expect(sections[".model"]).toBe(model.length);
    expect(sections[".stack"]).toBe(1024);
  });

  withBoards("without the switches is smaller and gives the same logits", async () => {
    const [full, small] = [await run(workshop), await run(workshop, largeCortexM0, smallest)];
    expect(small.hash).toBe(full.hash);
    expect(small.tokens).toEqual(full.tokens);
    expect(small.sections[".engine"]).toBeLessThan(full.sections[".engine"]);
  });

  withBoards("is refused when the engine needs a library", async () => {
    const dividing = engineWith(
      "dividing",
      "uint32_t atome_argmax(const atome_t *a) { return 100u / (right(a) + 1u); }",
    );
    await expect(run(dividing)).rejects.toThrow("__aeabi_uidiv");
  });

  withBoards("is refused when the engine has a global variable", async () => {
    const counting = engineWith(
      "counting",
      "uint32_t calls;\nuint32_t atome_argmax(const atome_t *a) { calls++; return right(a); }",
    );
    await expect(run(counting)).rejects.toThrow("the engine has a global variable");
  });

  const [riscv, xtensa] = ["virt", "sim"].map((machine) => boards.find((board) => board.machine === machine) as Board);
  for (const [board, overflow] of [
    [largeCortexM0, /^Cannot run the firmware of mps2-an385 \(cortex-m0 code\): /],
    [riscv, /error: the processor faulted\.$/],
    [xtensa, /error: the stack is full\.$/],
  ] as const) {
    const isMissing = "missing" in findBoardTools(workshop, board);
    test.skipIf(isMissing)(`tells a fault, and a stack that is too small: ${board.name}`, async () => {
      const faulting = engineWith(
        `faulting-${board.core}`,
        "uint32_t atome_argmax(const atome_t *a) { return right(a) + *(volatile uint32_t *)0x90000000; }",
      );
      await expect(run(faulting, board)).rejects.toThrow(
        "ended with exit code 1 and said: error: the processor faulted.",
      );
      const deep = engineWith(
        `deep-${board.core}`,
        "uint32_t atome_argmax(const atome_t *a) { volatile uint8_t b[1500]; for (int i = 1500; i--;) b[i] = 1; return right(a) + b[9]; }",
      );
      await expect(run(deep, board)).rejects.toThrow(overflow);
    });
  }
});
