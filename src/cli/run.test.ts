import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { runAtome } from "./spawn-atome.js";

const cwd = mkdtempSync(join(tmpdir(), "atome-run-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const version = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;

describe("atome", () => {
  test("prints its version and help with exit code 0", async () => {
    expect(await runAtome(["--version"], cwd)).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: "" });
    const help = await runAtome(["--help"], cwd);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toMatch(/^Usage: atome \[options\] \[command\]/);
  });

  test("prints its help to stderr without a command, with exit code 2", async () => {
    const { code, stdout, stderr } = await runAtome([], cwd);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/^Usage: atome/);
  });

  test.each([
    [["trian"], /^Cannot run "atome": unknown command 'trian' \(Did you mean train\?\); see "atome --help"\.\n$/],
    [["--nothing"], /^Cannot run "atome": unknown option '--nothing'; see "atome --help"\.\n$/],
    [["inspect"], /^Cannot run "atome inspect": missing required argument 'file'; see "atome inspect --help"\.\n$/],
    [["inspect", "a", "b"], /^Cannot run "atome inspect": too many arguments.*; see "atome inspect --help"\.\n$/],
  ])("says what is wrong with %j", async (args, message) => {
    const { code, stdout, stderr } = await runAtome(args, cwd);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
  });

  test("shows the stack of an error with ATOME_DEBUG=1 only", async () => {
    const { stderr } = await runAtome(["inspect", "none.atome"], cwd);
    expect(stderr).toBe(
      'Cannot read "none.atome": there is no such file, expected a .atome file or a checkpoint; check the path.\n',
    );
    const debug = await runAtome(["inspect", "none.atome"], cwd, { ATOME_DEBUG: "1" });
    expect(debug.code).toBe(2);
    expect(debug.stderr).toMatch(/UsageError: Cannot read "none\.atome".*\n\s+at /);
  });

  test("ends quietly when its reader leaves", () => {
    writeFileSync(join(cwd, "text.txt"), "text ".repeat(100));
    const main = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
    const script = `"${process.execPath}" "${main}" train --help | true; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = spawnSync("bash", ["-c", script], { cwd, encoding: "utf8" });
    expect([stdout, stderr]).toEqual(["0\n", ""]);
  });
});

describe("atome inspect", () => {
  test("names the models that come with it when there is none of that name", async () => {
    const { code, stderr } = await runAtome(["inspect", "storys-20k"], cwd);
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^Cannot read "storys-20k": there is no such file, .* a model that comes with Atome \(contes, help, .*stories-20k.*\); check the path\.\n$/,
    );
  });

  test("takes a name for a model beside a folder of that name, not beside a file", async () => {
    mkdirSync(join(cwd, "help"));
    writeFileSync(join(cwd, "contes"), "something else");
    expect(await runAtome(["inspect", "help", "--json"], cwd)).toMatchObject({ code: 0 });
    expect((await runAtome(["inspect", "contes"], cwd)).stderr).toMatch(/^Cannot use "contes": it is neither/);
  });

  test("refuses what is neither a model nor a checkpoint", async () => {
    writeFileSync(join(cwd, "other"), "something else");
    const { code, stderr } = await runAtome(["inspect", "other"], cwd);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^Cannot use "other": it is neither a \.atome file nor a \.safetensors checkpoint/);
  });

  test("names what is wrong with a damaged file, with exit code 1", async () => {
    writeFileSync(join(cwd, "short.atome"), "ATOM");
    const { code, stderr } = await runAtome(["inspect", "short.atome"], cwd);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^Cannot load "short\.atome": at byte 4, .*\n$/);
  });
});
