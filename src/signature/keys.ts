/** Ed25519 keys as OpenSSL writes them: PKCS#8 and SPKI in PEM (RFC 8410). */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { UsageError } from "../model/errors.js";

/** A new pair of keys as PEM texts. */
export function makeKeyPair(): { privatePem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  return { privatePem: privateKey, publicPem: publicKey };
}

/** The 32 bytes of a public key, or of the public half of a private one. */
export function publicKeyBytes(key: KeyObject): Uint8Array {
  const { x } = (key.type === "private" ? createPublicKey(key) : key).export({ format: "jwk" });
  return new Uint8Array(Buffer.from(x as string, "base64url"));
}

const RAW_KEY = /^[0-9a-f]{64}$/i;

/** Whether a text is the 32 bytes of a public key in hexadecimal. */
export const isRawKey = (text: string): boolean => RAW_KEY.test(text.trim());

/**
 * Reads a public key: PEM, or its 32 bytes in hexadecimal.
 *
 * @param place what the user calls it, for the error: `"key.pub.pem"`
 * @throws UsageError when it is anything else, a private key above all: that has no business where keys are checked
 */
export function readPublicKey(text: string, place: string): KeyObject {
  if (isRawKey(text)) {
    const x = Buffer.from(text.trim(), "hex").toString("base64url");
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  }
  const expected = "expected an Ed25519 public key";
  const label = pemLabel(text, place, expected);
  if (label.endsWith("PRIVATE KEY")) {
    refuse(place, "it is a private key", expected, 'give its public half, the .pub.pem file of "atome keygen"');
  }
  if (label !== "PUBLIC KEY") refuse(place, `it is a PEM of "${label}"`, expected, MAKE_KEYS);
  return checkKind(() => createPublicKey(text), place, expected);
}

/**
 * Reads a private key in PEM.
 *
 * @param place what the user calls it, for the error: `"key.pem"`
 * @throws UsageError when it is anything else, or encrypted
 */
export function readPrivateKey(text: string, place: string): KeyObject {
  const expected = "expected an Ed25519 private key";
  const label = pemLabel(text, place, expected);
  if (label === "ENCRYPTED PRIVATE KEY") {
    refuse(
      place,
      "it is encrypted",
      `${expected} that is not`,
      'decrypt it into a pipe or a file with "openssl pkey -in"',
    );
  }
  if (label === "PUBLIC KEY") refuse(place, "it is a public key", expected, 'give the private one of "atome keygen"');
  if (label !== "PRIVATE KEY") refuse(place, `it is a PEM of "${label}"`, expected, MAKE_KEYS);
  return checkKind(() => createPrivateKey(text), place, expected);
}

const MAKE_KEYS = 'make keys with "atome keygen"';

function refuse(place: string, found: string, expected: string, fix: string): never {
  throw new UsageError(`Cannot use the key ${place}: ${found}, ${expected}; ${fix}.`);
}

/** What a PEM file says that it holds. */
function pemLabel(text: string, place: string, expected: string): string {
  const label = /^-----BEGIN ([A-Z0-9 ]+)-----$/m.exec(text)?.[1];
  return label ?? refuse(place, "it is not in PEM", expected, MAKE_KEYS);
}

function checkKind(read: () => KeyObject, place: string, expected: string): KeyObject {
  const key = readOrUndefined(read);
  if (key === undefined) return refuse(place, "its PEM is damaged", expected, "copy it again");
  if (key.asymmetricKeyType === "ed25519") return key;
  return refuse(place, `it is a key of ${key.asymmetricKeyType}`, expected, MAKE_KEYS);
}

function readOrUndefined(read: () => KeyObject): KeyObject | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
