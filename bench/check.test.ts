import { expect, test } from "vitest";
import { packageWorkshop } from "../src/emulate/engines.js";
import { findTool } from "../src/emulate/tools.js";
import { check } from "./shared/check.mjs";

const { searchPath } = packageWorkshop(process.env.PATH ?? "");
const isMissing = ["gcc", "arm-none-eabi-gcc", "qemu-system-arm"].some((tool) => !findTool(tool, searchPath));

async function findings(benches: Record<string, string[]>) {
  const said: string[] = [];
  const passes = await check(benches, (text: string) => said.push(text));
  return { passes, text: said.join("\n") };
}

test.skipIf(isMissing)("bytes, instructions and fidelity are no worse than the published ones", async () => {
  const { passes, text } = await findings({ engine: ["--models", "nano"], fidelity: [] });
  expect(passes, text).toBe(true);
  expect(text).toMatch(/^engine: /);
  expect(text).toMatch(/fidelity: \d\d figures compared/);
});

test("a bench that stops fails the check", async () => {
  const { passes, text } = await findings({ fidelity: ["--no-such-option"] });
  expect(passes).toBe(false);
  expect(text).toMatch(/^fidelity: .+/);
});
