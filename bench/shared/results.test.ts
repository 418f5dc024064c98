import { describe, expect, test } from "vitest";
import { markdownTable, mergeSection, withContents } from "./results.mjs";

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

test("withContents() lists the sections, and again when there are more", () => {
  const one = mergeSection("# Results\n\nAll.\n", "engine", "## Engine: code, speed and RAM\n\nold");
  const listed = withContents(one);
  const contents =
    "<!-- contents: begin -->\n- [Engine: code, speed and RAM](#engine-code-speed-and-ram)\n<!-- contents: end -->";
  expect(listed).toBe(one.replace("All.\n", `All.\n\n${contents}\n`));
  expect(withContents(listed)).toBe(listed);
  expect(withContents(mergeSection(listed, "train", "## Train"))).toContain(
    "(#engine-code-speed-and-ram)\n- [Train](#train)\n",
  );
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
