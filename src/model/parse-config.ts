import * as v from "valibot";
import {
  BLOCKS,
  isTransformer,
  type LayerConfig,
  type ModelConfig,
  OPTIMIZERS,
  PATHWAYS,
  type Pathway,
  POOLS,
  type RecallConfig,
  WEIGHT_QUANTISERS,
} from "./config.js";
import { UsageError } from "./errors.js";

const number = (fits: (value: number) => boolean, expected: string) =>
  v.custom<number>((value) => typeof value === "number" && fits(value), expected);
const integer = (min: number, max: number) =>
  number((value) => Number.isInteger(value) && value >= min && value <= max, `a whole number from ${min} to ${max}`);
const positive = (max: number) => number((value) => value > 0 && value <= max, `a number above 0 and at most ${max}`);
const fraction = (max: number) => number((value) => value >= 0 && value <= max, `a number from 0 to ${max}`);
const below1 = number((value) => value >= 0 && value < 1, "a number from 0 to below 1");
const choice = <const T extends readonly string[]>(options: T) =>
  v.picklist(options, `one of ${options.map((option) => `"${option}"`).join(", ")}`);
const flag = v.boolean("true or false");

const maxWindow = 1024;
const maxLayers = 64;

const trainSchema = v.strictObject({
  steps: v.optional(integer(1, 10_000_000), 3000),
  batch: v.optional(integer(1, 1024), 16),
  context: v.optional(integer(1, 4096), 64),
  optimizer: v.optional(choice(OPTIMIZERS), "adamw"),
  learningRate: v.optional(positive(10), 0.02),
  embeddingLearningRate: v.optional(positive(10), 0.01),
  beta1: v.optional(below1, 0.9),
  beta2: v.optional(below1, 0.99),
  epsilon: v.optional(positive(1), 1e-8),
  weightDecay: v.optional(fraction(1), 0.1),
  vectorWeightDecay: v.optional(fraction(1)),
  initialGain: v.optional(positive(10), 1),
  clip: v.optional(positive(1e6), 1),
  warmup: v.optional(fraction(1), 0.05),
  decay: v.optional(choice(["linear", "cosine", "none"]), "linear"),
  seed: v.optional(integer(0, 0xffffffff), 0),
  validation: v.optional(fraction(0.5), 0.05),
  noise: v.optional(fraction(0.9), 0),
  validateEvery: v.optional(integer(1, 10_000_000), 250),
  checkpointEvery: v.optional(integer(1, 10_000_000), 500),
});

const pathwayList = v.pipe(
  v.array(choice(PATHWAYS), "a list of pathways"),
  v.check((list) => list.length > 0 && new Set(list).size === list.length, "a list of one to three different pathways"),
);
const anAlphabet =
  '{"kind": "bytes"}, {"kind": "map"}, {"kind": "tokens", "size": 512} or {"kind": "sensor", "levels": 32, "differences": 16}';
const intervals = number(
  (value) => value === 0 || (Number.isInteger(value) && value >= 2 && value <= 64),
  "0 or a whole number from 2 to 64",
);
const alphabetSchema = v.variant(
  "kind",
  [
    v.strictObject({ kind: v.literal("bytes") }),
    v.strictObject({ kind: v.literal("map") }),
    v.strictObject({ kind: v.literal("tokens"), size: integer(256, 1024) }),
    v.strictObject({ kind: v.literal("sensor"), levels: intervals, differences: intervals }),
  ],
  anAlphabet,
);

const recallSchema = v.strictObject(
  {
    window: v.optional(integer(1, maxWindow), 256),
    forget: v.optional(
      v.pipe(
        v.string("a text"),
        v.check((text) => text.length > 0, "a text that is not empty"),
      ),
    ),
    gates: v.optional(flag),
    symbols: v.optional(flag),
  },
  '{"window": 256, "forget": "<|endoftext|>", "gates": true, "symbols": true}',
);

const ngramsSchema = v.strictObject(
  {
    buckets: integer(1, 65535),
    orders: v.pipe(
      v.array(integer(2, 9), "a list of lengths"),
      v.check(
        (list) => list.length > 0 && new Set(list).size === list.length,
        "a list of one to eight different lengths",
      ),
    ),
  },
  '{"buckets": 2048, "orders": [2, 3, 4]}',
);

const isPerLayer = (value: unknown) => Array.isArray(value) && Array.isArray(value[0]);
const configSchema = v.strictObject(
  {
    block: choice(BLOCKS),
    dModel: integer(2, 1024),
    dInner: v.optional(integer(2, 2048)),
    nLayers: integer(1, maxLayers),
    dHead: v.optional(integer(1, 256), 16),
    topK: v.optional(integer(1, 4)),
    pathways: v.optional(
      v.lazy((value) => (isPerLayer(value) ? v.array(pathwayList, "a list of pathways per layer") : pathwayList)),
    ),
    window: v.optional(
      v.lazy((value) =>
        Array.isArray(value) ? v.array(integer(1, maxWindow), "a window per layer") : integer(1, maxWindow),
      ),
    ),
    alphabet: v.optional(alphabetSchema, { kind: "bytes" }),
    embedding: v.optional(choice(WEIGHT_QUANTISERS), "ternary"),
    unembedding: v.optional(choice(WEIGHT_QUANTISERS)),
    tied: v.optional(flag, false),
    matrices: v.optional(choice(WEIGHT_QUANTISERS), "ternary"),
    router: v.optional(flag, true),
    gate: v.optional(flag, true),
    recall: v.optional(recallSchema),
    ngrams: v.optional(ngramsSchema),
    pool: v.optional(choice(POOLS), "last"),
    train: v.optional(trainSchema, {}),
  },
  "an object",
);
type RawConfig = v.InferOutput<typeof configSchema>;

/** Without keys that say what is so anyway. */
const recallOf = ({ gates, symbols, ...recall }: NonNullable<RawConfig["recall"]>): RecallConfig => ({
  ...recall,
  ...(gates ? { gates } : {}),
  ...(symbols ? { symbols } : {}),
});

const shown = (value: unknown): string => {
  if (value === undefined) return "missing";
  const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};

function fail(place: string, problem: string): never {
  throw new UsageError(`Cannot use the configuration ${place}: ${problem}; correct it and try again.`);
}

function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue);
  if (issue.type === "strict_object" && issue.expected === "never") return `"${path}" is not a known key`;
  // A missing key is reported by the object around it, without what the key itself expects.
  if (issue.type === "strict_object" && issue.received === "undefined") return `"${path}" is missing`;
  const expected = issue.type === "strict_object" ? "a JSON object" : issue.message;
  return `${path ? `"${path}"` : "it"} is ${shown(issue.input)} but must be ${expected}`;
}

function perLayer<T>(value: T | T[], nLayers: number, name: string, place: string): T[] {
  if (!Array.isArray(value)) return Array.from({ length: nLayers }, () => value);
  if (value.length !== nLayers) fail(place, `"${name}" has ${value.length} entries but "nLayers" is ${nLayers}`);
  return value;
}

function layersOf(raw: RawConfig, place: string): LayerConfig[] {
  if (isTransformer(raw)) {
    const pathways = { local: false, state: false, sparse: false };
    return Array.from({ length: raw.nLayers }, () => ({ pathways, window: raw.train.context }));
  }
  const lists = (raw.pathways ?? (raw.block === "base" ? [...PATHWAYS] : ["local", "state"])) as
    | Pathway[]
    | Pathway[][];
  const chosen = isPerLayer(lists)
    ? (lists as Pathway[][])
    : Array.from({ length: raw.nLayers }, () => lists as Pathway[]);
  const pathways = perLayer(chosen, raw.nLayers, "pathways", place);
  const windows = perLayer((raw.window ?? 64) as number | number[], raw.nLayers, "window", place);
  return pathways.map((list, index) => {
    if (raw.block === "gated" && !list.includes("local")) {
      fail(place, `layer ${index} has no "local" pathway but the gated block needs it`);
    }
    const has = (pathway: Pathway) => list.includes(pathway);
    return {
      pathways: { local: has("local"), state: has("state"), sparse: has("sparse") },
      window: windows[index] as number,
    };
  });
}

function checkConsistency(raw: RawConfig, place: string): void {
  if (raw.block !== "base" && raw.dInner === undefined)
    fail(place, `"dInner" is missing but the ${raw.block} block needs it`);
  for (const key of ["router", "gate"] as const) {
    if (raw.block !== "gated" && !raw[key]) fail(place, `"${key}" is false but only the gated block can do without`);
  }
  if (raw.block === "base" && raw.dInner !== undefined) fail(place, '"dInner" is given but the base block has none');
  if (raw.tied && raw.unembedding !== undefined && raw.unembedding !== raw.embedding) {
    fail(place, `"unembedding" is "${raw.unembedding}" but "tied" makes it the embedding, which is "${raw.embedding}"`);
  }
}

/** A sensor's model is a classifier whose every step has an answer of its own. */
function checkSensor({ alphabet, ngrams, recall, pool, tied }: RawConfig, place: string): void {
  if (alphabet.kind !== "sensor") return;
  if (alphabet.levels === 0 && alphabet.differences === 0) {
    fail(place, '"levels" and "differences" of the alphabet are both 0 but one of them must tell of a column');
  }
  const odd = Object.entries({ ngrams, recall }).find(([, value]) => value !== undefined);
  if (odd) fail(place, `"${odd[0]}" is given but a sensor has no symbols that could repeat`);
  if (pool === "sum") fail(place, '"pool" is "sum" but a sensor\'s stream, which has no end, answers from "last"');
  if (tied) fail(place, '"tied" is true but a sensor\'s classes are not its levels');
}

/** What a transformer has no use for, and the split of its width into heads. */
function checkTransformer(raw: RawConfig, place: string): void {
  const { block, dModel, dHead } = raw;
  const odd = (["pathways", "window", "topK", "ngrams"] as const).find((key) => raw[key] !== undefined);
  if (odd) fail(place, `"${odd}" is given but the ${block} block has none`);
  if (dModel % dHead !== 0) fail(place, `"dHead" is ${dHead} but must divide "dModel", which is ${dModel}`);
  if (block === "llama" && dHead % 2 !== 0) {
    fail(place, `"dHead" is ${dHead} but must be even: the llama block rotates pairs`);
  }
}

/**
 * Validates a configuration read from JSON and fills in its defaults.
 *
 * @param json the parsed JSON value
 * @param place what the user calls it, for the error, e.g. `"my.json"`
 * @throws UsageError naming the first key that is unknown, missing, out of range or inconsistent
 * @example parseConfig({ block: 'base', dModel: 64, nLayers: 4 }, '"stories.json"').layers.length // 4
 */
export function parseConfig(json: unknown, place: string): ModelConfig {
  if (Array.isArray(json)) fail(place, "it is a list but must be a JSON object");
  const result = v.safeParse(configSchema, json);
  if (!result.success) fail(place, describe(result.issues[0]));
  const raw = result.output;
  checkConsistency(raw, place);
  checkSensor(raw, place);
  if (isTransformer(raw)) checkTransformer(raw, place);
  const {
    block,
    dModel,
    nLayers,
    dHead,
    topK = 4,
    alphabet,
    embedding,
    tied,
    matrices,
    router,
    gate,
    recall,
    ngrams,
    pool,
    train,
  } = raw;
  return {
    block,
    dModel,
    dInner: raw.dInner ?? dModel,
    nLayers,
    dHead,
    topK,
    layers: layersOf(raw, place),
    alphabet,
    embedding,
    unembedding: tied ? embedding : (raw.unembedding ?? "ternary"),
    tied,
    matrices,
    router,
    gate,
    ...(recall ? { recall: recallOf(recall) } : {}),
    ...(ngrams ? { ngrams: { ...ngrams, orders: [...ngrams.orders].sort((a, b) => a - b) } } : {}),
    pool,
    train: { ...train, vectorWeightDecay: train.vectorWeightDecay ?? train.weightDecay },
  };
}
