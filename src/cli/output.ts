import { styleText } from "node:util";
import type { Command } from "commander";

/** Options that every command has. */
export interface CommonOptions {
  json?: boolean;
  quiet?: boolean;
}

/** Adds the options that every command has. */
export const withCommonOptions = (command: Command): Command =>
  command
    .option("--json", "print the result as one JSON object on the last line")
    .option("--quiet", "print the result only, no progress");

/** Adds examples to a command's help. */
export function withExamples(command: Command, ...examples: readonly [line: string, meaning: string][]): Command {
  const lines = examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`);
  return command.addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
}

type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "magenta" | "cyan";

/** Where a command writes: results to stdout, progress and remarks to stderr. */
export class Output {
  readonly json: boolean;
  readonly quiet: boolean;
  /** Whether stdout shows colours. */
  readonly colours: boolean;

  constructor(options: CommonOptions) {
    this.json = options.json ?? false;
    this.quiet = options.quiet ?? false;
    this.colours = hasColours(process.stdout);
  }

  /** A line of the result for people; left out with --json. */
  print(line = ""): void {
    if (!this.json) process.stdout.write(`${line}\n`);
  }

  /** Text of the result as it is; left out with --json. */
  write(text: string | Uint8Array): void {
    if (!this.json) process.stdout.write(text);
  }

  /** The result for programs, only with --json. */
  result(value: object): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  /** A remark that is not part of the result; left out with --quiet. */
  note(line: string): void {
    if (!this.quiet) process.stderr.write(`${line}\n`);
  }

  style(style: Style, text: string): string {
    return this.colours ? styleText(style, text, { validateStream: false }) : text;
  }
}

/** Colours on a terminal, unless NO_COLOR (https://no-color.org) is set. */
export const hasColours = (stream: NodeJS.WriteStream): boolean => stream.isTTY === true && !process.env.NO_COLOR;

/** Rows of cells as lines with aligned columns; numbers to the right. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, String(cell).length);
    });
  const align = (cell: string | number, i: number) =>
    typeof cell === "number" ? String(cell).padStart(widths[i]) : cell.padEnd(widths[i]);
  return rows.map((row) => row.map(align).join("  ").trimEnd());
}

/** 61,234 */
export const grouped = (value: number): string => Math.round(value).toLocaleString("en-US");

/** Seconds as 42 s, 3 min 20 s or 2 h 5 min. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
