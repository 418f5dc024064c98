import { Command } from "commander";
import { ERROR_NAMES } from "../format/format-error.js";
import type { SignatureProblem } from "../format/signature.js";
import { FailureError } from "../model/errors.js";
import { isRawKey, publicKeyBytes, readPublicKey } from "../signature/keys.js";
import { readInput } from "./files.js";
import { readModelInput } from "./models.js";
import { type CommonOptions, Output, withCommonOptions, withExamples } from "./output.js";
import { modelVersion } from "./sign.js";

interface VerifySignatureOptions extends CommonOptions {
  key: string;
  minimumVersion: number;
}

export function verifySignatureCommand(): Command {
  const command = new Command("verify-signature")
    .description("Tell whether the owner of a key that you trust signed a model. Exit code 1 when not.")
    .argument("<model>", "a .atome file")
    .requiredOption("--key <key>", "the public key: a file in PEM (SPKI), or its 64 hexadecimal digits")
    .option("--minimum-version <n>", "refuse a model version below it", modelVersion, 0)
    .action(check);
  return withExamples(
    withCommonOptions(command),
    ["atome verify-signature signed.atome --key key.pub.pem", "was it made by whom I think, and not changed since?"],
    ["atome verify-signature signed.atome --key key.pub.pem --minimum-version 4", "and is it no older release?"],
  );
}

/** What was found, and what to do about it. */
const reasons = (version: number | null, least: number): Record<SignatureProblem, string> => ({
  size: "it is damaged or incomplete; copy it again",
  unsigned: 'it is not signed; sign it with "atome sign", or get the signed file from its maker',
  signature:
    "its signature is not one of this key: it was changed after it was signed, or signed with another key; get it again, or name its maker's key",
  modelVersion: `its model version is ${version}, expected at least ${least}: it is an older release; get the newer one`,
});

async function check(path: string, options: VerifySignatureOptions): Promise<void> {
  const output = new Output(options);
  const key = isRawKey(options.key) ? readPublicKey(options.key, options.key) : readKeyFile(options.key);
  const bytes = readModelInput(path, "a .atome file");
  const { checkModel } = await import("../format/reader.js");
  const { verifySignature } = await import("../signature/signature.js");
  const format = checkModel(bytes, `"${path}"`);
  const { problem, modelVersion = null } = verifySignature(bytes, key, options.minimumVersion);
  output.result({
    file: path,
    valid: format.error === 0 && problem === undefined,
    problem: format.error !== 0 ? ERROR_NAMES[format.error] : (problem ?? null),
    modelVersion,
    publicKey: Buffer.from(publicKeyBytes(key)).toString("hex"),
  });
  if (format.error !== 0) throw new FailureError(format.message);
  if (problem) {
    throw new FailureError(`Cannot trust "${path}": ${reasons(modelVersion, options.minimumVersion)[problem]}.`);
  }
  output.print(`Valid: the owner of this key signed ${path}, model version ${modelVersion}.`);
}

const readKeyFile = (path: string) =>
  readPublicKey(new TextDecoder().decode(readInput(path, "an Ed25519 public key")), `"${path}"`);
