import { type KeyObject, sign, verify } from "node:crypto";
import type { AtomeModel } from "../format/reader.js";
import { findSignature, placeSignature, type SignatureProblem } from "../format/signature.js";

/**
 * The bytes of a model file, signed; a signature that it may have is replaced.
 *
 * @param privateKey an Ed25519 key
 * @param modelVersion 0..4294967295, signed with the rest: what tells an older release from a newer one
 * @example signModel(readModel(bytes), readPrivateKey(pem, "key.pem"), 4)
 */
export const signModel = (model: AtomeModel, privateKey: KeyObject, modelVersion = 0): Uint8Array =>
  placeSignature(model, modelVersion, (message) => sign(null, message, privateKey));

/** What a signature turned out to be. */
export interface SignatureVerdict {
  /** Undefined when the key's owner signed these very bytes. */
  problem: SignatureProblem | undefined;
  /** Of a file whose signature is right, also when it is below the least version wanted. */
  modelVersion: number | undefined;
}

/**
 * Whether the owner of a key signed a file: SPEC.md section 7. `readModel` says whether it is a valid file at all.
 *
 * @param bytes any bytes
 * @param publicKey an Ed25519 key that the caller trusts
 * @param minimumVersion the least model version that is accepted
 */
export function verifySignature(bytes: Uint8Array, publicKey: KeyObject, minimumVersion = 0): SignatureVerdict {
  const found = findSignature(bytes);
  if (typeof found === "string") return { problem: found, modelVersion: undefined };
  const { message, signature, modelVersion } = found;
  if (!verify(null, message, publicKey, signature)) return { problem: "signature", modelVersion: undefined };
  return { problem: modelVersion < minimumVersion ? "modelVersion" : undefined, modelVersion };
}
