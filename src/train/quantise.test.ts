import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { effectiveWeights, type Quantiser } from "../model/quantise.js";
import type { TensorSpec } from "../model/tensors.js";
import { bindKernels, type Kernels } from "./kernels.js";
import { pad8, readTensor, type TensorSlot, writeTensor } from "./layout.js";
import { Random } from "./random.js";
import { updateTasks } from "./update.js";

// The kernels and src/model/quantise.ts must give the same float32 values to the bit.

let kernels: Kernels;
const memory = new WebAssembly.Memory({ initial: 4, maximum: 4, shared: true });
const floats = new Float32Array(memory.buffer);

beforeAll(async () => {
  const file = new URL("../../dist/wasm/kernels.wasm", import.meta.url);
  kernels = bindKernels(new WebAssembly.Module(await readFile(file)), memory);
});

function slotOf(name: string, shape: number[], quantiser: Quantiser): TensorSlot {
  const spec: TensorSpec = { name, shape, quantiser, group: "matrix" };
  const transposed = name === "local.taps";
  const [rows, columns] = transposed ? [shape[1], shape[0]] : shape;
  const stride = pad8(columns);
  const addresses = { latent: 8192, effective: 65536, firstMoment: 0, secondMoment: 0, gradient: 0, partial: 0 };
  return { spec, optimizer: "adamw", transposed, rows, columns, stride, count: rows * stride, ...addresses };
}

function quantised(slot: TensorSlot, values: Float32Array): Float32Array {
  floats.fill(0);
  writeTensor(floats, slot, slot.latent, values);
  const plan = { slots: [slot], groups: [] } as unknown as Parameters<typeof updateTasks>[1];
  for (const task of updateTasks(kernels, plan, { muon: 0 })) task.prepare();
  return readTensor(floats, slot, slot.effective);
}

describe("the quantisers of the kernels", () => {
  const random = Random.fromSeed(11);
  const cases: [string, string, number[], Quantiser][] = [
    ["ternary table", "embed", [37, 45], "ternary"],
    ["sparse table", "embed", [37, 45], "sparse"],
    ["ternary taps", "local.taps", [45, 5], "ternary"],
    ["4-bit rows", "embed", [37, 45], "int4"],
    ["8-bit rows", "embed", [37, 45], "int8"],
    ["8-bit rows, 8 wide", "embed", [5, 8], "int8"],
    ["6-bit taps", "local.taps", [45, 5], "int6"],
  ];
  test.each(cases)("%s: the same bits as src/model", (_, name, shape, quantiser) => {
    for (const spread of [1e-6, 0.05, 3, 1e4]) {
      const values = Float32Array.from({ length: shape[0] * shape[1] }, () => random.normal() * spread);
      const slot = slotOf(name, shape, quantiser);
      const expected = effectiveWeights(values, shape[1], quantiser);
      expect(new Uint32Array(quantised(slot, values).buffer)).toEqual(new Uint32Array(expected.buffer));
      expect(new Set(expected.map(Math.abs)).size).toBeGreaterThan(1);
    }
  });

  test.each(cases)("%s: zeros and halves", (_, name, shape, quantiser) => {
    // Whole and half steps of both signs, rows of zeros between them.
    const values = Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => {
      const row = Math.floor(i / shape[1]);
      return row % 3 === 0 ? 0 : ((i % 9) - 4) / 2;
    });
    const slot = slotOf(name, shape, quantiser);
    expect(quantised(slot, values)).toEqual(effectiveWeights(values, shape[1], quantiser));
    expect(
      quantised(
        slot,
        values.map(() => 0),
      ),
    ).toEqual(values.map(() => 0));
  });
});
