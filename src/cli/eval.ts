import { Command, Option } from "commander";
import { type Checkpoint, decodeCheckpoint } from "../checkpoint/checkpoint.js";
import { Corpus, type TextSpan } from "../corpus/corpus.js";
import {
  compareOnText,
  ENGINE_NATS_PER_UNIT,
  type LanguageScore,
  type Predictor,
  scoreText,
} from "../evaluate/language.js";
import { UsageError } from "../model/errors.js";
import { quantiseModel } from "../model/quantised-model.js";
import { ReferenceModel } from "../model/reference.js";
import type { Alphabet } from "../tokenizer/alphabet.js";
import { ENGINE_NAMES, type EngineName, engineMaker } from "./engines.js";
import { readInput } from "./files.js";
import { alphabetOf, isAtomeFile, readModelFile, readModelInput } from "./models.js";
import { wholeNumber } from "./options.js";
import { type CommonOptions, duration, grouped, Output, table, withCommonOptions, withExamples } from "./output.js";
import { Progress } from "./progress.js";
import { encode } from "./train-data.js";

interface EvalOptions extends CommonOptions {
  against?: string;
  maxBytes?: number;
  engine: EngineName;
  allowBinary?: boolean;
}

export function evalCommand(): Command {
  const command = new Command("eval")
    .description("Measure bits per byte and perplexity of a model on text, read as one stream.")
    .argument("<model>", "a .atome file (integer engine) or a .safetensors checkpoint (float64)")
    .argument("<text...>", "text files")
    .option("--against <checkpoint>", "also compare the .atome file with the checkpoint it was made from")
    .option("--max-bytes <n>", "read at most so many bytes", wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .option("--allow-binary", "take files that do not look like text")
    .addOption(new Option("--engine <name>", "which engine runs a .atome file").choices(ENGINE_NAMES).default("wasm"))
    .action(evaluate);
  return withExamples(
    withCommonOptions(command),
    ["atome eval model.atome heldout.txt", "what the chip reaches"],
    ["atome eval model.atome heldout.txt --against best.safetensors", "what the integers cost"],
  );
}

async function evaluate(path: string, texts: string[], options: EvalOptions): Promise<void> {
  const output = new Output(options);
  const subject = await openSubject(path, options.engine);
  const reference = options.against === undefined ? undefined : await openReference(options.against, path, subject);
  const { symbols, byteCount } = encode(span(texts, options), subject.alphabet);
  const progress = new Progress(process.stderr, () => performance.now(), output.quiet);
  const start = performance.now();
  const shown = (done: number) => {
    if (done % 256 === 0) progress.show(() => progressLine(done, symbols.length, performance.now() - start));
  };
  if (!reference) {
    const score = scoreText(subject.predictor, symbols, byteCount, shown);
    progress.end();
    const seconds = (performance.now() - start) / 1000;
    output.result({ model: path, ...score, seconds });
    for (const line of table([...scoreRows(score), ["time", duration(seconds)]])) output.print(line);
    return;
  }
  const fidelity = compareOnText(reference.predictor, subject.predictor, symbols, byteCount, shown);
  progress.end();
  const seconds = (performance.now() - start) / 1000;
  const { engine, reference: float, ...comparison } = fidelity;
  output.result({ model: path, ...engine, seconds, against: { checkpoint: options.against, ...float }, ...comparison });
  const rows = [
    ...scoreRows(engine),
    ["bits per byte, float", float.bitsPerByte.toFixed(4)],
    ["difference", `${(100 * fidelity.bitsPerByteRatio).toFixed(3)} %`],
    ["KL divergence", `${fidelity.klNatsPerSymbol.toFixed(6)} nats per symbol`],
    ["top-1 agreement", `${(100 * fidelity.top1Agreement).toFixed(2)} %`],
    ["time", duration(seconds)],
  ];
  for (const line of table(rows)) output.print(line);
}

const scoreRows = (score: LanguageScore): string[][] => [
  ["bits per byte", score.bitsPerByte.toFixed(4)],
  ["perplexity", `${score.perplexity.toFixed(4)} per byte`],
  ["text", `${grouped(score.bytes)} bytes, ${grouped(score.symbols)} symbols`],
];

function progressLine(done: number, total: number, ms: number): string {
  const left = (ms / done) * (total - done);
  return `${grouped(done)}/${grouped(total)} symbols  ${grouped((done * 1000) / ms)} symbols/s  ${duration(left / 1000)} left`;
}

/** A model that can be measured. */
interface Subject {
  predictor: Predictor;
  alphabet: Alphabet;
  isInteger: boolean;
}

async function openSubject(path: string, engine: EngineName): Promise<Subject> {
  const bytes = readModelInput(path, "a .atome file or a checkpoint");
  if (!isAtomeFile(bytes, path)) return floatSubject(decodeCheckpoint(bytes, `"${path}"`), path);
  const model = await readModelFile(bytes, path);
  if (model.classNames) throw notALanguageModel(path);
  const stream = (await engineMaker(engine)).create(bytes);
  const predictor = { step: (symbol: number) => stream.step(symbol), natsPerUnit: ENGINE_NATS_PER_UNIT };
  return { predictor, alphabet: alphabetOf(model), isInteger: true };
}

function floatSubject({ config, tensors, alphabet, classNames, outputs }: Checkpoint, path: string): Subject {
  if (!alphabet || classNames || outputs !== alphabet.size) throw notALanguageModel(path);
  const forget = alphabet.lastSymbolOf(config.recall?.forget);
  const reference = new ReferenceModel(quantiseModel(config, tensors, alphabet.size, outputs, forget));
  const predictor = { step: (symbol: number) => reference.step(symbol), natsPerUnit: 1 };
  return { predictor, alphabet, isInteger: false };
}

async function openReference(path: string, modelPath: string, subject: Subject): Promise<Subject> {
  if (!subject.isInteger) {
    throw new UsageError(`Cannot compare "${modelPath}" with a checkpoint: it is one itself, expected a .atome file.`);
  }
  const bytes = readInput(path, "a checkpoint");
  if (isAtomeFile(bytes, path)) {
    throw new UsageError(`Cannot compare against "${path}": it is a .atome file, expected a .safetensors checkpoint.`);
  }
  const reference = floatSubject(decodeCheckpoint(bytes, `"${path}"`), path);
  if (JSON.stringify(reference.alphabet.toJson()) !== JSON.stringify(subject.alphabet.toJson())) {
    throw new UsageError(
      `Cannot compare "${modelPath}" with "${path}": their alphabets differ; give the checkpoint that the model was exported from.`,
    );
  }
  return reference;
}

const notALanguageModel = (path: string): UsageError =>
  new UsageError(`Cannot measure bits per byte of "${path}": it is a classifier, expected a language model.`);

/** The text, cut off at --max-bytes. */
function span(paths: readonly string[], { maxBytes, allowBinary }: EvalOptions): TextSpan {
  const { all } = Corpus.open(paths, { allowBinary: allowBinary ?? false });
  const byteCount = Math.min(all.byteCount, maxBytes ?? all.byteCount);
  return { byteCount, pieces: () => firstBytes(all.pieces(), byteCount) };
}

function* firstBytes(pieces: Iterable<Uint8Array>, count: number): Iterable<Uint8Array> {
  let left = count;
  for (const piece of pieces) {
    yield piece.subarray(0, left);
    left -= Math.min(left, piece.length);
    if (left === 0) return;
  }
}
