import type { Alphabet } from "./alphabet.js";

/** What becomes of a prompt: its bytes and its symbols. */
export class Prompt {
  /** The text in UTF-8. */
  readonly bytes: Uint8Array;
  readonly symbols: Uint16Array;
  /** Number of bytes spelled with the escape: three symbols each, and rarely seen in training. */
  readonly escapedBytes: number;

  /** @throws UsageError when the alphabet has no symbol for a byte */
  constructor(alphabet: Alphabet, text: string | Uint8Array) {
    this.bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    this.symbols = alphabet.encode(this.bytes);
    const decoder = alphabet.decoder();
    let escapedBytes = 0;
    for (const symbol of this.symbols) {
      const inside = decoder.insideEscape;
      if (decoder.push(symbol).length > 0 && inside) escapedBytes++;
    }
    this.escapedBytes = escapedBytes;
  }
}
