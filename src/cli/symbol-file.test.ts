import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FailureError } from "../model/errors.js";
import { SymbolFile } from "./symbol-file.js";

const folder = mkdtempSync(join(tmpdir(), "atome-symbols-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = join(folder, "symbols.u16");
const create = (origin = "a text") =>
  SymbolFile.create(path, origin, [Uint16Array.of(1, 515), new Uint16Array(0), Uint16Array.of(7, 1023, 9)]);

describe("SymbolFile", () => {
  test("gives any window of what was written, cut off at the end", () => {
    const symbols = create();
    expect(symbols.length).toBe(5);
    expect([...symbols.subarray(1, 4)]).toEqual([515, 7, 1023]);
    expect([...symbols.subarray(0, 5)]).toEqual([1, 515, 7, 1023, 9]);
    expect([...symbols.subarray(3, 9)]).toEqual([1023, 9]);
    expect([...symbols.subarray(5, 9)]).toEqual([]);
    symbols.close();
  });

  test("holds u16 little-endian, then 32 bytes of hash", () => {
    create().close();
    const bytes = readFileSync(path);
    expect([...bytes.subarray(0, 10)]).toEqual([1, 0, 3, 2, 7, 0, 255, 3, 9, 0]);
    expect(bytes.length).toBe(10 + 32);
    expect(readdirSync(folder)).toEqual(["symbols.u16"]);
  });

  test("opens what is intact and of the same origin", () => {
    create().close();
    const symbols = SymbolFile.open(path, "a text");
    expect([...(symbols?.subarray(0, 9) ?? [])]).toEqual([1, 515, 7, 1023, 9]);
    symbols?.close();
    expect(SymbolFile.open(path, "another text")).toBeUndefined();
    expect(SymbolFile.open(join(folder, "none"), "a text")).toBeUndefined();
  });

  test.each([
    ["a bit flipped", (bytes: Buffer) => bytes.fill(2, 0, 1)],
    ["a bit of the hash flipped", (bytes: Buffer) => bytes.fill(bytes[41] ^ 1, 41)],
    ["a symbol less", (bytes: Buffer) => bytes.subarray(2)],
    ["an odd number of bytes", (bytes: Buffer) => bytes.subarray(0, 41)],
    ["less than a hash", (bytes: Buffer) => bytes.subarray(0, 31)],
    ["nothing", (bytes: Buffer) => bytes.subarray(0, 0)],
  ])("does not open a file with %s", (_, damage) => {
    create().close();
    writeFileSync(path, damage(readFileSync(path)));
    expect(SymbolFile.open(path, "a text")).toBeUndefined();
  });

  test("says when the file is cut while it is used", () => {
    const symbols = create();
    truncateSync(path, 6);
    expect(() => symbols.subarray(2, 5)).toThrow(FailureError);
    expect(() => symbols.subarray(2, 5)).toThrow('symbols.u16": it ends before symbol 5;');
    symbols.close();
  });
});
