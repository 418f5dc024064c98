// The Nodes that training must give the same bits in, beside the one that runs the tests. Their programs are inside npm
// packages, which `npm test` installs into build/node where they are missing.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../build/node", import.meta.url));
const packageName = `node-${process.platform}-${process.arch}`;

/** One for each major version but our own. */
export const nodes = ["20.20.2", "22.23.3", "24.21.0"]
  .filter((version) => version.split(".")[0] !== process.versions.node.split(".")[0])
  .map((version) => {
    const prefix = join(folder, version);
    const path = join(prefix, "node_modules", packageName, "bin", "node");
    return {
      name: `Node ${version}`,
      path,
      /** Where and what npm installs. */
      prefix,
      package: `${packageName}@${version}`,
      isThere: () => spawnSync(path, ["--version"], { encoding: "utf8" }).stdout?.trim() === `v${version}`,
    };
  });
