import { readFile } from "node:fs/promises";
import { beforeAll, describe, expect, test } from "vitest";
import { parseConfig } from "../model/parse-config.js";
import { bindKernels, type Kernels } from "./kernels.js";
import { pad8 } from "./layout.js";
import { Random } from "./random.js";
import { nodePlatform } from "./threads-node.js";
import { Trainer } from "./trainer.js";

// The iteration again, in plain float64 loops.

type Matrix = number[][];

const transposed = (x: Matrix): Matrix => x[0].map((_, c) => x.map((row) => row[c]));
const combined = (x: Matrix, a: number, y: Matrix, b: number): Matrix =>
  x.map((row, r) => row.map((value, c) => a * value + b * y[r][c]));
const norm = (x: Matrix) => Math.sqrt(x.flat().reduce((sum, value) => sum + value * value, 0));

function product(x: Matrix, y: Matrix): Matrix {
  const columns = transposed(y);
  return x.map((row) => columns.map((column) => row.reduce((sum, value, i) => sum + value * column[i], 0)));
}

/** Five Newton-Schulz iterations from x / |x|. */
function orthogonalised(x: Matrix): Matrix {
  if (x.length > x[0].length) return transposed(orthogonalised(transposed(x)));
  let result = combined(x, 1 / (norm(x) + 1e-7), x, 0);
  for (let i = 0; i < 5; i++) {
    const gram = product(result, transposed(result));
    const polynomial = combined(gram, -4.775, product(gram, gram), 2.0315);
    result = combined(result, 3.4445, product(polynomial, result), 1);
  }
  return result;
}

const relativeError = (found: Matrix, truth: Matrix) => norm(combined(found, 1, truth, -1)) / norm(truth);

/** Rows of values that lie one after the other. */
const matrixOf = (values: Float32Array, rows: number): Matrix =>
  Array.from({ length: rows }, (_, r) => [
    ...values.subarray(r * (values.length / rows), (r + 1) * (values.length / rows)),
  ]);

describe("muon()", () => {
  let kernels: Kernels;
  const memory = new WebAssembly.Memory({ initial: 32, maximum: 32, shared: true });
  const floats = new Float32Array(memory.buffer);
  const address = { w: 1 << 16, m: 1 << 17, g: 1 << 18, scratch: 1 << 19 };
  const random = Random.fromSeed(2);

  beforeAll(async () => {
    const file = new URL("../../dist/wasm/kernels.wasm", import.meta.url);
    kernels = bindKernels(new WebAssembly.Module(await readFile(file)), memory);
  });

  const view = (at: number, rows: number, columns: number) => floats.subarray(at / 4, at / 4 + rows * pad8(columns));
  const read = (at: number, rows: number, columns: number): Matrix =>
    matrixOf(view(at, rows, columns), rows).map((row) => row.slice(0, columns));

  function randomGradient(rows: number, columns: number): Matrix {
    const gradient = Array.from({ length: rows }, () => Array.from({ length: columns }, () => random.normal()));
    gradient.forEach((row, r) => {
      floats.set(row, address.g / 4 + r * pad8(columns));
    });
    return gradient;
  }

  const shapes = [
    [7, 13],
    [13, 7],
    [40, 87],
    [87, 40],
    [8, 8],
    [1, 5],
    [5, 1],
    [16, 9],
    [128, 24],
  ];

  test.each(shapes)("orthogonalises a matrix of %i x %i like the reference", (rows, columns) => {
    floats.fill(0);
    // What an earlier matrix left in the scratch must not matter.
    floats.fill(7, address.scratch / 4);
    const gradient = randomGradient(rows, columns);
    kernels.muon(address.w, address.m, address.g, rows, pad8(columns), address.scratch, 1, -1, 1);
    expect(relativeError(read(address.w, rows, columns), orthogonalised(gradient))).toBeLessThan(1e-4);
    const padding = (at: number) => view(at, rows, columns).filter((_, i) => i % pad8(columns) >= columns);
    for (const at of [address.w, address.m]) expect(padding(at).every((value) => value === 0)).toBe(true);
    const behind = floats.subarray(address.w / 4 + rows * pad8(columns), address.m / 4);
    expect(behind.every((value) => value === 0)).toBe(true);
  });

  test("follows the clipped gradient with Nesterov's momentum and decays the weights", () => {
    const [rows, columns] = [10, 21];
    floats.fill(0);
    const first = randomGradient(rows, columns);
    const update = (rate: number, keep: number) =>
      kernels.muon(address.w, address.m, address.g, rows, pad8(columns), address.scratch, 0.5, rate, keep);
    update(0.3, 1);
    const before = read(address.w, rows, columns);
    const second = randomGradient(rows, columns);
    update(0.1, 0.9);
    const moment = combined(first, 0.95 * 0.5, second, 0.5);
    expect(relativeError(read(address.m, rows, columns), moment)).toBeLessThan(1e-6);
    const step = orthogonalised(combined(second, 0.5, moment, 0.95));
    expect(relativeError(read(address.w, rows, columns), combined(before, 0.9, step, -0.1))).toBeLessThan(1e-4);
  });

  test("ends the momentum of what no gradient reaches any more", () => {
    const [rows, columns] = [16, 16];
    floats.fill(0);
    const gradient = randomGradient(rows, columns);
    const update = () => kernels.muon(address.w, address.m, address.g, rows, columns, address.scratch, 1, 0.1, 1);
    update();
    // From here on no gradient reaches the last row, of which 0.95^n is left.
    view(address.g, rows, columns)
      .subarray((rows - 1) * columns)
      .fill(0);
    for (let n = 0; n < 100; n++) update();
    const left = gradient[rows - 1].map((value) => value * 0.95 ** 100);
    expect(relativeError(read(address.m, rows, columns).slice(-1), [left])).toBeLessThan(1e-4);
    for (let n = 0; n < 700; n++) update();
    expect(read(address.m, rows, columns)[rows - 1].every((value) => value === 0)).toBe(true);
    expect(
      relativeError(
        read(address.m, rows, columns).slice(0, -1),
        gradient.slice(0, -1).map((row) => row.map((value) => 20 * value)),
      ),
    ).toBeLessThan(1e-4);
  });

  test("leaves the weights where the gradient is zero", () => {
    floats.fill(0);
    floats.fill(3, address.w / 4, address.w / 4 + 8 * 16);
    kernels.muon(address.w, address.m, address.g, 8, 16, address.scratch, 1, 1, 1);
    expect(view(address.w, 8, 16).every((value) => value === 3)).toBe(true);
  });
});

const train = { batch: 2, context: 15, steps: 40, seed: 6 };
const byMuon: [string, object, RegExp][] = [
  ["base", { block: "base", dModel: 12, nLayers: 1, dHead: 5 }, /sparse\.(query|key|value)$/],
  [
    "gated",
    { block: "gated", dModel: 9, dInner: 20, nLayers: 1, dHead: 5, pathways: ["local", "state", "sparse"] },
    /\.(in|gate|out|sparse\.query|sparse\.key)$/,
  ],
  ["gpt", { block: "gpt", dModel: 12, dInner: 18, nLayers: 1, dHead: 4 }, /attention\.\w+$|mlp\.(up|down)$/],
  ["llama", { block: "llama", dModel: 12, dInner: 18, nLayers: 1, dHead: 4 }, /attention\.\w+$|mlp\.(gate|up|down)$/],
];

describe.each(byMuon)("a first step of a %s model", (_, json, names) => {
  const vocab = 11;
  const random = Random.fromSeed(8);
  // As long as a window, so that every window is this one.
  const symbols = Uint16Array.from({ length: train.context + 1 }, () => random.below(vocab));

  async function step(optimizer: string) {
    const config = parseConfig({ ...json, train: { ...train, optimizer } }, "test");
    const trainer = await Trainer.create({ config, vocab, symbols, threads: 1, platform: nodePlatform });
    const before = trainer.state();
    const { gradients } = await trainer.gradients([symbols, symbols]);
    const { learningRate, gradientNorm } = await trainer.step();
    const after = trainer.state();
    await trainer.close();
    return { before, gradients, learningRate, scale: Math.min(1, 1 / gradientNorm), after };
  }

  test("moves the layers' matrices by Muon and all else by AdamW", async () => {
    const { before, gradients, learningRate, scale, after } = await step("muon");
    const adamw = await step("adamw");
    // Neither the router nor the taps are called as the pattern wants.
    const isMuons = (name: string) => names.test(name) && !/local\.taps|router|state\.out/.test(name);
    expect([...gradients.keys()].filter(isMuons).length).toBeGreaterThan(2);
    for (const [name, gradient] of gradients) {
      const [tensor, moment] = [after.tensors.get(name), after.firstMoments.get(name)] as Float32Array[];
      if (!isMuons(name)) {
        expect(tensor, name).toEqual(adamw.after.tensors.get(name));
        continue;
      }
      const shapes: Record<string, number> = { "mlp.gate": 18, "mlp.up": 18, in: 20, gate: 20 };
      const kind = name.replace("layers.0.", "");
      const rows = shapes[kind] ?? (/^sparse\.(query|key)$/.test(kind) ? 5 : (json as { dModel: number }).dModel);
      const clipped = matrixOf(
        gradient.map((value) => value * scale),
        rows,
      );
      const largest = Math.max(rows, clipped[0].length);
      const truth = combined(
        matrixOf(before.tensors.get(name) as Float32Array, rows),
        1 - learningRate * 0.1,
        orthogonalised(clipped),
        -learningRate * 0.2 * Math.sqrt(largest),
      );
      expect(relativeError(matrixOf(tensor, rows), truth), name).toBeLessThan(1e-5);
      expect(relativeError(matrixOf(moment, rows), clipped), name).toBeLessThan(1e-5);
      expect(after.secondMoments.get(name)?.every((value) => value === 0)).toBe(true);
    }
  });
});
