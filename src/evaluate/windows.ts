import { arenaBytes, type Tables } from "../engine/arena.js";
import { memoryBytes } from "../format/layout.js";
import type { AtomeModel } from "../format/reader.js";
import { withWindows } from "../format/windows.js";
import { FailureError } from "../model/errors.js";

/** The next shorter window of a layer, as it was last seen. */
interface Step {
  layer: number;
  window: number;
  /** Loss with it. */
  loss: number;
  /** What it adds to the loss, per position saved. */
  price: number;
  /** Whether no other window has changed since. */
  isFresh: boolean;
}

/** Windows that fit. */
export interface ChosenWindows {
  /** One per layer; 0 without attention. */
  windows: number[];
  ramBytes: number;
}

/** The RAM there is for an arena, in bytes, and the build of atome.c that takes it. */
export interface RamLimit {
  maxBytes: number;
  tables: Tables;
}

/** RAM that a model with these windows needs, in bytes. */
function ramOf(model: AtomeModel, windows: readonly number[], { tables }: RamLimit): number {
  const changed = model.layers.map(({ pathways }, layer) => ({ pathways, window: windows[layer] }));
  return arenaBytes(model, memoryBytes(model.dimensions, changed, model), tables);
}

/** The largest of 1, 2, 3, 4, 6, 8, 12, 16, 24, ... below a window of 2 or more. */
export function shorterWindow(window: number): number {
  const power = 2 ** Math.floor(Math.log2(window - 1));
  return power > 1 && 1.5 * power < window ? 1.5 * power : power;
}

/**
 * Shortens attention windows until the model needs no more than `limit` allows: each time the one that adds least to the loss
 * per position saved. Prices are measured again only when they look like the least: that is the same choice as long as they grow as
 * windows shrink (Minoux, Accelerated greedy algorithms for maximizing submodular set functions, 1978), and a tenth of the
 * measurements. What is left in the end goes to the last window.
 *
 * @param measure loss of the engine on a text, in any unit; the same for the same model
 * @param onStep called after every measurement with the windows so far
 * @throws FailureError when windows of 1 do not suffice
 */
export function chooseWindows(
  model: AtomeModel,
  limit: RamLimit,
  measure: (model: Uint8Array) => number,
  onStep: (chosen: ChosenWindows) => void = () => {},
): ChosenWindows {
  const windows = model.layers.map(({ window }) => window);
  checkReachable(model, limit);
  if (ramOf(model, windows, limit) <= limit.maxBytes) return { windows, ramBytes: ramOf(model, windows, limit) };
  let loss = measure(withWindows(model, windows));
  const look = (layer: number): Step => {
    const window = shorterWindow(windows[layer]);
    const seen = measure(withWindows(model, replaced(windows, layer, window)));
    onStep({ windows: [...windows], ramBytes: ramOf(model, windows, limit) });
    return { layer, window, loss: seen, price: (seen - loss) / (windows[layer] - window), isFresh: true };
  };
  let steps = windows.flatMap((window, layer) => (window > 1 ? [look(layer)] : []));
  for (;;) {
    const step = steps.reduce((best, other) => (other.price < best.price ? other : best));
    const { layer } = step;
    if (!step.isFresh) {
      steps = steps.map((other) => (other === step ? look(layer) : other));
      continue;
    }
    const former = windows[layer];
    windows[layer] = step.window;
    loss = step.loss;
    if (ramOf(model, windows, limit) <= limit.maxBytes) return filled(model, windows, layer, former, limit);
    steps = steps.filter((other) => windows[other.layer] > 1).map((other) => ({ ...other, isFresh: false }));
  }
}

const replaced = (windows: readonly number[], layer: number, window: number): number[] =>
  windows.map((other, index) => (index === layer ? window : other));

function checkReachable(model: AtomeModel, limit: RamLimit): void {
  const least = ramOf(
    model,
    model.layers.map(({ window }) => Math.min(window, 1)),
    limit,
  );
  if (least <= limit.maxBytes) return;
  throw new FailureError(
    `Cannot shorten the windows to ${limit.maxBytes} bytes of RAM: windows of 1 still need ${least}; allow more or train a smaller model.`,
  );
}

/** Gives what RAM is left to one layer's window, which was `former` when the model was too large. */
function filled(
  model: AtomeModel,
  windows: readonly number[],
  layer: number,
  former: number,
  limit: RamLimit,
): ChosenWindows {
  const sizes = Array.from({ length: former - windows[layer] }, (_, more) => windows[layer] + more);
  const candidates = sizes.map((window) => replaced(windows, layer, window));
  const best = candidates.filter((candidate) => ramOf(model, candidate, limit) <= limit.maxBytes).at(-1) ?? [
    ...windows,
  ];
  return { windows: best, ramBytes: ramOf(model, best, limit) };
}
