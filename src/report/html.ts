import type { Evaluation } from "../evaluate/evaluation.js";
import type { Block, Fact, Figure, Section, Table } from "./document.js";
import { escapedHtml as escaped } from "./escape.js";
import { PAGE_STYLE } from "./page-style.js";
import { reportOf } from "./report.js";

/** No script, and nothing from elsewhere: browsers hold the page to it, whatever a text in it says. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";
/** Strongest colour of a cell, so that its number stays readable. */
const STRONGEST = 0.6;
/** Weakest of a cell that is not 0. */
const WEAKEST = 0.15;

/** How to read colours. */
const TINTS = ": blue is right, orange wrong; the stronger, the larger the share of the row";

/** The report as one page that needs no other file, no network and no script. */
export function reportHtml(evaluation: Evaluation): string {
  const { title, facts, sections } = reportOf(evaluation);
  return [
    "<!doctype html>",
    '<html lang="en">',
    "<head>",
    '<meta charset="utf-8">',
    `<meta http-equiv="Content-Security-Policy" content="${POLICY}">`,
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>${escaped(title)}</title>`,
    `<style>${PAGE_STYLE}</style>`,
    "</head>",
    "<body>",
    "<main>",
    `<h1>${escaped(title)}</h1>`,
    `<dl class="facts">${facts.map(fact).join("")}</dl>`,
    ...sections.map(section),
    "</main>",
    "</body>",
    "</html>",
    "",
  ].join("\n");
}

const fact = ({ name, value, note }: Fact): string =>
  `<div><dt>${escaped(name)}</dt><dd><b>${escaped(value)}</b><span>${escaped(note)}</span></dd></div>`;

const section = ({ title, blocks }: Section): string =>
  `<section>\n<h2>${escaped(title)}</h2>\n${blocks.map(block).join("\n")}\n</section>`;

function block(content: Block): string {
  if (content.kind === "paragraph") return `<p>${escaped(content.text)}</p>`;
  if (content.kind === "list") return `<ul>${content.items.map((item) => `<li>${escaped(item)}</li>`).join("")}</ul>`;
  return content.kind === "figure" ? figure(content) : table(content);
}

const figure = ({ caption, reading, svg, table: numbers }: Figure): string =>
  `<figure>\n${svg}\n<figcaption>${escaped(`${caption} ${reading}`)}</figcaption>\n<details><summary>Numbers</summary>${table(numbers)}</details>\n</figure>`;

function table({ caption, columns, rows, tints }: Table): string {
  const kind = (column: number) => (columns[column].isNumber ? ' class="number"' : "");
  const head = columns.map(({ name }, i) => `<th scope="col"${kind(i)}><span>${escaped(name)}</span></th>`).join("");
  const body = rows.map(([first, ...cells], row) => {
    const rest = cells.map(
      (text, i) => `<td${tints ? tintOf(tints[row][i], text) : kind(i + 1)}>${escaped(text)}</td>`,
    );
    return `<tr><th scope="row">${escaped(first)}</th>${rest.join("")}</tr>`;
  });
  return [
    `<div class="scroll" tabindex="0"><table${tints ? ' class="tinted"' : ""}>`,
    `<caption>${escaped(tints ? `${caption}${TINTS}` : caption)}</caption>`,
    `<thead><tr>${head}</tr></thead>`,
    `<tbody>${body.join("\n")}</tbody>`,
    "</table></div>",
  ].join("\n");
}

function tintOf(tint: number, text: string): string {
  if (tint === 0) return ` class="number${text === "0" ? " zero" : ""}"`;
  const strength = WEAKEST + Math.abs(tint) * (STRONGEST - WEAKEST);
  return ` class="number ${tint > 0 ? "right" : "wrong"}" style="--tint:${strength.toFixed(2)}"`;
}
