// What the makers of the examples have in common: they write their files, or with --check only compare them.
import { existsSync, readFileSync, writeFileSync } from "node:fs";

/** The text of a file, with \n line ends. */
export const read = (url) => readFileSync(url, "utf8").replace(/\r\n/g, "\n");

/** Ends the maker with a message. */
export function fail(message) {
  console.error(`make.mjs: ${message}`);
  process.exit(1);
}

/**
 * Writes the made files beside a maker; with --check compares them, and exits with 1 if one differs.
 * base: the maker's import.meta.url; made: {name, body, what}, where what says what was made, such as "12 rows".
 */
export function writeOrCheck(base, made) {
  const check = process.argv.includes("--check");
  let differs = false;
  for (const { name, body, what } of made) {
    const url = new URL(name, base);
    if (check) {
      const same = existsSync(url) && read(url) === body;
      if (!same) differs = true;
      console.log(`${name}: ${same ? "up to date" : "DIFFERS, run: node make.mjs"}`);
    } else {
      writeFileSync(url, body);
      console.log(`${name}: wrote ${what}, ${Buffer.byteLength(body)} bytes`);
    }
  }
  if (differs) process.exit(1);
}

/** A table as CSV (RFC 4180, but with \n): a field is quoted only where it must be. */
export function csv(header, rows) {
  const field = (value) => (/[",\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : String(value));
  return [header, ...rows].map((row) => `${row.map(field).join(",")}\n`).join("");
}
