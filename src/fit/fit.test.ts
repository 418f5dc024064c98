import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { modelOf, vectors } from "../../vectors/load.js";
import { check } from "../engine/mirror.js";
import { readModel } from "../format/reader.js";
import { namedConfig } from "../model/configs.js";
import { CHIPS, type Chip } from "./chips.js";
import { CORES, type CoreName } from "./cores.js";
import { COSTS, ENGINE_BYTES } from "./costs.js";
import { ALLOWANCE, engineBytes, fitChip, instructionsPerSymbol, ramNeeded } from "./estimate.js";
import { shapeOfConfig, shapeOfModel, weightBytes } from "./shape.js";
import { WORK } from "./work.js";

const results = JSON.parse(readFileSync(new URL("../../results.json", import.meta.url), "utf8"));
const prod = readModel(
  new Uint8Array(readFileSync(new URL("../../models/stories-base-944k/model.atome", import.meta.url))),
);

describe("a shape", () => {
  test.each(vectors)("of $name needs the RAM that the engine asks for", ({ name, arenaBytes }) => {
    const shape = shapeOfModel(readModel(modelOf(name)));
    expect(ramNeeded(shape, 4) - ALLOWANCE.stack - ALLOWANCE.firmwareRam).toBe(arenaBytes);
  });

  test("of a configuration is that of the model trained with it", () => {
    const shape = shapeOfConfig(namedConfig("prod"), 256);
    expect(shape).toEqual(shapeOfModel(prod));
    const weights = prod.sections[0];
    // The file has another section, of metadata, and so another entry of 8 bytes.
    expect(weightBytes(shape) + 8).toBe(weights.offset + weights.bytes);
    expect(check(prod.bytes).arenaBytes).toBe(185_572);
  });
});

describe("instructionsPerSymbol()", () => {
  type Row = { core: keyof typeof COSTS; model: string; instructionsPerTokenFull: number };
  const counted = ["nano", "small", "stories", "mid", "prod"];
  const rows: Row[] = results.engine.rows.filter(({ core, model }: Row) => core in COSTS && counted.includes(model));

  test("has counts of RESULTS.md to be held to", () => {
    expect(rows.length).toBeGreaterThan(12);
  });

  test.each(rows)("is close to what RESULTS.md counts of $model on $core", ({ core, model, ...row }) => {
    const estimate = instructionsPerSymbol(shapeOfConfig(namedConfig(model), 256), core, 4);
    expect(Math.abs(estimate / row.instructionsPerTokenFull - 1)).toBeLessThan(0.025);
  });

  test.each(Object.keys(COSTS) as (keyof typeof COSTS)[])(
    "says what one table at a time costs on %s: atome.h",
    (family) => {
      const ratio = (name: string) => {
        const shape = shapeOfConfig(namedConfig(name), 256);
        return instructionsPerSymbol(shape, family, 1) / instructionsPerSymbol(shape, family, 4);
      };
      expect(ratio("stories")).toBeGreaterThan(1.04);
      expect(ratio("stories")).toBeLessThan(1.3);
      expect(ratio("prod")).toBeGreaterThan(ratio("stories"));
      expect(ratio("prod")).toBeLessThan(1.7);
    },
  );
});

test("cycles of an instruction are what RESULTS.md estimates of the model of 60K parameters", () => {
  type Timed = { model: string; instructionsPerTokenFull: number; cycles?: { timing: string; full: number }[] };
  const timed = results.engine.rows.filter(({ model, cycles }: Timed) => model === "stories" && cycles);
  const seen = timed.flatMap(({ cycles, instructionsPerTokenFull }: Timed) =>
    (cycles ?? []).flatMap(({ timing, full }) => {
      const core = timing.split(",")[0];
      const isSlow = timing.includes("multiplier of 32 cycles");
      return core in CORES && !isSlow ? [{ core: core as CoreName, cycles: full / instructionsPerTokenFull }] : [];
    }),
  );
  expect(seen.length).toBeGreaterThan(6);
  for (const { core, cycles } of seen) {
    expect(Math.abs(CORES[core as CoreName].cyclesPerInstruction / cycles - 1)).toBeLessThan(0.04);
  }
});

test("costs.ts is what results.json holds", () => {
  for (const { family, costs } of results.fit.results) {
    expect(WORK.map(([name]) => COSTS[family as keyof typeof COSTS][name])).toEqual(costs);
  }
  expect(Object.keys(COSTS)).toEqual(results.fit.results.map(({ family }: { family: string }) => family));
});

test("costs.ts has the size of the engine, and the allowance for its stack suffices", () => {
  for (const { family, engineBytes } of results.fit.results) {
    expect(ENGINE_BYTES[family as keyof typeof COSTS]).toBe(engineBytes);
  }
  expect(ENGINE_BYTES.avr).toBe(results.fit.avrBytes);
  const deepest = Math.max(...results.engine.rows.map((row: { stackBytes: number }) => row.stackBytes));
  expect(ALLOWANCE.stack).toBeGreaterThan(deepest);
});

describe("the chips", () => {
  test("are two dozen or more, each once, by RAM", () => {
    expect(CHIPS.length).toBeGreaterThanOrEqual(24);
    expect(new Set(CHIPS.map(({ name }) => name)).size).toBe(CHIPS.length);
    expect(CHIPS.map(({ ramBytes }) => ramBytes)).toEqual(CHIPS.map(({ ramBytes }) => ramBytes).sort((a, b) => a - b));
  });

  test.each(CHIPS)("$name has figures of the right size and a source", (chip) => {
    expect(chip.source).not.toBe("");
    expect(chip.flashBytes % 1024).toBe(0);
    expect(chip.flashBytes).toBeGreaterThanOrEqual(8 * 1024);
    expect(chip.ramBytes).toBeGreaterThanOrEqual(512);
    expect(CORES[chip.core]).toBeDefined();
    expect([0.2, 0.5, 1, 2, 5, 10, 20, 30]).toContain(chip.priceUsd);
    // Six microamperes a megahertz for the most frugal, about five hundred for the least.
    if (chip.milliamps !== undefined) expect(chip.milliamps / chip.clockMHz).toBeGreaterThan(0.005);
    if (chip.milliamps !== undefined) expect(chip.milliamps / chip.clockMHz).toBeLessThan(0.5);
  });
});

describe("fitChip()", () => {
  const chip: Chip = {
    ...{ name: "a chip", core: "Cortex-M3" as const, clockMHz: 100, flashBytes: 65536, ramBytes: 20480 },
    ...{ priceUsd: 1, source: "this test", waitStates: 2, volts: 3, milliamps: 10 },
  };
  const stories = { shape: shapeOfConfig(namedConfig("stories"), 256), modelBytes: 15_020, bytesPerSymbol: 1 };
  const shortened = { ...stories.shape, layers: stories.shape.layers.map((layer) => ({ ...layer, window: 40 })) };

  test("says what is missing", () => {
    const needed = 26_292 - (2048 - 512) + 384 + 64;
    expect(fitChip(stories, chip)).toMatchObject({ fits: false, tables: 1, ramOver: needed - 20480, flashOver: 0 });
    expect(
      fitChip({ ...stories, modelBytes: 65536 - 2048 - engineBytes("Cortex-M3") + 1 }, { ...chip, ramBytes: 32768 }),
    ).toMatchObject({
      ...{ fits: false, tables: 4, ramOver: 0, flashOver: 1 },
    });
  });

  test("takes one table at a time where only that fits", () => {
    const arena = ramNeeded(shortened, 4);
    expect(fitChip({ ...stories, shape: shortened }, { ...chip, ramBytes: arena })).toMatchObject({
      fits: true,
      tables: 4,
    });
    const small = fitChip({ ...stories, shape: shortened }, { ...chip, ramBytes: arena - 1 });
    expect(small).toMatchObject({ fits: true, tables: 1, ramNeeded: arena - 1536 });
  });

  test("estimates time and energy", () => {
    const { speed } = fitChip(stories, { ...chip, ramBytes: 32768 });
    const instructions = instructionsPerSymbol(stories.shape, "cortex-m3", 4);
    const seconds = (instructions * (CORES[chip.core].cyclesPerInstruction + 2 / 4)) / 100e6;
    expect(speed?.instructionsPerSymbol).toBe(instructions);
    expect(speed?.symbolsPerSecond).toBeCloseTo(1 / seconds, 6);
    expect(speed?.millijoulesPerSymbol).toBeCloseTo(10 * 3 * seconds, 6);
    // An external flash at 10 MB/s is taken to give 5.
    const external = fitChip(stories, { ...chip, ramBytes: 32768, externalMBps: 10 }).speed;
    expect(1 / (external?.symbolsPerSecond ?? 0)).toBeCloseTo(seconds + 15_020 / 5e6, 9);
  });

  test("has no speed for a core that was not counted", () => {
    expect(fitChip(stories, { ...chip, core: "AVR" }).speed).toBeUndefined();
  });
});
