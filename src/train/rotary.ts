import { cosine, exp, log } from "../model/elementary.js";

const BASE = 10000;

/**
 * Cosines and then sines, [rows, width] each, of the angles t * 10000^(-2i / dHead) by which rotary embedding turns pair i at
 * position t (Su et al. 2021, equations 15 and 34), as the kernel `rotate` wants them: a cosine twice, a sine negative and
 * positive; zeros beyond dHead.
 */
export function rotaryTables(rows: number, dHead: number, width: number): Float32Array {
  const tables = new Float32Array(2 * rows * width);
  const sines = tables.subarray(rows * width);
  for (let t = 0; t < rows; t++) {
    for (let i = 0; i < dHead; i += 2) {
      const angle = t * exp((-i / dHead) * log(BASE));
      const at = t * width + i;
      tables.fill(cosine(angle), at, at + 2);
      sines[at + 1] = cosine(angle - Math.PI / 2);
      sines[at] = -sines[at + 1];
    }
  }
  return tables;
}
