import { Command, CommanderError } from "commander";
import { AtomeError, UsageError } from "../model/errors.js";
import { classifyCommand } from "./classify.js";
import { dataCommand } from "./data.js";
import { demoCommand } from "./demo.js";
import { evalCommand } from "./eval.js";
import { exportCommand } from "./export.js";
import { fitCommand } from "./fit.js";
import { generateCommand } from "./generate.js";
import { importCommand } from "./import.js";
import { inspectCommand } from "./inspect.js";
import { Interrupted } from "./interrupt.js";
import { keygenCommand } from "./keygen.js";
import { programVersion } from "./program.js";
import { reportCommand } from "./report.js";
import { signCommand } from "./sign.js";
import { sweepCommand } from "./sweep.js";
import { trainCommand } from "./train.js";
import { verifyCommand } from "./verify.js";
import { verifySignatureCommand } from "./verify-signature.js";

const EXIT = { ok: 0, failure: 1, usage: 2, interrupted: 130 } as const;

/** Runs one command line and returns the exit code; errors go to stderr as one sentence. */
export async function runCli(args: readonly string[]): Promise<number> {
  stopQuietlyWhenReaderLeaves();
  // What is thrown outside of the command's own promise, in an event of a thread, say.
  process.on("uncaughtException", (error) => process.exit(report(error, args)));
  const program = makeProgram();
  try {
    await program.parseAsync(args, { from: "user" });
    return EXIT.ok;
  } catch (error) {
    return report(error, args);
  }
}

function makeProgram(): Command {
  const program = new Command("atome")
    .description(
      "Language models and classifiers for microcontrollers: train from your own text, run with integers only.",
    )
    .version(programVersion(), "--version", "print the version")
    .helpOption("--help", "print this help")
    .helpCommand(false)
    .configureOutput({ outputError: () => {} })
    .exitOverride();
  const commands: (() => Command)[] = [
    dataCommand,
    trainCommand,
    sweepCommand,
    evalCommand,
    generateCommand,
    classifyCommand,
    reportCommand,
    exportCommand,
    importCommand,
    inspectCommand,
    fitCommand,
    verifyCommand,
    keygenCommand,
    signCommand,
    verifySignatureCommand,
    demoCommand,
  ];
  for (const make of commands) program.addCommand(make().helpOption("--help", "print this help"));
  for (const command of program.commands) {
    command.copyInheritedSettings(program);
    for (const inner of command.commands) inner.copyInheritedSettings(program);
  }
  return program;
}

/** `atome generate ... | head` ends without complaint. */
function stopQuietlyWhenReaderLeaves(): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.ok);
    throw error;
  });
}

function report(error: unknown, args: readonly string[]): number {
  if (error instanceof CommanderError) return reportUsage(error, args);
  if (process.env.ATOME_DEBUG) process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
  else process.stderr.write(`${sentence(error)}\n`);
  if (error instanceof Interrupted) return EXIT.interrupted;
  return error instanceof UsageError ? EXIT.usage : EXIT.failure;
}

function sentence(error: unknown): string {
  if (error instanceof AtomeError) return error.message;
  const message = error instanceof Error ? error.message : String(error);
  return `Cannot go on: ${message.split("\n")[0]}; this is a defect, run again with ATOME_DEBUG=1 and report what it prints.`;
}

/** Wrong arguments, and help or version asked for. */
function reportUsage(error: CommanderError, args: readonly string[]): number {
  if (error.exitCode === 0) return EXIT.ok;
  const command = args[0] !== undefined && !args[0].startsWith("-") ? args[0] : undefined;
  if (error.code === "commander.help") return EXIT.usage;
  const known = error.code !== "commander.unknownCommand" && command !== undefined;
  const name = known ? `atome ${command}` : "atome";
  const problem = error.message
    .replace(/^error: /, "")
    .replace(/\s+/g, " ")
    .replace(/\.$/, "");
  process.stderr.write(`Cannot run "${name}": ${problem}; see "${name} --help".\n`);
  return EXIT.usage;
}
