// Writes atome-rp2040.bin beside this file: the firmware of the emulated RP2040 with the engine in it. Build first.
// `node firmware/rp2040/generate.mjs`
import { writeFileSync } from "node:fs";
import { packageWorkshop } from "../../dist/emulate/engines.js";
import { buildRp2040Image } from "../../dist/emulate/rp2040-image.js";
import { findTool } from "../../dist/emulate/tools.js";

async function main() {
  const searchPath = process.env.PATH ?? "";
  const compiler = findTool("arm-none-eabi-gcc", searchPath);
  if (compiler === undefined) throw new Error("Cannot build the image of the RP2040: there is no arm-none-eabi-gcc.");
  const image = await buildRp2040Image(packageWorkshop(searchPath), compiler);
  writeFileSync(new URL("atome-rp2040.bin", import.meta.url), image);
}

main().catch(({ message }) => {
  process.stderr.write(`${message}\n`);
  process.exitCode = 1;
});
