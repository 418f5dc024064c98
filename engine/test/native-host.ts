/** Builds of vectors-host.c, and how to talk to them. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { commandOf, type NativeTools } from "../../src/emulate/native.js";
import { findTool } from "../../src/emulate/tools.js";
import { columnsOf } from "../../src/engine/mirror.js";
import { type Call, fromHex, listSamples, listSymbols } from "../../src/engine/vectors.js";

const engineDir = fileURLToPath(new URL("..", import.meta.url));
export const ENGINE_SOURCE = join(engineDir, "atome.c");
const HOST_SOURCE = join(engineDir, "test", "vectors-host.c");

export const COMPILERS = ["gcc", "clang"] as const;
/** Those of this machine, and one whose int has 16 bits. */
export type Compiler = (typeof COMPILERS)[number] | "avr-gcc";

/** Whether a missing tool makes tests fail instead of being skipped. */
export const mustRun = process.env.CI === "true";

/** Builds that stop at the first undefined behaviour, or read of what was never written. */
export const SANITIZERS: [Compiler, string[]][] = [
  ["gcc", ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]],
  ["clang", ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]],
  ["clang", ["-O1", "-g", "-fsanitize=memory", "-fno-sanitize-recover=all"]],
];

/** Whether tests of this compiler have to be skipped. */
export const isMissing = (compiler: Compiler): boolean =>
  !mustRun && findTool(compiler, process.env.PATH ?? "") === undefined;

const buildDir = mkdtempSync(join(tmpdir(), "atome-engine-"));
export const removeBuilds = (): void => rmSync(buildDir, { recursive: true, force: true });

/**
 * Compiles C, for this machine unless the compiler is of another.
 *
 * @param compiler its program's name
 * @returns path of what was built
 * @throws Error with the compiler's messages
 */
export function compile(compiler: string, flags: readonly string[], sources: readonly string[]): string {
  const output = join(mkdtempSync(join(buildDir, "build-")), "output");
  const args = ["-std=c99", "-I", engineDir, ...flags, ...sources, "-o", output];
  execFileSync(compiler, args, { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  return output;
}

/**
 * The vectors' host with the engine.
 *
 * @param engine text of atome.c, when it is not to be the file's
 */
export function buildHost(compiler: string, flags: readonly string[], engine?: string): string {
  if (engine === undefined) return compile(compiler, flags, [ENGINE_SOURCE, HOST_SOURCE]);
  const source = join(mkdtempSync(join(buildDir, "source-")), "atome.c");
  writeFileSync(source, engine);
  return compile(compiler, flags, [source, HOST_SOURCE]);
}

/** The text of atome.c as cores get it that have neither a wide product nor a division, nor read words in the file's order. */
export const narrow = (source: string): string =>
  source.replace(/^#define (WIDE_PRODUCT|DIVISION) 1$/gm, "#define $1 0").replaceAll("__ORDER_LITTLE_ENDIAN__", "0");

/** A model and the calls to make on it; none when it must be refused. */
export interface HostJob {
  model: Uint8Array;
  calls: readonly Call[];
}

export interface HostAnswer {
  error: number;
  arenaBytes: number;
  answers: unknown[];
}

/** In the order of the enum of vectors-host.c. */
const CALL_NAMES = [
  ...["", "reset", "step", "stream", "greedy", "sample", "router", "scores", "encode", "decode", "names"],
  ...["recall", "stepSamples", "streamSamples", "decide"],
];

function wordsOf(call: Call, vocab: number, columns: number): number[] {
  switch (call.call) {
    case "step":
    case "decode":
      return call.symbols;
    case "stream":
      return listSymbols(call.symbols, vocab);
    case "stepSamples":
    case "streamSamples":
      return listSamples(call.samples, columns).flat();
    case "greedy":
      return [call.count];
    case "sample":
      return [call.count, Number(call.feed), call.temperature, call.topK, call.topP, call.random];
    case "recall":
      return [call.longest, call.repeats, call.penalty];
    case "encode":
      return [...fromHex(call.text)];
    default:
      return [];
  }
}

export function encodeHostJob({ model, calls }: HostJob): Buffer {
  const words = (values: readonly number[]) => Buffer.from(Uint32Array.from(values).buffer);
  const vocab = model.length >= 18 ? model[16] | (model[17] << 8) : 0;
  const columns = calls.length > 0 ? columnsOf(model) : 0;
  const encoded = calls.map((call) => {
    const values = wordsOf(call, vocab, columns);
    return words([CALL_NAMES.indexOf(call.call), values.length, ...values]);
  });
  return Buffer.concat([words([model.length]), model, ...encoded, words([0])]);
}

/**
 * Runs jobs, all in one process.
 *
 * @param tools of a host for another processor: its emulator runs it
 * @throws Error when the host fails, which a sanitizer makes it do
 */
export function runHost(
  host: string,
  jobs: readonly HostJob[],
  tools: Pick<NativeTools, "emulator"> = {},
): HostAnswer[] {
  const input = Buffer.concat(jobs.map(encodeHostJob));
  const [program, ...args] = commandOf(tools, host);
  const { status, signal, stdout, stderr } = spawnSync(program, args, { input, encoding: "utf8", maxBuffer: 2 ** 28 });
  if (status !== 0) throw new Error(`The host ended with ${status ?? signal}: ${stderr.slice(0, 2000)}`);
  const lines = stdout.trimEnd().split("\n");
  let next = 0;
  const nextLine = () => JSON.parse(lines[next++]);
  return jobs.map(({ calls }) => {
    const { error, arenaBytes } = nextLine();
    return { error, arenaBytes, answers: calls.map(nextLine) };
  });
}
