import { Command, Option } from "commander";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { checkOutput, readInput } from "./files.js";
import { wholeNumber } from "./options.js";
import { type CommonOptions, grouped, Output, withCommonOptions, withExamples } from "./output.js";

interface ImportOptions extends CommonOptions {
  dModel: number;
  layers: number;
  dHead: number;
  topK: number;
  kernel: number;
  vocab: number;
  window: number;
  output: string;
}

export function importCommand(): Command {
  const command = new Command("import")
    .description("Turn a model of another format into a .atome file.")
    .argument("<file>", "the model")
    .addOption(new Option("--from <format>", "its format").choices(["atome01"]).makeOptionMandatory())
    .requiredOption("--d-model <n>", "width", wholeNumber(2, 1024))
    .requiredOption("--layers <n>", "number of layers", wholeNumber(1, 64))
    .requiredOption("--d-head <n>", "width of the attention head", wholeNumber(1, 256))
    .option("--top-k <n>", "keys that attention keeps", wholeNumber(1, 4), 4)
    .option("--kernel <n>", "taps of the convolution", wholeNumber(1, 5), 5)
    .option("--vocab <n>", "number of symbols", wholeNumber(2, 256), 256)
    .option("--window <n>", "positions that attention looks at", wholeNumber(1, 1024), 64)
    .requiredOption("-o, --output <file>", "the .atome file")
    .action(importFile);
  return withExamples(withCommonOptions(command), [
    "atome import --from atome01 blob.bin --d-model 256 --layers 8 --d-head 64 --top-k 4 --kernel 5 -o model.atome",
    "the format does not hold its dimensions: give those it was trained with",
  ]);
}

async function importFile(path: string, options: ImportOptions): Promise<void> {
  const output = new Output(options);
  const bytes = readInput(path, "a model of the format atome01");
  checkOutput(options.output);
  const { importAtome01 } = await import("../export/import-atome01.js");
  const { exportQuantised } = await import("../export/export.js");
  const { layers: nLayers, dModel, dHead, topK, kernel, vocab, window } = options;
  const dimensions = { dModel, nLayers, dHead, topK, kernel, vocab, window };
  const { model, alphabet } = importAtome01(bytes, dimensions, `"${path}"`);
  const imported = exportQuantised(model, { alphabet });
  writeFileAtomically(options.output, imported);
  output.result({ model: options.output, flashBytes: imported.length });
  output.print(`Wrote ${options.output}: ${grouped(imported.length)} bytes of flash.`);
}
