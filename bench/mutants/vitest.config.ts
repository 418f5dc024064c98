// The tests of the engines with another text in place of the mirror: that of the file ATOME_MUTANT.
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const mirror = fileURLToPath(new URL("../../src/engine/mirror.ts", import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  plugins: [
    {
      name: "mutant",
      enforce: "pre",
      load: (id) => (id === mirror ? readFileSync(process.env.ATOME_MUTANT ?? "", "utf8") : undefined),
    },
  ],
  test: { include: ["src/engine/*.test.ts", "vectors/vectors.test.ts"], bail: 1, testTimeout: 60_000 },
});
