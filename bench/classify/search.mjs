// The choice of a rival's settings: one axis after the other, each held at what was best before.

/** Every combination of an axis's values: {rate: [1, 2], decay: [0]} gives {rate: 1, decay: 0} and {rate: 2, decay: 0}. */
export const combinations = (axis) =>
  Object.entries(axis).reduce(
    (all, [key, values]) => all.flatMap((before) => values.map((value) => ({ ...before, [key]: value }))),
    [{}],
  );

/**
 * Whether an outcome is the better one on the validation part: by its score; among equals by how well it tells examples of none of
 * the classes, where there are such; then by the nats.
 */
export function isBetter({ validation: a }, { validation: b }) {
  if (a.score !== b.score) return a.score > b.score;
  if (a.none !== b.none) return a.none > b.none;
  return a.nats < b.nats;
}

/**
 * Goes through the axes, `passes` times over all.
 *
 * @param outcomeOf trains a configuration, or knows its outcome
 * @returns the best configuration by the validation part
 */
export function tune({ start, axes, passes }, outcomeOf) {
  let best = { config: start, outcome: outcomeOf(start) };
  for (let pass = 0; pass < passes; pass++) {
    for (const axis of axes) {
      const held = best.config;
      for (const choice of combinations(axis)) {
        const config = { ...held, ...choice };
        const outcome = outcomeOf(config);
        if (isBetter(outcome, best.outcome)) best = { config, outcome };
      }
    }
  }
  return best.config;
}
