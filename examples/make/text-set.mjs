// Makes the three parts of a set of labelled texts from two files of wordings.
import { csv, fail, writeOrCheck } from "./files.mjs";
import { createRandom } from "./random.mjs";
import { type } from "./spelling.mjs";
import { expand, readWordings } from "./wordings.mjs";

const TRIES = 30; // of a wording that gives nothing new, before it is left alone

/** What makes two texts the same: their words, whatever their order, capitals and punctuation. */
export const wordsOf = (text) =>
  text
    .toLowerCase()
    .replaceAll("'", "")
    .split(/[^a-z0-9]+/)
    .sort()
    .join(" ")
    .trim();

/**
 * Writes train.csv, validation.csv and test.csv beside a maker, or checks them.
 * base: the maker's import.meta.url; seed; style as in type(); wrap: the share of what is asked for that is wrapped;
 * held: the share of the wordings of a label that is kept for validation; counts: label -> [train, validation, test] rows.
 */
export function makeTextSet({ base, seed, style, wrap, held, counts }) {
  const random = createRandom(seed);
  const train = readWordings(new URL("wordings-train.txt", base));
  const test = readWordings(new URL("wordings-test.txt", base));
  const seen = new Set();
  const parts = { train: [], validation: [], test: [] };
  const write = (pool, wordings, label, count) => {
    const rows = [];
    let open = wordings.map((wording) => ({ ...wording, tries: 0 }));
    while (rows.length < count) {
      if (open.length === 0) fail(`the wordings of "${label}" give ${rows.length} texts instead of ${count}`);
      for (const wording of random.shuffle(open)) {
        if (rows.length === count) break;
        const text = expand(wording.text, pool.lists, random);
        const key = wordsOf(text);
        if (seen.has(key)) wording.tries++;
        else {
          seen.add(key);
          const isWrapped = wording.isAsked && random.chance(wrap);
          const asked = isWrapped ? expand(random.pick(pool.lists.get("wrap")), pool.lists, random) : "_";
          const said = asked.replace("_", text);
          rows.push([wording.isExact ? said : type(said, style, random), label]);
        }
      }
      open = open.filter(({ tries }) => tries < TRIES);
    }
    return rows;
  };
  for (const [label, [trainCount, validationCount, testCount]] of Object.entries(counts)) {
    const own = random.shuffle(train.wordings.filter((wording) => wording.label === label));
    const kept = Math.ceil(own.length * held);
    parts.test.push(
      ...write(
        test,
        test.wordings.filter((wording) => wording.label === label),
        label,
        testCount,
      ),
    );
    parts.validation.push(...write(train, own.slice(0, kept), label, validationCount));
    parts.train.push(...write(train, own.slice(kept), label, trainCount));
  }
  const unknown = [...train.wordings, ...test.wordings].find(({ label }) => !(label in counts));
  if (unknown) fail(`${unknown.where}: the label "${unknown.label}" is not one of the set`);
  const made = Object.entries(parts).map(([name, rows]) => ({
    name: `${name}.csv`,
    body: csv(["text", "label"], random.shuffle(rows)),
    what: `${rows.length} texts`,
  }));
  writeOrCheck(base, made);
}
