import type { Outcome } from "./process.js";

/** How the firmware of a family of cores is compiled, started and emulated. */
export interface Architecture {
  /** Program that compiles and links. */
  compiler: string;
  /** Its arguments for a core. */
  flags(core: string): readonly string[];
  /** What the firmware consists of beside main.c: files in firmware/. */
  sources: readonly string[];
  /** How an image is linked, where not by sections.ld and without any library. */
  linkFlags?: readonly string[];
  /** Program that runs an image. */
  emulator: string;
  /** Its arguments, for an image in the folder it runs in; its exit code is the firmware's. */
  emulatorArgs(machine: string, image: string): readonly string[];
  /** What the firmware printed, where that is not the standard output. */
  printed?(outcome: Outcome): string;
  /** Where the emulator counts cycles and not instructions: how many a tick of the counter is that the firmware reads. */
  cyclesPerTick?: number;
}

/** Every QEMU: no window, no devices but the machine's own, and a nanosecond for each instruction. */
const qemuArgs = (machine: string) => [
  ...["-M", machine, "-display", "none", "-monitor", "none", "-serial", "none", "-nic", "none"],
  ...["-semihosting-config", "enable=on,target=native", "-icount", "shift=0"],
];

export const arm: Architecture = {
  compiler: "arm-none-eabi-gcc",
  flags: (core) => [
    ...["-mthumb", `-mcpu=${core}`],
    // At -Os, gcc 12 still copies code and keeps more values than a Cortex-M0 has registers for: these save 3 bytes in 100,
    // and cost a Cortex-M0 2 instructions in 100.
    "-fno-move-loop-invariants",
    "-fno-thread-jumps",
    "-fno-tree-loop-ivcanon",
    "-fno-tree-scev-cprop",
  ],
  sources: ["bare.c", "semihosting.c", "arm/start.c"],
  emulator: "qemu-system-arm",
  emulatorArgs: (machine, image) => [...qemuArgs(machine), "-kernel", image],
};

export const riscv: Architecture = {
  compiler: "riscv64-unknown-elf-gcc",
  // By version 2.2 of the manual the instructions that read counters belong to every core. No section for small globals: the
  // engine has none, and sections.ld no place for it.
  flags: (core) => [
    ...[`-march=${core}`, `-mabi=${core.startsWith("rv32e") ? "ilp32e" : "ilp32"}`],
    ...["-misa-spec=2.2", "-msmall-data-limit=0"],
    // gcc 12 finds where a pointer ends by a product, behind the loop that has it already: 3 bytes in 100, 2 instructions in
    // 100, and 13 on a core that multiplies by a loop.
    "-fno-tree-scev-cprop",
  ],
  sources: ["bare.c", "semihosting.c", "riscv/start.c", "riscv/multiply.c"],
  emulator: "qemu-system-riscv32",
  emulatorArgs: (machine, image) => [...qemuArgs(machine), "-bios", "none", "-kernel", image],
};

export const xtensa: Architecture = {
  // Compiles for no other core.
  compiler: "xtensa-lx106-elf-gcc",
  flags: () => ["-mtext-section-literals"],
  sources: ["bare.c", "xtensa/start.c"],
  emulator: "qemu-system-xtensa",
  // With -kernel, this machine would begin at its reset vector and not where the image says.
  emulatorArgs: (machine, image) => [
    ...qemuArgs(machine),
    "-cpu",
    "lx106",
    "-device",
    `loader,file=${image},cpu-num=0`,
  ],
};

export const avr: Architecture = {
  compiler: "avr-gcc",
  // __memx is not of C99. Optimising the variables of loops, gcc 5 stops at main.c with an error of its own.
  flags: (core) => ["-std=gnu99", `-mmcu=${core}`, "-mcall-prologues", "-fno-ivopts"],
  sources: ["avr/port.c"],
  // By avr-libc's start-up code and linker script, and with gcc's library. What simavr is told lies where its own makefiles
  // put it: outside of all memories.
  linkFlags: ["-Wl,--undefined=simavr_tags", "-Wl,--section-start=.mmcu=0x910000"],
  emulator: "simavr",
  emulatorArgs: (machine, image) => ["-m", machine, "-f", "20000000", image],
  // Its console begins each line so.
  printed: ({ stderr }) => stderr.replace(/^O:/gm, ""),
  cyclesPerTick: 64,
};
