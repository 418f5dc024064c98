import { describe, expect, test } from "vitest";
import { markdownTable, mergeSection } from "./results.mjs";

describe("mergeSection()", () => {
  const first = mergeSection("# Results\n", "engine", "## Engine\n\nold\n");

  test("adds a section at the end", () => {
    expect(first).toBe("# Results\n\n<!-- engine: begin -->\n## Engine\n\nold\n<!-- engine: end -->\n");
    expect(mergeSection(first, "train", "x")).toBe(`${first}\n<!-- train: begin -->\nx\n<!-- train: end -->\n`);
  });

  test("replaces its own section and no other", () => {
    const both = mergeSection(first, "train", "## Train");
    expect(mergeSection(both, "engine", "## Engine\n\nnew")).toBe(both.replace("old", "new"));
    expect(mergeSection(both, "train", "## Train")).toBe(both);
  });
});

test("markdownTable() aligns columns of numbers to the right", () => {
  expect(
    markdownTable(
      ["core", "bytes"],
      [
        ["m0", 2566],
        ["m3", 12],
      ],
    ),
  ).toBe("| core | bytes |\n| --- | ---: |\n| m0 | 2,566 |\n| m3 | 12 |");
});
