// Signed models and files whose signature must be refused, all by keys that exist for these vectors alone.
import { createHash, createPrivateKey, sign as signMessage } from "node:crypto";
import { HEADER, HEADER_BYTES, SECTION_ENTRY_BYTES } from "../dist/format/layout.js";
import { readModel } from "../dist/format/reader.js";
import { SIGNATURE, SIGNATURE_ERRORS, SIGNATURE_SECTION_BYTES } from "../dist/format/signature.js";
import { sealModel, writeModel } from "../dist/format/writer.js";
import { publicKeyBytes } from "../dist/signature/keys.js";
import { signModel } from "../dist/signature/signature.js";

/** A key whose seed anyone can compute. The prefix is that of an Ed25519 key in PKCS#8 (RFC 8410, section 7). */
function testKey(text) {
  const seed = createHash("sha256").update(text).digest();
  const prefix = Buffer.from("302e020100300506032b657004220420", "hex");
  return createPrivateKey({ key: Buffer.concat([prefix, seed]), format: "der", type: "pkcs8" });
}

const owner = testKey("Atome test key: trust nothing that it signs");
const stranger = testKey("Atome test key of a stranger");

const sign = (bytes, key, version) => signModel(readModel(bytes), key, version);

/** The version that the signed vector has. */
export const SIGNED_VERSION = 3;

/** A model's parts with a signature by the test key. */
export const signed = (parts) => ({
  ...parts,
  signature: readModel(sign(writeModel(parts), owner, SIGNED_VERSION)).signature,
});

/** A copy with a change, its checksum right again. */
function changed(bytes, change) {
  const copy = bytes.slice();
  change(copy, new DataView(copy.buffer));
  sealModel(copy);
  return copy;
}

const flipped = (bytes, at) =>
  changed(bytes, (copy) => {
    copy[at] ^= 1;
  });

/** Without its last section. */
function stripped(bytes) {
  const { sections } = readModel(bytes);
  const entry = lastEntryOf(bytes);
  const rest = bytes.subarray(entry + SECTION_ENTRY_BYTES, bytes.length - sections.at(-1).bytes);
  return changed(Uint8Array.of(...bytes.subarray(0, entry), ...rest), (copy, view) => {
    view.setUint32(HEADER.totalBytes, copy.length, true);
    view.setUint16(HEADER.sectionCount, sections.length - 1, true);
  });
}

/** The order of Ed25519's base point (RFC 8032, section 5.1). */
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The same signature with S + ORDER in the place of S, which RFC 8032 (5.1.7) refuses. */
function malleated(bytes) {
  return changed(bytes, (copy, view) => {
    const at = copy.length - 32;
    let s = ORDER;
    for (let i = 0; i < 4; i++) s += view.getBigUint64(at + 8 * i, true) << BigInt(64 * i);
    for (let i = 0; i < 4; i++) view.setBigUint64(at + 8 * i, BigInt.asUintN(64, s >> BigInt(64 * i)), true);
  });
}

/** A classifier with every section. */
function fiveSections(classes) {
  const parts = readModel(classes);
  const tokens = Array.from({ length: parts.dimensions.vocab }, (_, i) => new Uint8Array(i).fill(i));
  return writeModel({ ...parts, tokens });
}

/** Signed by the owner as it is, although its head says something else than its header. */
function signedWithOtherHead(bytes, at) {
  return changed(bytes, (copy) => {
    copy[copy.length - SIGNATURE_SECTION_BYTES + at] ^= 1;
    copy.set(signMessage(null, copy.subarray(16, -64), owner), copy.length - 64);
  });
}

const lastEntryOf = (bytes) => HEADER_BYTES + (readModel(bytes).sections.length - 1) * SECTION_ENTRY_BYTES;

// Cases: name, problem ("ok": none), bytes, and where they differ the key (else the owner's) and the least version (else 0).

/** By the owner or by a stranger, new enough or not. */
function signedCases(model, unsigned, other, classes) {
  const section = model.length - SIGNATURE_SECTION_BYTES;
  return [
    ["signed", "ok", model],
    ["signed-just-new-enough", "ok", model, owner, SIGNED_VERSION],
    ["signed-again", "ok", sign(sign(model, stranger, 9), owner, SIGNED_VERSION)],
    ["signed-largest-version", "ok", sign(unsigned, owner, 0xffffffff), owner, 0xffffffff],
    ["signed-two-sections", "ok", sign(other, owner, 0)],
    ["signed-five-sections", "ok", sign(fiveSections(classes), owner, 0)],
    ["replayed", "modelVersion", model, owner, SIGNED_VERSION + 1],
    ["replayed-version-0", "modelVersion", sign(unsigned, owner, 0), owner, 1],
    ["replayed-largest-version", "modelVersion", model, owner, 0xffffffff],
    ["stranger-re-signed", "signature", sign(model, stranger, SIGNED_VERSION)],
    ["stranger-key", "signature", model, stranger],
    ["stranger-key-replayed", "signature", model, stranger, SIGNED_VERSION + 1],
    [
      "moved-from-another-file",
      "signature",
      changed(sign(other, stranger), (copy) =>
        copy.set(model.subarray(section), copy.length - SIGNATURE_SECTION_BYTES),
      ),
    ],
  ];
}

/** Changed after they were signed. */
function forgedCases(model) {
  const section = model.length - SIGNATURE_SECTION_BYTES;
  const versionAt = section + SIGNATURE.modelVersion;
  const { sections, layout } = readModel(model);
  const at = Object.fromEntries(sections.map(({ name, offset }) => [name, offset]));
  return [
    ["forged-magic", "signature", flipped(model, HEADER.magic)],
    ["forged-format-version", "signature", flipped(model, HEADER.version)],
    ["forged-vocab", "signature", flipped(model, HEADER.vocab)],
    ["forged-epsilon", "signature", flipped(model, HEADER.epsilon)],
    ["forged-section-table", "signature", flipped(model, HEADER_BYTES + 4)],
    ["forged-first-weight", "signature", flipped(model, layout.embedding.offset)],
    ["forged-last-weight", "signature", flipped(model, layout.end - 1)],
    ["forged-token", "signature", flipped(model, at.tokens + 1)],
    ["forged-metadata", "signature", flipped(model, at.metadata)],
    ["forged-head", "signature", flipped(model, section)],
    ["other-head-first-byte", "signature", signedWithOtherHead(model, 0)],
    ["other-head-last-byte", "signature", signedWithOtherHead(model, 11)],
    [
      "forged-head-and-header",
      "signature",
      changed(model, (copy) => {
        copy[HEADER.version] ^= 2;
        copy[section + HEADER.version] ^= 2;
      }),
    ],
    ["forged-model-version", "signature", flipped(model, versionAt)],
    [
      "forged-model-version-raised",
      "signature",
      changed(model, (_, view) => view.setUint32(versionAt, 9, true)),
      owner,
      9,
    ],
    ["forged-signature-first-bit", "signature", flipped(model, section + SIGNATURE.signature)],
    ["forged-signature-last-byte", "signature", flipped(model, model.length - 1)],
    ["forged-signature-zero", "signature", changed(model, (copy) => copy.fill(0, section + SIGNATURE.signature))],
    ["forged-signature-s-not-reduced", "signature", malleated(model)],
  ];
}

/** Without a signature section that is one. */
function unsignedCases(model, unsigned) {
  const lastEntry = lastEntryOf(model);
  return [
    ["stripped", "unsigned", stripped(model)],
    ["stripped-entry-renamed", "unsigned", changed(model, (_, view) => view.setUint32(lastEntry, 6, true))],
    ["stripped-no-sections", "unsigned", changed(model, (_, view) => view.setUint16(HEADER.sectionCount, 0, true))],
    [
      "stripped-one-section",
      "unsigned",
      changed(model, (_, view) => {
        view.setUint16(HEADER.sectionCount, 1, true);
        view.setUint32(HEADER_BYTES, 5, true);
        view.setUint32(HEADER_BYTES + 4, SIGNATURE_SECTION_BYTES, true);
      }),
    ],
    [
      "stripped-six-sections",
      "unsigned",
      changed(model, (_, view) => {
        view.setUint16(HEADER.sectionCount, 6, true);
        view.setUint32(HEADER_BYTES + 5 * SECTION_ENTRY_BYTES, 5, true);
        view.setUint32(HEADER_BYTES + 5 * SECTION_ENTRY_BYTES + 4, SIGNATURE_SECTION_BYTES, true);
      }),
    ],
    ["section-of-64-bytes", "unsigned", unsigned],
    ["section-of-84-bytes", "unsigned", changed(model, (_, view) => view.setUint32(lastEntry + 4, 84, true))],
  ];
}

function shortCases(model) {
  return [
    [
      "smallest-file",
      "unsigned",
      changed(model.slice(0, 60), (_, view) => view.setUint32(HEADER.totalBytes, 60, true)),
    ],
    [
      "one-byte-too-small",
      "unsigned",
      changed(model.slice(0, 147), (_, view) => view.setUint32(HEADER.totalBytes, 147, true)),
    ],
    ["truncated", "size", model.slice(0, model.length - 1)],
    ["truncated-signature", "size", model.slice(0, -SIGNATURE_SECTION_BYTES)],
    ["truncated-59-bytes", "size", model.slice(0, 59)],
    ["truncated-to-nothing", "size", new Uint8Array()],
    ["one-byte-too-many", "size", Uint8Array.of(...model, 0)],
  ];
}

/**
 * Files, keys and what the check of the signature must say of them.
 *
 * @param modelOf gives the bytes of a vector
 * @returns {{name: string, error: number, publicKey: string, minimumVersion: number, bytes: Uint8Array}[]}
 */
export function signatureCases(modelOf) {
  const [model, unsigned, other, classes] = ["signed", "sample-gated", "sample-base", "gated-classes"].map(modelOf);
  const cases = [
    ...signedCases(model, unsigned, other, classes),
    ...forgedCases(model),
    ...unsignedCases(model, unsigned),
    ...shortCases(model),
  ];
  return cases.map(([name, problem, bytes, key = owner, minimumVersion = 0]) => ({
    name,
    error: SIGNATURE_ERRORS[problem] ?? 0,
    publicKey: Buffer.from(publicKeyBytes(key)).toString("hex"),
    minimumVersion,
    bytes,
  }));
}
