import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { FailureError } from "../model/errors.js";

/** Where the sources are and where what is built from them goes. */
export interface Workshop {
  /** Holds atome.h and atome.c. */
  engineDir: string;
  /** Holds main.c, the start-up code of every architecture and of the host, and sections.ld. */
  firmwareDir: string;
  /** Made when it does not exist; safe to delete, safe to share between processes. */
  cacheDir: string;
  /** Folders with the tools, as in the environment variable PATH. */
  searchPath: string;
}

/**
 * The folder in which `build` once left its output; `build` runs only when no folder of the same ingredients exists.
 *
 * @param ingredients everything but the files that decides what comes out, e.g. the compiler's arguments
 * @param files paths of the sources; their contents count
 * @param tool path of the compiler; its size and age count
 */
export async function cachedBuild(
  workshop: Workshop,
  tool: string,
  ingredients: readonly string[],
  files: readonly string[],
  build: (dir: string) => Promise<void>,
): Promise<string> {
  const { size, mtimeMs } = statSync(tool);
  const hash = createHash("sha256").update(JSON.stringify([tool, size, mtimeMs, ingredients]));
  for (const file of files) hash.update(createHash("sha256").update(readFileSync(file)).digest());
  const target = join(workshop.cacheDir, hash.digest("hex").slice(0, 32));
  if (existsSync(target)) return target;
  await withFolder(workshop, async (dir) => {
    const output = join(dir, "output");
    mkdirSync(output);
    await build(output);
    moveUnlessPresent(output, target);
  });
  return target;
}

/** Another process may have built the same: its output is as good. */
function moveUnlessPresent(output: string, target: string): void {
  try {
    renameSync(output, target);
  } catch (error) {
    if (!existsSync(target)) throw error;
  }
}

function newFolder(cacheDir: string): string {
  try {
    mkdirSync(cacheDir, { recursive: true });
    return mkdtempSync(join(cacheDir, "run-"));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FailureError(`Cannot build engines in "${cacheDir}": ${reason}; make the folder writable.`);
  }
}

/**
 * Calls `use` with a new empty folder of its own, which is gone afterwards.
 *
 * @throws FailureError when no folder can be made
 */
export async function withFolder<T>(workshop: Workshop, use: (dir: string) => Promise<T>): Promise<T> {
  const dir = newFolder(workshop.cacheDir);
  try {
    return await use(dir);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
