import { exp4, log64 } from "./elementary";
import { sumLanes } from "./lanes";

/**
 * Cross-entropy in nats against the target symbols (u16), summed over tokens `first` .. T - 1. The logits [T, O] become their
 * gradient in place, times `scale`; rows before `first` become zero.
 */
export function crossEntropy(logits: usize, targets: usize, first: i32, T: i32, O: i32, stride: i32, scale: f32): f64 {
  const rowBytes = <usize>stride << 2;
  const end = <usize>O << 2;
  let loss: f64 = 0;
  for (let t = 0; t < T; t++) {
    if (t < first) memory.fill(logits, 0, rowBytes);
    else {
      const target = logits + (<usize>load<u16>(targets) << 2);
      const targetLogit = load<f32>(target);
      const largest = rowMax(logits, end);
      const sum = exponentials(logits, largest, rowBytes, end);
      loss += log64(<f64>sum) + <f64>largest - <f64>targetLogit;
      const factor = f32x4.splat(scale / sum);
      for (let c: usize = 0; c < rowBytes; c += 16) v128.store(logits + c, f32x4.mul(v128.load(logits + c), factor));
      store<f32>(target, load<f32>(target) - scale);
    }
    logits += rowBytes;
    targets += 2;
  }
  return loss;
}

/** A label of no class. */
const NONE: u32 = 65535;

/**
 * The same for a classifier's labels (u16) instead of target symbols. A row without a class is trained towards equal
 * probabilities of all classes when `uniform`, otherwise it costs nothing. How many rows have their class as the first of the
 * largest logits is stored at `correct` (f64).
 */
export function classCrossEntropy(
  logits: usize, labels: usize, first: i32, T: i32, O: i32, stride: i32, scale: f32, uniform: bool, correct: usize,
): f64 {
  const rowBytes = <usize>stride << 2;
  let loss: f64 = 0;
  let hits = 0;
  for (let t = 0; t < T; t++) {
    const label = <u32>load<u16>(labels);
    if (label != NONE && t >= first) {
      if (isFirstLargest(logits, label, O)) hits++;
      loss += crossEntropy(logits, labels, 0, 1, O, stride, scale);
    } else if (uniform && t >= first) loss += uniformCrossEntropy(logits, O, rowBytes, scale);
    else memory.fill(logits, 0, rowBytes);
    logits += rowBytes;
    labels += 2;
  }
  store<f64>(correct, <f64>hits);
  return loss;
}

function isFirstLargest(row: usize, label: u32, O: i32): bool {
  const own = load<f32>(row + (<usize>label << 2));
  for (let o: u32 = 0; o < <u32>O; o++) {
    const other = load<f32>(row + (<usize>o << 2));
    if (o < label ? other >= own : other > own) return false;
  }
  return true;
}

/** Cross-entropy against equal probabilities: log sum e^v less the mean of v. */
function uniformCrossEntropy(row: usize, O: i32, rowBytes: usize, scale: f32): f64 {
  const end = <usize>O << 2;
  let total: f64 = 0;
  for (let c: usize = 0; c < end; c += 4) total += <f64>load<f32>(row + c);
  const largest = rowMax(row, end);
  const sum = exponentials(row, largest, rowBytes, end);
  const factor = scale / sum;
  const share = scale / <f32>O;
  for (let c: usize = 0; c < end; c += 4) store<f32>(row + c, load<f32>(row + c) * factor - share);
  return log64(<f64>sum) + <f64>largest - total / <f64>O;
}

// @ts-ignore: decorator
@inline
function rowMax(row: usize, end: usize): f32 {
  let largest = load<f32>(row);
  let c: usize = 0;
  let m = f32x4.splat(largest);
  for (; c + 16 <= end; c += 16) m = f32x4.pmax(m, v128.load(row + c));
  for (; c < end; c += 4) largest = max(largest, load<f32>(row + c));
  largest = max(largest, max(f32x4.extract_lane(m, 0), f32x4.extract_lane(m, 1)));
  return max(largest, max(f32x4.extract_lane(m, 2), f32x4.extract_lane(m, 3)));
}

/** Replaces a row by e^(value - largest), zero in the padding, and returns the sum. */
// @ts-ignore: decorator
@inline
function exponentials(row: usize, largest: f32, rowBytes: usize, end: usize): f32 {
  const largest4 = f32x4.splat(largest);
  const whole = end & ~31;
  let a = f32x4.splat(0);
  let b = a;
  for (let c: usize = 0; c < whole; c += 32) {
    const e = exp4(f32x4.sub(v128.load(row + c), largest4));
    const f = exp4(f32x4.sub(v128.load(row + c, 16), largest4));
    v128.store(row + c, e);
    v128.store(row + c, f, 16);
    a = f32x4.add(a, e);
    b = f32x4.add(b, f);
  }
  let sum = sumLanes(f32x4.add(a, b));
  for (let c = whole; c < rowBytes; c += 4) {
    const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(row + c) - largest)), 0);
    store<f32>(row + c, c < end ? e : 0);
    if (c < end) sum += e;
  }
  return sum;
}
