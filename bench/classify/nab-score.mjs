// The score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015, section II.C), standard profile, and events by plain counting.

/** Weights of the standard profile: an anomaly found, a false alarm, an anomaly missed. */
const STANDARD = { found: 1, falseAlarm: 0.11, missed: 1 };
/** Windows' widths behind a window after which a false alarm has nothing to do with it. */
const FAR = 3;

/** The scaled sigmoid: 0.987 at -1, where a window begins, 0 at 0, where it ends, -1 far behind. */
const sigmoid = (y) => (y >= FAR ? -1 : 2 / (1 + Math.exp(5 * y)) - 1);
const EARLIEST = sigmoid(-1);

/**
 * The steps at which an alarm is raised: those whose score reaches the threshold, none within `silence` steps after one.
 *
 * @param scores of all steps of a part
 * @param series {begin, end}
 * @param isJudged whether a step counts
 */
export function alarmsOf(scores, { begin, end }, isJudged, { threshold, silence }) {
  const alarms = [];
  let next = begin;
  for (let t = begin; t < end; t++) {
    if (t < next || !isJudged(t) || !(scores[t] >= threshold)) continue;
    alarms.push(t);
    next = t + silence + 1;
  }
  return alarms;
}

/** What one alarm is worth: in a window the more the earlier, behind one the less the further. */
function worth(t, windows) {
  const inside = windows.findIndex(([first, last]) => t >= first && t <= last);
  if (inside >= 0) {
    const [first, last] = windows[inside];
    return { inside, score: (STANDARD.found * sigmoid(-(last - t + 1) / (last - first + 1))) / EARLIEST };
  }
  const before = windows.filter(([, last]) => last < t).at(-1);
  const y = before ? (t - before[1]) / Math.max(1, before[1] - before[0]) : FAR;
  return { inside, score: STANDARD.falseAlarm * sigmoid(y) };
}

/**
 * Scores alarms on series.
 *
 * @param series [{windows: [[first, last step], ...] in order}]
 * @param alarms a list of steps per series
 * @returns {score: 0 for no alarm at all, 100 for one at the beginning of every window, windows, found, falseAlarms, precision,
 *   recall, f1}: of windows, any number of alarms in one counting once
 */
export function nabScore(series, alarms) {
  let [total, windowCount, found, falseAlarms] = [0, 0, 0, 0];
  series.forEach(({ windows }, i) => {
    const best = windows.map(() => -STANDARD.missed);
    const isFound = windows.map(() => false);
    for (const alarm of alarms[i]) {
      const { inside, score } = worth(alarm, windows);
      if (inside < 0) {
        total += score;
        falseAlarms++;
        continue;
      }
      isFound[inside] = true;
      best[inside] = Math.max(best[inside], score);
    }
    total += best.reduce((a, b) => a + b, 0);
    windowCount += windows.length;
    found += isFound.filter(Boolean).length;
  });
  const [none, all] = [-STANDARD.missed * windowCount, STANDARD.found * windowCount];
  return {
    score: (100 * (total - none)) / (all - none),
    ...{ windows: windowCount, found, falseAlarms },
    precision: found + falseAlarms > 0 ? found / (found + falseAlarms) : 0,
    recall: found / windowCount,
    f1: (2 * found) / (found + falseAlarms + windowCount),
  };
}
