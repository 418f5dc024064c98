import { readFileSync } from "node:fs";
import { join } from "node:path";
import { RP2040 } from "rp2040js";
import { FailureError } from "../model/errors.js";
import { rp2040 } from "./boards.js";
import type { Workshop } from "./cache.js";
import { encodeJob, type Job } from "./job.js";
import { type EngineResult, type EngineRun, flashTooSmall, parseResult, refuseSmallRam } from "./result.js";

const { name, flash } = rp2040;

/** Where the emulator's flash begins; the image does so behind the bootloader. */
const flashStart = 0x10000000;
const imageOffset = flash.start - flashStart;
/** At the end of the image: firmware/rp2040/data.S. */
const dataBytes = 16;

/** Ten minutes or so. */
const defaultLimit = 2e10;

/** SysTick's value: Armv6-M Architecture Reference Manual, B3.3. */
const systickValueOffset = 0x018;
/** Operations of Arm's "Semihosting for AArch32 and AArch64", which a program asks for with BKPT 0xAB. */
const semihosting = { breakpoint: 0xab, open: 0x01, write: 0x05, exitExtended: 0x20 };

const align4 = (bytes: number) => (bytes + 3) & ~3;

const cannotRun = (why: string) => new FailureError(`Cannot run the firmware of ${name}: ${why}.`);

/** The chip with its program, and the debugger that answers what firmware/semihosting.c asks for. */
class Machine {
  output = "";
  exitCode: number | undefined;
  instructions = 0;
  /** Whenever the firmware read SysTick. Its value stays: the emulator counts what it has run, exactly. */
  readonly readings: { instructions: number; cycles: number }[] = [];
  readonly #chip = new RP2040();

  constructor(image: Uint8Array, model: Uint8Array, job: Uint8Array) {
    const chip = this.#chip;
    // The emulator has no faults; it complains instead, of memory and instructions that the chip does not have.
    const refuse = (_part: string, message: string) => {
      throw cannotRun(`it went wrong after ${this.instructions} instructions: ${message}`);
    };
    chip.logger = { debug: refuse, info: refuse, warn: refuse, error: refuse };
    chip.onBreak = (code) => this.#answer(code);
    const readRegister = chip.ppb.readUint32.bind(chip.ppb);
    chip.ppb.readUint32 = (offset) => {
      if (offset === systickValueOffset)
        this.readings.push({ instructions: this.instructions, cycles: chip.core.cycles });
      return readRegister(offset);
    };
    this.#load(image, model, job);
    chip.core.VTOR = flash.start;
    chip.core.reset();
  }

  #load(image: Uint8Array, model: Uint8Array, job: Uint8Array): void {
    const { flash: memory, flashView } = this.#chip;
    const jobOffset = imageOffset + image.length;
    const modelOffset = align4(jobOffset + job.length);
    const excess = modelOffset + model.length - imageOffset - flash.bytes;
    if (excess > 0) throw flashTooSmall(name, excess);
    memory.set(image, imageOffset);
    memory.set(job, jobOffset);
    memory.set(model, modelOffset);
    [flashStart + modelOffset, flashStart + jobOffset, model.length, job.length].forEach((word, i) => {
      flashView.setUint32(jobOffset - dataBytes + 4 * i, word, true);
    });
  }

  #answer(breakpoint: number): void {
    const { core } = this.#chip;
    const [operation, block] = breakpoint === semihosting.breakpoint ? core.registers : [];
    const word = (i: number) => this.#chip.readUint32(block + 4 * i);
    if (operation === semihosting.open) {
      core.registers[0] = 1; // a handle
    } else if (operation === semihosting.write) {
      const [start, bytes] = [word(1), word(2)];
      for (let i = 0; i < bytes; i++) this.output += String.fromCharCode(this.#chip.readUint8(start + i));
      core.registers[0] = 0; // nothing was left unwritten
    } else if (operation === semihosting.exitExtended) {
      this.exitCode = word(1);
    } else {
      throw cannotRun(`it stopped at an unknown breakpoint after ${this.instructions} instructions`);
    }
  }

  /** Runs until the program ends. */
  run(limit: number): void {
    const { core } = this.#chip;
    while (this.exitCode === undefined) {
      if (this.instructions === limit) throw cannotRun(`it did not end within ${limit} instructions`);
      core.executeInstruction();
      this.instructions++;
    }
  }
}

/**
 * firmware/main.c reads SysTick before and after the check, each choice of a generated symbol, and each symbol or sample it feeds.
 *
 * @param tokens generated; where none are, `samples` are counted in their place
 */
function workOf({ readings }: Machine, tokens: number, samples: number): Partial<EngineResult> {
  type Count = "instructions" | "cycles";
  const [steps, readingsPerStep] = tokens > 0 ? [tokens, 4] : [samples, 2];
  const between = (count: Count, from: number) => readings[from + 1][count] - readings[from][count];
  const ofSteps = (count: Count) =>
    Array.from({ length: steps }, (_, i) => readings.length - readingsPerStep * (steps - i)).map(
      (first) => between(count, first) + (tokens > 0 ? between(count, first + 2) : 0),
    );
  const mean = (of: readonly number[]) => Math.round(of.reduce((sum, one) => sum + one, 0) / steps);
  const instructions = ofSteps("instructions");
  return {
    instructionsPerCheck: between("instructions", 0),
    cyclesPerCheck: between("cycles", 0),
    ...(steps > 0 && {
      instructionsPerToken: mean(instructions),
      instructionsPerTokenMax: instructions.reduce((most, one) => Math.max(most, one)),
      cyclesPerToken: mean(ofSteps("cycles")),
    }),
  };
}

/**
 * Runs a job on an RP2040 in this process, emulated by rp2040js: no compiler and no other program is needed.
 *
 * @param image what buildRp2040Image() makes
 * @param limit instructions after which the firmware is said not to end
 * @throws ModelTooLargeError when flash or RAM do not suffice
 * @throws FailureError when the firmware fails, the emulator complains of it, or it does not end
 */
export function runOnRp2040(image: Uint8Array, model: Uint8Array, job: Job, limit = defaultLimit): EngineResult {
  const machine = new Machine(image, model, encodeJob(job));
  machine.run(limit);
  if (machine.exitCode !== 0) {
    throw cannotRun(`it ended with exit code ${machine.exitCode} and said: ${machine.output.trim() || "nothing"}`);
  }
  const result = refuseSmallRam(parseResult(machine.output, name), name);
  return { ...result, ...workOf(machine, result.tokens.length, job.promptSamples ? result.fed : 0) };
}

/** The whole engine on the emulated RP2040, from the image that comes with the package. */
export function rp2040Engine(workshop: Workshop): EngineRun {
  const path = join(workshop.firmwareDir, "rp2040", "atome-rp2040.bin");
  return { name, run: async (model, job) => runOnRp2040(readFileSync(path), model, job) };
}
