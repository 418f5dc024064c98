// The figures that the README shows, taken from results.json.
import { markdownTable } from "./results.mjs";

const thousands = (value) => value.toLocaleString("en-US");
const range = (values) => {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return least === greatest ? thousands(least) : `${thousands(least)} to ${thousands(greatest)}`;
};

const rounded = (value) =>
  value < 1e6 ? `${thousands(Math.round(value / 1e3))} thousand` : `${(value / 1e6).toFixed(2)} million`;

/** What a model takes on a Cortex-M4 and on a Cortex-M0. */
function modelRows(rows, name, what) {
  const [m4, m0] = ["cortex-m4", "cortex-m0"].map((core) =>
    rows.find((row) => row.model === name && row.core === core),
  );
  const both = (value) => `${rounded(value(m4))} (${rounded(value(m0))})`;
  const [full, worst] = ["Full", "Worst"].map((kind) => both((row) => row[`instructionsPerToken${kind}`]));
  const [cycles, most] = ["full", "ceiling"].map((kind) => both((row) => row.cycles[0][kind]));
  return [
    [
      `${what}: RAM; instructions per token on Cortex-M4 (M0), memories full; worst case`,
      `${thousands(m4.arenaBytes)} bytes; ${full}; ${worst}`,
    ],
    [`${what}: cycles per token, estimated, the same`, `${cycles}; ${most}`],
  ];
}

function engineRows({ code, rows }) {
  const cores = `${code.length} cores: Cortex-M, RV32IMC, Xtensa`;
  return [
    [`engine code, base block only (${cores})`, `${range(code.map((row) => row.codeBytes))} bytes`],
    [
      "engine code, everything (validation, sampling, tokens, both blocks)",
      `${range(code.map((row) => row.codeBytesEverything))} bytes`,
    ],
    ["of it from libraries", `${range(code.map((row) => row.libraryBytes))} bytes`],
    ["stack, at its deepest", `${range(rows.map((row) => row.stackBytes))} bytes`],
    ...modelRows(rows, "prod", "base block, 944K parameters"),
    ...modelRows(rows, "stories", "base block, 60K parameters"),
    ...modelRows(rows, "stories-20k", "stories-20k"),
    ...modelRows(rows, "stories-64k", "stories-64k"),
  ];
}

const storyRows = ({ rows }) =>
  rows.map((row) => [
    `${row.config}, ${thousands(row.steps)} steps: flash; bits per byte of held-out TinyStories, on the chip (in float)`,
    `${thousands(row.flashBytes)} bytes; ${row.bitsPerByte.toFixed(3)} (${row.bitsPerByteFloat.toFixed(3)})`,
  ]);

const windowRows = ({ rows }) =>
  rows.map(({ maxRam, loss }) => [
    `944K-parameter model in ${thousands(maxRam)} bytes of RAM: more bits per byte of held-out TinyStories`,
    `${(100 * loss).toFixed(2)} %`,
  ]);

const smallRows = ({ rows }) =>
  rows.map(({ config, arenaBytes, stackBytes, flashBytes, ramLimit, flashLimit }) => [
    `${config} in a machine with ${thousands(ramLimit)} bytes of RAM and ${thousands(flashLimit)} of flash: arena and stack; flash in use`,
    `${thousands(arenaBytes)} and ${thousands(stackBytes)} bytes; ${thousands(flashBytes)} bytes`,
  ]);

const trainRows = ({ rows }) =>
  rows
    .filter(({ threads }) => threads === Math.max(...rows.map((row) => row.threads)))
    .map((row) => [
      `training step, ${row.shape}, ${row.threads} threads`,
      `${row.msPerStep.toFixed(1)} ms, ${row.ratioToPytorch.toFixed(1)} times PyTorch's speed`,
    ]);

const qualityRows = ({ tiers }) =>
  tiers.map(({ flashBytes, steps, oursBpb, bestRival, bestRivalBpb }) => [
    `${thousands(flashBytes)} bytes of flash, ${thousands(steps)} steps: bits per byte of held-out TinyStories; best tuned, quantised transformer`,
    `${oursBpb.toFixed(3)}; ${bestRivalBpb.toFixed(3)} (${bestRival})`,
  ]);

const classifyRows = ({ sets }) =>
  sets.map(({ name, flashBytes, measure, accuracy, bestRival, bestRivalAccuracy }) => [
    `${name}, ${thousands(flashBytes)} bytes of flash: ${measure}; best tuned, quantised rival`,
    `${(100 * accuracy).toFixed(1)} %; ${(100 * bestRivalAccuracy).toFixed(1)} % (${bestRival})`,
  ]);

/** A markdown table of what results.json holds. */
export function figuresTable({ engine, windows, small, stories, quality, classify, train }) {
  const rows = [
    ...(engine ? engineRows(engine) : []),
    ...(windows ? windowRows(windows) : []),
    ...(small ? smallRows(small) : []),
    ...(stories ? storyRows(stories) : []),
    ...(quality ? qualityRows(quality) : []),
    ...(classify ? classifyRows(classify) : []),
    ...(train ? trainRows(train) : []),
  ];
  return `${markdownTable(["what", "measured"], rows)}\n`;
}
