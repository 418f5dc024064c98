import { expect, test } from "vitest";
import { check } from "../engine/mirror.js";
import { PATHWAY } from "../format/layout.js";
import { readModel } from "../format/reader.js";
import { drawModel, seededDraw } from "../format/samples.js";
import { withWindows } from "../format/windows.js";
import { writeModel } from "../format/writer.js";
import { chooseWindows, shorterWindow } from "./windows.js";

const all = PATHWAY.local | PATHWAY.state | PATHWAY.sparse;
const dimensions = { vocab: 20, outputs: 20, dModel: 12, dInner: 0, dHead: 4, nLayers: 4, topK: 2 };
const layers = [64, 40, 0, 16].map((window) => ({ pathways: window > 0 ? all : PATHWAY.local, window }));
const model = readModel(writeModel(drawModel(seededDraw(5), { dimensions, options: 0, layers })));
const windowsOf = (bytes: Uint8Array) => readModel(bytes).layers.map(({ window }) => window);
const ramOf = (windows: readonly number[]) => check(withWindows(model, windows)).arenaBytes;
const of = (maxBytes: number) => ({ maxBytes, tables: 4 as const });

test("shorterWindow() goes down in steps of a quarter or a third", () => {
  const ladder = [1024];
  while (ladder[0] > 1) ladder.unshift(shorterWindow(ladder[0]));
  expect(ladder).toEqual([1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024]);
  expect([5, 7, 40, 100].map(shorterWindow)).toEqual([4, 6, 32, 96]);
});

/** A text that costs `weights[l]` bits for each halving of the window of layer l. */
const priced = (weights: readonly number[]) => {
  const calls: number[][] = [];
  const measure = (bytes: Uint8Array) => {
    const windows = windowsOf(bytes);
    calls.push(windows);
    return windows.reduce((sum, window, layer) => sum - (window > 0 ? weights[layer] * Math.log2(window) : 0), 10);
  };
  return { measure, calls };
};

test("chooseWindows() shortens what costs least and uses all the RAM there is", () => {
  const limit = ramOf([30, 40, 0, 16]) + 15;
  // A position takes dHead + dModel = 16 bytes.
  expect(chooseWindows(model, of(limit), priced([0.01, 1, 0, 1]).measure)).toEqual({
    windows: [30, 40, 0, 16],
    ramBytes: limit - 15,
  });
  expect(chooseWindows(model, of(ramOf([64, 1, 0, 16])), priced([1, 0.001, 0, 1]).measure).windows).toEqual([
    64, 1, 0, 16,
  ]);
});

test("chooseWindows() measures a cost again only when it looks like the least", () => {
  const { measure, calls } = priced([1, 1, 0, 1]);
  const { windows } = chooseWindows(model, of(ramOf([8, 8, 0, 8])), measure);
  // All weigh the same, so they shrink alike: the last one lies between two steps.
  expect(windows).toEqual([8, 8, 0, 8]);
  // 15 windows were shortened in 3 layers: measuring all of them each time would take 42.
  expect(calls.length).toBeLessThan(35);
});

test("chooseWindows() leaves a model alone that fits, without measuring", () => {
  const fail = () => {
    throw new Error("measured");
  };
  expect(chooseWindows(model, of(ramOf([64, 40, 0, 16])), fail).windows).toEqual([64, 40, 0, 16]);
});

test("chooseWindows() says what windows of 1 need when that is too much", () => {
  const least = ramOf([1, 1, 0, 1]);
  expect(() => chooseWindows(model, of(least - 1), priced([1, 1, 0, 1]).measure)).toThrow(
    `Cannot shorten the windows to ${least - 1} bytes of RAM: windows of 1 still need ${least}; allow more or train a smaller model.`,
  );
  expect(chooseWindows(model, of(least), priced([1, 1, 0, 1]).measure).windows).toEqual([1, 1, 0, 1]);
});

test("chooseWindows() knows the build with one table at a time", () => {
  // One table is 504 bytes, four are 2,048.
  const limit = { maxBytes: ramOf([30, 40, 0, 16]) - 1544, tables: 1 } as const;
  expect(chooseWindows(model, limit, priced([0.01, 1, 0, 1]).measure)).toEqual({
    windows: [30, 40, 0, 16],
    ramBytes: limit.maxBytes,
  });
});
