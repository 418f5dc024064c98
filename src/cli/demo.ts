import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import type { Engine } from "../engine/engine.js";
import { ENGINE_NATS_PER_UNIT, scoreText } from "../evaluate/language.js";
import { FailureError, UsageError } from "../model/errors.js";
import { engineMaker } from "./engines.js";
import { readInput } from "./files.js";
import { generate } from "./generation.js";
import { wholeNumber } from "./options.js";
import { type CommonOptions, duration, grouped, Output, withCommonOptions, withExamples } from "./output.js";
import { runTraining } from "./train.js";
import { verifyFile } from "./verify.js";

const CONFIG = "household";
const RUN = join("runs", CONFIG);
const LONGEST_ANSWER_BYTES = 200;
/** Questions that the data set has in other words. */
const QUESTIONS = [
  "how do i descale my kettle?",
  "turn on the light",
  "the vacuum is clogged",
  "how long should i preheat the oven?",
  "what should i do when the smoke alarm rings?",
];

interface Exchange {
  question: string;
  answer: string;
}

export function demoCommand(): Command {
  const command = new Command("demo")
    .description(`Train a helper for household devices, export it, prove it on every engine and ask it (into ${RUN}).`)
    .option("--steps <n>", "train for so many steps only, for a quick look", wholeNumber(1, 10_000_000))
    .action(demo);
  return withExamples(withCommonOptions(command), ["atome demo", "the whole path in about a minute; also: npm start"]);
}

async function demo(options: CommonOptions & { steps?: number }): Promise<void> {
  const start = performance.now();
  const output = new Output(options);
  const heading = (text: string) => output.print(`\n${output.style("bold", text)}`);
  const [trainPath, heldOutPath] = ["train.txt", "heldout.txt"].map(examplePath);

  heading("1. Train on questions and answers about household devices");
  const choice = {
    task: "language" as const,
    config: CONFIG,
    output: RUN,
    force: true,
    threads: Math.min(8, availableParallelism()),
  };
  const training = await runTraining([trainPath], { ...options, ...choice }, output, new Set());
  output.print(`Trained ${training.steps} steps in ${duration(training.seconds)}.`);

  heading("2. Export to integers");
  const { model: modelPath } = training;
  if (modelPath === null) throw new FailureError("Cannot go on with the demo: its model was not exported.");
  const model = readInput(modelPath, "a .atome file");
  const engine = (await engineMaker("wasm")).create(model);
  output.print(`${modelPath}: ${grouped(model.length)} bytes of flash, ${grouped(engine.arenaBytes)} bytes of RAM.`);

  heading("3. Verify: the same bits on every engine at hand");
  const verification = await verifyFile(model, modelPath, promptFor(QUESTIONS[0]), 32, output);
  if (!verification.identical)
    throw new FailureError(`The engines differ: ${verification.difference}; report this model.`);

  heading("4. Questions it has never seen");
  const heldOut = measureHeldOut(engine, heldOutPath);
  const percent = ((100 * heldOut.correct) / heldOut.questions).toFixed(0);
  output.print(
    `${heldOut.correct} of ${heldOut.questions} answers right to the letter (${percent} %), ${heldOut.bitsPerByte.toFixed(3)} bits per byte.`,
  );

  heading("5. Ask it");
  const answers = QUESTIONS.map((question) => ({ question, answer: answerTo(engine, question) }));
  for (const { question, answer } of answers) output.print(`Q: ${question}\nA: ${answer}\n`);
  const seconds = (performance.now() - start) / 1000;
  output.print(`All of it took ${duration(seconds)}. Now with your own text: atome train your.txt`);
  output.result({
    model: modelPath,
    flashBytes: model.length,
    ramBytes: engine.arenaBytes,
    training,
    verification,
    heldOut,
    answers,
    seconds,
  });
}

function examplePath(name: string): string {
  const path = fileURLToPath(new URL(`../../examples/household/${name}`, import.meta.url));
  if (!existsSync(path))
    throw new UsageError(`Cannot run the demo: "${path}" is missing; run it from a checkout of the project.`);
  return path;
}

const promptFor = (question: string): string => `\n\nQ: ${question}\nA:`;

/** The likeliest answer: all up to the end of the line. */
function answerTo(engine: Engine, question: string): string {
  engine.reset();
  for (const symbol of engine.encode(new TextEncoder().encode(promptFor(question)))) engine.step(symbol);
  const sampler = { temperature: 0, topK: 0, topP: 0, random: 0 };
  const stop = new TextEncoder().encode("\n");
  const pieces = [...generate(engine, { sampler, maxBytes: LONGEST_ANSWER_BYTES, stop })];
  return Buffer.concat(pieces.map(({ bytes }) => bytes))
    .toString("utf8")
    .trim();
}

/** Answers the questions of a file such as examples/household/heldout.txt; right is what is right to the letter. */
export function measureHeldOut(engine: Engine, path: string) {
  const text = readFileSync(path);
  const exchanges = text.toString("utf8").trim().split("\n\n").map(parseExchange);
  const correct = exchanges.filter(({ question, answer }) => answerTo(engine, question) === answer).length;
  engine.reset();
  const predictor = { step: (symbol: number) => engine.step(symbol), natsPerUnit: ENGINE_NATS_PER_UNIT };
  const { bitsPerByte } = scoreText(predictor, engine.encode(text), text.length);
  return { questions: exchanges.length, correct, accuracy: correct / exchanges.length, bitsPerByte };
}

function parseExchange(text: string): Exchange {
  const [question = "", answer = ""] = text.split("\n");
  return { question: question.replace(/^Q: /, ""), answer: answer.replace(/^A: /, "") };
}
