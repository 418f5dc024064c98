import { FailureError } from "../model/errors.js";

/** Sizes in bytes of an image's sections by name. */
export type Sections = Record<string, number>;

const sectionHeaderBytes = 40;

/**
 * The sections of a 32-bit little-endian ELF file that take room in the machine's memory (System V ABI, chapter 4).
 *
 * @throws FailureError when it is not such a file
 */
export function readSections(elf: Uint8Array): Sections {
  const view = new DataView(elf.buffer, elf.byteOffset, elf.byteLength);
  // 7F 'E' 'L' 'F', class 1 (32 bits), data 1 (little-endian)
  if (elf.length < 52 || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0101) {
    throw new FailureError(
      "Cannot read the firmware's sizes: expected a 32-bit little-endian ELF file; check the compiler.",
    );
  }
  const tableOffset = view.getUint32(32, true);
  const count = view.getUint16(48, true);
  const header = (i: number) => tableOffset + sectionHeaderBytes * i;
  const namesOffset = view.getUint32(header(view.getUint16(50, true)) + 16, true);
  const sections: Sections = {};
  for (let i = 1; i < count; i++) {
    const isAllocated = (view.getUint32(header(i) + 8, true) & 2) !== 0;
    if (!isAllocated) continue;
    const start = namesOffset + view.getUint32(header(i), true);
    const name = Buffer.from(elf.subarray(start, elf.indexOf(0, start))).toString("latin1");
    sections[name] = view.getUint32(header(i) + 20, true);
  }
  return sections;
}
