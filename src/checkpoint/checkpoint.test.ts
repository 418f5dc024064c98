import { describe, expect, test } from "vitest";
import { FailureError } from "../model/errors.js";
import { parseConfig } from "../model/parse-config.js";
import { initialTensors } from "../model/tensors.js";
import { Alphabet } from "../tokenizer/alphabet.js";
import { SensorAlphabet } from "../tokenizer/sensor-alphabet.js";
import { type Checkpoint, decodeCheckpoint, encodeCheckpoint } from "./checkpoint.js";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";

const configJson = { block: "gated", dModel: 4, dInner: 6, nLayers: 1 };
const config = parseConfig({ ...configJson, alphabet: { kind: "map" } }, "test");
const alphabet = Alphabet.ofTokens(Array.from({ length: 17 }, (_, i) => new Uint8Array(i === 0 ? 0 : 1).fill(96 + i)));

/** A checkpoint whose values are all different. */
function sample(withTraining: boolean): Checkpoint {
  let drawn = 0;
  const draw = () => {
    drawn++;
    return (drawn * 0.37) % 5;
  };
  const tensors = () => initialTensors(config, alphabet.size, alphabet.size, draw);
  return {
    config,
    alphabet,
    outputs: alphabet.size,
    step: 120,
    seed: 7,
    dataSha256: "ab".repeat(32),
    history: [{ step: 100, trainingLoss: 2.5, validationLoss: 2.25, bitsPerByte: 3.125 }],
    tensors: tensors(),
    ...(withTraining
      ? { training: { m: tensors(), v: tensors(), random: [1, 2, 3, 0xffffffff], lossSum: 0.1 + 0.2 } }
      : {}),
  };
}

/** A safetensors file with the parts given changed. */
function rewritten(
  change: (file: ReturnType<typeof decodeSafetensors>, header: Record<string, string>) => void,
): Uint8Array {
  const file = decodeSafetensors(encodeCheckpoint(sample(false)), "x");
  const { crc32: _, ...metadata } = file.metadata;
  change(file, metadata);
  return encodeSafetensors({ metadata, tensors: file.tensors });
}

describe("decodeCheckpoint", () => {
  test.each([false, true])("gives back what encodeCheckpoint wrote (with training state: %s)", (withTraining) => {
    const bytes = encodeCheckpoint(sample(withTraining));
    const read = decodeCheckpoint(bytes, "x");
    expect({ ...read, alphabet: read.alphabet?.toJson() }).toEqual({
      ...sample(withTraining),
      alphabet: alphabet.toJson(),
    });
    expect(encodeCheckpoint(read)).toEqual(bytes);
  });

  /** A classifier of a sensor with one column of 5 rows. */
  function sensorSample(): Checkpoint {
    const { alphabet: _, ...rest } = sample(false);
    const columns = [{ name: "°C", decimals: 1, least: -400, greatest: 1250, values: [-5, 0, 200], differences: [] }];
    const sensorConfig = parseConfig(
      { ...configJson, alphabet: { kind: "sensor", levels: 4, differences: 0 } },
      "test",
    );
    return {
      ...rest,
      config: sensorConfig,
      sensor: SensorAlphabet.fromJson({ kind: "sensor", columns }),
      classNames: ["cold", "größer"],
      outputs: 2,
      tensors: initialTensors(sensorConfig, 5, 2, () => 0.5),
    };
  }

  test("gives back a sensor's alphabet and the names of the classes", () => {
    const written = sensorSample();
    const bytes = encodeCheckpoint(written);
    const read = decodeCheckpoint(bytes, "x");
    expect(read.alphabet).toBeUndefined();
    expect(read.sensor?.toJson()).toEqual(written.sensor?.toJson());
    expect(read.classNames).toEqual(["cold", "größer"]);
    expect(read.tensors).toEqual(written.tensors);
    expect(encodeCheckpoint(read)).toEqual(bytes);
    expect(decodeCheckpoint(encodeCheckpoint(sample(false)), "x")).not.toHaveProperty("classNames");
  });

  test.each(['["a"]', '["a", 2]', '{"0": "a"}', "["])("refuses the class names %s of two outputs", (names) => {
    const { metadata, tensors } = decodeSafetensors(encodeCheckpoint(sensorSample()), "x");
    const { crc32: _, ...rest } = metadata;
    const bytes = encodeSafetensors({ metadata: { ...rest, class_names: names }, tensors });
    expect(() => decodeCheckpoint(bytes, "x")).toThrow('"class_names" of the metadata is not');
  });

  test("refuses a sensor's alphabet where the configuration has one of symbols", () => {
    const bytes = rewritten((_, header) => {
      header.alphabet = JSON.stringify(sensorSample().sensor?.toJson());
    });
    expect(() => decodeCheckpoint(bytes, "x")).toThrow("its settings are not valid");
  });

  test("refuses a file cut short anywhere", () => {
    const bytes = encodeCheckpoint(sample(false));
    for (let length = 0; length < bytes.length; length += length < 2000 ? 1 : 97) {
      expect(() => decodeCheckpoint(bytes.subarray(0, length), '"a"'), `${length} bytes`).toThrow(FailureError);
    }
  });

  test("refuses a file with any bit flipped", () => {
    const bytes = encodeCheckpoint(sample(false));
    for (let at = 0; at < bytes.length; at++) {
      const flipped = bytes.slice();
      flipped[at] ^= 1 << (at & 7);
      expect(() => decodeCheckpoint(flipped, '"a"'), `byte ${at}`).toThrow(FailureError);
    }
  });

  test("refuses bytes added at the end", () => {
    const bytes = new Uint8Array([...encodeCheckpoint(sample(false)), 0]);
    expect(() => decodeCheckpoint(bytes, '"a"')).toThrow("bytes but");
  });

  const bad: [string, RegExp, Parameters<typeof rewritten>[0]][] = [
    ["no version", /no "version"/, (_, metadata) => delete metadata.version],
    ["another version", /version "2" but this build reads "1"/, (_, metadata) => (metadata.version = "2")],
    ["an unknown key", /unknown key "extra"/, (_, metadata) => (metadata.extra = "")],
    ["a wrong checksum", /the checksum of its content does not match/, (_, metadata) => (metadata.crc32 = "1")],
    ["a config that is no JSON", /"config" of the metadata is not JSON/, (_, metadata) => (metadata.config = "{")],
    ["a bad config", /"block" is "x"/, (_, metadata) => (metadata.config = '{"block":"x","dModel":4,"nLayers":1}')],
    [
      "a bad alphabet",
      /Cannot use the token table/,
      (_, metadata) => (metadata.alphabet = '{"kind":"tokens","tokens":[""]}'),
    ],
    ["a negative step", /"step" of the metadata is not a whole number/, (_, metadata) => (metadata.step = "-1")],
    ["a bad history", /"history" of the metadata is not a list/, (_, metadata) => (metadata.history = '[{"step":1}]')],
    [
      "other outputs",
      /the tensor "unembed" has the shape \[17,4\], expected \[18,4\]/,
      (_, metadata) => (metadata.outputs = "18"),
    ],
    [
      "a missing tensor",
      /the tensor "final.gamma" is missing/,
      ({ tensors }) => (tensors as Map<string, never>).delete("final.gamma"),
    ],
    [
      "an unknown tensor",
      /the tensor "extra" is not one of this model/,
      ({ tensors }) => {
        const all = tensors as Map<string, { shape: number[]; values: Float32Array }>;
        for (const [name, tensor] of [...all]) {
          all.set(`adamw.m.${name}`, tensor as never);
          all.set(`adamw.v.${name}`, tensor as never);
        }
        all.set("extra", { shape: [0], values: new Float32Array(0) });
      },
    ],
    [
      "a NaN",
      /value 1 of the tensor "final.beta" is NaN/,
      ({ tensors }) => tensors.get("final.beta")?.values.set([Number.NaN], 1),
    ],
    [
      "an infinity",
      /value 0 of the tensor "embed" is -Infinity/,
      ({ tensors }) => tensors.get("embed")?.values.set([-Infinity]),
    ],
  ];
  test.each(bad)("refuses %s", (_, message, change) => {
    const bytes = rewritten(change);
    expect(() => decodeCheckpoint(bytes, '"a"')).toThrow(FailureError);
    expect(() => decodeCheckpoint(bytes, '"a"')).toThrow(message);
    expect(() => decodeCheckpoint(bytes, '"a"')).toThrow(/^Cannot load "a": .*; use an undamaged checkpoint\.$/);
  });

  test.each(["", "[1,2,3]", "[1,2,3,-4]", "[1,2,3,4.5]", "[1,2,3,4294967296]"])(
    "refuses the random state %j",
    (random) => {
      const file = decodeSafetensors(encodeCheckpoint(sample(true)), "x");
      const { crc32: _, ...metadata } = file.metadata;
      const bytes = encodeSafetensors({ metadata: { ...metadata, random }, tensors: file.tensors });
      expect(() => decodeCheckpoint(bytes, '"a"')).toThrow('"random" of the metadata');
    },
  );

  test("takes a file of another tool, without checksum", () => {
    const bytes = rewritten((_, metadata) => (metadata.format = "pt"));
    expect(decodeCheckpoint(bytes, "a").step).toBe(120);
  });
});
