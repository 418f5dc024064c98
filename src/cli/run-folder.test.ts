import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { namedConfig } from "../model/configs.js";
import { FailureError, UsageError } from "../model/errors.js";
import { RunFolder } from "./run-folder.js";

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "atome-folder-"));
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const origin = { version: "1.2.3", commit: null, dataSha256: "00", corpus: [], validationFile: null, init: null };

/** Starts a run that saves nothing. */
function started(): string {
  const path = join(cwd, "run");
  const folder = RunFolder.open(path);
  folder.start(namedConfig("nano"), origin);
  folder.close();
  return path;
}

/** What `resume` gives or throws in a folder opened for it. */
function resume(path: string) {
  const folder = RunFolder.open(path);
  try {
    return folder.resume();
  } finally {
    folder.close();
  }
}

describe("RunFolder", () => {
  test("takes away folders made for nothing, no others", () => {
    mkdirSync(join(cwd, "kept"));
    RunFolder.open(join(cwd, "kept", "a", "b")).close();
    expect(readdirSync(join(cwd, "kept"))).toEqual([]);
    expect(readdirSync(started()).sort()).toEqual(["config.json", "log.jsonl", "run.json"]);
  });

  test("takes away what a killed process was writing", () => {
    const path = started();
    writeFileSync(join(path, ".best.safetensors.tmp"), "half");
    writeFileSync(join(path, "notes.tmp"), "mine");
    RunFolder.open(path).close();
    expect([existsSync(join(path, ".best.safetensors.tmp")), existsSync(join(path, "notes.tmp"))]).toEqual([
      false,
      true,
    ]);
  });

  test("gives back what a run was started with", () => {
    const { config, origin: found, checkpoint } = resume(started());
    expect([config, found, checkpoint]).toEqual([namedConfig("nano"), origin, undefined]);
  });

  test("is not started while config.json is missing", () => {
    const path = started();
    rmSync(join(path, "config.json"));
    expect(() => resume(path)).toThrow(UsageError);
    expect(() => resume(path)).toThrow("no run was started there");
  });

  test.each([
    ["config.json", UsageError, /config\.json": it is a directory, expected a file of the run/],
    ["run.json", UsageError, /run\.json": it is a directory, expected a file of the run/],
    ["last.safetensors", UsageError, /last\.safetensors": it is a directory, expected a checkpoint/],
  ])("says so when %s is a directory", (name, kind, message) => {
    const path = started();
    rmSync(join(path, name), { force: true });
    mkdirSync(join(path, name));
    expect(() => resume(path)).toThrow(kind);
    expect(() => resume(path)).toThrow(message);
  });

  test.skipIf(process.getuid?.() === 0)("says when it may not be read (skipped as root)", () => {
    const path = join(cwd, "unreadable");
    mkdirSync(path, { mode: 0o333 });
    expect(() => RunFolder.open(path)).toThrow(FailureError);
    expect(() => RunFolder.open(path)).toThrow("permission is denied");
  });

  test("goes back to a checkpoint, and tells what the log lacks", () => {
    const path = started();
    const entry = (step: number) => `{"step":${step},"loss":2}\n`;
    writeFileSync(join(path, "log.jsonl"), entry(1) + entry(3) + entry(4));
    const folder = RunFolder.open(path);
    folder.resume();
    expect(readFileSync(join(path, "log.jsonl"), "utf8")).toBe(entry(1) + entry(3) + entry(4));
    expect(folder.rewind(namedConfig("nano"), 3)).toBe(1);
    expect(readFileSync(join(path, "log.jsonl"), "utf8")).toBe(entry(1) + entry(3));
    rmSync(join(path, "log.jsonl"));
    mkdirSync(join(path, "log.jsonl"));
    expect(() => folder.rewind(namedConfig("nano"), 3)).toThrow("it is a directory, expected the log of a run");
    folder.close();
  });
});
