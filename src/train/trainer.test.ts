import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import type { ModelConfig } from "../model/config.js";
import { UsageError } from "../model/errors.js";
import { parseConfig } from "../model/parse-config.js";
import { Random } from "./random.js";
import { nodePlatform } from "./threads-node.js";
import { Trainer, type TrainerState } from "./trainer.js";

const vocab = 29;
const random = Random.fromSeed(3);
// Every symbol is a function of the one before it, with one in eight replaced: something to learn.
const symbols = new Uint16Array(3000);
for (let i = 1; i < symbols.length; i++) {
  symbols[i] = random.below(8) === 0 ? random.below(vocab) : (symbols[i - 1] * 7 + 3) % vocab;
}

const train = { steps: 12, batch: 5, context: 21, seed: 4 };
const base = { block: "base", dModel: 12, nLayers: 2, dHead: 5, window: 6, train };
const gated = { block: "gated", dModel: 9, dInner: 20, nLayers: 2, dHead: 5, window: 6, train };
const gpt = { block: "gpt", dModel: 12, dInner: 18, nLayers: 2, dHead: 4, train };
const configs: [string, ModelConfig][] = (
  [
    ["base", base],
    ["gpt", { ...gpt, matrices: "int4", embedding: "int4" }],
    ["llama", { ...gpt, block: "llama", dHead: 6, matrices: "int8", unembedding: "int8" }],
    ["llama, ternary", { ...gpt, block: "llama", dHead: 2 }],
    ["gated, tied int4", { ...gated, tied: true, embedding: "int4" }],
    [
      "gated, every pathway, float",
      { ...gated, pathways: ["local", "state", "sparse"], matrices: "float", embedding: "float" },
    ],
    [
      "gated, every pathway, muon",
      { ...gated, pathways: ["local", "state", "sparse"], train: { ...train, optimizer: "muon" } },
    ],
    ["gated, recall", { ...gated, recall: { window: 40 } }],
    ["llama, muon", { ...gpt, block: "llama", matrices: "float", train: { ...train, optimizer: "muon" } }],
  ] as [string, unknown][]
).map(([name, json]) => [name, parseConfig(json, "test")]);

async function stateAfter(config: ModelConfig, threads: number, steps: number, resume?: TrainerState) {
  const trainer = await Trainer.create({
    config,
    vocab,
    forget: 5,
    symbols,
    threads,
    platform: nodePlatform,
    ...(resume ? { resume } : {}),
  });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) losses.push((await trainer.step()).lossNatsPerSymbol);
  const state = trainer.state();
  await trainer.close();
  return { state, losses };
}

/** SHA-256 of all tensors' bits, in order; the first 16 digits. */
function hashOf(state: TrainerState): string {
  const hash = createHash("sha256");
  for (const values of state.tensors.values()) hash.update(new Uint8Array(values.buffer));
  return hash.digest("hex").slice(0, 16);
}

// Every machine must come to these bits. They change with the order of any sum in the kernels, and only then.
const expectedHashes: Record<string, string> = {
  gpt: "89241bdab3d02572",
  llama: "056a366404a42e5c",
  "llama, ternary": "64cea86147633205",
  base: "3a868c092c1c38b4",
  "gated, tied int4": "f1b24dfa2ac71c95",
  "gated, every pathway, float": "99c484d4778ac14d",
  "gated, every pathway, muon": "502b3d1b467d688a",
  "llama, muon": "ec62295db09f5666",
  "gated, recall": "5a89e84174bb5acb",
};

describe.each(configs)("%s", (name, config) => {
  test("8 steps give the same bits on every machine", async () => {
    const { state } = await stateAfter(config, 2, 8);
    expect(hashOf(state)).toBe(expectedHashes[name]);
  });

  test("the bits do not depend on the number of threads", async () => {
    const one = await stateAfter(config, 1, 8);
    expect(await stateAfter(config, 2, 8)).toEqual(one);
    expect(await stateAfter(config, 3, 8)).toEqual(one);
  });

  test("a resumed run continues to the same bits", async () => {
    const whole = await stateAfter(config, 1, 10);
    const half = await stateAfter(config, 2, 5);
    const rest = await stateAfter(config, 2, 5, half.state);
    expect(rest.state).toEqual(whole.state);
    expect([...half.losses, ...rest.losses]).toEqual(whole.losses);
  });
});

describe("recall", () => {
  test("is refused to a classifier", async () => {
    const config = parseConfig({ ...gated, recall: {} }, "test");
    await expect(
      Trainer.create({ config, vocab, outputs: 3, symbols, threads: 1, platform: nodePlatform }),
    ).rejects.toThrow("Cannot train a classifier of 3 classes with recall");
  });

  // Blocks of 60 symbols without a rule, each of them twice.
  const source = Random.fromSeed(8);
  const blocks = Array.from({ length: 100 }, () => Array.from({ length: 60 }, () => source.below(vocab)));
  const twice = Uint16Array.from(blocks.flatMap((block) => [...block, ...block]));

  async function lossAfter(recall: object) {
    const config = parseConfig({ ...gated, ...recall, train: { ...train, steps: 200, batch: 8 } }, "test");
    const trainer = await Trainer.create({ config, vocab, symbols: twice, threads: 2, platform: nodePlatform });
    for (let i = 0; i < config.train.steps; i++) await trainer.step();
    const { natsPerSymbol } = await trainer.evaluate(twice, { maxSymbols: 6000 });
    await trainer.close();
    return natsPerSymbol;
  }

  test("reaches back before a window of 21 symbols, as far as its own window", async () => {
    const chance = Math.log(vocab);
    expect(await lossAfter({})).toBeGreaterThan(0.95 * chance);
    expect(await lossAfter({ recall: { window: 58 } })).toBeGreaterThan(0.9 * chance);
    // Every second block can be foretold but for its first symbols.
    expect(await lossAfter({ recall: { window: 64 } })).toBeLessThan(0.65 * chance);
  });
});

describe.each(["gpt", "llama"])("a %s model", (block) => {
  const float = { matrices: "float", embedding: "float", unembedding: "float" };
  const json = { ...gpt, ...float, block, train: { ...train, steps: 120, learningRate: 0.01 } };
  const phrase = Uint16Array.from([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9]);
  const repeating = Uint16Array.from({ length: 600 }, (_, i) => phrase[i % phrase.length]);
  let learnt: TrainerState;

  /** Loss of the learnt weights, past the symbols that cannot be known, under other quantisers. */
  async function lossWith(quantisers: object): Promise<number> {
    const config = parseConfig({ ...json, ...quantisers }, "test");
    const start = { config, vocab, symbols: repeating, threads: 2, platform: nodePlatform, resume: learnt };
    const trainer = await Trainer.create(start);
    const { natsPerSymbol } = await trainer.evaluate(repeating, { warmup: 10 });
    await trainer.close();
    return natsPerSymbol;
  }

  beforeAll(async () => {
    const config = parseConfig(json, "test");
    const trainer = await Trainer.create({ config, vocab, symbols: repeating, threads: 2, platform: nodePlatform });
    for (let i = 0; i < 120; i++) await trainer.step();
    learnt = trainer.state();
    await trainer.close();
  });

  test("learns a repeating text", async () => {
    // Knowing only how often each symbol comes costs 2.08 nats.
    expect(await lossWith({})).toBeLessThan(0.1);
  });

  test("reads a short window after a long one like one by itself", async () => {
    const start = { config: parseConfig(json, "test"), vocab, symbols: repeating, threads: 1, platform: nodePlatform };
    const trainer = await Trainer.create({ ...start, resume: learnt });
    const short = repeating.subarray(7, 12);
    const before = await trainer.evaluate(short);
    await trainer.evaluate(symbols.subarray(0, 200));
    expect(await trainer.evaluate(short)).toEqual(before);
    await trainer.close();
  });

  test("loses much to 4-bit weights after training, next to nothing to 8-bit ones", async () => {
    const [float, int8, int4] = [
      await lossWith({}),
      await lossWith({ matrices: "int8", embedding: "int8", unembedding: "int8" }),
      await lossWith({ matrices: "int4", embedding: "int4", unembedding: "int4" }),
    ];
    expect(int8).not.toBe(float);
    expect(Math.abs(int8 / float - 1)).toBeLessThan(0.1);
    expect(int4).toBeGreaterThan(1.2 * float);
  });
});

describe.each(["adamw", "muon"])("weight decay with %s", (optimizer) => {
  const afterOne = async (decays: object) => {
    const config = parseConfig(
      { ...gated, train: { ...train, optimizer, warmup: 0, decay: "none", ...decays } },
      "test",
    );
    const [before, { state }] = [await stateAfter(config, 1, 0), await stateAfter(config, 1, 1)];
    return { before: before.state.tensors, after: state.tensors };
  };
  const isVector = (name: string) => /gamma|beta|bias|state\./.test(name);

  test("of the vectors is one of its own", async () => {
    const { before, after } = await afterOne({ weightDecay: 0.5, vectorWeightDecay: 0.25 });
    const { after: without } = await afterOne({ weightDecay: 0.5, vectorWeightDecay: 0 });
    const { after: same } = await afterOne({ weightDecay: 0.5 });
    for (const [name, values] of after) {
      const initial = before.get(name) as Float32Array;
      const undecayed = without.get(name) as Float32Array;
      const isNear = (found: Float32Array, share: number) =>
        found.every((value, i) => Math.abs(value - (undecayed[i] - 0.02 * share * initial[i])) < 1e-6);
      if (isVector(name)) {
        expect(isNear(values, 0.25), name).toBe(true);
        expect(isNear(same.get(name) as Float32Array, 0.5), name).toBe(true);
      } else expect(values, name).toEqual(undecayed);
    }
    expect(after.get("layers.0.state.decay")).not.toEqual(without.get("layers.0.state.decay"));
  });
});

describe("Trainer", () => {
  const config = parseConfig({ ...gated, train: { ...train, steps: 150 } }, "test");

  test("learns what can be learned", async () => {
    const { losses } = await stateAfter(config, 2, 150);
    // A successor kept with 7 in 8: its entropy is about 0.78 nats; knowing nothing is log 29 = 3.37.
    expect(losses[0]).toBeGreaterThan(3.2);
    expect(losses[149]).toBeLessThan(1.3);
  });

  test("different seeds give different tensors", async () => {
    const other = { ...config, train: { ...config.train, seed: 5 } };
    const embed = async (it: ModelConfig) => (await stateAfter(it, 1, 0)).state.tensors.get("embed");
    expect(await embed(other)).not.toEqual(await embed(config));
  });

  test("evaluate() predicts every symbol but the first once, whatever the windows", async () => {
    const trainer = await Trainer.create({ config, vocab, symbols, threads: 2, platform: nodePlatform });
    const text = symbols.subarray(0, 500);
    const before = trainer.state();
    const whole = await trainer.evaluate(text);
    expect(whole.symbols).toBe(499);
    expect(await trainer.evaluate(symbols, { maxSymbols: 500 })).toEqual(whole);
    // One window by itself is what gradients() says of it.
    const window = text.slice(0, 22);
    const { natsPerSymbol } = await trainer.evaluate(window);
    const { lossNatsPerSymbol } = await trainer.gradients(Array.from({ length: 5 }, () => window));
    expect(natsPerSymbol).toBeCloseTo(lossNatsPerSymbol, 12);
    expect(trainer.state()).toEqual(before);
    await trainer.close();
  });

  test("evaluate() leaves warm-up symbols out of the mean", async () => {
    const trainer = await Trainer.create({ config, vocab, symbols, threads: 1, platform: nodePlatform });
    const text = symbols.slice(0, 32);
    const nats = async (piece: Uint16Array) => (await trainer.evaluate(piece)).natsPerSymbol * (piece.length - 1);
    // Windows of 21: the second starts 10 symbols before the 22nd and counts only what the first did not.
    const first = await nats(text.subarray(0, 22));
    const second = (await nats(text.subarray(11, 32))) - (await nats(text.subarray(11, 22)));
    const windows: number[][] = [];
    const onWindow = (...window: number[]) => windows.push(window);
    const { natsPerSymbol } = await trainer.evaluate(text, { warmup: 10, onWindow });
    expect(natsPerSymbol * 31).toBeCloseTo(first + second, 4);
    expect(windows.map(([begin, end]) => [begin, end])).toEqual([
      [1, 22],
      [22, 32],
    ]);
    expect(windows[0][2]).toBeCloseTo(first, 4);
    expect(windows[1][2]).toBeCloseTo(second, 4);
    await trainer.close();
  });

  test("refuses too few symbols and symbols outside the alphabet", async () => {
    const create = (text: Uint16Array) =>
      Trainer.create({ config, vocab, symbols: text, threads: 1, platform: nodePlatform });
    await expect(create(symbols.subarray(0, 21))).rejects.toThrow(UsageError);
    await expect(create(symbols.subarray(0, 21))).rejects.toThrow("a window of 21 needs at least 22");
    const trainer = await create(Uint16Array.from(symbols).fill(29));
    await expect(trainer.step()).rejects.toThrow(/symbol 29 at position \d+ is outside/);
    await expect(trainer.evaluate(Uint16Array.from(symbols).fill(29, 40, 41))).rejects.toThrow(
      "symbol 29 at position 40 is outside",
    );
    await trainer.close();
  });

  test("refuses to resume from tensors of another configuration", async () => {
    const { state } = await stateAfter(config, 1, 0);
    const wider = { ...config, dInner: 24 };
    await expect(stateAfter(wider, 1, 1, state)).rejects.toThrow(
      /the tensor "layers\.0\.local\.taps" has 100 values but the configuration asks for 120/,
    );
  });

  test("refuses a model that cannot be addressed", async () => {
    const huge = parseConfig({ block: "gated", dModel: 1024, dInner: 2048, nLayers: 64 }, "test");
    await expect(Trainer.create({ config: huge, vocab, symbols, threads: 1, platform: nodePlatform })).rejects.toThrow(
      "4096 MB is the limit",
    );
  });
});
