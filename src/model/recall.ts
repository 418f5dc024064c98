import { RECALL_KINDS, RECALL_LENGTHS } from "./config.js";

const LONGEST_MATCH = RECALL_LENGTHS - 1;

/** The symbols just read, and the logits of what followed matches of them: ARCHITECTURE.md, "Recall". */
export class Recall {
  readonly #window: number;
  readonly #forget: number | undefined;
  readonly #bonus: Float64Array;
  readonly #pull: Float64Array;
  readonly #own: Float64Array | undefined;
  /** Newest first; a match is how many symbols before a place equal the newest ones. */
  readonly #symbols: number[] = [];
  readonly #matches: number[] = [];

  /**
   * @param forget the symbol that empties the memory
   * @param bonus in nats, index RECALL_KINDS * match + kind; `pull` likewise, used within 0..1
   * @param own in nats, what each symbol adds besides: a row without a match, a row with one; nothing when left out
   */
  constructor(
    window: number,
    forget: number | undefined,
    { bonus, pull, own }: { bonus: ArrayLike<number>; pull: ArrayLike<number>; own?: Float64Array | undefined },
  ) {
    this.#window = window;
    this.#forget = forget;
    this.#bonus = Float64Array.from(bonus);
    this.#pull = Float64Array.from(pull, (value) => Math.min(Math.max(value, 0), 1));
    this.#own = own;
  }

  reset(): void {
    this.#symbols.length = 0;
    this.#matches.length = 0;
  }

  read(symbol: number): void {
    if (symbol === this.#forget) {
      this.reset();
      return;
    }
    const symbols = this.#symbols;
    const matches = this.#matches;
    // What stood before the place that is i-th from now on is what is i-th now.
    symbols.forEach((before, i) => {
      matches[i] = before === symbol ? Math.min(matches[i] + 1, LONGEST_MATCH) : 0;
    });
    symbols.unshift(symbol);
    matches.push(0);
    symbols.length = matches.length = Math.min(symbols.length, this.#window);
  }

  /** Changes the logits, in nats, of the symbols remembered. `gates`: of those without and with a match. */
  change(logits: Float64Array, gates: ArrayLike<number>): void {
    if (this.#symbols.length === 0) return;
    const all = new Count();
    const counts = new Map<number, Count>();
    this.#symbols.forEach((symbol, i) => {
      const count = counts.get(symbol) ?? new Count();
      counts.set(symbol, count);
      for (const counted of [count, all]) counted.add(this.#matches[i]);
    });
    const top = logits.reduce((a, b) => Math.max(a, b));
    for (const [symbol, count] of counts) {
      const index = RECALL_KINDS * count.longest + kindOf(count, all);
      const row = count.longest === 0 ? 0 : 1;
      const raised = this.#bonus[index] + this.#pull[index] * (top - logits[symbol]);
      logits[symbol] += raised + gates[row] + (this.#own?.[row * logits.length + symbol] ?? 0);
    }
  }
}

/** The longest match of some places, and how many have it. */
class Count {
  longest = 0;
  places = 0;

  add(match: number): void {
    if (match > this.longest) [this.longest, this.places] = [match, 0];
    if (match === this.longest) this.places++;
  }
}

/** 0: there are longer matches; 1: a minority; 2: the only place; 3: the majority. */
function kindOf(own: Count, all: Count): number {
  if (own.longest < all.longest) return 0;
  if (2 * own.places <= all.places) return 1;
  return own.places === 1 ? 2 : 3;
}
