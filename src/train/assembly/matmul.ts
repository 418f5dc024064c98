/**
 * Matrix products over packed panels. A panel holds 8 columns of a matrix, row after row, so that the inner loop reads it
 * in one stream. Every output is one running sum over the depth, whatever the tile it falls in.
 */

/** Columns of a panel. */
const PANEL: i32 = 8;
/** Rows of a register tile; with 8 columns its 8 accumulators, 2 panel loads and 1 broadcast fit 16 registers. */
const TILE: usize = 4;
/**
 * Bytes of x that `matmulOuter` takes at a time. At 256 tokens, where a panel is 8 KB: 1 panel 43.8 GFLOP/s, 2 panels 43,
 * 4 panels 40.5; 8 panels in blocks of 64 tokens 39.5. At 64 tokens 1 to 16 panels differ by 2 %.
 */
const OUTER_BYTES: i32 = 12288;

/**
 * Packs columns: panel j holds columns 8j .. 8j + 7 of each of the `rows` rows of `source`. Panels lie `panelRows` rows
 * apart in the target, so that matrices one below the other can share them.
 */
export function packColumns(target: usize, panelRows: i32, source: usize, stride: i32, rows: i32, panels: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let panel = 0; panel < panels; panel++) {
    let from = source + (<usize>panel << 5);
    for (let row = 0; row < rows; row++) {
      v128.store(target, v128.load(from));
      v128.store(target, v128.load(from, 16), 16);
      target += 32;
      from += rowBytes;
    }
    target += <usize>(panelRows - rows) << 5;
  }
}

/** Packs rows: panel j holds rows 8j .. 8j + 7 of `source`, transposed, `depth` (a multiple of 4) values each. */
export function packRows(target: usize, source: usize, stride: i32, depth: i32, panels: i32): void {
  for (let panel = 0; panel < panels; panel++) {
    transpose(target, PANEL, source, stride, PANEL, depth);
    target += <usize>depth << 5;
    source += <usize>stride << 5;
  }
}

/** target [columns, rows] = the transpose of source [rows, columns]; both sizes are multiples of 4. */
export function transpose(target: usize, targetStride: i32, source: usize, sourceStride: i32, rows: i32, columns: i32): void {
  const from = <usize>sourceStride << 2;
  const to = <usize>targetStride << 2;
  for (let column = 0; column < columns; column += 4) {
    let s = source + (<usize>column << 2);
    let t = target + <usize>column * to;
    for (let row = 0; row < rows; row += 4) {
      const a = v128.load(s);
      const b = v128.load(s + from);
      const c = v128.load(s + 2 * from);
      const e = v128.load(s + 3 * from);
      const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
      const ce = v128.shuffle<i32>(c, e, 0, 4, 1, 5);
      const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
      const ce2 = v128.shuffle<i32>(c, e, 2, 6, 3, 7);
      v128.store(t, v128.shuffle<i64>(ab, ce, 0, 2));
      v128.store(t + to, v128.shuffle<i64>(ab, ce, 1, 3));
      v128.store(t + 2 * to, v128.shuffle<i64>(ab2, ce2, 0, 2));
      v128.store(t + 3 * to, v128.shuffle<i64>(ab2, ce2, 1, 3));
      s += 4 * from;
      t += 16;
    }
  }
}

/** One 4 x 8 tile of c = a * panel, or c += with `accumulate`. Byte strides. */
// @ts-ignore: decorator
@inline
export function tile(c: usize, cBytes: usize, a: usize, aBytes: usize, panel: usize, depth: i32, accumulate: bool): void {
  const c1 = c + cBytes;
  const c2 = c1 + cBytes;
  const c3 = c2 + cBytes;
  let s00 = f32x4.splat(0);
  let s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  if (accumulate) {
    s00 = v128.load(c);
    s01 = v128.load(c, 16);
    s10 = v128.load(c1);
    s11 = v128.load(c1, 16);
    s20 = v128.load(c2);
    s21 = v128.load(c2, 16);
    s30 = v128.load(c3);
    s31 = v128.load(c3, 16);
  }
  const a1 = a + aBytes;
  const a2 = a1 + aBytes;
  const a3 = a2 + aBytes;
  const end = panel + (<usize>depth << 5);
  let k: usize = 0;
  while (panel < end) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    let x = v128.load32_splat(a + k);
    s00 = f32x4.add(s00, f32x4.mul(x, b0));
    s01 = f32x4.add(s01, f32x4.mul(x, b1));
    x = v128.load32_splat(a1 + k);
    s10 = f32x4.add(s10, f32x4.mul(x, b0));
    s11 = f32x4.add(s11, f32x4.mul(x, b1));
    x = v128.load32_splat(a2 + k);
    s20 = f32x4.add(s20, f32x4.mul(x, b0));
    s21 = f32x4.add(s21, f32x4.mul(x, b1));
    x = v128.load32_splat(a3 + k);
    s30 = f32x4.add(s30, f32x4.mul(x, b0));
    s31 = f32x4.add(s31, f32x4.mul(x, b1));
    panel += 32;
    k += 4;
  }
  v128.store(c, s00);
  v128.store(c, s01, 16);
  v128.store(c1, s10);
  v128.store(c1, s11, 16);
  v128.store(c2, s20);
  v128.store(c2, s21, 16);
  v128.store(c3, s30);
  v128.store(c3, s31, 16);
}

/**
 * c [rows, 8 panels] = a [rows, depth] * packed [depth, 8 panels], or c += with `accumulate`.
 * `rows` is a multiple of 4. Serves the forward product (panels of packed rows of W) and the gradient of its input
 * (panels of packed columns of W).
 */
export function matmul(
  c: usize, cStride: i32, a: usize, aStride: i32, packed: usize, rows: i32, depth: i32, panels: i32, accumulate: bool,
): void {
  const cBytes = <usize>cStride << 2;
  const aBytes = <usize>aStride << 2;
  for (let p = 0; p < panels; p++) {
    const panel = packed + (<usize>(p * depth) << 5);
    let to = c + (<usize>p << 5);
    let from = a;
    for (let r = 0; r < rows; r += <i32>TILE) {
      tile(to, cBytes, from, aBytes, panel, depth, accumulate);
      to += TILE * cBytes;
      from += TILE * aBytes;
    }
  }
}

/** One 4 x 8 tile of c += y^T x; y and x are panels over tokens of which y's four columns from its address are used. */
// @ts-ignore: decorator
@inline
export function outerTile(c: usize, cBytes: usize, y: usize, x: usize, tokens: i32, accumulate: bool): void {
  const c1 = c + cBytes;
  const c2 = c1 + cBytes;
  const c3 = c2 + cBytes;
  let s00 = f32x4.splat(0);
  let s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  if (accumulate) {
    s00 = v128.load(c);
    s01 = v128.load(c, 16);
    s10 = v128.load(c1);
    s11 = v128.load(c1, 16);
    s20 = v128.load(c2);
    s21 = v128.load(c2, 16);
    s30 = v128.load(c3);
    s31 = v128.load(c3, 16);
  }
  const end = x + (<usize>tokens << 5);
  while (x < end) {
    const b0 = v128.load(x);
    const b1 = v128.load(x, 16);
    let v = v128.load32_splat(y);
    s00 = f32x4.add(s00, f32x4.mul(v, b0));
    s01 = f32x4.add(s01, f32x4.mul(v, b1));
    v = v128.load32_splat(y, 4);
    s10 = f32x4.add(s10, f32x4.mul(v, b0));
    s11 = f32x4.add(s11, f32x4.mul(v, b1));
    v = v128.load32_splat(y, 8);
    s20 = f32x4.add(s20, f32x4.mul(v, b0));
    s21 = f32x4.add(s21, f32x4.mul(v, b1));
    v = v128.load32_splat(y, 12);
    s30 = f32x4.add(s30, f32x4.mul(v, b0));
    s31 = f32x4.add(s31, f32x4.mul(v, b1));
    x += 32;
    y += 32;
  }
  v128.store(c, s00);
  v128.store(c, s01, 16);
  v128.store(c1, s10);
  v128.store(c1, s11, 16);
  v128.store(c2, s20);
  v128.store(c2, s21, 16);
  v128.store(c3, s30);
  v128.store(c3, s31, 16);
}

/**
 * Gradient of a matrix: c [8 yPanels, 8 xPanels] = (or += with `accumulate`) the sum over tokens of y_t x_t^T.
 * y and x are packed columns whose panels lie `panelRows` rows apart, of which the first `tokens` count.
 */
export function matmulOuter(
  c: usize, cStride: i32, y: usize, x: usize, panelRows: i32, tokens: i32, yPanels: i32, xPanels: i32, accumulate: bool,
): void {
  const cBytes = <usize>cStride << 2;
  const panelBytes = <usize>panelRows << 5;
  const most = max(1, OUTER_BYTES / (tokens << 5));
  for (let first = 0; first < xPanels; first += most) {
    const count = min(most, xPanels - first);
    outerPanels(c + (<usize>first << 5), cBytes, y, x + <usize>first * panelBytes, panelBytes, tokens, yPanels, count, accumulate);
  }
}

/** Some panels of x, which stay in the first cache while all those of y pass once. */
function outerPanels(
  c: usize, cBytes: usize, y: usize, x: usize, panelBytes: usize, tokens: i32, yPanels: i32, xPanels: i32, accumulate: bool,
): void {
  for (let i = 0; i < yPanels; i++) {
    let to = c;
    let from = x;
    for (let j = 0; j < xPanels; j++) {
      outerTile(to, cBytes, y, from, tokens, accumulate);
      outerTile(to + 4 * cBytes, cBytes, y + 16, from, tokens, accumulate);
      to += 32;
      from += panelBytes;
    }
    c += 8 * cBytes;
    y += panelBytes;
  }
}
