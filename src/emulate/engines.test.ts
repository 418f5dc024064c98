import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { drawModel, sampleBase, sampleClassifier, sampleGated, seededDraw } from "../format/samples.js";
import { sealModel, writeModel } from "../format/writer.js";
import { avr } from "./architectures.js";
import { boardEngine, findBoardTools } from "./board-engine.js";
import { boards, largeCortexM0 } from "./boards.js";
import { findEngines, packageWorkshop } from "./engines.js";
import { nativeEngine } from "./native.js";
import { type EngineRun, ModelTooLargeError } from "./result.js";
import { findTool } from "./tools.js";
import { verifyModel } from "./verify.js";

const searchPath = process.env.PATH ?? "";
const workshop = packageWorkshop(searchPath);
const { engines } = await findEngines(workshop);
const compiler = findTool("arm-none-eabi-gcc", searchPath) ?? "";
const emulator = findTool("qemu-system-arm", searchPath) ?? "";
const withBoards = test.skipIf(compiler === "" || emulator === "");
const withEngines = test.skipIf(engines.length === 0);
const microbit = boardEngine(workshop, { compiler, emulator }, boards[0]);

const sampler = { temperature: 300, topK: 4, topP: 30000, random: 0xdecade };
const base = writeModel(sampleBase());
const gated = writeModel(sampleGated());
const classifier = writeModel(sampleClassifier());
/** A base block of any size with random weights. */
const baseOf = (dModel: number, nLayers: number, window: number, metadata?: string) =>
  writeModel({
    ...drawModel(seededDraw(5), {
      dimensions: { vocab: 32, outputs: 32, dModel, dInner: 0, dHead: 8, nLayers, topK: 4 },
      options: 0,
      layers: Array.from({ length: nLayers }, () => ({ pathways: 7, window })),
    }),
    metadata,
  });

describe("every engine found here", () => {
  withEngines.each([
    ["base block, argmax", base, { promptSymbols: [0, 4, 2], generate: 12, details: true }],
    ["base block, sampled", base, { promptSymbols: [1], generate: 30, sampler }],
    ["gated block, sampled", gated, { promptSymbols: [16, 3], generate: 30, sampler, details: true }],
    ["gated block, text", gated, { promptSymbols: [], promptText: Uint8Array.of(97, 98, 0, 255, 99), generate: 5 }],
    ["class model", classifier, { promptSymbols: [0, 3, 1, 2], generate: 0, details: true }],
  ])("gives the same: %s", async (_, model, job) => {
    const result = await verifyModel(model, engines, job);
    expect(result.difference).toBeUndefined();
    expect(result).toMatchObject({ identical: true, skipped: [] });
    expect(result.engines.map(({ name }) => name)).toEqual(engines.map(({ name }) => name));
    expect(result.engines[0]).toMatchObject({ error: 0 });
    expect(result.engines[0].tokens).toHaveLength(job.generate);
  });

  withEngines("refuses the same models and symbols", async () => {
    const damaged = base.slice();
    damaged[60] ^= 1;
    const badEpsilon = base.slice();
    badEpsilon[35] = 0xff;
    sealModel(badEpsilon);
    const job = { promptSymbols: [0, 5], generate: 1 };
    for (const [model, error, fed] of [
      [damaged, 6, 0],
      [badEpsilon, 9, 0],
      [base.subarray(0, 40), 3, 0],
      [base, 100, 1],
    ] as const) {
      const result = await verifyModel(model, engines, job);
      expect(result).toMatchObject({ identical: true, skipped: [] });
      expect(result.engines[0]).toMatchObject({ error, fed, tokens: [] });
    }
  });
});

describe("emulated boards", () => {
  // The AVR counts cycles: firmware/avr/avr.test.ts.
  for (const board of boards.filter(({ architecture }) => architecture !== avr)) {
    const tools = findBoardTools(workshop, board);
    test.skipIf("missing" in tools)(`count instructions and stack: ${board.name}`, async () => {
      if ("missing" in tools) throw new Error(`${tools.missing} is not installed`);
      const engine = boardEngine(workshop, tools, board);
      const result = await engine.run(baseOf(16, 2, 32), { promptSymbols: [1, 2, 3], generate: 8 });
      // Of its RAM, 1 KB is stack, and the firmware has two variables.
      expect(result).toMatchObject({ error: 0, ramBytes: board.ram.bytes - 1024 - 8 });
      expect(result.arenaBytes).toBeLessThan(result.ramBytes);
      // 2 layers, 16 columns: more than one instruction per weight (3,008), less than 100.
      expect(result.instructionsPerToken).toBeGreaterThan(3_008);
      expect(result.instructionsPerToken).toBeLessThan(300_800);
      expect(result.stackBytes).toBeGreaterThan(100);
      expect(result.stackBytes).toBeLessThan(512);
    });
  }

  withBoards("run the same Cortex-M0 code on a larger machine with the same instructions", async () => {
    const model = baseOf(16, 2, 32);
    const job = { promptSymbols: [1, 2, 3], generate: 32 };
    const large = await boardEngine(workshop, { compiler, emulator }, largeCortexM0).run(model, job);
    const small = await microbit.run(model, job);
    expect(large).toMatchObject({ hash: small.hash, tokens: small.tokens, stackBytes: small.stackBytes });
    // One tick of the micro:bit's clock is 62.5 instructions, and a token is two readings.
    expect(Math.abs((large.instructionsPerToken ?? 0) - (small.instructionsPerToken ?? 0))).toBeLessThan(125);
  });

  withBoards("refuse what does not fit, for want of RAM or of flash", async () => {
    const job = { promptSymbols: [1], generate: 1 };
    const largeArena = microbit.run(baseOf(64, 4, 64), job);
    await expect(largeArena).rejects.toThrow(ModelTooLargeError);
    await expect(largeArena).rejects.toThrow(
      /^Cannot run the model on microbit \(cortex-m0\): it needs \d+ bytes of RAM but 15352 are free/,
    );
    const largeFile = microbit.run(baseOf(16, 2, 32, `"${"x".repeat(262144)}"`), job);
    await expect(largeFile).rejects.toThrow(ModelTooLargeError);
    await expect(largeFile).rejects.toThrow(/its flash is \d+ bytes too small/);
  });
});

describe("an engine that is wrong", () => {
  const native = findTool("gcc", searchPath) ?? "";
  const folder = mkdtempSync(join(tmpdir(), "atome-engines-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  /** The engine with another atome_argmax; `right(a)` is what it should give. */
  function withArgmax(name: string, body: string): EngineRun {
    const engineDir = join(folder, name);
    mkdirSync(engineDir);
    copyFileSync(join(workshop.engineDir, "atome.h"), join(engineDir, "atome.h"));
    const source = `#define atome_argmax right
#include "${join(workshop.engineDir, "atome.c")}"
#undef atome_argmax
uint32_t atome_argmax(const atome_t *a) { ${body} }
`;
    writeFileSync(join(engineDir, "atome.c"), source);
    return nativeEngine({ ...workshop, engineDir, cacheDir: join(folder, "cache") }, { compiler: native }, ["-O1"]);
  }
  const right = nativeEngine(workshop, { compiler: native }, ["-O2"]);
  const job = { promptSymbols: [0], generate: 3 };

  test.skipIf(native === "")("gives a difference", async () => {
    const same = await verifyModel(base, [right, withArgmax("same", "return right(a);")], job);
    expect(same.identical).toBe(true);
    const result = await verifyModel(base, [right, withArgmax("other", "return (right(a) + 1) % 5;")], job);
    expect(result.identical).toBe(false);
    expect(result.difference).toMatch(/^hash is [0-9a-f]{8} with gcc -O2 but [0-9a-f]{8} with gcc -O1$/);
  });

  test.skipIf(native === "")("fails when it crashes or does not compile", async () => {
    const crashing = withArgmax("crashing", "(void)a; __builtin_trap();").run(base, job);
    await expect(crashing).rejects.toThrow("Cannot run the engine built with gcc -O1: it crashed.");
    const broken = withArgmax("broken", "return nothing;").run(base, job);
    await expect(broken).rejects.toThrow(/^Cannot finish "gcc": it ended with exit code 1 and said: .*nothing/);
  });
});
