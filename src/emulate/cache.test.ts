import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FailureError } from "../model/errors.js";
import { cachedBuild, withFolder } from "./cache.js";

const folder = mkdtempSync(join(tmpdir(), "atome-cache-"));
afterAll(() => rmSync(folder, { recursive: true }));
const workshop = { engineDir: folder, firmwareDir: folder, cacheDir: join(folder, "cache"), searchPath: "" };
const source = join(folder, "a.c");
const tool = join(folder, "tool");
writeFileSync(source, "one");
writeFileSync(tool, "");

describe("cachedBuild()", () => {
  let builds = 0;
  const build = (flag: string) =>
    cachedBuild(workshop, tool, [flag], [source], async (dir) => {
      builds++;
      writeFileSync(join(dir, "out"), `${flag} ${readFileSync(source, "utf8")}`);
    });
  const builtBy = async (flag: string) => readFileSync(join(await build(flag), "out"), "utf8");

  test("builds once for the same ingredients, anew for others", async () => {
    expect([await builtBy("-O0"), await builtBy("-O0"), builds]).toEqual(["-O0 one", "-O0 one", 1]);
    expect([await builtBy("-O2"), builds]).toEqual(["-O2 one", 2]);
    writeFileSync(source, "two");
    expect([await builtBy("-O0"), builds]).toEqual(["-O0 two", 3]);
    writeFileSync(tool, "newer");
    expect([await builtBy("-O0"), builds]).toEqual(["-O0 two", 4]);
  });

  test("takes what another process built meanwhile", async () => {
    const [first, second] = await Promise.all([builtBy("-Os"), builtBy("-Os")]);
    expect([first, second]).toEqual(["-Os two", "-Os two"]);
  });

  test("keeps nothing of a build that failed", async () => {
    const before = readdirSync(workshop.cacheDir);
    const failing = cachedBuild(workshop, tool, ["-bad"], [source], () => Promise.reject(new Error("no")));
    await expect(failing).rejects.toThrow("no");
    expect(readdirSync(workshop.cacheDir)).toEqual(before);
  });
});

describe("withFolder()", () => {
  test("removes its folder, also after a failure", async () => {
    const dirs: string[] = [];
    const use = (error?: Error) =>
      withFolder(workshop, async (dir) => {
        dirs.push(dir);
        expect(existsSync(dir)).toBe(true);
        if (error) throw error;
      });
    await use();
    await expect(use(new Error("no"))).rejects.toThrow("no");
    expect(dirs.map((dir) => existsSync(dir))).toEqual([false, false]);
  });

  test("says when it cannot make one", async () => {
    const impossible = withFolder({ ...workshop, cacheDir: join(source, "sub") }, async () => {});
    await expect(impossible).rejects.toThrow(FailureError);
  });
});
