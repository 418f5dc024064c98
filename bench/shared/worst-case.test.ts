import { describe, expect, test } from "vitest";
import { createMirror } from "../../src/engine/mirror.js";
import { writeModel } from "../../src/format/writer.js";
import { namedConfig } from "../../src/model/configs.js";
import { syntheticParts } from "./synthetic-model.mjs";
import { slowWays } from "./worst-case.mjs";

describe.each(["nano", "gated-20k", "recall-20k"])("slowWays() of %s", (name) => {
  const parts = syntheticParts(namedConfig(name), 1);
  const ways = slowWays(parts);
  const waysOf = (input: string) => ways.filter((way: { input: string }) => way.input === input);

  test("are models that the engine accepts, with prompts that fill every memory", () => {
    const fullest = Math.max(
      parts.recall?.window ?? 0,
      ...parts.layers.map(({ window }: { window: number }) => window),
    );
    for (const { parts: slow, promptSymbols } of ways) {
      expect(() => createMirror(writeModel(slow))).not.toThrow();
      expect(promptSymbols.length).toBeGreaterThanOrEqual(fullest);
    }
  });

  test("end, in rising order, with a symbol that the prompt begins with or leaves out", () => {
    const [{ parts: slow, promptSymbols }] = waysOf("rising scores and logits");
    const engine = createMirror(writeModel(slow));
    for (const symbol of promptSymbols) engine.step(symbol);
    const logits = engine.logits();
    expect(logits.every((logit, i) => i === 0 || logit >= logits[i - 1])).toBe(true);
    const generated = engine.argmax();
    expect(promptSymbols.lastIndexOf(generated)).toBe(parts.recall || parts.dimensions.dInner > 0 ? -1 : 0);
  });
});
