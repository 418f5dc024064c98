// What the rivals see of a text: the hashes of its runs of bytes and of words.

const BEGIN = 2;
const END = 3;
const encoder = new TextEncoder();

/** Stirs a hash until each of its bits depends on all of what went into it (the finalizer of MurmurHash3). */
function stir(hash) {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

const push = (hash, value) => Math.imul(hash + value + 1, 0x9e3779b1);

/** Hashes of the runs of `order` of a sequence of numbers. */
function runs(values, order, salt, into) {
  for (let end = order; end <= values.length; end++) {
    let hash = salt + order;
    for (let i = end - order; i < end; i++) hash = push(hash, values[i]);
    into.add(stir(hash));
  }
}

function wordHash(word) {
  let hash = 7;
  for (const byte of encoder.encode(word)) hash = push(hash, byte);
  return stir(hash);
}

const NONE = { characters: [], words: [], digits: false, lower: false };

/**
 * The distinct hashes of a text.
 *
 * @param features {characters: orders of runs of bytes, words: orders of runs of words, digits: whether all digits are alike,
 *   lower: whether case is}
 * @returns whole numbers from 0 to 2^32 - 1
 */
export function hashesOf(text, features) {
  const { characters, words, digits, lower } = { ...NONE, ...features };
  const hashes = new Set();
  const cased = lower ? text.toLowerCase() : text;
  const plain = digits ? cased.replace(/[0-9]/g, "0") : cased;
  const bytes = [BEGIN, ...encoder.encode(plain), END];
  for (const order of characters) runs(bytes, order, 0, hashes);
  if (words.length > 0) {
    const tokens = plain.match(/[\p{L}\p{N}']+|[^\s\p{L}\p{N}']/gu) ?? [];
    const ids = tokens.map(wordHash);
    for (const order of words) runs(ids, order, 1000, hashes);
  }
  return hashes;
}

/** `c2-4 w1-2 0a`: runs of 2 to 4 bytes and of 1 and 2 words, digits and case alike. */
export function featuresLabel(features) {
  const { characters, words, digits, lower } = { ...NONE, ...features };
  const range = (letter, orders) => (orders.length === 0 ? [] : [`${letter}${orders[0]}-${orders.at(-1)}`]);
  const folded = `${digits ? "0" : ""}${lower ? "a" : ""}`;
  return [...range("c", characters), ...range("w", words), ...(folded ? [folded] : [])].join(" ");
}

/**
 * The hashes of many texts, as what training reads: bucket of each hash, and where the next text begins.
 *
 * @returns {starts: Uint32Array of texts + 1, buckets: Uint32Array}
 */
export function bucketsOf(hashes, buckets) {
  const starts = new Uint32Array(hashes.length + 1);
  for (let i = 0; i < hashes.length; i++) starts[i + 1] = starts[i] + hashes[i].length;
  const all = new Uint32Array(starts.at(-1));
  for (let i = 0; i < hashes.length; i++)
    for (let j = 0; j < hashes[i].length; j++) all[starts[i] + j] = Math.floor((hashes[i][j] / 2 ** 32) * buckets);
  return { starts, buckets: all };
}
