import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { FailureError, UsageError } from "../model/errors.js";
import { RunLock } from "./run-lock.js";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "atome-lock-"));
  path = join(folder, "run.lock");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const held = (holder: object) => writeFileSync(path, JSON.stringify(holder));
const take = () => RunLock.take(path, "runs/mine");
/** Number of a process that has ended. */
const deadPid = () => spawnSync(process.execPath, ["--version"]).pid;
const agoSeconds = (seconds: number) => utimesSync(path, Date.now() / 1000 - seconds, Date.now() / 1000 - seconds);

describe("RunLock", () => {
  test("names its process while it is held, and leaves nothing", () => {
    const lock = take();
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ pid: process.pid, host: hostname() });
    lock.release();
    expect(readdirSync(folder)).toEqual([]);
  });

  test("refuses while another process holds it", () => {
    held({ pid: process.ppid, host: hostname() });
    expect(take).toThrow(UsageError);
    expect(take).toThrow(`Cannot train into "runs/mine": process ${process.ppid} is training there now;`);
    expect(JSON.parse(readFileSync(path, "utf8")).pid).toBe(process.ppid);
  });

  test.each([
    ["of a process that has ended", () => held({ pid: deadPid(), host: hostname() })],
    ["of a process with the number of this one", () => held({ pid: process.pid, host: hostname() })],
    ["that is empty", () => writeFileSync(path, "")],
    ["that is no lock", () => writeFileSync(path, "null")],
  ])("takes over a lock %s", (_, make) => {
    make();
    const lock = take();
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({ pid: process.pid, host: hostname() });
    lock.release();
    expect(existsSync(path)).toBe(false);
  });

  test.skipIf(!existsSync("/proc/self/stat"))("takes over from a process that nobody buried", async () => {
    // `sleep` has taken the shell's place before the shell's child ends, and does not ask how it ended.
    const parent = spawn("sh", ["-c", "cat <&3 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore", "pipe"],
    });
    const pid = Number(await new Promise((resolve) => parent.stdout?.once("data", resolve)));
    const stat = (of: number | undefined) => readFileSync(`/proc/${of}/stat`, "latin1");
    await vi.waitUntil(() => stat(parent.pid).includes("(sleep)"), { timeout: 10_000 });
    (parent.stdio[3] as Writable).end();
    await vi.waitUntil(() => stat(pid).includes(") Z "), { timeout: 10_000 });
    held({ pid, host: hostname() });
    take().release();
    expect(process.kill(pid, 0)).toBe(true);
    parent.kill();
  });

  test("takes over from another host only after two minutes of silence", () => {
    held({ pid: 1, host: "elsewhere" });
    agoSeconds(100);
    expect(take).toThrow(/process 1 on "elsewhere" is training there now; .*, delete ".*run\.lock"\.$/);
    agoSeconds(130);
    take().release();
  });

  test("says when the folder takes no files", () => {
    const lockless = () => RunLock.take(join(folder, "none", "run.lock"), "none");
    expect(lockless).toThrow(FailureError);
    expect(lockless).toThrow("its folder does not exist");
  });
});
