import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { findTool } from "../../src/emulate/tools.js";

const program = fileURLToPath(new URL("../../scripts/prove.mjs", import.meta.url));
const engine = fileURLToPath(new URL("..", import.meta.url));
const withFramaC = test.skipIf(findTool("frama-c", process.env.PATH ?? "") === undefined);
const timeoutMs = 900_000;

const dir = mkdtempSync(join(tmpdir(), "atome-proof-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function prove(...args: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "--quick", ...args], { encoding: "utf8" });
  return { status, text: stdout + stderr };
}

/** What the proof says of an engine in which a text that stands there once is replaced. */
function proveBroken(proof: string, text: string, by: string): string {
  const source = readFileSync(join(engine, "atome.c"), "utf8");
  expect(source.split(text)).toHaveLength(2);
  writeFileSync(
    join(dir, "atome.c"),
    source.replace(text, () => by),
  );
  copyFileSync(join(engine, "atome.h"), join(dir, "atome.h"));
  const { status, text: said } = prove("--only", proof, "--engine", dir);
  expect(status).toBe(1);
  return said;
}

describe("npm run prove", () => {
  withFramaC(
    "leaves nothing open that is not explained, and explains nothing that is proved",
    () => {
      const { status, text } = prove();
      expect(text).not.toMatch(/Not proved|proved by now/);
      expect(text).toMatch(/step, wide, 32 bits: .* [1-9]\d* assertions proved/);
      expect(status).toBe(0);
    },
    timeoutMs,
  );

  withFramaC(
    "notices a clamp that lets a value through",
    () => {
      const said = proveBroken("contracts", "> 2 * (uint32_t)limit", "> 3 * (uint32_t)limit");
      expect(said).toContain("Not proved and not explained: prove_clamp: clamped ≡ limit");
    },
    timeoutMs,
  );

  withFramaC(
    "notices a record that is read beyond the end",
    () => {
      const check = "  pass(walk, ANY, 0, RECORD_BYTES);\n  if (walk->error) return 0;\n";
      const said = proveBroken("check, short_layer", check, "  pass(walk, ANY, 0, RECORD_BYTES);\n");
      expect(said).toMatch(/Not proved and not explained: \w+: \\valid_read/);
    },
    timeoutMs,
  );

  withFramaC(
    "notices a string beyond the list",
    () => {
      const said = proveBroken("text", "list && index < a->outputs ?", "list ?");
      expect(said).toMatch(/Not proved and not explained: find_string: \\valid_read/);
    },
    timeoutMs,
  );

  withFramaC(
    "notices a value that nobody wrote",
    () => {
      const said = proveBroken("step, classes", "  spare[0] = spare[1] = spare[2] = spare[3] = 0;\n", "");
      expect(said).toMatch(/Not proved and not explained: build_tables: \\initialized/);
    },
    timeoutMs,
  );

  test("refuses a proof that there is not", () => {
    const { status, text } = prove("--only", "everything");
    expect([status, text]).toEqual([2, expect.stringContaining('there is no proof "everything"')]);
  });
});
