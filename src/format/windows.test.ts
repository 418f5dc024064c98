import { expect, test } from "vitest";
import { createMirror } from "../engine/mirror.js";
import { HEADER, LAYER } from "./layout.js";
import { readModel } from "./reader.js";
import { sampleBase } from "./samples.js";
import { withWindows } from "./windows.js";
import { writeModel } from "./writer.js";

const bytes = writeModel({ ...sampleBase(), signature: undefined });
const model = readModel(bytes);
const windows = model.layers.map(({ window }) => window);

test("withWindows() gives the same bytes for the same windows", () => {
  expect(withWindows(model, windows)).toEqual(bytes);
});

test("withWindows() changes the windows, memoryBytes and the checksum, nothing else", () => {
  const changed = withWindows(
    model,
    windows.map((window) => Math.min(window, 1)),
  );
  const allowed = [
    ...[HEADER.crc32, HEADER.memoryBytes].flatMap((at) => [at, at + 1, at + 2, at + 3]),
    ...model.layout.layers.flatMap(({ record }) => [record.offset + LAYER.window, record.offset + LAYER.window + 1]),
  ];
  const differing = Array.from(changed.keys()).filter((at) => changed[at] !== bytes[at]);
  expect(differing.length).toBeGreaterThan(0);
  expect(differing.filter((at) => !allowed.includes(at))).toEqual([]);
  expect(createMirror(changed).arenaBytes).toBeLessThan(createMirror(bytes).arenaBytes);
});

test("withWindows() leaves a signature out, and takes no window that the format does not have", () => {
  const signed = readModel(writeModel({ ...sampleBase(), signature: Uint8Array.of(1, 2, 3, 4) }));
  expect(readModel(withWindows(signed, windows)).signature).toBeUndefined();
  expect(() =>
    withWindows(
      model,
      windows.map((window) => (window > 0 ? 1025 : 0)),
    ),
  ).toThrow("1025");
});
