/** How far a cut may move, as a share of the shorter part and in bytes. */
const MOST_SHIFT_SHARE = 0.25;
const MOST_SHIFT_BYTES = 1 << 16;

/** Bytes read before the range, so that a separator that ends in it is seen whole. */
const MARGIN_BYTES = 64;

/** Written between the documents of many corpora; here it is plain text. */
const DOCUMENT_END = /<\|endoftext\|>[\r\n]*/g;

/**
 * Where to cut a text near `wanted`: after a document (the end of a file or of `<|endoftext|>` and the line breaks after
 * it), else after an empty line, else after a line, else at `wanted` itself. The nearest of a kind is taken, the earlier
 * of two as near.
 *
 * @param wanted offset in bytes, 0..`total`
 * @param fileEnds offsets at which files end inside the text
 * @param read gives the bytes of a range
 * @returns an offset at least 1 byte from both ends when `wanted` is
 */
export function findCut(
  wanted: number,
  total: number,
  fileEnds: readonly number[],
  read: (from: number, to: number) => Uint8Array,
): number {
  const reach = Math.min(MOST_SHIFT_BYTES, Math.floor(Math.min(wanted, total - wanted) * MOST_SHIFT_SHARE));
  const from = Math.max(0, wanted - reach - MARGIN_BYTES);
  const text = Buffer.from(read(from, wanted + reach)).toString("latin1");
  const ends = (pattern: RegExp) => [...text.matchAll(pattern)].map((match) => from + match.index + match[0].length);
  const kinds = [[...fileEnds, ...ends(DOCUMENT_END)], ends(/\n(?:\r?\n)+/g), ends(/\n/g)];
  const near = kinds.map((kind) => kind.filter((end) => Math.abs(end - wanted) <= reach));
  const candidates = near.find((kind) => kind.length > 0) ?? [wanted];
  return candidates.reduce((best, cut) => (Math.abs(cut - wanted) < Math.abs(best - wanted) ? cut : best));
}
