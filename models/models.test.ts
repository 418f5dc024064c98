import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { RECALLS } from "../src/cli/generation.js";
import { createMirror } from "../src/engine/mirror.js";
import { createWasm } from "../src/engine/wasm.js";

const folder = new URL("./", import.meta.url);
const names = readdirSync(folder).filter((name) => existsSync(new URL(`${name}/recipe.json`, folder)));

/** What an engine writes after a prompt, taking the likeliest symbol. */
function write(engine: ReturnType<typeof createMirror>, prompt: string, bytes: number): string {
  const written: number[] = [];
  engine.recall(RECALLS.words);
  for (const symbol of engine.encode(new TextEncoder().encode(prompt))) engine.feed(symbol);
  while (written.length < bytes) {
    engine.logits();
    const symbol = engine.argmax();
    written.push(...engine.decode(symbol));
    engine.feed(symbol);
  }
  return new TextDecoder().decode(Uint8Array.from(written.slice(0, bytes)));
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
    const text = write(createMirror(model), prompts[0], 60);
    expect(card).toContain(prompts[0] + text);
    expect(write(await createWasm(model), prompts[0], 60)).toBe(text);
  });
});
