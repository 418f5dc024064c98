import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FailureError } from "../model/errors.js";
import { arm } from "./architectures.js";
import { boards } from "./boards.js";
import { findEngines, packageWorkshop } from "./engines.js";
import { nativeTargets, targetName } from "./native.js";
import { describeFailure, runOrFail, runProgram } from "./process.js";
import { findTool } from "./tools.js";

const folder = mkdtempSync(join(tmpdir(), "atome-tools-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A shell script as a program. */
function program(name: string, script: string): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, name);
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

describe("findTool()", () => {
  test("takes the first folder that has the program", () => {
    const path = program("tool", "exit 0");
    expect(findTool("tool", ["", join(folder, "none"), folder].join(delimiter))).toBe(path);
  });

  test("passes over files that are not programs, and folders", () => {
    writeFileSync(join(folder, "text"), "");
    mkdirSync(join(folder, "folder"));
    expect([findTool("text", folder), findTool("folder", folder), findTool("tool", "")]).toEqual(
      new Array(3).fill(undefined),
    );
  });
});

describe("findEngines()", () => {
  const cortexM = boards.filter(({ architecture }) => architecture === arm).map(({ name }) => name);
  const workshop = { ...packageWorkshop(join(folder, "bin")), cacheDir: join(folder, "cache") };

  test("names every missing tool and does without", async () => {
    const { engines, missing } = await findEngines(workshop);
    expect(engines).toEqual([]);
    expect(missing).toEqual([
      ...nativeTargets.map((target) => ({ name: targetName(target), tool: target.compilers[0] })),
      ...boards.map(({ name, architecture }) => ({ name, tool: architecture.compiler })),
    ]);
  });

  test("names a compiler that cannot compile, and a compiler without an emulator", async () => {
    mkdirSync(join(folder, "bin"));
    program("bin/cc", "echo no headers >&2; exit 1");
    program("bin/arm-none-eabi-gcc", "exit 1");
    program("bin/s390x-linux-gnu-gcc", "exit 1");
    const { engines, missing } = await findEngines(workshop);
    expect(engines).toEqual([]);
    expect(missing[0]).toEqual({ name: "gcc", tool: "C library" });
    expect(missing).toContainEqual({ name: "s390x-linux-gnu-gcc -static", tool: "qemu-s390x" });
    const withoutEmulator = missing.filter(({ tool }) => tool === "qemu-system-arm").map(({ name }) => name);
    expect(withoutEmulator).toEqual(cortexM);
  });
});

describe("runProgram()", () => {
  test("gives status and both outputs", async () => {
    const path = program("speak", 'echo "out $1"; echo err >&2; exit 3');
    expect(await runProgram(path, ["x y"], folder, 10_000)).toEqual({ code: 3, stdout: "out x y\n", stderr: "err\n" });
  });

  test("ends a program that does not end", async () => {
    const path = program("hang", "exec sleep 60");
    await expect(runProgram(path, [], folder, 100)).rejects.toThrow(
      'Cannot finish "hang": it was killed, after at most 0.1 s',
    );
  });

  test("says when a program cannot start", async () => {
    await expect(runProgram(join(folder, "none"), [], folder, 1000)).rejects.toThrow(FailureError);
  });

  test("runOrFail() repeats the first lines of a failure", async () => {
    const path = program("fail", "for i in 1 2 3 4; do echo line $i >&2; done; exit 1");
    await expect(runOrFail(path, [], folder, 10_000)).rejects.toThrow(
      'Cannot finish "fail": it ended with exit code 1 and said: line 1 | line 2 | line 3.',
    );
  });

  test("describeFailure() prefers the lines that speak of an error", () => {
    const stderr = "a.c:1: warning: x\n  1 | int\na.c:2: error: y\n";
    expect(describeFailure({ code: 2, stdout: "", stderr })).toBe(
      "it ended with exit code 2 and said: a.c:2: error: y",
    );
  });

  test("describeFailure() tells a crash", () => {
    expect(describeFailure({ code: null, stdout: "", stderr: "" })).toBe("it crashed");
  });
});
