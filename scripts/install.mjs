// Installs the packages of package-lock.json when they are missing. Progress goes to stderr: stdout belongs to the command.
import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const installed = statSync(join(root, "node_modules", ".package-lock.json"), { throwIfNoEntry: false });
const wanted = statSync(join(root, "package-lock.json"));
if (!installed || installed.mtimeMs < wanted.mtimeMs) {
  process.stderr.write("Installing packages (npm ci)...\n");
  execFileSync("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: root, stdio: ["ignore", 2, 2] });
}
