/** Cycles estimated from what was executed: kinds of instructions times the tables that the cores' manuals give. */
import type { Profile, ProfiledInstruction } from "./profile.js";

/** What the tables tell apart. `branch` may be left or not; `pop` is a load of several registers with the program counter. */
export type Kind =
  | "other"
  | "load"
  | "store"
  | "multiple"
  | "pop"
  | "branch"
  | "jump"
  | "call"
  | "multiply"
  | "multiplyAdd"
  | "multiplyWide"
  | "divide";

/** Cycles, or the fewest and the most where the manual gives a range. */
type Cycles = number | readonly [least: number, most: number];

/** How long a core takes for its instructions, with a memory that never makes it wait. */
export interface Timing {
  /** The core, and what may differ between chips that have it. */
  name: string;
  /** As in gcc's -mcpu: whose code it times. */
  core: string;
  source: string;
  /** Of `multiple` and `pop` before one more per register; of a `branch` that is not taken. */
  cycles: Readonly<Record<Kind, Cycles>>;
  /** What a taken `branch` adds. */
  refill: Cycles;
  /** A load or store after a load takes one cycle less unless it waits for its address; a store without an index always one
   * less; either one more after an instruction that computes its address (DDI 0337I section 3.3.3). */
  pipelined: boolean;
  /** What the sum is divided by: how much more than `cycles` says the core gets done. */
  speed?: number;
}

/** Without the last three kinds, which Armv6-M does not have. */
const armv6m = { other: 1, load: 2, store: 2, multiple: 1, multiplyAdd: 0, multiplyWide: 0, divide: 0 };
const cortexM0 = { ...armv6m, pop: 4, branch: 1, jump: 3, call: 4, multiply: 1 };
const cortexM0Plus = { ...armv6m, pop: 3, branch: 1, jump: 2, call: 3, multiply: 1 };
const jumps = [2, 4] as const; // 1 + P, P from 1 to 3
const armv7m = {
  other: 1,
  load: 2,
  store: 2,
  multiple: 1,
  pop: jumps,
  branch: 1,
  jump: jumps,
  call: jumps,
  multiply: 1,
};
const cortexM3: Timing["cycles"] = { ...armv7m, multiplyAdd: 2, multiplyWide: [3, 5], divide: [2, 12] };
const cortexM4: Timing["cycles"] = { ...armv7m, multiplyAdd: 1, multiplyWide: 1, divide: [2, 12] };

const m0 = { core: "cortex-m0", source: "Cortex-M0 TRM, Arm DDI 0432C, table 3-1", refill: 2, pipelined: false };
const m0Plus = { core: "cortex-m0", source: "Cortex-M0+ TRM, Arm DDI 0484C, table 3-1", refill: 1, pipelined: false };
const m4 = { refill: [1, 3], pipelined: true, cycles: cortexM4 } as const;
const scaled = "as a Cortex-M4, divided by the ratio of CoreMark/MHz that Arm publishes";

/** The cores whose cycles can be estimated; several of one core where chips differ. */
export const timings: readonly Timing[] = [
  { name: "Cortex-M0, multiplier of 1 cycle", ...m0, cycles: cortexM0 },
  { name: "Cortex-M0, multiplier of 32 cycles", ...m0, cycles: { ...cortexM0, multiply: 32 } },
  { name: "Cortex-M0+, multiplier of 1 cycle", ...m0Plus, cycles: cortexM0Plus },
  {
    ...{ name: "Cortex-M3", core: "cortex-m3", source: "Cortex-M3 TRM, Arm DDI 0337I, table 3-1 and section 3.3.3" },
    ...{ refill: [1, 3], pipelined: true, cycles: cortexM3 },
  },
  { name: "Cortex-M4", core: "cortex-m4", source: "Cortex-M4 TRM, Arm DDI 0439D, table 3-1 and section 3.3.3", ...m4 },
  { name: "Cortex-M7", core: "cortex-m7", source: `${scaled}: 5.01 / 3.42`, ...m4, speed: 5.01 / 3.42 },
  { name: "Cortex-M33", core: "cortex-m33", source: `${scaled}: 4.02 / 3.42`, ...m4, speed: 4.02 / 3.42 },
  { name: "Cortex-M55", core: "cortex-m55", source: `${scaled}: 4.2 / 3.42`, ...m4, speed: 4.2 / 3.42 },
  {
    ...{ name: "RV32IMC, as Ibex with a multiplier of 1 cycle", core: "rv32imc" },
    source: "Ibex Reference Guide, Pipeline Details, without branch target ALU and writeback stage",
    cycles: { ...armv6m, pop: 0, branch: 1, jump: 2, call: 2, multiply: 1, multiplyWide: 2, divide: 37 },
    ...{ refill: 2, pipelined: false },
  },
];

// Thumb, and RV32 as objdump abbreviates it; no name means two things.
const condition = "(eq|ne|cs|cc|hs|lo|mi|pl|vs|vc|hi|ls|ge|lt|gt|le)?";
const kinds: readonly [RegExp, Kind][] = [
  [/^(ldm|stm|push|pop|ldrd|strd)/, "multiple"],
  [/^(ldr|l[bhw]u?$)/, "load"],
  [/^(str|s[bhw]$)/, "store"],
  [/^([us]div|divu?$|remu?$)/, "divide"],
  [/^([us](mull|mlal)|mulh)/, "multiplyWide"],
  [/^(mla|mls|smla)/, "multiplyAdd"],
  [/^(mul|smul)/, "multiply"],
  [new RegExp(`^blx?${condition}$`), "call"],
  [new RegExp(`^bx${condition}$`), "jump"],
  [/^jalr?$/, "call"],
  [/^(tb[bh]|b|j|jr|ret)$/, "jump"],
  [/^(cbn?z|le|wls|b(eq|ne|lt|ge|gt|le)[uz]|b(lt|ge)z?|bgtu|bleu)$/, "branch"],
  [new RegExp(`^b${condition}$`), "branch"],
];

/** The kind of a Thumb or RV32 instruction. `blt` and `bls` branch, they do not link. */
export function kindOf({ mnemonic, operands }: Pick<ProfiledInstruction, "mnemonic" | "operands">): Kind {
  if (/^bl[set]$/.test(mnemonic)) return "branch";
  const kind = kinds.find(([pattern]) => pattern.test(mnemonic))?.[1] ?? "other";
  const toCounter = /^pc\b|\{.*\bpc\b/.test(operands);
  if (kind === "multiple" && toCounter) return "pop";
  return toCounter && (kind === "load" || kind === "other") ? "jump" : kind;
}

/** Registers of a list, e.g. 5 of "{r4-r7, lr}"; two of an instruction without a list. */
export function registersOf(operands: string): number {
  const list = /\{(.*)\}/.exec(operands)?.[1];
  if (list === undefined) return 2;
  return list.split(",").reduce((count, item) => {
    const [first, last] = item.split("-").map((name) => Number(name.trim().slice(1)));
    return count + (last === undefined ? 1 : last - first + 1);
  }, 0);
}

const isCompare = /^(cmp|cmn|tst|teq|it)/;

/** Cycles by which a load or store differs from its own two because of what it is and what stands before it. */
function overlap(one: ProfiledInstruction, before: ProfiledInstruction | undefined): number {
  const [kind, kindBefore] = [kindOf(one), before && kindOf(before)];
  if (kind !== "load" && kind !== "store") return 0;
  const address = /\[(.*?)\]/.exec(one.operands)?.[1] ?? "";
  const result = before?.operands.split(",")[0];
  const waitsFor = (that: Kind) => kindBefore === that && address.split(/[ ,]+/).includes(result ?? "");
  if (kind === "store" && !address.includes(", r")) return waitsFor("other") ? 0 : -1;
  if (kindBefore === "load") return waitsFor("load") ? 0 : -1;
  return waitsFor("other") && !isCompare.test(before?.mnemonic ?? "") ? 1 : 0;
}

/**
 * Estimated cycles of what a profile holds, with a memory that never waits.
 *
 * @returns where the manual gives a range of cycles, once with the middle of each range and once with its end
 */
export function estimateCycles(timing: Timing, { instructions }: Profile): { typical: number; most: number } {
  const sum = { typical: 0, most: 0 };
  const add = (count: number, cycles: Cycles) => {
    const [least, most] = typeof cycles === "number" ? [cycles, cycles] : cycles;
    sum.typical += (count * (least + most)) / 2;
    sum.most += count * most;
  };
  instructions.forEach((one, i) => {
    const kind = kindOf(one);
    add(one.executed, timing.cycles[kind]);
    if (kind === "multiple" || kind === "pop") add(one.executed, registersOf(one.operands));
    if (kind === "branch") add(one.taken, timing.refill);
    if (timing.pipelined) add(one.executed, overlap(one, instructions[i - 1]));
  });
  const speed = timing.speed ?? 1;
  return { typical: sum.typical / speed, most: sum.most / speed };
}

/** What memory that makes every jump and every load from flash wait `states` cycles adds. */
export const waitingCycles = ({ instructions, flashReads }: Profile, states: number): number =>
  states * (flashReads + instructions.reduce((sum, { taken }) => sum + taken, 0));
