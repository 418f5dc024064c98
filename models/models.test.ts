import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { generate, RECALLS } from "../src/cli/generation.js";
import { alphabetOf } from "../src/cli/models.js";
import type { Engine } from "../src/engine/engine.js";
import { createMirror } from "../src/engine/mirror.js";
import { createWasm } from "../src/engine/wasm.js";
import { readModel } from "../src/format/reader.js";
import { Continuation } from "../src/tokenizer/continuation.js";
import { Prompt } from "../src/tokenizer/prompt.js";

const folder = new URL("./", import.meta.url);
const names = readdirSync(folder).filter((name) => existsSync(new URL(`${name}/recipe.json`, folder)));

/** What an engine writes after a prompt, taking the likeliest symbol. */
function write(engine: Engine, model: Uint8Array, text: string, maxBytes: number): string {
  const alphabet = alphabetOf(readModel(model));
  const prompt = new Continuation(alphabet, new Prompt(alphabet, text));
  engine.recall(RECALLS.words);
  for (const symbol of prompt.symbols) engine.step(symbol);
  const pieces = generate(engine, { sampler: { temperature: 0, topK: 0, topP: 0, random: 0 }, maxBytes, prompt });
  return Buffer.concat([...pieces].map(({ bytes }) => bytes)).toString();
}

describe.each(names)("models/%s", (name) => {
  const file = (path: string) => readFileSync(new URL(`${name}/${path}`, folder));
  const model = Uint8Array.from(file("model.atome"));
  const card = file("README.md").toString();
  const { prompts } = JSON.parse(file("recipe.json").toString());

  test("has the hash and the size that its card says", () => {
    expect(card).toContain(createHash("sha256").update(model).digest("hex"));
    expect(card).toContain(`| flash | ${model.length.toLocaleString("en-US")} bytes`);
  });

  test("writes the card's first sample in every engine of JavaScript", async () => {
    const text = write(createMirror(model), model, prompts[0], 60);
    expect(card).toContain(prompts[0] + text);
    expect(write(await createWasm(model), model, prompts[0], 60)).toBe(text);
  });
});
