import { createHash } from "node:crypto";
import { Command } from "commander";
import type { Checkpoint } from "../checkpoint/checkpoint.js";
import { arenaBytes } from "../engine/arena.js";
import type { ModelDescription } from "../format/describe.js";
import { memoryBytes, SENSOR_LIMITS } from "../format/layout.js";
import { isAtomeFile, readModelFile, readModelInput } from "./models.js";
import { type CommonOptions, grouped, Output, table, withCommonOptions, withExamples } from "./output.js";
import { validationWords } from "./task.js";

export function inspectCommand(): Command {
  const command = new Command("inspect")
    .description(
      "Print what a .atome file or a checkpoint holds: dimensions, sections, sizes, the RAM it needs, hashes.",
    )
    .argument("<file>", "a .atome file or a .safetensors checkpoint")
    .action(inspect);
  return withExamples(
    withCommonOptions(command),
    ["atome inspect runs/stories/model.atome", "what the chip will get, and the RAM it needs"],
    ["atome inspect runs/stories/last.safetensors --json", "the same of a checkpoint, for programs"],
  );
}

async function inspect(path: string, options: CommonOptions): Promise<void> {
  const output = new Output(options);
  const bytes = readModelInput(path, "a .atome file or a checkpoint");
  const file = { file: path, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  if (isAtomeFile(bytes, path)) return inspectModel(bytes, file, output);
  const { decodeCheckpoint } = await import("../checkpoint/checkpoint.js");
  inspectCheckpoint(decodeCheckpoint(bytes, `"${path}"`), file, output);
}

type FileFacts = { file: string; bytes: number; sha256: string };

async function inspectModel(bytes: Uint8Array, file: FileFacts, output: Output): Promise<void> {
  const { describeModel } = await import("../format/describe.js");
  const model = await readModelFile(bytes, file.file);
  const description = describeModel(model);
  const remembered = memoryBytes(model.dimensions, model.layers, model);
  const [ramBytes, ramBytesOneTable] = ([4, 1] as const).map((t) => arenaBytes(model, remembered, t));
  output.result({ ...file, kind: "model", ramBytes, ramBytesOneTable, ...description });
  const ram = `${grouped(ramBytes)} bytes; ${grouped(ramBytesOneTable)} with ATOME_TABLES=1`;
  for (const line of modelLines(description, file, ram)) output.print(line);
}

function alphabetWords({ dimensions, tokens, sensor }: ModelDescription): string {
  if (sensor) return `${dimensions.vocab} intervals of ${sensor.length} numbers`;
  return tokens > 0 ? `${tokens} tokens` : `bytes 0 to ${dimensions.vocab - 1}`;
}

/** The numbers of a sample that are not all valid, with their ranges in measured units. */
function rangeWords({ sensor = [] }: ModelDescription): string {
  const [lowest, highest] = SENSOR_LIMITS.value;
  const words = sensor.map(({ decimals, least, greatest }, index) => {
    const [from, to] = [least, greatest].map((raw) => Number((raw / 10 ** decimals).toPrecision(10)));
    return least > lowest || greatest < highest ? `number ${index + 1} in ${from}..${to}` : "";
  });
  return words.filter((word) => word !== "").join(", ");
}

function modelLines(model: ModelDescription, file: FileFacts, ram: string): string[] {
  const { dimensions } = model;
  const facts: [string, string | number][] = [
    ["file", file.file],
    ["format", `version ${model.version}, ${model.block} block`],
    ["size", `${grouped(file.bytes)} bytes of flash`],
    ["RAM", ram],
    ["CRC-32", model.crc32],
    ["SHA-256", file.sha256],
    [
      "dimensions",
      Object.entries(dimensions)
        .map(([name, value]) => `${name} ${value}`)
        .join(", "),
    ],
    ["options", model.options.join(", ")],
    ["alphabet", alphabetWords(model)],
  ];
  if (model.recall) {
    const { window, forget } = model.recall;
    const forgets = forget === null ? "" : `, forgotten at symbol ${forget}`;
    facts.push(["recall", `${window} symbols${forgets}`]);
  }
  const ranges = rangeWords(model);
  if (ranges !== "") facts.push(["valid", ranges]);
  if (model.classNames.length > 0) facts.push(["classes", model.classNames.join(", ")]);
  if (model.metadata !== undefined) facts.push(["metadata", JSON.stringify(model.metadata)]);
  if (model.modelVersion !== undefined) {
    facts.push(["signature", `of model version ${model.modelVersion}; by whom, "atome verify-signature" tells`]);
  }
  const sections = model.sections.map((section) => [section.name, section.offset, section.bytes]);
  const layers = model.layers.map((layer, index) => [
    String(index),
    layer.pathways.join(" + "),
    layer.window > 0 ? layer.window : "-",
    layer.bytes,
  ]);
  return [
    ...table(facts),
    "",
    ...table([["section", "offset", "bytes"], ...sections]),
    "",
    ...table([["layer", "pathways", "window", "bytes"], ...layers]),
    "",
    ...table([["weights", "offset", "bytes"], ...model.weights.map((item) => [item.name, item.offset, item.bytes])]),
  ];
}

function inspectCheckpoint(checkpoint: Checkpoint, file: FileFacts, output: Output): void {
  const { config, tensors, history } = checkpoint;
  const alphabet = checkpoint.alphabet ?? checkpoint.sensor;
  const parameters = [...tensors.values()].reduce((total, values) => total + values.length, 0);
  const last = history.at(-1);
  output.result({
    ...file,
    kind: "checkpoint",
    block: config.block,
    parameters,
    symbols: alphabet.size,
    outputs: checkpoint.outputs,
    step: checkpoint.step,
    seed: checkpoint.seed,
    dataSha256: checkpoint.dataSha256,
    canResume: checkpoint.training !== undefined,
    config,
    history,
    tensors: [...tensors].map(([name, values]) => ({ name, values: values.length })),
  });
  const facts: [string, string][] = [
    ["file", file.file],
    ["size", `${grouped(file.bytes)} bytes`],
    ["SHA-256", file.sha256],
    [
      "model",
      `${config.block} block, dModel ${config.dModel}, ${config.nLayers} layers, ${grouped(parameters)} parameters`,
    ],
    ["alphabet", `${alphabet.size} symbols (${config.alphabet.kind})`],
    ["step", `${checkpoint.step} of ${config.train.steps}, seed ${checkpoint.seed}`],
    ["data", `SHA-256 ${checkpoint.dataSha256}`],
    ["resume", checkpoint.training ? "possible" : "not possible: weights only"],
  ];
  if (last) facts.push(["held out", `${validationWords(last)} at step ${last.step}`]);
  for (const line of table(facts)) output.print(line);
  output.print();
  const rows = [...tensors].map(([name, values]) => [name, values.length]);
  for (const line of table([["tensor", "values"], ...rows])) output.print(line);
}
