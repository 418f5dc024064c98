import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { boardEngine, findBoardTools } from "./board-engine.js";
import { boards } from "./boards.js";
import type { Workshop } from "./cache.js";
import { findNativeTools, nativeEngine, nativeTargets, targetName } from "./native.js";
import type { EngineRun } from "./result.js";

/** An engine that cannot run here, and what is not installed. */
export interface MissingEngine {
  name: string;
  tool: string;
}

export interface FoundEngines {
  engines: EngineRun[];
  missing: MissingEngine[];
}

/**
 * The package's own sources; build/ takes what is built.
 *
 * @param searchPath as in the environment variable PATH
 */
export function packageWorkshop(searchPath: string): Workshop {
  const root = fileURLToPath(new URL("../../", import.meta.url));
  return {
    engineDir: join(root, "engine"),
    firmwareDir: join(root, "firmware"),
    cacheDir: join(root, "build", "emulate"),
    searchPath,
  };
}

async function findNative(workshop: Workshop): Promise<FoundEngines> {
  const found: FoundEngines = { engines: [], missing: [] };
  for (const target of nativeTargets) {
    const tools = await findNativeTools(workshop, target);
    if ("missing" in tools) found.missing.push({ name: targetName(target), tool: tools.missing });
    else {
      const flags = target.optimisations.map((level) => [...target.flags, level]);
      found.engines.push(...flags.map((each) => nativeEngine(workshop, tools, each)));
    }
  }
  return found;
}

function findBoards(workshop: Workshop): FoundEngines {
  const found: FoundEngines = { engines: [], missing: [] };
  for (const board of boards) {
    const tools = findBoardTools(workshop, board);
    if ("missing" in tools) found.missing.push({ name: board.name, tool: tools.missing });
    else found.engines.push(boardEngine(workshop, tools, board));
  }
  return found;
}

/** Every engine that can be built and run here: programs of each compiler, also for other processors, and emulated boards. */
export async function findEngines(workshop: Workshop): Promise<FoundEngines> {
  const [native, emulated] = [await findNative(workshop), findBoards(workshop)];
  return { engines: [...native.engines, ...emulated.engines], missing: [...native.missing, ...emulated.missing] };
}
