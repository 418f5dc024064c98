/** Natural logarithms of probabilities: what `step` returns is turned into them. */
export interface Predictor {
  /** Takes a symbol and returns logits of what follows, valid until the next call. */
  step(symbol: number): ArrayLike<number>;
  /** What one unit of a logit is in nats: 1 for the reference model, ln 2 / 2048 for the integer engine. */
  natsPerUnit: number;
}

/** Unit of the integer engine's logits (SPEC.md section 3.2) in nats. */
export const ENGINE_NATS_PER_UNIT = Math.LN2 / 2048;

export interface LanguageScore {
  /** Bits per byte of the text. */
  bitsPerByte: number;
  /** 2^bitsPerByte. */
  perplexity: number;
  /** Mean cross-entropy per symbol. */
  natsPerSymbol: number;
  bytes: number;
  symbols: number;
}

/** How close an engine is to the model it was made from. */
export interface Fidelity {
  reference: LanguageScore;
  engine: LanguageScore;
  /** bitsPerByte of the engine over that of the reference, minus 1. */
  bitsPerByteRatio: number;
  /** Mean Kullback-Leibler divergence of the engine's distribution from the reference's, nats per symbol. */
  klNatsPerSymbol: number;
  /** Share of the predictions whose likeliest symbol is the same. */
  top1Agreement: number;
}

/**
 * Cross-entropy of a text that the model reads as one stream. Nothing precedes the first symbol: it costs ln V nats.
 *
 * @param symbols of the whole text, at least one
 * @param bytes length of the text
 * @param onProgress called after each prediction with the number of symbols predicted, and what they and the first one cost
 */
export function scoreText(
  predictor: Predictor,
  symbols: Uint16Array,
  bytes: number,
  onProgress: (done: number, nats: number) => void = () => {},
): LanguageScore {
  let nats = 0;
  for (let t = 0; t + 1 < symbols.length; t++) {
    const logits = predictor.step(symbols[t]);
    if (t === 0) nats += Math.log(logits.length);
    nats += surprise(logits, symbols[t + 1], predictor.natsPerUnit);
    onProgress(t + 1, nats);
  }
  if (symbols.length === 1) nats = Math.log(predictor.step(symbols[0]).length);
  return scoreOf(nats, symbols.length, bytes);
}

/** Scores a text with two predictors at once and compares their distributions. */
export function compareOnText(
  reference: Predictor,
  engine: Predictor,
  symbols: Uint16Array,
  bytes: number,
  onProgress: (done: number) => void = () => {},
): Fidelity {
  const nats = { reference: 0, engine: 0 };
  let divergence = 0;
  let agreed = 0;
  const predictions = symbols.length - 1;
  for (let t = 0; t < predictions; t++) {
    const p = logProbabilities(reference.step(symbols[t]), reference.natsPerUnit);
    const q = logProbabilities(engine.step(symbols[t]), engine.natsPerUnit);
    const first = t === 0 ? Math.log(p.length) : 0;
    nats.reference += first - p[symbols[t + 1]];
    nats.engine += first - q[symbols[t + 1]];
    for (let i = 0; i < p.length; i++) divergence += Math.exp(p[i]) * (p[i] - q[i]);
    if (likeliest(p) === likeliest(q)) agreed++;
    onProgress(t + 1);
  }
  const score = {
    reference: scoreOf(nats.reference, symbols.length, bytes),
    engine: scoreOf(nats.engine, symbols.length, bytes),
  };
  return {
    ...score,
    bitsPerByteRatio: score.engine.bitsPerByte / score.reference.bitsPerByte - 1,
    klNatsPerSymbol: divergence / predictions,
    top1Agreement: agreed / predictions,
  };
}

function scoreOf(nats: number, symbols: number, bytes: number): LanguageScore {
  const bitsPerByte = nats / Math.LN2 / bytes;
  return { bitsPerByte, perplexity: 2 ** bitsPerByte, natsPerSymbol: nats / symbols, bytes, symbols };
}

/** -ln of the softmax of `logits` at `target`. */
function surprise(logits: ArrayLike<number>, target: number, unit: number): number {
  return logOfSum(logits, unit) - logits[target] * unit;
}

function logProbabilities(logits: ArrayLike<number>, unit: number): Float64Array {
  const total = logOfSum(logits, unit);
  return Float64Array.from(logits, (logit) => logit * unit - total);
}

/** ln of the sum of exp(logit * unit). */
function logOfSum(logits: ArrayLike<number>, unit: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) largest = Math.max(largest, logits[i]);
  let sum = 0;
  for (let i = 0; i < logits.length; i++) sum += Math.exp((logits[i] - largest) * unit);
  return largest * unit + Math.log(sum);
}

function likeliest(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}
