import type { ENGINE_BYTES } from "./costs.js";

/** What runs the engine: whose instructions were counted, and how many cycles one takes. */
export interface Core {
  /** Whose instructions it executes, or most like them. */
  family: keyof typeof ENGINE_BYTES;
  /** Mean cycles of an instruction of the engine, from memory without wait states: an assumption, from RESULTS.md where that estimates cycles. */
  cyclesPerInstruction: number;
  /** Where that is from. */
  source: string;
}

// add_four, where most time goes, is 10 loads and stores, 10 other instructions and a taken branch on a Cortex-M0; 9 loads, a
// store, 5 others and a branch on a Cortex-M3.
export const CORES = {
  "Cortex-M0": {
    family: "cortex-m0",
    cyclesPerInstruction: 1.6,
    source: "Cortex-M0 TRM (DDI 0432C), table 3-1: loads and stores 2 cycles, taken branches 3",
  },
  "Cortex-M0+": {
    family: "cortex-m0",
    cyclesPerInstruction: 1.5,
    source: "Cortex-M0+ TRM (DDI 0484C), table 3-1: loads and stores 2 cycles, taken branches 2",
  },
  "Cortex-M3": {
    family: "cortex-m3",
    cyclesPerInstruction: 1.55,
    source: "Cortex-M3 TRM (DDI 0337), instruction timing: loads 2 cycles, taken branches 3",
  },
  "Cortex-M4": {
    family: "cortex-m3",
    cyclesPerInstruction: 1.5,
    source: "Cortex-M4 TRM (DDI 0439), instruction timing: loads 2 cycles, taken branches 3",
  },
  "Cortex-M7": {
    family: "cortex-m3",
    cyclesPerInstruction: 1,
    source: "assumed, as RESULTS.md estimates: two instructions at a time, loads wait",
  },
  "Cortex-M33": {
    family: "cortex-m3",
    cyclesPerInstruction: 1.3,
    source: "assumed, as RESULTS.md estimates: a shorter wait for loads than Cortex-M4",
  },
  RV32EC: { family: "rv32ec", cyclesPerInstruction: 1.5, source: "assumed: two stages, as Cortex-M0+" },
  RV32IMC: {
    family: "rv32imc",
    cyclesPerInstruction: 1.5,
    source: "assumed, as RESULTS.md estimates for Ibex: one instruction at a time, loads wait",
  },
  "Xtensa LX106": { family: "lx106", cyclesPerInstruction: 1.5, source: "assumed: five stages, loads wait" },
  "Xtensa LX6": {
    family: "lx106",
    cyclesPerInstruction: 1.4,
    source: "assumed: seven stages, loads wait; instructions as LX106, which has fewer",
  },
  "Xtensa LX7": { family: "lx106", cyclesPerInstruction: 1.4, source: "assumed: as Xtensa LX6" },
  AVR: {
    family: "avr",
    cyclesPerInstruction: 1.5,
    source: "AVR instruction set manual (DS40002198): loads 2 cycles",
  },
} as const satisfies Record<string, Core>;
export type CoreName = keyof typeof CORES;
