import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escapedHtml, escapedMarkdown, visible } from "./escape.js";

test("visible() keeps one line and shows what hides", () => {
  expect(visible("a\n\tb\u2028c")).toBe("a b c");
  // A nul, half of a pair, a zero-width space and a right-to-left override.
  expect(visible("a\u0000b\ud800c\u200bd\u202egnp.exe")).toBe("a\ufffdb\ufffdc\ufffdd\ufffdgnp.exe");
  expect(visible("👨‍👩‍👧 é نعم")).toBe("👨‍👩‍👧 é نعم");
});

describe("escapedHtml", () => {
  test("leaves no markup", () => {
    expect(escapedHtml(`<b class="x">Tom & 'Jerry'</b>`)).toBe(
      "&lt;b class=&quot;x&quot;&gt;Tom &amp; &#39;Jerry&#39;&lt;/b&gt;",
    );
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(..."<>&'\"\n\u0000a") }),
        (text) => !/[<>"'\n]/.test(escapedHtml(text)),
      ),
    );
  });
});

describe("escapedMarkdown", () => {
  test.each([
    ["a|b", "a\\|b"],
    ["a\\|b", "a\\\\\\|b"],
    ["# a\n## b", "\\# a \\#\\# b"],
    ["*a* _b_ `c` ~d~ $e$", "\\*a\\* \\_b\\_ \\`c\\` \\~d\\~ \\$e\\$"],
    ["![x](http://a.b/c.png)", "\\!\\[x\\](http\\://a.b/c.png)"],
    ["<img src=x> &amp;", "&lt;img src=x&gt; &amp;amp;"],
    ["see www.a.b, me@a.b", "see www\\.a.b, me\\@a.b"],
    ["- a", "\\- a"],
    ["1. a", "1\\. a"],
    ["1.5 and 88.7 %", "1.5 and 88.7 %"],
  ])("of %j is %j", (text, expected) => expect(escapedMarkdown(text)).toBe(expected));

  test("never ends a cell or a line", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("|", "\\", "\n", "a", "`") }), (text) => {
        const cells = `| ${escapedMarkdown(text)} |`.replaceAll(/\\./g, "");
        expect(cells).not.toContain("\n");
        expect(cells.split("|").length).toBe(3);
        expect(cells).not.toContain("`");
      }),
    );
  });
});
