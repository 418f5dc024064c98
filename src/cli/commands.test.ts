import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exportModel } from "../export/export.js";
import { parseConfig } from "../model/parse-config.js";
import { randomTensors } from "../model/random-model.js";
import { Alphabet } from "../tokenizer/alphabet.js";
import { runAtome } from "./spawn-atome.js";
import { tinyText } from "./tiny-run.js";

const cwd = mkdtempSync(join(tmpdir(), "atome-commands-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const tiny = {
  block: "gated",
  dModel: 8,
  dInner: 16,
  nLayers: 2,
  pathways: ["local", "state", "sparse"],
  window: 8,
  dHead: 4,
  alphabet: { kind: "map" },
  train: { steps: 40, batch: 2, context: 16, validation: 0.1 },
};
const corpus = tinyText(300);
const model = join("run", "model.atome");
const checkpoint = join("run", "best.safetensors");

const write = (name: string, content: string | Uint8Array) => writeFileSync(join(cwd, name), content);
const read = (name: string) => readFileSync(join(cwd, name));

beforeAll(async () => {
  write("text.txt", corpus);
  write("held.txt", "line 12 of the text\nline 345 of it\n");
  write("tiny.json", JSON.stringify(tiny));
  const { code, stderr } = await runAtome(["train", "text.txt", "--config", "tiny.json", "-o", "run"], cwd);
  expect(stderr).not.toContain("Cannot");
  expect(code).toBe(0);
  const bytes = read(model);
  write("short.atome", bytes.subarray(0, 100));
  const flipped = Uint8Array.from(bytes);
  flipped[200] ^= 4;
  write("flipped.atome", flipped);
  write("empty.atome", "");
});

/** Runs a command with --json and returns its object. */
async function json(...args: string[]) {
  const { code, stdout, stderr } = await runAtome([...args, "--json"], cwd);
  expect(stderr).not.toContain("Cannot");
  expect(code).toBe(0);
  expect(stdout.trimEnd().split("\n").length).toBe(1);
  return JSON.parse(stdout);
}

describe("atome export", () => {
  test("gives the bytes that atome train wrote", async () => {
    expect(await json("export", checkpoint, "-o", "again.atome")).toEqual({
      model: "again.atome",
      flashBytes: read(model).length,
    });
    expect(read("again.atome").equals(read(model))).toBe(true);
  });

  test("adds metadata, or leaves it out", async () => {
    await json("export", checkpoint, "-o", "licence.atome", "--metadata", "licence=CC0");
    expect((await json("inspect", "licence.atome")).metadata).toMatchObject({ licence: "CC0", seed: 0 });
    await json("export", checkpoint, "-o", "bare.atome", "--no-metadata");
    expect((await json("inspect", "bare.atome")).metadata).toBeUndefined();
  });

  test("sets windows, of a checkpoint and of a model alike", async () => {
    const named = await json("export", checkpoint, "-o", "named.atome", "--windows", "3,5");
    expect(named.windows).toEqual([3, 5]);
    await json("export", model, "-o", "again.atome", "--windows", "3,5");
    expect(read("again.atome").equals(read("named.atome"))).toBe(true);
    const { layers } = await json("inspect", "named.atome");
    expect(layers.map(({ window }: { window: number }) => window)).toEqual([3, 5]);
    expect((await json("export", model, "-o", "one.atome", "--windows", "2")).windows).toEqual([2, 2]);
  });

  test("shortens windows until the model fits, by the text that is given", async () => {
    const ramBytes = async (name: string) => (await json("inspect", name)).ramBytes;
    const limit = (await ramBytes(model)) - 100;
    const maxRam = ["--max-ram", String(limit), "--calibration", "text.txt"];
    const { windows } = await json("export", model, "-o", "less.atome", ...maxRam);
    expect(windows.reduce((sum: number, window: number) => sum + window, 0)).toBeLessThan(16);
    const got = await ramBytes("less.atome");
    // A position takes dHead + dInner = 20 bytes.
    expect(limit - got).toBeGreaterThanOrEqual(0);
    expect(limit - got).toBeLessThan(20);
  });

  test("fits the ranges to a text", async () => {
    await json("export", checkpoint, "-o", "fitted.atome", "--calibration", "text.txt");
    expect((await json("eval", "fitted.atome", "held.txt")).bitsPerByte).toBeGreaterThan(0);
  });
});

describe("atome inspect", () => {
  test("tells what a model is", async () => {
    const bytes = read(model);
    expect(await json("inspect", model)).toMatchObject({
      file: model,
      kind: "model",
      bytes: bytes.length,
      sha256: createHash("sha256").update(bytes).digest("hex"),
      crc32: bytes.readUInt32LE(12).toString(16).padStart(8, "0"),
      block: "gated",
      dimensions: { dModel: 8, dInner: 16, nLayers: 2 },
    });
    const { stdout } = await runAtome(["inspect", model], cwd);
    expect(stdout).toMatch(/^RAM +[\d,]+ bytes; [\d,]+ with ATOME_TABLES=1$/m);
    expect(stdout).toMatch(/^0 +local \+ state \+ sparse +8 +\d+$/m);
  });

  test("tells what a checkpoint is", async () => {
    const last = await json("inspect", join("run", "last.safetensors"));
    expect(last).toMatchObject({ kind: "checkpoint", step: 40, seed: 0, canResume: true, block: "gated" });
    expect(last.dataSha256).toBe(createHash("sha256").update(corpus).digest("hex"));
    expect((await json("inspect", checkpoint)).canResume).toBe(false);
  });
});

describe("atome fit", () => {
  test("tells chip by chip whether a model fits", async () => {
    const { chips, ramBytes } = await json("fit", model);
    const { ramBytes: arenaBytes } = await json("inspect", model);
    expect(ramBytes).toBe(arenaBytes + 384 + 64);
    const named = (name: string) => chips.find((chip: { name: string }) => chip.name.startsWith(name));
    expect(named("STM32F411")).toMatchObject({ fits: true, tables: 4, ramOver: 0, flashOver: 0 });
    expect(named("ATtiny85").fits).toBe(false);
    const { stdout } = await runAtome(["fit", model, "--chip", "stm32f103"], cwd);
    expect(stdout).toMatch(/^STM32F103C8, Blue Pill +Cortex-M3 +72 +64K +20K +2 +yes +[\d.]+ +[\d.]+ +[\d.]+$/m);
    expect(stdout).toMatch(/^source +DS5319/m);
  });

  test("knows a model before it is trained, and an own chip", async () => {
    const { modelBytes, vocab } = await json("fit", "--config", "nano", "--symbols", "32");
    expect([modelBytes, vocab]).toEqual([1092 + 128, 32]);
    const own = await json("fit", "--config", "prod", "--flash", "200k", "--ram", "100k", "--core", "Cortex-M4");
    expect(own.chips).toHaveLength(1);
    expect(own.chips[0]).toMatchObject({ core: "Cortex-M4", flashBytes: 204_800, ramBytes: 102_400, fits: false });
  });
});

describe("atome eval", () => {
  test("measures a checkpoint and the model made from it alike", async () => {
    const float = await json("eval", checkpoint, "held.txt");
    const integer = await json("eval", model, "held.txt");
    expect(float).toMatchObject({ model: checkpoint, bytes: 35 });
    expect(float.perplexity).toBeCloseTo(2 ** float.bitsPerByte, 9);
    expect(Math.abs(integer.bitsPerByte / float.bitsPerByte - 1)).toBeLessThan(0.01);
    const both = await json("eval", model, "held.txt", "--against", checkpoint);
    expect(both.bitsPerByte).toBe(integer.bitsPerByte);
    expect(both.against.bitsPerByte).toBe(float.bitsPerByte);
    expect(both.klNatsPerSymbol).toBeGreaterThan(0);
    expect(both.klNatsPerSymbol).toBeLessThan(0.01);
    expect(both.top1Agreement).toBeGreaterThan(0.9);
  });

  test("gives the same with both engines", async () => {
    const { seconds: _, ...js } = await json("eval", model, "held.txt", "--engine", "js");
    const { seconds: __, ...wasm } = await json("eval", model, "held.txt", "--engine", "wasm");
    expect(js).toEqual(wasm);
  });

  test("reads no more than --max-bytes", async () => {
    expect((await json("eval", model, "text.txt", "--max-bytes", "100")).bytes).toBe(100);
  });
});

describe("atome generate", () => {
  test("writes the same text with both engines, another with another seed", async () => {
    const args = ["generate", model, "line 1", "--max-bytes", "60", "--temperature", "1"];
    const js = await json(...args, "--engine", "js");
    expect(js).toMatchObject({ prompt: "line 1", bytes: 60, seed: 0 });
    expect((await json(...args, "--engine", "wasm")).text).toBe(js.text);
    expect((await json(...args, "--seed", "1")).text).not.toBe(js.text);
    const { stdout } = await runAtome(args, cwd);
    expect(stdout).toBe(`line 1${js.text}\n`);
  });

  test("ends before --stop", async () => {
    const args = ["generate", model, "line 1", "--temperature", "0", "--max-bytes", "80"];
    const { text } = await json(...args);
    const stop = text.slice(5, 7);
    expect((await json(...args, "--stop", stop)).text).toBe(text.slice(0, text.indexOf(stop)));
  });

  test("remarks on bytes that the model spells out", async () => {
    const { code, stderr } = await runAtome(["generate", model, "line é", "--max-bytes", "3"], cwd);
    expect([code, stderr]).toEqual([0, "2 bytes of the prompt are rare or new to this model.\n"]);
  });

  test("shows the router", async () => {
    const args = ["generate", model, "line", "--max-bytes", "5", "--show-router"];
    const { router } = await json(...args);
    expect(router.length).toBe(5);
    for (const { local, state, sparse, entropyBits } of router) {
      expect(local + state + sparse).toBeCloseTo(1, 2);
      expect(entropyBits).toBeLessThanOrEqual(1.585);
    }
    const { stdout } = await runAtome(args, cwd);
    expect(stdout.split("\n").length).toBe(8);
    expect(stdout).toMatch(/^text +local +state +sparse +entropy/);
    expect(stdout).not.toContain("\x1b");
  });

  test("shows a character of several symbols with the last of them", async () => {
    const args = ["generate", "stories-base-944k", "“I am sad”, she said. “", "--temperature", "1", "--seed", "6"];
    const { router } = await json(...args, "--show-router");
    expect(router.map(({ text }: { text: string }) => text).slice(0, 5)).toEqual(["I", "t", "", "", "’"]);
    const { stdout } = await runAtome([...args, "--show-router"], cwd);
    expect(stdout).toMatch(/\n"t" .*\n"" .*\n"" .*\n"’" /);
  });
});

describe("a model with recall", () => {
  const config = { ...tiny, nLayers: 1, recall: { window: 40, forget: "\n" }, train: { ...tiny.train, steps: 2 } };
  const recalling = "recalling.atome";

  beforeAll(() => {
    const parsed = parseConfig(config, "x");
    const alphabet = Alphabet.bytes(128);
    const tensors = randomTensors(parsed, alphabet.size, alphabet.size, 1);
    for (const name of ["recall.bonus", "recall.pull"]) tensors.set(name, new Float32Array(28).fill(0.9));
    write(recalling, exportModel({ config: parsed, tensors, alphabet }));
  });

  test("is followed as far as atome generate --recall says, by default words", async () => {
    const args = ["generate", recalling, "line 1 of line 1 of line", "--temperature", "0", "--max-bytes", "60"];
    const written = Object.fromEntries(
      await Promise.all(
        ["words", "full", "off"].map(async (how) => {
          const { recall, text } = await json(...args, "--recall", how);
          return [recall, text];
        }),
      ),
    );
    expect(new Set(Object.values(written)).size).toBe(3);
    expect(await json(...args)).toMatchObject({ recall: "words", text: written.words });
    expect(await json(...args, "--engine", "js", "--recall", "full")).toMatchObject({ text: written.full });
  });

  test("is told by atome inspect", async () => {
    expect(await json("inspect", recalling)).toMatchObject({ recall: { window: 40, forget: 10 } });
    const { stdout } = await runAtome(["inspect", recalling], cwd);
    expect(stdout).toMatch(/^recall +40 symbols, forgotten at symbol 10$/m);
  });

  test("is asked for in vain of a model without", async () => {
    const { code, stderr } = await runAtome(["generate", model, "line", "--recall", "full"], cwd);
    expect(code).toBe(2);
    expect(stderr).toBe(`Cannot use --recall with "${model}": the model has no recall; leave the option out.\n`);
    expect(await json("generate", model, "line", "--max-bytes", "1")).not.toHaveProperty("recall");
  });
});

describe("atome verify", () => {
  test("compares the engines in this process where there are no others", async () => {
    const { code, stdout } = await runAtome(["verify", model, "--prompt", "line 1", "--tokens", "9", "--json"], cwd, {
      PATH: "",
    });
    expect(code).toBe(0);
    const { identical, engines, missing } = JSON.parse(stdout);
    expect(identical).toBe(true);
    expect(engines.map(({ name }: { name: string }) => name)).toEqual(["typescript", "wasm", "rp2040 (cortex-m0plus)"]);
    expect(engines[0].hash).toMatch(/^[0-9a-f]{8}$/);
    expect([engines[0].hash, engines[0].tokens]).toEqual([engines[1].hash, 9]);
    expect(missing.length).toBeGreaterThan(2);
  });

  test("prints a table", async () => {
    const { stdout } = await runAtome(["verify", model], cwd, { PATH: "" });
    expect(stdout).toMatch(/^engine +tokens +hash of all logits/);
    expect(stdout).toMatch(/^typescript +32 +[0-9a-f]{8}$/m);
    expect(stdout).toContain("Identical: 3 engines");
    expect(stdout).toMatch(/^not run: .* \(no .* here\)$/m);
  });
});

/** An ATOME01 file with all weights zero. */
function atome01(d: number, layers: number, head: number, vocab: number): Buffer {
  const trits = (count: number) =>
    Buffer.concat([Buffer.from(Float32Array.of(1).buffer), Buffer.alloc(Math.ceil(count / 4))]);
  const floats = (count: number) => Buffer.alloc(4 * count);
  const layer = [
    ...[floats(d), floats(d), trits(d * 5), floats(d), floats(d), floats(d)],
    ...[trits(head * d), trits(head * d), trits(d * d), trits(3 * d)],
  ];
  const all = Array.from({ length: layers }, () => layer).flat();
  return Buffer.concat([Buffer.from("ATOME01"), trits(vocab * d), ...all, floats(d), floats(d), trits(vocab * d)]);
}

describe("atome import", () => {
  const dimensions = ["--d-model", "6", "--layers", "2", "--d-head", "3", "--vocab", "32", "--window", "8"];

  test("turns an ATOME01 file into a model", async () => {
    write("blob.bin", atome01(6, 2, 3, 32));
    await json("import", "--from", "atome01", "blob.bin", ...dimensions, "-o", "imported.atome");
    expect(await json("inspect", "imported.atome")).toMatchObject({
      block: "base",
      dimensions: { vocab: 32, dModel: 6, nLayers: 2, dHead: 3, topK: 4 },
    });
  });

  test("refuses a file that is longer or shorter, with exit code 1", async () => {
    write("longer.bin", Buffer.concat([atome01(6, 2, 3, 32), Buffer.alloc(1)]));
    const { code, stderr } = await runAtome(
      ["import", "--from", "atome01", "longer.bin", ...dimensions, "-o", "no.atome"],
      cwd,
    );
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^Cannot import "longer\.bin": it has \d+ bytes but/)]);
  });
});

describe("exit code 2 for", () => {
  const from = ["--from", "atome01", "blob.bin", "--d-model", "6", "--layers", "2", "--d-head", "3"];
  const bad: [string, string[], RegExp][] = [
    ["a missing model", ["generate", "none.atome", "x"], /^Cannot read "none\.atome": there is no such file/],
    ["a directory as model", ["inspect", "run"], /^Cannot read "run": it is a directory/],
    ["a text as model", ["eval", "text.txt", "text.txt"], /^Cannot use "text\.txt": it is neither a \.atome file nor/],
    ["an empty prompt", ["generate", model, ""], /^Cannot use the prompt: it is empty/],
    ["an empty prompt to verify", ["verify", model, "--prompt", ""], /^Cannot use the prompt: it is empty/],
    [
      "a checkpoint to generate",
      ["generate", checkpoint, "x"],
      /^Cannot run ".*": it is a checkpoint, expected a \.atome file; make one/,
    ],
    ["a checkpoint to verify", ["verify", checkpoint], /^Cannot run ".*": it is a checkpoint/],
    [
      "windows of other layers",
      ["export", model, "-o", "x", "--windows", "1,2,3"],
      /^Cannot set the windows of .*: 3 are given but 2/,
    ],
    ["windows out of range", ["export", model, "-o", "x", "--windows", "0"], /Expected whole numbers from 1 to 1024/],
    ["a size without a number", ["export", model, "-o", "x", "--max-ram", "k"], /Expected a number of bytes/],
    [
      "windows and RAM",
      ["export", model, "-o", "x", "--windows", "2", "--max-ram", "9k"],
      /^Cannot use --windows and --max-ram together/,
    ],
    [
      "RAM without a text",
      ["export", model, "-o", "x", "--max-ram", "9k"],
      /^Cannot choose windows by --max-ram without a text/,
    ],
    ["windows of a model without -o", ["export", model, "--windows", "2"], /say with -o where/],
    [
      "a chip that nobody knows",
      ["fit", model, "--chip", "Z80"],
      /^Cannot find the chip "Z80": the known ones are ATtiny85;/,
    ],
    ["half of an own chip", ["fit", model, "--flash", "64k"], /give both its --flash and its --ram/],
    ["nothing to fit", ["fit"], /^Cannot fit nothing/],
    ["a model and a configuration", ["fit", model, "--config", "nano"], /^Cannot fit a model and a --config at once/],
    ["a model to export", ["export", model], /^Cannot export ".*": it is a \.atome file already/],
    [
      "a temperature that is no number",
      ["generate", model, "x", "--temperature", "hot"],
      /'hot' is invalid\. Expected a number/,
    ],
    [
      "an unknown engine",
      ["generate", model, "x", "--engine", "gpu"],
      /'gpu' is invalid\. Allowed choices are wasm, js/,
    ],
    ["an empty text", ["eval", model, "empty.atome"], /^Cannot use "empty\.atome": it is empty/],
    ["a missing text", ["eval", model, "none.txt"], /^Cannot read "none\.txt": there is no such file/],
    [
      "a checkpoint against a checkpoint",
      ["eval", checkpoint, "held.txt", "--against", checkpoint],
      /^Cannot compare ".*" with a checkpoint/,
    ],
    [
      "a model against a model",
      ["eval", model, "held.txt", "--against", model],
      /^Cannot compare against ".*": it is a \.atome file/,
    ],
    [
      "metadata without value",
      ["export", checkpoint, "--metadata", "licence"],
      /^Cannot use --metadata "licence": expected key=value/,
    ],
    ["an import without its format", ["import", "blob.bin"], /required option '--from <format>' not specified/],
    [
      "an import of another format",
      ["import", "--from", "onnx", "blob.bin"],
      /'onnx' is invalid\. Allowed choices are atome01/,
    ],
    ["an import without output", ["import", ...from], /required option '-o, --output <file>' not specified/],
    ["an output that is a directory", ["export", checkpoint, "-o", "run"], /^Cannot write "run": it is a directory/],
  ];
  test.each(bad)("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await runAtome(args, cwd);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
    expect([code, stdout]).toEqual([2, ""]);
  });
});

describe("exit code 1 for", () => {
  const bad: [string, string[], RegExp][] = [
    [
      "a model cut short",
      ["inspect", "short.atome"],
      /^Cannot load "short\.atome": at byte 8, totalBytes is \d+ but the file has 100/,
    ],
    ["an empty model", ["generate", "empty.atome", "x"], /^Cannot load "empty\.atome": /],
    ["a model with a bit flipped", ["verify", "flipped.atome"], /^Cannot load "flipped\.atome": at byte 12, crc32 is/],
    [
      "an output in a missing folder",
      ["export", checkpoint, "-o", "no/model.atome"],
      /^Cannot write "no\/?.*": its folder does not exist/,
    ],
  ];
  test.each(bad)("%s", async (_, args, message) => {
    const { code, stdout, stderr } = await runAtome(args, cwd);
    expect(stderr).toMatch(message);
    expect(stderr.trimEnd().split("\n").length).toBe(1);
    expect([code, stdout]).toEqual([1, ""]);
  });

  test.each([
    ["a float table", "tiny.json", ["--set", "embedding=float"], 'its "embedding" is "float"'],
    ["8-bit matrices", "tiny.json", ["--set", "matrices=int8"], 'its "matrices" are "int8"'],
    ["a gpt block", "my-gpt.json", [], "its gpt block is for comparison and has no export"],
    ["a llama block", "my-gpt.json", ["--set", "block=llama"], "its llama block is for comparison and has no export"],
  ])("a checkpoint that the format has no place for: %s", async (_, config, settings, problem) => {
    const gpt = { block: "gpt", dModel: 8, dInner: 12, nLayers: 1, dHead: 4, train: { batch: 2, context: 16 } };
    writeFileSync(join(cwd, "my-gpt.json"), JSON.stringify(gpt));
    const args = ["--config", config, ...settings, "--steps", "2", "-o", "unexported", "--force"];
    const training = await runAtome(["train", "text.txt", ...args], cwd);
    expect(training.code).toBe(0);
    const found = `there is no .atome file: Cannot export the model: ${problem}; `;
    expect(training.stderr.split("\n").filter((line) => line.includes(found)).length).toBe(1);
    expect(existsSync(join(cwd, "unexported", "model.atome"))).toBe(false);
    const { code, stderr } = await runAtome(["export", join("unexported", "best.safetensors")], cwd);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^Cannot export the model: .*\n$/)]);
    expect(stderr).toContain(problem);
  });

  test("a checkpoint that reads windows, to be read as a stream", async () => {
    const { code, stderr } = await runAtome(["eval", join("unexported", "best.safetensors"), "text.txt"], cwd);
    expect([code, stderr]).toEqual([
      2,
      expect.stringMatching(/^Cannot run the model over a stream: its llama block .*\n$/),
    ]);
  });
});

test("atome demo goes the whole way", async () => {
  const report = await json("demo", "--steps", "10", "--quiet");
  expect(report).toMatchObject({ verification: { identical: true }, training: { steps: 10 } });
  expect(report.heldOut.questions).toBe(208);
  expect(report.answers.length).toBe(5);
});
