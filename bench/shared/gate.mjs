// The regression gate: what is measured anew may not be worse than results.json says, by more than the tolerance given here.

const less = (tolerance = 0) => ({ better: "less", tolerance });
const more = (tolerance = 0) => ({ better: "more", tolerance });
const same = (tolerance = 0) => ({ better: "neither", tolerance });
/** A tick of a board's timer is up to 63 instructions, and that of sim (lx106) does not always start at the same one. */
const instructions = less(0.001);
const each = (names, rule) => Object.fromEntries(names.map((name) => [name, rule]));

/**
 * What is held to results.json, by bench: in each list the rows, told apart by `key`, and of each figure which way is better and
 * by what share of the committed value it may be worse.
 *
 * Counts of bytes come out the same in every run: their tolerance is 0. Scores against a model in float64 use
 * the platform's exp and log. Times are never compared, only ratios of times that were taken in turns in one run, and those only
 * with --times. `tools`: other versions of compiler and emulator give other figures, and nothing is compared.
 */
export const gates = {
  engine: {
    tools: true,
    // One model of each kind: all code is run.
    options: ["--models", "nano,stories,gated-20k,stories-20k"],
    lists: {
      code: {
        key: ["core"],
        figures: each(["codeBytes", "codeBytesEverything", "codeBytesUnchecked", "libraryBytes"], less()),
      },
      rows: {
        key: ["model", "core"],
        figures: {
          hash: same(),
          ...each(["arenaBytes", "stackBytes"], less()),
          ...each(["instructionsPerToken", "instructionsPerTokenEverything", "instructionsPerTokenFull"], instructions),
          ...each(["instructionsPerTokenWorst", "instructionsPerTokenCeiling"], instructions),
        },
      },
      smallMachines: {
        key: ["machine", "model"],
        figures: {
          ...each(["arenaBytes", "stackBytes"], less()),
          ...each(["instructionsPerToken", "instructionsPerCheck"], instructions),
        },
      },
    },
  },
  fidelity: {
    lists: {
      trained: {
        key: ["config"],
        figures: {
          sha256: same(),
          ...each(["flashBytes", "ramBytes"], less()),
          bitsPerByte: less(1e-4),
          bitsPerByteFloat: less(1e-4),
          klNatsPerSymbol: less(0.01),
          top1Agreement: more(1e-3),
        },
      },
      shipped: {
        key: ["model"],
        figures: { sha256: same(), ...each(["flashBytes", "ramBytes"], less()), bitsPerByte: less(1e-4) },
      },
    },
  },
  quality: {
    needsData: true,
    options: ["--tables"],
    lists: {
      tiers: {
        key: ["flashBytes", "steps"],
        figures: { oursBpb: less(1e-9), bestRival: same(), bestRivalBpb: same(1e-9), seeds: same() },
      },
    },
  },
  classify: {
    options: ["--tables"],
    lists: {
      sets: {
        key: ["name", "flashBytes"],
        figures: { accuracy: more(1e-9), bestRival: same(), bestRivalAccuracy: same(1e-9), seeds: same() },
      },
    },
  },
  host: {
    times: true,
    lists: { rows: { key: ["model"], figures: { wasmOverTypescript: more(0.3) } } },
  },
  train: {
    times: true,
    options: ["--shapes", "stories", "--rounds", "1"],
    lists: { rows: { key: ["shape", "threads"], figures: { ratioToPytorch: more(0.3) } } },
  },
};

function verdictOf(committed, now, { better, tolerance }) {
  if (now === undefined) return "not measured";
  if (committed === undefined) return "new: publish it";
  if (committed === now) return "same";
  if (typeof committed !== "number" || typeof now !== "number") return "WORSE";
  const slack = Math.abs(committed) * tolerance;
  const gain = { less: committed - now, more: now - committed, neither: -Math.abs(committed - now) }[better];
  if (gain < -slack) return "WORSE";
  return gain > slack ? "better: publish it" : "within its tolerance";
}

/**
 * Compares the rows measured with the committed ones of the same key; committed rows that were not measured are left out.
 *
 * @returns [{figure, committed, now, tolerance, verdict}]
 */
export function compareWith(committed, measured, { lists }) {
  return Object.entries(lists).flatMap(([list, { key, figures }]) => {
    const nameOf = (row) => key.map((part) => row[part]).join(", ");
    const before = new Map((committed?.[list] ?? []).map((row) => [nameOf(row), row]));
    return (measured[list] ?? []).flatMap((row) =>
      Object.entries(figures)
        .map(([name, rule]) => ({ name, rule, committed: before.get(nameOf(row))?.[name], now: row[name] }))
        .filter(({ committed, now }) => committed !== undefined || now !== undefined)
        .map(({ name, rule, committed, now }) => ({
          figure: `${nameOf(row)}: ${name}`,
          committed,
          now,
          tolerance: rule.tolerance,
          verdict: verdictOf(committed, now, rule),
        })),
    );
  });
}

/** Why the figures cannot be compared, or undefined: they are of other tools. */
export function otherTools(committed, measured, { tools }) {
  if (!tools) return undefined;
  const differing = Object.keys(measured.tools).filter((name) => measured.tools[name] !== committed?.tools?.[name]);
  if (differing.length === 0) return undefined;
  return differing
    .map((name) => `the ${name} is ${measured.tools[name]}, the published figures are of ${committed?.tools?.[name]}`)
    .join("; ");
}

/** Whether a figure fails the gate: it is worse, or it is gone. */
export const fails = ({ verdict }) => verdict === "WORSE" || verdict === "not measured";
