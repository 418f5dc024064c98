import { Command } from "commander";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { publicKeyBytes, readPrivateKey } from "../signature/keys.js";
import { checkOutput, readInput } from "./files.js";
import { readModelFile, readModelInput } from "./models.js";
import { wholeNumber } from "./options.js";
import { type CommonOptions, grouped, Output, withCommonOptions, withExamples } from "./output.js";

interface SignOptions extends CommonOptions {
  key: string;
  output: string;
  modelVersion: number;
}

export const modelVersion = wholeNumber(0, 2 ** 32 - 1);

export function signCommand(): Command {
  const command = new Command("sign")
    .description("Sign a model, so that devices can tell it from a forged one; a signature that it has is replaced.")
    .argument("<model>", "a .atome file, or the name of a model that comes with the program: stories-64k")
    .requiredOption("--key <file>", 'the private key of "atome keygen", or another Ed25519 key in PEM (PKCS#8)')
    .requiredOption("-o, --output <file>", "the signed .atome file; may be the same")
    .option(
      "--model-version <n>",
      "signed with it: devices can refuse what is older than what they had",
      modelVersion,
      0,
    )
    .action(sign);
  return withExamples(
    withCommonOptions(command),
    ["atome sign model.atome --key key.pem -o signed.atome", "88 bytes longer, the same model"],
    ["atome sign model.atome --key key.pem -o signed.atome --model-version 4", "the fourth release"],
  );
}

async function sign(path: string, options: SignOptions): Promise<void> {
  const output = new Output(options);
  const key = readPrivateKey(
    new TextDecoder().decode(readInput(options.key, "an Ed25519 private key")),
    `"${options.key}"`,
  );
  const bytes = readModelInput(path, "a .atome file");
  const model = await readModelFile(bytes, path);
  checkOutput(options.output);
  const { signModel } = await import("../signature/signature.js");
  const signed = signModel(model, key, options.modelVersion);
  writeFileAtomically(options.output, signed);
  const publicKey = Buffer.from(publicKeyBytes(key)).toString("hex");
  output.result({ model: options.output, flashBytes: signed.length, modelVersion: options.modelVersion, publicKey });
  const size = grouped(signed.length);
  output.print(`Wrote ${options.output}: ${size} bytes of flash, signed, model version ${options.modelVersion}.`);
}
