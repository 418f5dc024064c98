import { describe, expect, test } from "vitest";
import { FailureError } from "../model/errors.js";
import { parseResult } from "./result.js";

const line =
  '{"tokens":[3,1],"error":0,"fed":18,"hash":"0123abcd","details":"811c9dc5","arenaBytes":5128,"ramBytes":15352,' +
  '"stackBytes":392,"checkTicks":1000,"ticks":2001,"maxTicks":1200,"clockHz":16000000}';

describe("parseResult()", () => {
  test("turns ticks into instructions: a tick of 16 MHz lasts 62.5 ns", () => {
    expect(parseResult(`warning: of the emulator\n${line}\n`, "microbit")).toEqual({
      error: 0,
      hash: "0123abcd",
      details: "811c9dc5",
      tokens: [3, 1],
      fed: 18,
      arenaBytes: 5128,
      ramBytes: 15352,
      stackBytes: 392,
      instructionsPerToken: 62531,
      instructionsPerTokenMax: 75000,
      instructionsPerCheck: 62500,
    });
  });

  test("turns ticks into cycles, where those are counted", () => {
    const { instructionsPerToken, instructionsPerCheck, ...result } = parseResult(line, "simavr", 64);
    expect(result).toMatchObject({ cyclesPerToken: 64_032, cyclesPerCheck: 64_000 });
    expect([instructionsPerToken, instructionsPerCheck]).toEqual([undefined, undefined]);
  });

  test("leaves out what was not measured", () => {
    const native = line.replace(/"stackBytes":392/, '"stackBytes":0').replace("16000000", "0");
    const result = parseResult(native, "gcc -O2");
    expect("stackBytes" in result || "instructionsPerToken" in result || "instructionsPerCheck" in result).toBe(false);
    const idle = line.replace("[3,1]", "[]").replace('"ticks":2001', '"ticks":0');
    expect(parseResult(idle, "microbit").instructionsPerToken).toBeUndefined();
  });

  test("counts samples where no token was generated", () => {
    expect(parseResult(line.replace("[3,1]", "[]"), "microbit").instructionsPerToken).toBe(6948);
  });

  test.each([
    ["nothing", ""],
    ["a fault", "fault\n"],
    ["a line cut short", line.slice(0, 100)],
    ["a fault in the middle", '{"tokens":[3,1fault\n'],
    ["a missing count", line.replace('"ticks":2001,', "")],
    ["a negative count", line.replace('"fed":18', '"fed":-18')],
    ["a token that is none", line.replace("[3,1]", '[3,"1"]')],
    ["a short hash", line.replace("0123abcd", "0123abc")],
  ])("refuses %s", (_, text) => {
    expect(() => parseResult(text, "microbit")).toThrow(FailureError);
    expect(() => parseResult(text, "microbit")).toThrow("Cannot read the result of microbit");
  });
});
