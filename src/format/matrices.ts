/** The packed forms of matrices and taps: SPEC.md 2.1 to 2.3. */
import { codeIndex, groupsOf, int4Bytes, int4RowBytes, int4StepBytes, TAPS, ternaryBytes } from "./layout.js";

/** Weight of each trit of a group in its code; why 28 and 84: SPEC.md 3.4. */
const PLACES = [1, 3, 9, 28, 84] as const;

/** Whether a byte is the code of five trits. */
export const isCode = (code: number): boolean => code < 252 && code % 28 !== 27;

/** The five trits of each code, 5 x 256; zeros for an invalid one. */
const TRITS = Int8Array.from({ length: 5 * 256 }, (_, index) => {
  const code = Math.floor(index / 5);
  if (!isCode(code)) return 0;
  const low = code % 28;
  const high = Math.floor(code / 28);
  return [low % 3, Math.floor(low / 3) % 3, Math.floor(low / 9), high % 3, Math.floor(high / 3)][index % 5] - 1;
});

/** T(rows, columns) without its padding, from row-major trits. */
export function packTernary(trits: Int8Array, rows: number, columns: number): Uint8Array {
  const packed = new Uint8Array(ternaryBytes(rows, columns));
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groupsOf(columns); group++) {
      let code = 0;
      for (let i = 0; i < 5; i++) {
        const column = 5 * group + i;
        code += PLACES[i] * ((column < columns ? trits[row * columns + column] : 0) + 1);
      }
      packed[codeIndex(rows, columns, row, group)] = code;
    }
  }
  return packed;
}

/** Row-major trits of T(rows, columns); all its codes must be valid. */
export function unpackTernary(packed: Uint8Array, rows: number, columns: number): Int8Array {
  const trits = new Int8Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const code = packed[codeIndex(rows, columns, row, Math.floor(column / 5))];
      trits[row * columns + column] = TRITS[5 * code + (column % 5)];
    }
  }
  return trits;
}

/** Q(rows, columns) without its padding, from row-major values -8..7 and the rows' steps. */
export function packInt4(values: Int8Array, steps: Uint16Array, rows: number, columns: number): Uint8Array {
  const packed = new Uint8Array(int4Bytes(rows, columns));
  const view = new DataView(packed.buffer);
  const rowBytes = int4RowBytes(columns);
  for (let row = 0; row < rows; row++) {
    view.setUint16(2 * row, steps[row], true);
    for (let i = 0; i < rowBytes; i++) {
      const low = values[row * columns + 2 * i] + 8;
      const high = 2 * i + 1 < columns ? values[row * columns + 2 * i + 1] + 8 : 8;
      packed[int4StepBytes(rows) + row * rowBytes + i] = low | (high << 4);
    }
  }
  return packed;
}

export function unpackInt4(
  packed: Uint8Array,
  rows: number,
  columns: number,
): { values: Int8Array; steps: Uint16Array } {
  const view = new DataView(packed.buffer, packed.byteOffset);
  const values = new Int8Array(rows * columns);
  const nibbles = int4StepBytes(rows);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const byte = packed[nibbles + row * int4RowBytes(columns) + (column >> 1)];
      values[row * columns + column] = ((byte >> (4 * (column & 1))) & 15) - 8;
    }
  }
  return { values, steps: Uint16Array.from({ length: rows }, (_, row) => view.getUint16(2 * row, true)) };
}

/** A channel's five taps in `bits` bits each, two's complement, tap 0 lowest. */
export function packTaps(taps: Int8Array, channel: number, bits: number): number {
  let packed = 0;
  for (let j = 0; j < TAPS; j++) packed |= (taps[channel * TAPS + j] & ((1 << bits) - 1)) << (bits * j);
  return packed >>> 0;
}

/** Tap `j` of a channel packed by `packTaps`. */
export const unpackTap = (packed: number, j: number, bits: number): number =>
  (packed << (32 - bits - bits * j)) >> (32 - bits);
