import { execFileSync, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { findTool } from "../src/emulate/tools.js";
import { HEADER, HEADER_BYTES } from "../src/format/layout.js";
import { readModel } from "../src/format/reader.js";
import { SIGNATURE_ERRORS } from "../src/format/signature.js";
import { publicKeyBytes, readPublicKey } from "../src/signature/keys.js";
import { signModel, verifySignature } from "../src/signature/signature.js";
import { modelOf, signatures } from "../vectors/load.js";
import { type Compiler, compile, isMissing, removeBuilds } from "./test/native-host.js";

const folder = mkdtempSync(join(tmpdir(), "atome-adapter-"));
afterAll(() => {
  removeBuilds();
  rmSync(folder, { recursive: true, force: true });
});

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url));
const MODULE = path("atome_signature.c");
const HOST = path("test/signature-host.c");
const manual = readFileSync(path("atome_signature.h"), "utf8");

/** libsodium's headers: the tests' only implementation of Ed25519 in C. */
const hasSodium =
  spawnSync("cc", ["-fsyntax-only", "-x", "c", "-"], {
    input: "#include <sodium.h>\n",
    stdio: ["pipe", "ignore", "ignore"],
  }).status === 0;
const isMissingFor = (compiler: Compiler) => isMissing(compiler) || (process.env.CI !== "true" && !hasSodium);

/** The function that the manual gives for libsodium. */
const adapter = () => / \* libsodium:\n \*\n((?: \* {5}.*\n)+)/.exec(manual)?.[1].replace(/^ \* {5}/gm, "") ?? "";

interface Job {
  bytes: Uint8Array;
  publicKey: Uint8Array;
  minimumVersion: number;
}

/** Verdict and model version of each file, by atome_signature.c. */
function runJobs(host: string, jobs: readonly Job[]): [number, number][] {
  const word = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const input = Buffer.concat(
    jobs.flatMap(({ bytes, publicKey, minimumVersion }) => [
      word(bytes.length),
      bytes,
      publicKey,
      word(minimumVersion),
    ]),
  );
  const { status, signal, stdout, stderr } = spawnSync(host, { input, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`The host ended with ${status ?? signal}: ${stderr.slice(0, 2000)}`);
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

/** The same by node:crypto. */
function verdictOf({ bytes, publicKey, minimumVersion }: Job): [number, number] {
  const key = readPublicKey(Buffer.from(publicKey).toString("hex"), "of the test");
  const { problem, modelVersion } = verifySignature(bytes, key, minimumVersion);
  return problem === undefined ? [0, modelVersion ?? -1] : [SIGNATURE_ERRORS[problem], 0];
}

const owner = generateKeyPairSync("ed25519");
const signed = signModel(readModel(modelOf("signed")), owner.privateKey, 5);
const publicKey = publicKeyBytes(owner.publicKey);
const flips: Job[] = Array.from({ length: 8 * signed.length }, (_, bit) => {
  const bytes = signed.slice();
  bytes[bit >> 3] ^= 1 << (bit & 7);
  return { bytes, publicKey, minimumVersion: 5 };
});
const cuts: Job[] = Array.from({ length: signed.length }, (_, length) => {
  const bytes = signed.slice(0, length);
  if (length >= HEADER_BYTES) new DataView(bytes.buffer).setUint32(HEADER.totalBytes, length, true);
  return { bytes, publicKey, minimumVersion: 0 };
});
/** Bytes of the header and the section table changed at random, the length kept right. */
const wild: Job[] = fc
  .sample(fc.array(fc.tuple(fc.nat(100), fc.nat(255)), { minLength: 1, maxLength: 4 }), { seed: 1, numRuns: 1000 })
  .map((edits) => {
    const bytes = signed.slice();
    for (const [at, value] of edits) bytes[at] = value;
    new DataView(bytes.buffer).setUint32(HEADER.totalBytes, bytes.length, true);
    return { bytes, publicKey, minimumVersion: 0 };
  });

const jobs: Job[] = [...signatures, ...flips, ...cuts, ...wild];
const verdicts = jobs.map(verdictOf);

const SANITIZED = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"];

describe.each(["gcc", "clang"] as const)("atome_signature.c of %s with libsodium", (compiler) => {
  const build = () => {
    writeFileSync(join(folder, "adapter.h"), adapter());
    return compile(compiler, [...SANITIZED, "-I", folder], [MODULE, HOST, "-lsodium"]);
  };

  test.skipIf(isMissingFor(compiler))("judges every vector as it must, every change as node:crypto does", () => {
    const given = runJobs(build(), jobs);
    expect(given.slice(0, signatures.length).map(([error]) => error)).toEqual(signatures.map(({ error }) => error));
    expect(given).toEqual(verdicts);
    const accepted = flips.filter((_, i) => given[signatures.length + i][0] === 0);
    // Only the bits of the checksum, which a valid file has right.
    expect(accepted.map(({ bytes }) => bytes.findIndex((byte, i) => byte !== signed[i]) >> 2)).toEqual(
      Array(32).fill(HEADER.crc32 >> 2),
    );
  });

  test.skipIf(isMissing(compiler))("compiles without a warning", () => {
    const warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-pedantic", "-Werror"];
    expect(() => compile(compiler, [...warnings, "-Os", "-c"], [MODULE])).not.toThrow();
  });
});

const arm = findTool("arm-none-eabi-gcc", process.env.PATH ?? "");

test.skipIf(arm === undefined && process.env.CI !== "true")(
  "atome_signature.c calls nothing, keeps nothing and is below 200 bytes on a Cortex-M0",
  () => {
    const object = compile("arm-none-eabi-gcc", ["-mcpu=cortex-m0", "-mthumb", "-Os", "-c"], [MODULE]);
    const print = (tool: string, ...args: string[]) =>
      execFileSync(`arm-none-eabi-${tool}`, [...args, object], { encoding: "utf8" });
    expect(print("nm", "--undefined-only")).toBe("");
    const [text, data, bss] = print("size").split("\n")[1].trim().split(/\s+/).map(Number);
    expect([data, bss]).toEqual([0, 0]);
    expect(text).toBeLessThanOrEqual(200);
  },
);
