import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FailureError } from "../model/errors.js";
import type { Board } from "./boards.js";
import { cachedBuild, type Workshop, withFolder } from "./cache.js";
import { readSections, type Sections } from "./elf.js";
import { encodeJob, type Job } from "./job.js";
import { describeFailure, runOrFail, runProgram } from "./process.js";
import { type EngineResult, type EngineRun, ModelTooLargeError, parseResult } from "./result.js";

const buildTimeoutMs = 120_000;
const runTimeoutMs = 600_000;
const arenaError = 18;

/** Paths of the tools that boards need. */
export interface BoardTools {
  compiler: string;
  emulator: string;
}

const sources = (workshop: Workshop) => [
  join(workshop.engineDir, "atome.c"),
  join(workshop.firmwareDir, "main.c"),
  join(workshop.firmwareDir, "startup.c"),
];

/** How engine and firmware are compiled; the published sizes and speeds hold for these arguments. */
const compileFlags = (board: Board, defines: readonly string[]) => [
  ...[
    "-std=c99",
    "-Os",
    "-ffreestanding",
    "-ffunction-sections",
    "-fdata-sections",
    // Without it gcc calls memset, which no library is there to provide.
    "-fno-tree-loop-distribute-patterns",
    // At -Os, gcc 12 still copies code and keeps more values than a Cortex-M0 has registers for: these save 3 bytes in 100,
    // and cost a Cortex-M0 2 instructions in 100.
    "-fno-move-loop-invariants",
    "-fno-thread-jumps",
    "-fno-tree-loop-ivcanon",
    "-fno-tree-scev-cprop",
  ],
  ...["-Wall", "-Wextra", "-mthumb", `-mcpu=${board.core}`, `-DCLOCK_HZ=${board.clockHz}`],
  ...defines.map((define) => `-D${define}`),
];

async function buildObjects(workshop: Workshop, compiler: string, board: Board, defines: readonly string[]) {
  const { engineDir, firmwareDir } = workshop;
  const args = [...compileFlags(board, defines), "-I", engineDir, "-I", firmwareDir, "-c", ...sources(workshop)];
  const files = [...sources(workshop), join(engineDir, "atome.h"), join(firmwareDir, "port.h")];
  return cachedBuild(workshop, compiler, args, files, async (dir) => {
    await runOrFail(compiler, args, dir, buildTimeoutMs);
  });
}

/** Links firmware, engine, model and job to `dir`/image.elf. No library is linked: what it would be needed for is an error. */
async function linkImage(workshop: Workshop, compiler: string, board: Board, objects: string, dir: string) {
  const args = [
    ...["-nostdlib", "-nostartfiles", "-mthumb", `-mcpu=${board.core}`, "-Wl,--gc-sections"],
    ...["-L", join(workshop.firmwareDir, "boards"), "-T", join(workshop.firmwareDir, "boards", board.script)],
    ...["startup.o", "main.o", "atome.o"].map((name) => join(objects, name)),
    ...[join(workshop.firmwareDir, "data.S"), "-o", "image.elf"],
  ];
  const outcome = await runProgram(compiler, args, dir, buildTimeoutMs);
  const overflow = /region `FLASH' overflowed by (\d+) bytes?/.exec(outcome.stderr);
  if (overflow) {
    throw new ModelTooLargeError(
      `Cannot run the model on ${board.name}: its flash is ${overflow[1]} bytes too small for firmware and model; use a smaller model.`,
    );
  }
  if (outcome.code !== 0)
    throw new FailureError(`Cannot link the firmware of ${board.name}: ${describeFailure(outcome)}.`);
  return join(dir, "image.elf");
}

const emulatorArgs = (board: Board, image: string) => [
  ...["-M", board.machine, "-kernel", image, "-display", "none", "-monitor", "none", "-serial", "none", "-nic", "none"],
  ...["-semihosting-config", "enable=on,target=native", "-icount", "shift=0"],
];

/** A run on a board together with what its image consists of. */
export interface BoardRun extends EngineResult {
  sections: Sections;
}

/**
 * Links the model into a firmware for the board and runs it in the emulator.
 *
 * @param defines switches of atome.h, e.g. `["ATOME_GATED=0"]`
 * @throws ModelTooLargeError when flash or RAM do not suffice
 */
export async function runOnBoard(
  workshop: Workshop,
  tools: BoardTools,
  board: Board,
  defines: readonly string[],
  model: Uint8Array,
  job: Job,
): Promise<BoardRun> {
  const objects = await buildObjects(workshop, tools.compiler, board, defines);
  return withFolder(workshop, async (dir) => {
    writeFileSync(join(dir, "model.atome"), model);
    writeFileSync(join(dir, "job.bin"), encodeJob(job));
    const image = await linkImage(workshop, tools.compiler, board, objects, dir);
    const sections = readSections(readFileSync(image));
    const outcome = await runProgram(tools.emulator, emulatorArgs(board, image), dir, runTimeoutMs);
    if (outcome.code !== 0)
      throw new FailureError(`Cannot run the firmware of ${board.name}: ${describeFailure(outcome)}.`);
    const result = parseResult(outcome.stdout, board.name);
    if (result.error === arenaError && result.arenaBytes > result.ramBytes) {
      throw new ModelTooLargeError(
        `Cannot run the model on ${board.name}: it needs ${result.arenaBytes} bytes of RAM but ${result.ramBytes} are free; use a smaller model.`,
      );
    }
    return { ...result, sections };
  });
}

/** The whole engine on an emulated board. */
export function boardEngine(workshop: Workshop, tools: BoardTools, board: Board): EngineRun {
  return { name: board.name, run: (model, job) => runOnBoard(workshop, tools, board, [], model, job) };
}
