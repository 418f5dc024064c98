import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { jobFolder, type SweepJob, type SweepPlan } from "./sweep-plan.js";
import { encodeResults, type JobResult, parseJobResult } from "./sweep-results.js";
import type { TrainReport } from "./train-report.js";

// The build's output stands at the same place seen from src/cli and from dist/cli.
const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

export interface SweepOptions {
  output: string;
  /** Trainings at a time. */
  jobs: number;
  /** Of each training. */
  threads: number;
  /** Aborted when the user wants to stop: what runs is saved, nothing more is started. */
  signal: AbortSignal;
  onStart?: (job: SweepJob) => void;
  onEnd?: (ending: JobEnding) => void;
}

/** How a job ended: with a result, an error's sentence, or neither when it was stopped. */
export interface JobEnding {
  job: SweepJob;
  result?: JobResult;
  error?: string;
  /** It was finished before this run. */
  isOld: boolean;
}

/**
 * Trains jobs, some at a time, each in a process and a folder of its own. Finished jobs are not repeated and half-done
 * ones go on; what they come to does not depend on either, nor on `jobs` and `threads`.
 */
export async function runSweep(
  plan: SweepPlan,
  jobs: readonly SweepJob[],
  options: SweepOptions,
): Promise<JobEnding[]> {
  const endings: JobEnding[] = [];
  const waiting = jobs.values();
  const work = async () => {
    for (const job of waiting) {
      if (options.signal.aborted) return;
      const ending = await runJob(plan, job, options);
      endings.push(ending);
      options.onEnd?.(ending);
    }
  };
  await Promise.all(Array.from({ length: Math.min(options.jobs, jobs.length) }, work));
  return endings.sort((a, b) => a.job.index - b.job.index);
}

async function runJob(plan: SweepPlan, job: SweepJob, options: SweepOptions): Promise<JobEnding> {
  const old = finishedResult(options.output, job);
  if (old) return { job, result: old, isOld: true };
  options.onStart?.(job);
  const { code, stdout, stderr } = await train(trainArguments(plan, job, options), options.signal);
  if (options.signal.aborted && code !== 0) return { job, isOld: false };
  if (code !== 0) return { job, error: lastLine(stderr) || `It ended with code ${code}.`, isOld: false };
  const result = resultOf(job, JSON.parse(lastLine(stdout)) as TrainReport);
  writeFileAtomically(resultPath(options.output, job), encodeResults(result));
  return { job, result, isOld: false };
}

const resultPath = (output: string, job: SweepJob): string => join(jobFolder(output, job), "result.json");

/** The result of an earlier run of the same job: same configuration, same texts. */
function finishedResult(output: string, job: SweepJob): JobResult | undefined {
  const path = resultPath(output, job);
  if (!existsSync(path)) return undefined;
  const result = parseJobResult(readFileSync(path, "utf8"), path);
  // The sweep may have got more points since: their number is not the job's.
  return result.jobSha256 === job.sha256 ? { ...result, id: job.id, index: job.index } : undefined;
}

function trainArguments(plan: SweepPlan, job: SweepJob, { output, threads }: SweepOptions): string[] {
  const heldOut = plan.validationFile === undefined ? [] : ["--validation-file", plan.validationFile];
  const settings = job.settings.flatMap((setting) => ["--set", setting]);
  const folder = ["-o", jobFolder(output, job), "--auto-resume", "--threads", `${threads}`, "--quiet", "--json"];
  return ["train", ...plan.corpus, "--config", plan.config, ...settings, ...heldOut, ...folder];
}

/** Runs `atome train`; when the signal comes it is asked, once, to save and stop. */
async function train(args: readonly string[], signal: AbortSignal) {
  // In a process group of its own, so that Ctrl-C in a terminal does not reach it a second time; the channel tells it when
  // this process is gone.
  const child: ChildProcess = fork(main, args, { stdio: ["ignore", "pipe", "pipe", "ipc"], detached: true });
  const output = { stdout: "", stderr: "" };
  child.stdout?.on("data", (text) => {
    output.stdout += text;
  });
  child.stderr?.on("data", (text) => {
    output.stderr += text;
  });
  const stop = () => child.kill("SIGTERM");
  signal.addEventListener("abort", stop);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  signal.removeEventListener("abort", stop);
  return { code, ...output };
}

const lastLine = (text: string): string => text.trimEnd().split("\n").at(-1) ?? "";

function resultOf(job: SweepJob, report: TrainReport): JobResult {
  const sha256 = (path: string) => createHash("sha256").update(readFileSync(path)).digest("hex");
  return {
    id: job.id,
    index: job.index,
    overrides: job.overrides,
    seed: job.seed,
    jobSha256: job.sha256,
    steps: report.steps,
    bitsPerByte: report.best?.bitsPerByte ?? null,
    bitsPerByteLast: report.bitsPerByte,
    bestSha256: sha256(report.bestCheckpoint),
    lastSha256: sha256(report.lastCheckpoint),
    modelSha256: report.model === null ? null : sha256(report.model),
    flashBytes: report.flashBytes,
    ramBytes: report.ramBytes,
  };
}
