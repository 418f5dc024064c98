// RESULTS.md and results.json: each bench owns one section of both, and writing it leaves the others as they are.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { arch, availableParallelism, cpus, type } from "node:os";
import { fileURLToPath } from "node:url";

const at = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));

const heading = `# Results

Measured; what is estimated says so. Each section is written by the program named in it, together with its entry in results.json, and
can be written again with the command given. \`npm run bench -- --check\` measures again what is quick, and fails where it got worse.
`;

const marks = (key) => [`<!-- ${key}: begin -->\n`, `<!-- ${key}: end -->\n`];

/** The text of RESULTS.md with the section `key` replaced, or added at the end. */
export function mergeSection(text, key, section) {
  const [begin, end] = marks(key);
  const body = `${begin}${section.trim()}\n${end}`;
  const [start, stop] = [text.indexOf(begin), text.indexOf(end)];
  if (start < 0 || stop < start) return `${text.trimEnd()}\n\n${body}`;
  return text.slice(0, start) + body + text.slice(stop + end.length);
}

/** The text of RESULTS.md with a list of its sections under the heading. */
export function withContents(text) {
  const titles = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
  // As GitHub makes anchors of headings.
  const anchorOf = (title) =>
    title
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
  const list = titles.map((title) => `- [${title}](#${anchorOf(title)})`).join("\n");
  const [begin, end] = marks("contents");
  const without = text.includes(begin) ? text : text.replace(/(?=<!-- )/, `${begin}${end}\n`);
  return mergeSection(without, "contents", list);
}

/** A markdown table; numbers are aligned to the right and get thousands separators. */
export function markdownTable(columns, rows) {
  const isNumeric = columns.map((_, i) => rows.every((row) => typeof row[i] === "number"));
  const shown = (value) => (typeof value === "number" ? value.toLocaleString("en-US") : value);
  const line = (cells) => `| ${cells.join(" | ")} |`;
  return [
    line(columns),
    line(isNumeric.map((numeric) => (numeric ? "---:" : "---"))),
    ...rows.map((row) => line(row.map(shown))),
  ].join("\n");
}

const git = (...args) =>
  execFileSync("git", args, { cwd: at("."), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

/** Short hash of the commit measured; "+" when tracked files differ from it. "unknown" outside of a checkout. */
export function commitName() {
  try {
    return (
      git("rev-parse", "--short=10", "HEAD") +
      (git("status", "--porcelain", "--untracked-files=no", "--", "engine", "firmware", "src", "bench") ? "+" : "")
    );
  } catch {
    return "unknown";
  }
}

const machineName = () =>
  `${cpus()[0]?.model ?? arch()}, ${availableParallelism()} cores, ${type()}, Node ${process.versions.node}`;

function replaceFile(name, text) {
  writeFileSync(at(`${name}.new`), text);
  renameSync(at(`${name}.new`), at(name));
}

/**
 * Writes a bench's section.
 *
 * @param key name of the bench: "engine" for `npm run bench -- engine`
 * @param section {title, command, seed, text: markdown, data: object for results.json}
 */
export function publish(key, { title, command, seed, text, data }) {
  const origin = { command, seed, commit: commitName(), machine: machineName(), seconds: Math.round(process.uptime()) };
  const about = `\`${command}\`; seed ${seed}; commit ${origin.commit}; ${origin.machine}.`;
  const before = existsSync(at("RESULTS.md")) ? readFileSync(at("RESULTS.md"), "utf8") : heading;
  replaceFile("RESULTS.md", withContents(mergeSection(before, key, `## ${title}\n\n${about}\n\n${text}`)));
  const all = existsSync(at("results.json")) ? JSON.parse(readFileSync(at("results.json"), "utf8")) : {};
  replaceFile("results.json", `${JSON.stringify({ ...all, [key]: { ...origin, ...data } }, null, 2)}\n`);
}
