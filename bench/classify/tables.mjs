// RESULTS.md's tables of the comparison of classifiers, and what results.json says of each set, from the outcomes alone.
import { mean, standardDeviation } from "../quality/statistics.mjs";
import { markdownTable } from "../shared/results.mjs";
import { OURS } from "./ours-plan.mjs";
import { isBetter } from "./search.mjs";

const grouped = (value) => value.toLocaleString("en-US");
const percent = (values) => {
  const spread = standardDeviation(values);
  return `${(100 * mean(values)).toFixed(2)}${spread === undefined ? "" : ` ± ${(100 * spread).toFixed(2)}`}`;
};

/**
 * The outcomes that stand for each model of a set at a flash size: those of the setting that is best on the validation part with
 * the first seed.
 *
 * @returns [{peer, rows: by seed}]
 */
export function chosenGroups(rows, { name, flashBytes, seeds }) {
  const isTested = ({ figures, tests }) => figures === "all" && Object.keys(tests).length > 0;
  const here = rows.filter((row) => row.set === name && row.flashBytes === flashBytes && isTested(row));
  const settingOf = ({ config }) => JSON.stringify(config);
  return [...new Set(here.map(({ peer }) => peer))].flatMap((peer) => {
    const own = here.filter((row) => row.peer === peer);
    const [first, ...others] = own.filter((row) => row.seed === seeds[0]);
    if (!first) return [];
    const best = others.reduce((least, row) => (isBetter(row, least) ? row : least), first);
    const chosen = own.filter((row) => settingOf(row) === settingOf(best)).sort((a, b) => a.seed - b.seed);
    return [{ peer, rows: chosen }];
  });
}

const figures = (rows, part, of) => rows.map((row) => of(row.tests[part]));
/** What a test is judged by: accuracy, or a hundredth of the NAB score. */
const headline = (test) => test.accuracy ?? test.score / 100;

function noneCells(rows, part) {
  const of = (signal, figure) => figures(rows, part, ({ none }) => none[signal][figure]);
  const both = (figure, show) => ["probability", "energy"].map((signal) => show(mean(of(signal, figure)))).join("; ");
  return [both("auroc", (value) => value.toFixed(3)), both("fpr", (value) => `${(100 * value).toFixed(1)} %`)];
}

const answerCells = (rows, part) => [
  percent(figures(rows, part, ({ accuracy }) => accuracy)),
  percent(figures(rows, part, ({ macroF1 }) => macroF1)),
];

function alarmCells(rows, part) {
  const shown = (of, digits) => mean(figures(rows, part, of)).toFixed(digits);
  const scores = figures(rows, part, ({ score }) => score);
  const spread = standardDeviation(scores);
  return [
    `${mean(scores).toFixed(1)}${spread === undefined ? "" : ` ± ${spread.toFixed(1)}`}`,
    `${shown(({ found }) => found, 1)} of ${rows[0].tests[part].windows}`,
    ...[shown(({ falseAlarms }) => falseAlarms, 1), shown(({ precision }) => precision, 3)],
    ...[shown(({ f1 }) => f1, 3), percent(figures(rows, part, ({ balancedAccuracy }) => balancedAccuracy))],
  ];
}

const ALARM_COLUMNS = [
  "NAB score",
  "windows found",
  "false alarms",
  "precision",
  "F1",
  "balanced accuracy of steps, %",
];

/** Columns and cells of a set's test parts. */
function testColumns(rows) {
  const parts = Object.entries(rows[0].tests);
  const isMany = parts.length > 1;
  const columns = parts.flatMap(([part, test]) => {
    const of = isMany ? ` (${part})` : "";
    if (test.score !== undefined) return ALARM_COLUMNS;
    return [`accuracy${of}, %`, `macro F1${of}, %`, ...(test.none ? ["AUROC of none", "FPR of none at 95 %"] : [])];
  });
  const cells = (own) =>
    parts.flatMap(([part, test]) => {
      if (test.score !== undefined) return alarmCells(own, part);
      return [...answerCells(own, part), ...(test.none ? noneCells(own, part) : [])];
    });
  return { columns, cells };
}

const best = (groups, part) => {
  const of = ({ rows }) => mean(figures(rows, part, headline));
  return groups.reduce((most, group) => (most && of(most) >= of(group) ? most : group), undefined);
};

/** Ours against the rival that is best on the test part itself, which is in the rivals' favour; undefined while one is missing. */
export function duel(groups, part) {
  const ours = groups.find(({ peer }) => peer === OURS);
  const rival = best(
    groups.filter(({ peer }) => peer !== OURS),
    part,
  );
  return ours && rival ? { ours, rival } : undefined;
}

function verdict(found, part, titleOf) {
  const [ours, rival] = [found.ours, found.rival].map(({ rows }) => 100 * mean(figures(rows, part, headline)));
  const difference = ours - rival;
  const outcome = difference > 0 ? "above" : "below";
  const distance = Math.abs(difference).toFixed(2);
  const where = part === "test" ? "" : ` (${part})`;
  const relation = distance === "0.00" ? "as good as" : `${distance} points ${outcome}`;
  return `Ours is ${relation} the best rival${where}, ${titleOf(found.rival.peer)}: ${ours.toFixed(2)} against ${rival.toFixed(2)}.`;
}

/** What a decision of ours needs beside flash. */
function costs(ours) {
  const [row] = ours?.rows ?? [];
  if (!row?.instructions) return [];
  const { m0, m3 } = row.instructions;
  return [
    `Ours needs ${grouped(row.ramBytes)} bytes of RAM and, estimated, ${grouped(m0)} instructions per decision on a Cortex-M0, ${grouped(m3)} on a Cortex-M3.`,
  ];
}

const SIGNAL_NAMES = {
  probability: "largest probability",
  margin: "margin of the two largest logits",
  entropy: "entropy of the probabilities",
  energy: "energy",
  router: "entropy of the router",
};

/** What tells wrong answers of ours, and examples of none: the table of the signals, and the calibration. */
function uncertainty(ours, part) {
  const tests = ours?.rows.map((row) => row.tests[part]).filter((test) => test?.signals) ?? [];
  if (tests.length === 0) return [];
  const shown = (value) => (value === null ? "-" : value.toFixed(3));
  const meanOf = (signal, figure) => {
    const values = tests.map((test) => test.signals.find((row) => row.signal === signal)?.[figure] ?? null);
    return values.includes(null) ? null : mean(values);
  };
  const lines = tests[0].signals.map(({ signal }) => [
    SIGNAL_NAMES[signal],
    ...["aurocWrong", "aurc", "aurocNone", "fprNone"].map((figure) => shown(meanOf(signal, figure))),
  ]);
  const ece = (when) => (100 * mean(tests.map((test) => test.ece[when]))).toFixed(2);
  return [
    `What says that an answer of ours is wrong, or that there is none (means over the seeds):`,
    markdownTable(["signal", "AUROC wrong", "AURC", "AUROC none", "FPR none at 95 %"], lines),
    `Expected calibration error: ${ece("before")} % before, ${ece("after")} % after the temperature.`,
  ];
}

/** One set at one flash size: a table and, where ours is measured, what it says. */
function section(plan, rows, entry, flashBytes) {
  const groups = chosenGroups(rows, { name: entry.name, flashBytes, seeds: plan.seeds });
  if (groups.length === 0) return [];
  const [firstPart] = Object.keys(groups[0].rows[0].tests);
  const standing = ({ rows: own }) => mean(figures(own, firstPart, headline));
  groups.sort((a, b) => standing(b) - standing(a));
  const titleOf = (name) => plan.titles[name] ?? name;
  const { columns, cells } = testColumns(groups[0].rows);
  const lines = groups.map(({ peer, rows: own }) => [
    ...[titleOf(peer), [own[0].label, own[0].shape].filter(Boolean).join("; ") || "-", own[0].usedBytes, own.length],
    ...cells(own),
  ]);
  const table = markdownTable(["model", "setting", "bytes", "seeds", ...columns], lines);
  const verdicts = [
    ...costs(groups.find(({ peer }) => peer === OURS)),
    ...Object.keys(groups[0].rows[0].tests).flatMap((part) => {
      const found = duel(groups, part);
      return found ? [verdict(found, part, titleOf)] : [];
    }),
  ];
  const size = flashBytes === null ? "without a limit, in full precision" : `${grouped(flashBytes)} bytes of flash`;
  const own = groups.find(({ peer }) => peer === OURS);
  return [[`### ${entry.title}: ${size}`, table, ...verdicts, ...uncertainty(own, firstPart)].join("\n\n")];
}

const introduction = `Classifiers against rivals that are tuned, quantised and have the same bytes of flash, on the same splits. What a rival tried, and how its bytes
are counted, stands in bench/classify: codes, factors and biases are, the program and the names of the classes are not. Ours is the whole .atome file in
the integer engine. Settings are chosen on the validation part with the first seed; a mean and the standard deviation over the seeds are told. The best
rival of a verdict is the one with the best mean on the test part, a choice in the rivals' favour.

"None": examples that belong to no class, by the largest probability; by the energy (Liu et al. 2020). FPR: the share of them that is still answered where
95 % of the others are. All models are trained with the same few of them.

SMS spam has no official split: messages that are alike but for case, marks and words with digits stay on one side. NAB is split by files (bench/classify/series-sets.mjs);
its score is the standard profile's on the test files, with threshold and silence after an alarm chosen on the validation files. The
majority class of NAB says the same of every step, so that its alarms come at intervals, whatever the data: what is not above it has learned nothing.`;

export function classifyText(plan, rows) {
  const sections = plan.sets.flatMap((entry) =>
    [...entry.budgets, null].flatMap((flashBytes) => section(plan, rows, entry, flashBytes)),
  );
  return [introduction, ...sections].join("\n\n");
}

/** Ours against the best rival, per set, flash size and test part. */
export function setSummaries(plan, rows) {
  return plan.sets.flatMap((entry) =>
    entry.budgets.flatMap((flashBytes) => {
      const groups = chosenGroups(rows, { name: entry.name, flashBytes, seeds: plan.seeds });
      return Object.keys(groups[0]?.rows[0].tests ?? {}).flatMap((part) => {
        const found = duel(groups, part);
        return found ? [summary(entry, flashBytes, part, found)] : [];
      });
    }),
  );
}

function summary({ name }, flashBytes, part, { ours, rival }) {
  const of = (group) => figures(group.rows, part, headline);
  const measure = ours.rows[0].tests[part].accuracy === undefined ? "NAB score" : "accuracy";
  return {
    ...{ name: part === "test" ? name : `${name} ${part}`, flashBytes, measure },
    ...{ accuracy: mean(of(ours)), deviation: standardDeviation(of(ours)) ?? null, seeds: ours.rows.length },
    ...{ bestRival: rival.peer, bestRivalAccuracy: mean(of(rival)) },
    bestRivalDeviation: standardDeviation(of(rival)) ?? null,
  };
}
