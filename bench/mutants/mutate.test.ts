import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mutantsOf } from "./mutate.mjs";

const changes = (source: string) => mutantsOf(source).map(({ source: changed }) => changed.trim());

test("mutantsOf() changes one operator or number at a time", () => {
  expect(changes("a = b + c;")).toEqual(["a = b - c;"]);
  expect(changes("a += b << 15;")).toEqual(["a -= b << 15;", "a += b >> 15;", "a += b << 16;"]);
  expect(changes("i++ <= n && !m")).toEqual(["i-- <= n && !m", "i++ < n && !m", "i++ <= n || !m", "i++ <= n && m"]);
  expect(changes("return -x & ~0x0F;")).toEqual([
    "return x & ~0x0F;",
    "return -x | ~0x0F;",
    "return -x & 0x0F;",
    "return -x & ~16;",
  ]);
  expect(changes("v >>> 3 !== k")).toEqual(["v >> 3 !== k", "v >>> 4 !== k", "v >>> 3 === k"]);
});

test("mutantsOf() leaves alone what is no operator of the program", () => {
  expect(changes("/* a + 1 */ p->q; // b - 2\n#if A > 1\ncall(\"1 + 1\", '-', *p, &x);")).toEqual([]);
  expect(changes("const f = (v) => g(...v);")).toEqual([]);
  expect(changes("const uint8_t *p;")).toEqual([]);
});

test("mutantsOf() names line and function", () => {
  const source = "static int32_t one(int32_t v) {\n  return v + 1;\n}\nuint32_t *two(uint32_t v) { return v < w; }\n";
  const found = mutantsOf(source).map(({ line, within, from, text }) => ({ line, within, from, text }));
  expect(found).toEqual([
    { line: 2, within: "one", from: "+", text: "return v + 1;" },
    { line: 2, within: "one", from: "1", text: "return v + 1;" },
    { line: 4, within: "two", from: "<", text: "uint32_t *two(uint32_t v) { return v < w; }" },
  ]);
});

test("survivors.json explains mutants that exist", () => {
  const read = (path: string) => readFileSync(new URL(path, import.meta.url), "utf8");
  const explained = JSON.parse(read("survivors.json")) as Record<string, Record<string, string>>;
  const programs = { c: "../../engine/atome.c", mirror: "../../dist/engine/mirror.js" };
  for (const [target, path] of Object.entries(programs)) {
    const keys = mutantsOf(read(path)).map(({ key }) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(Object.keys(explained[target]).filter((key) => !keys.includes(key))).toEqual([]);
  }
});
