import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: [
      "src/**/*.test.ts",
      "engine/**/*.test.ts",
      "firmware/**/*.test.ts",
      "vectors/**/*.test.ts",
      "bench/**/*.test.ts",
      "models/**/*.test.ts",
      "examples/**/*.test.ts",
    ],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Two cores: the training tests start threads of their own.
    maxWorkers: 2,
  },
});
