import { describe, expect, test } from "vitest";
import { FailureError } from "../model/errors.js";
import { type EngineResult, type EngineRun, ModelTooLargeError } from "./result.js";
import { verifyModel } from "./verify.js";

const good: EngineResult = {
  error: 0,
  hash: "0123abcd",
  details: "811c9dc5",
  tokens: [1, 2],
  fed: 3,
  arenaBytes: 100,
  ramBytes: 100,
};
const engine = (name: string, result: Partial<EngineResult> = {}): EngineRun => ({
  name,
  run: async () => ({ ...good, ...result }),
});
const failing = (name: string, error: Error): EngineRun => ({ name, run: () => Promise.reject(error) });
const job = { promptSymbols: [7], generate: 2 };
const verify = (...engines: EngineRun[]) => verifyModel(new Uint8Array(), engines, job);

describe("verifyModel()", () => {
  test("is content with engines that agree, whatever RAM and time they take", async () => {
    const started: string[] = [];
    const engines = [engine("a"), engine("b", { arenaBytes: 124, instructionsPerToken: 5, stackBytes: 9 })];
    const result = await verifyModel(new Uint8Array(), engines, job, ({ name }, i) => started.push(`${i} ${name}`));
    expect(result).toMatchObject({ identical: true, engines: [{ name: "a" }, { name: "b" }], skipped: [] });
    expect(result.difference).toBeUndefined();
    expect(started).toEqual(["0 a", "1 b"]);
  });

  test.each([
    [{ hash: "0123abce" }, "hash is 0123abcd with a but 0123abce with c"],
    [{ details: "00000000" }, "details is 811c9dc5 with a but 00000000 with c"],
    [{ tokens: [1, 3] }, "tokens is 1,2 with a but 1,3 with c"],
    [{ tokens: [1] }, "tokens is 1,2 with a but 1 with c"],
    [{ error: 6 }, "error is 0 with a but 6 with c"],
    [{ fed: 2 }, "fed is 3 with a but 2 with c"],
  ])("finds the difference in %j", async (change, words) => {
    const result = await verify(engine("a"), engine("b"), engine("c", change), engine("d"));
    expect(result).toMatchObject({ identical: false, difference: words });
    expect(result.engines).toHaveLength(4);
  });

  test("leaves out a machine that is too small, and says why", async () => {
    const result = await verify(failing("chip", new ModelTooLargeError("Cannot: too large.")), engine("a"));
    expect(result).toMatchObject({ identical: true, skipped: [{ name: "chip", reason: "Cannot: too large." }] });
    expect(result.engines.map(({ name }) => name)).toEqual(["a"]);
  });

  test("fails with an engine that fails", async () => {
    await expect(verify(engine("a"), failing("b", new FailureError("Cannot: crash.")))).rejects.toThrow("crash");
  });

  test("fails when nothing ran", async () => {
    await expect(verify()).rejects.toThrow("no engine ran it");
    await expect(verify(failing("chip", new ModelTooLargeError("small")))).rejects.toThrow(FailureError);
  });
});
