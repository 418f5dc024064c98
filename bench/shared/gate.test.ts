import { describe, expect, test } from "vitest";
import { compareWith, fails, otherTools } from "./gate.mjs";

const gate = {
  tools: true,
  lists: {
    rows: {
      key: ["model", "core"],
      figures: {
        bytes: { better: "less", tolerance: 0 },
        speed: { better: "more", tolerance: 0.1 },
        hash: { better: "neither", tolerance: 0 },
      },
    },
  },
};
const row = { model: "nano", core: "m0", bytes: 100, speed: 10, hash: "ab" };
const compare = (now: object) => compareWith({ rows: [row] }, { rows: [{ ...row, ...now }] }, gate);
const verdicts = (now: object) => compare(now).map(({ verdict }) => verdict);

describe("compareWith()", () => {
  test.each([
    [{}, ["same", "same", "same"]],
    [{ bytes: 101 }, ["WORSE", "same", "same"]],
    [{ bytes: 99 }, ["better: publish it", "same", "same"]],
    [{ speed: 9.1 }, ["same", "within its tolerance", "same"]],
    [{ speed: 8.9 }, ["same", "WORSE", "same"]],
    [{ speed: 11.5 }, ["same", "better: publish it", "same"]],
    [{ hash: "cd" }, ["same", "same", "WORSE"]],
    [{ bytes: undefined }, ["not measured", "same", "same"]],
  ])("judges %o", (now, expected) => {
    expect(verdicts(now)).toEqual(expected);
    const isWorse = expected.some((verdict) => verdict === "WORSE" || verdict === "not measured");
    expect(compare(now).some(fails)).toBe(isWorse);
  });

  test("compares rows of the same key, and tells those that are new", () => {
    const measured = {
      rows: [
        { ...row, core: "m3" },
        { ...row, bytes: 3 },
      ],
    };
    const [first, , , second] = compareWith({ rows: [row, { ...row, core: "m4" }] }, measured, gate);
    expect(first).toMatchObject({ figure: "nano, m3: bytes", verdict: "new: publish it" });
    expect(second).toEqual({
      ...{ figure: "nano, m0: bytes", committed: 100, now: 3, tolerance: 0 },
      verdict: "better: publish it",
    });
    expect(compareWith(undefined, measured, gate)[0].verdict).toBe("new: publish it");
  });
});

test("otherTools() tells which tools are not those of the published figures", () => {
  expect(otherTools({ tools: { compiler: "gcc 12" } }, { tools: { compiler: "gcc 12" } }, gate)).toBeUndefined();
  expect(otherTools({ tools: { compiler: "gcc 12" } }, { tools: { compiler: "gcc 13" } }, gate)).toBe(
    "the compiler is gcc 13, the published figures are of gcc 12",
  );
  expect(otherTools({ tools: {} }, { tools: { compiler: "gcc 13" } }, { ...gate, tools: false })).toBeUndefined();
});
