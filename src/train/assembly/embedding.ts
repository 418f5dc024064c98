import { addTo } from "./lanes";

/** x_t = table[symbol_t]; the table has rows of `stride` values, symbols are u16. */
export function embeddingForward(x: usize, table: usize, symbols: usize, T: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let t = 0; t < T; t++) {
    memory.copy(x, table + <usize>load<u16>(symbols) * rowBytes, rowBytes);
    x += rowBytes;
    symbols += 2;
  }
}

/** x_t += table[symbol_t]: one more table, or one more symbol of a step. */
export function embeddingAdd(x: usize, table: usize, symbols: usize, T: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  for (let t = 0; t < T; t++) {
    const row = table + <usize>load<u16>(symbols) * rowBytes;
    for (let c: usize = 0; c < rowBytes; c += 16) addTo(x + c, v128.load(row + c));
    x += rowBytes;
    symbols += 2;
  }
}

/** dtable[t] += dx_t for the 8 columns of one panel, as below: the table of the positions. */
export function positionBackward(dtable: usize, dx: usize, T: i32, stride: i32): void {
  for (let t = 0; t < T; t++) {
    addTo(dtable, v128.load(dx));
    addTo(dtable + 16, v128.load(dx, 16));
    dtable += <usize>stride << 2;
    dx += 32;
  }
}

/** dtable[symbol_t] += dx_t for the 8 columns of one panel: `dtable` points at the columns, dx is that panel over tokens. */
export function embeddingBackward(dtable: usize, dx: usize, symbols: usize, T: i32, stride: i32): void {
  for (let t = 0; t < T; t++) {
    const row = dtable + ((<usize>load<u16>(symbols) * <usize>stride) << 2);
    v128.store(row, f32x4.add(v128.load(row), v128.load(dx)));
    v128.store(row, f32x4.add(v128.load(row, 16), v128.load(dx, 16)), 16);
    dx += 32;
    symbols += 2;
  }
}
