import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { FailureError } from "../model/errors.js";
import { cachedBuild, type Workshop, withFolder } from "./cache.js";
import { encodeJob } from "./job.js";
import { describeFailure, runOrFail, runProgram } from "./process.js";
import { type EngineRun, parseResult } from "./result.js";

const buildTimeoutMs = 120_000;
const runTimeoutMs = 300_000;

/**
 * atome.c compiled for this machine.
 *
 * @param compiler path of a C compiler
 * @param flags added to the compiler's arguments, e.g. `["-O2"]`
 */
export function nativeEngine(workshop: Workshop, compiler: string, flags: readonly string[]): EngineRun {
  const name = [basename(compiler), ...flags].join(" ");
  const { engineDir, firmwareDir } = workshop;
  const sources = [join(engineDir, "atome.c"), join(firmwareDir, "main.c"), join(firmwareDir, "host", "port.c")];
  const headers = [join(engineDir, "atome.h"), join(firmwareDir, "port.h")];
  const args = ["-std=c99", ...flags, "-I", engineDir, "-I", firmwareDir, ...sources];
  const build = () =>
    cachedBuild(workshop, compiler, args, [...sources, ...headers], async (dir) => {
      await runOrFail(compiler, [...args, "-o", join(dir, "native")], dir, buildTimeoutMs);
    });
  return {
    name,
    async run(model, job) {
      const program = join(await build(), "native");
      return withFolder(workshop, async (dir) => {
        writeFileSync(join(dir, "model.atome"), model);
        writeFileSync(join(dir, "job.bin"), encodeJob(job));
        const outcome = await runProgram(program, ["model.atome", "job.bin"], dir, runTimeoutMs);
        if (outcome.code !== 0)
          throw new FailureError(`Cannot run the engine built with ${name}: ${describeFailure(outcome)}.`);
        return parseResult(outcome.stdout, name);
      });
    },
  };
}

const probe = "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { return 0; }\n";

/** Whether the compiler makes programs here: one without the C library's headers does not. */
export async function canCompile(workshop: Workshop, compiler: string): Promise<boolean> {
  try {
    await cachedBuild(workshop, compiler, [probe], [], async (dir) => {
      writeFileSync(join(dir, "probe.c"), probe);
      await runOrFail(compiler, ["probe.c", "-o", "probe"], dir, buildTimeoutMs);
    });
    return true;
  } catch (error) {
    if (error instanceof FailureError) return false;
    throw error;
  }
}
