import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FailureError } from "../model/errors.js";
import { buildObjects, buildTimeoutMs, imageName, linkImage } from "./board-engine.js";
import { rp2040 } from "./boards.js";
import { type Workshop, withFolder } from "./cache.js";
import { runOrFail } from "./process.js";

/** As `arm-none-eabi-gcc -dumpfullversion` says: Debian 12's 12.2.rel1. Another version makes other code of the same sources. */
export const rp2040Compiler = "12.2.1";

/** What arm-none-eabi-gcc says of itself. */
async function ask(compiler: string, option: string): Promise<string> {
  return (await runOrFail(compiler, [option], ".", buildTimeoutMs)).stdout.trim();
}

export const compilerVersion = (compiler: string) => ask(compiler, "-dumpfullversion");

/**
 * Makes the image from its sources. firmware/rp2040/generate.mjs keeps it in the repository, so that nobody needs a
 * compiler to run it.
 *
 * @param compiler path of arm-none-eabi-gcc
 * @throws FailureError when it has another version than `rp2040Compiler`, or the build fails
 */
export async function buildRp2040Image(workshop: Workshop, compiler: string): Promise<Uint8Array> {
  const version = await compilerVersion(compiler);
  if (version !== rp2040Compiler) {
    throw new FailureError(
      `Cannot build the image of the RP2040: arm-none-eabi-gcc is ${version} but must be ${rp2040Compiler}; install that version.`,
    );
  }
  const objcopy = await ask(compiler, "-print-prog-name=objcopy");
  const objects = await buildObjects(workshop, compiler, rp2040, []);
  const data = join(workshop.firmwareDir, "rp2040", "data.S");
  return withFolder(workshop, async (dir) => {
    await linkImage(workshop, compiler, rp2040, objects, data, dir);
    await runOrFail(objcopy, ["-O", "binary", imageName, "image.bin"], dir, buildTimeoutMs);
    return readFileSync(join(dir, "image.bin"));
  });
}
