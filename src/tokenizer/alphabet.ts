import { FailureError, UsageError } from "../model/errors.js";
import { bytesOfBinary, concatBytes, toBinary } from "./binary-strings.js";
import { TokenTable } from "./token-table.js";

/** Most symbols an alphabet may have. */
export const MAX_SYMBOLS = 1024;
/** Most bytes a token may have. */
export const MAX_TOKEN_BYTES = 255;
/** Fewest symbols a table with an escape may have: the two halves of an escaped byte are symbols 0..15. */
const MIN_SYMBOLS_WITH_ESCAPE = 17;

/** What a checkpoint stores of an alphabet; tokens are base64. */
export type AlphabetJson = { kind: "bytes"; size: number } | { kind: "tokens"; tokens: string[] };

/**
 * The symbols a model reads and writes, and how text becomes them.
 *
 * Either a symbol is a byte, or it is a token: one of V byte strings. Encoding takes the longest token that matches at
 * each position (the first among equals), so the table alone defines the result and a chip needs no list of merges. At most one token
 * is empty; it is the escape: a byte that no token matches becomes `escape, byte >> 4, byte & 15`.
 *
 * @example
 * const alphabet = Alphabet.bytes();
 * alphabet.decode(alphabet.encode(new TextEncoder().encode('tea'))); // the bytes of "tea"
 */
export class Alphabet {
  /** Number of symbols V. */
  readonly size: number;
  /** Byte strings of the symbols; undefined when a symbol is a byte. */
  readonly tokens: readonly Uint8Array[] | undefined;
  /** Number of the escape symbol; -1 when there is none. */
  readonly escapeSymbol: number;
  /** Length in bytes of the longest token; 1 when a symbol is a byte. */
  readonly maxTokenBytes: number;
  readonly #table: TokenTable | undefined;

  private constructor(size: number, tokens: readonly Uint8Array[] | undefined) {
    this.size = size;
    this.tokens = tokens;
    this.escapeSymbol = tokens?.findIndex((token) => token.length === 0) ?? -1;
    this.maxTokenBytes = tokens?.reduce((longest, token) => Math.max(longest, token.length), 1) ?? 1;
    this.#table = tokens && new TokenTable(tokens);
  }

  /** Symbol = byte. `size` below 256 leaves the bytes from there on without a symbol. */
  static bytes(size = 256): Alphabet {
    if (!Number.isInteger(size) || size < 2 || size > 256) {
      throw new FailureError(`Cannot use the alphabet: it has ${size} byte symbols, expected 2 to 256.`);
    }
    return new Alphabet(size, undefined);
  }

  /**
   * Symbol i = `tokens[i]`, 1..255 bytes each or empty once (the escape).
   * @throws FailureError when a token is too long, two are empty, or some byte could not be encoded.
   */
  static ofTokens(tokens: readonly Uint8Array[]): Alphabet {
    checkTokens(tokens);
    return new Alphabet(
      tokens.length,
      tokens.map((token) => token.slice()),
    );
  }

  /** @throws FailureError when the value is not what `toJson` gives. */
  static fromJson(json: unknown): Alphabet {
    if (isRecord(json) && json.kind === "bytes" && typeof json.size === "number") return Alphabet.bytes(json.size);
    if (isRecord(json) && json.kind === "tokens" && Array.isArray(json.tokens)) {
      return Alphabet.ofTokens(json.tokens.map(tokenFromBase64));
    }
    throw new FailureError(
      'Cannot read the alphabet: expected {"kind": "bytes", "size"} or {"kind": "tokens", "tokens"}.',
    );
  }

  toJson(): AlphabetJson {
    if (!this.tokens) return { kind: "bytes", size: this.size };
    return { kind: "tokens", tokens: this.tokens.map((token) => btoa(toBinary(token))) };
  }

  /**
   * Symbols of a whole text.
   * @throws UsageError when a byte has no symbol (only possible for a bytes alphabet below 256).
   */
  encode(bytes: Uint8Array): Uint16Array {
    const encoder = this.encoder();
    const symbols = encoder.push(bytes);
    const rest = encoder.finish();
    const all = new Uint16Array(symbols.length + rest.length);
    all.set(symbols);
    all.set(rest, symbols.length);
    return all;
  }

  /**
   * The symbol that a text ends with: what `recall.forget` of a configuration means. Undefined for no text and where its last byte
   * has to be escaped: the digits of an escape stand for other strings, too.
   */
  lastSymbolOf(text: string | undefined): number | undefined {
    const bytes = new TextEncoder().encode(text);
    let last = -1;
    for (let at = 0; at < bytes.length; at += last < 0 ? 1 : this.tokenBytes(last)) {
      last = this.match(bytes, at, bytes.length);
    }
    return last < 0 ? undefined : last;
  }

  /** Encodes a text that arrives in pieces; the result does not depend on where the pieces end. */
  encoder(): Encoder {
    return new Encoder(this);
  }

  /** Bytes of a sequence of symbols; an escape that the end cuts short gives nothing. */
  decode(symbols: Iterable<number>): Uint8Array {
    const decoder = this.decoder();
    const parts: Uint8Array[] = [];
    for (const symbol of symbols) parts.push(decoder.push(symbol));
    return concatBytes(parts);
  }

  /** Decodes one symbol at a time. */
  decoder(): Decoder {
    return new Decoder(this);
  }

  /** Number of the longest token at `bytes[at .. end)`, or -1; for a bytes alphabet the byte itself. */
  match(bytes: Uint8Array, at: number, end: number): number {
    if (this.#table) return this.#table.match(bytes, at, end);
    return at < end && bytes[at] < this.size ? bytes[at] : -1;
  }

  /** Number of bytes symbol `symbol` stands for; 0 for the escape. */
  tokenBytes(symbol: number): number {
    return this.tokens ? this.tokens[symbol].length : 1;
  }
}

/** Turns pieces of text into pieces of symbols. */
export class Encoder {
  readonly #alphabet: Alphabet;
  /** Bytes of the last piece whose longest match may go on into the next piece. */
  #rest = new Uint8Array(0);
  #consumed = 0;

  constructor(alphabet: Alphabet) {
    this.#alphabet = alphabet;
  }

  /** The symbols that the next bytes of the text complete. @throws UsageError as `Alphabet.encode`. */
  push(piece: Uint8Array): Uint16Array {
    const bytes = this.#rest.length > 0 ? concatBytes([this.#rest, piece]) : piece;
    return this.#encode(bytes, bytes.length - this.#alphabet.maxTokenBytes + 1);
  }

  /** Ends the text and returns its last symbols. */
  finish(): Uint16Array {
    return this.#encode(this.#rest, this.#rest.length);
  }

  /** The tokens that start before `until`; keeps the bytes from where the next one starts. */
  #encode(bytes: Uint8Array, until: number): Uint16Array {
    const { escapeSymbol } = this.#alphabet;
    let symbols: Uint16Array = new Uint16Array(Math.max(until, 0) + 2);
    let count = 0;
    let at = 0;
    while (at < until) {
      const symbol = this.#alphabet.match(bytes, at, bytes.length);
      if (count + 3 > symbols.length) symbols = doubled(symbols);
      if (symbol >= 0) {
        symbols[count++] = symbol;
        at += this.#alphabet.tokenBytes(symbol);
        continue;
      }
      const byte = bytes[at];
      if (escapeSymbol < 0) throw this.#unencodable(byte, this.#consumed + at);
      symbols[count++] = escapeSymbol;
      symbols[count++] = byte >> 4;
      symbols[count++] = byte & 15;
      at++;
    }
    this.#consumed += at;
    this.#rest = bytes.slice(at);
    return symbols.subarray(0, count);
  }

  #unencodable(byte: number, at: number): UsageError {
    return new UsageError(
      `Cannot encode the text: at byte ${at}, found the value ${byte} but this alphabet has the bytes 0 to ${this.#alphabet.size - 1} only; remove it or train with an alphabet that has it.`,
    );
  }
}

function doubled(symbols: Uint16Array): Uint16Array {
  const larger = new Uint16Array(symbols.length * 2);
  larger.set(symbols);
  return larger;
}

const NOTHING = new Uint8Array(0);

/** Turns symbols into bytes; keeps the state of an escape between calls. */
export class Decoder {
  readonly #alphabet: Alphabet;
  /** Halves of an escaped byte still to come: 0 outside an escape, then 2, 1. */
  #halves = 0;
  #high = 0;

  constructor(alphabet: Alphabet) {
    this.#alphabet = alphabet;
  }

  /** Whether an escape has begun and its byte is not complete. */
  get insideEscape(): boolean {
    return this.#halves > 0;
  }

  /**
   * Bytes that `symbol` completes: none for an escape and its first half. The result must not be written to.
   * @throws RangeError when `symbol` is not in 0..V-1.
   */
  push(symbol: number): Uint8Array {
    const { size, tokens, escapeSymbol } = this.#alphabet;
    if (!(symbol >= 0 && symbol < size)) throw new RangeError(`symbol ${symbol} is not in 0..${size - 1}`);
    if (this.#halves === 2) {
      this.#halves = 1;
      this.#high = symbol & 15;
      return NOTHING;
    }
    if (this.#halves === 1) {
      this.#halves = 0;
      return Uint8Array.of((this.#high << 4) | (symbol & 15));
    }
    if (symbol === escapeSymbol) {
      this.#halves = 2;
      return NOTHING;
    }
    return tokens ? tokens[symbol] : Uint8Array.of(symbol);
  }
}

function checkTokens(tokens: readonly Uint8Array[]): void {
  const fail = (found: string, expected: string) =>
    new FailureError(`Cannot use the token table: ${found}, expected ${expected}.`);
  if (tokens.length < 2 || tokens.length > MAX_SYMBOLS) {
    throw fail(`it has ${tokens.length} tokens`, `2 to ${MAX_SYMBOLS}`);
  }
  const single = new Set(tokens.filter((token) => token.length === 1).map((token) => token[0]));
  tokens.forEach((token, index) => {
    if (token.length > MAX_TOKEN_BYTES) {
      throw fail(`token ${index} has ${token.length} bytes`, `at most ${MAX_TOKEN_BYTES}`);
    }
  });
  const escapes = tokens.filter((token) => token.length === 0).length;
  if (escapes > 1) throw fail(`${escapes} tokens are empty`, "at most one (the escape)");
  if (escapes === 0) {
    for (let byte = 0; byte < 256; byte++) {
      if (single.has(byte)) continue;
      throw fail(`byte ${byte} has no token and there is no escape`, "an empty token (the escape) or all 256 bytes");
    }
  } else if (tokens.length < MIN_SYMBOLS_WITH_ESCAPE) {
    throw fail(`it has an escape and ${tokens.length} tokens`, `at least ${MIN_SYMBOLS_WITH_ESCAPE} with an escape`);
  }
}

function tokenFromBase64(text: unknown, index: number): Uint8Array {
  try {
    const token = bytesOfBinary(atob(text as string));
    if (btoa(toBinary(token)) === text) return token;
  } catch {
    // Told below.
  }
  throw new FailureError(`Cannot read the alphabet: token ${index} is not base64.`);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
