import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { classNumbers, NO_CLASS } from "../corpus/classes.js";
import type { SourceFile } from "../corpus/corpus.js";
import { readTable } from "../corpus/examples.js";
import { interleaved, readSensorTable, type SensorTable, splitSensorTable } from "../corpus/sensor-table.js";
import type { Engine } from "../engine/engine.js";
import { NONE, type ScoredExample } from "../evaluate/scored-example.js";
import type { ModelConfig } from "../model/config.js";
import { UsageError } from "../model/errors.js";
import { MISSING, SensorAlphabet, type StepLabels, type ValidRange } from "../tokenizer/sensor-alphabet.js";
import type { SeriesExamples } from "../train/examples.js";
import { endClassifier, type ScoredPart } from "./classifier-ending.js";
import { routerEntropyBits } from "./classify-task.js";
import {
  filesOf,
  type LabelledChoice,
  type LabelledData,
  LabelledMaterial,
  LabelledTask,
  onlyPath,
  targetOf,
  testNames,
} from "./labelled-task.js";
import { grouped } from "./output.js";
import type { Ending, Task, Vocabulary } from "./task.js";
import { outsideNotes, validRanges } from "./valid-ranges.js";

/** What the command line says about measurements with classes. */
export interface SensorChoice extends LabelledChoice {
  columns?: string;
  seriesColumn?: string;
  /** What columns' numbers lie in: `validRanges`. */
  valid?: readonly string[];
  /** Name of the configuration. */
  config: string;
}

/** A sensor has to say something of every sample, unless the user says otherwise. */
const USUAL_COVERAGE = 1;
/** Rows of embedding that the numbers' ranges are fitted to. */
const CALIBRATION_STEPS = 4096;

/** Learning which class each sample of a sensor belongs to. @throws UsageError as `classifyTask` */
export function sensorTask(paths: readonly string[], choice: SensorChoice, note: (line: string) => void): Task {
  const path = onlyPath(paths, "a sensor's model", "table; join them with a column that names the series");
  targetOf(choice, USUAL_COVERAGE);
  return new LabelledTask((config) => new SensorData(path, choice, config), note);
}

interface Parts {
  training: SensorTable;
  validation: SensorTable;
  tests: readonly { name: string; table: SensorTable }[];
}

class SensorData implements LabelledData {
  readonly sha256: string;
  readonly corpusFiles: readonly SourceFile[];
  readonly validationFile: SourceFile | null;
  readonly notes: readonly string[];
  readonly #choice: SensorChoice;
  readonly #config: ModelConfig;
  readonly #parts: Parts;
  /** Of each column. */
  readonly #ranges: readonly (ValidRange | undefined)[];

  constructor(path: string, choice: SensorChoice, config: ModelConfig) {
    this.#choice = choice;
    this.#config = config;
    const { validationFile, testFile = [], columns, labelColumn, seriesColumn, testShare, valid } = choice;
    const files = filesOf(path, choice, { columns, labelColumn, seriesColumn, testShare, valid });
    ({ sha256: this.sha256, corpusFiles: this.corpusFiles, validationFile: this.validationFile } = files);
    const read = (file: string, names: readonly string[] | undefined) =>
      readSensorTable(readTable(file), { columns: names, labelColumn, seriesColumn });
    const main = read(path, columns?.split(","));
    const names = main.columns.map(({ name }) => name);
    this.#ranges = validRanges(valid ?? [], names);
    // The other tables are read by the same columns, whatever else they have.
    const same = (file: string) => read(file, names);
    const tests = testNames(testFile).map((name, index) => ({ name, table: same(testFile[index]) }));
    const held = validationFile === undefined ? undefined : same(validationFile);
    this.#parts = splitParts(main, held, tests, choice, config);
    const { validation } = this.#parts;
    this.notes = this.#notes();
    if (validation.labels.every((label) => label === "")) {
      throw new UsageError(
        "Cannot train a sensor's model: no labelled sample is left for validation; hold some out with --set train.validation=0.15, or give --validation-file.",
      );
    }
  }

  #notes(): string[] {
    const { training, validation, tests } = this.#parts;
    const tables = [training, validation, ...tests.map(({ table }) => table)];
    return [...new Set(tables.flatMap(({ notes }) => notes)), ...outsideNotes(tables, this.#ranges)];
  }

  vocabulary(known: Vocabulary | undefined): Vocabulary {
    const { training } = this.#parts;
    const { alphabet } = this.#config;
    if (alphabet.kind !== "sensor") {
      throw new UsageError(
        `Cannot learn from samples: the configuration's alphabet is "${alphabet.kind}", expected "sensor"; choose a configuration such as sensor-4k.`,
      );
    }
    const { levels, differences } = alphabet;
    const ranges = this.#ranges;
    const columns = training.columns.map((column, index) => ({ ...column, valid: ranges[index] }));
    // A model to begin with keeps its intervals.
    const sensor =
      known?.sensor?.withValid(ranges) ??
      SensorAlphabet.fit(columns, levels, differences, training.starts, this.#stepLabels());
    return { sensor, outputs: training.classes.length, classNames: [...training.classes] };
  }

  encode({ sensor }: Vocabulary): LabelledMaterial {
    const { training, validation } = this.#parts;
    const examples = (part: SensorTable) => this.#series(part, sensor as SensorAlphabet);
    const steps = ({ labels }: SensorTable) => grouped(labels.length);
    const words = `${steps(training)} samples of ${training.columns.length} numbers, ${training.classes.length} classes, ${steps(validation)} held out`;
    return new LabelledMaterial(examples(training), examples(validation), words);
  }

  async end(best: Checkpoint): Promise<Ending> {
    const { training, validation, tests } = this.#parts;
    const sensor = best.sensor as SensorAlphabet;
    const { rows, rowsPerStep } = this.#series(training, sensor);
    return endClassifier({
      task: "sensor",
      best,
      configName: this.#choice.config,
      parts: [
        this.#scoredPart("validation", validation, sensor),
        ...tests.map(({ name, table }) => this.#scoredPart(name, table, sensor)),
      ],
      target: targetOf(this.#choice, USUAL_COVERAGE),
      calibration: [rows.subarray(0, CALIBRATION_STEPS * rowsPerStep)],
      symbolsPerDecision: 1,
      notes: this.notes,
    });
  }

  #series(part: SensorTable, sensor: SensorAlphabet): SeriesExamples {
    const raw = sensor.toRaw(interleaved(part));
    const count = sensor.columns.length;
    const hasGaps = (column: number) => raw.some((value, at) => at % count === column && value === MISSING);
    return {
      kind: "series",
      rows: sensor.rows(raw, part.starts),
      rowsPerStep: sensor.rowsPerStep,
      labels: this.#labels(part),
      starts: part.starts,
      // Where numbers are missing already, the data say what that means.
      parts: sensor.parts().map(({ column, missing }) => ({
        column,
        missing: hasGaps(column) ? undefined : missing,
      })),
    };
  }

  #stepLabels(): StepLabels {
    const { training } = this.#parts;
    return { classOf: this.#labels(training), classes: training.classes.length };
  }

  #labels({ labels }: SensorTable): Uint16Array {
    return classNumbers(labels, this.#parts.training.classes, "", this.corpusFiles[0].path);
  }

  #scoredPart(name: string, part: SensorTable, sensor: SensorAlphabet): ScoredPart {
    const samples = sensor.toRaw(interleaved(part));
    const labels = this.#labels(part);
    return { name, score: (engine) => scoredSteps(engine, samples, labels, part.starts) };
  }
}

function splitParts(
  main: SensorTable,
  validation: SensorTable | undefined,
  tests: Parts["tests"],
  { testShare }: SensorChoice,
  { train }: ModelConfig,
): Parts {
  const late = tests.length > 0 ? undefined : splitSensorTable(main, { validation: testShare, gap: 0 });
  const rest = late?.training ?? main;
  const split = validation ? undefined : splitSensorTable(rest, { validation: train.validation, gap: 0 });
  const held = late && late.validation.labels.length > 0 ? late.validation : undefined;
  return {
    training: split?.training ?? rest,
    validation: validation ?? (split?.validation as SensorTable),
    tests: held ? [{ name: "test", table: held }] : tests,
  };
}

/** Every labelled sample, each read after all before it in its series. */
function scoredSteps(
  engine: Engine,
  samples: Int32Array,
  labels: Uint16Array,
  starts: readonly number[],
): ScoredExample[] {
  const first = new Set(starts);
  const { columns } = engine;
  const scored: ScoredExample[] = [];
  for (let step = 0; step < labels.length; step++) {
    if (first.has(step)) engine.reset();
    const sample = samples.subarray(step * columns, (step + 1) * columns);
    engine.feedSample(sample);
    if (labels[step] === NO_CLASS) continue;
    scored.push({
      text: `sample ${step + 1}: ${sample.join(", ")}`,
      label: labels[step] === NO_CLASS ? NONE : labels[step],
      logits: engine.logits().slice(),
      routerEntropy: routerEntropyBits(engine),
    });
  }
  return scored;
}
