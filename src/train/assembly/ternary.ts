/**
 * Matrix products with ternary weights by table: three columns have 27 possible sums +-x0 +-x1 +-x2, so these are built once
 * and every row of the matrix then needs one addition per three columns, and no multiplication. The scale of the matrix
 * is applied once, outside the sums.
 *
 * 16 tokens at a time, stored token-minor: a column, a table entry and an output are 4 vectors each. Counting the
 * multiplications that the dense product of matmul.ts would make in the same time (it reaches 40 to 44 GFLOP/s per thread):
 * 90 GFLOP/s at 392 x 256, 57 at 64 x 64. Tried at 392 x 256, in GFLOP/s: one row at a time 69, two 85; chunks of
 * 4, 8, 12, 16 groups 73, 85, 88, 90; four table offsets in one 64-bit load 86 instead of 85, not kept.
 */

/** Bytes of a column, a table entry or an output for 16 tokens. */
const ENTRY: usize = 64;
/** Bytes of the table of three columns. */
const TABLE: usize = 27 * ENTRY;
/** Groups of three columns whose tables are in use at a time: 28 KB, so that they stay in the first cache. */
const CHUNK: i32 = 16;
/** Rows hold a multiple of so many groups: the inner loop takes four. */
const UNROLL: i32 = 4;

/** Groups of three columns of a row of `columns`, padded as the kernels want them. */
// @ts-ignore: decorator
@inline
function groupsOf(columns: i32): i32 {
  return ((columns + 2) / 3 + UNROLL - 1) & -UNROLL;
}

/**
 * Writes the table offsets (u16) of a ternary matrix from its effective values: chunk by chunk, row by row, 16 (in the last
 * chunk perhaps fewer) groups each. The matrix has rows `rowStride` and columns `columnStride` values apart, so that its
 * transpose can be encoded too.
 */
export function encodeTernary(codes: usize, matrix: usize, rowStride: i32, columnStride: i32, rows: i32, columns: i32): void {
  const groups = groupsOf(columns);
  const step = <usize>columnStride << 2;
  for (let first = 0; first < groups; first += CHUNK) {
    const inChunk = min(CHUNK, groups - first);
    for (let row = 0; row < rows; row++) {
      let column = first * 3;
      let at = matrix + (<usize>(row * rowStride + column * columnStride) << 2);
      for (let group = 0; group < inChunk; group++) {
        let code = 0;
        for (let i = 0; i < 3; i++) {
          code *= 3;
          code += column < columns ? trit(load<i32>(at)) + 1 : 1;
          column++;
          at += step;
        }
        store<u16>(codes, <u16>(<usize>group * TABLE + <usize>code * ENTRY));
        codes += 2;
      }
    }
  }
}

/** -1, 0 or 1 from the bits of a float32: its sign, or 0 for +0. */
// @ts-ignore: decorator
@inline
function trit(bits: i32): i32 {
  return (bits >> 31) | i32(bits != 0);
}

/**
 * y [T, rows] = (or += with `accumulate`) x [T, columns] times the transpose of an encoded matrix. Column c of x is first
 * multiplied by inputScales[c], row r of the result by outputScales[r]; either is 0 for none. `rows` and `columns` are multiples
 * of 4 and strides padded; x and y are read and written for T rounded up to 4. `scratch` holds 64 (columns + 12 + rows) +
 * 27648 bytes.
 */
export function matmulTernary(
  y: usize, yStride: i32, x: usize, xStride: i32, codes: usize, inputScales: usize, outputScales: usize,
  T: i32, rows: i32, columns: i32, accumulate: bool, scratch: usize,
): void {
  const groups = groupsOf(columns);
  const transposed = scratch;
  const sums = transposed + <usize>(groups * 3) * ENTRY;
  const tables = sums + <usize>rows * ENTRY;
  // Columns beyond the last, up to whole groups.
  memory.fill(transposed + <usize>columns * ENTRY, 0, <usize>(groups * 3 - columns) * ENTRY);
  for (let t = 0; t < T; t += 16) {
    const quads = min(4, (T - t + 3) >> 2);
    transposeIn(transposed, x + (<usize>(t * xStride) << 2), xStride, columns, quads, inputScales);
    let code = codes;
    for (let first = 0; first < groups; first += CHUNK) {
      const inChunk = min(CHUNK, groups - first);
      for (let group = 0; group < inChunk; group++) {
        buildTable(tables + <usize>group * TABLE, transposed + <usize>((first + group) * 3) * ENTRY);
      }
      addChunk(sums, code, tables, rows, inChunk, first > 0);
      code += <usize>(rows * inChunk) << 1;
    }
    transposeOut(y + (<usize>(t * yStride) << 2), yStride, sums, rows, quads, outputScales, accumulate);
  }
}

/**
 * Adds one table entry per group to every row's 16 sums; the first chunk starts them. Two rows (of a multiple of 4) at a
 * time: the 4 sums of one would wait for the adder's latency.
 */
function addChunk(sums: usize, code: usize, tables: usize, rows: i32, inChunk: i32, accumulate: bool): void {
  const end = sums + <usize>rows * ENTRY;
  const rowBytes = <usize>inChunk << 1;
  while (sums < end) {
    let a0 = f32x4.splat(0);
    let a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    if (accumulate) {
      a0 = v128.load(sums);
      a1 = v128.load(sums, 16);
      a2 = v128.load(sums, 32);
      a3 = v128.load(sums, 48);
      b0 = v128.load(sums, 64);
      b1 = v128.load(sums, 80);
      b2 = v128.load(sums, 96);
      b3 = v128.load(sums, 112);
    }
    const rowEnd = code + rowBytes;
    let other = rowEnd;
    while (code < rowEnd) {
      let p = tables + <usize>load<u16>(code);
      let q = tables + <usize>load<u16>(other);
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      a2 = f32x4.add(a2, v128.load(p, 32));
      a3 = f32x4.add(a3, v128.load(p, 48));
      b0 = f32x4.add(b0, v128.load(q));
      b1 = f32x4.add(b1, v128.load(q, 16));
      b2 = f32x4.add(b2, v128.load(q, 32));
      b3 = f32x4.add(b3, v128.load(q, 48));
      p = tables + <usize>load<u16>(code, 2);
      q = tables + <usize>load<u16>(other, 2);
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      a2 = f32x4.add(a2, v128.load(p, 32));
      a3 = f32x4.add(a3, v128.load(p, 48));
      b0 = f32x4.add(b0, v128.load(q));
      b1 = f32x4.add(b1, v128.load(q, 16));
      b2 = f32x4.add(b2, v128.load(q, 32));
      b3 = f32x4.add(b3, v128.load(q, 48));
      p = tables + <usize>load<u16>(code, 4);
      q = tables + <usize>load<u16>(other, 4);
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      a2 = f32x4.add(a2, v128.load(p, 32));
      a3 = f32x4.add(a3, v128.load(p, 48));
      b0 = f32x4.add(b0, v128.load(q));
      b1 = f32x4.add(b1, v128.load(q, 16));
      b2 = f32x4.add(b2, v128.load(q, 32));
      b3 = f32x4.add(b3, v128.load(q, 48));
      p = tables + <usize>load<u16>(code, 6);
      q = tables + <usize>load<u16>(other, 6);
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      a2 = f32x4.add(a2, v128.load(p, 32));
      a3 = f32x4.add(a3, v128.load(p, 48));
      b0 = f32x4.add(b0, v128.load(q));
      b1 = f32x4.add(b1, v128.load(q, 16));
      b2 = f32x4.add(b2, v128.load(q, 32));
      b3 = f32x4.add(b3, v128.load(q, 48));
      code += 8;
      other += 8;
    }
    v128.store(sums, a0);
    v128.store(sums, a1, 16);
    v128.store(sums, a2, 32);
    v128.store(sums, a3, 48);
    v128.store(sums, b0, 64);
    v128.store(sums, b1, 80);
    v128.store(sums, b2, 96);
    v128.store(sums, b3, 112);
    code = other;
    sums += 2 * ENTRY;
  }
}

/** The 27 sums of three columns: entry 9 (a + 1) + 3 (b + 1) + (c + 1) holds a x0 + b x1 + c x2. */
// @ts-ignore: decorator
@inline
function buildTable(table: usize, columns: usize): void {
  for (let part: usize = 0; part < ENTRY; part += 16) {
    const x0 = v128.load(columns + part);
    const x1 = v128.load(columns + part, ENTRY);
    const x2 = v128.load(columns + part, 2 * ENTRY);
    const sum = f32x4.add(x0, x1);
    const difference = f32x4.sub(x0, x1);
    const to = table + part;
    storeThree(to, f32x4.neg(sum), x2);
    storeThree(to + 3 * ENTRY, f32x4.neg(x0), x2);
    storeThree(to + 6 * ENTRY, f32x4.neg(difference), x2);
    storeThree(to + 9 * ENTRY, f32x4.neg(x1), x2);
    storeThree(to + 12 * ENTRY, f32x4.splat(0), x2);
    storeThree(to + 15 * ENTRY, x1, x2);
    storeThree(to + 18 * ENTRY, difference, x2);
    storeThree(to + 21 * ENTRY, x0, x2);
    storeThree(to + 24 * ENTRY, sum, x2);
  }
}

// @ts-ignore: decorator
@inline
function storeThree(to: usize, pair: v128, third: v128): void {
  v128.store(to, f32x4.sub(pair, third));
  v128.store(to, pair, ENTRY);
  v128.store(to, f32x4.add(pair, third), 2 * ENTRY);
}

/** Rows of tokens become columns of 16 tokens, times their scales; tokens beyond `quads` fours keep what they held. */
// @ts-ignore: decorator
@inline
function transposeIn(target: usize, x: usize, stride: i32, columns: i32, quads: i32, scales: usize): void {
  const rowBytes = <usize>stride << 2;
  for (let quad = 0; quad < quads; quad++) {
    let from = x + <usize>(quad * 4) * rowBytes;
    let to = target + (<usize>quad << 4);
    for (let c = 0; c < columns; c += 4) {
      const scale = scales ? v128.load(scales + (<usize>c << 2)) : f32x4.splat(1);
      const a = f32x4.mul(v128.load(from), scale);
      const b = f32x4.mul(v128.load(from + rowBytes), scale);
      const d = f32x4.mul(v128.load(from + 2 * rowBytes), scale);
      const e = f32x4.mul(v128.load(from + 3 * rowBytes), scale);
      const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
      const de = v128.shuffle<i32>(d, e, 0, 4, 1, 5);
      const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const de2 = v128.shuffle<i32>(d, e, 2, 6, 3, 7);
      v128.store(to, v128.shuffle<i64>(ab, de, 0, 2));
      v128.store(to, v128.shuffle<i64>(ab, de, 1, 3), ENTRY);
      v128.store(to, v128.shuffle<i64>(ab2, de2, 0, 2), 2 * ENTRY);
      v128.store(to, v128.shuffle<i64>(ab2, de2, 1, 3), 3 * ENTRY);
      from += 16;
      to += 4 * ENTRY;
    }
  }
}

/** The sums of 16 tokens become rows again, times their scales. */
// @ts-ignore: decorator
@inline
function transposeOut(y: usize, stride: i32, sums: usize, rows: i32, quads: i32, scales: usize, accumulate: bool): void {
  const rowBytes = <usize>stride << 2;
  for (let quad = 0; quad < quads; quad++) {
    let to = y + <usize>(quad * 4) * rowBytes;
    let from = sums + (<usize>quad << 4);
    for (let r = 0; r < rows; r += 4) {
      const scale = scales ? v128.load(scales + (<usize>r << 2)) : f32x4.splat(1);
      const a = v128.load(from);
      const b = v128.load(from, ENTRY);
      const d = v128.load(from, 2 * ENTRY);
      const e = v128.load(from, 3 * ENTRY);
      const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
      const de = v128.shuffle<i32>(d, e, 0, 4, 1, 5);
      const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const de2 = v128.shuffle<i32>(d, e, 2, 6, 3, 7);
      put(to, f32x4.mul(v128.shuffle<i64>(ab, de, 0, 2), scale), accumulate);
      put(to + rowBytes, f32x4.mul(v128.shuffle<i64>(ab, de, 1, 3), scale), accumulate);
      put(to + 2 * rowBytes, f32x4.mul(v128.shuffle<i64>(ab2, de2, 0, 2), scale), accumulate);
      put(to + 3 * rowBytes, f32x4.mul(v128.shuffle<i64>(ab2, de2, 1, 3), scale), accumulate);
      to += 16;
      from += 4 * ENTRY;
    }
  }
}

// @ts-ignore: decorator
@inline
function put(to: usize, value: v128, accumulate: bool): void {
  v128.store(to, accumulate ? f32x4.add(v128.load(to), value) : value);
}
