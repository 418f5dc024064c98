import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

test("10,000 steps of training leave nothing behind in the heap", () => {
  const program = fileURLToPath(new URL("./long-run.mjs", import.meta.url));
  const text = execFileSync(process.execPath, ["--expose-gc", program, "10000"], { encoding: "utf8" });
  const { steps, settledSteps, heapGrowthBytes } = JSON.parse(text);
  // Compiled code and caches come and go; 8 bytes kept per step would be 64,000.
  expect([steps, settledSteps]).toEqual([10000, 2000]);
  expect(heapGrowthBytes).toBeLessThan(48_000);
});
