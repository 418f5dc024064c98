import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { Command } from "commander";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { parseEvaluation } from "../evaluate/evaluation.js";
import { UsageError } from "../model/errors.js";
import { reportHtml } from "../report/html.js";
import { reportMarkdown } from "../report/markdown.js";
import { checkOutput, readInput } from "./files.js";
import { type CommonOptions, Output, withCommonOptions, withExamples } from "./output.js";

interface ReportOptions extends CommonOptions {
  output?: string;
}

export function reportCommand(): Command {
  const command = new Command("report")
    .description(
      "Report on a classifier that was trained: accuracy, calibration, when it says none, mistakes, chips. One HTML page without network, and the same in Markdown.",
    )
    .argument("<run>", "the folder of a run of --task classify or sensor")
    .option("-o, --output <folder>", "where report.html and report.md go (default: the run's folder)")
    .action(report);
  return withExamples(
    withCommonOptions(command),
    ["atome report runs/classify-20k", "writes runs/classify-20k/report.html and report.md"],
    ["atome report runs/device -o docs", "writes docs/report.html and docs/report.md"],
  );
}

function report(run: string, options: ReportOptions): void {
  const output = new Output(options);
  const path = evaluationPath(run);
  const evaluation = parseEvaluation(new TextDecoder().decode(readInput(path, "the evaluation of a run")), path);
  const folder = options.output ?? (path === run ? "." : run);
  const [html, markdown] = ["report.html", "report.md"].map((name) => join(folder, name));
  for (const target of [html, markdown]) checkOutput(target);
  const encoder = new TextEncoder();
  writeFileAtomically(html, encoder.encode(reportHtml(evaluation)));
  writeFileAtomically(markdown, encoder.encode(reportMarkdown(evaluation)));
  output.result({ html, markdown });
  output.print(`Wrote ${html} and ${markdown}.`);
}

function evaluationPath(run: string): string {
  if (!statSync(run, { throwIfNoEntry: false })?.isDirectory()) return run;
  const path = join(run, "evaluation.json");
  if (existsSync(path)) return path;
  throw new UsageError(
    `Cannot report on "${run}": there is no evaluation.json in it, which a finished run of a classifier has; train one with "atome train --task classify".`,
  );
}
