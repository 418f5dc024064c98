import { Command } from "commander";
import { writeFileAtomically } from "../checkpoint/atomic-file.js";
import { makeKeyPair, publicKeyBytes, readPublicKey } from "../signature/keys.js";
import { checkOutput, refuseExisting } from "./files.js";
import { type CommonOptions, Output, withCommonOptions, withExamples } from "./output.js";

interface KeygenOptions extends CommonOptions {
  output: string;
  force?: boolean;
}

export function keygenCommand(): Command {
  const command = new Command("keygen")
    .description(
      "Make an Ed25519 key to sign models with: one private file, and the public key for computers and chips.",
    )
    .requiredOption("-o, --output <name>", "writes <name>.pem (private), <name>.pub.pem and <name>.pub.h (public)")
    .option("--force", "replace files that exist: what was signed with the old key stays signed with that one")
    .action(keygen);
  return withExamples(withCommonOptions(command), [
    "atome keygen -o key",
    "key.pem signs; key.pub.pem is for verify-signature, key.pub.h for the firmware",
  ]);
}

/** Permissions of a file that its owner alone may read. */
const SECRET = 0o600;

async function keygen(options: KeygenOptions): Promise<void> {
  const output = new Output(options);
  const name = options.output.replace(/\.pem$/, "");
  const files = { privateKey: `${name}.pem`, publicKey: `${name}.pub.pem`, header: `${name}.pub.h` };
  const paths = Object.values(files);
  paths.forEach(checkOutput);
  if (!options.force) refuseExisting(paths);
  const { privatePem, publicPem } = makeKeyPair();
  const publicKey = publicKeyBytes(readPublicKey(publicPem, files.publicKey));
  const utf8 = new TextEncoder();
  writeFileAtomically(files.privateKey, utf8.encode(privatePem), undefined, SECRET);
  writeFileAtomically(files.publicKey, utf8.encode(publicPem));
  writeFileAtomically(files.header, utf8.encode(headerOf(publicKey)));
  output.result({ files, publicKey: Buffer.from(publicKey).toString("hex") });
  output.print(`Wrote ${files.privateKey}: the private key; who has it can sign, so keep it to yourself.`);
  output.print(`Wrote ${files.publicKey} and ${files.header}: the public key, for all who check.`);
}

/** The public key in C. */
function headerOf(key: Uint8Array): string {
  const rows = [0, 8, 16, 24].map((at) =>
    Array.from(key.subarray(at, at + 8), (byte) => `0x${byte.toString(16).padStart(2, "0")},`).join(" "),
  );
  return `/* An Ed25519 public key, for atome_signature_check. */
#include <stdint.h>

static const uint8_t atome_public_key[32] = {
${rows.map((row) => `  ${row}\n`).join("")}};
`;
}
