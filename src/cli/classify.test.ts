import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createMirror } from "../engine/mirror.js";
import { parseEvaluation } from "../evaluate/evaluation.js";
import { readModel } from "../format/reader.js";
import { runAtome } from "./spawn-atome.js";

const cwd = mkdtempSync(join(tmpdir(), "atome-classify-"));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

const write = (name: string, content: string) => writeFileSync(join(cwd, name), content);
const bytes = (...path: string[]) => readFileSync(join(cwd, ...path));
const lastJson = (text: string) => JSON.parse(text.trimEnd().split("\n").at(-1) as string);
const jsonLines = (text: string) =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));

const config = {
  block: "gated",
  dModel: 12,
  dInner: 16,
  nLayers: 1,
  alphabet: { kind: "map" },
  pool: "sum",
  ngrams: { buckets: 128, orders: [3, 4] },
  train: { steps: 150, batch: 16, context: 32, validation: 0.2, validateEvery: 50, checkpointEvery: 50 },
};

/** Sentences that a word decides, in different surroundings. */
function commandsTable(): string {
  const frames = ["please {} now", "could you {} it", "{} in the hall", "I want to {}", "{}, thanks", "now {} again"];
  const words = { heat: ["warm up", "heat", "turn hotter"], cool: ["cool down", "chill", "turn colder"] };
  const places = ["kitchen", "attic", "garage", "cellar", "porch"];
  const rows = Object.entries(words).flatMap(([label, verbs]) =>
    verbs.flatMap((verb) =>
      frames.flatMap((frame) => places.map((place) => `"${frame.replace("{}", verb)} ${place}",${label}`)),
    ),
  );
  const others = ["the moon is late", "who ate my sandwich", "seven blue boats", "it rains on the market"];
  const none = others.flatMap((text) => places.map((place) => `${text} ${place},neither`));
  return ["text,label", ...rows, ...none].join("\r\n");
}

/** Two rigs whose value swings, and hangs in stretches at odd times; with a gap in the second. */
function rigTable(): string {
  const rows = ["rig,level,state"];
  let random = 1;
  const below = (count: number) => {
    random = (Math.imul(random, 1103515245) + 12345) >>> 0;
    return (random >>> 16) % count;
  };
  for (const rig of ["a", "b"]) {
    let held = 0;
    let left = 0;
    for (let step = 0; step < 600; step++, left--) {
      if (left < -8 && below(16) === 0) left = 6 + below(14);
      const isStuck = left > 0;
      if (!isStuck) held = Math.round(200 * Math.sin(step / 3) + 500 + below(40));
      const missing = rig === "b" && step === 17;
      rows.push(`${rig},${missing ? "" : held},${isStuck ? "stuck" : "fine"}`);
    }
  }
  return rows.join("\n");
}

const trainCommands = (folder: string, ...more: string[]) =>
  runAtome(
    ["train", "commands.csv", "--task", "classify", "--config", "small.json", "-o", folder, "--json", ...more],
    cwd,
  );

beforeAll(async () => {
  write("commands.csv", commandsTable());
  write("small.json", JSON.stringify(config));
  write("rig.csv", rigTable());
  const commands = await trainCommands("commands", "--none-label", "neither", "--coverage", "0.995");
  expect(commands.stderr).not.toContain("Cannot");
  const sensor = ["train", "rig.csv", "--task", "sensor", "--series", "rig", "--label", "state", "-o", "rig", "--json"];
  const rig = await runAtome([...sensor, "--steps", "200"], cwd);
  expect(rig.stderr).not.toContain("Cannot");
});

describe("atome train --task classify", () => {
  test("tells what the finished model reaches on every part", async () => {
    const { code, stdout } = await trainCommands("told", "--none-label", "neither");
    expect(code).toBe(0);
    const report = lastJson(stdout);
    expect(report.parts.map((part: { name: string }) => part.name)).toEqual(["validation", "test"]);
    const [validation, tested] = report.parts;
    expect(validation.accuracy).toBeGreaterThan(0.9);
    expect(validation.coverage).toBeGreaterThanOrEqual(0.95);
    expect(tested.accuracy).toBeGreaterThan(0.85);
    expect(report.flashBytes).toBe(bytes("told", "model.atome").length);
    const evaluation = parseEvaluation(bytes("told", "evaluation.json").toString("utf8"), "evaluation.json");
    expect(evaluation.classNames).toEqual(["cool", "heat"]);
    expect(evaluation.parts[1].accuracy).toBe(tested.accuracy);
    expect(evaluation.decision.threshold).not.toBeNull();
  });

  test("gives the same bytes by any number of threads, and when it was interrupted", async () => {
    await trainCommands("threads", "--none-label", "neither", "--coverage", "0.995", "--threads", "2");
    expect(bytes("threads", "model.atome")).toEqual(bytes("commands", "model.atome"));
    await trainCommands(
      "halves",
      "--none-label",
      "neither",
      "--coverage",
      "0.995",
      "--set",
      "train.checkpointEvery=10",
    );
    expect(bytes("halves", "model.atome")).toEqual(bytes("commands", "model.atome"));
  });

  test("chooses another threshold for a run that is finished", async () => {
    await trainCommands("again", "--none-label", "neither");
    const { code, stdout } = await trainCommands("again", "--none-label", "neither", "--resume", "--coverage", "0.5");
    expect(code).toBe(0);
    expect(lastJson(stdout).steps).toBe(150);
    const { decision } = parseEvaluation(bytes("again", "evaluation.json").toString("utf8"), "evaluation.json");
    expect(decision.target).toEqual({ coverage: 0.5 });
  });

  test.each([
    ["a column that is not there", ["--text", "body"], 2, /"body".*text, label|"text".*"label"|body/],
    [
      "an option of a sensor",
      ["--series", "label"],
      2,
      /^Cannot use --series with --task classify: it is for --task sensor/,
    ],
    ["two targets", ["--max-risk", "0.1", "--coverage", "0.5"], 2, /--max-risk and --coverage are both given/],
    ["the alphabet of a sensor", ["--config", "sensor-4k"], 2, /alphabet/],
    ["another run's data", ["--resume", "--none-label", "heat"], 2, /Cannot resume/],
  ])("refuses %s in one sentence", async (_, more, expected, message) => {
    const folder = more.includes("--resume") ? "commands" : "refused";
    const { code, stderr } = await trainCommands(folder, ...more);
    expect(code).toBe(expected);
    expect(existsSync(join(cwd, "refused"))).toBe(false);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(message);
  });

  test("refuses a line of 10 MB by its place", async () => {
    write("long.csv", `text,label\n${"x".repeat(10_000_000)},a\nhello,b\nyo,a\nhey,b\n`);
    const { code, stderr } = await runAtome(["train", "long.csv", "--task", "classify", "-o", "long"], cwd);
    expect(code).toBe(2);
    expect(stderr).toMatch(/the example at long.csv:2: its text has 10,000,000 bytes, expected at most 65,536/);
  });

  test("refuses a table with one class, and writes nothing", async () => {
    write("one.csv", "text,label\nhello,a\ngood day,a\nhi there,a\n");
    const { code, stderr } = await runAtome(["train", "one.csv", "--task", "classify", "-o", "one"], cwd);
    expect(code).toBe(2);
    expect(stderr).toMatch(/the only class is "a", expected two or more/);
  });
});

describe("atome train --task sensor --valid", () => {
  const sensor = [
    "train",
    "rig.csv",
    "--task",
    "sensor",
    "--series",
    "rig",
    "--label",
    "state",
    "-o",
    "valid",
    "--json",
  ];
  const train = (...more: string[]) => runAtome([...sensor, "--steps", "20", ...more], cwd);

  test("makes a code that training never saw a missing number, on the chip too", async () => {
    const { stderr } = await train("--valid", "0..1023", "--valid", "level=310..700");
    const levels = rigTable()
      .split("\n")
      .slice(1)
      .map((row) => row.split(",")[1]);
    const numbers = levels.filter((level) => level !== "").map(Number);
    const outside = numbers.filter((level) => level < 310 || level > 700).length;
    expect(outside).toBeGreaterThan(50);
    const note = `In "level" ${outside} of ${numbers.length} numbers lie outside of 310..700: taken as missing.`;
    expect(stderr.split("\n").filter((line) => line.includes(note))).toHaveLength(1);
    const { sensor: parts } = readModel(bytes("valid", "model.atome"));
    expect(parts?.columns).toMatchObject([{ least: 310, greatest: 700 }]);
    const { stdout: inspected } = await runAtome(["inspect", join("valid", "model.atome")], cwd);
    expect(inspected).toMatch(/^valid +number 1 in 310\.\.700$/m);
    const answersOf = async (code: string) => {
      const input = ["level", "500", "512", code, "520", code].join("\n");
      const { stdout } = await runAtome(["classify", join("valid", "model.atome")], cwd, {}, input);
      return jsonLines(stdout).map(({ probability, class: name }) => [name, probability]);
    };
    const missing = await answersOf("nan");
    expect(missing).toHaveLength(5);
    for (const code of ["-999", "65535", "309", "701"]) expect(await answersOf(code)).toEqual(missing);
    expect(await answersOf("310")).not.toEqual(missing);
  });

  test.each([
    ["another range than the run's", ["--resume", "--valid", "0..1023"], /Cannot resume/],
    ["a column that is not there", ["--force", "--valid", "rig=0..1"], /--valid "rig=0..1": there is no column "rig"/],
    ["what is no range", ["--force", "--valid", "5"], /--valid "5": it has no two numbers/],
  ])("refuses %s in one sentence", async (_, more, message) => {
    const { code, stderr } = await train(...more);
    expect(code).toBe(2);
    expect(stderr.trimEnd().split("\n").at(-1)).toMatch(message);
  });

  test("is of sensors alone", async () => {
    const { code, stderr } = await trainCommands("refused", "--valid", "0..1");
    expect(code).toBe(2);
    expect(stderr).toMatch(/Cannot use --valid with --task classify: it is for --task sensor/);
  });
});

describe("atome classify", () => {
  test("names the class, or none of these", async () => {
    const model = join("commands", "model.atome");
    const { stdout } = await runAtome(["classify", model, "please heat the attic", "seven blue boats"], cwd);
    expect(stdout).toMatch(/please heat the attic: heat {2}\(heat \d+\.\d %, cool/);
    expect(stdout).toMatch(/seven blue boats: none of these/);
  });

  test("reads a line and answers a line of JSON, by both engines alike", async () => {
    const model = join("commands", "model.atome");
    const input = "now chill again porch\r\n\nturn hotter garage";
    const runs = ["wasm", "js"].map((engine) => runAtome(["classify", model, "--engine", engine], cwd, {}, input));
    const [wasm, js] = await Promise.all(runs);
    expect(wasm.stdout).toBe(js.stdout);
    const answers = jsonLines(wasm.stdout);
    expect(answers.map((answer) => answer.class)).toEqual(["cool", null, "heat"]);
    expect(answers[0].text).toBe("now chill again porch");
    expect(answers[1].likeliest).toEqual([]);
    const engine = createMirror(bytes("commands", "model.atome"));
    for (const symbol of engine.encode(Buffer.from("now chill again porch"))) engine.feed(symbol);
    engine.logits();
    expect(answers[0].probability).toBeCloseTo(engine.decide().probability / 32768, 4);
  });

  test("decides on samples as they come, missing numbers and a header included", async () => {
    const model = join("rig", "model.atome");
    const swing = Array.from({ length: 60 }, (_, step) =>
      Math.round(200 * Math.sin(step / 3) + 515 + ((step * 7) % 11)),
    );
    const samples = [...swing, ...Array.from({ length: 14 }, () => swing[59])].map(String);
    samples[30] = "nan";
    const { stdout, code } = await runAtome(["classify", model], cwd, {}, ["level", ...samples].join("\n"));
    expect(code).toBe(0);
    const answers = jsonLines(stdout);
    expect(answers.length).toBe(samples.length);
    expect(answers.slice(10, 28).filter((answer) => answer.class === "fine").length).toBeGreaterThan(15);
    expect(answers.slice(-8).filter((answer) => answer.class === "stuck").length).toBeGreaterThan(5);
  });

  test.each([
    ["an empty text", ["commands", "model.atome"], [""], "", /it is empty/],
    ["a text for a sensor's model", ["rig", "model.atome"], ["hello"], "", /it is a sensor's model/],
    ["samples of other columns", ["rig", "model.atome"], [], "time,pressure\n1,2\n", /it has no column "level"/],
  ])("refuses %s", async (_, path, texts, input, message) => {
    const { code, stderr } = await runAtome(["classify", join(...path), ...texts], cwd, {}, input);
    expect(stderr).toMatch(message);
    expect(code).toBe(2);
  });

  test("refuses a language model", async () => {
    const { code, stderr } = await runAtome(["classify", "stories-20k", "hello"], cwd);
    expect(code).toBe(2);
    expect(stderr).toMatch(/it is a language model, expected a classifier/);
  });
});

test("atome export says that a classifier's checkpoint has no threshold", async () => {
  const { code, stderr } = await runAtome(["export", join("commands", "best.safetensors"), "-o", "bare.atome"], cwd);
  expect(code).toBe(0);
  expect(stderr).toMatch(/not calibrated and answers always/);
});

describe("atome report", () => {
  test("writes a page and Markdown of a run", async () => {
    const { code, stdout } = await runAtome(["report", "commands"], cwd);
    expect(code).toBe(0);
    expect(stdout).toContain(join("commands", "report.html"));
    expect(bytes("commands", "report.html").toString()).toMatch(/^<!doctype html>/i);
    expect(bytes("commands", "report.md").toString()).toContain("| cool |");
  });

  test("says what a folder lacks", async () => {
    const { code, stderr } = await runAtome(["report", "."], cwd);
    expect(code).toBe(2);
    expect(stderr).toMatch(/there is no evaluation.json in it/);
  });
});
