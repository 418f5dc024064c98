// Sensor data sets of the comparison, read from ATOME_DATA into one shape:
//
//     {kind: "series", isNab, columns: [names], classes: [names], parts: {train, validation, test, ...}}
//
// A part is {samples: Float64Array of steps x columns, labels of the steps, series: [{name, begin, end, windows}]}: steps begin to
// end - 1 follow on one another; windows are the [first, last] steps of its anomalies (NAB). A label is the index of a class, or
// UNJUDGED for a step that counts for nothing.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fnv } from "./text-sets.mjs";

export const UNJUDGED = -1;

const rowsOf = (...path) => {
  const [, ...lines] = readFileSync(join(...path), "utf8")
    .trimEnd()
    .split(/\r?\n/);
  return lines.map((line) => line.replaceAll('"', "").split(","));
};

/** One part from series of {name, samples: [[numbers]], labels, windows}. */
function partOf(list) {
  const columns = list[0].samples[0].length;
  const steps = list.reduce((sum, { samples }) => sum + samples.length, 0);
  const part = { samples: new Float64Array(steps * columns), labels: new Int16Array(steps), series: [] };
  let begin = 0;
  for (const { name, samples, labels, windows = [] } of list) {
    part.samples.set(samples.flat(), begin * columns);
    part.labels.set(labels, begin);
    const end = begin + samples.length;
    const moved = windows.map((window) => window.map((step) => begin + step));
    part.series.push({ name, begin, end, windows: moved });
    begin = end;
  }
  return part;
}

const OCCUPANCY_COLUMNS = ["Temperature", "Humidity", "Light", "CO2", "HumidityRatio"];
const OCCUPANCY_VALIDATION = 0.2;

/**
 * Occupancy of an office (Candanedo and Feldheim 2016), official split: datatest with the door mostly closed, datatest2 with it
 * open. The last fifth of the time of datatraining is the validation part.
 */
export function occupancy(data) {
  const seriesOf = (name) => {
    const rows = rowsOf(data, "occupancy-detection", `${name}.txt`);
    return { name, samples: rows.map((row) => row.slice(2, 7).map(Number)), labels: rows.map((row) => Number(row[7])) };
  };
  const training = seriesOf("datatraining");
  const cut = Math.round(training.labels.length * (1 - OCCUPANCY_VALIDATION));
  const cutOut = (...range) => ({
    name: "datatraining",
    samples: training.samples.slice(...range),
    labels: training.labels.slice(...range),
  });
  return {
    kind: "series",
    ...{ columns: OCCUPANCY_COLUMNS, classes: ["empty", "occupied"] },
    parts: {
      train: partOf([cutOut(0, cut)]),
      validation: partOf([cutOut(cut)]),
      test: partOf([seriesOf("datatest")]),
      test2: partOf([seriesOf("datatest2")]),
    },
  };
}

const NAB_PROBATION = 0.15;
/** NAB counts at most so many rows for the probationary period. */
const NAB_PROBATION_ROWS = 5000;
const NAB_SHARES = { train: 0.5, validation: 0.2, test: 0.3 };

/** A file of NAB: its values by mean and deviation of its probationary period, its steps by its anomaly windows. */
function nabSeries(data, name, limits) {
  const rows = rowsOf(data, "nab", "data", name);
  const probation = Math.floor(NAB_PROBATION * Math.min(rows.length, NAB_PROBATION_ROWS));
  const values = rows.map(([, value]) => Number(value));
  const early = values.slice(0, probation);
  const mean = early.reduce((a, b) => a + b, 0) / probation;
  const deviation = Math.sqrt(early.reduce((sum, value) => sum + (value - mean) ** 2, 0) / probation) || 1;
  // "2014-04-10 07:15:00" sorts as it is; the windows' limits have fractions of a second.
  const times = rows.map(([time]) => time.slice(0, 19));
  const windows = limits.map(([first, last]) => [
    times.findIndex((time) => time >= first.slice(0, 19)),
    times.findLastIndex((time) => time <= last.slice(0, 19)),
  ]);
  const labels = times.map((_, i) => (i < probation ? UNJUDGED : 0));
  for (const [first, last] of windows) for (let i = Math.max(first, probation); i <= last; i++) labels[i] = 1;
  return { name, samples: values.map((value) => [(value - mean) / deviation]), labels, windows };
}

/**
 * The Numenta Anomaly Benchmark (Lavin and Ahmad 2015), 58 files, as a stream to classify: is this step within an anomaly
 * window? Of each domain the files, in the order of the hashes of their names, go to training (half), validation (a fifth) and
 * test. The probationary period of a file, its first 15 %, is read but not judged.
 */
export function nab(data) {
  const limits = JSON.parse(readFileSync(join(data, "nab", "labels", "combined_windows.json"), "utf8"));
  const parts = { train: [], validation: [], test: [] };
  const domains = readdirSync(join(data, "nab", "data"), { withFileTypes: true }).filter((entry) =>
    entry.isDirectory(),
  );
  for (const { name: domain } of domains.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const files = readdirSync(join(data, "nab", "data", domain)).filter((name) => name.endsWith(".csv"));
    files.sort((a, b) => fnv(a) - fnv(b));
    files.forEach((file, i) => {
      const place = i / files.length;
      const part =
        place < NAB_SHARES.train ? "train" : place < NAB_SHARES.train + NAB_SHARES.validation ? "validation" : "test";
      parts[part].push(nabSeries(data, `${domain}/${file}`, limits[`${domain}/${file}`]));
    });
  }
  return {
    ...{ kind: "series", isNab: true, columns: ["value"], classes: ["normal", "anomaly"] },
    parts: Object.fromEntries(Object.entries(parts).map(([part, list]) => [part, partOf(list)])),
  };
}
