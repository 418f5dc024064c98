import { InvalidArgumentError } from "commander";
import { Corpus } from "../corpus/corpus.js";
import { ENGINE_NATS_PER_UNIT, scoreText } from "../evaluate/language.js";
import { chooseWindows } from "../evaluate/windows.js";
import { LIMITS, PATHWAY } from "../format/layout.js";
import type { AtomeModel } from "../format/reader.js";
import { withWindows } from "../format/windows.js";
import { UsageError } from "../model/errors.js";
import { engineMaker } from "./engines.js";
import { alphabetOf, readModelFile } from "./models.js";
import { grouped, type Output } from "./output.js";
import { Progress } from "./progress.js";
import { encode } from "./train-data.js";

/** What the command line says about attention windows. */
export interface WindowChoice {
  windows?: readonly number[];
  maxRam?: number;
  /** ATOME_TABLES of the build that the RAM is for. */
  tables: "4" | "1";
  /** Path of the text that windows are measured on. */
  calibration?: string;
}

/** Symbols of the text that windows are measured on: a loss of a thousandth shows. */
const MEASURED_SYMBOLS = 8192;

/** Parser of a list of windows. */
export function windowList(text: string): number[] {
  const [least, greatest] = LIMITS.window;
  const windows = text.split(",").map(Number);
  if (windows.some((window) => !Number.isInteger(window) || window < least || window > greatest)) {
    throw new InvalidArgumentError(`Expected whole numbers from ${least} to ${greatest}, separated by commas.`);
  }
  return windows;
}

/** A model with the windows that were asked for, and what they are; the model as it is when nothing was asked for. */
export async function withChosenWindows(
  bytes: Uint8Array,
  path: string,
  choice: WindowChoice,
  output: Output,
): Promise<{ model: Uint8Array; windows?: number[] }> {
  if (choice.windows === undefined && choice.maxRam === undefined) return { model: bytes };
  if (choice.windows !== undefined && choice.maxRam !== undefined) {
    throw new UsageError("Cannot use --windows and --max-ram together: give the windows or let them be chosen.");
  }
  const model = await readModelFile(bytes, path);
  const windows = choice.windows
    ? namedWindows(model, path, choice.windows)
    : await search(model, path, choice, output);
  return { model: withWindows(model, windows), windows };
}

/** Windows of all layers from those of the layers with attention, or from one for all of them. */
function namedWindows({ layers }: AtomeModel, path: string, windows: readonly number[]): number[] {
  const attentive = layers.flatMap(({ pathways }, layer) => ((pathways & PATHWAY.sparse) !== 0 ? [layer] : []));
  if (windows.length !== 1 && windows.length !== attentive.length) {
    throw new UsageError(
      `Cannot set the windows of "${path}": ${windows.length} are given but ${attentive.length} of its layers have attention; give one for each of them, or one for all.`,
    );
  }
  return layers.map((_, layer) => {
    const place = attentive.indexOf(layer);
    return place < 0 ? 0 : (windows[place] ?? windows[0]);
  });
}

async function search(
  model: AtomeModel,
  path: string,
  { maxRam: maxBytes = 0, tables, calibration }: WindowChoice,
  output: Output,
): Promise<number[]> {
  if (model.classNames) throw new UsageError(`Cannot shorten the windows of "${path}": it is a classifier.`);
  if (calibration === undefined) {
    throw new UsageError(
      "Cannot choose windows by --max-ram without a text: name one like those it will see with --calibration.",
    );
  }
  const { symbols } = encode(Corpus.open([calibration]).all, alphabetOf(model), MEASURED_SYMBOLS);
  const maker = await engineMaker("wasm");
  const measure = (candidate: Uint8Array) => {
    const engine = maker.create(candidate);
    const predictor = { step: (symbol: number) => engine.step(symbol), natsPerUnit: ENGINE_NATS_PER_UNIT };
    return scoreText(predictor, symbols, symbols.length).natsPerSymbol;
  };
  const progress = new Progress(process.stderr, () => performance.now(), output.quiet);
  const chosen = chooseWindows(model, { maxBytes, tables: tables === "1" ? 1 : 4 }, measure, ({ windows, ramBytes }) =>
    progress.show(() => `windows ${windows.join(",")}: ${grouped(ramBytes)} bytes of RAM`),
  );
  progress.end();
  output.print(`Windows ${chosen.windows.join(",")}: ${grouped(chosen.ramBytes)} bytes of RAM.`);
  return chosen.windows;
}
