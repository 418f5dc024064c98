import { describe, expect, test } from "vitest";
import { FailureError } from "../model/errors.js";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.js";

/** A file with the header as given, written by hand as the format's description says. */
function file(header: unknown, dataBytes: number): Uint8Array {
  const json = Buffer.from(typeof header === "string" ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return new Uint8Array(Buffer.concat([length, json, Buffer.alloc(dataBytes)]));
}
const entry = (shape: unknown, from: unknown, to: unknown, dtype = "F32") => ({
  dtype,
  shape,
  data_offsets: [from, to],
});

test("encodeSafetensors() writes what the format describes", () => {
  const bytes = encodeSafetensors({
    metadata: { seed: "1" },
    tensors: new Map([
      ["b", { shape: [2, 1], values: Float32Array.of(1.5, -2) }],
      ["a", { shape: [1], values: Float32Array.of(3) }],
    ]),
  });
  const buffer = Buffer.from(bytes);
  const headerBytes = Number(buffer.readBigUInt64LE(0));
  expect((8 + headerBytes) % 8).toBe(0);
  expect(JSON.parse(buffer.toString("utf8", 8, 8 + headerBytes))).toEqual({
    __metadata__: { seed: "1" },
    b: { dtype: "F32", shape: [2, 1], data_offsets: [0, 8] },
    a: { dtype: "F32", shape: [1], data_offsets: [8, 12] },
  });
  const data = buffer.subarray(8 + headerBytes);
  expect([0, 4, 8].map((at) => data.readFloatLE(at))).toEqual([1.5, -2, 3]);
  expect(data.length).toBe(12);
});

describe("decodeSafetensors", () => {
  test("takes tensors in any order, empty ones and no metadata", () => {
    const { tensors, metadata } = decodeSafetensors(
      file({ a: entry([1], 4, 8), b: entry([], 0, 4), c: entry([0, 3], 4, 4) }, 8),
      "x",
    );
    expect([...tensors].map(([name, { shape, values }]) => [name, shape, [...values]])).toEqual([
      ["a", [1], [0]],
      ["b", [], [0]],
      ["c", [0, 3], []],
    ]);
    expect(metadata).toEqual({});
  });

  const huge = new Uint8Array(16).fill(255);
  const bad: [string, Uint8Array, RegExp][] = [
    ["7 bytes", new Uint8Array(7), /it has 7 bytes/],
    ["a header longer than the file", huge, /the header has 18446744073709551615 bytes but only 8 follow/],
    ["a header that is no JSON", file('{"a"', 0), /the header is not JSON/],
    ["a header that is a list", file([], 0), /not a JSON object/],
    ["a header that is not UTF-8", new Uint8Array([...file("", 0).fill(2, 0, 1), 0x22, 0xff]), /not JSON/],
    ["metadata of numbers", file({ __metadata__: { a: 1 } }, 0), /"__metadata__" is not a map of strings/],
    ["an entry that is a number", file({ a: 1 }, 0), /tensor "a" is not described by an object/],
    ["another type", file({ a: entry([1], 0, 4, "F16") }, 4), /tensor "a" has the type "F16", expected "F32"/],
    ["a negative length", file({ a: entry([-1], 0, 4) }, 4), /tensor "a" has no valid shape/],
    ["a shape that is a number", file({ a: entry(1, 0, 4) }, 4), /no valid shape/],
    ["an offset that is no number", file({ a: entry([1], 0, "4") }, 4), /no valid offsets/],
    ["a tensor beyond the file", file({ a: entry([2], 0, 8) }, 4), /ends at byte 8 of the data, which has 4/],
    [
      "offsets that do not fit the shape",
      file({ a: entry([2], 0, 4) }, 4),
      /has 4 bytes, expected 8 for the shape \[2\]/,
    ],
    ["a huge shape", file({ a: entry([2 ** 52, 2 ** 52], 0, 4) }, 4), /has 4 bytes, expected/],
    ["tensors that overlap", file({ a: entry([1], 0, 4), b: entry([1], 0, 4) }, 4), /covers byte 0/],
    ["a gap", file({ a: entry([1], 0, 4), b: entry([1], 8, 12) }, 12), /covers byte 4/],
    ["bytes after the last tensor", file({ a: entry([1], 0, 4) }, 8), /the tensors have 4 bytes but 8 follow/],
  ];
  test.each(bad)("refuses %s", (_, bytes, message) => {
    expect(() => decodeSafetensors(bytes, '"a"')).toThrow(FailureError);
    expect(() => decodeSafetensors(bytes, '"a"')).toThrow(message);
  });
});
