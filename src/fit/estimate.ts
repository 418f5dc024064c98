import { arenaBytes, type Tables } from "../engine/arena.js";
import type { Chip } from "./chips.js";
import { CORES, type Core, type CoreName } from "./cores.js";
import { COSTS, ENGINE_BYTES } from "./costs.js";
import { rememberedBytes } from "./shape.js";
import { type Shape, WORK, workOf } from "./work.js";

/** A model, or what one will be. */
export interface Subject {
  shape: Shape;
  /** Size of its .atome file. */
  modelBytes: number;
  /** Mean length of a symbol in text. */
  bytesPerSymbol: number;
}

/** What is set aside beside model, engine and arena, in bytes. */
export const ALLOWANCE = {
  /** Start-up, clock, serial port. */
  firmwareFlash: 2048,
  /** Deeper than any that was measured (RESULTS.md); with all of atome.h the contract is 512. */
  stack: 384,
  /** Variables of the firmware. */
  firmwareRam: 64,
} as const;

/** Code of the engine on a core, in bytes. */
export const engineBytes = (core: CoreName): number => ENGINE_BYTES[CORES[core].family];

/** Whose instructions were counted. */
type Family = keyof typeof COSTS;
const isCounted = (family: keyof typeof ENGINE_BYTES): family is Family => Object.hasOwn(COSTS, family);

/** Share of its peak rate that an external flash reaches behind a cache: lines are short. An assumption. */
const EXTERNAL_SHARE = 0.5;
/** Instructions that one fetch of flash brings: a wait state stops one instruction in so many, where no cache hides it. An assumption. */
const INSTRUCTIONS_PER_FETCH = 4;

/** What a chip makes of a model. Speeds are those of the worst case: full attention windows, full recall. */
export interface Fit {
  chip: Chip;
  flashNeeded: number;
  /** With ATOME_TABLES 4, or 1 where only that fits. */
  ramNeeded: number;
  tables: Tables;
  /** Bytes beyond what the chip has; 0 when it suffices. */
  flashOver: number;
  ramOver: number;
  fits: boolean;
  /** Undefined for cores whose instructions were not counted. */
  speed: Speed | undefined;
}

export interface Speed {
  instructionsPerSymbol: number;
  symbolsPerSecond: number;
  bytesPerSecond: number;
  /** Undefined without a current. */
  millijoulesPerSymbol: number | undefined;
}

/** Instructions for one symbol, its logits and the choice of the next. */
export function instructionsPerSymbol(shape: Shape, family: Family, tables: Tables): number {
  const work = workOf(shape, tables);
  return Math.round(WORK.reduce((sum, [name]) => sum + work[name] * COSTS[family][name], 0));
}

function speedOf({ shape, modelBytes, bytesPerSymbol }: Subject, chip: Chip, tables: Tables): Speed | undefined {
  const { family, cyclesPerInstruction }: Core = CORES[chip.core];
  if (!isCounted(family)) return undefined;
  const instructions = instructionsPerSymbol(shape, family, tables);
  const cycles = instructions * (cyclesPerInstruction + chip.waitStates / INSTRUCTIONS_PER_FETCH);
  const reading = chip.externalMBps === undefined ? 0 : modelBytes / (1e6 * chip.externalMBps * EXTERNAL_SHARE);
  const seconds = cycles / (1e6 * chip.clockMHz) + reading;
  return {
    instructionsPerSymbol: instructions,
    symbolsPerSecond: 1 / seconds,
    bytesPerSecond: bytesPerSymbol / seconds,
    millijoulesPerSymbol: chip.milliamps === undefined ? undefined : chip.milliamps * chip.volts * seconds,
  };
}

/** RAM of arena, stack and firmware, in bytes. */
export const ramNeeded = (shape: Shape, tables: Tables): number =>
  arenaBytes(shape, rememberedBytes(shape), tables) + ALLOWANCE.stack + ALLOWANCE.firmwareRam;

/** Whether a model fits a chip, what is missing, and how fast it will be. */
export function fitChip(subject: Subject, chip: Chip): Fit {
  const tables: Tables = ramNeeded(subject.shape, 4) <= chip.ramBytes ? 4 : 1;
  const ram = ramNeeded(subject.shape, tables);
  const flash = subject.modelBytes + engineBytes(chip.core) + ALLOWANCE.firmwareFlash;
  const [flashOver, ramOver] = [Math.max(0, flash - chip.flashBytes), Math.max(0, ram - chip.ramBytes)];
  return {
    ...{ chip, flashNeeded: flash, ramNeeded: ram, tables, flashOver, ramOver },
    fits: flashOver === 0 && ramOver === 0,
    speed: speedOf(subject, chip, tables),
  };
}
