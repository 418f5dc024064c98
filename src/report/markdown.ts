import type { Evaluation } from "../evaluate/evaluation.js";
import type { Block, Table } from "./document.js";
import { escapedMarkdown as escaped } from "./escape.js";
import { reportOf } from "./report.js";

/** The report as Markdown; of plots the numbers. */
export function reportMarkdown(evaluation: Evaluation): string {
  const { title, facts, sections } = reportOf(evaluation);
  const factTable: Table = {
    kind: "table",
    caption: "At a glance",
    columns: [{ name: "what" }, { name: "value", isNumber: true }, { name: "of what" }],
    rows: facts.map(({ name, value, note }) => [name, value, note]),
  };
  const lines = [
    `# ${escaped(title)}`,
    ...table(factTable),
    ...sections.flatMap((section) => [`## ${escaped(section.title)}`, ...section.blocks.flatMap(block)]),
  ];
  return `${lines.join("\n\n")}\n`;
}

/** Paragraphs. */
function block(content: Block): string[] {
  if (content.kind === "paragraph") return [escaped(content.text)];
  if (content.kind === "list") return [content.items.map((item) => `- ${escaped(item)}`).join("\n")];
  if (content.kind === "figure") return [escaped(content.caption), ...table(content.table)];
  return table(content);
}

function table({ caption, columns, rows }: Table): string[] {
  const row = (cells: readonly string[]) => `| ${cells.map(escaped).join(" | ")} |`;
  const rule = `|${columns.map(({ isNumber }) => (isNumber ? "---:" : "---")).join("|")}|`;
  return [`**${escaped(caption)}**`, [row(columns.map(({ name }) => name)), rule, ...rows.map(row)].join("\n")];
}
