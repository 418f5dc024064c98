import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { drawModel, sampleBase, seededDraw } from "../format/samples.js";
import { writeModel } from "../format/writer.js";
import { FailureError } from "../model/errors.js";
import { runOnBoard } from "./board-engine.js";
import { largeCortexM0, rp2040 } from "./boards.js";
import { packageWorkshop } from "./engines.js";
import { encodeJob } from "./job.js";
import { ModelTooLargeError } from "./result.js";
import { runOnRp2040 } from "./rp2040.js";
import { findTool } from "./tools.js";

const searchPath = process.env.PATH ?? "";
const workshop = packageWorkshop(searchPath);
const compiler = findTool("arm-none-eabi-gcc", searchPath) ?? "";
const emulator = findTool("qemu-system-arm", searchPath) ?? "";
const image = readFileSync(join(workshop.firmwareDir, "rp2040", "atome-rp2040.bin"));
const model = writeModel(sampleBase());
const job = { promptSymbols: [0, 4, 2], generate: 16 };

/** A model whose arena takes more than the chip's 264 KB. */
const largeArena = () =>
  writeModel(
    drawModel(seededDraw(5), {
      dimensions: { vocab: 32, outputs: 32, dModel: 128, dInner: 0, dHead: 8, nLayers: 3, topK: 4 },
      options: 0,
      layers: Array.from({ length: 3 }, () => ({ pathways: 7, window: 1024 })),
    }),
  );

/** An image of Thumb instructions: stack pointer and reset in the vector table, the program, room for link_data. */
function program(...instructions: number[]): Uint8Array {
  const code = Uint16Array.from(instructions.length % 2 === 0 ? instructions : [...instructions, 0]);
  return Buffer.concat([
    new Uint8Array(Uint32Array.of(0x20001000, 0x10000109).buffer),
    new Uint8Array(code.buffer),
    Buffer.alloc(16),
  ]);
}
/** movs r0, #0x20; adr r1, block; bkpt 0xab; b .; block: application exit, code */
const exit = (code: number) => program(0x2020, 0xa101, 0xbeab, 0xe7fe, 0x0026, 0x0002, code, 0);

describe("runOnRp2040()", () => {
  test.skipIf(compiler === "" || emulator === "")("counts what QEMU counts of the same code", async () => {
    const board = { ...largeCortexM0, core: rp2040.core };
    const qemu = await runOnBoard(workshop, { compiler, emulator }, board, [], model, job);
    const result = runOnRp2040(image, model, job);
    const { error, hash, tokens, stackBytes } = qemu;
    expect(result).toMatchObject({ error, hash, tokens, stackBytes });
    // A tick of the board's clock is 40 instructions; a token is two measurements, the check is one.
    const away = (key: "instructionsPerToken" | "instructionsPerTokenMax" | "instructionsPerCheck") =>
      Math.abs((result[key] ?? 0) - (qemu[key] ?? 0));
    expect(away("instructionsPerToken")).toBeLessThan(80);
    expect(away("instructionsPerTokenMax")).toBeLessThan(80);
    expect(away("instructionsPerCheck")).toBeLessThan(80);
  });

  test("tells RAM, stack, instructions and cycles", () => {
    const result = runOnRp2040(image, model, job);
    // 264 KB, of which 1 KB is stack and 8 bytes are the firmware's.
    expect(result).toMatchObject({ error: 0, fed: 19, ramBytes: rp2040.ram.bytes - 1024 - 8 });
    const { stackBytes = 0, instructionsPerToken = 0, instructionsPerCheck = 0 } = result;
    const { cyclesPerToken = 0, cyclesPerCheck = 0 } = result;
    expect(stackBytes).toBeGreaterThan(100);
    expect(stackBytes).toBeLessThan(512);
    // Instructions take one or two cycles, but for calls and for loads and stores of several words.
    expect(cyclesPerToken / instructionsPerToken).toBeGreaterThan(1.2);
    expect(cyclesPerToken / instructionsPerToken).toBeLessThan(1.8);
    expect(cyclesPerCheck / instructionsPerCheck).toBeGreaterThan(1.2);
    expect(cyclesPerCheck / instructionsPerCheck).toBeLessThan(1.8);
    const fedOnly = runOnRp2040(image, model, { ...job, generate: 0 });
    expect(fedOnly.instructionsPerCheck).toBe(instructionsPerCheck);
    expect("instructionsPerToken" in fedOnly || "cyclesPerToken" in fedOnly).toBe(false);
  });

  test("refuses symbols out of range", () => {
    expect(runOnRp2040(image, model, { promptSymbols: [0, 5], generate: 1 })).toMatchObject({ error: 100, fed: 1 });
  });

  test("refuses what does not fit, for want of RAM or of flash", () => {
    const small = { promptSymbols: [1], generate: 1 };
    const needed = /^Cannot run the model on rp2040 \(cortex-m0plus\): it needs (\d+) bytes of RAM but 269304 are free/;
    expect(() => runOnRp2040(image, largeArena(), small)).toThrow(ModelTooLargeError);
    expect(() => runOnRp2040(image, largeArena(), small)).toThrow(needed);
    const room = rp2040.flash.bytes - image.length - encodeJob(small).length - 2; // to a multiple of 4
    expect(() => runOnRp2040(image, new Uint8Array(room + 1), small)).toThrow(ModelTooLargeError);
    expect(() => runOnRp2040(image, new Uint8Array(room + 1), small)).toThrow("its flash is 1 bytes too small");
    expect(runOnRp2040(image, new Uint8Array(room), small)).toMatchObject({ error: 4, fed: 0 });
  });

  test.each([
    [
      "reads from where nothing is",
      program(0x2007, 0x0700, 0x6800),
      /wrong after 2 instructions: .*address: 70000000\.$/,
    ],
    [
      "reads a word that is not aligned",
      program(0x2001, 0x6800),
      /wrong after 1 instructions: .*not 32 bit aligned\.$/,
    ],
    [
      "writes to where nothing is",
      program(0x2007, 0x0700, 0x6000),
      /wrong after 2 instructions: .*address: 70000000\.$/,
    ],
    ["has an undefined instruction", program(0xde00), "at an unknown breakpoint after 0 instructions."],
    ["stops at a breakpoint", program(0x2020, 0xbe00), "at an unknown breakpoint after 1 instructions."],
    ["asks for what no debugger gives", program(0x20ff, 0xbeab), "at an unknown breakpoint after 1 instructions."],
    ["does not end", program(0xe7fe), "it did not end within 1000 instructions."],
    ["gives up", exit(3), "it ended with exit code 3 and said: nothing."],
    ["prints nothing", exit(0), "Cannot read the result of rp2040 (cortex-m0plus): "],
  ])("fails when the firmware %s", (_, firmware, message) => {
    const run = () => runOnRp2040(firmware, model, job, 1000);
    expect(run).toThrow(FailureError);
    expect(run).toThrow(message);
  });
});
