/**
 * Recall: symbols that followed earlier matches of the newest symbols are made likelier (ARCHITECTURE.md, "Recall").
 *
 * Positions count from 0 at the first symbol of the history before the window, so that the window's token t is at position
 * history + t. `lengths` holds a u16 per position: how long the run before it equals the run that ends in the newest symbol,
 * at most LONGEST. `places` holds a u16 per symbol of the alphabet, zero between tokens: its greatest length << 11 and how many
 * places have it (at most 1024).
 */

/** Lengths from here on count alike. */
const LONGEST: i32 = 6;
/** Parameters of a length. */
const KINDS: i32 = 4;
const COUNT_BITS: i32 = 11;
const COUNT_MASK: i32 = 2047;
/** Bytes of an entry: i32 symbol | index of the parameters << 16, f32 largest logit - logit. */
const ENTRY: usize = 8;

/** Brings the match lengths of positions `low` + 1 .. `at` up to date after the symbol at `at`; `low` has none before it. */
// @ts-ignore: decorator
@inline
function match(lengths: usize, symbols: usize, low: i32, at: i32): void {
  const newest = i16x8.splat(load<i16>(symbols + (<usize>at << 1)));
  const one = i16x8.splat(1);
  const longest = i16x8.splat(<i16>LONGEST);
  // From the newest down: eight lengths are read before the eight above them, one to the right, are written.
  for (let i = at; i > low; i -= 8) {
    const before = <usize>(i - 8) << 1;
    const same = i16x8.eq(v128.load(symbols + before), newest);
    const grown = i16x8.min_s(i16x8.add(v128.load(lengths + before), one), longest);
    v128.store(lengths + before + 2, v128.and(grown, same));
  }
  store<u16>(lengths + (<usize>low << 1), 0);
}

// @ts-ignore: decorator
@inline
function largestAt(row: usize, V: i32): i32 {
  let best = 0;
  let largest = load<f32>(row);
  for (let v = 1; v < V; v++) {
    const value = load<f32>(row + (<usize>v << 2));
    if (value > largest) {
      largest = value;
      best = v;
    }
  }
  return best;
}

/** Notes for every symbol at positions `low` .. `at` its greatest length and its places; returns greatest << 11 | places of all. */
// @ts-ignore: decorator
@inline
function gather(places: usize, lengths: usize, symbols: usize, low: i32, at: i32): i32 {
  let all = 0;
  for (let i = low; i <= at; i++) {
    const length = <i32>load<u16>(lengths + (<usize>i << 1)) << COUNT_BITS;
    const place = places + (<usize>load<u16>(symbols + (<usize>i << 1)) << 1);
    store<u16>(place, counted(<i32>load<u16>(place), length));
    all = counted(all, length);
  }
  return all;
}

/** A greatest length and its count with one more place of `length`. */
// @ts-ignore: decorator
@inline
function counted(before: i32, length: i32): i32 {
  const greatest = before & ~COUNT_MASK;
  return before === 0 || length > greatest ? length + 1 : before + i32(length === greatest);
}

/** Index of the parameters of a symbol: 4 m + k. */
// @ts-ignore: decorator
@inline
function parametersOf(own: i32, all: i32): i32 {
  const m = own >> COUNT_BITS;
  const count = own & COUNT_MASK;
  if (m < all >> COUNT_BITS) return KINDS * m;
  if (2 * count <= (all & COUNT_MASK)) return KINDS * m + 1;
  return KINDS * m + (count === 1 ? 2 : 3);
}

/** Address of what symbol `v` adds by itself; `index` of the parameters says which row. */
// @ts-ignore: decorator
@inline
function ownOf(own: usize, stride: i32, v: usize, index: i32): usize {
  return own + ((v + <usize>(index >= KINDS ? stride : 0)) << 2);
}

/** Address of the gate that counts for parameters `index`. */
// @ts-ignore: decorator
@inline
function gateOf(row: usize, V: i32, index: i32): usize {
  return row + (<usize>(V + i32(index >= KINDS)) << 2);
}

/**
 * Changes the logits [T, V] in place; leaves per token how many entries it wrote, the symbol of the largest logit, and from
 * `entries` + t * entriesPerToken entries on what the backward pass wants.
 *
 * @param symbols address of position 0; u16, 8 more before it may be read
 * @param lengths u16 per position and 8 more before them
 * @param heads i32 pairs per token: entries, symbol of the largest logit
 * @param gates 2: columns V and V + 1 of the logits are gates, added to the symbols without and with a match; 0: there are none
 * @param own [2, ownStride]: what each symbol adds by itself, without and with a match; 0: nothing
 */
export function recallForward(
  logits: usize, stride: i32, V: i32, symbols: usize, history: i32, T: i32, window: i32, forget: i32, bonus: usize, pull: usize,
  lengths: usize, places: usize, heads: usize, entries: usize, entriesPerToken: i32, gates: i32, own: usize, ownStride: i32,
): void {
  let begin = 0;
  for (let at = 0; at < history + T; at++) {
    if (<i32>load<u16>(symbols + (<usize>at << 1)) === forget) begin = at + 1;
    // Lengths are kept right one position below the window, where the lowest one grows from.
    const low = max(begin, at - window + 1);
    if (begin <= at) match(lengths, symbols, max(begin, at - window), at);
    if (at < history) continue;
    const t = <usize>(at - history);
    const row = logits + t * (<usize>stride << 2);
    const head = heads + (t << 3);
    const first = entries + t * <usize>entriesPerToken * ENTRY;
    let entry = first;
    const all = gather(places, lengths, symbols, low, at);
    const best = largestAt(row, V);
    const largest = load<f32>(row + (<usize>best << 2));
    for (let i = low; i <= at; i++) {
      const v = <usize>load<u16>(symbols + (<usize>i << 1));
      const counts = <i32>load<u16>(places + (v << 1));
      if (counts === 0) continue;
      store<u16>(places + (v << 1), 0);
      const index = parametersOf(counts, all);
      const logit = row + (v << 2);
      const gap = largest - load<f32>(logit);
      const parameter = <usize>index << 2;
      let raised = load<f32>(logit) + load<f32>(bonus + parameter) + load<f32>(pull + parameter) * gap;
      if (gates) raised += load<f32>(gateOf(row, V, index));
      if (own) raised += load<f32>(ownOf(own, ownStride, v, index));
      store<f32>(logit, raised);
      store<i32>(entry, <i32>v | (index << 16));
      store<f32>(entry, gap, 4);
      entry += ENTRY;
    }
    store<i32>(head, <i32>((entry - first) / ENTRY));
    store<i32>(head, best, 4);
  }
}

/** Turns the gradient of the changed logits into that of the logits and gates, in place, and adds to those of bonus, pull and own. */
export function recallBackward(
  gradients: usize, stride: i32, V: i32, T: i32, pull: usize, dBonus: usize, dPull: usize,
  heads: usize, entries: usize, entriesPerToken: i32, gates: i32, dOwn: usize, ownStride: i32,
): void {
  for (let t = 0; t < T; t++) {
    const row = gradients + <usize>t * (<usize>stride << 2);
    const head = heads + (<usize>t << 3);
    const first = entries + <usize>(t * entriesPerToken) * ENTRY;
    const end = first + <usize>load<i32>(head) * ENTRY;
    let ofLargest: f32 = 0;
    for (let entry = first; entry < end; entry += ENTRY) {
      const packed = load<i32>(entry);
      const index = packed >> 16;
      const parameter = <usize>index << 2;
      const at = row + (<usize>(packed & 0xffff) << 2);
      const gradient = load<f32>(at);
      const pulled = gradient * load<f32>(pull + parameter);
      store<f32>(dBonus + parameter, load<f32>(dBonus + parameter) + gradient);
      store<f32>(dPull + parameter, load<f32>(dPull + parameter) + gradient * load<f32>(entry, 4));
      store<f32>(at, gradient - pulled);
      if (gates) {
        const gate = gateOf(row, V, index);
        store<f32>(gate, load<f32>(gate) + gradient);
      }
      if (dOwn) {
        const own = ownOf(dOwn, ownStride, <usize>(packed & 0xffff), index);
        store<f32>(own, load<f32>(own) + gradient);
      }
      ofLargest += pulled;
    }
    const largest = row + (<usize>load<i32>(head, 4) << 2);
    store<f32>(largest, load<f32>(largest) + ofLargest);
  }
}
