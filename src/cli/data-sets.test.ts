import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { dataSets } from "./data-sets.js";

const given = process.env.ATOME_DATA ?? "";

test("data sets have unique names", () => {
  const names = dataSets.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
});

describe.each(dataSets)("the recipe of $name", (set) => {
  test("is complete", () => {
    expect(set.name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
    expect(set.about).not.toBe("");
    expect(set.licence).toMatch(/^(CC-BY-[34]\.0|CC0-1\.0|CDLA-Sharing-1\.0)$/);
    expect(set.makers).not.toBe("");
    expect(new URL(set.origin).protocol).toBe("https:");
    const paths = set.files.map(({ path }) => path);
    expect(paths.length).toBeGreaterThan(0);
    expect(paths).toEqual([...new Set(paths)]);
  });

  test.each(set.files)("names size, hash and https addresses of $path", ({ path, byteCount, sha256, addresses }) => {
    // A path stays in the folder of its set.
    expect(path).toMatch(/^[A-Za-z0-9_][\w.]*(\/[A-Za-z0-9_][\w.]*)*$/);
    expect(Number.isSafeInteger(byteCount) && byteCount > 0).toBe(true);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    for (const address of addresses) expect(new URL(address)).toMatchObject({ protocol: "https:", search: "" });
    expect(set.madeBy === undefined).toBe(addresses.length > 0);
    // The first address can never give other bytes: it names a commit.
    if (addresses.length > 0) expect(addresses[0]).toMatch(/\/[0-9a-f]{40}\//);
  });

  test.skipIf(!existsSync(join(given, set.name)) || given === "")(`is that of ${set.name} in ATOME_DATA`, () => {
    const found = set.files.map(({ path }) => {
      const bytes = readFileSync(join(given, set.name, path));
      return { path, byteCount: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
    });
    expect(found).toEqual(set.files.map(({ path, byteCount, sha256 }) => ({ path, byteCount, sha256 })));
  });
});
