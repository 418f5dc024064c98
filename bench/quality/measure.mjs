// Measures a finished run, in a process of its own: the bits per byte of the validation text, which everything is chosen on,
// and of the test text.
//
//     node bench/quality/measure.mjs '{"run", "training", "validation", "test", "isAtome", "quantiseAfterwards"}'
//
// The argument: folder of the run, paths of the training texts, share held out for validation (0: none), path of the test text
// (left out: not measured), whether the .atome file is measured, what the weights are quantised to. Prints one line of JSON:
// validationBpb, testBpb, and blockBits: bits per byte of 64 equal blocks of the test text, one after the other.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeCheckpoint } from "../../dist/checkpoint/checkpoint.js";
import { engineMaker } from "../../dist/cli/engines.js";
import { encode } from "../../dist/cli/train-data.js";
import { startingState } from "../../dist/cli/train-loop.js";
import { Corpus } from "../../dist/corpus/corpus.js";
import { ENGINE_NATS_PER_UNIT, scoreText } from "../../dist/evaluate/language.js";
import { nodePlatform } from "../../dist/train/threads-node.js";
import { Trainer } from "../../dist/train/trainer.js";
import { bitsOfBlocks, firstBytes } from "./blocks.mjs";
import { quantisedConfig } from "./flash.mjs";

const BLOCKS = 64;

const request = JSON.parse(process.argv[2]);
const path = join(request.run, "best.safetensors");
const checkpoint = decodeCheckpoint(readFileSync(path), `"${path}"`);
const { alphabet } = checkpoint;
// A trainer quantises the weights it is given as its configuration says.
const config = quantisedConfig(checkpoint.config, request.quantiseAfterwards);

/** What each symbol costs in nats, in windows of the training context that overlap by half; the first one costs ln V. */
async function windowedNats(symbols) {
  const resume = startingState(checkpoint, checkpoint.config);
  const trainer = await Trainer.create({
    ...{ config, vocab: alphabet.size, forget: alphabet.lastSymbolOf(config.recall?.forget) },
    ...{ symbols, threads: 1, platform: nodePlatform, resume },
  });
  const nats = new Float64Array(symbols.length);
  nats[0] = Math.log(alphabet.size);
  const onWindow = (begin, end, sum) => nats.fill(sum / (end - begin), begin, end);
  await trainer.evaluate(symbols, { warmup: Math.floor(config.train.context / 2), onWindow });
  await trainer.close();
  return nats;
}

/** What each symbol costs in the integer engine, which reads the text as one stream. */
async function streamedNats(symbols, byteCount) {
  const engine = (await engineMaker("wasm")).create(readFileSync(join(request.run, "model.atome")));
  const predictor = { step: (symbol) => engine.step(symbol), natsPerUnit: ENGINE_NATS_PER_UNIT };
  const nats = new Float64Array(symbols.length);
  let before = 0;
  scoreText(predictor, symbols, byteCount, (predicted, sum) => {
    // The first symbol, which nothing precedes, is in the first sum.
    nats[predicted] = sum - before;
    before = sum;
  });
  return nats;
}

const bitsPerByte = (nats, byteCount) => nats.reduce((sum, value) => sum + value, 0) / Math.LN2 / byteCount;

async function validationScore() {
  const { validation } = Corpus.open(request.training).split(request.validation);
  const { symbols, byteCount } = encode(validation, alphabet);
  return { validationBpb: bitsPerByte(await windowedNats(symbols), byteCount) };
}

async function testScore() {
  const { symbols, byteCount } = encode(Corpus.open([request.test]).all, alphabet);
  const nats = request.isAtome ? await streamedNats(symbols, byteCount) : await windowedNats(symbols);
  const blocks = bitsOfBlocks(nats, firstBytes(alphabet, symbols), byteCount, BLOCKS);
  return { testBpb: bitsPerByte(nats, byteCount), blockBits: blocks.map((bits) => bits.toFixed(4)).join(" ") };
}

const scores = {
  ...(request.validation > 0 ? await validationScore() : {}),
  ...(request.test ? await testScore() : {}),
};
process.stdout.write(`${JSON.stringify(scores)}\n`);
