import { describe, expect, test } from "vitest";
import { findAllEngines } from "../src/cli/engines.js";
import { boards } from "../src/emulate/boards.js";
import { malformed, runVector, vectors } from "./load.js";

const { engines, missing } = await findAllEngines();
const reference = engines[0];

/** The last file of each error: a board takes 0.1 s for a file. */
const oneOfEach = [...new Map(malformed.map((file) => [file.error, file])).values()];

/** What the firmware takes of a board's RAM for itself: its stack and its variables. */
const ownRamBytes = 1024 + 8;

describe.each(boards)("$name", ({ name, ram }) => {
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
    // Every board has flash for every vector: the largest is 66 KB.
    const beyond = vectors.filter(({ arenaBytes }) => arenaBytes > ram.bytes - ownRamBytes);
    expect(tooLarge).toEqual(beyond.map((vector) => vector.name));
  });

  test.skipIf(isSkipped)("refuses a malformed file of each kind for the right reason", async () => {
    const board = engines.find((engine) => engine.name === name);
    for (const { name, error, bytes } of oneOfEach) {
      expect((await board?.run(bytes, { promptSymbols: [0], generate: 0 }))?.error, name).toBe(error);
    }
  });
});
