import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FailureError, UsageError } from "../model/errors.js";
import { type FileOperations, writeFileAtomically } from "./atomic-file.js";

let folder: string;
beforeEach(() => {
  folder = fs.mkdtempSync(join(tmpdir(), "atome-atomic-"));
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const bytes = (text: string) => new TextEncoder().encode(text);
const refuse = (code: string) => () => {
  throw Object.assign(new Error(code), { code });
};

describe("writeFileAtomically", () => {
  test("replaces a file and leaves nothing beside it", () => {
    const path = join(folder, "a.bin");
    writeFileAtomically(path, bytes("old and longer"));
    writeFileAtomically(path, bytes("new"));
    expect(fs.readFileSync(path, "utf8")).toBe("new");
    expect(fs.readdirSync(folder)).toEqual(["a.bin"]);
  });

  test("syncs the file before it gets its name, then the folder", () => {
    const calls: string[] = [];
    const path = join(folder, "a.bin");
    const noted: FileOperations = {
      ...fs,
      fsyncSync: (file) => {
        calls.push(fs.fstatSync(file).isDirectory() ? "sync folder" : "sync file");
      },
      renameSync: (from, to) => {
        calls.push("rename");
        fs.renameSync(from, to);
      },
    };
    writeFileAtomically(path, bytes("new"), noted);
    expect(calls).toEqual(["sync file", "rename", "sync folder"]);
  });

  test("gives a secret file its permissions, whoever may read what a killed process left of it", () => {
    const path = join(folder, "key.pem");
    fs.writeFileSync(join(folder, ".key.pem.tmp"), "", { mode: 0o644 });
    writeFileAtomically(path, bytes("secret"), fs, 0o600);
    expect(fs.statSync(path).mode & 0o777).toBe(0o600);
  });

  test("writes on after a partial write", () => {
    const path = join(folder, "a.bin");
    const slow = {
      ...fs,
      writeSync: (file: number, data: Uint8Array, at: number) => fs.writeSync(file, data, at, 1),
    } as unknown as FileOperations;
    writeFileAtomically(path, bytes("three"), slow);
    expect(fs.readFileSync(path, "utf8")).toBe("three");
  });

  test("writes pieces as they are made, and nothing when making them fails", () => {
    const path = join(folder, "a.bin");
    writeFileAtomically(path, [bytes("one "), bytes("two")]);
    expect(fs.readFileSync(path, "utf8")).toBe("one two");
    function* broken() {
      yield bytes("three");
      throw new UsageError("Cannot make the second piece.");
    }
    expect(() => writeFileAtomically(path, broken())).toThrow(new UsageError("Cannot make the second piece."));
    expect(fs.readFileSync(path, "utf8")).toBe("one two");
    expect(fs.readdirSync(folder)).toEqual(["a.bin"]);
  });

  const failures: [keyof FileOperations, string, RegExp][] = [
    ["writeSync", "ENOSPC", /a\.bin": the disk is full; free some space and try again\.$/],
    ["fsyncSync", "EIO", /the system says EIO/],
    ["renameSync", "EACCES", /permission is denied/],
  ];
  test.each(failures)("keeps the old file when %s fails with %s", (call, code, message) => {
    const path = join(folder, "a.bin");
    writeFileAtomically(path, bytes("old"));
    const broken = { ...fs, [call]: refuse(code) } as FileOperations;
    expect(() => writeFileAtomically(path, bytes("new"), broken)).toThrow(FailureError);
    expect(() => writeFileAtomically(path, bytes("new"), broken)).toThrow(message);
    expect(fs.readFileSync(path, "utf8")).toBe("old");
    expect(fs.readdirSync(folder)).toEqual(["a.bin"]);
  });

  test("says when the folder is missing or the name is a directory", () => {
    expect(() => writeFileAtomically(join(folder, "none", "a.bin"), bytes("x"))).toThrow("its folder does not exist");
    fs.mkdirSync(join(folder, "directory"));
    expect(() => writeFileAtomically(join(folder, "directory"), bytes("x"))).toThrow("it is a directory");
    expect(fs.readdirSync(folder)).toEqual(["directory"]);
  });

  test("writes through a link", () => {
    fs.writeFileSync(join(folder, "real"), "old");
    fs.symlinkSync(join(folder, "real"), join(folder, "link"));
    writeFileAtomically(join(folder, "link"), bytes("new"));
    expect(fs.readFileSync(join(folder, "real"), "utf8")).toBe("new");
    expect(fs.lstatSync(join(folder, "link")).isSymbolicLink()).toBe(true);
  });
});
