import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageWorkshop } from "./engines.js";
import { buildRp2040Image, compilerVersion, rp2040Compiler } from "./rp2040-image.js";
import { findTool } from "./tools.js";

const searchPath = process.env.PATH ?? "";
const workshop = packageWorkshop(searchPath);
const compiler = findTool("arm-none-eabi-gcc", searchPath);
const version = compiler === undefined ? undefined : await compilerVersion(compiler);
const isSkipped = process.env.CI !== "true" && version !== rp2040Compiler;

test.skipIf(isSkipped)(
  `atome-rp2040.bin is what arm-none-eabi-gcc ${rp2040Compiler} makes of its sources`,
  async () => {
    const kept = readFileSync(join(workshop.firmwareDir, "rp2040", "atome-rp2040.bin"));
    const built = await buildRp2040Image(workshop, compiler ?? "");
    expect(kept.equals(built), 'stale: run "node firmware/rp2040/generate.mjs"').toBe(true);
  },
);

test("buildRp2040Image() refuses another version of the compiler", async () => {
  const folder = mkdtempSync(join(tmpdir(), "atome-rp2040-"));
  const other = join(folder, "arm-none-eabi-gcc");
  writeFileSync(other, "#!/bin/sh\necho 13.2.1\n");
  chmodSync(other, 0o755);
  await expect(buildRp2040Image(workshop, other)).rejects.toThrow(
    "arm-none-eabi-gcc is 13.2.1 but must be 12.2.1; install that version.",
  );
  rmSync(folder, { recursive: true });
});
