// What compiled C code can do, read from the tables and the disassembly that GNU objdump prints and the stack usage that gcc
// writes (-fstack-usage), for Thumb and x86-64.
// Sources: Arm v7-M Architecture Reference Manual A7.7 (mnemonics; all floating-point ones begin with V); gcc manual 3.18
// (-fstack-usage).

/** One function of a program. */
export interface CodeFunction {
  name: string;
  /** Can be called from other files. */
  isPublic: boolean;
  /** Names of the functions it calls or jumps to, in the order of their first mention. */
  callees: string[];
  /** Bytes of its own stack frame, saved registers included; undefined when the compiler does not know a constant. */
  frameBytes: number | undefined;
  /** Instructions whose target is in a register or in memory, returns excepted. */
  indirect: string[];
  /** Instructions of a floating-point unit. */
  float: string[];
  /** Instructions that call a system or a debugger, or set the processor itself. */
  system: string[];
}

/** All functions of a program by name, and what it needs or owns beside them. */
export interface Code {
  functions: ReadonlyMap<string, CodeFunction>;
  /** Symbols that something else would have to define. */
  undefinedSymbols: string[];
  /** Sections that are not empty and can be written to. */
  writableSections: string[];
}

/** What the tools print of one program. */
export interface CodeTexts {
  /** `objdump -h -t` of the objects. */
  tables: string;
  /** `objdump -d --no-show-raw-insn` of the objects linked with each other. */
  disassembly: string;
  /** The .su files of the objects. */
  stackUsage: string;
}

const returnsFromThumb = [
  /^bx lr$/,
  /^mov pc, lr$/,
  /^pop(\.w)? \{.*pc\}$/,
  /^ldmia\.w sp!, \{.*pc\}$/,
  /^ldr\.w pc, \[sp\], #\d+$/,
];
const writesPc = /^(blx? (r\d|ip|sl|fp)|bx |tb[bh] |(mov|add|ldr)\S* pc,|(pop|ldm)\S* .*pc\})/;
const isIndirect = (instruction: string) =>
  (writesPc.test(instruction) && !returnsFromThumb.some((pattern) => pattern.test(instruction))) ||
  /^\S+ \*/.test(instruction);
const isFloat = (instruction: string) => /^v/.test(instruction) || /%([xyz]mm|mm\d|st)/.test(instruction);

const isSystem = (instruction: string) =>
  /^(svc|bkpt|mrs|msr|mcr|mrc|cps\w*|wf[ei]|syscall|sysenter|int|in|out|hlt|cli|sti)( |$)/.test(instruction);

/** The function that a call or a jump leads to; jumps inside `own` lead nowhere. */
function calleeOf(instruction: string, own: string): string | undefined {
  const match = /^(\S+) .*<([^+>]+)[^>]*>/.exec(instruction);
  if (!match || !/^(b|cbn?z|call|j)/.test(match[1])) return undefined;
  const isCall = /^(blx?|call\w*)$/.test(match[1]);
  return isCall || match[2] !== own ? match[2] : undefined;
}

/** Frames by function. A name may be that of several clones: the largest counts, and none if one is not constant. */
function parseFrames(stackUsage: string): Map<string, number | undefined> {
  const frames = new Map<string, number | undefined>();
  for (const [, name, bytes, kind] of stackUsage.matchAll(/^.*:\d+:\d+:(\S+)\t(\d+)\t(\S+)$/gm)) {
    const before = frames.has(name) ? frames.get(name) : 0;
    frames.set(name, kind === "static" && before !== undefined ? Math.max(before, Number(bytes)) : undefined);
  }
  return frames;
}

const unique = (names: Iterable<string>) => [...new Set(names)];

/** Reads what the tools printed. */
export function parseCode({ tables, disassembly, stackUsage }: CodeTexts): Code {
  const frames = parseFrames(stackUsage);
  const publicNames = new Set(
    [...tables.matchAll(/^[0-9a-f]+ g.{5}F \S+\t[0-9a-f]+ (?:\.hidden )?(\S+)$/gm)].map(([, name]) => name),
  );
  const functions = new Map<string, CodeFunction>();
  for (const [, name, body] of disassembly.matchAll(/^[0-9a-f]+ <([^>]+)>:\n((?: .*\n?)*)/gm)) {
    const instructions = [...body.matchAll(/^ *[0-9a-f]+:\t([^;\n]*)/gm)].map(([, text]) =>
      text.trim().replace(/\s+/g, " "),
    );
    const callees = unique(instructions.map((text) => calleeOf(text, name) ?? "").filter((callee) => callee !== ""));
    functions.set(name, {
      name,
      isPublic: publicNames.has(name),
      callees,
      // A clone's symbol ends in a number of its own.
      frameBytes: frames.get(name) ?? frames.get(name.replace(/\.\d+$/, "")),
      indirect: instructions.filter(isIndirect),
      float: instructions.filter(isFloat),
      system: instructions.filter(isSystem),
    });
  }
  const sections = tables.matchAll(/^ *\d+ (\S+) +([0-9a-f]+) .*\n +(.*)$/gm);
  return {
    functions,
    undefinedSymbols: unique([...tables.matchAll(/ \*UND\*\t[0-9a-f]+ (\S+)$/gm)].map(([, name]) => name)),
    writableSections: [...sections]
      .filter(
        ([, , bytes, flags]) =>
          Number.parseInt(bytes, 16) > 0 && /\bALLOC\b/.test(flags) && !/\bREADONLY\b/.test(flags),
      )
      .map(([, name]) => name),
  };
}

/** Every cycle of calls that a depth-first walk from each function meets, as "a -> b -> a". */
function findCycles({ functions }: Code): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (name: string, path: readonly string[]) => {
    if (path.includes(name)) cycles.push([...path.slice(path.indexOf(name)), name].join(" -> "));
    else if (!done.has(name)) {
      for (const callee of functions.get(name)?.callees ?? []) visit(callee, [...path, name]);
      done.add(name);
    }
  };
  for (const name of functions.keys()) visit(name, []);
  return cycles;
}

/**
 * What keeps code from being closed in itself: one line each for what it needs from elsewhere, can write to between calls,
 * computes in floating point, asks of a system, calls without naming it, calls in a circle, or keeps on the stack without a constant bound.
 */
export function findOpenings(code: Code): string[] {
  const functions = [...code.functions.values()];
  return [
    ...code.undefinedSymbols.map((symbol) => `needs ${symbol}`),
    ...code.writableSections.map((section) => `has variables in ${section}`),
    ...functions.flatMap(({ name, float }) =>
      float.map((instruction) => `${name} has the float instruction "${instruction}"`),
    ),
    ...functions.flatMap(({ name, system }) =>
      system.map((instruction) => `${name} asks a system by "${instruction}"`),
    ),
    ...functions.flatMap(({ name, indirect }) => indirect.map((instruction) => `${name} jumps by "${instruction}"`)),
    ...findCycles(code).map((cycle) => `recursion: ${cycle}`),
    ...functions
      .filter(({ frameBytes }) => frameBytes === undefined)
      .map(({ name }) => `${name} has no constant frame`),
  ];
}

/**
 * The most stack that a call of a function can take in bytes: the largest sum of frames on any path of calls.
 *
 * @throws Error when `findOpenings` would name a circle or a frame that is not constant
 */
export function stackBytes(code: Code, name: string, callers: readonly string[] = []): number {
  const { frameBytes, callees } = code.functions.get(name) ?? {};
  if (frameBytes === undefined || !callees || callers.includes(name))
    throw new Error(`${name} has no bound on its stack`);
  return frameBytes + Math.max(0, ...callees.map((callee) => stackBytes(code, callee, [...callers, name])));
}
