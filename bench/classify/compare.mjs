// Tunes the rivals of a set at a flash size, trains the best setting of each with every seed, and gives the outcomes.
import { seriesFigures, textFigures } from "./figures.mjs";
import { tune } from "./search.mjs";

const figuresOf = { texts: textFigures, series: seriesFigures };

/** Loses against everything. */
const DOES_NOT_FIT = { validation: { score: -1, nats: 0 }, tests: {} };

/**
 * @param entry of plan.sets
 * @param set what its `load` gave
 * @param options {plan, outcomes, note(line)}
 * @returns the outcomes of the chosen setting, by seed
 */
export function rivalOutcomes(entry, set, flashBytes, peer, { plan, outcomes, note }) {
  const outcomeOf = (config, seed) => {
    const job = { version: plan.version, set: entry.name, flashBytes, peer: peer.name, config, seed };
    return outcomes.of(job, () => {
      const before = performance.now();
      const fitted = peer.fit(set, flashBytes, config, seed);
      if (!fitted) return { ...DOES_NOT_FIT, label: peer.labelOf(config) };
      const { logits, usedBytes, shape } = fitted;
      const figures = figuresOf[set.kind](set, logits);
      const seconds = Math.round((performance.now() - before) / 100) / 10;
      const tests = Object.values(figures.tests).map(({ accuracy, score }) => (accuracy ?? score).toFixed(4));
      note(
        `${entry.name} ${flashBytes} ${peer.name} ${peer.labelOf(config)}, seed ${seed}: validation ${figures.validation.score.toFixed(4)}, test ${tests.join(" ")} (${seconds} s)`,
      );
      return { ...figures, usedBytes, shape, label: peer.labelOf(config), seconds };
    });
  };
  const { tuning, passes } = entry;
  const search = { start: peer.start(tuning), axes: peer.axes(tuning), passes };
  const config = tune(search, (candidate) => outcomeOf(candidate, plan.seeds[0]));
  const seeds = peer.isRandom ? plan.seeds : [plan.seeds[0]];
  return seeds.map((seed) => outcomeOf(config, seed));
}
