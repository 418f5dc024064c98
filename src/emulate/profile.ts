import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FailureError } from "../model/errors.js";
import type { Region } from "./boards.js";
import { cachedBuild, type Workshop } from "./cache.js";
import { runOrFail } from "./process.js";

const timeoutMs = 120_000;
const blocksFile = "blocks.txt";

/** What profiling a board needs: firmware/host/profiler.c, built, and the path of the core's objdump. */
export interface Profiler {
  plugin: string;
  disassembler: string;
}

/** An instruction of the engine and how often a run executed it. */
export interface ProfiledInstruction {
  address: number;
  /** Name of the function it belongs to. */
  function: string;
  /** As objdump writes it, without a suffix for its width. */
  mnemonic: string;
  operands: string;
  /** A conditional instruction counts whether its condition held or not. */
  executed: number;
  /** How often what was executed next is not what stands next. */
  taken: number;
}

/** What a run executed of the engine, in the order of the addresses. */
export interface Profile {
  instructions: ProfiledInstruction[];
  /** Loads by the engine from the board's flash. */
  flashReads: number;
}

/** Builds the plugin of the emulator that counts. @param compiler path of a C compiler for this machine */
export async function buildProfiler(workshop: Workshop, compiler: string, disassembler: string): Promise<Profiler> {
  const source = join(workshop.firmwareDir, "host", "profiler.c");
  const args = ["-std=c99", "-D_POSIX_C_SOURCE=200809L", "-O2", "-fPIC", "-shared", "-fvisibility=hidden", source];
  const folder = await cachedBuild(workshop, compiler, args, [source], async (dir) => {
    await runOrFail(compiler, [...args, "-o", "profiler.so"], dir, timeoutMs);
  });
  return { plugin: join(folder, "profiler.so"), disassembler };
}

/** Arguments that make the emulator count. */
export const profilerArgs = ({ plugin }: Profiler, flash: Region): string[] => [
  "-plugin",
  `${plugin},out=${blocksFile},flash=${flash.start},bytes=${flash.bytes}`,
];

/** The profile of a run in `dir` that had `profilerArgs`. */
export async function readProfile(profiler: Profiler, dir: string, image: string): Promise<Profile> {
  const args = ["-d", "-j", ".engine", "--no-show-raw-insn", image];
  const listing = await runOrFail(profiler.disassembler, args, dir, timeoutMs);
  return combine(readFileSync(join(dir, blocksFile), "utf8"), listing.stdout);
}

const isInstruction = /^ *([0-9a-f]+):\s+([a-z][\w.]*)\s*(.*)$/;
const isLabel = /^[0-9a-f]+ <(.+)>:$/;

/** Reads what `objdump -d --no-show-raw-insn` writes; data between the code is left out. */
export function readListing(listing: string): ProfiledInstruction[] {
  const instructions: ProfiledInstruction[] = [];
  let name = "";
  for (const line of listing.split("\n")) {
    name = isLabel.exec(line)?.[1] ?? name;
    const found = isInstruction.exec(line);
    if (!found) continue;
    const [address, mnemonic, operands] = [Number.parseInt(found[1], 16), found[2].replace(/\.[nw]$/, ""), found[3]];
    instructions.push({ address, function: name, mnemonic, operands, executed: 0, taken: 0 });
  }
  return instructions;
}

/**
 * Puts the blocks that firmware/host/profiler.c counted over the instructions of a listing; blocks elsewhere are left out.
 *
 * @throws FailureError when a block neither begins nor ends where the listing has an instruction: objdump loses the thread of code
 * that has data or padding between it, as Xtensa's has
 */
export function combine(blocks: string, listing: string): Profile {
  const instructions = readListing(listing);
  const indexOf = new Map(instructions.map(({ address }, index) => [address, index]));
  let flashReads = 0;
  for (const line of blocks.split("\n")) {
    const [address, ...counts] = line.split(" ");
    const [length, executed, left, reads] = counts.map(Number);
    const start = Number.parseInt(address, 16);
    if (!(start >= instructions[0].address && start <= instructions[instructions.length - 1].address)) continue;
    const first = indexOf.get(start);
    if (first === undefined || first + length > instructions.length)
      throw new FailureError(`Cannot profile the engine: the block at ${address} is not one of its listing's.`);
    for (let i = first; i < first + length; i++) instructions[i].executed += executed;
    instructions[first + length - 1].taken += left;
    flashReads += reads;
  }
  return { instructions, flashReads };
}

/** What `longer` did beyond `shorter`, runs of the same code; a share of `times`. */
export function profileOfRest(longer: Profile, shorter: Profile, times = 1): Profile {
  return merge([longer, shorter], (long, short) => (long - short) / times);
}

/** Every instruction as often as in the one of these runs of the same code that executed it most. */
export const mostExecuted = (profiles: readonly Profile[]): Profile => merge(profiles, Math.max);

function merge(profiles: readonly Profile[], merged: (...counts: number[]) => number): Profile {
  const of = (count: (profile: Profile) => number) => merged(...profiles.map(count));
  return {
    instructions: profiles[0].instructions.map((one, i) => ({
      ...one,
      executed: of(({ instructions }) => instructions[i].executed),
      taken: of(({ instructions }) => instructions[i].taken),
    })),
    flashReads: of(({ flashReads }) => flashReads),
  };
}

/** Instructions executed. */
export const executedBy = ({ instructions }: Profile): number =>
  instructions.reduce((sum, { executed }) => sum + executed, 0);

/** Instructions executed of each function, most first. */
export function executedByFunction({ instructions }: Profile): [name: string, executed: number][] {
  const sums = new Map<string, number>();
  for (const one of instructions) sums.set(one.function, (sums.get(one.function) ?? 0) + one.executed);
  return [...sums].filter(([, executed]) => executed > 0).sort((a, b) => b[1] - a[1]);
}
