/** A machine the emulator has, and the instruction set the firmware is compiled for. */
export interface Board {
  name: string;
  /** The emulator's name for it. */
  machine: string;
  /** As in gcc's -mcpu. */
  core: string;
  /** Linker script in firmware/boards/: the sizes of flash and RAM. */
  script: string;
  clockHz: number;
}

const mps2 = { script: "mps2.ld", clockHz: 25_000_000 };

/** The boards of `atome verify`. */
export const boards: readonly Board[] = [
  { name: "microbit (cortex-m0)", machine: "microbit", core: "cortex-m0", script: "microbit.ld", clockHz: 16_000_000 },
  { name: "mps2-an385 (cortex-m3)", machine: "mps2-an385", core: "cortex-m3", ...mps2 },
  { name: "mps2-an386 (cortex-m4)", machine: "mps2-an386", core: "cortex-m4", ...mps2 },
  { name: "mps2-an500 (cortex-m7)", machine: "mps2-an500", core: "cortex-m7", ...mps2 },
];

/** Cortex-M0 code on a Cortex-M3, which executes all of it: for models too large for the micro:bit's 16 KB of RAM. */
export const largeCortexM0: Board = {
  name: "mps2-an385 (cortex-m0 code)",
  machine: "mps2-an385",
  core: "cortex-m0",
  ...mps2,
};
