import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { modelOf } from "../../vectors/load.js";
import { HEADER } from "../format/layout.js";
import { sealModel } from "../format/writer.js";
import { runAtome } from "./spawn-atome.js";

const cwd = mkdtempSync(join(tmpdir(), "atome-sign-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const write = (name: string, content: string | Uint8Array) => writeFileSync(join(cwd, name), content);
const read = (name: string) => readFileSync(join(cwd, name));

/** Runs a command with --json and returns its exit code and object. */
async function run(...args: string[]) {
  const { code, stdout, stderr } = await runAtome([...args, "--json"], cwd);
  return { code, stderr, result: stdout === "" ? undefined : JSON.parse(stdout) };
}

let publicKey: string;

beforeAll(async () => {
  write("model.atome", modelOf("gated-local"));
  const { code, result } = await run("keygen", "-o", "key");
  expect(code).toBe(0);
  publicKey = result.publicKey;
  await run("keygen", "-o", "stranger.pem");
  expect(
    (await run("sign", "model.atome", "--key", "key.pem", "-o", "signed.atome", "--model-version", "3")).code,
  ).toBe(0);
});

describe("atome keygen", () => {
  test("writes a private file for its owner alone, and the public key for computers and for C", async () => {
    expect(publicKey).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(join(cwd, "key.pem")).mode & 0o777).toBe(0o600);
    expect(read("key.pem").toString()).toMatch(/^-----BEGIN PRIVATE KEY-----\n/);
    expect(read("key.pub.pem").toString()).toMatch(/^-----BEGIN PUBLIC KEY-----\n/);
    const inC = [
      ...read("key.pub.h")
        .toString()
        .matchAll(/0x([0-9a-f]{2}),/g),
    ].map(([, digits]) => digits);
    expect(inC.join("")).toBe(publicKey);
  });

  test("replaces nothing without --force, and the permissions with it", async () => {
    const old = read("stranger.pem");
    const { code, stderr } = await run("keygen", "-o", "stranger");
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^Cannot write "stranger\.pem": it exists already; .*\n$/),
    ]);
    expect(read("stranger.pem")).toEqual(old);
    write("open.pem", "");
    expect((await run("keygen", "-o", "open", "--force")).code).toBe(0);
    expect(statSync(join(cwd, "open.pem")).mode & 0o777).toBe(0o600);
  });
});

describe("atome sign", () => {
  test("adds 88 bytes once, however often", async () => {
    expect(read("signed.atome").length).toBe(read("model.atome").length + 88);
    copyFileSync(join(cwd, "signed.atome"), join(cwd, "again.atome"));
    const { result } = await run(
      "sign",
      "again.atome",
      "--key",
      "key.pem",
      "-o",
      "again.atome",
      "--model-version",
      "3",
    );
    expect(result).toEqual({
      model: "again.atome",
      flashBytes: read("signed.atome").length,
      modelVersion: 3,
      publicKey,
    });
    expect(read("again.atome")).toEqual(read("signed.atome"));
  });

  test("changes nothing that the engines say", async () => {
    const hash = async (name: string) => {
      const { stdout } = await runAtome(["verify", name, "--json"], cwd, { PATH: "" });
      return JSON.parse(stdout).engines[0].hash;
    };
    expect(await hash("signed.atome")).toBe(await hash("model.atome"));
  });

  test("is told by atome inspect", async () => {
    expect((await run("inspect", "signed.atome")).result).toMatchObject({ signatureBytes: 80, modelVersion: 3 });
    const { stdout } = await runAtome(["inspect", "signed.atome"], cwd);
    expect(stdout).toMatch(/^signature +of model version 3; by whom, "atome verify-signature" tells$/m);
    expect((await run("inspect", "model.atome")).result).not.toHaveProperty("modelVersion");
  });
});

describe("atome verify-signature", () => {
  test.each([
    ["a PEM file", () => "key.pub.pem"],
    ["hexadecimal digits", () => publicKey],
  ])("takes the key as %s", async (_, key) => {
    const { code, result } = await run("verify-signature", "signed.atome", "--key", key(), "--minimum-version", "3");
    expect(code).toBe(0);
    expect(result).toEqual({ file: "signed.atome", valid: true, problem: null, modelVersion: 3, publicKey });
  });

  const changed = (name: string, change: (bytes: Buffer) => Uint8Array) => () => {
    write(name, change(read("signed.atome")));
    return name;
  };
  /** A forger makes the checksum right again. */
  const forge = (bytes: Buffer) => {
    bytes[HEADER.epsilon] ^= 1;
    sealModel(bytes);
    return bytes;
  };
  const key = ["--key", "key.pub.pem"];

  test.each<[string, () => string, string[], string, RegExp]>([
    ["an unsigned file", () => "model.atome", key, "unsigned", /^Cannot trust ".*": it is not signed; sign it with /],
    [
      "another key",
      () => "signed.atome",
      ["--key", "stranger.pub.pem"],
      "signature",
      /: its signature is not one of this key: it /,
    ],
    ["a forged file", changed("forged.atome", forge), key, "signature", /: its signature is not one of this key: it /],
    [
      "an older release",
      () => "signed.atome",
      [...key, "--minimum-version", "4"],
      "modelVersion",
      /: its model version is 3, expected at least 4: /,
    ],
    [
      "a truncated file",
      changed("short.atome", (bytes) => bytes.subarray(0, 300)),
      key,
      "size",
      /^Cannot load ".*": at byte 8, totalBytes is \d+ but the file has 300 bytes; /,
    ],
    [
      "a damaged file",
      changed("damaged.atome", (bytes) => bytes.fill(0, 150, 152)),
      key,
      "checksum",
      /^Cannot load ".*": at byte 12, crc32 is/,
    ],
  ])("gives exit code 1 for %s", async (_, file, options, problem, message) => {
    const name = file();
    const { code, stderr, result } = await run("verify-signature", name, ...options);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
    expect([code, result]).toEqual([1, expect.objectContaining({ file: name, valid: false, problem })]);
  });
});

test("exit code 1 for a model to sign that is damaged", async () => {
  write("damaged.atome", read("model.atome").fill(0, 150, 152));
  const { code, stderr } = await run("sign", "damaged.atome", "--key", "key.pem", "-o", "no.atome");
  expect([code, stderr]).toEqual([
    1,
    expect.stringMatching(/^Cannot load "damaged\.atome": at byte 12, crc32 is .*\n$/),
  ]);
  expect(existsSync(join(cwd, "no.atome"))).toBe(false);
});

describe("exit code 2 for", () => {
  test.each<[string, string[], RegExp]>([
    [
      "a private key to check with",
      ["verify-signature", "signed.atome", "--key", "key.pem"],
      /^Cannot use the key "key\.pem": it is a private key, expected an Ed25519 public key; give /,
    ],
    [
      "a public key to sign with",
      ["sign", "model.atome", "--key", "key.pub.pem", "-o", "no.atome"],
      /^Cannot use the key "key\.pub\.pem": it is a public key, expected an Ed25519 private key; give /,
    ],
    [
      "a model as key",
      ["verify-signature", "signed.atome", "--key", "model.atome"],
      /^Cannot use the key "model\.atome": it is not in PEM, expected/,
    ],
    [
      "63 digits",
      ["verify-signature", "signed.atome", "--key", "a".repeat(63)],
      /^Cannot read "a+": there is no such file, expected an Ed25519 public key/,
    ],
    ["no key", ["verify-signature", "signed.atome"], /required option '--key <key>' not specified/],
    [
      "a version too large",
      ["sign", "model.atome", "--key", "key.pem", "-o", "no.atome", "--model-version", "4294967296"],
      /Expected a whole number from 0 to 4294967295/,
    ],
  ])("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await runAtome(args, cwd);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
    expect([code, stdout]).toEqual([2, ""]);
    expect(existsSync(join(cwd, "no.atome"))).toBe(false);
  });
});

test("the commands of README.md run", async () => {
  const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
  const section = /## Signed models\n(.*?)\n## /s.exec(readme)?.[1] ?? "";
  const lines = [...section.matchAll(/^ {4}atome (.*?)(?: {2,}.*)?$/gm)].map(([, line]) => line.split(" "));
  expect(lines.map(([command]) => command)).toEqual(["keygen", "sign", "verify-signature"]);
  const folder = mkdtempSync(join(cwd, "readme-"));
  copyFileSync(join(cwd, "model.atome"), join(folder, "model.atome"));
  for (const args of lines) expect(await runAtome(args, folder)).toMatchObject({ code: 0, stderr: "" });
});
