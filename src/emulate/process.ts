import { spawn } from "node:child_process";
import { basename } from "node:path";
import { FailureError } from "../model/errors.js";

/** What a program left behind. */
export interface Outcome {
  /** Exit status; null when a signal ended it. */
  code: number | null;
  stdout: string;
  stderr: string;
}

/**
 * Runs a program without a shell and without input, to its end.
 *
 * @param timeoutMs after this long it is killed
 * @throws FailureError when it cannot be started or does not end in time
 */
export function runProgram(path: string, args: readonly string[], cwd: string, timeoutMs: number): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      cwd,
      env: { ...process.env, LC_ALL: "C" }, // messages are read
      stdio: ["ignore", "pipe", "pipe"],
      timeout: timeoutMs,
      killSignal: "SIGKILL",
    });
    const out = { stdout: "", stderr: "" };
    for (const stream of ["stdout", "stderr"] as const) {
      child[stream].setEncoding("utf8");
      child[stream].on("data", (text: string) => {
        out[stream] += text;
      });
    }
    const name = basename(path);
    child.on("error", (error) =>
      reject(new FailureError(`Cannot start "${name}": ${error.message}; check that it is installed.`)),
    );
    child.on("close", (code, signal) => {
      if (signal === "SIGKILL") {
        reject(
          new FailureError(
            `Cannot finish "${name}": it was killed, after at most ${timeoutMs / 1000} s; use a smaller model or a shorter prompt.`,
          ),
        );
      } else {
        resolve({ code, ...out });
      }
    });
  });
}

/**
 * `runProgram` for one that must succeed.
 *
 * @throws FailureError also when its exit status is not 0, with the first lines it wrote to stderr
 */
export async function runOrFail(
  path: string,
  args: readonly string[],
  cwd: string,
  timeoutMs: number,
): Promise<Outcome> {
  const outcome = await runProgram(path, args, cwd, timeoutMs);
  if (outcome.code !== 0) throw new FailureError(`Cannot finish "${basename(path)}": ${describeFailure(outcome)}.`);
  return outcome;
}

const isNoise = (line: string) => line === "" || line.startsWith("collect2:") || line.includes("warning:");

/** One line on why a program failed: its exit status, and the lines that speak of an error or else the first it wrote. */
export function describeFailure(outcome: Outcome): string {
  const lines = `${outcome.stderr}\n${outcome.stdout}`
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => !isNoise(line));
  const errors = lines.filter((line) => /error:|undefined reference/i.test(line));
  const said = (errors.length > 0 ? errors : lines).slice(0, 3).join(" | ");
  const how = outcome.code === null ? "it crashed" : `it ended with exit code ${outcome.code}`;
  return said === "" ? how : `${how} and said: ${said}`;
}
