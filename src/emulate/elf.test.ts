import { describe, expect, test } from "vitest";
import { FailureError } from "../model/errors.js";
import { readSections } from "./elf.js";

/** An ELF file with the sections given as [name, flags, size] after the null section, the names' own section last. */
function elfWith(sections: readonly (readonly [string, number, number])[]): Uint8Array {
  const all = [...sections, [".shstrtab", 0, 0] as const];
  const names = `\0${all.map(([name]) => `${name}\0`).join("")}`;
  const tableOffset = 52 + names.length;
  const elf = new Uint8Array(tableOffset + 40 * (all.length + 1));
  const view = new DataView(elf.buffer);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 1, 1]);
  view.setUint32(32, tableOffset, true);
  view.setUint16(48, all.length + 1, true);
  view.setUint16(50, all.length, true);
  elf.set(new TextEncoder().encode(names), 52);
  all.forEach(([name, flags, size], i) => {
    const at = tableOffset + 40 * (i + 1);
    view.setUint32(at, names.indexOf(`\0${name}\0`) + 1, true);
    view.setUint32(at + 8, flags, true);
    view.setUint32(at + 16, 52, true);
    view.setUint32(at + 20, size, true);
  });
  return elf;
}

describe("readSections()", () => {
  test("gives the sizes of the sections that are in memory", () => {
    const elf = elfWith([
      [".engine", 6, 2566],
      [".debug_line", 0, 999],
      [".bss", 3, 8],
    ]);
    expect(readSections(elf)).toEqual({ ".engine": 2566, ".bss": 8 });
  });

  test.each([
    ["an empty file", new Uint8Array()],
    ["another file", new Uint8Array(100)],
    ["a 64-bit file", elfWith([]).fill(2, 4, 5)],
    ["a big-endian file", elfWith([]).fill(2, 5, 6)],
  ])("refuses %s", (_, bytes) => {
    expect(() => readSections(bytes)).toThrow(FailureError);
  });
});
