/** Every rule of the file format has a file that breaks it: SPEC.md is read, so that a new rule without one fails here. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { type Item, SCALE_NAMES, SENSOR, SENSOR_ENTRY } from "../src/format/layout.js";
import { readModel } from "../src/format/reader.js";
import { malformed, modelOf } from "./load.js";

const spec = readFileSync(new URL("../SPEC.md", import.meta.url), "utf8");

/** One field of a table with a column "valid if and only if". */
interface Field {
  name: string;
  bytes: number;
  rule: string;
  /** Where it stands in a valid model, as often as it is there. */
  offsets: (model: Uint8Array) => number[];
}

const BYTES: Record<string, number> = { u8: 1, i8: 1, u16: 2, u32: 4, i16: 2, i32: 4, "u8 x 4": 4, "i16 x 3": 6 };
const one = (item: Item | undefined) => (item ? [item.offset] : []);
const starts: [heading: string, startsIn: (model: Uint8Array) => number[]][] = [
  ["1.1 Header", () => [0]],
  ["2.3 Layer record", (model) => readModel(model).layout.layers.map((layer) => layer.record.offset)],
  ["2.4 Recall record", (model) => one(readModel(model).layout.recall)],
  ["2.5 Sensor record", (model) => one(readModel(model).layout.sensor)],
  [
    "2.5.1 Column entry",
    (model) => {
      const { sensor, layout } = readModel(model);
      const first = (layout.sensor?.offset ?? 0) + SENSOR.entries;
      return (sensor?.columns ?? []).map((_, index) => first + SENSOR_ENTRY.bytes * index);
    },
  ],
  ["2.6 N-gram record", (model) => one(readModel(model).layout.ngrams)],
  ["2.7 Decision record", (model) => one(readModel(model).layout.decision)],
];

/** The fields of a row, most often one; the scales of a layer have a name each, the pairs of recall are all alike. */
function fieldsOfRow(type: string, name: string, offset: number, rule: string) {
  const many = /^(\d+) x \{\w+ (\w+), \w+ (\w+)\}$/.exec(type);
  if (!many) return [{ name, at: [offset], bytes: BYTES[type], rule }];
  const [, count, ...members] = many;
  const places = Array.from({ length: Number(count) }, (_, i) => offset + 4 * i);
  return members.flatMap((member, half) => {
    const own = new RegExp(`${member} ([^,]+)`).exec(rule)?.[1] ?? "any";
    const at = places.map((place) => place + 2 * half);
    if (!name.startsWith("scales")) return [{ name: member, at, bytes: 2, rule: own }];
    return at.map((place, i) => ({ name: `${SCALE_NAMES[i]} ${member}`, at: [place], bytes: 2, rule: own }));
  });
}

const fields: Field[] = starts.flatMap(([heading, startsIn]) => {
  const text = spec.slice(spec.indexOf(`### ${heading}`));
  const table = text
    .slice(text.indexOf("|---:|"), text.indexOf("\n\n", text.indexOf("|---:|")))
    .split("\n")
    .slice(1);
  return table.flatMap((row) => {
    const [offset, type, name, rule] = row
      .split("|")
      .slice(1)
      .map((cell) => cell.trim());
    return fieldsOfRow(type, name, Number(offset), rule).map(({ at, ...field }) => ({
      ...field,
      name: `${heading}: ${field.name}`,
      offsets: (model: Uint8Array) => startsIn(model).flatMap((start) => at.map((place) => start + place)),
    }));
  });
});

/** Malformed files that differ from a valid model in as many bytes, but for the checksum: its name, and where. */
const edits = malformed.flatMap(({ name, of, bytes }) => {
  const valid = of === undefined ? undefined : modelOf(of);
  if (valid?.length !== bytes.length) return [];
  const changed = [...bytes.keys()].filter((at) => bytes[at] !== valid[at]);
  const beyondChecksum = changed.filter((at) => at < 12 || at > 15);
  return [{ name, bytes, valid, changed: beyondChecksum.length > 0 ? beyondChecksum : changed }];
});

/** What a field is in the files in which it alone was changed. */
const wrongValues = ({ offsets, bytes: size }: Field): number[] =>
  edits.flatMap(({ bytes, valid, changed }) =>
    offsets(valid)
      .filter((at) => changed.every((place) => place >= at && place < at + size))
      .map((at) => bytes.subarray(at, at + size).reduceRight((value, byte) => 256 * value + byte, 0)),
  );

/** The values next to those that a rule allows. */
function nextTo(rule: string, bytes: number): number[] {
  const ranges = [...rule.matchAll(/(?:^|or |: )(\d+)\.\.(\d+)/g)].flatMap(([, least, most]) => [
    Number(least) - 1,
    Number(most) + 1,
  ]);
  const limits = [...rule.matchAll(/< 2\^(\d+)/g)].map(([, exponent]) => 2 ** Number(exponent));
  const allowed = (value: number) => value === 0 && rule.startsWith("0 ");
  const lowest = [...rule.matchAll(/>= -2\^(\d+)/g)].map(([, exponent]) => 256 ** bytes - 2 ** Number(exponent) - 1);
  return [...ranges, ...limits, ...lowest].filter((value) => value >= 0 && value < 256 ** bytes && !allowed(value));
}

test.each(fields.filter(({ rule }) => !rule.startsWith("any")).map((field) => [field.name, field] as const))(
  "a malformed file breaks %s",
  (_, field) => {
    const found = wrongValues(field);
    expect(found.length).toBeGreaterThan(0);
    expect(found).toEqual(expect.arrayContaining(nextTo(field.rule, field.bytes)));
  },
);

test("SPEC.md's tables were read", () => {
  expect(fields).toHaveLength(20 + 6 + 22 + 4 + 1 + 6 + 3 + 2);
  expect(nextTo("2..1024; V unless classifier", 2)).toEqual([1, 1025]);
  expect(nextTo("0 (base block) or 1..2048 (gated block)", 2)).toEqual([2049]);
  expect(nextTo("< 2^15", 2)).toEqual([32768]);
  expect(nextTo(">= -2^30", 4)).toEqual([0xbfffffff]);
});

/** What SPEC.md says outside of these tables, and files that break it. */
const RULES: [rule: string, ...files: string[]][] = [
  [
    "Tied is valid only with bit 1 = bit 2 and without classifier",
    ...["option-tied-embed-int4-only", "option-tied-unembed-int4-only", "option-tied-classifier"],
  ],
  ["recall only without classifier", "option-recall-classifier"],
  [
    "pooled, sensor and decision only with classifier",
    ...["option-pooled-without-classifier", "option-sensor-without-classifier", "option-decision-without-classifier"],
  ],
  ["sensor only without ngrams", "option-sensor-ngrams"],
  ["section 2 is absent with sensor", "section-tokens-of-sensor"],
  ["ids are strictly increasing", "section-id-twice", "section-ids-fall", "section-signature-twice"],
  ["in 1..5", "section-id-0", "section-id-6", "section-id-huge", "section-6-after-signature"],
  ["the first is 1", "section-weights-missing"],
  [
    "section 3 is present if and only if classifier is set",
    ...["section-class-names-missing", "section-class-names-unasked"],
  ],
  ["every `bytes` is a multiple of 4", "section-bytes-not-multiple-of-4"],
  ["add up to totalBytes", "section-too-long", "section-too-short", "section-bytes-huge", "section-sum-wraps"],
  [
    "`bytes` is exactly what the dimensions ask for",
    ...["embedding", "int4-steps", "record", "norm", "taps", "state", "first", "second", "third", "final-norm"].map(
      (item) => `weights-end-in-${item}`,
    ),
    ...["sensor", "sensor-16", "sensor-32", "sensor-40", "ngrams", "ngramTable", "decision"].map(
      (item) => `weights-end-in-${item}`,
    ),
    ...["weights-end-in-unembedding", "weights-end-in-recall", "weights-empty", "weights-too-long"],
  ],
  [
    "Valid if and only if it ends exactly so",
    ...["tokens-string-beyond-section", "tokens-four-bytes-left", "tokens-padding-not-zero", "tokens-too-few"],
    ...["class-string-beyond-section", "class-four-bytes-left", "class-padding-not-zero", "class-too-few"],
  ],
  [
    "A code is valid if and only if it is < 252 and code mod 28 is not 27",
    ...["code-252", "code-255", "code-27", "code-251", "code-second", "code-third", "code-unembedding", "code-ngrams"],
  ],
  ["u16 step (< 2^15)", "embedding-step-32768", "unembedding-step-32768"],
  ["10 invalid, bits 10..15 zero", "tap-base-10", "tap-base-10-last", "tap-base-bit-10", "tap-base-bit-15"],
  ["bits 30..31 zero", "tap-gated-bit-30", "tap-gated-bit-31"],
  [
    "each of the two lists strictly increasing",
    ...["sensor-values-equal", "sensor-values-fall", "sensor-differences-equal"],
  ],
  ["and not 0 when values is 0", "sensor-column-of-nothing"],
  ["< 2^30, and >= least", "sensor-greatest-2-to-30", "sensor-greatest-below-least"],
  ["Valid if and only if they add up to V", "sensor-rows-too-few", "sensor-rows-too-many"],
  ["abs(a) <= 32760", "state-a-32761", "state-a--32761"],
  ["at most one string is empty", "tokens-two-escapes"],
  ["either every single byte is a string", "tokens-byte-without-token", "tokens-byte-0-without-token"],
  ["V >= 17", "tokens-escape-of-16"],
];

test.each(RULES)("malformed files break: %s", (rule, ...files) => {
  expect(spec).toContain(rule);
  expect(malformed.map(({ name }) => name)).toEqual(expect.arrayContaining(files));
});
