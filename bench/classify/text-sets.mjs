// Text data sets of the comparison, read from ATOME_DATA into one shape:
//
//     {kind: "texts", classes: [names], parts: {train, validation, test: {texts: [strings], labels}}}
//
// A label is the index of a class, or NONE for a text that belongs to no class.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export const NONE = -1;

const linesOf = (...path) =>
  readFileSync(join(...path), "utf8")
    .replace(/\n$/, "")
    .split("\n");

/** A part from [text, class name] pairs; a name that is no class is NONE. */
function partOf(pairs, classes) {
  const indexOf = new Map(classes.map((name, i) => [name, i]));
  return {
    texts: pairs.map(([text]) => text),
    labels: Int16Array.from(pairs, ([, name]) => indexOf.get(name) ?? NONE),
  };
}

/** SNIPS (Goo et al. 2018): seven intents, official split. */
export function snips(data) {
  const pairsOf = (part) => {
    const folder = join(data, "snips-goo2018-split", part);
    const labels = linesOf(folder, "label");
    return linesOf(folder, "seq.in").map((text, i) => [text.trim(), labels[i].trim()]);
  };
  const [train, validation, test] = ["train", "valid", "test"].map(pairsOf);
  const classes = [...new Set(train.map(([, name]) => name))].sort();
  return {
    ...{ kind: "texts", classes },
    parts: {
      train: partOf(train, classes),
      validation: partOf(validation, classes),
      test: partOf(test, classes),
    },
  };
}

function clincOf(data, names) {
  const all = JSON.parse(readFileSync(join(data, "clinc150", "data_full.json"), "utf8"));
  const classes = names ?? [...new Set(all.train.map(([, name]) => name))].sort();
  const isKept = ([, name]) => classes.includes(name);
  const part = (inScope, outside) => partOf([...all[inScope].filter(isKept), ...all[outside]], classes);
  return {
    ...{ kind: "texts", classes },
    parts: { train: part("train", "oos_train"), validation: part("val", "oos_val"), test: part("test", "oos_test") },
  };
}

/** CLINC150 (Larson et al. 2019), data_full: 150 intents, queries that belong to none, official split. */
export const clinc = (data) => clincOf(data);

/**
 * Six intents that a device without a network could serve itself: switch something, and what a clock, a loudspeaker and a
 * sensor can do. The queries of other intents are not used; those that belong to none of all 150 are none of these, too.
 */
const DEVICE_INTENTS = ["smart_home", "timer", "alarm", "time", "play_music", "change_volume"];
export const clincDevice = (data) => clincOf(data, DEVICE_INTENTS);

/** FNV-1a of a string's UTF-16 units. */
export function fnv(text) {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Messages with the same words, but for those that hold a digit, are one message sent again: prices, codes and numbers differ. */
const messageKey = (text) =>
  (text.toLowerCase().match(/[^\s.,!?;:]+/g) ?? [])
    .filter((word) => !/\d/.test(word))
    .join(" ")
    .replace(/[^a-z ]+/g, "");

const SMS_SHARES = { train: 0.7, validation: 0.1, test: 0.2 };

/**
 * SMS spam (Almeida and Gomez Hidalgo 2011), which has no official split: messages alike stay together, and of each class the
 * groups, in the order of their hashes, fill training (70 %), validation (10 %) and test (20 %).
 */
export function sms(data) {
  const [, ...lines] = linesOf(data, "sms-spam", "SMSSpamCollection");
  const pairs = lines.map((line) => line.replace(/\r$/, "").split("\t")).map(([name, text]) => [text, name]);
  const classes = ["ham", "spam"];
  const parts = { train: [], validation: [], test: [] };
  for (const name of classes) {
    const own = pairs.filter(([, other]) => other === name);
    const groups = new Map();
    for (const pair of own) {
      const key = messageKey(pair[0]);
      groups.set(key, [...(groups.get(key) ?? []), pair]);
    }
    const order = [...groups.keys()].sort((a, b) => fnv(a) - fnv(b) || (a < b ? -1 : 1));
    const targets = Object.entries(SMS_SHARES).map(([part, share]) => ({ part, left: share * own.length }));
    for (const key of order) {
      const target = targets.find(({ left }) => left > 0) ?? targets.at(-1);
      target.left -= groups.get(key).length;
      parts[target.part].push(...groups.get(key));
    }
  }
  const exact = pairs.length - new Set(pairs.map(([text]) => text)).size;
  const alike = pairs.length - new Set(pairs.map(([text]) => messageKey(text))).size;
  return {
    ...{ kind: "texts", classes },
    about: `${pairs.length} messages, of which ${exact} repeat an earlier one exactly and ${alike} but for case, marks and words with digits`,
    parts: Object.fromEntries(Object.entries(parts).map(([part, own]) => [part, partOf(own, classes)])),
  };
}
