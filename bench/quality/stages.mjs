// What to train next, given what is known: shapes are chosen at one learning rate, rates at the best shape, both by the
// validation text and with one seed; then ours, the best rivals and, in some tiers, all others get more. The test text decides nothing.
import { mean } from "./statistics.mjs";

const isSame = (a, b) => a.tier === b.tier && a.budget === b.budget && a.contextBytes === b.contextBytes;

/** Whether shapes and rates are chosen at a setting. */
export const isTuning = ({ tuning }, { budget, contextBytes }) =>
  budget === tuning.budget && contextBytes === tuning.contextBytes;

/** A row's validation; what diverged, or ended in weights that have no export, is worse than everything. */
const validationOf = (row) => row.validationBpb ?? Number.POSITIVE_INFINITY;

/** Whether a model is judged against the rivals. */
const isOurs = (plan, { name }) => [plan.ours, plan.lessRam].includes(name);
/** Whether it is one of those that ours are judged against. */
export const isRival = (plan, model) => !isOurs(plan, model) && !model.isVariant;

/**
 * @param jobOf see jobs.mjs
 * @param rowOf the row of a job, or undefined while it has none
 * @param filter {tiers, budgets, contexts, models}: names; an empty list lets all through
 */
export function createStages(plan, { jobOf, rowOf, filter = {} }) {
  const passes = (key, value) => !filter[key]?.length || filter[key].includes(value);
  const chosenModels = plan.models.filter(({ name }) => passes("models", name));
  const isAlwaysCarried = (model) => isOurs(plan, model) || model.isCarried;
  const [tuningSeed] = plan.seeds;
  const [leastRate, greatestRate] = plan.rateLimits;

  /** The job with the least validation; undefined until all are known. */
  function leastOf(jobs) {
    if (!jobs.every(rowOf)) return undefined;
    return jobs.reduce((best, job) => (validationOf(rowOf(job)) < validationOf(rowOf(best)) ? job : best));
  }

  /** Adds rates beyond an end of the list while the best is there. */
  function rateSearch(model, jobAt) {
    const rates = [...model.learningRates];
    for (;;) {
      const jobs = rates.map(jobAt);
      const best = leastOf(jobs);
      if (!best || model.hasFixedRate) return { jobs, best };
      const [lowest, highest] = [rates[0], rates[rates.length - 1]];
      if (best.learningRate === lowest && lowest / 2 >= leastRate) rates.unshift(lowest / 2);
      else if (best.learningRate === highest && highest * 2 <= greatestRate) rates.push(highest * 2);
      else return { jobs, best };
    }
  }

  /** Shape, then rate. */
  function tuned(model, setting) {
    const jobAt = (shape, learningRate) => jobOf({ model, shape, setting, learningRate, seed: tuningSeed });
    const middle = model.learningRates[model.learningRates.length >> 1];
    const first = (model.shapes[setting.tier] ?? []).map((shape) => jobAt(shape, middle)).filter((job) => job);
    if (first.length === 0) return { jobs: [], best: undefined, isComplete: true };
    const winner = leastOf(first);
    if (!winner) return { jobs: first, best: undefined, isComplete: false };
    const { jobs, best } = rateSearch(model, (rate) => jobAt(winner.shape, rate));
    return { jobs: [...new Set([...first, ...jobs])], best, isComplete: best !== undefined };
  }

  const tuningSetting = ({ tier }) => ({ tier, texts: "stories", ...plan.tuning });

  /** The shape and the rate of the tuning, and half the rate while that is better; where the plan says so, ours keeps its rate. */
  function carried(model, setting) {
    const origin = tuned(model, tuningSetting(setting));
    if (!origin.best) return origin;
    const { shape, learningRate } = origin.best;
    const jobAt = (rate) => jobOf({ model, shape, setting, learningRate: rate, seed: tuningSeed });
    const first = jobAt(learningRate);
    if (!first) return { jobs: [], best: undefined, isComplete: true };
    const isFixed = model.hasFixedRate || (setting.oursKeepsRate && isOurs(plan, model));
    const { jobs, best } = isFixed ? { jobs: [first], best: leastOf([first]) } : falling(learningRate, jobAt);
    return { jobs, best, isComplete: best !== undefined };
  }

  /** A rate and half of it, and on down while the lowest is the best. */
  function falling(learningRate, jobAt) {
    const rates = [learningRate, learningRate / 2];
    for (;;) {
      const jobs = rates.map(jobAt);
      const best = leastOf(jobs);
      const lowest = rates[rates.length - 1];
      if (best?.learningRate !== lowest || lowest / 2 < leastRate) return { jobs, best };
      rates.push(lowest / 2);
    }
  }

  const search = (model, setting) => (isTuning(plan, setting) ? tuned : carried)(model, setting);

  /** Searches with a result, the least validation first. */
  const ranked = (searches) =>
    searches.filter(({ best }) => best).sort((a, b) => validationOf(rowOf(a.best)) - validationOf(rowOf(b.best)));

  /** The models of a setting: all where rates are tuned, elsewhere ours, variants that go with it and the rivals that were best there. */
  function entrants(setting) {
    if (isTuning(plan, setting)) return { models: chosenModels, waiting: [] };
    const searches = chosenModels.map((model) => ({ model, ...tuned(model, tuningSetting(setting)) }));
    const waiting = searches.filter(({ isComplete }) => !isComplete).flatMap(({ jobs }) => jobs);
    const always = chosenModels.filter(isAlwaysCarried);
    if (waiting.length > 0) return { models: always, waiting };
    const rivals = ranked(searches.filter(({ model }) => isRival(plan, model))).slice(0, plan.carriedRivals);
    return { models: [...always, ...rivals.map(({ model }) => model)], waiting };
  }

  const seedsOf = (setting) =>
    setting.texts === "stories" && isSame(setting, plan.headline) ? plan.headline.seeds : plan.seeds;
  const withSeeds = ({ best }, setting, seeds = seedsOf(setting)) =>
    seeds.map((seed) => jobOf({ ...best, setting, seed }));

  /** [job, whether it is to be measured on the test text] of a setting. */
  function tasksOf(setting) {
    const { models, waiting } = entrants(setting);
    const searches = models.map((model) => ({ model, ...search(model, setting) }));
    const isComplete = waiting.length === 0 && searches.every((found) => found.isComplete);
    const rivals = ranked(searches.filter(({ model }) => isRival(plan, model)));
    const finalistCount = isTuning(plan, setting) ? plan.finalists : plan.carriedFinalists;
    const finalists = isComplete ? rivals.slice(0, finalistCount) : [];
    const ours = searches.filter(({ model, best, isComplete }) => isOurs(plan, model) && best && isComplete);
    // The sides of the tables about recall: ours without it, and the best of those that were given it.
    const bare = searches.filter(({ model, isComplete }) => model.name === plan.withoutRecall && isComplete);
    const given = isComplete ? searches.filter(({ model }) => model.isGivenRecall) : [];
    const held = [...ranked(bare), ...ranked(given).slice(0, 1)];
    const isSeeded = isTuning(plan, setting) && plan.seededTiers.includes(setting.tier);
    const untested = [...waiting, ...searches.flatMap(({ jobs }) => jobs)];
    const tested = [
      ...searches
        .filter(({ best }) => best)
        .flatMap((found) => withSeeds(found, setting, isSeeded ? plan.seeds : [tuningSeed])),
      ...[...ours, ...finalists].flatMap((found) => withSeeds(found, setting)),
      ...held.flatMap((found) => withSeeds(found, setting, plan.seeds)),
    ];
    return [...untested.map((job) => ({ job, isTested: false })), ...tested.map((job) => ({ job, isTested: true }))];
  }

  const splitSetting = { ...plan.split, texts: "split" };
  const isChosenSetting = ({ tier, budget, contextBytes }) =>
    passes("tiers", tier) && passes("budgets", budget) && passes("contexts", contextBytes);

  /** The split of one text: nothing is chosen there. */
  function splitTasks() {
    if (!isChosenSetting(splitSetting)) return [];
    return chosenModels
      .filter(({ name }) => plan.split.models.includes(name))
      .flatMap((model) => {
        const origin = tuned(model, tuningSetting(splitSetting));
        if (!origin.best) return origin.jobs.map((job) => ({ job, isTested: false }));
        return withSeeds(origin, splitSetting).map((job) => ({ job, isTested: true }));
      });
  }

  /** Every task that is known to be needed, each job once. */
  function wanted() {
    const tasks = [...plan.settings.filter(isChosenSetting).flatMap(tasksOf), ...splitTasks()];
    const bySha256 = new Map();
    for (const { job, isTested } of tasks) {
      if (!job) continue;
      const before = bySha256.get(job.sha256);
      bySha256.set(job.sha256, { job, isTested: isTested || (before?.isTested ?? false) });
    }
    return [...bySha256.values()];
  }

  /** What is left to do: not known yet, or known without the test that it needs. */
  const pending = () =>
    wanted().filter(({ job, isTested }) => {
      const row = rowOf(job);
      return !row || (isTested && row.testBpb === undefined && !row.failed);
    });

  return { wanted, pending };
}

/**
 * The rows that stand for a model in a setting: of the shapes and rates with enough tested seeds, or with the most when none has
 * enough, those of the least mean validation, by seed. One seed that did well by chance would choose a worse shape or rate.
 *
 * @param rows of one model and setting
 * @param enough number of seeds
 */
export function chosenRows(rows, enough) {
  const groups = new Map();
  for (const row of rows.filter(({ testBpb }) => testBpb !== undefined)) {
    const key = `${row.shape} ${row.learningRate}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const most = Math.max(...[...groups.values()].map((group) => group.length));
  const candidates = [...groups.values()].filter((group) => group.length >= Math.min(most, enough));
  return leastMeanValidation(candidates)?.sort((a, b) => a.seed - b.seed) ?? [];
}

/** The list of rows with the least mean validation; undefined of none. */
function leastMeanValidation(lists) {
  const scoreOf = (rows) => mean(rows.map(validationOf));
  return lists.reduce((best, rows) => (best && scoreOf(best) <= scoreOf(rows) ? best : rows), undefined);
}

/**
 * The best rival: the one with the least mean validation over its seeds; undefined when there is none.
 *
 * @param groups {rows: chosen rows} per rival
 */
export function bestRival(groups) {
  const best = leastMeanValidation(groups.map(({ rows }) => rows).filter((rows) => rows.length > 0));
  return groups.find(({ rows }) => rows === best);
}
