import { describe, expect, test } from "vitest";
import { UsageError } from "../model/errors.js";
import { encodeJob } from "./job.js";

describe("encodeJob()", () => {
  test("lays out prompt, sampler and details as firmware/main.c reads them", () => {
    const job = {
      promptSymbols: [1, 0x0203],
      generate: 0x04050607,
      sampler: { temperature: 0x0809, topK: 0x0a0b, topP: 0x0c0d, random: 0xfeedface },
      details: true,
    };
    const header = [2, 0, 0, 0, 7, 6, 5, 4, 9, 8, 0xb, 0xa, 0xd, 0xc, 1, 0, 0xce, 0xfa, 0xed, 0xfe, 0, 0, 0, 0];
    expect([...encodeJob(job)]).toEqual([...header, 1, 0, 3, 2]);
  });

  test("puts a text in place of symbols", () => {
    const bytes = encodeJob({ promptSymbols: [], promptText: Uint8Array.of(65, 66), generate: 0 });
    expect([...bytes]).toEqual([...new Array(20).fill(0), 2, 0, 0, 0, 65, 66]);
  });

  test("puts samples in place of symbols, and says so", () => {
    const bytes = encodeJob({ promptSymbols: [], promptSamples: [[-2, 2 ** 31 - 1]], generate: 0 });
    const header = [...new Array(14).fill(0), 2, 0, 0, 0, 0, 0, 8, 0, 0, 0];
    expect([...bytes]).toEqual([...header, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
  });

  test.each([
    [
      "a value beyond 32 bits",
      { promptSymbols: [], promptSamples: [[2 ** 31]], generate: 1 },
      "value 0 of the samples",
    ],
    ["no samples", { promptSymbols: [], promptSamples: [], generate: 1 }, "the prompt is empty"],
    ["no prompt", { promptSymbols: [], generate: 1 }, "the prompt is empty"],
    ["a symbol above 16 bits", { promptSymbols: [0, 65536], generate: 1 }, "prompt symbol 1 is 65536"],
    ["a fraction of a symbol", { promptSymbols: [0.5], generate: 1 }, "prompt symbol 0 is 0.5"],
    ["a negative count", { promptSymbols: [0], generate: -1 }, "the number of symbols to generate is -1"],
    [
      "a top-p above 1",
      { promptSymbols: [0], generate: 1, sampler: { temperature: 256, topK: 0, topP: 32769, random: 0 } },
      "top-p (in 1/32768) is 32769",
    ],
  ])("refuses %s", (_, job, words) => {
    expect(() => encodeJob(job)).toThrow(UsageError);
    expect(() => encodeJob(job)).toThrow(words);
  });
});
