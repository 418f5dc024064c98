import { emptyHash, hashByte, hashText, hashWords } from "./hash.js";
import { encodeJob, type Job, type Sampler } from "./job.js";
import { type EngineResult, type EngineRun, SYMBOL_ERROR } from "./result.js";

/** A stream of an engine that runs in this process: the calls of atome.h. */
export interface Stream {
  readonly nLayers: number;
  /** Values of a sample; 0 of a model of no sensor. */
  readonly columns: number;
  reset(): void;
  recall(settings: { longest: number; repeats: number; penalty: number }): void;
  /** Symbols of a text, or undefined when a byte cannot be encoded. */
  encode(text: Uint8Array): ArrayLike<number> | undefined;
  /** Logits after the symbol, valid until the next call, or undefined when the symbol is out of range. */
  step(symbol: number): ArrayLike<number> | undefined;
  /** The same after a sample; undefined when the model is of no sensor. */
  stepSample(values: readonly number[]): ArrayLike<number> | undefined;
  argmax(): number;
  /** Advances `sampler.random`. */
  sample(sampler: Sampler): number;
  /** The mix in 1/32768 of local, state, sparse; its entropy in 1/2048 bit. */
  router(layer: number): { mix: ArrayLike<number>; entropy: number };
  /** Probabilities in 1/32768, in place of the logits. */
  scores(): ArrayLike<number>;
  /** The class, -1 when none stands, and its probability in 1/32768; the logits become scores. */
  decide(): { class: number; probability: number };
  /** In 1/2048 bit. */
  entropy(probabilities: ArrayLike<number>): number;
  decode(symbol: number): Uint8Array;
  className(index: number): Uint8Array;
}

/** An engine as the runner needs it. */
export interface StreamMaker {
  /** Error number of SPEC.md section 6 and the RAM the model needs. */
  check(model: Uint8Array): { error: number; arenaBytes: number };
  /** A stream of a model that passed `check`. */
  open(model: Uint8Array): Stream;
}

/** ATOME_NONE of atome.h. */
const NONE = 65535;

/** State of a run; the same as in firmware/main.c. */
class Run {
  hash = emptyHash;
  details = emptyHash;
  readonly fed: number[] = [];
  samples = 0;
  readonly tokens: number[] = [];

  constructor(
    readonly stream: Stream,
    readonly job: Job,
  ) {}

  feed(symbol: number): boolean {
    const logits = this.stream.step(symbol);
    if (logits === undefined) return false;
    this.fed.push(symbol);
    this.hashStep(logits);
    return true;
  }

  feedSample(values: readonly number[]): boolean {
    const logits = this.stream.stepSample(values);
    if (logits === undefined) return false;
    this.samples++;
    this.hashStep(logits);
    if (this.job.details) this.hashDecision();
    return true;
  }

  hashStep(logits: ArrayLike<number>): void {
    this.hash = hashWords(this.hash, logits);
    for (let layer = 0; this.job.details && layer < this.stream.nLayers; layer++) {
      const { mix, entropy } = this.stream.router(layer);
      this.details = hashWords(this.details, mix);
      this.details = hashWords(this.details, [entropy]);
    }
  }

  hashDecision(): void {
    const { class: index, probability } = this.stream.decide();
    this.details = hashWords(this.details, [index < 0 ? NONE : index, probability]);
  }

  feedPrompt(): boolean {
    const { promptSymbols, promptText, promptSamples } = this.job;
    if (promptSamples && promptSymbols.length === 0) return this.feedSamples(promptSamples.flat());
    const symbols = promptSymbols.length > 0 ? promptSymbols : this.stream.encode(promptText ?? new Uint8Array());
    return symbols !== undefined && symbols.length > 0 && Array.from(symbols).every((symbol) => this.feed(symbol));
  }

  /** As the firmware, which is told values only and what the model makes of them. */
  feedSamples(values: readonly number[]): boolean {
    const { columns } = this.stream;
    const count = columns > 0 ? Math.floor(values.length / columns) : 0;
    const each = Array.from({ length: count }, (_, i) => values.slice(i * columns, (i + 1) * columns));
    return count > 0 && each.every((sample) => this.feedSample(sample));
  }

  generate(): boolean {
    const sampler: Sampler = { temperature: 0, topK: 0, topP: 0, random: 0, ...this.job.sampler };
    while (this.tokens.length < this.job.generate) {
      const symbol = sampler.temperature > 0 ? this.stream.sample(sampler) : this.stream.argmax();
      if (this.job.details) for (const byte of this.stream.decode(symbol)) this.details = hashByte(this.details, byte);
      this.tokens.push(symbol);
      if (!this.feed(symbol)) return false;
    }
    return true;
  }

  hashScores(): void {
    for (const byte of this.stream.className(this.stream.argmax())) this.details = hashByte(this.details, byte);
    const scores = this.stream.scores();
    this.details = hashWords(this.details, scores);
    this.details = hashWords(this.details, [this.stream.entropy(scores)]);
    this.stream.recall({ longest: 0, repeats: 0, penalty: 2048 });
    this.stream.reset();
    this.details = hashWords(this.details, this.stream.step(this.samples > 0 ? 0 : this.fed[0]) ?? []);
    this.hashDecision();
  }
}

/** Runs jobs on an engine in this process, as firmware/main.c does on a board. */
export function inProcessEngine(name: string, maker: StreamMaker): EngineRun {
  const run = (model: Uint8Array, job: Job): EngineResult => {
    encodeJob(job); // refuses what no board could be given
    const { error, arenaBytes } = maker.check(model);
    const result = { error, hash: hashText(emptyHash), details: hashText(emptyHash), tokens: [], fed: 0 };
    if (error !== 0) return { ...result, arenaBytes, ramBytes: 0 };
    const state = new Run(maker.open(model), job);
    const done = state.feedPrompt() && state.generate();
    if (done && job.details) state.hashScores();
    return {
      error: done ? 0 : SYMBOL_ERROR,
      hash: hashText(state.hash),
      details: hashText(state.details),
      tokens: state.tokens,
      fed: state.samples + state.fed.length,
      arenaBytes,
      ramBytes: arenaBytes,
    };
  };
  return { name, run: async (model, job) => run(model, job) };
}
