// The tables of the bench "engine".
import { timings } from "../../dist/emulate/cycles.js";
import { markdownTable } from "./results.mjs";

const thousands = (value) => value.toLocaleString("en-US");
const withLimit = (value, limit) =>
  limit === undefined ? thousands(value) : `${thousands(value)} (${thousands(limit)})`;

/** The limits are Cortex-M's. */
const isCortexM = ({ core }) => core.startsWith("cortex-m");

/** The limits of a row. */
export function limitsOf(row, limits) {
  if (!isCortexM(row)) return {};
  const { arenaBytes, instructionsPerToken, instructionsPerTokenM0 } = limits[row.model] ?? {};
  return { arenaBytes, instructionsPerToken: row.core === "cortex-m0" ? instructionsPerTokenM0 : instructionsPerToken };
}

/** The limits of a core's code. */
export const codeLimitsOf = (row, { codeBytes, codeBytesEverything, libraryBytes }) =>
  isCortexM(row) ? { codeBytes, codeBytesEverything, libraryBytes } : { libraryBytes };

const codeTable = ({ code, limits }) =>
  markdownTable(
    ["core", "base only (limit)", "everything (limit)", "everything but atome_check", "of it from libraries"],
    code.map((row) => [
      row.core,
      withLimit(row.codeBytes, codeLimitsOf(row, limits).codeBytes),
      withLimit(row.codeBytesEverything, codeLimitsOf(row, limits).codeBytesEverything),
      row.codeBytesUnchecked,
      row.libraryBytes,
    ]),
  );

function instructionsTable({ rows, limits }) {
  return markdownTable(
    [
      ...["model", "core", "base only (limit)", "everything", "memories full", "longest of these", "worst", "ceiling"],
      ...["what makes it the worst", "arena bytes (limit)", "stack bytes", "emulated machine"],
    ],
    rows.map((row) => [
      ...[row.model, row.core],
      row.instructionsPerToken === undefined
        ? "-"
        : withLimit(row.instructionsPerToken, limitsOf(row, limits).instructionsPerToken),
      ...[row.instructionsPerTokenEverything, row.instructionsPerTokenFull, row.instructionsPerTokenFullMax],
      ...[row.instructionsPerTokenWorst, row.instructionsPerTokenCeiling ?? "-", row.worstInput],
      ...[withLimit(row.arenaBytes, limitsOf(row, limits).arenaBytes), row.stackBytes, row.machine],
    ]),
  );
}

const cyclesTable = ({ rows }) =>
  markdownTable(
    ["model", "core", "memories full", "ceiling", "memories full, 2 wait states", "ceiling, 2 wait states"],
    rows.flatMap(({ model, cycles = [] }) =>
      cycles.map((row) => [model, row.timing, row.full, row.ceiling, row.fullWaiting, row.ceilingWaiting]),
    ),
  );

const timingTable = ({ rows }) => {
  const used = new Set(rows.flatMap(({ cycles = [] }) => cycles.map(({ timing }) => timing)));
  return markdownTable(
    ["core", "cycles from"],
    timings.filter(({ name }) => used.has(name)).map(({ name, source }) => [name, source]),
  );
};

/** Cores whose functions are listed. */
const listed = ["cortex-m0", "cortex-m4", "rv32imc"];

/** Functions that take at least one instruction in a hundred. */
function functionsTable({ rows }) {
  const profiles = rows.filter(({ functions, core }) => functions !== undefined && listed.includes(core));
  const shares = profiles.map(({ functions }) => {
    const all = functions.reduce((sum, [, executed]) => sum + executed, 0);
    return new Map(functions.map(([name, executed]) => [name, executed / all]));
  });
  const names = [
    ...new Set(shares.flatMap((share) => [...share].filter(([, part]) => part >= 0.01).map(([name]) => name))),
  ];
  const shown = (part) => (part === undefined ? "-" : `${(100 * part).toFixed(1)} %`);
  return markdownTable(
    ["function", ...profiles.map(({ model, core }) => `${model}, ${core}`)],
    names.map((name) => [name, ...shares.map((share) => shown(share.get(name)))]),
  );
}

const smallMachinesTable = ({ smallMachines }) =>
  markdownTable(
    [
      ...["machine", "core", "model", "symbols", "model bytes", "arena bytes", "RAM free for it", "stack bytes"],
      ...["instructions, mean", "longest of 32"],
    ],
    smallMachines.map((row) => [
      ...[row.machine, row.core, row.model, row.vocab, row.modelBytes],
      ...(row.fits
        ? [row.arenaBytes, row.ramBytes, row.stackBytes, row.instructionsPerToken, row.instructionsPerTokenMax].map(
            thousands,
          )
        : ["too large", "-", "-", "-", "-"]),
    ]),
  );

/** The section's text. @param data what the bench measured, as in results.json */
export const engineText = (data) => `${[...new Set(Object.values(data.tools))].join("; ")}.

Code bytes of the linked engine (\`-Os\`, unused functions dropped), in flash:

${codeTable(data)}

Instructions per generated token (atome_step and atome_argmax). "Base only" and "everything" are means of 32 tokens after a prompt
of 16. "Memories full" is the mean of 32 tokens once the windows of attention and recall are full, as they stay in a stream, of
different symbols. "Worst" is the slowest single token that was found: the engine's loops run equally often for all data but for the
sorting of scores, the counting of recall, the shifts of a norm, the digits of a code and histories of zeros; together with the
clamps these are what models and prompts of bench/shared/worst-case.mjs drive to their ends, one after the other. "Ceiling" takes each
instruction as often as the one of these runs that needs it most (not on lx106, whose code objdump cannot list). It is no proof: the
subtractions of a division (Cortex-M0) and the bits of a square root are as the runs have them. Shapes have random weights; under the
names of shipped models stand these models, and for the worst case their shape. Stack is the deepest below the firmware's main function.

${instructionsTable(data)}

Estimated cycles per token: kinds of instructions times the cycles that the core's manual gives, code and model in a memory
that never waits. Where a manual gives a range, "memories full" takes its middle and "ceiling" its end. With 2 wait states, as behind
a prefetch buffer that hides them for code in a row: 2 more for every jump taken and every load from flash.

${cyclesTable(data)}

${timingTable(data)}

Where the instructions go, with memories full:

${functionsTable(data)}

On machines with the memory of a chip, everything built in: micro:bit (a true Cortex-M0, 256 KB flash, 16 KB RAM), STM32VLDISCOVERY
(STM32F100RB: 128 KB, 8 KB) and Netduino Plus 2 (STM32F405RG: 1 MB, 128 KB):

${smallMachinesTable(data)}`;
