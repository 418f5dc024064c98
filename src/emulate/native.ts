import { writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { FailureError } from "../model/errors.js";
import { cachedBuild, type Workshop, withFolder } from "./cache.js";
import { encodeJob } from "./job.js";
import { describeFailure, runOrFail, runProgram } from "./process.js";
import { type EngineRun, parseResult } from "./result.js";
import { findTool } from "./tools.js";

const buildTimeoutMs = 120_000;
const runTimeoutMs = 300_000;

/** A kind of program that this machine may be able to make and run. */
export interface NativeTarget {
  /** Compilers, any of which will do. */
  compilers: readonly string[];
  flags: readonly string[];
  optimisations: readonly string[];
  /** Runs the program where this machine's processor cannot. */
  emulator?: string;
  /** What is missing where the compiler is there and makes no program that runs. */
  library: string;
}

const host = { flags: [], optimisations: ["-O0", "-O2", "-O3", "-Os"], library: "C library" };
const optimisations = ["-O2"];
const bigEndian = { flags: ["-static"], optimisations };

export const nativeTargets: readonly NativeTarget[] = [
  { compilers: ["gcc", "cc"], ...host },
  { compilers: ["clang"], ...host },
  ...(process.arch === "x64"
    ? [{ compilers: ["gcc"], flags: ["-m32"], optimisations, library: "32-bit C library" }]
    : []),
  // Pointers of 8 bytes, and of 4.
  { compilers: ["s390x-linux-gnu-gcc"], emulator: "qemu-s390x", ...bigEndian, library: "C library for s390x" },
  { compilers: ["powerpc-linux-gnu-gcc"], emulator: "qemu-ppc", ...bigEndian, library: "C library for powerpc" },
];

/** What a target is called where its programs have no name yet. */
export const targetName = ({ compilers, flags }: NativeTarget): string => [compilers[0], ...flags].join(" ");

/** Paths of the tools of a target. */
export interface NativeTools {
  compiler: string;
  emulator?: string;
}

/** The tools that a target needs, or what is not installed. */
export async function findNativeTools(
  workshop: Workshop,
  target: NativeTarget,
): Promise<NativeTools | { missing: string }> {
  const find = (tool: string) => findTool(tool, workshop.searchPath);
  const compiler = target.compilers.map(find).find((path) => path !== undefined);
  if (compiler === undefined) return { missing: target.compilers[0] };
  const emulator = target.emulator === undefined ? undefined : find(target.emulator);
  if (target.emulator !== undefined && emulator === undefined) return { missing: target.emulator };
  const tools = { compiler, ...(emulator !== undefined && { emulator }) };
  return (await makesPrograms(workshop, tools, target.flags)) ? tools : { missing: target.library };
}

/** The command that runs a program. */
export const commandOf = ({ emulator }: Pick<NativeTools, "emulator">, program: string): [string, ...string[]] =>
  emulator === undefined ? [program] : [emulator, program];

/**
 * atome.c compiled as a program.
 *
 * @param flags added to the compiler's arguments, e.g. `["-O2"]`
 */
export function nativeEngine(workshop: Workshop, tools: NativeTools, flags: readonly string[]): EngineRun {
  const { compiler } = tools;
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
      const [program, ...before] = commandOf(tools, join(await build(), "native"));
      return withFolder(workshop, async (dir) => {
        writeFileSync(join(dir, "model.atome"), model);
        writeFileSync(join(dir, "job.bin"), encodeJob(job));
        const outcome = await runProgram(program, [...before, "model.atome", "job.bin"], dir, runTimeoutMs);
        if (outcome.code !== 0)
          throw new FailureError(`Cannot run the engine built with ${name}: ${describeFailure(outcome)}.`);
        return parseResult(outcome.stdout, name);
      });
    },
  };
}

const probe = "#include <stdio.h>\n#include <stdlib.h>\nint main(void) { return 0; }\n";

/** Whether the programs run: a compiler without the C library's headers makes none. */
async function makesPrograms(workshop: Workshop, tools: NativeTools, flags: readonly string[]): Promise<boolean> {
  try {
    await cachedBuild(workshop, tools.compiler, [probe, tools.emulator ?? "", ...flags], [], async (dir) => {
      writeFileSync(join(dir, "probe.c"), probe);
      await runOrFail(tools.compiler, [...flags, "probe.c", "-o", "probe"], dir, buildTimeoutMs);
      const [program, ...args] = commandOf(tools, join(dir, "probe"));
      await runOrFail(program, args, dir, runTimeoutMs);
    });
    return true;
  } catch (error) {
    if (error instanceof FailureError) return false;
    throw error;
  }
}
