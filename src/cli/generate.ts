import { StringDecoder } from "node:string_decoder";
import { Command, Option } from "commander";
import { UsageError } from "../model/errors.js";
import { Continuation } from "../tokenizer/continuation.js";
import { Prompt } from "../tokenizer/prompt.js";
import { ENGINE_NAMES, type EngineName, engineMaker } from "./engines.js";
import { generate, type Piece, RECALLS, type RecallName } from "./generation.js";
import { Interrupted, interruptible } from "./interrupt.js";
import { alphabetOf, readModelFile, readModelInput } from "./models.js";
import { realNumber, wholeNumber } from "./options.js";
import { type CommonOptions, Output, withCommonOptions, withExamples } from "./output.js";

interface GenerateOptions extends CommonOptions {
  temperature: number;
  topK: number;
  topP: number;
  seed: number;
  maxBytes: number;
  stop?: string;
  recall?: RecallName;
  showRouter?: boolean;
  engine: EngineName;
}

export function generateCommand(): Command {
  const command = new Command("generate")
    .description(
      "Write on after a prompt, with the same integers as the chip: the same seed gives the same text everywhere.",
    )
    .argument("<model>", "a .atome file, or the name of a model that comes with the program: stories-64k")
    .argument("<prompt>", "the text to go on from")
    .option("--temperature <x>", "0 takes the likeliest symbol, 1 follows the probabilities", realNumber(0, 255), 0.8)
    .option("--top-k <n>", "choose among the n likeliest symbols (0: all)", wholeNumber(0, 65535), 0)
    .option("--top-p <x>", "choose among the likeliest symbols that together reach x (1: all)", realNumber(0, 1), 0.9)
    .option("--seed <n>", "seed of the choices", wholeNumber(0, 0xffffffff), 0)
    .option(
      "--max-bytes <n>",
      "write at most so many bytes; a character is never cut in two",
      wholeNumber(1, 1_000_000_000),
      400,
    )
    .option("--stop <text>", "end before this text")
    .addOption(
      new Option(
        "--recall <how>",
        "of a model with recall: names and the like (words, the default), all it learned to (full: text goes in circles), or nothing (off)",
      ).choices(Object.keys(RECALLS)),
    )
    .option("--show-router", "colour each symbol by its router's mix")
    .addOption(new Option("--engine <name>", "which engine runs").choices(ENGINE_NAMES).default("wasm"))
    .action(run);
  return withExamples(
    withCommonOptions(command),
    ['atome generate model.atome "Once upon a time"', "a story of 400 bytes"],
    ['atome generate model.atome "Q: hello" --temperature 0 --stop "\\n\\n"', "the likeliest answer"],
    ['atome generate model.atome "Once" --show-router', "which pathway writes what"],
  );
}

async function run(path: string, prompt: string, options: GenerateOptions): Promise<void> {
  const output = new Output(options);
  const bytes = readModelInput(path, "a .atome file");
  const model = await readModelFile(bytes, path);
  if (model.classNames)
    throw new UsageError(`Cannot generate with "${path}": it is a classifier, expected a language model.`);
  if (options.recall && !model.recall)
    throw new UsageError(`Cannot use --recall with "${path}": the model has no recall; leave the option out.`);
  const alphabet = alphabetOf(model);
  const encoded = new Prompt(alphabet, prompt);
  if (encoded.symbols.length === 0)
    throw new UsageError("Cannot use the prompt: it is empty, expected at least one character.");
  if (encoded.escapedBytes > 0)
    output.note(`${encoded.escapedBytes} bytes of the prompt are rare or new to this model.`);
  const engine = (await engineMaker(options.engine)).create(bytes);
  const recall = options.recall ?? "words";
  engine.recall(RECALLS[recall]);
  const continuation = new Continuation(alphabet, encoded);
  for (const symbol of continuation.symbols) engine.step(symbol);
  const pieces = generate(engine, {
    prompt: continuation,
    sampler: {
      temperature: Math.round(options.temperature * 256),
      topK: options.topK,
      topP: Math.round(options.topP * 32768),
      random: options.seed,
    },
    maxBytes: options.maxBytes,
    ...(options.stop === undefined ? {} : { stop: new TextEncoder().encode(unescaped(options.stop)) }),
  });
  const router = options.showRouter ? new RouterView(output, prompt) : undefined;
  if (!router) output.write(prompt);
  const start = performance.now();
  const written = await interruptible((isStopped) => writePieces(pieces, output, router, isStopped));
  const text = Buffer.concat(written.map((piece) => piece.bytes));
  if (!router) output.print();
  router?.end();
  const seconds = (performance.now() - start) / 1000;
  output.result({
    prompt,
    text: text.toString("utf8"),
    bytes: text.length,
    symbols: written.length,
    seed: options.seed,
    ...(model.recall ? { recall } : {}),
    seconds,
    bytesPerSecond: Math.round(text.length / Math.max(seconds, 1e-6)),
    ...(options.showRouter ? { router: routerEntries(written) } : {}),
  });
}

async function writePieces(
  pieces: Iterable<Piece>,
  output: Output,
  router: RouterView | undefined,
  isStopped: () => boolean,
): Promise<Piece[]> {
  const written: Piece[] = [];
  for (const piece of pieces) {
    written.push(piece);
    if (router) router.show(piece);
    else output.write(piece.bytes);
    // Lets signals and the terminal have their turn.
    if (written.length % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    if (isStopped()) throw new Interrupted("Stopped.");
  }
  return written;
}

/** Symbols of a part of a character have the text "", but for the last one, which has the character. */
function routerEntries(pieces: readonly Piece[]) {
  const decoder = new StringDecoder("utf8");
  return pieces.map(({ bytes, mix: [local, state, sparse], entropyBits }) => ({
    text: decoder.write(bytes),
    local: rounded(local),
    state: rounded(state),
    sparse: rounded(sparse),
    entropyBits: rounded(entropyBits),
  }));
}

const rounded = (value: number): number => Math.round(value * 1e4) / 1e4;

/** `\n` and `\t` as a shell passes them. */
const unescaped = (text: string): string => text.replaceAll("\\n", "\n").replaceAll("\\t", "\t");

/**
 * Shows the router's mix of each symbol: a colour on a terminal (red local, green state, blue sparse), else a line. A character of
 * several symbols stands with the last of them.
 */
class RouterView {
  readonly #output: Output;
  readonly #decoder = new StringDecoder("utf8");
  #entropyBits = 0;
  #count = 0;

  constructor(output: Output, prompt: string) {
    this.#output = output;
    if (output.colours) {
      const sample = (mix: Piece["mix"], name: string) => coloured(mix, name);
      output.print(`${sample([1, 0, 0], "local")} ${sample([0, 1, 0], "state")} ${sample([0, 0, 1], "sparse")}`);
      output.write(prompt);
    } else {
      output.print("text              local  state  sparse  entropy (bits)");
    }
  }

  show(piece: Piece): void {
    const text = this.#decoder.write(piece.bytes);
    this.#entropyBits += piece.entropyBits;
    this.#count++;
    if (this.#output.colours) {
      this.#output.write(coloured(piece.mix, text));
      return;
    }
    const [local, state, sparse] = piece.mix.map((share) => share.toFixed(3));
    const quoted = JSON.stringify(text).padEnd(16);
    this.#output.print(`${quoted}  ${local}  ${state}   ${sparse}   ${piece.entropyBits.toFixed(3)}`);
  }

  end(): void {
    if (this.#output.colours) this.#output.print();
    this.#output.print(`mean entropy of the router: ${(this.#entropyBits / Math.max(this.#count, 1)).toFixed(3)} bits`);
  }
}

/** A share of 0 is dark, 1 bright; a text without a router is grey. */
function coloured([local, state, sparse]: Piece["mix"], text: string): string {
  const isMixed = local + state + sparse > 0;
  const [red, green, blue] = [local, state, sparse].map((share) => (isMixed ? Math.round(70 + 185 * share) : 180));
  return `\x1b[38;2;${red};${green};${blue}m${text}\x1b[39m`;
}
