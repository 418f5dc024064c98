/** A model that trains in a moment, for tests. @param train what its training has besides two windows of 16 symbols */
export const tinyConfig = (train: Record<string, unknown>) => ({
  block: "gated",
  dModel: 8,
  dInner: 16,
  nLayers: 1,
  alphabet: { kind: "map" },
  train: { batch: 2, context: 16, ...train },
});

/** A text with something to learn and no line twice in a thousand. */
export const tinyText = (lines: number): string =>
  Array.from({ length: lines }, (_, i) => `line ${(i * 7919) % 1000} of the text\n`).join("");
