import { describe, expect, test } from "vitest";
import { findAllEngines } from "../src/cli/engines.js";
import { boards } from "../src/emulate/boards.js";
import { runVector, vectors } from "./load.js";

const { engines, missing } = await findAllEngines();
const reference = engines[0];

describe.each(boards)("$name", ({ name, script }) => {
  const isSkipped = process.env.CI !== "true" && missing.some((engine) => engine.name === name);

  test.skipIf(isSkipped)("gives what the TypeScript engine gives, for every vector that fits", async () => {
    const board = engines.find((engine) => engine.name === name);
    if (!board) throw new Error(`${name} cannot be built or run here`);
    const tooLarge: string[] = [];
    for (const vector of vectors) {
      const { difference, skipped } = await runVector(board, reference, vector);
      expect(difference, vector.name).toBeUndefined();
      if (skipped.length > 0) tooLarge.push(vector.name);
    }
    // The micro:bit has 16 KB of RAM.
    const beyond = vectors.filter(({ arenaBytes }) => script === "microbit.ld" && arenaBytes > 15_000);
    expect(tooLarge).toEqual(beyond.map((vector) => vector.name));
  });
});
