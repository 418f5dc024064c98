import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildObjects, objectsIn, sizeFlags } from "./board-engine.js";
import type { Board } from "./boards.js";
import { cachedBuild, type Workshop, withFolder } from "./cache.js";
import { type Code, findOpenings, parseCode, stackBytes } from "./disassembly.js";
import { runOrFail } from "./process.js";

const toolTimeoutMs = 60_000;

/** Paths of the tools that inspecting needs, of one target. */
export interface InspectTools {
  compiler: string;
  /** GNU objdump. */
  objdump: string;
}

/** Reads objects of gcc, linked with each other alone; what they lack stays open. The .su files are beside them. */
async function readObjects(workshop: Workshop, tools: InspectTools, objects: readonly string[]): Promise<Code> {
  const stackUsage = objects.map((path) => readFileSync(path.replace(/o$/, "su"), "utf8")).join("");
  return withFolder(workshop, async (dir) => {
    const closed = ["-nostdlib", "-nostartfiles", "-static", "-Wl,--unresolved-symbols=ignore-all"];
    await runOrFail(tools.compiler, [...closed, ...objects, "-o", "linked"], dir, toolTimeoutMs);
    const print = async (...args: string[]) => (await runOrFail(tools.objdump, args, dir, toolTimeoutMs)).stdout;
    const tables = await print("-h", "-t", ...objects);
    return parseCode({ tables, disassembly: await print("-d", "--no-show-raw-insn", "linked"), stackUsage });
  });
}

/**
 * One C file compiled for this machine as the engine is for boards, and read.
 *
 * @param source path of the C file
 * @param flags added to the compiler's arguments
 */
export async function inspectSource(
  workshop: Workshop,
  tools: InspectTools,
  source: string,
  flags: readonly string[] = [],
): Promise<Code> {
  const args = [...sizeFlags, ...flags, "-I", workshop.engineDir, "-c", source, "-o", "code.o"];
  const files = [source, join(workshop.engineDir, "atome.h")];
  const folder = await cachedBuild(workshop, tools.compiler, args, files, async (dir) => {
    await runOrFail(tools.compiler, args, dir, toolTimeoutMs);
  });
  return readObjects(workshop, tools, [join(folder, "code.o")]);
}

/** What the engine is on one core, whole: every switch of atome.h on. */
export interface EngineInspection {
  core: string;
  /** How many functions the engine consists of. */
  functions: number;
  /** What it could reach outside itself: `findOpenings`. Empty, or the engine is broken. */
  openings: string[];
  /** The most stack in bytes that a call of each public function takes, its own frame included. */
  stackBytes: Record<string, number>;
  /** The most stack in bytes below the firmware's run_job, where a board measures: the firmware's own frames included. */
  firmwareStackBytes: number;
}

/** Inspects the engine as it is compiled for a board. */
export async function inspectEngine(workshop: Workshop, tools: InspectTools, board: Board): Promise<EngineInspection> {
  const folder = await buildObjects(workshop, tools.compiler, board, []);
  const engine = await readObjects(workshop, tools, [join(folder, "atome.o")]);
  const firmware = await readObjects(workshop, tools, objectsIn(folder));
  const publicNames = [...engine.functions.values()].filter(({ isPublic }) => isPublic).map(({ name }) => name);
  return {
    core: board.core,
    functions: engine.functions.size,
    openings: findOpenings(engine),
    stackBytes: Object.fromEntries(publicNames.map((name) => [name, stackBytes(engine, name)])),
    firmwareStackBytes: stackBytes(firmware, "run_job") - (firmware.functions.get("run_job")?.frameBytes ?? 0),
  };
}
