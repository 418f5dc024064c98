import { describe, expect, test } from "vitest";
import { check } from "../../src/engine/mirror.js";
import { exportModel } from "../../src/export/export.js";
import { parseConfig } from "../../src/model/parse-config.js";
import { randomTensors } from "../../src/model/random-model.js";
import { Alphabet } from "../../src/tokenizer/alphabet.js";
import {
  atomeFlashBytes,
  atomeRamBytes,
  fillingWidth,
  quantisedConfig,
  rivalFlashBytes,
  rivalRamBytes,
} from "./flash.mjs";

/** All bytes but one, an escape, and a few longer tokens: 261 symbols. */
const tokens = Alphabet.ofTokens([
  new Uint8Array(0),
  ...Array.from({ length: 255 }, (_, byte) => Uint8Array.of(byte)),
  ...["the ", "and ", "ing", "once", "a"].map((text) => new TextEncoder().encode(text)),
]);

const configOf = (json: Record<string, unknown>) => parseConfig(json, "x");
const bytes = Alphabet.bytes();

/** One table of 252 sums, or the 2 bytes per symbol that stand in its place. */
const oneTableBytes = ({ size }: Alphabet) => Math.max(2 * 252, 4 * Math.ceil(size / 2));

/** The file that a model of these settings has after `steps` steps. */
function exported(config: ReturnType<typeof configOf>, alphabet: Alphabet): Uint8Array {
  const tensors = randomTensors(config, alphabet.size, alphabet.size, 1);
  const { seed, steps } = config.train;
  const metadata = { seed, step: steps, dataSha256: "f".repeat(64) };
  return exportModel({ config, tensors, alphabet, metadata, calibration: new Uint16Array([1, 2, 3]) });
}

describe("atomeFlashBytes() and atomeRamBytes()", () => {
  test.each([
    ["base, bytes", { block: "base", dModel: 12, nLayers: 2, dHead: 4, window: 8 }, bytes],
    [
      "gated with recall",
      { block: "gated", dModel: 11, dInner: 23, nLayers: 2, recall: { window: 7, forget: "." } },
      tokens,
    ],
    ["gated, untied", { block: "gated", dModel: 11, dInner: 23, nLayers: 2 }, tokens],
    ["gated, tied int4", { block: "gated", dModel: 13, dInner: 20, nLayers: 3, embedding: "int4", tied: true }, tokens],
    [
      "gated, int4 twice, attention in one layer",
      {
        ...{ block: "gated", dModel: 8, dInner: 9, nLayers: 2, dHead: 4, embedding: "int4", unembedding: "int4" },
        ...{ pathways: [["local"], ["local", "state", "sparse"]], train: { steps: 12345, seed: 7 } },
      },
      tokens,
    ],
  ])("are the size of the file and what the engine asks for: %s", (_, json, alphabet) => {
    const config = configOf(json);
    const file = exported(config, alphabet);
    expect(atomeFlashBytes(config, alphabet)).toBe(file.length);
    expect(atomeRamBytes(config, alphabet.size)).toBe(check(file).arenaBytes);
    expect(atomeRamBytes(config, alphabet.size, 1)).toBe(check(file).arenaBytes - (2048 - oneTableBytes(alphabet)));
  });
});

describe("rivalFlashBytes()", () => {
  const gpt = { block: "gpt", dModel: 10, dInner: 7, nLayers: 1, dHead: 5, tied: true, train: { context: 6 } };
  // Header and one section entry; vectors: two norms of a layer and the final one, gamma and beta of 10 values each.
  const [header, vectors] = [52 + 8, 3 * 2 * 10 * 2];

  test("counts 4-bit rows and the positions: a table", () => {
    const config = configOf({ ...gpt, matrices: "int4", embedding: "int4" });
    const tables = (256 + 6) * (5 + 2);
    const layer = 4 * 10 * (5 + 2) + 7 * (5 + 2) + 10 * (4 + 2);
    expect(rivalFlashBytes(config, bytes)).toBe(header + tables + layer + vectors);
  });

  test("counts ternary rows five to a byte and one scale per matrix", () => {
    const config = configOf({ ...gpt, matrices: "ternary", embedding: "ternary" });
    const tables = 256 * 2 + 4 + 6 * 2 + 4;
    const layer = 4 * (10 * 2 + 4) + (7 * 2 + 4) + (10 * 2 + 4);
    expect(rivalFlashBytes(config, bytes)).toBe(header + tables + layer + vectors);
  });

  test("counts float, and what is quantised after training", () => {
    const config = configOf({ ...gpt, matrices: "float", embedding: "float" });
    const values = (256 + 6) * 10 + 4 * 100 + 2 * 70;
    expect(rivalFlashBytes(config, bytes)).toBe(header + 4 * values + vectors);
    const rows = 256 + 6 + 4 * 10 + 7 + 10;
    expect(rivalFlashBytes(quantisedConfig(config, "int8"), bytes)).toBe(header + values + 2 * rows + vectors);
  });

  test("counts the llama's third matrix, and neither positions nor beta", () => {
    const config = configOf({ ...gpt, block: "llama", dHead: 2, matrices: "int8", embedding: "int8" });
    const layer = 4 * 10 * (10 + 2) + 2 * 7 * (10 + 2) + 10 * (7 + 2);
    expect(rivalFlashBytes(config, bytes)).toBe(header + 256 * 12 + layer + vectors / 2);
  });

  test("counts what recall's gates and bonuses of symbols add to the .atome file", () => {
    const recalling = (recall: object) => configOf({ block: "gated", dModel: 8, dInner: 8, nLayers: 1, recall });
    const [plain, whole] = [recalling({ window: 16 }), recalling({ window: 16, gates: true, symbols: true })];
    const rival = rivalFlashBytes(whole, tokens) - rivalFlashBytes(plain, tokens);
    const ours = exported(whole, tokens).length - exported(plain, tokens).length;
    // The file pads the bonuses: two rows of 261 in 4 bits with their steps, 266 bytes, to 268.
    expect(rival).toBe(ours - 2);
  });

  test("counts a token table as the .atome file has it", () => {
    const config = configOf({ block: "gated", dModel: 8, dInner: 8, nLayers: 1 });
    const rows = (alphabet: Alphabet) => 2 * (alphabet.size * 2);
    const rival = rivalFlashBytes(config, tokens) - rivalFlashBytes(config, bytes) - (rows(tokens) - rows(bytes));
    const ours = exported(config, tokens).length - exported(config, bytes).length;
    // The file pads its tables: 522 bytes of each to 524.
    expect(rival).toBe(ours - 2 * (524 - 512));
  });
});

test("rivalRamBytes() is the cache of the context, the residual, a vector and the logits", () => {
  const config = configOf({ block: "gpt", dModel: 32, dInner: 100, nLayers: 2, dHead: 8, train: { context: 90 } });
  expect(rivalRamBytes(config, 512)).toBe(2 * 2 * 90 * 32 + 4 * 32 + 2 * 100 + 4 * 512);
  const long = configOf({ block: "gpt", dModel: 32, dInner: 100, nLayers: 2, dHead: 8, train: { context: 1000 } });
  expect(rivalRamBytes(long, 512)).toBe(2 * 2 * 1000 * 32 + 4 * 32 + 2 * 100 + 4 * 1000);
});

describe("fillingWidth()", () => {
  const cost = (width: number) => 100 + 30 * width;

  test.each([
    [160, 2],
    [399, 9],
    [400, 10],
    [401, 10],
  ])("of %i bytes is the greatest that fits: %i", (limit, width) => {
    expect(fillingWidth("dInner", limit, cost)).toBe(width);
  });

  test("is undefined when nothing fits", () => {
    expect(fillingWidth("dInner", 159, cost)).toBeUndefined();
  });

  test("refuses a flash that the widest model does not fill", () => {
    expect(() => fillingWidth("dModel", 1e6, cost)).toThrow('"dModel" would be above 1024');
  });
});
