import type { Alphabet } from "./alphabet.js";
import type { Prompt } from "./prompt.js";

/** Of a symbol that is out of the question, in 1/2048 bit: far below every logit, and no difference overflows. */
const IMPOSSIBLE = -(2 ** 30);

/**
 * A prompt that is to be written on. Where it ends, the text to come may be in the middle of a token: "$ " is "$" and " ", but
 * "$ tar" is "$" and " tar", and after a " " of its own a model has seldom seen a word. So the last bytes are not fed where they
 * may begin a longer token; the first symbols written are chosen among those that agree with them.
 *
 * Whatever follows the prompt, its encoding begins with `symbols` and agrees from there on: the exceptions are a prompt of one
 * symbol, which is fed, and bytes in an escape.
 */
export class Continuation {
  /** What is fed: all of the prompt, or all but what `rest` spells. */
  readonly symbols: Uint16Array;
  readonly #alphabet: Alphabet;
  #rest: Uint8Array;

  /** @param alphabet the prompt's */
  constructor(alphabet: Alphabet, prompt: Prompt) {
    const { count, bytes } = heldBack(alphabet, prompt);
    this.#alphabet = alphabet;
    this.symbols = prompt.symbols.subarray(0, prompt.symbols.length - count);
    this.#rest = prompt.bytes.subarray(prompt.bytes.length - bytes);
  }

  /** Bytes of the prompt that the next symbols have to spell; none once they have. */
  get rest(): Uint8Array {
    return this.#rest;
  }

  /** Whether a symbol agrees with the rest: it begins with it, or is what the rest itself is encoded as. */
  agrees(symbol: number): boolean {
    const { tokens } = this.#alphabet;
    const rest = this.#rest;
    if (rest.length === 0 || !tokens) return true;
    return beginsWith(tokens[symbol], rest) || symbol === this.#alphabet.match(rest, 0, rest.length);
  }

  /** Makes every symbol that does not agree impossible. */
  restrict(logits: Int32Array): void {
    if (this.#rest.length === 0) return;
    for (let symbol = 0; symbol < logits.length; symbol++) {
      if (!this.agrees(symbol)) logits[symbol] = IMPOSSIBLE;
    }
  }

  /** Takes the bytes of the symbol that was chosen; returns those behind the prompt. */
  take(bytes: Uint8Array): Uint8Array {
    const known = Math.min(bytes.length, this.#rest.length);
    this.#rest = this.#rest.subarray(known);
    return bytes.subarray(known);
  }
}

/** The most symbols at the end of the prompt, and their bytes, that together are less than one token. */
function heldBack(alphabet: Alphabet, prompt: Prompt): { count: number; bytes: number } {
  const { symbols } = prompt;
  const { tokens = [], maxTokenBytes } = alphabet;
  const firstFree = afterEscapes(alphabet, symbols);
  let held = { count: 0, bytes: 0 };
  let bytes = 0;
  for (let at = symbols.length - 1; at >= Math.max(firstFree, 1); at--) {
    bytes += alphabet.tokenBytes(symbols[at]);
    if (bytes >= maxTokenBytes) break;
    const end = prompt.bytes.subarray(prompt.bytes.length - bytes);
    const isBegun = tokens.some((token) => token.length > bytes && beginsWith(token, end));
    if (isBegun) held = { count: symbols.length - at, bytes };
  }
  return held;
}

/** Index of the first symbol behind the last escaped byte. */
function afterEscapes(alphabet: Alphabet, symbols: Uint16Array): number {
  const decoder = alphabet.decoder();
  let first = 0;
  symbols.forEach((symbol, at) => {
    const isInside = decoder.insideEscape;
    decoder.push(symbol);
    if (isInside || decoder.insideEscape) first = at + 1;
  });
  return first;
}

const beginsWith = (token: Uint8Array, start: Uint8Array): boolean =>
  token.length >= start.length && start.every((byte, i) => token[i] === byte);
