import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { classNumbers, NO_CLASS } from "../corpus/classes.js";
import type { SourceFile } from "../corpus/corpus.js";
import { type LabelledExample, type LabelledExamples, readExamples } from "../corpus/examples.js";
import { conflictNote, type ExampleParts, findLeaks, leakNote, withoutLeaks } from "../corpus/leakage.js";
import { splitExamples } from "../corpus/splits.js";
import type { Engine } from "../engine/engine.js";
import { readText } from "../evaluate/decisions.js";
import { NONE, type ScoredExample } from "../evaluate/scored-example.js";
import type { ModelConfig } from "../model/config.js";
import { UsageError } from "../model/errors.js";
import type { Alphabet } from "../tokenizer/alphabet.js";
import { learnAlphabet } from "../tokenizer/learn.js";
import type { TextExamples } from "../train/examples.js";
import { endClassifier, type ScoredPart } from "./classifier-ending.js";
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

/** What the command line says about texts with classes. */
export interface ClassifyChoice extends LabelledChoice {
  textColumn?: string;
  noneLabel?: string;
  /** Learn also from copies of examples that are held out. */
  keepCopies?: boolean;
  /** Name of the configuration. */
  config: string;
}

/** Share of the examples of a class that are answered, unless the user says otherwise. */
const USUAL_COVERAGE = 0.95;
/** Texts that the numbers' ranges are fitted to: with more they do not change. */
const CALIBRATION_TEXTS = 256;

/** Longest text: nobody labels what is longer by hand, and it would take minutes to read. */
const MOST_BYTES = 65_536;

/** Learning which class a text belongs to. @throws UsageError when there is more than one path, or more than one target */
export function classifyTask(paths: readonly string[], choice: ClassifyChoice, note: (line: string) => void): Task {
  const path = onlyPath(paths, "a classifier", "file or folder; join them");
  targetOf(choice, USUAL_COVERAGE);
  return new LabelledTask((config) => new ClassifyData(path, choice, config), note);
}

class ClassifyData implements LabelledData {
  readonly sha256: string;
  readonly corpusFiles: readonly SourceFile[];
  readonly validationFile: SourceFile | null;
  readonly notes: readonly string[];
  readonly #choice: ClassifyChoice;
  readonly #config: ModelConfig;
  readonly #parts: ExampleParts;
  /** The held-out parts by their names. */
  readonly #heldOut: readonly { name: string; examples: readonly LabelledExample[] }[];
  readonly #classes: readonly string[];

  constructor(path: string, choice: ClassifyChoice, config: ModelConfig) {
    this.#choice = choice;
    this.#config = config;
    const { validationFile, testFile = [], textColumn, labelColumn, noneLabel, testShare, keepCopies = false } = choice;
    const files = filesOf(path, choice, { textColumn, labelColumn, noneLabel, testShare, keepCopies });
    ({ sha256: this.sha256, corpusFiles: this.corpusFiles, validationFile: this.validationFile } = files);
    const read = (file: string) => {
      const found = readExamples(file, { textColumn, labelColumn, noneLabel });
      found.examples.forEach(checkLength);
      return found;
    };
    const main = read(path);
    const validation = validationFile === undefined ? undefined : read(validationFile);
    const tests = testFile.map(read);
    const parts = splitParts(main.examples, validation, tests, choice, config);
    const leaks = findLeaks(parts);
    this.#parts = keepCopies ? parts : withoutLeaks(parts, leaks);
    this.#heldOut = [
      { name: "validation", examples: this.#parts.validation },
      ...(tests.length > 0
        ? testNames(testFile).map((name, index) => ({ name, examples: tests[index].examples }))
        : [{ name: "test", examples: this.#parts.test }]),
    ];
    this.#classes = main.classes;
    this.notes = [
      ...[main, validation, ...tests].flatMap((each) => (each ? each.notes : [])),
      ...leaks.map((leak) => leakNote(leak, !keepCopies)),
      ...[conflictNote(main.examples)].filter((note) => note !== undefined),
    ];
    for (const name of ["training", "validation"] as const) this.#checkPart(name);
  }

  vocabulary(known: Vocabulary | undefined): Vocabulary {
    const classNames = [...this.#classes];
    const alphabet = known?.alphabet ?? this.#learnAlphabet();
    return { alphabet, outputs: classNames.length, classNames };
  }

  encode({ alphabet }: Vocabulary): LabelledMaterial {
    const { training, validation } = this.#parts;
    const examples = (list: readonly LabelledExample[]) => this.#encoded(list, alphabet as Alphabet);
    const words = `${grouped(training.length)} texts of ${this.#classes.length} classes${this.#noneWords()}, ${grouped(validation.length)} held out`;
    return new LabelledMaterial(examples(training), examples(validation), words);
  }

  async end(best: Checkpoint): Promise<Ending> {
    const { training } = this.#parts;
    const { symbols } = this.#encoded(training, best.alphabet as Alphabet);
    return endClassifier({
      task: "classify",
      best,
      configName: this.#choice.config,
      parts: this.#heldOut.filter(({ examples }) => examples.length > 0).map((part) => this.#scoredPart(part)),
      target: targetOf(this.#choice, USUAL_COVERAGE),
      calibration: evenly(symbols, CALIBRATION_TEXTS),
      symbolsPerDecision: symbols.reduce((sum, text) => sum + text.length, 0) / symbols.length,
      notes: this.notes,
    });
  }

  #learnAlphabet(): Alphabet {
    const { alphabet } = this.#config;
    if (alphabet.kind === "sensor") {
      throw new UsageError(
        "Cannot learn from texts: the configuration's alphabet is that of a sensor; choose another, or --task sensor.",
      );
    }
    const text = new TextEncoder().encode(this.#parts.training.map((example) => example.text).join("\n"));
    return learnAlphabet(alphabet, () => [text]);
  }

  #encoded(list: readonly LabelledExample[], alphabet: Alphabet): TextExamples {
    const encoder = new TextEncoder();
    const labels = list.map(({ label }) => label);
    return {
      kind: "texts",
      symbols: list.map(({ text }) => alphabet.encode(encoder.encode(text))),
      labels: classNumbers(labels, this.#classes, this.#choice.noneLabel, list[0]?.place.replace(/:\d+$/, "") ?? ""),
    };
  }

  #scoredPart({ name, examples }: { name: string; examples: readonly LabelledExample[] }): ScoredPart {
    const numbers = classNumbers(
      examples.map(({ label }) => label),
      this.#classes,
      this.#choice.noneLabel,
      name,
    );
    return { name, score: (engine) => examples.map(({ text }, index) => scoredText(engine, text, numbers[index])) };
  }

  #noneWords(): string {
    const { noneLabel } = this.#choice;
    const count = this.#parts.training.filter(({ label }) => label === noneLabel).length;
    return count > 0 ? ` (${grouped(count)} of none of them)` : "";
  }

  #checkPart(name: "training" | "validation"): void {
    const { noneLabel } = this.#choice;
    const count = this.#parts[name].filter(({ label }) => label !== noneLabel).length;
    if (count > 0) return;
    const fix =
      name === "validation"
        ? "hold some out with --set train.validation=0.15, or give --validation-file"
        : "give more examples";
    throw new UsageError(`Cannot train a classifier: no example of a class is left for ${name}; ${fix}.`);
  }
}

/** @throws UsageError when a text is longer than a decision can be about */
function checkLength({ text, place }: LabelledExample): void {
  const bytes = Buffer.byteLength(text);
  if (bytes <= MOST_BYTES) return;
  throw new UsageError(
    `Cannot use the example at ${place}: its text has ${grouped(bytes)} bytes, expected at most ${grouped(MOST_BYTES)}; cut it to what the class depends on, or take it out.`,
  );
}

/** The parts that the command line asks for: what has no file of its own is split off. */
function splitParts(
  examples: readonly LabelledExample[],
  validation: LabelledExamples | undefined,
  tests: readonly LabelledExamples[],
  { testShare }: ClassifyChoice,
  { train }: ModelConfig,
): ExampleParts {
  const split = splitExamples(examples, {
    validation: validation ? 0 : train.validation,
    test: tests.length > 0 ? 0 : testShare,
    seed: 0,
  });
  return {
    training: split.training,
    validation: validation?.examples ?? split.validation,
    test: tests.length > 0 ? tests.flatMap(({ examples: own }) => own) : split.test,
  };
}

function scoredText(engine: Engine, text: string, label: number): ScoredExample {
  readText(engine, new TextEncoder().encode(text));
  return {
    text,
    label: label === NO_CLASS ? NONE : label,
    logits: engine.logits().slice(),
    routerEntropy: routerEntropyBits(engine),
  };
}

/** Mean over the layers of the entropy of the router's last mix. */
export function routerEntropyBits(engine: Engine): number {
  let sum = 0;
  for (let layer = 0; layer < engine.nLayers; layer++) sum += engine.router(layer).entropy / 2048;
  return sum / engine.nLayers;
}

/** `count` of a list, evenly apart. */
function evenly<T>(list: readonly T[], count: number): T[] {
  const step = Math.max(1, list.length / count);
  return Array.from({ length: Math.min(count, list.length) }, (_, index) => list[Math.floor(index * step)]);
}
