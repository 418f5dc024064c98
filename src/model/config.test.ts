import { describe, expect, test } from "vitest";
import { configToJson } from "./config.js";
import { configNames, namedConfig } from "./configs.js";
import { UsageError } from "./errors.js";
import { parseConfig } from "./parse-config.js";
import { sizeOf, tensorSpecs } from "./tensors.js";

const base = { block: "base", dModel: 8, nLayers: 2 };
const gpt = { block: "gpt", dModel: 8, dInner: 20, nLayers: 2, dHead: 4 };
const gated = { block: "gated", dModel: 8, dInner: 12, nLayers: 2 };
const ngrams = { buckets: 9, orders: [2] };
const sensorOf = (levels: number, differences: number) => ({
  ...gated,
  alphabet: { kind: "sensor", levels, differences },
});

describe("parseConfig()", () => {
  test("fills in defaults with one entry per layer", () => {
    const config = parseConfig({ ...base, window: [3, 9] }, "x");
    expect(config.layers).toEqual([
      { pathways: { local: true, state: true, sparse: true }, window: 3 },
      { pathways: { local: true, state: true, sparse: true }, window: 9 },
    ]);
    expect(config).toMatchObject({
      dInner: 8,
      topK: 4,
      dHead: 16,
      tied: false,
      matrices: "ternary",
      embedding: "ternary",
    });
    expect(config.train).toMatchObject({ steps: 3000, batch: 16, context: 64, learningRate: 0.02, beta2: 0.99 });
  });

  test("takes pathways once or per layer", () => {
    const layers = parseConfig({ ...gated, pathways: [["local"], ["sparse", "local"]] }, "x").layers;
    expect(layers.map((layer) => layer.pathways)).toEqual([
      { local: true, state: false, sparse: false },
      { local: true, state: false, sparse: true },
    ]);
    expect(parseConfig({ ...gated, pathways: ["local"] }, "x").layers[1].pathways.state).toBe(false);
  });

  test("takes recall with a window of 256 unless given, and says nothing of it where there is none", () => {
    const config = parseConfig({ ...gpt, recall: { forget: "\n" } }, "x");
    expect(config.recall).toEqual({ window: 256, forget: "\n" });
    expect(parseConfig(configToJson(config), "x")).toEqual(config);
    expect(configToJson(parseConfig(gated, "x"))).not.toHaveProperty("recall");
    expect(parseConfig({ ...gpt, recall: { gates: false, symbols: false } }, "x").recall).toEqual({ window: 256 });
    const gates = parseConfig({ ...gated, recall: { gates: true } }, "x");
    expect(parseConfig(configToJson(gates), "x")).toEqual(gates);
    const symbols = parseConfig({ ...gated, recall: { symbols: true } }, "x");
    expect(parseConfig(configToJson(symbols), "x")).toEqual(symbols);
    expect(tensorSpecs(symbols, 9, 9).at(-1)).toMatchObject({ name: "recall.symbols", shape: [2, 9] });
    const heights = (json: object) =>
      tensorSpecs(parseConfig(json, "x"), 9, 9)
        .filter(({ group }) => group === "embedding")
        .map(({ shape }) => shape[0]);
    expect(heights({ ...gated, recall: { gates: true } })).toEqual([9, 11]);
    expect(heights({ ...gated, tied: true, recall: { gates: true } })).toEqual([11]);
    expect(() => parseConfig({ ...gated, recall: { window: 1025 } }, "x")).toThrow(
      '"recall.window" is 1025 but must be a whole number from 1 to 1024',
    );
    expect(() => parseConfig({ ...gated, recall: { forget: "" } }, "x")).toThrow('"recall.forget"');
    const names = tensorSpecs(config, 256, 256).map(({ name }) => name);
    expect(names.slice(-2)).toEqual(["recall.bonus", "recall.pull"]);
  });

  test("takes n-grams, in any order, and says nothing of them where there are none", () => {
    const config = parseConfig({ ...gated, ngrams: { buckets: 65535, orders: [9, 2] } }, "x");
    expect(config.ngrams).toEqual({ buckets: 65535, orders: [2, 9] });
    expect(parseConfig(JSON.parse(JSON.stringify(configToJson(config))), "x")).toEqual(config);
    expect(configToJson(parseConfig(gated, "x"))).not.toHaveProperty("ngrams");
    const table = (json: object) => tensorSpecs(parseConfig(json, "x"), 256, 3).find(({ name }) => name === "ngrams");
    const ngrams = { buckets: 7, orders: [3] };
    expect(table(gated)).toBeUndefined();
    expect(table({ ...gated, ngrams, embedding: "int4" })).toEqual({
      name: "ngrams",
      shape: [7, 8],
      quantiser: "sparse",
      group: "embedding",
    });
    expect(table({ ...gated, ngrams, embedding: "float" })?.quantiser).toBe("none");
  });

  test("says in JSON what a classifier answers from and how noisy it is trained, and nothing of the defaults", () => {
    const plain = parseConfig({ ...gated, pool: "last", train: { noise: 0 } }, "x");
    expect(plain).toMatchObject({ pool: "last", train: { noise: 0 } });
    expect(configToJson(plain)).toEqual(configToJson(parseConfig(gated, "x")));
    expect(configToJson(plain)).not.toHaveProperty("pool");
    expect(configToJson(plain).train).not.toHaveProperty("noise");
    const config = parseConfig({ ...gated, pool: "sum", train: { noise: 0.9 } }, "x");
    expect(configToJson(config)).toMatchObject({ pool: "sum", train: { noise: 0.9 } });
    expect(parseConfig(JSON.parse(JSON.stringify(configToJson(config))), "x")).toEqual(config);
  });

  test("decays vectors like the rest unless told, and says in JSON only what differs", () => {
    const like = parseConfig({ ...gated, train: { weightDecay: 0.3 } }, "x");
    expect(like.train).toMatchObject({ weightDecay: 0.3, vectorWeightDecay: 0.3 });
    expect(configToJson(like).train).not.toHaveProperty("vectorWeightDecay");
    const without = parseConfig({ ...gated, train: { vectorWeightDecay: 0 } }, "x");
    expect(without.train).toMatchObject({ weightDecay: 0.1, vectorWeightDecay: 0 });
    expect(configToJson(without).train).toMatchObject({ vectorWeightDecay: 0 });
    expect(parseConfig(configToJson(without), "x")).toEqual(without);
  });

  test("starts with gains of 1 unless told, and says in JSON only what differs", () => {
    expect(configToJson(parseConfig(gated, "x")).train).not.toHaveProperty("initialGain");
    const smaller = parseConfig({ ...gated, train: { initialGain: 0.3 } }, "x");
    expect(configToJson(smaller).train).toMatchObject({ initialGain: 0.3 });
    expect(parseConfig(configToJson(smaller), "x")).toEqual(smaller);
    expect(() => parseConfig({ ...gated, train: { initialGain: 0 } }, "x")).toThrow(
      '"train.initialGain" is 0 but must be a number above 0 and at most 10',
    );
  });

  test("says in JSON that a comparison has no router or gate, and nothing of them elsewhere", () => {
    const config = parseConfig({ ...gated, gate: false }, "x");
    expect(configToJson(config)).toMatchObject({ gate: false });
    expect(configToJson(config)).not.toHaveProperty("router");
    expect(parseConfig(configToJson(config), "x")).toEqual(config);
  });

  test("says in JSON that Muon trains, and nothing of AdamW, which is the default", () => {
    const plain = parseConfig(base, "x");
    expect(plain.train.optimizer).toBe("adamw");
    expect(configToJson(plain).train).not.toHaveProperty("optimizer");
    expect(configToJson(parseConfig({ ...base, train: { optimizer: "adamw" } }, "x"))).toEqual(configToJson(plain));
    const config = parseConfig({ ...base, train: { optimizer: "muon" } }, "x");
    expect(configToJson(config)).toMatchObject({ train: { optimizer: "muon" } });
    expect(parseConfig(JSON.parse(JSON.stringify(configToJson(config))), "x")).toEqual(config);
  });

  test("a transformer attends to the whole window and has no pathways", () => {
    const config = parseConfig({ ...gpt, train: { context: 33 } }, "x");
    const pathways = { local: false, state: false, sparse: false };
    expect(config.layers).toEqual([
      { pathways, window: 33 },
      { pathways, window: 33 },
    ]);
    expect(config).toMatchObject({ dInner: 20, dHead: 4, matrices: "ternary" });
    for (const key of ["pathways", "window", "topK"]) expect(configToJson(config)).not.toHaveProperty(key);
  });

  test("matrices and tables have the same choice of quantisers", () => {
    const quantisers = { matrices: "int8", embedding: "int4", unembedding: "float" };
    const specs = tensorSpecs(parseConfig({ ...gated, ...quantisers }, "x"), 5, 5);
    const of = (name: string) => specs.find((spec) => spec.name === name)?.quantiser;
    expect(["embed", "layers.1.gate", "layers.1.local.taps", "unembed"].map(of)).toEqual([
      "int4",
      "int8",
      "int6",
      "none",
    ]);
  });

  test("a tied table has one quantiser", () => {
    expect(parseConfig({ ...gated, embedding: "int4", tied: true }, "x").unembedding).toBe("int4");
  });

  test.each<[string, unknown, string]>([
    ["an unknown key", { ...base, colour: 1 }, '"colour" is not a known key'],
    ["an unknown key inside", { ...base, train: { stepz: 1 } }, '"train.stepz" is not a known key'],
    ["zero", { ...base, dModel: 0 }, '"dModel" is 0 but must be a whole number from 2 to 1024'],
    ["a negative", { ...base, window: -4 }, '"window" is -4 but must be a whole number from 1 to 1024'],
    ["a fraction", { ...base, nLayers: 1.5 }, '"nLayers" is 1.5 but must be'],
    ["a huge value", { ...base, nLayers: 1e9 }, '"nLayers" is 1000000000 but must be'],
    [
      "NaN",
      { ...base, train: { learningRate: Number.NaN } },
      '"train.learningRate" is NaN but must be a number above 0',
    ],
    ["infinity", { ...base, train: { clip: Infinity } }, '"train.clip" is Infinity but must be'],
    ["a string for a number", { ...base, dModel: "8" }, '"dModel" is "8" but must be'],
    ["a missing key", { block: "base", nLayers: 2 }, '"dModel" is missing'],
    [
      "an unknown block",
      { ...base, block: "dense" },
      '"block" is "dense" but must be one of "base", "gated", "gpt", "llama"',
    ],
    ["gpt with pathways", { ...gpt, pathways: ["local"] }, '"pathways" is given but the gpt block has none'],
    ["gpt with topK", { ...gpt, topK: 4 }, '"topK" is given but the gpt block has none'],
    ["llama with a window", { ...gpt, block: "llama", window: 8 }, '"window" is given but the llama block has none'],
    ["gpt without dInner", { block: "gpt", dModel: 16, nLayers: 1 }, '"dInner" is missing but the gpt block needs it'],
    ["heads that do not fit", { ...gpt, dHead: 3 }, '"dHead" is 3 but must divide "dModel", which is 8'],
    ["odd heads of llama", { ...gpt, block: "llama", dHead: 1 }, '"dHead" is 1 but must be even'],
    ["a base block without a router", { ...base, router: false }, '"router" is false but only the gated block can do'],
    ["the former key of the matrices", { ...base, ternary: false }, '"ternary" is not a known key'],
    [
      "an unknown quantiser",
      { ...base, matrices: "int2" },
      '"matrices" is "int2" but must be one of "ternary", "int4", "int8", "float"',
    ],
    [
      "an unknown optimizer",
      { ...base, train: { optimizer: "sgd" } },
      '"train.optimizer" is "sgd" but must be one of "adamw", "muon"',
    ],
    ["an unknown pathway", { ...base, pathways: ["local", "far"] }, '"pathways.1" is "far" but must be one of'],
    ["a pathway twice", { ...base, pathways: ["local", "local"] }, "must be a list of one to three different pathways"],
    ["no pathway", { ...base, pathways: [] }, "must be a list of one to three different pathways"],
    ["pathways of too few layers", { ...base, pathways: [["local"]] }, '"pathways" has 1 entries but "nLayers" is 2'],
    ["windows of too many layers", { ...base, window: [1, 2, 3] }, '"window" has 3 entries but "nLayers" is 2'],
    ["gated without local", { ...gated, pathways: ["state"] }, 'layer 0 has no "local" pathway'],
    ["gated without dInner", { block: "gated", dModel: 8, nLayers: 1 }, '"dInner" is missing'],
    ["base with dInner", { ...base, dInner: 8 }, '"dInner" is given but the base block has none'],
    [
      "two quantisers of a tied table",
      { ...base, tied: true, unembedding: "int4" },
      '"unembedding" is "int4" but "tied"',
    ],
    ["a bad alphabet", { ...base, alphabet: { kind: "words" } }, '"alphabet.kind" is "words" but must be'],
    [
      "intervals that tell nothing apart",
      sensorOf(1, 4),
      '"alphabet.levels" is 1 but must be 0 or a whole number from 2',
    ],
    [
      "too many intervals",
      sensorOf(4, 65),
      '"alphabet.differences" is 65 but must be 0 or a whole number from 2 to 64',
    ],
    ["a sensor without intervals", sensorOf(0, 0), '"levels" and "differences" of the alphabet are both 0'],
    ["a sensor with n-grams", { ...sensorOf(4, 4), ngrams }, '"ngrams" is given but a sensor has no symbols'],
    ["a sensor with recall", { ...sensorOf(4, 4), recall: {} }, '"recall" is given but a sensor has no symbols'],
    [
      "a sensor with a sum",
      { ...sensorOf(4, 4), pool: "sum" },
      '"pool" is "sum" but a sensor\'s stream, which has no end',
    ],
    ["a tied sensor", { ...sensorOf(4, 4), tied: true }, '"tied" is true but a sensor\'s classes are not its levels'],
    ["llama with n-grams", { ...gpt, block: "llama", ngrams }, '"ngrams" is given but the llama block has none'],
    ["no buckets", { ...gated, ngrams: { ...ngrams, buckets: 0 } }, '"ngrams.buckets" is 0 but must be'],
    ["too many buckets", { ...gated, ngrams: { ...ngrams, buckets: 65536 } }, "a whole number from 1 to 65535"],
    ["runs of one symbol", { ...gated, ngrams: { ...ngrams, orders: [1] } }, '"ngrams.orders.0" is 1 but must be'],
    ["runs of ten symbols", { ...gated, ngrams: { ...ngrams, orders: [2, 10] } }, "a whole number from 2 to 9"],
    ["no runs", { ...gated, ngrams: { ...ngrams, orders: [] } }, "a list of one to eight different lengths"],
    [
      "runs given twice",
      { ...gated, ngrams: { ...ngrams, orders: [3, 3] } },
      "a list of one to eight different lengths",
    ],
    ["n-grams without orders", { ...gated, ngrams: { buckets: 9 } }, '"ngrams.orders" is missing'],
    ["an unknown pool", { ...gated, pool: "mean" }, '"pool" is "mean" but must be one of "last", "sum"'],
    ["noise alone", { ...gated, train: { noise: 0.95 } }, '"train.noise" is 0.95 but must be a number from 0 to 0.9'],
    ["a list", [], "it is a list but must be a JSON object"],
    ["null", null, "it is null but must be a JSON object"],
  ])("refuses %s in one sentence", (_, json, problem) => {
    const act = () => parseConfig(json, '"my.json"');
    expect(act).toThrow(UsageError);
    expect(act).toThrow(problem);
    expect(act).toThrow(/^Cannot use the configuration "my\.json": [^\n]*; correct it and try again\.$/);
  });
});

describe("configToJson()", () => {
  test("round-trips every built-in configuration", () => {
    for (const name of configNames) {
      const json = JSON.parse(JSON.stringify(configToJson(namedConfig(name))));
      expect(parseConfig(json, name)).toEqual(namedConfig(name));
    }
  });

  test("round-trips per-layer values", () => {
    const config = parseConfig({ ...gated, pathways: [["local"], ["local", "sparse"]], window: [4, 5] }, "x");
    expect(parseConfig(configToJson(config), "x")).toEqual(config);
  });

  test.each(["gpt", "llama"])("round-trips a %s block", (block) => {
    const config = parseConfig({ ...gpt, block, matrices: "int4" }, "x");
    expect(parseConfig(JSON.parse(JSON.stringify(configToJson(config))), "x")).toEqual(config);
  });
});

describe("namedConfig()", () => {
  test.each([
    ["stories", 60_800],
    ["prod", 944_640],
  ])("%s has the published number of parameters", (name, parameters) => {
    const config = namedConfig(name);
    const total = tensorSpecs(config, 256, 256).reduce((sum, spec) => sum + sizeOf(spec), 0);
    expect(total).toBe(parameters);
  });

  test("names what there is when asked for what is not", () => {
    expect(() => namedConfig("toString")).toThrow("the built-in ones are nano, small, stories");
  });
});
