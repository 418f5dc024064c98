// Trains tiny models and hashes their checkpoints: the same program for every Node and for a page.

const train = { steps: 30, batch: 6, context: 24, seed: 11 };
const configs = {
  base: { block: "base", dModel: 12, nLayers: 2, dHead: 5, window: 8, train: { ...train, decay: "cosine" } },
  "gated, every pathway": {
    block: "gated",
    dModel: 10,
    dInner: 22,
    nLayers: 2,
    dHead: 6,
    pathways: ["local", "state", "sparse"],
    alphabet: { kind: "map" },
    embedding: "int4",
    tied: true,
    train,
  },
  tokens: { block: "gated", dModel: 16, dInner: 24, nLayers: 1, alphabet: { kind: "tokens", size: 320 }, train },
  gpt: { block: "gpt", dModel: 12, dInner: 20, nLayers: 2, dHead: 4, matrices: "int4", embedding: "int8", train },
  llama: {
    block: "llama",
    dModel: 12,
    dInner: 20,
    nLayers: 2,
    dHead: 6,
    matrices: "int8",
    unembedding: "float",
    train,
  },
  recall: {
    block: "gated",
    dModel: 12,
    dInner: 20,
    nLayers: 1,
    alphabet: { kind: "tokens", size: 320 },
    recall: { window: 50, forget: " " },
    train,
  },
  "n-grams": {
    block: "gated",
    dModel: 12,
    dInner: 20,
    nLayers: 1,
    ngrams: { buckets: 700, orders: [2, 4] },
    train,
  },
  muon: {
    block: "gated",
    dModel: 12,
    dInner: 20,
    nLayers: 1,
    dHead: 6,
    pathways: ["local", "sparse"],
    train: { ...train, optimizer: "muon" },
  },
};

/** 3,000 words of two to four syllables, drawn by a linear congruential generator. */
function makeText() {
  let state = 5;
  const below = (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 16) % limit;
  };
  const syllable = () => "bdfglmnprst"[below(11)] + "aeiou"[below(5)];
  const word = () => Array.from({ length: 2 + below(3) }, syllable).join("");
  return new TextEncoder().encode(Array.from({ length: 3000 }, word).join(" "));
}

async function sha256(bytes) {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The checkpoint after the last step, with the optimizer's moments. */
async function trainToEnd(atome, config, text, threads, platform) {
  const alphabet = atome.learnAlphabet(config.alphabet, () => [text]);
  const symbols = alphabet.encode(text);
  const forget = alphabet.lastSymbolOf(config.recall?.forget);
  const trainer = await atome.Trainer.create({ config, vocab: alphabet.size, forget, symbols, threads, platform });
  let lossSum = 0;
  for (let i = 0; i < config.train.steps; i++) lossSum += (await trainer.step()).lossNatsPerSymbol;
  const { step, random, tensors, firstMoments, secondMoments } = trainer.state();
  await trainer.close();
  return atome.encodeCheckpoint({
    config,
    alphabet,
    outputs: alphabet.size,
    step,
    seed: config.train.seed,
    dataSha256: await sha256(text),
    history: [],
    tensors,
    training: { m: firstMoments, v: secondMoments, random, lossSum },
  });
}

/** SHA-256 of each model's checkpoint, by name. `atome` is the package as Node or a page imports it. */
export async function checkpointHashes(atome, platform, threads) {
  const text = makeText();
  const hashes = {};
  for (const [name, json] of Object.entries(configs)) {
    const config = atome.parseConfig(json, `"${name}"`);
    hashes[name] = await sha256(await trainToEnd(atome, config, text, threads, platform));
  }
  return hashes;
}
