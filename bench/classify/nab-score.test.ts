import { describe, expect, test } from "vitest";
import { alarmsOf, nabScore } from "./nab-score.mjs";

const series = [{ windows: [[100, 109]] }];
const scoreOf = (...alarms: number[]) => nabScore(series, [alarms]).score;
/** The paper's sigmoid, written in its own terms. */
const sigmoid = (y: number) => 2 / (1 + Math.exp(5 * y)) - 1;

describe("nabScore()", () => {
  test("is 0 for no alarm and 100 for one where the window begins", () => {
    expect(scoreOf()).toBe(0);
    expect(scoreOf(100)).toBeCloseTo(100, 12);
  });

  test("is the less the later an alarm comes, and takes the first of several", () => {
    expect(scoreOf(105)).toBeCloseTo(50 * (1 + sigmoid(-0.5) / sigmoid(-1)), 10);
    expect(scoreOf(105, 109)).toBe(scoreOf(105));
    expect(scoreOf(109)).toBeLessThan(scoreOf(108));
  });

  test("takes 0.11 for a false alarm before all windows, and less for one close behind a window", () => {
    expect(scoreOf(5)).toBeCloseTo(-50 * 0.11, 12);
    expect(scoreOf(112)).toBeCloseTo(50 * 0.11 * sigmoid(3 / 9), 12);
    expect(scoreOf(500)).toBeCloseTo(-50 * 0.11, 12);
  });

  test("counts windows and alarms", () => {
    const two = [{ windows: [[10, 19], [30, 39]] }, { windows: [] }]; // biome-ignore format: one line
    const found = nabScore(two, [[12, 15, 25], [7]]);
    expect(found).toMatchObject({ windows: 2, found: 1, falseAlarms: 2, recall: 0.5 });
    expect(found.precision).toBeCloseTo(1 / 3, 12);
    expect(found.f1).toBeCloseTo(0.4, 12);
  });
});

test("alarmsOf() keeps silent after an alarm and where nothing is judged", () => {
  const scores = [9, 9, 1, 5, 5, 5, 1, 5];
  const of = (threshold: number, silence: number) =>
    alarmsOf(scores, { begin: 0, end: 8 }, (t: number) => t > 1, { threshold, silence });
  expect(of(5, 0)).toEqual([3, 4, 5, 7]);
  expect(of(5, 1)).toEqual([3, 5, 7]);
  expect(of(5, 3)).toEqual([3, 7]);
  expect(of(6, 0)).toEqual([]);
});
