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
const SPACE = 3;
const BREAK = 4;

/** Class of each byte. The apostrophe and all bytes of a multi-byte UTF-8 character are letters. */
const CLASS = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 48 && byte <= 57) return DIGIT;
  if ((byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122) || byte === 39 || byte >= 128) return LETTER;
  if (byte === 32) return SPACE;
  return byte < 32 ? BREAK : OTHER;
});

const isJoined = (before: number, now: number): boolean =>
  before === now || (before === SPACE && (now === LETTER || now === DIGIT));

/**
 * The distinct chunks of a text, in order of first appearance. A chunk is a run of letters or digits with the spaces
 * before it, or a run of spaces, line breaks or punctuation. So a prompt that ends with a word or with punctuation
 * becomes the symbols that the same text has in training.
 *
 * Measured on TinyStories (3.5 MB; 512 tokens, configuration tokens-20k, 800 steps, two seeds where two values stand),
 * tokens per byte and bits per byte of held-out text: this .350, 1.612 / 1.624; line breaks joined to the punctuation
 * before .345, 1.621; punctuation joined to the space before .348, 1.625; punctuation and spaces joined to the word
 * after .325, 1.640 / 1.663. Fewer tokens are not fewer bits.
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
      if ((open.length + i > start && !isJoined(before, now)) || open.length + i - start === MAX_CHUNK_BYTES) {
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
