import { describe, expect, test } from "vitest";
import { findAllEngines } from "../src/cli/engines.js";
import { malformed, runVector, vectors } from "./load.js";

const { engines } = await findAllEngines();
const [reference] = engines;

const rp2040 = engines.find(({ name }) => name.startsWith("rp2040"));
if (!rp2040) throw new Error("the RP2040 is not among the engines");

describe("the emulated RP2040", () => {
  test("gives what the TypeScript engine gives, for every vector", async () => {
    for (const vector of vectors) {
      const { difference, skipped } = await runVector(rp2040, reference, vector);
      expect(difference, vector.name).toBeUndefined();
      expect(skipped, vector.name).toEqual([]);
    }
  });

  test("refuses every malformed file with its error", async () => {
    for (const { name, error, bytes } of malformed) {
      const result = await rp2040.run(bytes, { promptSymbols: [0], generate: 0 });
      expect(result, name).toMatchObject({ error, fed: 0 });
    }
  });
});
