import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { findAllEngines } from "../../src/cli/engines.js";
import { avr } from "../../src/emulate/architectures.js";
import { boardEngine, findBoardTools } from "../../src/emulate/board-engine.js";
import { boards } from "../../src/emulate/boards.js";
import { packageWorkshop } from "../../src/emulate/engines.js";
import type { Job } from "../../src/emulate/job.js";
import { runOrFail } from "../../src/emulate/process.js";
import { ModelTooLargeError } from "../../src/emulate/result.js";
import { verifyModel } from "../../src/emulate/verify.js";
import { OPTION } from "../../src/format/layout.js";
import { drawModel, type SampleShape, sampleBase, seededDraw } from "../../src/format/samples.js";
import { writeModel } from "../../src/format/writer.js";
import { malformed } from "../../vectors/load.js";

const workshop = packageWorkshop(process.env.PATH ?? "");
const board = boards.filter(({ architecture }) => architecture === avr)[0];
const found = findBoardTools(workshop, board);
const tools = "missing" in found ? { compiler: "", emulator: "" } : found;
const withAvr = test.skipIf("missing" in found && process.env.CI !== "true");
const chip = boardEngine(workshop, tools, board);
const folder = mkdtempSync(join(tmpdir(), "atome-avr-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { embedInt4, unembedInt4, tied, recall } = OPTION;
const shapeOf = (symbols: number, dModel: number, dInner: number, options: number): SampleShape => ({
  dimensions: { vocab: symbols, outputs: symbols, dModel, dInner, dHead: 16, nLayers: 1, topK: 2 },
  options,
  layers: [{ pathways: 7, window: 8 }],
});

/** Each byte, then strings of 110 bytes. */
const longTokens = Array.from({ length: 720 }, (_, i) =>
  Uint8Array.from({ length: i < 256 ? 1 : 110 }, (_, at) => (i < 256 ? i : 97 + ((i * 7 + at * at * (i % 13)) % 26))),
);
const text = Uint8Array.from([...longTokens[719], 0, ...longTokens[300], 255]);

describe("a model of more than 64 KB", () => {
  const draw = seededDraw(1);
  const symbols: Partial<Job> = { promptSymbols: [0, 599, 1, 598] };
  withAvr.each([
    ["ternary tables", writeModel(drawModel(draw, shapeOf(1000, 160, 0, 0))), symbols],
    ["4-bit tables", writeModel(drawModel(draw, shapeOf(600, 140, 0, embedInt4 | unembedInt4))), symbols],
    [
      "one 4-bit table and recall",
      writeModel(
        drawModel(draw, {
          ...shapeOf(900, 140, 60, embedInt4 | unembedInt4 | tied | recall),
          recall: { window: 64, forget: 65535 },
        }),
      ),
      symbols,
    ],
    [
      "long tokens",
      writeModel({ ...drawModel(draw, shapeOf(720, 40, 60, 0)), tokens: longTokens }),
      { promptText: text },
    ],
  ])("gives the same: %s", async (_, model, prompt) => {
    expect(model.length).toBeGreaterThan(65536);
    const { engines } = await findAllEngines();
    const job = { promptSymbols: [], ...prompt, generate: 2, details: true };
    const result = await verifyModel(model, [engines[0], chip], job);
    expect(result).toMatchObject({ identical: true, skipped: [] });
    expect(result.engines[1]).toMatchObject({ error: 0, fed: 6 });
    const [{ arenaBytes: withPointersOf4 }, { arenaBytes, ramBytes, stackBytes, cyclesPerToken }] = result.engines;
    expect(arenaBytes).toBe(withPointersOf4 - 16);
    // Of its RAM, 1 KB is stack; the texts that the firmware prints lie there, too.
    expect(ramBytes).toBeGreaterThan(board.ram.bytes - 1024 - 256);
    expect(stackBytes).toBeGreaterThan(100);
    expect(stackBytes).toBeLessThan(512);
    expect(cyclesPerToken).toBeGreaterThan(model.length);
  });
});

withAvr("refuses what does not fit, for want of flash", async () => {
  const model = writeModel(drawModel(seededDraw(1), shapeOf(1000, 300, 0, 0)));
  const run = chip.run(model, { promptSymbols: [0], generate: 1 });
  await expect(run).rejects.toThrow(ModelTooLargeError);
  await expect(run).rejects.toThrow(
    /^Cannot run the model on simavr \(atmega1284p\): its flash is \d+ bytes too small/,
  );
});

withAvr("refuses every malformed file", async () => {
  for (const { name, bytes, error } of malformed) {
    const result = await chip.run(bytes, { promptSymbols: [0], generate: 0 });
    expect(result.error, name).toBe(error);
  }
});

withAvr("tells a stack that is too small", async () => {
  const engineDir = join(folder, "deep");
  mkdirSync(engineDir);
  copyFileSync(join(workshop.engineDir, "atome.h"), join(engineDir, "atome.h"));
  const source = `#define atome_argmax right
#include "${join(workshop.engineDir, "atome.c")}"
#undef atome_argmax
uint32_t atome_argmax(const atome_t *a) { volatile uint8_t b[1000]; for (int i = 1000; i--;) b[i] = 1; return right(a) + b[9] - 1; }
`;
  writeFileSync(join(engineDir, "atome.c"), source);
  const deep = boardEngine({ ...workshop, engineDir, cacheDir: join(folder, "cache") }, tools, board);
  const run = deep.run(writeModel(sampleBase()), { promptSymbols: [0], generate: 1 });
  await expect(run).rejects.toThrow("the engine stopped early");
});

withAvr("atome.c calls gcc's library for products and for reading program memory alone", async () => {
  const source = join(workshop.engineDir, "atome.c");
  await runOrFail(tools.compiler, ["-Os", ...avr.flags(board.core), "-c", source], folder, 60_000);
  const nm = tools.compiler.replace(/gcc$/, "nm");
  const { stdout } = await runOrFail(nm, ["--undefined-only", "--format=posix", "atome.o"], folder, 60_000);
  expect(stdout.split("\n").flatMap((line) => /^\S+/.exec(line) ?? [])).toEqual([
    "__epilogue_restores__", // of -mcall-prologues, as __prologue_saves__
    ...["__mulhisi3", "__mulohisi3", "__mulpsi3", "__mulshisi3", "__mulsi3", "__muluhisi3"],
    "__prologue_saves__",
    ...["__umulhisi3", "__usmulhisi3"],
    ...["__xload_1", "__xload_2", "__xload_3", "__xload_4"],
  ]);
});
