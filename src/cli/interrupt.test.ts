import { expect, test } from "vitest";
import { interruptible } from "./interrupt.js";

test.each(["SIGINT", "SIGTERM"] as const)(
  "%s is told to who asks and to who waits, and only while it is asked for",
  async (name) => {
    const before = process.listenerCount(name);
    const seen = await interruptible(async (isStopped, signal) => {
      const early = [isStopped(), signal.aborted];
      const waiting = new Promise((resolve) => signal.addEventListener("abort", resolve));
      // The last listener is the one of this call.
      process.listeners(name).at(-1)?.(name);
      await waiting;
      return [early, [isStopped(), signal.aborted]];
    });
    expect(seen).toEqual([
      [false, false],
      [true, true],
    ]);
    expect(process.listenerCount(name)).toBe(before);
  },
);
