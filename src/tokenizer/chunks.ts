import { bytesOfBinary, toBinary } from "./binary-strings.js";

/** Chunks longer than this are cut, so that text without word ends still gives many equal chunks. */
const MAX_CHUNK_BYTES = 64;

/** A stretch of text that merges do not leave, and how often it occurs. */
export interface Chunk {
  bytes: Uint8Array;
  count: number;
}

const OTHER = 0;
const LETTER = 1;
const DIGIT = 2;

/** Class of each byte. The apostrophe and all bytes of a multi-byte UTF-8 character are letters. */
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  const isDigit = byte >= 48 && byte <= 57;
  const isLetter = (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 39 || byte >= 128;
  return isDigit ? DIGIT : isLetter ? LETTER : OTHER;
});

/**
 * The distinct chunks of a text, in order of first appearance. A chunk ends where a run of letters or digits ends: a
 * word keeps the spaces and punctuation before it, so tokens such as ` the` and `. The` can form and none spans two words.
 *
 * Measured on TinyStories (3.5 MB; 512 tokens; tokens per byte on the held-out file, table pruned): cutting between any
 * two classes but space+word .351; also punctuation+space .332; cutting after words only .326; not cutting between
 * words .324, at nine times the chunks and tokens that hold whole phrases of the training text.
 */
export function countChunks(pieces: Iterable<Uint8Array>): Chunk[] {
  const counts = new Map<string, number>();
  const add = (chunk: string) => counts.set(chunk, (counts.get(chunk) ?? 0) + 1);
  // The chunk that the previous piece ended in, and the class of its last byte.
  let open = "";
  let before = OTHER;
  for (const piece of pieces) {
    let start = 0;
    for (let i = 0; i < piece.length; i++) {
      const now = CLASS[piece[i]];
      if ((before !== OTHER && now !== before) || open.length + i - start === MAX_CHUNK_BYTES) {
        add(open + toBinary(piece.subarray(start, i)));
        open = "";
        start = i;
      }
      before = now;
    }
    open += toBinary(piece.subarray(start));
  }
  if (open !== "") add(open);
  return [...counts].map(([chunk, count]) => ({ bytes: bytesOfBinary(chunk), count }));
}
