// The README's table, from results.json: `npm run bench -- readme` writes it, `--check` fails if it is not what it would write.
import { readFileSync, writeFileSync } from "node:fs";
import { figuresTable } from "./shared/figures.mjs";

const at = (name) => new URL(`../${name}`, import.meta.url);
const [begin, end] = ["<!-- figures: begin -->\n", "<!-- figures: end -->\n"];
const text = readFileSync(at("README.md"), "utf8");
const head = text.slice(0, text.indexOf(begin) + begin.length);
const tail = text.slice(text.indexOf(end));
const wanted = head + figuresTable(JSON.parse(readFileSync(at("results.json"), "utf8"))) + tail;

if (!process.argv.includes("--check")) writeFileSync(at("README.md"), wanted);
else if (text !== wanted) {
  process.stderr.write('README.md\'s table is not that of results.json: run "npm run bench -- readme".\n');
  process.exitCode = 1;
}
