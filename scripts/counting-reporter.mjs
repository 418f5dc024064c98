// A vitest reporter that writes how many tests passed, failed and were skipped, as JSON, to the file that
// ATOME_TEST_COUNTS names. scripts/test.mjs reads it.
import { writeFileSync } from "node:fs";

export class CountingReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) counts[stateOf(test)]++;
      // A file that cannot be loaded, or whose hooks fail, need not have a failed test.
      if (module.state() === "failed" && !tests.some((test) => stateOf(test) === "failed")) counts.failed++;
    }
    writeFileSync(process.env.ATOME_TEST_COUNTS, JSON.stringify(counts));
  }
}

function stateOf(test) {
  const { state } = test.result();
  return state === "pending" ? "skipped" : state;
}

// vitest takes a reporter from the default export of its file.
// biome-ignore lint/style/noDefaultExport: see above
export default CountingReporter;
