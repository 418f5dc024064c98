import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { dataSets } from "./data-sets.js";
import { runAtome } from "./spawn-atome.js";

const given = process.env.ATOME_DATA ?? "";
const valid = "tinystories-v2-valid-256k";
const validText = join(given, valid, "sample.txt");
const snips = "snips-goo2018-split";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "atome-data-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

/** No test here may use the network: what is not in the folder is asked for with --offline. */
const atomeData = (args: readonly string[], folder = "") =>
  runAtome(["data", ...args], cwd, { ATOME_DATA: folder, XDG_CACHE_HOME: join(cwd, "caches") });

describe("atome data", () => {
  test("lists every set with its bytes, licence and where it comes from", async () => {
    mkdirSync(join(cwd, "mine", valid), { recursive: true });
    writeFileSync(join(cwd, "mine", valid, "sample.txt"), "");
    const { code, stdout, stderr } = await atomeData([], join(cwd, "mine"));
    expect([code, stderr]).toEqual([0, ""]);
    for (const { name } of dataSets) expect(stdout).toMatch(new RegExp(`^${name} `, "m"));
    expect(stdout).toMatch(
      /^tinystories-v2-valid-256k +262144 +CDLA-Sharing-1\.0 +ATOME_DATA +TinyStories, version 2/m,
    );
    expect(stdout).toMatch(/^sms-spam +477917 +CC-BY-4\.0 +network +/m);
    expect(stdout).toMatch(/^tldr-pages-en +966616 +CC-BY-4\.0 +folder only +/m);
    expect(stdout).toContain(
      `ATOME_DATA is ${join(cwd, "mine")}; the cache is ${join(cwd, "caches", "atome", "data")}.`,
    );
  });

  test("lists for programs", async () => {
    const { stdout } = await atomeData(["--json"]);
    const { dataSets: listed, folders } = JSON.parse(stdout);
    expect(folders).toEqual({ cache: join(cwd, "caches", "atome", "data") });
    expect(listed).toMatchObject(dataSets.map(({ name, files }) => ({ name, files })));
    expect(listed.find(({ name }: { name: string }) => name === valid)).toMatchObject({
      bytes: 262_144,
      from: "network",
    });
  });

  test.each([
    [
      "a name like another",
      ["tinystories-valid"],
      /^Cannot fetch "tinystories-valid": .*; use "tinystories-v2-valid-256k", or see/,
    ],
    ["a misspelt name", ["Clinc-150"], /use "clinc150", or see the names with "atome data"\.\n$/],
    ["a name like none", ["xyz"], /there is no data set of that name; see the names with "atome data"\.\n$/],
    [
      "no name",
      ["-o", "a.txt"],
      /^Cannot write a data set: none is named; say which, "atome data" lists the names\.\n$/,
    ],
    ["an output that exists", [valid, "-o", "old.txt"], /^Cannot write "old\.txt": it exists already; .* --force\.\n$/],
    [
      "a folder for a file",
      [valid, "-o", "folder", "--force"],
      /^Cannot write "folder": it is a directory; name a file\.\n$/,
    ],
    [
      "a file for a folder",
      [snips, "-o", "old.txt"],
      /^Cannot write to "old\.txt": it is not a directory; choose another with -o\.\n$/,
    ],
    ["an unknown option", [valid, "--out"], /unknown option '--out'.*; see "atome data --help"\.\n$/],
  ])("refuses %s", async (_, args, message) => {
    writeFileSync(join(cwd, "old.txt"), "old");
    mkdirSync(join(cwd, "folder"));
    const { code, stdout, stderr } = await atomeData([...args, "--offline"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
    expect(stderr.split("\n").length).toBe(2);
    expect(readFileSync(join(cwd, "old.txt"), "utf8")).toBe("old");
  });

  test("refuses an output in a folder that is not there", async () => {
    const { code, stderr } = await atomeData([valid, "-o", join("none", "a.txt"), "--offline"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Cannot write "none.*": its folder does not exist or takes no files;/);
  });

  test("leaves no folder behind when there is nothing to put in it", async () => {
    const { code, stderr } = await atomeData([snips, "-o", join("a", "b"), "--offline"]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Cannot fetch "snips-goo2018-split\/train\/seq\.in": ATOME_DATA is not set, and --offline/);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test("refuses a file of the folder that has other bytes", async () => {
    mkdirSync(join(cwd, "mine", valid), { recursive: true });
    writeFileSync(join(cwd, "mine", valid, "sample.txt"), "Once upon a time");
    const { code, stderr } = await atomeData([valid, "-o", "a.txt"], join(cwd, "mine"));
    expect(code).toBe(1);
    expect(stderr).toMatch(
      /sample\.txt": its 16 bytes have the SHA-256 [0-9a-f]{64}, expected 262,144 bytes with 4c8bf5f6/,
    );
    expect(existsSync(join(cwd, "a.txt"))).toBe(false);
  });

  test.skipIf(given === "" || !existsSync(validText))("writes a file and says what must be kept with it", async () => {
    const { code, stdout, stderr } = await atomeData([valid, "-o", "stories.txt", "--offline"], given);
    expect([code, stderr]).toEqual([0, ""]);
    expect(readFileSync(join(cwd, "stories.txt")).equals(readFileSync(validText))).toBe(true);
    expect(stdout).toMatch(/^Wrote stories\.txt: 262,144 bytes, SHA-256 4c8bf5f6[0-9a-f]{56}$/m);
    expect(stdout).toMatch(
      /^Keep with it: TinyStories by .*, CDLA-Sharing-1\.0 \(https:\/\/spdx\.org\/licenses\/CDLA-Sharing-1\.0\.html\)\.$/m,
    );
    expect(readdirSync(cwd)).toEqual(["stories.txt"]);
  });

  test.skipIf(given === "" || !existsSync(join(given, snips)))(
    "writes a folder; replaces with --force only",
    async () => {
      const set = dataSets.find(({ name }) => name === snips);
      const { code, stdout } = await atomeData([snips, "--offline", "--json"], given);
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({
        name: snips,
        licence: "CC0-1.0",
        files: set?.files.map(({ path, byteCount, sha256 }) => ({
          file: join(snips, ...path.split("/")),
          bytes: byteCount,
          sha256,
          from: join(given, snips, ...path.split("/")),
        })),
      });
      const label = join(cwd, snips, "train", "label");
      writeFileSync(label, "changed");
      expect((await atomeData([snips, "--offline"], given)).code).toBe(2);
      expect(readFileSync(label, "utf8")).toBe("changed");
      expect((await atomeData([snips, "--offline", "--force"], given)).code).toBe(0);
      expect(readFileSync(label).length).toBe(184_532);
      // What was written has the layout of ATOME_DATA.
      symlinkSync(cwd, join(cwd, "again"));
      expect((await atomeData([snips, "-o", "copy", "--offline"], join(cwd, "again"))).code).toBe(0);
    },
  );
});
