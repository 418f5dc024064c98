import { expect, test } from "vitest";
import { findBoardTools } from "../src/emulate/board-engine.js";
import { boards } from "../src/emulate/boards.js";
import { packageWorkshop } from "../src/emulate/engines.js";
import { findTool } from "../src/emulate/tools.js";
import { check } from "./shared/check.mjs";

const workshop = packageWorkshop(process.env.PATH ?? "");
const cores = ["cortex-m0", "cortex-m3", "cortex-m4", "rv32imc"];
const isMissing =
  !findTool("gcc", workshop.searchPath) ||
  boards.some((board) => cores.includes(board.core) && "missing" in findBoardTools(workshop, board));

async function findings(benches: Record<string, string[]>) {
  const said: string[] = [];
  const passes = await check(benches, (text: string) => said.push(text));
  return { passes, text: said.join("\n") };
}

// Minutes on a machine that others use, too.
const timeoutMs = 600_000;

test.skipIf(isMissing)(
  "bytes and instructions are no worse than the published ones",
  async () => {
    const { passes, text } = await findings({ engine: ["--models", "nano", "--cores", cores.join()] });
    expect(passes, text).toBe(true);
    expect(text).toMatch(/^engine: (\d\d+ figures compared|not compared)/);
  },
  timeoutMs,
);

test(
  "fidelity is no worse than the published one",
  async () => {
    const { passes, text } = await findings({ fidelity: [] });
    expect(passes, text).toBe(true);
    expect(text).toMatch(/^fidelity: \d\d figures compared/);
  },
  timeoutMs,
);

test("a bench that stops fails the check", async () => {
  const { passes, text } = await findings({ fidelity: ["--no-such-option"] });
  expect(passes).toBe(false);
  expect(text).toMatch(/^fidelity: .+/);
});
