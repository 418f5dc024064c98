// How people type: capitals or none, full stops or none, apostrophes left out, fingers that slip.

const NEIGHBOURS = {
  a: "sq",
  b: "vn",
  c: "xv",
  d: "sf",
  e: "wr",
  f: "dg",
  g: "fh",
  h: "gj",
  i: "uo",
  j: "hk",
  k: "jl",
  l: "k",
  m: "n",
  n: "bm",
  o: "ip",
  p: "o",
  q: "wa",
  r: "et",
  s: "ad",
  t: "ry",
  u: "yi",
  v: "cb",
  w: "qe",
  x: "zc",
  y: "tu",
  z: "x",
};

/** A text as somebody might type it. style: probabilities of "lower", "upper", "bare" (no punctuation at the end), "typo". */
export function type(text, style, random) {
  let out = random.chance(style.typo) ? slip(text, random) : text;
  if (random.chance(style.lower)) {
    out = out.toLowerCase();
    if (random.chance(0.5)) out = out.replace(/(\w)'(\w)/g, "$1$2");
    if (random.chance(0.5)) out = out.replace(/(\D),/g, "$1");
    if (random.chance(style.bare)) out = out.replace(/[.?!]+$/, "");
  } else if (random.chance(style.upper)) out = out.toUpperCase();
  else {
    out = out[0].toUpperCase() + out.slice(1);
    if (/\w$/.test(out) && random.chance(0.4)) out += ".";
  }
  return out;
}

/** One slip in a word of five letters or more: a letter left out, doubled, hit beside its key, or two the wrong way round. */
function slip(text, random) {
  const words = text.split(" ");
  const long = words.map((word, i) => (/^[a-z]{5,}$/.test(word) ? i : -1)).filter((i) => i >= 0);
  if (long.length === 0) return text;
  const index = random.pick(long);
  const word = words[index];
  const at = random.integer(1, word.length - 2);
  const before = word.slice(0, at);
  const after = word.slice(at + 1);
  words[index] = random.pick([
    before + after,
    before + word[at] + word[at] + after,
    before + random.pick([...NEIGHBOURS[word[at]]]) + after,
    before + after[0] + word[at] + after.slice(1),
  ]);
  return words.join(" ");
}
