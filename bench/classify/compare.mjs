// Trains what is compared on a set at a flash size: tunes the rivals, then trains the best setting of each with every seed.
import { seriesFigures, textChoice, textFigures } from "./figures.mjs";
import { OURS } from "./ours-plan.mjs";
import { isBetter, tune } from "./search.mjs";

/** What a setting is chosen by, and everything that is told of the chosen one. */
const figuresOf = {
  texts: {
    choice: (set, logitsOf) => ({
      validation: textChoice(set.parts.validation.labels, logitsOf("validation")),
      tests: {},
    }),
    all: textFigures,
  },
  series: { choice: seriesFigures, all: seriesFigures },
};

/** Loses against everything. */
const DOES_NOT_FIT = { validation: { score: -1e9, nats: 0 }, tests: {} };

function outcomeLabel({ label, validation, tests, seconds }) {
  const found = Object.values(tests).map(({ accuracy, score }) => (accuracy ?? score).toFixed(4));
  const tested = found.length > 0 ? `, test ${found.join(" ")}` : "";
  return `${label || "as it is"}: validation ${validation.score.toFixed(4)}${tested}${seconds === undefined ? "" : ` (${seconds} s)`}`;
}

/** What knows the outcome of a rival's setting, or trains it. */
function trainer({ name }, set, flashBytes, peer, { plan, outcomes, note }) {
  return (config, seed, figures) => {
    const job = { version: plan.version, set: name, flashBytes, peer: peer.name, config, seed, figures };
    return outcomes.of(job, () => {
      const before = performance.now();
      const fitted = peer.fit(set, flashBytes, config, seed);
      if (!fitted) return { ...DOES_NOT_FIT, label: peer.labelOf(config) };
      const { logitsOf, usedBytes, shape } = fitted;
      const found = figuresOf[set.kind][figures](set, logitsOf);
      const seconds = Math.round((performance.now() - before) / 100) / 10;
      const row = { ...found, usedBytes, shape, label: peer.labelOf(config), seconds };
      note(`${name} ${flashBytes ?? "unlimited"} ${peer.name} seed ${seed}, ${outcomeLabel(row)}`);
      return row;
    });
  };
}

/**
 * Tunes a rival and trains its best setting with every seed.
 *
 * @param entry of plan.sets
 * @param set what its `load` gave
 * @param options {plan, outcomes, note(line)}
 */
export function runRival(entry, set, flashBytes, peer, options) {
  const { tuning, passes } = entry;
  const { seeds } = options.plan;
  const outcomeOf = trainer(entry, set, flashBytes, peer, options);
  const search = { start: peer.start(tuning), axes: peer.axes(tuning), passes };
  const config = tune(search, (candidate) => outcomeOf(candidate, seeds[0], "choice"));
  for (const seed of peer.isRandom ? seeds : seeds.slice(0, 1)) outcomeOf(config, seed, "all");
}

/** Trains a rival once without a limit of flash, in full precision: does it reach what is known of its kind? */
export function runReference(entry, set, peer, options) {
  const start = peer.start(entry.tuning);
  trainer(entry, set, null, peer, options)(peer.reference(start), options.plan.seeds[0], "all");
}

/**
 * Trains our settings for a set and a flash size with the first seed, and the best by the validation part with all.
 *
 * @param options {plan, outcomes, note, train(set, config, seed, name of the run): an outcome}
 */
export async function runOurs(entry, set, flashBytes, { plan, outcomes, note, train }) {
  const outcomeOf = (config, seed) => {
    const job = { version: plan.version, set: entry.name, flashBytes, peer: OURS, config, seed, figures: "all" };
    return outcomes.ofAsync(job, async (sha256) => {
      const found = await train(set, config, seed, sha256);
      const row = {
        ...(found.usedBytes > flashBytes ? { ...found, ...DOES_NOT_FIT } : found),
        label: oursLabel(config),
      };
      note(`${entry.name} ${flashBytes} ${OURS} seed ${seed}, ${row.usedBytes} bytes, ${outcomeLabel(row)}`);
      return row;
    });
  };
  const settings = plan.ours[entry.name]?.[flashBytes] ?? [];
  let best;
  for (const config of settings) {
    const outcome = await outcomeOf(config, plan.seeds[0]);
    if (!best || isBetter(outcome, best.outcome)) best = { config, outcome };
  }
  const isFitting = best && best.outcome.usedBytes <= flashBytes;
  if (isFitting) for (const seed of plan.seeds) await outcomeOf(best.config, seed);
}

/** `d20 e32 L1, 1024 rows of n-grams, rate 0.01, 2000 steps` */
const oursLabel = ({ dModel, dInner, nLayers, ngrams, train }) =>
  [
    `d${dModel} e${dInner} L${nLayers}`,
    ...(ngrams ? [`${ngrams.buckets} rows of n-grams ${ngrams.orders.join(" ")}`] : []),
    ...[`rate ${train.learningRate}`, `${train.steps} steps`],
  ].join(", ");
