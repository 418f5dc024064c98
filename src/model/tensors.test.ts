import { expect, test } from "vitest";
import { parseConfig } from "./parse-config.js";
import { initialTensors } from "./tensors.js";

const shapes = {
  base: { block: "base", dModel: 8, nLayers: 2, dHead: 4 },
  gated: { block: "gated", dModel: 8, dInner: 6, nLayers: 2, recall: { window: 4 } },
  llama: { block: "llama", dModel: 8, dInner: 6, nLayers: 2, dHead: 4, tied: true },
};

test.each(Object.entries(shapes))("the gain to begin with is of the norms of the layers alone: %s", (_, shape) => {
  const of = (train: object) => initialTensors(parseConfig({ ...shape, train }, "x"), 5, 5, () => 0.5);
  const [plain, smaller] = [of({}), of({ initialGain: 0.25 })];
  const isGain = (name: string) => /^layers\..*gamma$/.test(name);
  expect([...plain.keys()].filter(isGain).length).toBeGreaterThan(1);
  for (const [name, values] of plain) {
    expect(smaller.get(name), name).toEqual(isGain(name) ? values.map(() => 0.25) : values);
    if (name.endsWith("gamma")) expect(new Set(values)).toEqual(new Set([1]));
  }
});
