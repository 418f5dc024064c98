import { describe, expect, test } from "vitest";
import { duration, grouped, table } from "./output.js";
import { Progress } from "./progress.js";

/** A stream that keeps what is written, and a clock set by hand. */
function recorder(isTTY: boolean, silent = false) {
  const written: string[] = [];
  const clock = { ms: 0 };
  const stream = { isTTY, columns: 10, write: (text: string) => written.push(text) };
  return { written, clock, stream, progress: new Progress(stream, () => clock.ms, silent) };
}

describe("Progress", () => {
  test("writes one line over and over on a terminal, at most ten times a second", () => {
    const { written, clock, progress } = recorder(true);
    for (clock.ms = 0; clock.ms < 250; clock.ms += 50) progress.show(() => `at ${clock.ms}`);
    progress.end();
    expect(written).toEqual(["\r\x1b[2Kat 0", "\r\x1b[2Kat 100", "\r\x1b[2Kat 200", "\n"]);
  });

  test("keeps the line within the terminal", () => {
    const { written, progress } = recorder(true);
    progress.show(() => "a line of 20 letters");
    expect(written).toEqual(["\r\x1b[2Ka line of"]);
  });

  test("writes plain lines in a pipe, every five seconds and when told to", () => {
    const { written, clock, progress } = recorder(false);
    for (clock.ms = 0; clock.ms <= 10_000; clock.ms += 1000) progress.show(() => `at ${clock.ms}`, clock.ms === 7000);
    progress.end();
    expect(written).toEqual(["at 0\n", "at 5000\n", "at 7000\n"]);
  });

  test("writes nothing before a delay has passed, and takes its line away", () => {
    const { written, clock, stream } = recorder(true);
    const progress = new Progress(stream, () => clock.ms, false, 1000);
    for (clock.ms = 900; clock.ms <= 1050; clock.ms += 50) progress.show(() => `at ${clock.ms}`);
    progress.clear();
    progress.clear();
    expect(written).toEqual(["\r\x1b[2Kat 1000", "\r\x1b[2K"]);
  });

  test("writes nothing when silent", () => {
    const { written, progress } = recorder(true, true);
    progress.show(() => "line", true);
    progress.end();
    expect(written).toEqual([]);
  });
});

test("table() aligns text to the left and numbers to the right", () => {
  expect(
    table([
      ["name", "bytes"],
      ["a", 12],
      ["longer", 1234567],
    ]),
  ).toEqual(["name    bytes", "a            12", "longer  1234567"]);
});

test("duration() takes two units at most", () => {
  expect([0.4, 59.4, 200, 7500, -1].map(duration)).toEqual(["0 s", "59 s", "3 min 20 s", "2 h 5 min", "0 s"]);
});

test("grouped() sets off thousands", () => {
  expect([999, 61234.4].map(grouped)).toEqual(["999", "61,234"]);
});
