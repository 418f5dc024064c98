import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = new URL("../../", import.meta.url);

/** Version of this program. */
export const programVersion = (): string => JSON.parse(readFileSync(new URL("package.json", root), "utf8")).version;

/** Commit of the checkout this program runs from, with "-dirty" when tracked files were changed; null without a checkout. */
export function programCommit(): string | null {
  // The repository around an installed package would be that of another project.
  if (!existsSync(new URL(".git", root))) return null;
  const args = ["describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"];
  try {
    const text = execFileSync("git", args, { cwd: fileURLToPath(root), stdio: ["ignore", "pipe", "ignore"] });
    return text.toString().trim();
  } catch {
    return null;
  }
}
