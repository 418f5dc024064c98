import { type Architecture, arm, avr, riscv, xtensa } from "./architectures.js";

/** Where a machine has memory of a kind, and how much. */
export interface Region {
  start: number;
  bytes: number;
}

/** A machine the emulator has, and the core the firmware is compiled for. */
export interface Board {
  name: string;
  /** The emulator's name for it. */
  machine: string;
  architecture: Architecture;
  /** As the compiler's flag names it. */
  core: string;
  flash: Region;
  ram: Region;
  /** Of the RAM; 1024 unless said. */
  stackBytes?: number;
  /** Of the counter that the firmware reads. */
  clockHz: number;
}

const KB = 1024;

/** Arm MPS2+ with ZBT SSRAM 1 as flash, 2 and 3 as RAM: memory maps of Application Notes 385, 386 and 500. */
const mps2 = {
  architecture: arm,
  flash: { start: 0x00000000, bytes: 4096 * KB },
  ram: { start: 0x20000000, bytes: 4096 * KB },
  clockHz: 25_000_000,
};

/** STMicroelectronics' place of flash and SRAM: RM0041 section 2.3, RM0090 section 2.3. */
const stm32 = (flashBytes: number, ramBytes: number) => ({
  architecture: arm,
  flash: { start: 0x08000000, bytes: flashBytes },
  ram: { start: 0x20000000, bytes: ramBytes },
});

/** The boards of `atome verify`; ARCHITECTURE.md has a table of them. */
export const boards: readonly Board[] = [
  // nRF51822-QFAA: nRF51 Series Reference Manual, section 5.
  {
    ...{ name: "microbit (cortex-m0)", machine: "microbit", architecture: arm, core: "cortex-m0" },
    flash: { start: 0x00000000, bytes: 256 * KB },
    ram: { start: 0x20000000, bytes: 16 * KB },
    clockHz: 16_000_000,
  },
  { name: "mps2-an385 (cortex-m3)", machine: "mps2-an385", core: "cortex-m3", ...mps2 },
  // STM32F100RB.
  {
    ...{ name: "stm32vldiscovery (cortex-m3)", machine: "stm32vldiscovery", core: "cortex-m3" },
    ...stm32(128 * KB, 8 * KB),
    clockHz: 24_000_000,
  },
  // STM32F405RG without its core-coupled memory: the 128 KB that an STM32F411 has, too.
  {
    ...{ name: "netduinoplus2 (cortex-m4)", machine: "netduinoplus2", core: "cortex-m4" },
    ...stm32(1024 * KB, 128 * KB),
    clockHz: 168_000_000,
  },
  { name: "mps2-an500 (cortex-m7)", machine: "mps2-an500", core: "cortex-m7", ...mps2 },
  // SSRAM 1 as flash, 2 and 3 as RAM, by their secure addresses: Application Note AN505, memory map.
  {
    ...{ name: "mps2-an505 (cortex-m33)", machine: "mps2-an505", architecture: arm, core: "cortex-m33" },
    flash: { start: 0x10000000, bytes: 4096 * KB },
    ram: { start: 0x38000000, bytes: 4096 * KB },
    clockHz: 20_000_000,
  },
  // The tightly coupled memories: Application Note AN547, memory map.
  {
    ...{ name: "mps3-an547 (cortex-m55)", machine: "mps3-an547", architecture: arm, core: "cortex-m55" },
    flash: { start: 0x00000000, bytes: 512 * KB },
    ram: { start: 0x20000000, bytes: 512 * KB },
    clockHz: 32_000_000,
  },
  // The emulator's own machine, with as much of its memory as an ESP32-C3 has: 4 MB of flash, 400 KB of SRAM.
  {
    ...{ name: "virt (rv32imc)", machine: "virt", architecture: riscv, core: "rv32imc" },
    flash: { start: 0x80000000, bytes: 4096 * KB },
    ram: { start: 0x80400000, bytes: 400 * KB },
    // One tick per instruction, and an instruction is a nanosecond.
    clockHz: 1_000_000_000,
  },
  // The ESP8266's places: mapped flash, and the data RAM that its SDK's linker script (eagle.app.v6.ld) gives to programs.
  {
    ...{ name: "sim (lx106)", machine: "sim", architecture: xtensa, core: "lx106" },
    flash: { start: 0x40200000, bytes: 1024 * KB },
    ram: { start: 0x3ffe8000, bytes: 80 * KB },
    clockHz: 40_000_000,
  },
  // ATmega1284P datasheet, chapter "AVR Memories". The counter is timer 1, by 64 of at most 20 MHz.
  {
    ...{ name: "simavr (atmega1284p)", machine: "atmega1284p", architecture: avr, core: "atmega1284p" },
    flash: { start: 0x0000, bytes: 128 * KB },
    ram: { start: 0x0100, bytes: 16 * KB },
    clockHz: 312_500,
  },
];

/** Cortex-M0 code on a Cortex-M3, which executes all of it: for models too large for the micro:bit's 16 KB of RAM. */
export const largeCortexM0: Board = {
  name: "mps2-an385 (cortex-m0 code)",
  machine: "mps2-an385",
  core: "cortex-m0",
  ...mps2,
};

/** A Cortex-M4 for models too large for the netduinoplus2. */
export const largeCortexM4: Board = {
  name: "mps2-an386 (cortex-m4)",
  machine: "mps2-an386",
  core: "cortex-m4",
  ...mps2,
};

/** Raspberry Pi Pico. Its first 256 bytes of flash are the bootloader's: RP2040 Datasheet, sections 2.2 and 2.8.1. */
export const rp2040: Board = {
  ...{ name: "rp2040 (cortex-m0plus)", machine: "rp2040", architecture: arm, core: "cortex-m0plus" },
  flash: { start: 0x10000000 + 256, bytes: 2048 * KB - 256 },
  ram: { start: 0x20000000, bytes: 264 * KB },
  // Its SysTick does not count: rp2040.ts does.
  clockHz: 0,
};

const virtRamEnd = 0x88000000;
// The emulator's STM32F405 has all its 192 KB in one piece.
const stm32f405RamEnd = 0x20030000;

/** Chips smaller than the emulator's machines, in the last bytes of a larger one's RAM: what is beyond faults. */
export const smallBoards = {
  // CH32V003 data sheet: QingKe V2A (RV32EC), 16 KB of flash, 2 KB of RAM.
  ch32v003: {
    ...{ name: "virt as CH32V003 (rv32ec)", machine: "virt", architecture: riscv, core: "rv32ec" },
    flash: { start: 0x80000000, bytes: 16 * KB },
    ram: { start: virtRamEnd - 2 * KB, bytes: 2 * KB },
    stackBytes: 448,
    clockHz: 1_000_000_000,
  },
  // STM32F103C8, DS5319: Cortex-M3, 64 KB of flash, 20 KB of RAM.
  stm32f103: {
    ...{
      name: "netduinoplus2 as STM32F103C8 (cortex-m3)",
      machine: "netduinoplus2",
      architecture: arm,
      core: "cortex-m3",
    },
    flash: { start: 0x08000000, bytes: 64 * KB },
    ram: { start: stm32f405RamEnd - 20 * KB, bytes: 20 * KB },
    clockHz: 168_000_000,
  },
} as const satisfies Record<string, Board>;
