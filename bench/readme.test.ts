import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { figuresTable } from "./shared/figures.mjs";

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");

test("README.md shows the figures of results.json", () => {
  expect(read("README.md")).toContain(figuresTable(JSON.parse(read("results.json"))));
});
