import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { bindKernels, type Kernels } from "./kernels.js";

let kernels: Kernels;
const memory = new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true });
const floats = new Float32Array(memory.buffer);
const [x, y] = [1 << 16, 1 << 17];

beforeAll(async () => {
  const file = new URL("../../dist/wasm/kernels.wasm", import.meta.url);
  kernels = bindKernels(new WebAssembly.Module(await readFile(file)), memory);
});

const sigmoid = (value: number) => 1 / (1 + Math.exp(-value));
const read = (at: number, count: number) => [...floats.subarray(at / 4, at / 4 + count)];

/** Equal but for the rounding of float32, relative to each value: the tails count. */
function expectClose(found: number[], truth: number[]): void {
  expect(found.length).toBe(truth.length);
  for (const [i, value] of truth.entries())
    expect(Math.abs(found[i] - value)).toBeLessThanOrEqual(1e-5 * Math.abs(value));
}

const inner = (v: number) => 2 * Math.sqrt(2 / Math.PI) * (v + 0.044715 * v ** 3);
const gelu = (v: number) => v * sigmoid(inner(v));
function geluSlope(v: number): number {
  const s = sigmoid(inner(v));
  return s + v * s * (1 - s) * 2 * Math.sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * v * v);
}

describe("geluForward()", () => {
  const values = [-7.5, -3, -0.75, 0, 0.5, 2, 6, 20];

  test("gives values and slopes down to their tails", () => {
    floats.set(values, x / 4);
    kernels.geluForward(y, x, values.length);
    expectClose(read(y, values.length), values.map(gelu));
    expectClose(read(x, values.length), values.map(geluSlope));
  });

  test("gives 0 where the logistic function is less than 1e-26, so that no product is subnormal", () => {
    const far = [-9, -10, -40, -1000];
    floats.set(far, x / 4);
    kernels.geluForward(y, x, far.length);
    for (const value of [...read(y, far.length), ...read(x, far.length)]) expect(Math.abs(value)).toBe(0);
  });
});

describe("swigluForward()", () => {
  test("gives 0 for gates below -60", () => {
    floats.set([-59, -61, -100, 3, 2, 2, 2, 2], x / 4);
    kernels.swigluForward(y, x, 1, 4);
    const silu = [-59 * sigmoid(-59), 0, 0, 3 * sigmoid(3)];
    expectClose(
      read(y, 4),
      silu.map((value) => 2 * value),
    );
    expectClose(read(x + 16, 4), silu);
    const slopes = [-59, 3].map((g) => 2 * sigmoid(g) * (1 + g * (1 - sigmoid(g))));
    expectClose(read(x, 4), [slopes[0], 0, 0, slopes[1]]);
  });
});
