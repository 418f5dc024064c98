import { addTo } from "./lanes";

/** pooled = sum of x_t over tokens `first` .. T - 1, rows of `stride` values. */
export function poolForward(pooled: usize, x: usize, first: i32, T: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  x += <usize>first * rowBytes;
  memory.copy(pooled, x, rowBytes);
  for (let t = first + 1; t < T; t++) {
    x += rowBytes;
    for (let c: usize = 0; c < rowBytes; c += 16) addTo(pooled + c, v128.load(x + c));
  }
}

/** dx_t = dpooled for tokens `first` .. T - 1, zeros before. */
export function poolBackward(dx: usize, dpooled: usize, first: i32, T: i32, stride: i32): void {
  const rowBytes = <usize>stride << 2;
  memory.fill(dx, 0, <usize>first * rowBytes);
  for (let t = first; t < T; t++) memory.copy(dx + <usize>t * rowBytes, dpooled, rowBytes);
}
