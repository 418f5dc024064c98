import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeCheckpoint } from "../checkpoint/checkpoint.js";
import { runAtome, startAtome } from "./spawn-atome.js";
import { tinyConfig, tinyText } from "./tiny-run.js";

const cwd = mkdtempSync(join(tmpdir(), "atome-train-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const tiny = tinyConfig({ steps: 60, validateEvery: 25, checkpointEvery: 10, validation: 0.1 });
const corpus = tinyText(400);

beforeAll(() => {
  writeFileSync(join(cwd, "text.txt"), corpus);
  writeFileSync(join(cwd, "tiny.json"), JSON.stringify(tiny));
});

const tinyRun = (folder: string, ...more: string[]) => [
  "train",
  "text.txt",
  "--config",
  "tiny.json",
  "-o",
  folder,
  ...more,
];
const bytes = (...path: string[]) => readFileSync(join(cwd, ...path)).toString("base64");
const logOf = (folder: string) => {
  const text = existsSync(join(cwd, folder, "log.jsonl")) ? readFileSync(join(cwd, folder, "log.jsonl"), "utf8") : "";
  return text.split("\n").filter((line) => line !== "");
};

/** Waits until the run has logged `count` lines. */
async function logged(folder: string, count: number): Promise<void> {
  while (logOf(folder).length < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe("atome train", () => {
  test("writes a run that can be read back, and one JSON object at the end", async () => {
    const { code, stdout, stderr } = await runAtome(tinyRun("plain", "--json"), cwd);
    expect(stderr).toMatch(/^Training a gated model \(dModel 8, 1 layers, \d+ symbols\)/);
    expect(code).toBe(0);
    const report = JSON.parse(stdout.trimEnd().split("\n").at(-1) as string);
    expect(report).toMatchObject({ run: "plain", steps: 60, lastCheckpoint: join("plain", "last.safetensors") });
    expect(report.bitsPerByte).toBeGreaterThan(0);
    const last = decodeCheckpoint(readFileSync(join(cwd, "plain", "last.safetensors")), "last");
    expect([last.step, last.history.map(({ step }) => step)]).toEqual([60, [25, 50, 60]]);
    const best = decodeCheckpoint(readFileSync(join(cwd, "plain", "best.safetensors")), "best");
    expect(best.training).toBeUndefined();
    const least = Math.min(...last.history.map(({ validationLoss }) => validationLoss));
    expect(last.history.find(({ validationLoss }) => validationLoss === least)?.step).toBe(best.step);
    expect(JSON.parse(readFileSync(join(cwd, "plain", "config.json"), "utf8"))).toMatchObject(tiny);
    expect(logOf("plain").length).toBe(63);
  });

  test("gives the same bytes with another number of threads", async () => {
    expect((await runAtome(tinyRun("one", "--threads", "1"), cwd)).code).toBe(0);
    expect((await runAtome(tinyRun("two", "--threads", "2"), cwd)).code).toBe(0);
    expect(bytes("two", "last.safetensors")).toBe(bytes("one", "last.safetensors"));
    expect(bytes("two", "best.safetensors")).toBe(bytes("one", "best.safetensors"));
  });

  test("gives the same bytes after kill -9 and --resume", async () => {
    const long = ["--steps", "900"];
    expect((await runAtome(tinyRun("whole", ...long), cwd)).code).toBe(0);
    const { child, ended } = startAtome(tinyRun("killed", ...long), cwd);
    await logged("killed", 137);
    child.kill("SIGKILL");
    expect((await ended).signal).toBe("SIGKILL");
    const { code, stderr } = await runAtome(tinyRun("killed", ...long, "--resume"), cwd);
    expect(stderr).not.toContain("Cannot");
    expect(code).toBe(0);
    for (const name of ["last.safetensors", "best.safetensors", "log.jsonl", "model.atome"]) {
      expect(bytes("killed", name), name).toBe(bytes("whole", name));
    }
  });

  test("saves on Ctrl-C, says how to go on, and goes on to the same bytes", async () => {
    const long = ["--steps", "900"];
    const { child, ended } = startAtome(tinyRun("stopped", ...long), cwd);
    await logged("stopped", 33);
    child.kill("SIGINT");
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    const step = decodeCheckpoint(readFileSync(join(cwd, "stopped", "last.safetensors")), "last").step;
    expect(stderr).toContain(
      `Stopped after step ${step} of 900, which is saved; go on with: atome train text.txt -o stopped --resume\n`,
    );
    expect((await runAtome(["train", "text.txt", "-o", "stopped", "--resume"], cwd)).code).toBe(0);
    expect(bytes("stopped", "last.safetensors")).toBe(bytes("whole", "last.safetensors"));
  });

  test("has nothing left to do when a finished run is resumed", async () => {
    const before = bytes("plain", "last.safetensors");
    const { code, stdout } = await runAtome(["train", "text.txt", "-o", "plain", "--resume", "--json"], cwd);
    expect([code, JSON.parse(stdout).steps]).toEqual([0, 60]);
    expect(bytes("plain", "last.safetensors")).toBe(before);
  });

  test("starts anew in a folder whose run saved nothing", async () => {
    const { child, ended } = startAtome(tinyRun("nothing-saved", "--set", "train.checkpointEvery=1000"), cwd);
    await logged("nothing-saved", 1);
    child.kill("SIGKILL");
    await ended;
    if (existsSync(join(cwd, "nothing-saved", "best.safetensors")))
      rmSync(join(cwd, "nothing-saved", "best.safetensors"));
    expect((await runAtome(tinyRun("nothing-saved", "--steps", "3"), cwd)).code).toBe(0);
    expect(logOf("nothing-saved").length).toBe(4);
  });

  test("begins anew when a run that saved nothing is resumed, by its own configuration", async () => {
    const more = ["--steps", "600", "--set", "train.checkpointEvery=1000", "--set", "train.validateEvery=1000"];
    expect((await runAtome(tinyRun("unbroken", ...more), cwd)).code).toBe(0);
    const { child, ended } = startAtome(tinyRun("unsaved", ...more), cwd);
    await logged("unsaved", 5);
    child.kill("SIGKILL");
    await ended;
    const { code, stderr } = await runAtome(["train", "text.txt", "-o", "unsaved", "--resume"], cwd);
    expect(stderr).toMatch(/^The run has saved no checkpoint yet: it begins anew\.$/m);
    expect(code).toBe(0);
    for (const name of readdirSync(join(cwd, "unbroken"))) expect(bytes("unsaved", name)).toBe(bytes("unbroken", name));
  });

  test("starts and resumes by the same line with --auto-resume", async () => {
    const line = tinyRun("auto", "--auto-resume", "--steps", "40");
    const runs = [await runAtome(line, cwd), await runAtome(line, cwd)];
    expect(runs.map(({ code }) => code)).toEqual([0, 0]);
    expect(runs[0].stderr).toMatch(/^No run was started in "auto" yet: a new one begins\.\nTraining/);
    expect(runs[1].stderr).toMatch(/^Loss/);
    expect((await runAtome(tinyRun("auto", "--auto-resume", "--steps", "41"), cwd)).stderr).toBe(
      'Cannot resume "auto": it was started with "train.steps" 40, found 41; leave out what changes it or start a new run.\n',
    );
  });

  test("says in run.json what the run was started from", async () => {
    const origin = JSON.parse(readFileSync(join(cwd, "plain", "run.json"), "utf8"));
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    const sha256 = createHash("sha256").update(corpus).digest("hex");
    expect(origin).toEqual({
      version,
      commit: origin.commit,
      dataSha256: sha256,
      corpus: [{ path: "text.txt", byteCount: corpus.length, sha256 }],
      validationFile: null,
      init: null,
    });
    expect(origin.commit === null || /^[0-9a-f]{40}(-dirty)?$/.test(origin.commit)).toBe(true);
  });

  test("draws the loss into a file and below the progress", async () => {
    const svg = readFileSync(join(cwd, "plain", "loss.svg"), "utf8");
    expect(svg).toContain(">gated model (dModel 8, 1 layers, 22 symbols), seed 0</text>");
    expect(svg.match(/<circle/g)?.length).toBe(4);
    const { stderr } = await runAtome(["train", "text.txt", "-o", "plain", "--resume"], cwd);
    expect(stderr).toMatch(/^Loss in nats per symbol over the steps: .*\n( +\d\.\d{3} ┤.*\n){10} +└┬.*\n +0 /);
    const json = await runAtome(["train", "text.txt", "-o", "plain", "--resume", "--json"], cwd);
    expect(json.stderr).toBe("");
  });

  test("goes on without what a damaged log lacks", async () => {
    cpSync(join(cwd, "plain"), join(cwd, "damaged-log"), { recursive: true });
    const lines = logOf("damaged-log");
    writeFileSync(join(cwd, "damaged-log", "log.jsonl"), ["garbage", ...lines.slice(3), ""].join("\n"));
    const { code, stderr } = await runAtome(["train", "text.txt", "-o", "damaged-log", "--resume"], cwd);
    expect(stderr).toMatch(/^log\.jsonl is damaged: 3 of 60 steps are missing in it and in the curve; /);
    expect(code).toBe(0);
  });

  test("starts from the weights of a checkpoint", async () => {
    const init = join("plain", "best.safetensors");
    const { code } = await runAtome(tinyRun("tuned", "--init", init, "--steps", "1", "--learning-rate", "1e-9"), cwd);
    expect(code).toBe(0);
    const [start, end] = [init, join("tuned", "last.safetensors")].map((path) =>
      decodeCheckpoint(readFileSync(join(cwd, path)), path),
    );
    const values = (checkpoint: typeof start) => [...(checkpoint.tensors.get("layers.0.in") as Float32Array)];
    values(end).forEach((value, i) => {
      expect(value).toBeCloseTo(values(start)[i], 5);
    });
  });

  test("holds out a file of its own", async () => {
    writeFileSync(join(cwd, "held.txt"), "line 12 of the text\n".repeat(3));
    const { code, stderr } = await runAtome(tinyRun("held", "--validation-file", "held.txt", "--steps", "5"), cwd);
    expect(code).toBe(0);
    expect(stderr).toContain(`on ${corpus.length.toLocaleString("en-US")} bytes`);
    expect(stderr).toContain("60 held out");
  });
});

describe("atome train refuses", () => {
  mkdirSync(join(cwd, "folder"));
  writeFileSync(join(cwd, "empty.txt"), "");
  writeFileSync(join(cwd, "one.txt"), "x");
  writeFileSync(join(cwd, "short.txt"), "tttt tttt");
  writeFileSync(
    join(cwd, "binary.bin"),
    Uint8Array.from({ length: 500 }, (_, i) => i % 256),
  );
  writeFileSync(join(cwd, "broken.json"), '{"block": ');
  writeFileSync(join(cwd, "list.json"), "[]");
  writeFileSync(join(cwd, "file"), "not a directory");

  const config = ["--config", "tiny.json"];
  const bad: [string, string[], RegExp][] = [
    ["no corpus", [], /^Cannot run "atome train": missing required argument 'corpus'; see "atome train --help"\.$/],
    ["a missing corpus", ["none.txt"], /^Cannot read "none\.txt": there is no such file; check the path\.$/],
    ["an empty corpus", ["empty.txt"], /^Cannot use "empty\.txt": it is empty/],
    ["a one-byte corpus", ["one.txt"], /^Cannot use "one\.txt": it has 1 byte/],
    [
      "a corpus shorter than a window",
      ["short.txt", ...config],
      /^Cannot use the training text: it has \d+ symbols, expected at least 17/,
    ],
    ["a binary corpus", ["binary.bin"], /^Cannot use "binary\.bin": byte 0 is 0, expected text; .*--allow-binary/],
    ["a directory as corpus", ["folder"], /^Cannot read "folder": it is a directory/],
    [
      "its own corpus held out",
      ["text.txt", "--validation-file", "text.txt"],
      /^Cannot validate on "text\.txt": the same text is in the corpus/,
    ],
    ["an unknown configuration", ["text.txt", "--config", "none"], /^Cannot find the configuration "none"/],
    [
      "a missing configuration",
      ["text.txt", "--config", "none.json"],
      /^Cannot read "none\.json": there is no such file/,
    ],
    [
      "a configuration that is no JSON",
      ["text.txt", "--config", "broken.json"],
      /^Cannot read "broken\.json": it is not JSON/,
    ],
    [
      "a configuration that is a list",
      ["text.txt", "--config", "list.json"],
      /^Cannot use the configuration "list\.json": found \[\], expected an object/,
    ],
    ["an unknown key", ["text.txt", ...config, "--set", "dmodel=8"], /"dmodel" is not a known key/],
    ["an unknown training key", ["text.txt", ...config, "--set", "train.lr=1"], /"train\.lr" is not a known key/],
    [
      "a key without value",
      ["text.txt", ...config, "--set", "dModel"],
      /^Cannot use --set "dModel": expected key=value/,
    ],
    ["a zero", ["text.txt", ...config, "--set", "nLayers=0"], /"nLayers" is 0/],
    ["a negative number", ["text.txt", ...config, "--set", "train.batch=-1"], /"train\.batch" is -1/],
    ["a huge number", ["text.txt", ...config, "--set", "dModel=1e9"], /"dModel" is 1000000000/],
    ["NaN", ["text.txt", ...config, "--set", "train.learningRate=NaN"], /"train\.learningRate" is "NaN"/],
    [
      "steps that are no number",
      ["text.txt", "--steps", "many"],
      /'--steps <n>' argument 'many' is invalid\. Expected a whole number from 1/,
    ],
    [
      "a resume without run",
      ["text.txt", "-o", "nothing", "--resume"],
      /^Cannot resume "nothing": no run was started there; check the folder, .*--auto-resume\.$/,
    ],
    [
      "--resume with --force",
      ["text.txt", "-o", "x", "--resume", "--force"],
      /--resume goes with neither --force nor --init/,
    ],
    [
      "an output that is a file",
      ["text.txt", ...config, "-o", "file"],
      /^Cannot write to "file": it is not a directory/,
    ],
    [
      "an output below a file",
      ["text.txt", ...config, "-o", "file/run"],
      /^Cannot write to "file\/run": it is not a directory/,
    ],
    [
      "a missing --init",
      ["text.txt", ...config, "--init", "none.safetensors"],
      /^Cannot read "none\.safetensors": there is no such file/,
    ],
    [
      "a .atome file for --init",
      ["text.txt", ...config, "--init", join("plain", "model.atome")],
      /^Cannot start from "plain\/model\.atome": it is a \.atome file, expected a \.safetensors checkpoint/,
    ],
    ["an unknown option", ["text.txt", "--step", "3"], /unknown option '--step' \(Did you mean .*--steps/],
  ];
  test.each(bad)("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await runAtome(["train", ...args], cwd);
    expect(stderr.trimEnd()).toMatch(message);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
    expect([code, stdout]).toEqual([2, ""]);
  });

  test("a folder with a run, and leaves it as it is", async () => {
    const before = bytes("plain", "last.safetensors");
    const { code, stderr } = await runAtome(tinyRun("plain"), cwd);
    expect(stderr).toMatch(/^Cannot train into "plain": a run is already there; go on with it by --resume/);
    expect(code).toBe(2);
    expect(bytes("plain", "last.safetensors")).toBe(before);
  });

  test("a folder in which another process trains, until it is dead", async () => {
    const { child, ended } = startAtome(tinyRun("busy", "--steps", "100000"), cwd);
    await logged("busy", 1);
    for (const option of ["--resume", "--force", "--auto-resume"]) {
      const { code, stderr } = await runAtome(tinyRun("busy", option), cwd);
      expect(stderr).toBe(
        `Cannot train into "busy": process ${child.pid} is training there now; wait for it, choose another folder with -o or, if that process no longer trains, delete "busy/run.lock".\n`,
      );
      expect(code).toBe(2);
    }
    child.kill("SIGKILL");
    await ended;
    expect(existsSync(join(cwd, "busy", "run.lock"))).toBe(true);
    expect((await runAtome(tinyRun("busy", "--force", "--steps", "2"), cwd)).code).toBe(0);
    expect(existsSync(join(cwd, "busy", "run.lock"))).toBe(false);
  });

  test.each([
    ["config.json", '{"block', 2, /its config\.json is changed or damaged and does not say .*; delete it to go on/],
    ["config.json", '{"block": "base"}', 2, /its config\.json is changed or damaged/],
    ["run.json", "{}", 1, /its run\.json is damaged; delete it to go on\.$/],
  ])("to resume with a damaged %s: %s", async (name, text, exitCode, message) => {
    const folder = mkdtempSync(join(cwd, "damaged-"));
    cpSync(join(cwd, "plain"), folder, { recursive: true });
    writeFileSync(join(folder, name), text);
    const before = readFileSync(join(folder, "last.safetensors"));
    const resume = ["train", "text.txt", "-o", folder, "--resume"];
    const { code, stderr } = await runAtome(resume, cwd);
    expect([code, stderr.trimEnd()]).toEqual([exitCode, expect.stringMatching(message)]);
    expect(readFileSync(join(folder, "last.safetensors")).equals(before)).toBe(true);
    rmSync(join(folder, name));
    expect((await runAtome(resume, cwd)).code).toBe(0);
  });

  test("to resume by a damaged config.json alone", async () => {
    mkdirSync(join(cwd, "no-config"));
    writeFileSync(join(cwd, "no-config", "config.json"), "[]");
    const { code, stderr } = await runAtome(["train", "text.txt", "-o", "no-config", "--resume"], cwd);
    expect([code, stderr]).toEqual([
      1,
      'Cannot resume "no-config": its config.json is damaged and there is no checkpoint yet; start again with --force.\n',
    ]);
  });

  test("to resume with another corpus or configuration", async () => {
    const other = await runAtome(["train", "held.txt", "-o", "plain", "--resume"], cwd);
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringContaining("the corpus is not the one it was started with"),
    ]);
    const longer = await runAtome(tinyRun("plain", "--resume", "--steps", "61"), cwd);
    expect([longer.code, longer.stderr]).toEqual([
      2,
      'Cannot resume "plain": it was started with "train.steps" 60, found 61; leave out what changes it or start a new run.\n',
    ]);
  });

  test("a checkpoint that is cut short, with exit code 1", async () => {
    expect((await runAtome(tinyRun("damaged", "--steps", "3"), cwd)).code).toBe(0);
    truncateSync(join(cwd, "damaged", "last.safetensors"), 5000);
    const { code, stderr } = await runAtome(tinyRun("damaged", "--resume", "--steps", "3"), cwd);
    expect(stderr).toBe(
      'Cannot resume "damaged": its last.safetensors is damaged or cut short; start from the best weights with --init damaged/best.safetensors in another folder.\n',
    );
    expect(code).toBe(1);
  });

  test("weights of another shape", async () => {
    const init = join("plain", "best.safetensors");
    const { code, stderr } = await runAtome(tinyRun("wider", "--init", init, "--set", "dInner=18"), cwd);
    expect(stderr).toMatch(
      /^Cannot start from ".*": its tensor layers\.0\.local\.taps \[16,5\] should be layers\.0\.local\.taps \[18,5\]/,
    );
    expect(code).toBe(2);
    expect(readdirSync(cwd)).not.toContain("wider");
  });
});

test("atome train says that the disk is full, and goes on to the same bytes (skipped where no disk can be mounted)", async (context) => {
  const disk = mkdtempSync(join(cwd, "disk-"));
  const mount = (size: number, more = "") =>
    spawnSync("mount", ["-t", "tmpfs", "-o", `size=${size}${more}`, "tmpfs", disk]).status === 0;
  if (!mount(16_384)) context.skip();
  try {
    const folder = join(disk, "run");
    const run = tinyRun(folder, "--auto-resume", "--steps", "900");
    for (const size of [16_384, 65_536]) {
      mount(size, ",remount");
      const { code, stderr } = await runAtome(run, cwd);
      expect(stderr.trimEnd().split("\n").at(-1)).toMatch(
        /^Cannot write ".*(u16|jsonl|safetensors|svg)": the disk is full; free some space and try again\.$/,
      );
      expect(code).toBe(1);
    }
    mount(10 << 20, ",remount");
    expect((await runAtome(run, cwd)).code).toBe(0);
    expect(readdirSync(folder)).toEqual(readdirSync(join(cwd, "whole")));
    for (const name of readdirSync(folder)) {
      expect(readFileSync(join(folder, name)).toString("base64"), name).toBe(bytes("whole", name));
    }
  } finally {
    spawnSync("umount", [disk]);
  }
});
