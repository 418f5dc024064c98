// RESULTS.md's tables of the comparison, and what results.json says of each tier, from the rows alone.
import { markdownTable } from "../shared/results.mjs";
import { filledLabel, settingKey } from "./jobs.mjs";
import { bestRival, chosenRows, isRival, isTuning } from "./stages.mjs";
import { interval95, mean, pairedByBlock, pairedBySeed, standardDeviation } from "./statistics.mjs";

const bpb = (value) => (value === undefined ? "-" : value.toFixed(4));
const signed = (value) => `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(4)}`;
const grouped = (value) => value.toLocaleString("en-US");
const interval = ({ low, high }) => (low === undefined ? "none (one seed)" : `${signed(low)} to ${signed(high)}`);
const bitsOf = (rows) => mean(rows.map(({ testBpb }) => testBpb));

/** Per model of the plan, the rows of a setting that stand for it. */
function groupsOf(plan, rows, setting) {
  const here = rows.filter((row) => settingKey(row) === settingKey(setting));
  return plan.models
    .map((model) => {
      const own = here.filter((row) => row.model === model.name);
      const chosen = chosenRows(own, plan.seeds.length);
      const isLike = ({ shape, learningRate }) => shape === chosen[0]?.shape && learningRate === chosen[0].learningRate;
      return { model, rows: chosen, failedCount: own.filter((row) => row.failed && isLike(row)).length };
    })
    .filter((group) => group.rows.length > 0);
}

/**
 * Ours against the best rival of a setting; undefined while one of them is not measured.
 *
 * @param name which of ours
 * @param isAgainst whether a model is one that it is held against
 * @returns {ours, rival: groups, difference: by seed, blocks: by block of the test text}, negative where ours needs fewer bits
 */
export function duel(plan, rows, setting, name = plan.ours, isAgainst = (model) => isRival(plan, model)) {
  const groups = groupsOf(plan, rows, setting);
  const ours = groups.find(({ model }) => model.name === name);
  const rivals = groups.filter(({ model }) => isAgainst(model));
  const rivalCount = rivals.length;
  const rival = bestRival(rivals);
  if (!ours || !rival) return undefined;
  const bySeed = pairedBySeed(ours.rows, rival.rows);
  if (bySeed.length === 0) return undefined;
  // Means and differences are over the same seeds.
  const shared = (group, other) => ({
    ...group,
    rows: group.rows.filter(({ seed }) => other.rows.some((row) => row.seed === seed)),
  });
  const pair = { ours: shared(ours, rival), rival: shared(rival, ours) };
  const byBlock = pairedByBlock(pair.ours.rows, pair.rival.rows);
  return { ...pair, rivalCount, difference: interval95(bySeed), blocks: interval95(byBlock) };
}

const trainingTitle = ({ steps, contextBytes }) => `${grouped(steps)} steps, context of ${grouped(contextBytes)} bytes`;
const settingTitle = (flashBytes, training) => `${grouped(flashBytes)} bytes of flash, ${trainingTitle(training)}`;

const modelRow = ({ model, rows, failedCount }) => [
  ...[
    model.title,
    filledLabel(model, rows[0].shape, rows[0]),
    rows[0].flashBytes,
    rows[0].ramBytes,
    `${rows[0].learningRate}`,
  ],
  ...[
    failedCount ? `${rows.length}, ${failedCount} failed` : rows.length,
    bpb(bitsOf(rows)),
    bpb(standardDeviation(rows.map(({ testBpb }) => testBpb))),
  ],
  bpb(mean(rows.map(({ validationBpb }) => validationBpb))),
];

const countOf = (count, noun) => `${count} ${noun}${count === 1 ? "" : "s"}`;

function verdict(subject, { ours, rival, rivalCount, difference, blocks }) {
  const rivalBits = bitsOf(rival.rows);
  const percent = (Math.abs(difference.mean) / rivalBits) * 100;
  const outcome = difference.mean < 0 ? "fewer" : "more";
  return (
    `${subject} needs ${percent.toFixed(1)} % ${outcome} bits than the best by validation of ${countOf(rivalCount, "rival")}, ${rival.model.title} ` +
    `(${bpb(bitsOf(ours.rows))} against ${bpb(rivalBits)}): difference ${signed(difference.mean)}, 95 % interval over ` +
    `${countOf(difference.count, "paired seed")} ${interval(difference)}, over ${blocks.count} blocks of the text ${interval(blocks)}.`
  );
}

function settingSection(plan, rows, setting) {
  const groups = groupsOf(plan, rows, setting).sort((a, b) => bitsOf(a.rows) - bitsOf(b.rows));
  if (groups.length === 0) return [];
  const columns = [
    "model",
    "shape",
    "flash bytes",
    "RAM bytes",
    "rate",
    "seeds",
    "bits per byte",
    "deviation",
    "validation",
  ];
  const table = markdownTable(columns, groups.map(modelRow));
  const verdicts = [
    { subject: "Ours", found: duel(plan, rows, setting) },
    { subject: "Ours with less RAM", found: duel(plan, rows, setting, plan.lessRam) },
  ].flatMap(({ subject, found }) => (found ? [verdict(subject, found)] : []));
  return [[`### ${settingTitle(plan.tiers[setting.tier], groups[0].rows[0])}`, table, ...verdicts].join("\n\n")];
}

/** Validation of every shape and rate that was tried with the first seed. */
function tuningSection(plan, rows, tier) {
  const setting = { tier, texts: "stories", ...plan.tuning };
  const tried = rows.filter((row) => settingKey(row) === settingKey(setting) && row.seed === plan.seeds[0]);
  if (tried.length === 0) return [];
  const rates = [...new Set(tried.map(({ learningRate }) => learningRate))].sort((a, b) => a - b);
  const lines = plan.models.flatMap((model) => {
    const own = tried.filter((row) => row.model === model.name);
    return [...new Set(own.map(({ shape }) => shape))].map((shape) => [
      ...[
        model.title,
        filledLabel(
          model,
          shape,
          own.find((row) => row.shape === shape),
        ),
      ],
      ...rates.map((rate) => {
        const row = own.find((candidate) => candidate.shape === shape && candidate.learningRate === rate);
        return row?.failed ?? bpb(row?.validationBpb);
      }),
    ]);
  });
  const table = markdownTable(["model", "shape", ...rates.map(String)], lines);
  return [
    `### Learning rates at ${grouped(plan.tiers[tier])} bytes: bits per byte of the validation text, seed ${plan.seeds[0]}\n\n${table}`,
  ];
}

/** A line per setting that has a duel, begun by cells of its own. @param name which of ours @param isAgainst see duel() */
function duelsTable(plan, rows, settings, columns, cellsOf, name, isAgainst) {
  const lines = settings.flatMap((setting) => {
    const found = duel(plan, rows, setting, name, isAgainst);
    if (!found) return [];
    const { ours, rival, difference, blocks } = found;
    const percent = (difference.mean / bitsOf(rival.rows)) * 100;
    return [
      [
        ...cellsOf(setting, ours.rows[0]),
        ...[bpb(bitsOf(ours.rows)), ours.rows[0].ramBytes],
        ...[rival.model.title, bpb(bitsOf(rival.rows)), rival.rows[0].ramBytes],
        ...[`${percent < 0 ? "-" : "+"}${Math.abs(percent).toFixed(1)} %`, signed(difference.mean)],
        ...[difference.count, interval(difference), interval(blocks)],
      ],
    ];
  });
  const all = [
    ...[...columns, "ours", "RAM", "best rival", "bits per byte", "RAM", "relative", "difference"],
    ...["seeds", "95 % interval over seeds", "over blocks of the text"],
  ];
  return lines.length < 2 ? undefined : markdownTable(all, lines);
}

/** Ours and the best rival over tiers and budgets; then the one of ours that has less RAM. */
function summarySection(plan, rows) {
  const settings = plan.settings.filter(({ contextBytes }) => contextBytes === plan.tuning.contextBytes);
  const cellsOf = ({ tier }, { steps }) => [plan.tiers[tier], steps];
  const tableOf = (name) => duelsTable(plan, rows, settings, ["flash", "steps"], cellsOf, name);
  const [table, lessRam] = [plan.ours, plan.lessRam].map(tableOf);
  return [
    ...(table ? [table] : []),
    ...(lessRam ? [`With less RAM, at most half of the best rival's:\n\n${lessRam}`] : []),
  ];
}

/** Recall on both sides, and on neither, where rates are tuned. */
function recallSection(plan, rows) {
  const { budget, contextBytes } = plan.tuning;
  const training = trainingTitle({ steps: plan.budgets[budget], contextBytes });
  const settings = plan.settings.filter((setting) => isTuning(plan, setting));
  const tableOf = (...which) => duelsTable(plan, rows, settings, ["flash"], ({ tier }) => [plan.tiers[tier]], ...which);
  const both = tableOf(plan.ours, (model) => model.isGivenRecall);
  const neither = tableOf(plan.withoutRecall);
  return [
    ...(both ? [`With recall on both sides, the rivals' with our gates, ${training}:\n\n${both}`] : []),
    ...(neither ? [`Without recall on either side:\n\n${neither}`] : []),
  ];
}

/** Ours and the best rival over the contexts. */
function contextSection(plan, rows) {
  const { tier, budget } = plan.headline;
  const settings = plan.settings
    .filter((setting) => setting.tier === tier && setting.budget === budget)
    .sort((a, b) => a.contextBytes - b.contextBytes);
  const table = duelsTable(plan, rows, settings, ["context bytes"], ({ contextBytes }) => [contextBytes]);
  return table ? [`### Contexts at ${grouped(plan.tiers[tier])} bytes\n\n${table}`] : [];
}

/** Nothing is chosen on the split text: the rows of a model are those of the shape and rate that its tuning chose. */
function splitGroups(plan, rows) {
  const { tier } = plan.split;
  const tuned = groupsOf(plan, rows, { tier, texts: "stories", ...plan.tuning });
  const isChosen = (row) => {
    const chosen = tuned.find(({ model }) => model.name === row.model)?.rows[0];
    return chosen?.shape === row.shape && chosen.learningRate === row.learningRate;
  };
  return groupsOf(plan, rows.filter(isChosen), { ...plan.split, texts: "split" });
}

function splitSection(plan, rows) {
  const groups = splitGroups(plan, rows);
  if (groups.length === 0) return [];
  const lines = groups.map(({ model, rows: own }) => [
    ...[model.title, own[0].flashBytes, `${own[0].learningRate}`, own.length],
    ...[bpb(bitsOf(own)), (2 ** bitsOf(own)).toFixed(3)],
  ]);
  const columns = ["model", "flash bytes", "rate", "seeds", "bits per byte", "perplexity per byte"];
  return [
    `### One small text, split 90/10\n\nv2-valid-256k alone: trained on its first nine tenths, ${grouped(groups[0].rows[0].steps)} steps of 16 windows of 64 bytes of text, measured on the
last tenth by the integer engine; shapes and rates are those chosen above.\n\n${markdownTable(columns, lines)}`,
  ];
}

/** What of the plan has no row: models where rates are tuned and on the split text, whole settings elsewhere. */
function missingSection(plan, rows) {
  const lines = plan.settings.flatMap((setting) => {
    const { contextBytes, budget, tier } = setting;
    const there = groupsOf(plan, rows, setting).map(({ model }) => model);
    const left = isTuning(plan, setting)
      ? plan.models.filter((model) => model.shapes[tier] && !there.includes(model))
      : [];
    const what = there.length === 0 ? "everything" : left.map(({ title }) => title).join("; ");
    return what ? [`- ${settingTitle(plan.tiers[tier], { steps: plan.budgets[budget], contextBytes })}: ${what}`] : [];
  });
  const split = splitGroups(plan, rows).map(({ model }) => model.name);
  const unsplit = plan.models.filter(({ name }) => plan.split.models.includes(name) && !split.includes(name));
  if (unsplit.length > 0) lines.push(`- one small text, split 90/10: ${unsplit.map(({ title }) => title).join("; ")}`);
  return lines.length > 0 ? [`Of what the plan names, this is not measured:\n\n${lines.join("\n")}`] : [];
}

const introduction = `Trained on TinyStories (v1-train-2mib and v2-train-10klines), measured on v2-valid-256k, all of it: bits per byte of the original text; lower is better.
Every model of a table reads the same text, as many bytes of it in a step.

- **The test text decided nothing.** Shapes and learning rates were searched with one seed on the validation text, the last 5 % of the training text. Other budgets and
  contexts try the tuned rate, and half of it while that is better; ours at 262,144 bytes and 30,000 steps, an hour a run, the tuned one alone.
- **Ours is measured as it runs on a chip**: the .atome file, its whole size, in the integer engine, as one stream. RAM is the whole arena.
- **Rivals are counted and measured in their favour**: weights quantised in training (QAT) or after it (PTQ), but activations in float; windows of the training context
  that overlap by half; flash as the same format would need it, without layer records, padding and metadata; RAM as keys and values of the context in 8 bits and three
  vectors, without scratch. The base block has an export and is measured like ours.
- **"Less RAM"**, at 20,480 bytes, is a second model of ours that remembers 192 symbols, is built with ATOME_TABLES=1 (the same bits, more instructions) and needs at most
  half of what the best rival needs with a context of 256 bytes.
- **Recall**: ours remembers the last 512 symbols (ARCHITECTURE.md, "Recall"), in training, too, where a window's memory holds what precedes it in the text. "Gates" say at every
  symbol how much recall counts, "symbol bonuses" which symbols come again once a text has had them.
- **Rows that are neither ours nor rivals** say what recall is worth: ours without it, and a rival that was given it, with the same memory and gates, without bonuses of
  symbols. Ours with 4-bit matrices and without gates is no part of a verdict either.
- **A row is the shape and rate with the least mean validation** among those with three seeds or, where none has three, the most; "seeds" says how many runs its mean is of. At
  20,480 and 65,536 bytes and 3,000 steps every model has three, at 20,480 ours and rivals that were among the two best while the search went on five; elsewhere ours,
  the best rival and the sides of the tables about recall have three, most others one.
- **"Undecayed vectors"**: the weight decay of the vectors is 0; **"gains from 0.3"**: that is where the gains of the layers' norms begin (ARCHITECTURE.md, "Comparing quality").

What was not tried everywhere:

- **Undecayed vectors**: by rivals in 4 bits and ternary ones, where shapes are tuned.
- **Small gains**: by rivals in 4 bits and ternary ones at 20,480 and 65,536 bytes; those that gained there gained less than 0.01 bits.
- **Wider shapes** at 20,480 bytes, in which ours gains: by rivals in 4 bits and ternary ones.
- **Muon**: by rivals in 8 bits and FP32 with the best shape or two without it.
- **Gates and bonuses of ours**: at 262,144 bytes and 3,000 steps with one rate, the one tuned without them; bonuses at other budgets and contexts where they stand in the
  table; at 30,000 steps with less RAM, and at 262,144 bytes with fewer seeds, they are no gain by validation (results.json has the runs).`;

/** The section's text. */
export function qualityText(plan, rows) {
  const tiers = Object.keys(plan.tiers);
  return [
    introduction,
    ...summarySection(plan, rows),
    ...recallSection(plan, rows),
    ...missingSection(plan, rows),
    ...plan.settings.flatMap((setting) => settingSection(plan, rows, setting)),
    ...contextSection(plan, rows),
    ...splitSection(plan, rows),
    ...tiers.flatMap((tier) => tuningSection(plan, rows, tier)),
  ].join("\n\n");
}

/** Ours against the best rival, per tier and budget at the context of the tuning. */
export function tierSummaries(plan, rows) {
  return plan.settings
    .filter(({ contextBytes }) => contextBytes === plan.tuning.contextBytes)
    .flatMap((setting) => {
      const found = duel(plan, rows, setting);
      if (!found) return [];
      const { ours, rival, difference, blocks } = found;
      return [
        {
          flashBytes: plan.tiers[setting.tier],
          steps: ours.rows[0].steps,
          oursBpb: bitsOf(ours.rows),
          bestRival: rival.model.name,
          bestRivalBpb: bitsOf(rival.rows),
          seeds: difference.count,
          difference: difference.mean,
          interval: difference.low === undefined ? null : [difference.low, difference.high],
          blockInterval: [blocks.low, blocks.high],
        },
      ];
    });
}
