import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { FailureError } from "../model/errors.js";
import type { Board } from "./boards.js";
import { cachedBuild, type Workshop, withFolder } from "./cache.js";
import { readSections, type Sections } from "./elf.js";
import { encodeJob, type Job } from "./job.js";
import { describeFailure, runOrFail, runProgram } from "./process.js";
import { type Profile, type Profiler, profilerArgs, readProfile } from "./profile.js";
import { type EngineResult, type EngineRun, flashTooSmall, parseResult, refuseSmallRam } from "./result.js";
import { findTool } from "./tools.js";

export const buildTimeoutMs = 120_000;
const runTimeoutMs = 600_000;

/** Paths of the tools of an architecture. */
export interface BoardTools {
  compiler: string;
  emulator: string;
  /** Makes runs tell what they executed, and slower. */
  profiler?: Profiler;
}

/** The tools that a board needs, or the name of the first that is not installed. */
export function findBoardTools({ searchPath }: Workshop, { architecture }: Board): BoardTools | { missing: string } {
  const compiler = findTool(architecture.compiler, searchPath);
  const emulator = findTool(architecture.emulator, searchPath);
  if (compiler === undefined) return { missing: architecture.compiler };
  return emulator === undefined ? { missing: architecture.emulator } : { compiler, emulator };
}

/** How engine and firmware are compiled for any core; the published sizes and speeds hold for these arguments. */
export const sizeFlags: readonly string[] = [
  ...["-std=c99", "-Os", "-ffreestanding", "-ffunction-sections", "-fdata-sections"],
  // Without it gcc calls memset, which no library is there to provide.
  "-fno-tree-loop-distribute-patterns",
  // Writes the frame of each function beside the objects and changes no code.
  "-fstack-usage",
];

const compileFlags = (board: Board, defines: readonly string[]) => [
  ...sizeFlags,
  ...["-Wall", "-Wextra", ...board.architecture.flags(board.core), `-DCLOCK_HZ=${board.clockHz}`],
  ...defines.map((define) => `-D${define}`),
];

/** Compiles everything but model and job; the folder of the object files, and of a .su file of each. */
export async function buildObjects(
  workshop: Workshop,
  compiler: string,
  board: Board,
  defines: readonly string[],
): Promise<string> {
  const { engineDir, firmwareDir } = workshop;
  const own = ["main.c", ...board.architecture.sources].map((name) => join(firmwareDir, name));
  const sources = [join(engineDir, "atome.c"), ...own];
  const headers = [join(engineDir, "atome.h"), ...["port.h", "bare.h"].map((name) => join(firmwareDir, name))];
  const args = [...compileFlags(board, defines), "-I", engineDir, "-I", firmwareDir, "-c", ...sources];
  return cachedBuild(workshop, compiler, args, [...sources, ...headers], async (dir) => {
    await runOrFail(compiler, args, dir, buildTimeoutMs);
  });
}

/** The board's memory, as symbols of sections.ld. */
const memorySymbols = ({ flash, ram, stackBytes = 1024 }: Board) => [
  `board_stack_bytes=${stackBytes}`,
  ...[`board_flash_start=${flash.start}`, `board_flash_bytes=${flash.bytes}`],
  ...[`board_ram_start=${ram.start}`, `board_ram_bytes=${ram.bytes}`],
];

/** Paths of the object files in a folder. */
export const objectsIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".o"))
    .map((name) => join(folder, name));

/** File that linkImage() makes. */
export const imageName = "image.elf";

/** Links by sections.ld. No library is linked: what it would be needed for is an error. */
const bareFlags = (workshop: Workshop, board: Board) => [
  ...["-nostdlib", "-nostartfiles"],
  ...memorySymbols(board).map((symbol) => `-Wl,--defsym=${symbol}`),
  ...["-T", join(workshop.firmwareDir, "sections.ld")],
];

/**
 * Links firmware, engine and data to an image in `dir`.
 *
 * @param data path of the assembly file that says where model and job lie
 */
export async function linkImage(
  workshop: Workshop,
  compiler: string,
  board: Board,
  objects: string,
  data: string,
  dir: string,
) {
  const { architecture, core } = board;
  const args = [
    ...[...architecture.flags(core), "-Wl,--gc-sections", ...(architecture.linkFlags ?? bareFlags(workshop, board))],
    ...objectsIn(objects),
    ...[data, "-o", imageName],
  ];
  const outcome = await runProgram(compiler, args, dir, buildTimeoutMs);
  const overflow = /region `(?:FLASH|text)' overflowed by (\d+) bytes?/.exec(outcome.stderr);
  if (overflow) throw flashTooSmall(board.name, Number(overflow[1]));
  if (outcome.code !== 0)
    throw new FailureError(`Cannot link the firmware of ${board.name}: ${describeFailure(outcome)}.`);
}

/** A run on a board together with what its image consists of. */
export interface BoardRun extends EngineResult {
  sections: Sections;
  /** With a profiler. */
  profile?: Profile;
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
  const { architecture } = board;
  const objects = await buildObjects(workshop, tools.compiler, board, defines);
  return withFolder(workshop, async (dir) => {
    writeFileSync(join(dir, "model.atome"), model);
    writeFileSync(join(dir, "job.bin"), encodeJob(job));
    await linkImage(workshop, tools.compiler, board, objects, join(workshop.firmwareDir, "data.S"), dir);
    const sections = readSections(readFileSync(join(dir, imageName)));
    const { emulator, profiler } = tools;
    const emulation = architecture.emulatorArgs(board.machine, imageName);
    const args = [...emulation, ...(profiler ? profilerArgs(profiler, board.flash) : [])];
    const outcome = await runProgram(emulator, args, dir, runTimeoutMs);
    if (outcome.code !== 0)
      throw new FailureError(`Cannot run the firmware of ${board.name}: ${describeFailure(outcome)}.`);
    const printed = architecture.printed?.(outcome) ?? outcome.stdout;
    const result = refuseSmallRam(parseResult(printed, board.name, architecture.cyclesPerTick), board.name);
    return { ...result, sections, ...(profiler && { profile: await readProfile(profiler, dir, imageName) }) };
  });
}

/** The whole engine on an emulated board. */
export function boardEngine(workshop: Workshop, tools: BoardTools, board: Board): EngineRun {
  return { name: board.name, run: (model, job) => runOnBoard(workshop, tools, board, [], model, job) };
}
