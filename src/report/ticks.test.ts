import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ticks } from "./ticks.js";

describe("ticks", () => {
  test.each([
    [0, 3000, 5, [0, 1000, 2000, 3000]],
    [0, 20, 6, [0, 5, 10, 15, 20]],
    [0.97, 1.31, 4, [1, 1.1, 1.2, 1.3]],
    [0, 1, 6, [0, 0.2, 0.4, 0.6, 0.8, 1]],
  ])("from %d to %d, about %d", (low, high, count, expected) => {
    expect(ticks(low, high, count)).toEqual(expected);
  });

  test("are within the range and not too many", () => {
    const span = fc.record({ low: fc.double({ min: 0, max: 100 }), width: fc.double({ min: 1e-4, max: 1e7 }) });
    fc.assert(
      fc.property(span, fc.integer({ min: 2, max: 10 }), ({ low, width }, count) => {
        const marks = ticks(low, low + width, count);
        expect(marks.length).toBeLessThanOrEqual(count + 1);
        for (const mark of marks) {
          expect(mark).toBeGreaterThanOrEqual(low - width * 1e-6);
          expect(mark).toBeLessThanOrEqual(low + width * (1 + 1e-6));
        }
      }),
    );
  });
});
