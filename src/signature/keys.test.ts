import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { expect, test } from "vitest";
import { UsageError } from "../model/errors.js";
import { makeKeyPair, publicKeyBytes, readPrivateKey, readPublicKey } from "./keys.js";

/** RFC 8410, sections 10.1 and 10.3. */
const RFC_PUBLIC = `-----BEGIN PUBLIC KEY-----
MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=
-----END PUBLIC KEY-----
`;
const RFC_PRIVATE = `-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
-----END PRIVATE KEY-----
`;
const RFC_HEX = "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1";

const hexOf = (key: KeyObject) => Buffer.from(publicKeyBytes(key)).toString("hex");

test.each([
  ["readPublicKey() of PEM", readPublicKey, RFC_PUBLIC],
  [
    "readPublicKey() of PEM with \\r\\n and a remark before it",
    readPublicKey,
    `mine\r\n${RFC_PUBLIC.replaceAll("\n", "\r\n")}`,
  ],
  ["readPublicKey() of digits", readPublicKey, ` ${RFC_HEX.toUpperCase()}\n`],
  ["readPrivateKey() of PEM", readPrivateKey, RFC_PRIVATE],
])("%s gives the key of RFC 8410", (_, read, text) => {
  expect(hexOf(read(text, "x"))).toBe(RFC_HEX);
});

test("makeKeyPair() gives two halves of one new key", () => {
  const [one, other] = [makeKeyPair(), makeKeyPair()];
  expect(hexOf(readPrivateKey(one.privatePem, "x"))).toBe(hexOf(readPublicKey(one.publicPem, "x")));
  expect(one.publicPem).not.toBe(other.publicPem);
});

const pem = (key: KeyObject, options?: { cipher: string; passphrase: string }) =>
  key.export({ type: key.type === "private" ? "pkcs8" : "spki", format: "pem", ...options }).toString();
const p256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
const encrypted = pem(p256.privateKey, { cipher: "aes-256-cbc", passphrase: "x" });
const CERTIFICATE = "-----BEGIN CERTIFICATE-----\n";

test.each([
  ["a private key", RFC_PRIVATE, "it is a private key"],
  ["an encrypted key", encrypted, "it is a private key"],
  ["a private key of another kind of file", "-----BEGIN OPENSSH PRIVATE KEY-----\n", "it is a private key"],
  ["a key of another kind", pem(p256.publicKey), "it is a key of ec"],
  ["a key for exchanges", pem(generateKeyPairSync("x25519").publicKey), "it is a key of x25519"],
  ["a damaged key", RFC_PUBLIC.replace("MCow", "MDow"), "its PEM is damaged"],
  ["a key cut short", RFC_PUBLIC.slice(0, 50), "its PEM is damaged"],
  ["a certificate", CERTIFICATE, 'it is a PEM of "CERTIFICATE"'],
  ["63 digits", RFC_HEX.slice(1), "it is not in PEM"],
  ["65 digits", `${RFC_HEX}0`, "it is not in PEM"],
  ["nothing", "", "it is not in PEM"],
])("readPublicKey() refuses %s", (_, text, found) => {
  const read = () => readPublicKey(text, '"k.pem"');
  expect(read).toThrow(UsageError);
  expect(read).toThrow(`Cannot use the key "k.pem": ${found}, expected an Ed25519 public key; `);
});

test.each([
  ["a public key", RFC_PUBLIC, "it is a public key"],
  ["the digits of a public key", RFC_HEX, "it is not in PEM"],
  ["an encrypted key", encrypted, "it is encrypted"],
  ["a key of another kind", pem(p256.privateKey), "it is a key of ec"],
  ["a damaged key", RFC_PRIVATE.replace("MC4C", "MD4C"), "its PEM is damaged"],
  ["a certificate", CERTIFICATE, 'it is a PEM of "CERTIFICATE"'],
])("readPrivateKey() refuses %s", (_, text, found) => {
  const read = () => readPrivateKey(text, '"k.pem"');
  expect(read).toThrow(UsageError);
  expect(read).toThrow(`Cannot use the key "k.pem": ${found}, expected an Ed25519 private key`);
});
