import { describe, expect, test } from "vitest";
import { emptyHash, hashByte, hashText, hashWords } from "./hash.js";
import { inProcessEngine, type Stream } from "./in-process.js";

const outputs = 4;

/** A toy: logit i is the sum of all symbols fed, plus 100 where i is that sum modulo 4. Its text is one byte per symbol. */
class ToyStream implements Stream {
  readonly nLayers = 2;
  readonly columns = 2;
  #sum = 0;

  reset() {
    this.#sum = 0;
  }
  recall() {}
  encode(text: Uint8Array) {
    return text.every((byte) => byte < outputs) ? [...text] : undefined;
  }
  step(symbol: number) {
    if (symbol >= outputs) return undefined;
    this.#sum += symbol;
    return Array.from({ length: outputs }, (_, i) => this.#sum + (i === this.#sum % outputs ? 100 : 0));
  }
  stepSample(values: readonly number[]) {
    return this.step(Math.abs(values[0] - values[1]));
  }
  argmax() {
    return this.#sum % outputs;
  }
  sample(sampler: { temperature: number; random: number }) {
    sampler.random += sampler.temperature;
    return sampler.random % outputs;
  }
  router(layer: number) {
    return { mix: [layer, 0, -1], entropy: 77 };
  }
  scores() {
    return [5, 6, 7, 8];
  }
  decide() {
    return { class: this.#sum > 4 ? -1 : this.#sum % outputs, probability: 99 };
  }
  entropy() {
    return 88;
  }
  decode(symbol: number) {
    return Uint8Array.of(symbol + 65);
  }
  className() {
    return Uint8Array.of(1, 2);
  }
}

const toy = inProcessEngine("toy", {
  check: (model) => ({ error: model.length === 0 ? 3 : 0, arenaBytes: 40 }),
  open: () => new ToyStream(),
});
const model = Uint8Array.of(1);

const logitsAfter = (symbols: readonly number[]) => {
  const stream = new ToyStream();
  return symbols.reduce((hash, symbol) => hashWords(hash, stream.step(symbol) ?? []), emptyHash);
};

describe("inProcessEngine()", () => {
  test("feeds the prompt and what it generates, and hashes the logits of all", async () => {
    // Sums 3, 4 after the prompt; then argmax gives 0 (4), 0 (4).
    const result = await toy.run(model, { promptSymbols: [3, 1], generate: 2 });
    const expected = { error: 0, tokens: [0, 0], fed: 4, arenaBytes: 40, details: hashText(emptyHash) };
    expect(result).toMatchObject({ ...expected, hash: hashText(logitsAfter([3, 1, 0, 0])) });
  });

  test("samples with the generator's state carried on, and leaves the caller's as it was", async () => {
    const sampler = { temperature: 3, topK: 0, topP: 0, random: 0 };
    const result = await toy.run(model, { promptSymbols: [1], generate: 4, sampler });
    expect(result.tokens).toEqual([3, 2, 1, 0]);
    expect(sampler.random).toBe(0);
  });

  test("hashes router, decoded bytes, class name, scores and the step after a reset, in this order", async () => {
    const { details } = await toy.run(model, { promptSymbols: [2], generate: 1, details: true });
    const router = [0, 0, -1, 77, 1, 0, -1, 77];
    let hash = hashWords(emptyHash, router);
    hash = hashByte(hash, 2 + 65);
    hash = hashWords(hash, router);
    hash = [1, 2].reduce(hashByte, hash);
    hash = hashWords(hash, [5, 6, 7, 8, 88]);
    // The sum is 2 then.
    expect(details).toBe(hashText(hashWords(hash, [2, 2, 102, 2, 2, 99])));
  });

  test("feeds samples, two values each, and hashes the decision after every one", async () => {
    const job = {
      promptSymbols: [],
      promptSamples: [
        [9, 6],
        [1, 4, 7],
      ],
      generate: 0,
    };
    const result = await toy.run(model, job);
    expect(result).toMatchObject({ error: 0, fed: 2, hash: hashText(logitsAfter([3, 3])) });
    const router = [0, 0, -1, 77, 1, 0, -1, 77];
    const each = [...router, 3, 99, ...router, 65535, 99];
    let hash = [1, 2].reduce(hashByte, hashWords(emptyHash, each));
    hash = hashWords(hash, [5, 6, 7, 8, 88, 100, 0, 0, 0, 0, 99]);
    expect((await toy.run(model, { ...job, details: true })).details).toBe(hashText(hash));
    expect(await toy.run(model, { ...job, promptSamples: [[1]] })).toMatchObject({ error: 100, fed: 0 });
  });

  test("encodes a text", async () => {
    const result = await toy.run(model, { promptSymbols: [], promptText: Uint8Array.of(3, 1), generate: 0 });
    expect(result).toMatchObject({ fed: 2, hash: hashText(logitsAfter([3, 1])) });
  });

  test("reports a refused model and symbols it does not know", async () => {
    expect(await toy.run(new Uint8Array(), { promptSymbols: [1], generate: 1 })).toMatchObject({
      error: 3,
      tokens: [],
    });
    expect(await toy.run(model, { promptSymbols: [1, 4, 1], generate: 1 })).toMatchObject({ error: 100, fed: 1 });
    const text = { promptSymbols: [], promptText: Uint8Array.of(9), generate: 1 };
    expect(await toy.run(model, text)).toMatchObject({ error: 100, fed: 0 });
  });
});
