import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { sampleRecall } from "../format/samples.js";
import { writeModel } from "../format/writer.js";
import { FailureError } from "../model/errors.js";
import { runOnBoard } from "./board-engine.js";
import { boards } from "./boards.js";
import { packageWorkshop } from "./engines.js";
import { buildProfiler, combine, executedBy, executedByFunction, mostExecuted, profileOfRest } from "./profile.js";
import { findTool } from "./tools.js";

const listing = `
image.elf:     file format elf32-littlearm

Disassembly of section .engine:

00000130 <first>:
 130:\tmovs\tr0, #0
 132:\tadd.w\tr0, r0, #1
 136:\tcmp\tr0, #3
 138:\tbne.n\t132 <first+0x2>
 13a:\tbx\tlr
 13c:\t00000001 \t.word\t0x00000001

00000140 <second>:
 140:\tbx\tlr
`;
const blocks = "130 4 1 1 0\n132 3 2 1 5\n13a 1 1 1 0\n900 7 1 1 9\n132 3 1 0 5\n";

describe("combine()", () => {
  const profile = combine(blocks, listing);

  test("adds up blocks over the instructions, and leaves out those elsewhere", () => {
    expect(profile.instructions.map((one) => [one.mnemonic, one.executed, one.taken])).toEqual([
      ["movs", 1, 0],
      ["add", 4, 0],
      ["cmp", 4, 0],
      ["bne", 4, 2],
      ["bx", 1, 1],
      ["bx", 0, 0],
    ]);
    expect(profile.flashReads).toBe(10);
    expect(executedBy(profile)).toBe(14);
    expect(executedByFunction(profile)).toEqual([["first", 14]]);
  });

  test.each([
    ["runs over the end", "140 2 1 1 0"],
    ["begins between two instructions", "134 1 1 1 0"],
  ])("refuses a block that %s", (_, block) => {
    expect(() => combine(block, listing)).toThrow(FailureError);
  });

  test("profileOfRest() takes one run from another", () => {
    const rest = profileOfRest(profile, combine("130 4 1 1 0\n13a 1 1 1 0\n", listing), 2);
    expect(rest.instructions.map(({ executed, taken }) => [executed, taken])).toEqual([
      ...[
        [0, 0],
        [1.5, 0],
        [1.5, 0],
        [1.5, 0.5],
      ],
      ...[
        [0, 0],
        [0, 0],
      ],
    ]);
  });
});

test("mostExecuted() takes each instruction from the run that executed it most", () => {
  const most = mostExecuted([combine("130 4 2 1 3\n", listing), combine("132 3 5 0 1\n", listing)]);
  expect(most.instructions.map(({ executed, taken }) => [executed, taken])).toEqual([
    ...[
      [2, 0],
      [5, 0],
      [5, 0],
      [5, 1],
    ],
    ...[
      [0, 0],
      [0, 0],
    ],
  ]);
  expect(most.flashReads).toBe(3);
});

describe("on a board", () => {
  const searchPath = process.env.PATH ?? "";
  const [native, compiler, disassembler, emulator] = [
    "gcc",
    "arm-none-eabi-gcc",
    "arm-none-eabi-objdump",
    "qemu-system-arm",
  ].map((tool) => findTool(tool, searchPath) ?? "");
  const isMissing = [native, compiler, disassembler, emulator].includes("");
  const folder = mkdtempSync(join(tmpdir(), "atome-profile-"));
  afterAll(() => rmSync(folder, { recursive: true }));

  test.skipIf(isMissing)(
    "the counts are those of the board's own clock, but for the calls between its readings",
    async () => {
      const workshop = { ...packageWorkshop(searchPath), cacheDir: folder };
      const profiler = await buildProfiler(workshop, native, disassembler);
      const model = writeModel(sampleRecall());
      const tokens = 16;
      const run = (board: (typeof boards)[number], generate: number) =>
        runOnBoard(workshop, { compiler, emulator, profiler }, board, [], model, { promptSymbols: [0, 1], generate });
      for (const board of boards.slice(0, 2)) {
        const [longer, shorter] = [await run(board, tokens), await run(board, 0)];
        if (!longer.profile || !shorter.profile) throw new Error("there is no profile");
        const counted = executedBy(profileOfRest(longer.profile, shorter.profile, tokens));
        const instructionsPerTick = 1e9 / board.clockHz;
        expect(counted).toBeGreaterThan(1000);
        expect(longer.instructionsPerToken).toBeGreaterThan(counted);
        expect(longer.instructionsPerToken).toBeLessThan(counted + 40 + instructionsPerTick);
        expect(longer.instructionsPerTokenMax).toBeGreaterThanOrEqual(longer.instructionsPerToken ?? Number.NaN);
      }
    },
  );
});
