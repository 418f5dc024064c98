import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { usualConfig } from "./train-task.js";

const folder = mkdtempSync(join(tmpdir(), "atome-train-task-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Path of a file of so many bytes. */
function fileOf(bytes: number): string {
  const path = join(folder, `${bytes}.txt`);
  writeFileSync(path, new Uint8Array(bytes));
  return path;
}

test("usualConfig() goes by the size of a text, all files together, and by the task of labelled data", () => {
  expect(usualConfig("language", [fileOf(99_999)])).toBe("gated-20k");
  expect(usualConfig("language", [fileOf(99_999), fileOf(1)])).toBe("text-20k");
  expect(usualConfig("language", [join(folder, "missing.txt")])).toBe("gated-20k");
  expect(usualConfig("classify", [fileOf(100_000)])).toBe("classify-20k");
  expect(usualConfig("sensor", [fileOf(100_000)])).toBe("sensor-4k");
});
