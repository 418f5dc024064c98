import { Command, Option } from "commander";
import { CHIPS, type Chip } from "../fit/chips.js";
import { CORES, type Core, type CoreName } from "../fit/cores.js";
import { ALLOWANCE, engineBytes, type Fit, fitChip, ramNeeded, type Subject } from "../fit/estimate.js";
import { shapeOfConfig, shapeOfModel, weightBytes } from "../fit/shape.js";
import { LIMITS } from "../format/layout.js";
import type { AtomeModel } from "../format/reader.js";
import { type Alphabet, isTransformer } from "../model/config.js";
import { UsageError } from "../model/errors.js";
import { engineMaker } from "./engines.js";
import { generate } from "./generation.js";
import { readModelFile, readModelInput } from "./models.js";
import { byteSize, realNumber, wholeNumber } from "./options.js";
import { type CommonOptions, grouped, Output, table, withCommonOptions, withExamples } from "./output.js";
import { chooseConfig } from "./train-settings.js";

interface FitOptions extends CommonOptions {
  config?: string;
  symbols?: number;
  classes?: number;
  chip?: string;
  flash?: number;
  ram?: number;
  core: CoreName;
  clock: number;
}

export function fitCommand(): Command {
  const command = new Command("fit")
    .description("Tell which chips a model fits into, how fast it will be there and what a symbol costs (estimates).")
    .argument("[model]", "a .atome file")
    .option("--config <name|file>", "instead of a model: the one that a configuration will give")
    .option("--symbols <n>", "... with so many symbols (default: what its alphabet has)", wholeNumber(...LIMITS.vocab))
    .option("--classes <n>", "... a classifier of so many classes", wholeNumber(...LIMITS.outputs))
    .option("--chip <text>", "only chips with this in their name")
    .option("--flash <bytes>", "an own chip: its flash, for example 64k", byteSize)
    .option("--ram <bytes>", "... its RAM", byteSize)
    .addOption(new Option("--core <name>", "... its core").choices(Object.keys(CORES)).default("Cortex-M0+"))
    .option("--clock <MHz>", "... its clock", realNumber(0.001, 10_000), 48)
    .action(fit);
  return withExamples(
    withCommonOptions(command),
    ["atome fit stories-64k", "chip by chip: fits, or what is missing"],
    ["atome fit --config prod", "the same before it is trained"],
    ["atome fit --config classify-20k --classes 12", "... of a classifier"],
    ["atome fit model.atome --chip STM32F103", "one chip, with where its figures are from"],
    ["atome fit model.atome --flash 64k --ram 20k --core Cortex-M3 --clock 72", "an own chip"],
  );
}

async function fit(path: string | undefined, options: FitOptions): Promise<void> {
  const output = new Output(options);
  const chips = chosenChips(options);
  const subject = path === undefined ? configSubject(options) : await modelSubject(path, options);
  const fits = chips.map((chip) => fitChip(subject, chip));
  const { modelBytes, bytesPerSymbol, shape } = subject;
  const needs = { modelBytes, bytesPerSymbol, ramBytes: ramNeeded(shape, 4), ramBytesOneTable: ramNeeded(shape, 1) };
  output.result({ ...needs, vocab: shape.dimensions.vocab, allowance: ALLOWANCE, chips: fits.map(row) });
  for (const line of table([HEADINGS, ...fits.map(cells)])) output.print(line);
  output.print();
  for (const line of notes(subject, fits)) output.print(line);
  if (fits.length <= DETAILED) for (const { chip } of fits) for (const line of details(chip)) output.print(line);
}

/** Chips are told about one by one when there are no more than these. */
const DETAILED = 3;

function chosenChips({ chip, flash, ram, core, clock }: FitOptions): readonly Chip[] {
  if (flash !== undefined || ram !== undefined) {
    if (flash === undefined || ram === undefined) {
      throw new UsageError("Cannot fit the model into an own chip: give both its --flash and its --ram.");
    }
    const memory = { flashBytes: flash, ramBytes: ram, waitStates: 0, volts: 3.3 };
    return [{ name: "own chip", core, clockMHz: clock, ...memory, priceUsd: 0, source: "the command line" }];
  }
  const wanted = (chip ?? "").toLowerCase();
  const found = CHIPS.filter(({ name }) => name.toLowerCase().includes(wanted));
  if (found.length > 0) return found;
  throw new UsageError(
    `Cannot find the chip "${chip}": the known ones are ${CHIPS.map(({ name }) => name).join("; ")}; name one of them, or give --flash and --ram.`,
  );
}

async function modelSubject(path: string, { config }: FitOptions): Promise<Subject> {
  if (config !== undefined) throw new UsageError("Cannot fit a model and a --config at once: give one of them.");
  const bytes = readModelInput(path, "a .atome file");
  const model = await readModelFile(bytes, path);
  return { shape: shapeOfModel(model), modelBytes: bytes.length, bytesPerSymbol: await meanSymbolBytes(model) };
}

/** Bytes that a language model writes to look at the mean length of its symbols. */
const WRITTEN_BYTES = 512;

/** Mean length of a symbol: in text that the model writes, in the token table of a classifier. */
async function meanSymbolBytes({ bytes, tokens, classNames }: AtomeModel): Promise<number> {
  if (!tokens) return 1;
  if (classNames) return tokens.reduce((sum, token) => sum + token.length, 0) / tokens.length;
  const engine = (await engineMaker("wasm")).create(bytes);
  engine.step(0);
  const sampler = { temperature: 256, topK: 0, topP: 0, random: 1 };
  return WRITTEN_BYTES / [...generate(engine, { sampler, maxBytes: WRITTEN_BYTES })].length;
}

function configSubject({ config, symbols, classes }: FitOptions): Subject {
  if (config === undefined) throw new UsageError("Cannot fit nothing: give a .atome file or a --config.");
  const chosen = chooseConfig({ config });
  if (isTransformer(chosen)) throw new UsageError(`Cannot fit "${config}": its ${chosen.block} block has no export.`);
  const { vocab, bytesPerSymbol, tokenBytes } = assumed(chosen.alphabet, symbols);
  if (chosen.pool === "sum" && classes === undefined) {
    throw new UsageError(
      `Cannot fit "${config}": it is for a classifier, and how many classes there are is not known; say it with --classes.`,
    );
  }
  const shape = shapeOfConfig(chosen, vocab, classes);
  return { shape, modelBytes: weightBytes(shape) + tokenBytes + METADATA_BYTES, bytesPerSymbol };
}

/** What "atome train" writes into the file, and its section entry. */
const METADATA_BYTES = 128;

/** What an alphabet will be, before it has seen a text: one of English, with about a hundred characters. */
function assumed(alphabet: Alphabet, symbols?: number) {
  if (alphabet.kind === "bytes") return { vocab: symbols ?? 256, bytesPerSymbol: 1, tokenBytes: 0 };
  if (alphabet.kind === "map") return { vocab: symbols ?? 96, bytesPerSymbol: 1, tokenBytes: 2 * (symbols ?? 96) };
  if (alphabet.kind === "sensor") {
    throw new UsageError("Cannot fit the configuration of a sensor: its columns are not known; give a .atome file.");
  }
  // RESULTS.md: 262,144 bytes of stories are 91,889 of 512 tokens.
  const vocab = symbols ?? alphabet.size;
  return { vocab, bytesPerSymbol: 2.9, tokenBytes: 4.5 * vocab };
}

const row = ({ chip, speed, ...fit }: Fit) => ({ ...chip, ...fit, ...speed, assumption: CORES[chip.core].source });

const HEADINGS = ["chip", "core", "MHz", "flash", "RAM", "US$", "fits", "symbols/s", "bytes/s", "mJ/symbol"];

function cells(fit: Fit): (string | number)[] {
  const { chip, speed } = fit;
  const digits = (value: number | undefined) => (value === undefined ? "?" : twoDigits(value));
  const speeds = fit.fits
    ? [digits(speed?.symbolsPerSecond), digits(speed?.bytesPerSecond), digits(speed?.millijoulesPerSymbol)]
    : ["-", "-", "-"];
  const price = chip.priceUsd > 0 ? chip.priceUsd : "?";
  return [
    chip.name,
    chip.core,
    chip.clockMHz,
    kilobytes(chip.flashBytes),
    kilobytes(chip.ramBytes),
    price,
    verdict(fit),
    ...speeds,
  ];
}

/** 1234 as 1200, 0.0567 as 0.057. */
const twoDigits = (value: number): string => String(Number(value.toPrecision(2)));

const kilobytes = (bytes: number): string => `${bytes / 1024}K`;

function verdict({ fits, tables, flashOver, ramOver }: Fit): string {
  if (fits) return tables === 4 ? "yes" : "with ATOME_TABLES=1";
  const over = [flashOver > 0 ? `${grouped(flashOver)} flash` : "", ramOver > 0 ? `${grouped(ramOver)} RAM` : ""];
  return `no: ${over.filter((part) => part !== "").join(", ")} too much`;
}

function notes({ shape, modelBytes, bytesPerSymbol }: Subject, fits: readonly Fit[]): string[] {
  const { firmwareFlash, stack, firmwareRam } = ALLOWANCE;
  const engine = fits.map(({ chip }) => engineBytes(chip.core));
  const arena = (tables: 1 | 4) => grouped(ramNeeded(shape, tables) - stack - firmwareRam);
  const attention = shape.layers.some(({ window }) => window > 1);
  const shortened = {
    ...shape,
    layers: shape.layers.map((layer) => ({ ...layer, window: Math.min(layer.window, 1) })),
  };
  const saved = ramNeeded(shape, 4) - ramNeeded(shortened, 4);
  return [
    `Flash: model ${grouped(modelBytes)} bytes, engine ${range(engine)}, firmware ${grouped(firmwareFlash)}.`,
    `RAM: arena ${arena(4)} bytes (${arena(1)} with ATOME_TABLES=1), stack ${stack}, firmware ${firmwareRam}.`,
    ...(attention && fits.some(({ ramOver }) => ramOver > 0)
      ? [`Shorter attention windows can save up to ${grouped(saved)} bytes of RAM: "atome export --max-ram".`]
      : []),
    `Estimates: ${shape.dimensions.vocab} symbols of ${bytesPerSymbol.toFixed(1)} bytes; instructions by the shape (RESULTS.md), cycles of an`,
    "instruction assumed, current typical; attention windows and recall full. ?: no figure is at hand.",
  ];
}

function range(values: readonly number[]): string {
  const [least, greatest] = [Math.min(...values), Math.max(...values)];
  return least === greatest ? grouped(least) : `${grouped(least)} to ${grouped(greatest)} by core`;
}

function details(chip: Chip): string[] {
  const { cyclesPerInstruction, source }: Core = CORES[chip.core];
  const facts: [string, string][] = [
    ["source", chip.source],
    ["cycles per instruction", `${cyclesPerInstruction} (${source})`],
    ["wait states", `${chip.waitStates} that no cache hides`],
    ["current", chip.milliamps === undefined ? "?" : `${chip.milliamps} mA at ${chip.volts} V`],
  ];
  return ["", chip.name, ...table(facts)];
}
