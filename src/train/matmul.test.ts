import { readFile } from "node:fs/promises";
import { beforeAll, expect, test } from "vitest";
import { bindKernels, type Kernels } from "./kernels.js";
import { pad8 } from "./layout.js";
import { Random } from "./random.js";

// Small whole numbers: every order of summation gives the same float32, so results must be exact.

let kernels: Kernels;
const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
const floats = new Float32Array(memory.buffer);
const address = {
  y: 1 << 20,
  x: 1 << 19,
  matrix: 1 << 18,
  packed: 3 << 19,
  scales: 1 << 17,
  more: 1 << 16,
  scratch: 1 << 21,
};

beforeAll(async () => {
  const file = new URL("../../dist/wasm/kernels.wasm", import.meta.url);
  kernels = bindKernels(new WebAssembly.Module(await readFile(file)), memory);
});

const random = Random.fromSeed(1);
const whole = (limit: number) => random.below(2 * limit + 1) - limit;

/** Fills rows of `stride` values, of which `columns` are used; returns the reader of a value. */
function fill(at: number, rows: number, columns: number, stride: number, value: () => number) {
  const view = floats.subarray(at / 4, at / 4 + rows * stride).fill(0);
  for (let row = 0; row < rows; row++) for (let c = 0; c < columns; c++) view[row * stride + c] = value();
  return (row: number, c: number) => view[row * stride + c];
}

const sum = (count: number, term: (i: number) => number) =>
  Array.from({ length: count }, (_, i) => term(i)).reduce((total, value) => total + value, 0);

// Tokens around the tiles of 4 and 16; widths around groups of 3 columns, 12 and chunks of 24.
const shapes = [
  [1, 3, 5],
  [4, 8, 8],
  [7, 24, 10],
  [16, 25, 16],
  [17, 72, 3],
  [33, 100, 40],
];

test.each(shapes)("matmulTernary() of %i tokens, %i columns, %i rows", (T, columns, rows) => {
  const [width, height] = [pad8(columns), pad8(rows)];
  const x = fill(address.x, T + 3, columns, width, () => whole(9));
  const w = fill(address.matrix, height, columns, width, () => whole(1));
  const outputScale = fill(address.scales, 1, height, height, () => 2 ** whole(2));
  const inputScale = fill(address.more, 1, width, width, () => 2 ** whole(2));
  const y = fill(address.y, T + 3, height, height, () => whole(9));
  const before = floats.slice(address.y / 4, address.y / 4 + T * height);
  const product = (t: number, r: number) => sum(columns, (c) => x(t, c) * w(r, c));

  kernels.encodeTernary(address.packed, address.matrix, width, 1, height, width);
  const scratch = [T, height, width, 0, address.scratch];
  kernels.matmulTernary(address.y, height, address.x, width, address.packed, 0, address.scales, ...scratch);
  for (let t = 0; t < T; t++) for (let r = 0; r < rows; r++) expect(y(t, r)).toBe(product(t, r) * outputScale(0, r));

  floats.set(before, address.y / 4);
  scratch[3] = 1;
  kernels.matmulTernary(address.y, height, address.x, width, address.packed, address.more, 0, ...scratch);
  for (let t = 0; t < T; t++) {
    for (let r = 0; r < rows; r++) {
      const scaled = sum(columns, (c) => x(t, c) * inputScale(0, c) * w(r, c));
      expect(y(t, r)).toBe(before[t * height + r] + scaled);
    }
  }
});

test.each(shapes)("matmul() of %i tokens, %i columns, %i rows and of the transpose", (T, columns, rows) => {
  const [width, height, tokens] = [pad8(columns), pad8(rows), (T + 3) & ~3];
  const x = fill(address.x, tokens, columns, width, () => whole(9));
  const w = fill(address.matrix, height, columns, width, () => whole(9));
  const y = fill(address.y, tokens, height, height, () => 0);
  kernels.packRows(address.packed, address.matrix, width, width, height / 8);
  for (const times of [1, 2]) {
    const sizes = [address.packed, tokens, width, height / 8, times - 1];
    kernels.matmul(address.y, height, address.x, width, ...sizes);
    for (let t = 0; t < T; t++) {
      for (let r = 0; r < rows; r++) expect(y(t, r)).toBe(times * sum(columns, (c) => x(t, c) * w(r, c)));
    }
  }
  // dx = dy W from the packed columns of W.
  const dy = fill(address.y, tokens, rows, height, () => whole(9));
  kernels.packColumns(address.packed, height, address.matrix, width, height, width / 8);
  kernels.matmul(address.x, width, address.y, height, address.packed, tokens, height, width / 8, 0);
  for (let t = 0; t < T; t++) {
    for (let c = 0; c < columns; c++) expect(x(t, c)).toBe(sum(rows, (r) => dy(t, r) * w(r, c)));
  }
});

test.each(shapes)("matmulOuter() of %i tokens, %i columns, %i rows", (T, columns, rows) => {
  const [width, height, tokens] = [pad8(columns), pad8(rows), pad8(T)];
  const x = fill(address.x, T, columns, width, () => whole(9));
  const dy = fill(address.y, T, rows, height, () => whole(9));
  const [packedX, packedY] = [address.packed, address.scratch];
  kernels.packColumns(packedX, tokens, address.x, width, T, width / 8);
  kernels.packColumns(packedY, tokens, address.y, height, T, height / 8);
  const dw = fill(address.matrix, height, width, width, () => 1);
  for (const before of [0, 1]) {
    const truth = (r: number, c: number) => (1 + before) * sum(T, (t) => dy(t, r) * x(t, c));
    kernels.matmulOuter(address.matrix, width, packedY, packedX, tokens, T, height / 8, width / 8, before);
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) expect(dw(r, c)).toBe(truth(r, c));
  }
});
