import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** How a run of the command line ended. */
export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/**
 * Starts the built command line, for tests.
 *
 * @param env added to this process's environment
 * @param input what it reads from standard input; none unless given
 */
export function startAtome(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}, input?: string) {
  const child: ChildProcess = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...process.env, NO_COLOR: "1", FORCE_COLOR: "", ATOME_DEBUG: "", ...env },
    stdio: [input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
  });
  child.stdin?.end(input);
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (text) => {
    output.stdout += text;
  });
  child.stderr?.on("data", (text) => {
    output.stderr += text;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code, signal) => resolve({ code, signal, ...output }));
  });
  return { child, output, ended };
}

/** Runs the built command line to its end, for tests. */
export const runAtome = (
  args: readonly string[],
  cwd: string,
  env?: NodeJS.ProcessEnv,
  input?: string,
): Promise<Ended> => startAtome(args, cwd, env, input).ended;
