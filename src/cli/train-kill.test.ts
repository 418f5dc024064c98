import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { Random } from "../train/random.js";
import { runAtome, startAtome } from "./spawn-atome.js";
import { tinyConfig } from "./tiny-run.js";

const cwd = mkdtempSync(join(tmpdir(), "atome-kill-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const config = tinyConfig({ steps: 6000, validateEvery: 40, checkpointEvery: 10, validation: 0.002 });
const random = Random.fromSeed(20);
const words = Array.from({ length: 300_000 }, () => ["one ", "two ", "three\n", "four ", "5 "][random.below(5)]);

const args = (folder: string) => [
  "train",
  "text.txt",
  "--config",
  "config.json",
  "-o",
  folder,
  "--auto-resume",
  "--threads",
  "1",
];

/** When a process is killed: after so many milliseconds, or as soon as a file of its folder is touched. */
type Moment = number | string;
const anyTime = (count: number): Moment[] => Array.from({ length: count }, () => random.below(800));
const moments: Moment[] = [
  "run.lock",
  ".config.json.tmp",
  ".symbols.u16.tmp",
  "symbols.u16",
  "log.jsonl",
  ...anyTime(4),
  ".last.safetensors.tmp",
  "last.safetensors",
  ".best.safetensors.tmp",
  ".loss.svg.tmp",
  ...anyTime(4),
  ".model.atome.tmp",
  "model.atome",
  ...anyTime(1),
];

/** Runs until the moment has come; returns whether the process was killed before its end. */
async function killAt(moment: Moment, folder: string): Promise<boolean> {
  const { child, ended } = startAtome(args(folder), cwd);
  const kill = () => child.kill("SIGKILL");
  const watcher = watch(join(cwd, folder), (_, name) => {
    if (name === moment) kill();
  });
  const timer = typeof moment === "number" ? setTimeout(kill, moment) : undefined;
  const { signal, stderr, code } = await ended;
  watcher.close();
  clearTimeout(timer);
  expect(stderr).not.toContain("Cannot");
  if (signal !== "SIGKILL") expect(code).toBe(0);
  return signal === "SIGKILL";
}

test("a run killed 20 times leaves the same files as one that was not", async () => {
  writeFileSync(join(cwd, "text.txt"), words.join(""));
  writeFileSync(join(cwd, "config.json"), JSON.stringify(config));
  mkdirSync(join(cwd, "killed"));
  const whole = runAtome(args("whole"), cwd);
  const killed: Moment[] = [];
  for (const moment of moments) if (await killAt(moment, "killed")) killed.push(moment);
  // Where training is so fast that it was over early: a run that is complete is killed.
  while (killed.length < 20) {
    const moment = random.below(200);
    if (await killAt(moment, "killed")) killed.push(moment);
  }
  expect(killed).toEqual(expect.arrayContaining(["run.lock", ".symbols.u16.tmp", ".last.safetensors.tmp"]));
  expect(killed).toEqual(expect.arrayContaining([".loss.svg.tmp", ".model.atome.tmp", "model.atome"]));
  expect(await runAtome(args("killed"), cwd)).toMatchObject({ code: 0 });
  expect(await whole).toMatchObject({ code: 0 });
  const files = readdirSync(join(cwd, "whole")).sort();
  expect(files).toEqual([
    ...["best.safetensors", "config.json", "last.safetensors", "log.jsonl", "loss.svg", "model.atome", "run.json"],
  ]);
  expect(readdirSync(join(cwd, "killed")).sort()).toEqual(files);
  for (const name of files) {
    const [a, b] = ["killed", "whole"].map((folder) => readFileSync(join(cwd, folder, name)));
    expect(a.equals(b), name).toBe(true);
  }
});
