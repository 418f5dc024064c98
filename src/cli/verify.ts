import { Command } from "commander";
import type { MissingEngine } from "../emulate/engines.js";
import type { EngineReport, Verification } from "../emulate/verify.js";
import { MISSING } from "../engine/engine.js";
import type { AtomeModel } from "../format/reader.js";
import { FailureError, UsageError } from "../model/errors.js";
import { Prompt } from "../tokenizer/prompt.js";
import { findAllEngines } from "./engines.js";
import { alphabetOf, readModelFile, readModelInput } from "./models.js";
import { wholeNumber } from "./options.js";
import { type CommonOptions, grouped, Output, table, withCommonOptions, withExamples } from "./output.js";
import { Progress } from "./progress.js";

const DEFAULT_PROMPT = "Once upon a time";

interface VerifyOptions extends CommonOptions {
  prompt?: string;
  tokens: number;
}

export function verifyCommand(): Command {
  const command = new Command("verify")
    .description(
      "Run a model on every engine at hand and compare all logits, bit for bit. Exit code 1 when they differ.",
    )
    .argument("<model>", "a .atome file, or the name of a model that comes with the program: stories-64k")
    .option("--prompt <text>", `what is fed first (default: "${DEFAULT_PROMPT}")`)
    .option(
      "--tokens <n>",
      "symbols to generate after it; of a sensor the samples to read",
      wholeNumber(0, 1_000_000),
      32,
    )
    .action(verify);
  return withExamples(
    withCommonOptions(command),
    ["atome verify model.atome", "TypeScript, WASM, native C and emulated boards"],
    ['atome verify model.atome --prompt "Q: hello" --tokens 100 --json', "for programs"],
  );
}

async function verify(path: string, options: VerifyOptions): Promise<void> {
  const output = new Output(options);
  const bytes = readModelInput(path, "a .atome file");
  const report = await verifyFile(bytes, path, options.prompt, options.tokens, output);
  output.result(report);
  if (!report.identical)
    throw new FailureError(`The engines differ on "${path}": ${report.difference}; report this model.`);
}

/** Runs a model on every engine found, prints the table and returns what `--json` shows. */
export async function verifyFile(
  bytes: Uint8Array,
  path: string,
  prompt: string | undefined,
  tokens: number,
  output: Output,
) {
  const { verifyModel } = await import("../emulate/verify.js");
  const model = await readModelFile(bytes, path);
  if (model.sensor && prompt !== undefined) {
    throw new UsageError(
      `Cannot feed the prompt to "${path}": it is a sensor's model, which reads samples; leave out --prompt.`,
    );
  }
  const job = model.sensor
    ? { promptSymbols: [], promptSamples: samplesFor(model.sensor, tokens), generate: 0, details: true }
    : { promptSymbols: [...promptOf(model, prompt)], generate: tokens };
  const { engines, missing } = await findAllEngines();
  const progress = new Progress(process.stderr, () => performance.now(), output.quiet);
  const verification = await verifyModel(bytes, engines, job, ({ name }, index) => {
    progress.show(() => `Engine ${index + 1} of ${engines.length}: ${name}`, process.stderr.isTTY);
  }).finally(() => progress.clear());
  for (const line of verificationLines(verification)) output.print(line);
  for (const line of missingLines(missing)) output.print(line);
  return { ...verification, engines: verification.engines.map(publicReport), missing };
}

/** The prompt's symbols. The default may have bytes that a model of few symbols lacks; it gets its first symbols then. */
function promptOf(model: AtomeModel, prompt: string | undefined): Uint16Array {
  if (prompt === "") throw new UsageError("Cannot use the prompt: it is empty, expected at least one character.");
  if (prompt !== undefined) return new Prompt(alphabetOf(model), prompt).symbols;
  const { vocab } = model.dimensions;
  if (model.tokens || vocab >= 128) return new Prompt(alphabetOf(model), DEFAULT_PROMPT).symbols;
  return Uint16Array.from(DEFAULT_PROMPT, (_, i) => i % vocab);
}

/** Samples beside the thresholds of a sensor, where a slip of one would show, and missing numbers. */
function samplesFor({ columns }: NonNullable<AtomeModel["sensor"]>, count: number): number[][] {
  return Array.from({ length: Math.max(1, count) }, (_, step) =>
    columns.map(({ values, differences }, column) => {
      const list = values.length > 0 ? values : differences;
      const isMissing = (step + column) % 11 === 10;
      return isMissing ? MISSING : list[(step * 7 + column * 3) % list.length] + (step % 3) - 1;
    }),
  );
}

const publicReport = (report: EngineReport) => {
  const { name, hash, tokens, fed, arenaBytes, stackBytes, instructionsPerToken, cyclesPerToken } = report;
  return {
    name,
    hash,
    tokens: tokens.length,
    symbols: tokens,
    fed,
    ...(arenaBytes > 0 ? { arenaBytes } : {}),
    ...(stackBytes === undefined ? {} : { stackBytes }),
    ...(instructionsPerToken === undefined ? {} : { instructionsPerToken }),
    ...(cyclesPerToken === undefined ? {} : { cyclesPerToken }),
  };
};

function workText({ instructionsPerToken, cyclesPerToken }: EngineReport): string {
  if (instructionsPerToken !== undefined) return grouped(instructionsPerToken);
  return cyclesPerToken === undefined ? "" : `${grouped(cyclesPerToken)} cycles`;
}

/** One line for each tool that is not installed. */
function missingLines(missing: readonly MissingEngine[]): string[] {
  const tools = [...new Set(missing.map(({ tool }) => tool))];
  return tools.map((tool) => {
    const names = missing.filter((engine) => engine.tool === tool).map(({ name }) => name);
    return `not run: ${names.join(", ")} (no ${tool} here)`;
  });
}

function verificationLines(verification: Verification): string[] {
  const rows = verification.engines.map((report) => [report.name, report.tokens.length, report.hash, workText(report)]);
  return [
    ...table([["engine", "tokens", "hash of all logits", "instructions per token"], ...rows]),
    ...verification.skipped.map(({ name, reason }) => `not run: ${name} (${reason})`),
    verification.identical
      ? `Identical: ${verification.engines.length} engines, every logit the same to the bit.`
      : `DIFFERENT: ${verification.difference}`,
  ];
}
