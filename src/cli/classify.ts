import { Command, Option } from "commander";
import type { Engine } from "../engine/engine.js";
import { type Decision, decide, readText } from "../evaluate/decisions.js";
import { UsageError } from "../model/errors.js";
import { ENGINE_NAMES, type EngineName, engineMaker } from "./engines.js";
import { linesOf } from "./lines.js";
import { readModelFile, readModelInput } from "./models.js";
import { wholeNumber } from "./options.js";
import { type CommonOptions, Output, withCommonOptions, withExamples } from "./output.js";
import { SampleReader } from "./sample-reader.js";

interface ClassifyOptions extends CommonOptions {
  top: number;
  engine: EngineName;
}

/** A decision as it is told; shares of probability, not 1/32768. */
export interface Answer {
  /** Null: none of the classes. */
  class: string | null;
  /** Of the likeliest class, also when the answer is none. */
  probability: number;
  likeliest: { class: string; probability: number }[];
}

export function classifyCommand(): Command {
  const command = new Command("classify")
    .description(
      "Decide which class a text, or each sample of a sensor, belongs to, with the same integers as the chip; or to none.",
    )
    .argument("<model>", "a .atome file of a classifier")
    .argument("[text...]", "texts, one decision each; without any, lines of standard input: one line in, one JSON out")
    .option("--top <n>", "how many of the likeliest classes are told", wholeNumber(1, 1024), 3)
    .addOption(new Option("--engine <name>", "which engine runs").choices(ENGINE_NAMES).default("wasm"))
    .action(classify);
  return withExamples(
    withCommonOptions(command),
    ['atome classify model.atome "turn the light off"', "the class and how sure the model is"],
    ["atome classify model.atome < lines.txt", "a line of JSON for each line, as they come"],
    [
      "tail -f samples.csv | atome classify sensor.atome",
      "a sensor: a sample per line, its numbers in the order of the columns or named by a header",
    ],
  );
}

async function classify(path: string, texts: readonly string[], options: ClassifyOptions): Promise<void> {
  const output = new Output(options);
  const bytes = readModelInput(path, "a .atome file");
  const model = await readModelFile(bytes, path);
  if (!model.classNames) {
    throw new UsageError(
      `Cannot classify with "${path}": it is a language model, expected a classifier; train one with "atome train --task classify".`,
    );
  }
  const names = model.classNames.map((name) => new TextDecoder().decode(name));
  const engine = (await engineMaker(options.engine)).create(bytes);
  const answer = (decision: Decision) => answerOf(decision, names, options.top);
  if (model.sensor) {
    if (texts.length > 0) {
      throw new UsageError(
        `Cannot classify the text with "${path}": it is a sensor's model; give its samples on standard input, a line each.`,
      );
    }
    await classifySamples(engine, new SampleReader(model), answer);
  } else if (texts.length === 0) await classifyLines(engine, answer);
  else classifyTexts(engine, texts, answer, output);
}

function answerOf({ class: index, scores }: Decision, names: readonly string[], top: number): Answer {
  const order = [...scores.keys()].sort((a, b) => scores[b] - scores[a] || a - b);
  const told = order.slice(0, top).map((at) => ({ class: names[at], probability: shareOf(scores[at]) }));
  return { class: index < 0 ? null : names[index], probability: told[0].probability, likeliest: told };
}

const shareOf = (score: number): number => Math.round((score / 32768) * 1e4) / 1e4;

function classifyTexts(
  engine: Engine,
  texts: readonly string[],
  answer: (decision: Decision) => Answer,
  output: Output,
): void {
  const answers = texts.map((text) => {
    if (!readText(engine, new TextEncoder().encode(text))) {
      throw new UsageError("Cannot classify the text: it is empty, expected at least one character.");
    }
    return { text, ...answer(decide(engine)) };
  });
  output.result(answers.length === 1 ? answers[0] : { answers });
  for (const { text, class: name, likeliest } of answers) {
    const others = likeliest.map((each) => `${each.class} ${(100 * each.probability).toFixed(1)} %`).join(", ");
    const told = output.style(name === null ? "yellow" : "green", name ?? "none of these");
    output.print(`${texts.length > 1 ? `${text}: ` : ""}${told}  (${others})`);
  }
}

/** One line in, one JSON out. A line without text has no class. */
async function classifyLines(engine: Engine, answer: (decision: Decision) => Answer): Promise<void> {
  for await (const line of linesOf(process.stdin)) {
    const hasText = readText(engine, line);
    const told = hasText ? answer(decide(engine)) : { class: null, probability: 0, likeliest: [] };
    process.stdout.write(`${JSON.stringify({ text: Buffer.from(line).toString("utf8"), ...told })}\n`);
  }
}

/** A sample per line, a decision per sample; what came before is remembered. */
async function classifySamples(
  engine: Engine,
  reader: SampleReader,
  answer: (decision: Decision) => Answer,
): Promise<void> {
  let step = 0;
  for await (const line of linesOf(process.stdin)) {
    const sample = reader.read(Buffer.from(line).toString("utf8"));
    if (!sample) continue;
    engine.feedSample(sample);
    step++;
    process.stdout.write(`${JSON.stringify({ step, ...answer(decide(engine)) })}\n`);
  }
}
