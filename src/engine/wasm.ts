/** engine/atome.c as WebAssembly behind the interface of engine.ts. */
import { CheckedEngine } from "./checked.js";
import type { CheckResult, Decision, Engine, RecallSettings, Sampler } from "./engine.js";
import { columnsOf, refuseByte, refuseModel } from "./mirror.js";

/** What engine.wasm exports; pointers are offsets into its memory. */
interface Exports {
  __heap_base: WebAssembly.Global;
  atome_check(model: number, bytes: number, arenaBytes: number): number;
  atome_init(model: number, arena: number, arenaBytes: number): number;
  atome_reset(a: number): void;
  atome_recall(a: number, longest: number, repeats: number, penalty: number): void;
  atome_feed(a: number, symbol: number): number;
  atome_feed_sample(a: number, values: number): number;
  atome_logits(a: number): number;
  atome_step(a: number, symbol: number): number;
  atome_argmax(a: number): number;
  atome_sample(a: number, sampler: number): number;
  atome_scores(a: number): number;
  atome_decide(a: number, probability: number): number;
  atome_entropy(probability: number, n: number): number;
  atome_router(a: number, layer: number, mix: number): number;
  atome_encode(a: number, text: number, bytes: number, symbols: number, used: number): number;
  atome_decode(a: number, symbol: number, text: number): number;
  atome_class_name(a: number, index: number, name: number): number;
}

const PAGE_BYTES = 65536;
/** Above the heap's start: arguments by pointer, text to encode (no string is longer) or a sample, probabilities. */
const ARGUMENT_BYTES = 32;
const TEXT_BYTES = 256;
const PROBABILITIES = 1024;
const SCRATCH_BYTES = ARGUMENT_BYTES + TEXT_BYTES + 4 * PROBABILITIES;

/** ATOME_NONE of atome.h. */
const NONE = 65535;

const align16 = (bytes: number) => Math.ceil(bytes / 16) * 16;

/** An instance with a model in its memory: scratch at `scratch`, the model after it, then room for the arena. */
class Instance {
  readonly memory = new WebAssembly.Memory({ initial: 16 });
  readonly exports: Exports;
  readonly scratch: number;
  readonly at: number;
  readonly end: number;

  constructor(
    module: WebAssembly.Module,
    readonly model: Uint8Array,
  ) {
    this.exports = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports as unknown as Exports;
    this.scratch = align16(this.exports.__heap_base.value as number);
    this.at = align16(this.scratch + SCRATCH_BYTES);
    this.end = align16(this.at + model.length);
    this.reserve(this.end);
    new Uint8Array(this.memory.buffer).set(model, this.at);
  }

  /** Grows the memory to at least so many bytes; earlier views of it are void then. */
  reserve(bytes: number): void {
    const missing = Math.ceil((bytes - this.memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) this.memory.grow(missing);
  }

  check(): CheckResult {
    const error = this.exports.atome_check(this.at, this.model.length, this.scratch);
    const arenaBytes = error === 0 ? new Uint32Array(this.memory.buffer, this.scratch, 1)[0] : 0;
    return { error, arenaBytes };
  }
}

/** One running stream; `CheckedEngine` holds its calls to what they may be. */
class WasmEngine implements Engine {
  readonly vocab: number;
  readonly outputs: number;
  readonly nLayers: number;
  readonly columns: number;
  readonly #exports: Exports;
  readonly #a: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #scratch: number;
  readonly #text: number;
  readonly #probabilities: Int32Array;
  readonly #sample: Int32Array;
  #logits: Int32Array | undefined;

  constructor(
    instance: Instance,
    readonly arenaBytes: number,
  ) {
    const { exports, scratch, at, end, model } = instance;
    instance.reserve(end + arenaBytes);
    this.#exports = exports;
    this.#a = exports.atome_init(at, end, arenaBytes);
    if (this.#a === 0) refuseModel(model, 18);
    const { buffer } = instance.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#scratch = scratch;
    this.#text = scratch + ARGUMENT_BYTES;
    this.#probabilities = new Int32Array(buffer, this.#text + TEXT_BYTES, PROBABILITIES);
    this.vocab = this.#view.getUint16(at + 16, true);
    this.outputs = this.#view.getUint16(at + 18, true);
    this.nLayers = this.#view.getUint8(at + 26);
    this.columns = columnsOf(model);
    this.#sample = new Int32Array(buffer, this.#text, this.columns);
  }

  #outputsAt(pointer: number): Int32Array {
    if (this.#logits?.byteOffset !== pointer) {
      this.#logits = new Int32Array(this.#bytes.buffer, pointer, this.outputs);
    }
    return this.#logits as Int32Array;
  }

  /** A copy of the bytes that the pointer in the scratch points at. */
  #pointedAt(length: number): Uint8Array {
    const at = this.#view.getUint32(this.#scratch, true);
    return length === 0 ? new Uint8Array() : this.#bytes.slice(at, at + length);
  }

  reset(): void {
    this.#exports.atome_reset(this.#a);
  }

  recall(settings: RecallSettings): void {
    this.#exports.atome_recall(this.#a, settings.longest, settings.repeats, settings.penalty);
  }

  feed(symbol: number): void {
    this.#exports.atome_feed(this.#a, symbol);
  }

  feedSample(values: ArrayLike<number>): void {
    this.#sample.set(values);
    this.#exports.atome_feed_sample(this.#a, this.#text);
  }

  logits(): Int32Array {
    return this.#outputsAt(this.#exports.atome_logits(this.#a));
  }

  step(symbol: number): Int32Array {
    return this.#outputsAt(this.#exports.atome_step(this.#a, symbol));
  }

  argmax(): number {
    return this.#exports.atome_argmax(this.#a);
  }

  sample(sampler: Sampler): number {
    const at = this.#scratch;
    this.#view.setUint16(at, sampler.temperature, true);
    this.#view.setUint16(at + 2, sampler.topK, true);
    this.#view.setUint16(at + 4, sampler.topP, true);
    this.#view.setUint32(at + 8, sampler.random, true);
    const index = this.#exports.atome_sample(this.#a, at);
    sampler.random = this.#view.getUint32(at + 8, true);
    return index;
  }

  scores(): Int32Array {
    return this.#outputsAt(this.#exports.atome_scores(this.#a));
  }

  decide(): Decision {
    const index = this.#exports.atome_decide(this.#a, this.#scratch);
    return { class: index === NONE ? -1 : index, probability: this.#view.getInt32(this.#scratch, true) };
  }

  entropy(probabilities: ArrayLike<number>): number {
    this.#probabilities.set(probabilities);
    return this.#exports.atome_entropy(this.#probabilities.byteOffset, probabilities.length);
  }

  router(layer: number): { mix: [number, number, number]; entropy: number } {
    const at = this.#scratch;
    const entropy = this.#exports.atome_router(this.#a, layer, at);
    const [local, state, sparse] = new Int32Array(this.#bytes.buffer, at, 3);
    return { mix: [local, state, sparse], entropy };
  }

  encode(text: Uint8Array): Uint16Array {
    const symbols: number[] = [];
    for (let at = 0; at < text.length; ) {
      const piece = text.subarray(at, at + TEXT_BYTES);
      this.#bytes.set(piece, this.#text);
      const count = this.#exports.atome_encode(this.#a, this.#text, piece.length, this.#scratch + 4, this.#scratch);
      if (count === 0) refuseByte(text[at], at, this.vocab);
      for (let i = 0; i < count; i++) symbols.push(this.#view.getUint16(this.#scratch + 4 + 2 * i, true));
      at += this.#view.getUint32(this.#scratch, true);
    }
    return Uint16Array.from(symbols);
  }

  decode(symbol: number): Uint8Array {
    return this.#pointedAt(this.#exports.atome_decode(this.#a, symbol, this.#scratch));
  }

  className(index: number): Uint8Array {
    return this.#pointedAt(this.#exports.atome_class_name(this.#a, index, this.#scratch));
  }
}

/** The compiled engine: makes any number of streams, each in a memory of its own. */
export interface WasmFactory {
  /** As `check` of the mirror. */
  check(model: Uint8Array): CheckResult;
  /** @throws FormatError when the model is not valid */
  create(model: Uint8Array): Engine;
}

/** dist/wasm/engine.wasm, seen from src/engine and from dist/engine. */
async function compileOwn(): Promise<WebAssembly.Module> {
  const url = new URL("../../dist/wasm/engine.wasm", import.meta.url);
  if (url.protocol !== "file:") return WebAssembly.compile(await (await fetch(url)).arrayBuffer());
  const { readFile } = await import("node:fs/promises");
  // At once, for the reason given in threads-node.ts.
  return new WebAssembly.Module(await readFile(url));
}

/** @param wasmBytes the content of engine.wasm; without it the build's own is read */
export async function loadWasm(wasmBytes?: Uint8Array<ArrayBuffer>): Promise<WasmFactory> {
  const module = await (wasmBytes ? WebAssembly.compile(wasmBytes) : compileOwn());
  return {
    check: (model) => new Instance(module, model).check(),
    create(model) {
      const instance = new Instance(module, model);
      const { error, arenaBytes } = instance.check();
      return error ? refuseModel(model, error) : new CheckedEngine(new WasmEngine(instance, arenaBytes));
    },
  };
}

/**
 * The WebAssembly engine on a model.
 *
 * @param wasmBytes the content of engine.wasm; without it the build's own is read
 * @throws FormatError when the model is not valid
 */
export const createWasm = async (model: Uint8Array, wasmBytes?: Uint8Array<ArrayBuffer>): Promise<Engine> =>
  (await loadWasm(wasmBytes)).create(model);
