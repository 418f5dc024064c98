import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32 } from "./crc32.js";
import { describeModel } from "./describe.js";
import { codeIndex, HEADER, HEADER_BYTES, LIMITS, ternaryBytes } from "./layout.js";
import { isCode, packInt4, packTernary, unpackInt4, unpackTernary } from "./matrices.js";
import type { ModelParts } from "./parts.js";
import { checkModel, readModel } from "./reader.js";
import {
  drawModel,
  drawShape,
  sampleBase,
  sampleClassifier,
  sampleGated,
  sampleNgrams,
  sampleRecall,
  sampleRecallGates,
  sampleRecallSymbols,
  sampleSensor,
  seededDraw,
} from "./samples.js";
import { sealModel, writeModel } from "./writer.js";

const text = (string: string) => new TextEncoder().encode(string);

test("crc32() gives the check value of ISO-HDLC, in one piece or two", () => {
  expect(crc32(text("123456789"))).toBe(0xcbf43926);
  expect(crc32(text("1234"), text("56789"))).toBe(0xcbf43926);
});

describe("packTernary()", () => {
  test("writes the codes of SPEC.md 2.1", () => {
    const code = (...trits: number[]) => packTernary(Int8Array.from(trits), 1, 5)[0];
    expect(code(0, 0, 0, 0, 0)).toBe(125);
    expect(code(-1, -1, -1, -1, -1)).toBe(0);
    expect(code(1, 0, 0, 0, 0)).toBe(126);
    expect(code(0, 0, 0, 1, -1)).toBe(125 + 28 - 84);
    expect(code(1, 1, 1, 1, 1)).toBe(250);
  });

  test("uses 243 different codes, all valid", () => {
    const codes = Array.from({ length: 256 }, (_, code) => code).filter(isCode);
    expect(codes.length).toBe(243);
    const trits = codes.map((code) => [...unpackTernary(Uint8Array.of(code), 1, 5)]);
    expect(new Set(trits.map(String)).size).toBe(243);
    codes.forEach((code, index) => {
      expect(packTernary(Int8Array.from(trits[index]), 1, 5)[0]).toBe(code);
    });
  });

  test("puts four groups of each row together, then one by one", () => {
    // 3 rows of 6 groups: block 0 is groups 0..3, then groups 4 and 5.
    const order = Array.from({ length: ternaryBytes(3, 27) }, () => "");
    for (let row = 0; row < 3; row++) for (let g = 0; g < 6; g++) order[codeIndex(3, 27, row, g)] = `${row}${g}`;
    expect(order.join(" ")).toBe("00 01 02 03 10 11 12 13 20 21 22 23 04 14 24 05 15 25");
  });
});

test("packInt4() puts the even column into the low nibble and 8 into an unused one", () => {
  const packed = packInt4(Int8Array.from([-8, 7, 0, 1, 2, 3]), Uint16Array.from([0x1234, 5]), 2, 3);
  expect([...packed]).toEqual([0x34, 0x12, 5, 0, 0xf0, 0x88, 0xa9, 0x8b]);
});

/** The parts alone, without what the reader adds. */
function partsOf(bytes: Uint8Array): ModelParts {
  const {
    bytes: _bytes,
    crc32: _crc,
    options: _options,
    sections: _sections,
    layout: _layout,
    ...parts
  } = readModel(bytes);
  return parts;
}

describe("readModel()", () => {
  test("gives back what writeModel() wrote, for any shape", () => {
    fc.assert(
      fc.property(fc.integer(), (seed) => {
        const draw = seededDraw(seed);
        const parts = drawModel(draw, drawShape(draw));
        const bytes = writeModel(parts);
        expect(bytes.length % 4).toBe(0);
        expect(partsOf(bytes)).toEqual(parts);
      }),
      { numRuns: 200 },
    );
  });

  test.each([
    ["base", sampleBase],
    ["gated", sampleGated],
    ["classifier", sampleClassifier],
    ["recall", sampleRecall],
    ["recall with bonuses of symbols", sampleRecallSymbols],
    ["n-grams", sampleNgrams],
    ["sensor", sampleSensor],
  ])("gives back every section of the %s sample", (_, sample) => {
    expect(partsOf(writeModel(sample()))).toEqual(sample());
  });

  test("accepts every bound of a dimension", () => {
    for (const end of [0, 1] as const) {
      const at = (name: keyof typeof LIMITS) => LIMITS[name][end];
      const dimensions = {
        vocab: at("vocab"),
        outputs: at("outputs"),
        dModel: at("dModel"),
        dInner: at("dInner"),
        dHead: at("dHead"),
        nLayers: 1,
        topK: at("topK"),
      };
      const shape = { dimensions, options: 0, layers: [{ pathways: 7, window: at("window") }] };
      expect(checkModel(writeModel(drawModel(seededDraw(4), shape)))).toEqual({ error: 0, message: "" });
    }
  });

  test("refuses every single flipped bit", () => {
    const bytes = writeModel(sampleBase());
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      bytes[bit >> 3] ^= 1 << (bit & 7);
      expect(checkModel(bytes).error, `bit ${bit}`).toBeGreaterThan(2);
      bytes[bit >> 3] ^= 1 << (bit & 7);
    }
  });

  test("refuses every shorter length", () => {
    const bytes = writeModel(sampleGated());
    for (let length = 0; length < bytes.length; length++) {
      expect(checkModel(bytes.subarray(0, length)).error).toBe(3);
    }
  });

  test("either refuses or round-trips a file with changed bytes and the right checksum", () => {
    const valid = [
      sampleBase,
      sampleGated,
      sampleClassifier,
      sampleRecall,
      sampleNgrams,
      sampleSensor,
      sampleRecallSymbols,
    ].map((sample) => writeModel(sample()));
    fc.assert(
      fc.property(
        fc.nat(6),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (which, changes) => {
          const bytes = valid[which].slice();
          for (const [at, value] of changes) bytes[HEADER.vocab + (at % (bytes.length - HEADER.vocab))] = value;
          sealModel(bytes);
          const { error } = checkModel(bytes);
          if (error === 0) expect(partsOf(writeModel(partsOf(bytes)))).toEqual(partsOf(bytes));
          else expect(error).toBeGreaterThanOrEqual(7);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("reads from the middle of a buffer", () => {
    const bytes = writeModel(sampleGated());
    const buffer = new Uint8Array(bytes.length + 3);
    buffer.set(bytes, 3);
    expect(partsOf(buffer.subarray(3))).toEqual(sampleGated());
  });

  test("says in one sentence where, what and how to mend it", () => {
    const bytes = writeModel(sampleBase());
    bytes[4] = 3;
    expect(checkModel(bytes, '"a.atome"').message).toBe(
      'Cannot load "a.atome": at byte 4, version is 3 but must be 1; export it again with this build\'s "atome export".',
    );
  });
});

test("unpackInt4() reads what packInt4() wrote, unaligned", () => {
  const packed = packInt4(Int8Array.from([-8, 7, 0]), Uint16Array.of(777), 1, 3);
  const buffer = new Uint8Array(packed.length + 1);
  buffer.set(packed, 1);
  expect(unpackInt4(buffer.subarray(1), 1, 3)).toEqual({ values: Int8Array.of(-8, 7, 0), steps: Uint16Array.of(777) });
});

test("describeModel() says what recall a model has", () => {
  const { options, recall, weights } = describeModel(readModel(writeModel(sampleRecall())));
  expect(options.at(-1)).toBe("recall of 7 symbols");
  expect(recall).toEqual({ window: 7, forget: 2, gates: false, symbols: false });
  expect(weights.at(-1)).toMatchObject({ name: "recall", bytes: 116 });
  const gated = describeModel(readModel(writeModel(sampleRecallGates())));
  expect(gated.options.at(-1)).toBe("recall of 5 symbols with gates");
  expect(gated.recall).toEqual({ window: 5, forget: null, gates: true, symbols: false });
  const own = describeModel(readModel(writeModel(sampleRecallSymbols())));
  expect(own.options.at(-1)).toBe("recall of 6 symbols with a bonus per symbol");
  expect(own.recall).toEqual({ window: 6, forget: 4, gates: false, symbols: true });
  expect(own.weights.slice(-2).map(({ name, bytes }) => [name, bytes])).toEqual([
    ["recallSymbols", 12],
    ["recall", 116],
  ]);
});

test("describeModel() says what n-grams, samples and decisions a model has", () => {
  const ngrams = describeModel(readModel(writeModel(sampleNgrams())));
  expect(ngrams.options.slice(3, 5)).toEqual(["n-grams of 2, 4 symbols in 5 rows", "pooled over all steps"]);
  expect(ngrams.ngrams).toEqual({ buckets: 5, runs: [2, 4] });
  expect(ngrams.decision).toEqual(sampleNgrams().decision);
  const sensor = describeModel(readModel(writeModel(sampleSensor())));
  expect(sensor.options[3]).toBe("samples of 2 numbers");
  expect(sensor.sensor?.map(({ values, differences }) => [values.length, differences.length])).toEqual([
    [3, 2],
    [0, 1],
  ]);
  const limits = ({ least, greatest }: { least: number; greatest: number }) => [least, greatest];
  expect(sensor.sensor?.map(limits)).toEqual(sampleSensor().sensor?.columns.map(limits));
  for (const { weights, sections } of [ngrams, sensor]) {
    expect(weights.reduce((sum, item) => sum + item.bytes, 0)).toBe(sections[0].bytes);
  }
});

test("describeModel() says what the gated sample is", () => {
  const description = describeModel(readModel(writeModel(sampleGated())));
  expect(description).toMatchObject({
    block: "gated",
    options: ["embedding in 4-bit rows", "unembedding tied to the embedding", "language model"],
    layers: [
      { pathways: ["local", "state", "sparse"], window: 2 },
      { pathways: ["local"], window: 0 },
    ],
    tokens: 17,
    classNames: [],
    metadata: { licence: "none" },
    signatureBytes: 64,
  });
  expect(description.sections.map(({ name }) => name)).toEqual(["weights", "tokens", "metadata", "signature"]);
  const { weights, totalBytes, sections } = description;
  expect(weights.reduce((sum, item) => sum + item.bytes, 0)).toBe(sections[0].bytes);
  expect(sections.reduce((sum, section) => sum + section.bytes, HEADER_BYTES + 8 * 4)).toBe(totalBytes);
});
