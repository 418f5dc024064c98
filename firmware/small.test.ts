import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { syntheticModel } from "../bench/shared/synthetic-model.mjs";
import { findBoardTools, runOnBoard } from "../src/emulate/board-engine.js";
import { type Board, smallBoards } from "../src/emulate/boards.js";
import { packageWorkshop } from "../src/emulate/engines.js";
import { emptyHash, hashWords } from "../src/emulate/hash.js";
import { createMirror } from "../src/engine/mirror.js";
import { readModel } from "../src/format/reader.js";
import { withWindows } from "../src/format/windows.js";
import { namedConfig } from "../src/model/configs.js";

const folder = mkdtempSync(join(tmpdir(), "atome-small-"));
afterAll(() => rmSync(folder, { recursive: true }));

const workshop = packageWorkshop(process.env.PATH ?? "");
const baseOnly = ["GATED", "INT4", "CHECK", "SAMPLE", "SCORES", "ROUTER", "TOKENS", "RECALL"].map(
  (name) => `ATOME_${name}=0`,
);
const oneTable = [...baseOnly, "ATOME_TABLES=1"];
const job = { promptSymbols: Array.from({ length: 24 }, (_, i) => (7 * i + 3) % 32), generate: 8 };
const { ch32v003, stm32f103 } = smallBoards;

const tools = (board: Board) => {
  const found = findBoardTools(workshop, board);
  return "missing" in found ? undefined : found;
};
const on = (board: Board) => test.skipIf(tools(board) === undefined && process.env.CI !== "true");

function run(board: Board, defines: readonly string[], model: Uint8Array, from = workshop) {
  const found = tools(board);
  if (!found) throw new Error(`${board.name} has no tools`);
  return runOnBoard(from, found, board, defines, model, job);
}

const modelWith = (name: string, vocab: number, windows: readonly number[]) =>
  withWindows(readModel(syntheticModel(namedConfig(name), 1, vocab)), windows);
const nano = modelWith("nano", 32, [8, 8]);
const stories = modelWith("stories", 256, [64, 64, 32, 8]);

/** Hash of the logits that the job gives. */
function hashOf(model: Uint8Array): string {
  const engine = createMirror(model);
  let hash = emptyHash;
  for (const symbol of job.promptSymbols) hash = hashWords(hash, engine.step(symbol));
  for (let i = 0; i < job.generate; i++) hash = hashWords(hash, engine.step(engine.argmax()));
  return hash.toString(16).padStart(8, "0");
}

describe("2 KB of RAM and 16 KB of flash", () => {
  on(ch32v003)("hold a language model, its engine and their stack", async () => {
    const { hash, sections, stackBytes } = await run(ch32v003, oneTable, nano);
    expect(hash).toBe(hashOf(nano));
    expect(stackBytes).toBeGreaterThan(0);
    expect(stackBytes).toBeLessThan(ch32v003.stackBytes);
    const { ".own": own, ".engine": engine, ".model": model, ".job": prompt } = sections;
    expect(own + engine + model + prompt).toBeLessThan(ch32v003.flash.bytes / 2);
  });

  on(ch32v003)("hold no model with four tables", async () => {
    await expect(run(ch32v003, [...baseOnly, "ATOME_CHECK=1"], nano)).rejects.toThrow(
      /it needs 3132 bytes of RAM but 15\d\d are free/,
    );
  });
});

describe("20 KB of RAM and 64 KB of flash", () => {
  on(stm32f103)("hold the model of 60K parameters, with shorter windows", async () => {
    const { hash, stackBytes } = await run(stm32f103, baseOnly, stories);
    expect(hash).toBe(hashOf(stories));
    expect(stackBytes).toBeLessThan(512);
  });
});

describe("a small board", () => {
  /** The engine, with an atome_argmax that also reads a byte somewhere. */
  function engineReading(address: number) {
    const engineDir = join(folder, address.toString(16));
    mkdirSync(engineDir);
    copyFileSync(join(workshop.engineDir, "atome.h"), join(engineDir, "atome.h"));
    const source = `#define atome_argmax right
#include "${join(workshop.engineDir, "atome.c")}"
#undef atome_argmax
uint32_t atome_argmax(const atome_t *a) { return right(a) + 0 * *(volatile const uint8_t *)${address}u; }
`;
    writeFileSync(join(engineDir, "atome.c"), source);
    return { ...workshop, engineDir, cacheDir: join(folder, "cache") };
  }

  const places: [string, Board, number, boolean][] = [
    ["the last byte of its RAM", ch32v003, ch32v003.ram.start + ch32v003.ram.bytes - 1, true],
    ["a byte behind its RAM", ch32v003, ch32v003.ram.start + ch32v003.ram.bytes, false],
    ["a byte before its RAM", ch32v003, ch32v003.ram.start - 1, false],
    ["the last byte of its flash", ch32v003, ch32v003.flash.start + ch32v003.flash.bytes - 1, true],
    ["a byte behind its flash", ch32v003, ch32v003.flash.start + ch32v003.flash.bytes, false],
    ["the last byte of its RAM", stm32f103, stm32f103.ram.start + stm32f103.ram.bytes - 1, true],
    ["a byte behind its RAM", stm32f103, stm32f103.ram.start + stm32f103.ram.bytes, false],
  ];
  for (const [place, board, address, exists] of places) {
    on(board)(`${exists ? "has" : "lacks"} ${place}: ${board.name}`, async () => {
      const model = board === ch32v003 ? nano : stories;
      const reading = run(board, oneTable, model, engineReading(address));
      if (exists) expect((await reading).hash).toBe(hashOf(model));
      else await expect(reading).rejects.toThrow("the processor faulted");
    });
  }
});
