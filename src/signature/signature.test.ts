import { generateKeyPairSync, verify } from "node:crypto";
import { describe, expect, test } from "vitest";
import { modelOf, signatures } from "../../vectors/load.js";
import { HEADER } from "../format/layout.js";
import { checkModel, readModel } from "../format/reader.js";
import { sampleBase, sampleClassifier, sampleGated, sampleRecall } from "../format/samples.js";
import { SIGNATURE_ERRORS } from "../format/signature.js";
import { sealModel, writeModel } from "../format/writer.js";
import { readPublicKey } from "./keys.js";
import { signModel, verifySignature } from "./signature.js";

const owner = generateKeyPairSync("ed25519");
const stranger = generateKeyPairSync("ed25519");

const sign = (bytes: Uint8Array, key = owner.privateKey, version = 7) => signModel(readModel(bytes), key, version);

const samples = [
  ["base", sampleBase],
  ["gated", sampleGated],
  ["classifier", sampleClassifier],
  ["recall", sampleRecall],
] as const;

describe.each(samples)("signModel() of the %s sample", (_, sample) => {
  const unsigned = writeModel({ ...sample(), signature: undefined });
  const signed = sign(unsigned);

  test("adds 88 bytes and changes nothing that the model says", () => {
    expect(signed.length - unsigned.length).toBe(88);
    const { signature, ...parts } = sample();
    expect(readModel(signed)).toMatchObject(parts);
    expect(verifySignature(signed, owner.publicKey)).toEqual({ problem: undefined, modelVersion: 7 });
  });

  test("replaces what stands in the signature section", () => {
    expect(sign(sign(signed, stranger.privateKey, 1))).toEqual(signed);
    expect(sign(writeModel({ ...sample(), signature: new Uint8Array(4) }))).toEqual(signed);
  });
});

describe("verifySignature()", () => {
  const signed = sign(modelOf("signed"));

  test("refuses every single flipped bit, the checksum right or not", () => {
    const accepted: number[] = [];
    for (let bit = 0; bit < 8 * signed.length; bit++) {
      const forged = signed.slice();
      forged[bit >> 3] ^= 1 << (bit & 7);
      // The checksum's own bits are caught by the checksum, and only by it.
      const ofChecksum = bit >> 5 === HEADER.crc32 >> 2;
      if (ofChecksum) expect(checkModel(forged).error).toBe(6);
      else if (verifySignature(forged, owner.publicKey).problem === undefined) accepted.push(bit);
    }
    expect(accepted).toEqual([]);
  });

  test("refuses every shorter length, also when the file says that it is whole", () => {
    for (let length = 0; length < signed.length; length++) {
      const short = signed.slice(0, length);
      expect(verifySignature(short, owner.publicKey).problem).toBe("size");
      if (length < 60) continue;
      new DataView(short.buffer).setUint32(HEADER.totalBytes, length, true);
      sealModel(short);
      expect(verifySignature(short, owner.publicKey).problem).toMatch(/^(unsigned|signature)$/);
    }
  });

  test("reads from the middle of a buffer", () => {
    const buffer = new Uint8Array(signed.length + 3);
    buffer.set(signed, 3);
    expect(verifySignature(buffer.subarray(3), owner.publicKey).problem).toBeUndefined();
  });

  test.each(signatures.map((vector) => [vector.name, vector] as const))("judges the vector %s", (_, vector) => {
    const key = readPublicKey(Buffer.from(vector.publicKey).toString("hex"), "of the vector");
    const { problem } = verifySignature(vector.bytes, key, vector.minimumVersion);
    expect(problem === undefined ? 0 : SIGNATURE_ERRORS[problem]).toBe(vector.error);
  });
});

test("the vectors have every verdict", () => {
  expect(new Set(signatures.map(({ error }) => error))).toEqual(new Set([0, ...Object.values(SIGNATURE_ERRORS)]));
});

test("the message is the file but its first 16 and last 64 bytes", () => {
  const signed = modelOf("signed");
  const { publicKey } = signatures[0];
  const key = readPublicKey(Buffer.from(publicKey).toString("hex"), "of the vector");
  expect(verify(null, signed.subarray(16, -64), key, signed.subarray(-64))).toBe(true);
});
