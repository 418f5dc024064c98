import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const here = fileURLToPath(new URL(".", import.meta.url));
const programs = readdirSync(here).filter((file) => file.endsWith(".mjs"));
const bench = (...options: string[]) =>
  spawnSync(process.execPath, [`${here}../scripts/bench.mjs`, ...options], { encoding: "utf8" });

test.each(programs.map((file) => file.slice(0, -".mjs".length)))("bench %s: --help says how it is run", (name) => {
  const { stdout, status } = bench(name, "--help");
  expect(stdout).toContain(`npm run bench -- ${name}`);
  expect(stdout).not.toContain("import ");
  expect(status).toBe(0);
});

test("bench --help says how to run one", () => {
  expect(bench("--help").stdout).toContain("npm run bench -- <name> [options]");
});
