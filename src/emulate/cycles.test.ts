import { describe, expect, test } from "vitest";
import { estimateCycles, kindOf, registersOf, timings, waitingCycles } from "./cycles.js";
import { combine, type Profile } from "./profile.js";

/** A profile of instructions that were each executed once, the last left by a jump. */
function profileOf(...lines: string[]): Profile {
  const listing = lines.map((line, i) => `  ${(2 * i).toString(16)}:\t${line.replace(" ", "\t")}`).join("\n");
  return combine(`0 ${lines.length} 1 1 0`, listing);
}

const timingOf = (start: string) => {
  const timing = timings.find(({ name }) => name.startsWith(start));
  if (!timing) throw new Error(`no timing of ${start}`);
  return timing;
};
const cyclesOf = (core: string, ...lines: string[]) => estimateCycles(timingOf(core), profileOf(...lines));

test.each([
  ["ldrsh", "r3, [r0, r1]", "load"],
  ["ldr", "pc, [r3]", "jump"],
  ["strmi", "r3, [r0]", "store"],
  ["push", "{r4, lr}", "multiple"],
  ["pop", "{r4, pc}", "pop"],
  ["ldmia", "sp!, {r4, r5, pc}", "pop"],
  ["strd", "r0, r1, [sp, #8]", "multiple"],
  ["blt", "10 <f>", "branch"],
  ["bls", "10 <f>", "branch"],
  ["bl", "10 <f>", "call"],
  ["bleq", "10 <f>", "call"],
  ["ble", "10 <f>", "branch"],
  ["cbnz", "r0, 10 <f>", "branch"],
  ["b", "10 <f>", "jump"],
  ["bic", "r0, r1", "other"],
  ["bx", "lr", "jump"],
  ["mov", "pc, r3", "jump"],
  ["muls", "r0, r1", "multiply"],
  ["smulbb", "r0, r1, r2", "multiply"],
  ["mlahi", "r0, r1, r2, r3", "multiplyAdd"],
  ["smullls", "r0, r1, r2, r3", "multiplyWide"],
  ["udiv", "r0, r1, r2", "divide"],
  ["itt", "ls", "other"],
  ["le", "lr, 10 <f>", "branch"],
  ["lbu", "a0,0(a1)", "load"],
  ["sh", "a0,0(a1)", "store"],
  ["sub", "a0,a0,a1", "other"],
  ["bnez", "a0,10 <f>", "branch"],
  ["bltu", "a0,a1,10 <f>", "branch"],
  ["jal", "10 <f>", "call"],
  ["j", "10 <f>", "jump"],
  ["ret", "", "jump"],
  ["mul", "a0,a1,a2", "multiply"],
  ["mulhu", "a0,a1,a2", "multiplyWide"],
  ["remu", "a0,a1,a2", "divide"],
  ["add", "r0, pc, #8\t; (adr r0, 10 <f>)", "other"],
])("kindOf() takes %s %s for a %s", (mnemonic, operands, kind) => {
  expect(kindOf({ mnemonic, operands })).toBe(kind);
});

test("registersOf() counts lists and ranges", () => {
  expect(registersOf("{r4, lr}")).toBe(2);
  expect(registersOf("sp!, {r0, r4-r8, pc}")).toBe(7);
  expect(registersOf("r0, r1, [sp, #8]")).toBe(2);
});

describe("estimateCycles()", () => {
  test("adds the manual's cycles: Cortex-M0", () => {
    expect(cyclesOf("Cortex-M0, multiplier of 1", "adds r0, r1", "ldr r2, [r0]", "str r2, [r0]").typical).toBe(5);
    expect(cyclesOf("Cortex-M0, multiplier of 32", "muls r0, r1").typical).toBe(32);
    expect(cyclesOf("Cortex-M0,", "push {r4, r5, lr}", "pop {r4, r5, pc}").typical).toBe(4 + 7);
  });

  test("tells a branch that is taken from one that is not", () => {
    expect(cyclesOf("Cortex-M0,", "bne 0 <f>", "bne 0 <f>").typical).toBe(1 + 3);
    expect(cyclesOf("Cortex-M0+", "bne 0 <f>", "bne 0 <f>").typical).toBe(1 + 2);
    expect(cyclesOf("Cortex-M3", "bne 0 <f>", "bne 0 <f>")).toEqual({ typical: 1 + 3, most: 1 + 4 });
  });

  // The examples of DDI 0337I section 3.3.3.
  test.each([
    [3, ["ldr r0, [r1]", "ldr r1, [r2]"]],
    [3, ["ldr r0, [r1, r2]", "str r0, [r3, #20]"]],
    [3, ["ldr r0, [r1, r2]", "str r1, [r3, r2]"]],
    [4, ["ldr r0, [r1, r5]", "ldr r1, [r2]", "ldr r2, [r3, #4]"]],
  ])("overlaps loads on a Cortex-M3: %i cycles", (cycles, lines) => {
    expect(cyclesOf("Cortex-M3", ...lines).typical).toBe(cycles);
  });

  test("waits for addresses on a Cortex-M3", () => {
    expect(cyclesOf("Cortex-M3", "ldrb r1, [r0]", "ldrh r1, [r2, r1, lsl #1]").typical).toBe(4);
    expect(cyclesOf("Cortex-M3", "adds r0, r0, r1", "ldr r1, [r0]").typical).toBe(4);
    expect(cyclesOf("Cortex-M3", "cmp r0, r1", "ldr r1, [r0]").typical).toBe(3);
  });

  test("gives the middle and the end of a range", () => {
    expect(cyclesOf("Cortex-M4", "udiv r0, r1, r2")).toEqual({ typical: 7, most: 12 });
  });
});

test("waitingCycles() counts jumps and loads from flash", () => {
  const profile = profileOf("adds r0, r1", "bne 0 <f>");
  expect(waitingCycles({ ...profile, flashReads: 3 }, 2)).toBe(2 * (1 + 3));
});
