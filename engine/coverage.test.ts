/** The suite reaches every branch of atome.c: vectors, malformed files and bad calls, in every build that a branch is for. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { afterAll, expect, test } from "vitest";
import { OPTION } from "../src/format/layout.js";
import { malformed, modelOf, vectors } from "../vectors/load.js";
import {
  buildHost,
  ENGINE_SOURCE,
  type HostJob,
  isMissing,
  narrow,
  removeBuilds,
  runHost,
} from "./test/native-host.js";

afterAll(removeBuilds);

const source = readFileSync(ENGINE_SOURCE, "utf8");

/** A model and its calls, but for decisions where the build has none; only the check of a model that it refuses. */
const jobsFor = (isRefused: (model: Uint8Array) => boolean, decides: boolean): HostJob[] => [
  ...vectors.map(({ name, calls }) => ({
    model: modelOf(name),
    calls: isRefused(modelOf(name)) ? [] : calls.filter(({ call }) => decides || call !== "decide"),
  })),
  ...malformed.map(({ bytes }) => ({ model: bytes, calls: [] })),
];

const options = (model: Uint8Array) => model[28] | (model[29] << 8);
const isGated = (model: Uint8Array) => model[22] !== 0 || model[23] !== 0;
const builds: { text: string; define?: string; isRefused: (model: Uint8Array) => boolean }[] = [
  { text: source, isRefused: () => false },
  { text: narrow(source), isRefused: () => false },
  { text: source, define: "ATOME_TABLES=1", isRefused: () => false },
  { text: source, define: "ATOME_RECALL=0", isRefused: (model) => (options(model) & 16) !== 0 },
  ...(["ngrams", "pooled", "sensor", "decision"] as const).map((name) => ({
    text: source,
    define: `ATOME_${name === "decision" ? "DECIDE" : name.toUpperCase()}=0`,
    isRefused: (model: Uint8Array) => (options(model) & OPTION[name]) !== 0,
  })),
  { text: source, define: "ATOME_INT4=0", isRefused: (model) => (options(model) & (6 | OPTION.matricesInt4)) !== 0 },
  { text: source, define: "ATOME_GATED=0", isRefused: isGated },
  { text: source, define: "ATOME_BASE=0", isRefused: (model) => !isGated(model) },
];

interface GcovLine {
  line_number: number;
  count: number;
  branches: { count: number }[];
}

/** Counts of one build by gcov, after everything has run. */
function coverageOf(host: string): GcovLine[] {
  const args = ["--json-format", "--stdout", "--branch-probabilities", "output-atome.gcda"];
  const report = execFileSync("gcov", args, { cwd: dirname(host), encoding: "utf8", maxBuffer: 2 ** 26 });
  const { files } = JSON.parse(report) as { files: { file: string; lines: GcovLine[] }[] };
  return files.filter(({ file }) => file.endsWith("atome.c")).flatMap(({ lines }) => lines);
}

test.skipIf(isMissing("gcc"))("the suite takes every branch of atome.c both ways", () => {
  const lines = builds.flatMap(({ text, define, isRefused }) => {
    const flags = ["-O0", "--coverage", ...(define ? [`-D${define}`] : [])];
    const host = buildHost("gcc", flags, text);
    const answers = runHost(host, jobsFor(isRefused, define !== "ATOME_DECIDE=0"));
    vectors.forEach(({ name }, i) => {
      expect(answers[i].error, `${name}, ${define ?? ""}`).toBe(isRefused(modelOf(name)) ? 8 : 0);
    });
    return coverageOf(host);
  });
  expect(lines.length).toBeGreaterThan(builds.length * 500);

  // A line has other branches where a build leaves a part of it out: those of the builds with as many are added up.
  const byLine = new Map<string, number[]>();
  for (const { line_number: line, count, branches } of lines) {
    const key = `${line}/${branches.length}`;
    const counts = byLine.get(key) ?? Array<number>(branches.length + 1).fill(0);
    byLine.set(key, counts);
    [count, ...branches.map((branch) => branch.count)].forEach((value, i) => {
      counts[i] += value;
    });
  }
  const missed = [...byLine].filter(([, counts]) => counts.includes(0)).map(([key]) => key);
  expect(missed.map((key) => `${key}: ${source.split("\n")[Number.parseInt(key, 10) - 1].trim()}`)).toEqual([]);
});
