import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openChromium } from "../../scripts/chromium.mjs";
import type { Decision, Evaluation } from "../evaluate/evaluation.js";
import { makePart } from "../evaluate/evaluation-part.js";
import { NONE, type ScoredExample } from "../evaluate/scored-example.js";
import { reportHtml } from "./html.js";
import { reportMarkdown } from "./markdown.js";
import { reportOf } from "./report.js";

const decision: Decision = { signal: "margin", threshold: 2048, temperature: 2, target: { maxRisk: 0.25 } };
// By the margin, from the surest on: right, wrong (none), right, wrong, and below the threshold one of none.
const scored: ScoredExample[] = [
  { text: "lights on", label: 0, logits: [6144, 0] },
  { text: "who are you", label: NONE, logits: [5120, 0] },
  { text: "lights off", label: 1, logits: [0, 4096] },
  { text: "not on", label: 1, logits: [2048, 0] },
  { text: "hm", label: NONE, logits: [0, 1024] },
];

function evaluationOf(change: Partial<Evaluation> = {}, examples = scored): Evaluation {
  const names = change.classNames ?? ["on", "off"];
  const chosen = change.decision ?? decision;
  return {
    version: 1,
    task: "classify",
    model: { configName: "lights", flashBytes: 20480, ramBytes: 4096, sha256: "ab".repeat(32) },
    classNames: names,
    decision: chosen,
    parts: [
      makePart("validation", examples.slice(0, 3), names.length, chosen),
      makePart("test", examples, names.length, chosen),
    ],
    fit: [
      {
        chip: "RP2040",
        flashBytes: 26112,
        ramBytes: 4544,
        fits: true,
        instructionsPerDecision: 12345,
        decisionsPerSecond: 84,
      },
      { chip: "CH32V003", flashBytes: 27000, ramBytes: 4544, fits: false },
    ],
    notes: ["1 text is there twice."],
    ...change,
  };
}

const evaluation = evaluationOf();
const markdown = reportMarkdown(evaluation);
const html = reportHtml(evaluation);

/** What would leave its place in HTML or Markdown if it could. */
const HOSTILE =
  '</title></svg><script>alert(1)</script><img src="http://a.b/c" onerror="alert(1)">|`# x`\n\n![y](http://a.b/d)';
const hostile = evaluationOf(
  {
    model: { ...evaluation.model, configName: HOSTILE },
    classNames: [HOSTILE, "off"],
    fit: [{ ...evaluation.fit[0], chip: HOSTILE }],
    notes: [HOSTILE],
  },
  scored.map((example) => ({ ...example, text: HOSTILE })),
);
hostile.parts = hostile.parts.map((part) => ({ ...part, name: HOSTILE }));

/** Section titles and texts. */
const summaryOf = (changed: Evaluation) => {
  const [summary] = reportOf(changed).sections;
  return summary.blocks.map((block) => (block.kind === "paragraph" ? block.text.replaceAll("\u00a0", " ") : ""));
};

describe("the summary", () => {
  test("says what it is, how good, when it says none and what it needs", () => {
    expect(summaryOf(evaluation)).toEqual([
      'This is a classifier of texts, trained as "lights", that tells 2 classes apart: on, off.',
      "Of the 3 examples of a class in the test part it gets 66.7 % right when every answer stands (macro F1 0.667); always answering the commonest class would get 66.7 %.",
      "It says none when the likeliest class leads by less than 1.00 bits, chosen so that at most 25.0 % of the validation part's answers are wrong. In the test part it then answers 100.0 % of the examples of a class, and 50.0 % of its answers are wrong. 50.0 % of the examples of no class are recognised.",
      "More of the answers are wrong than were asked for: 33.3 % in the validation part and 50.0 % in the test part. A threshold keeps its promise only on the examples it was chosen on; others are luckier or unluckier.",
      "It needs 20,480 bytes of flash for the model and 4,096 bytes of RAM. It fits into 1 of the 2 chips below.",
    ]);
  });

  test.each([
    [
      { target: null, signal: "probability", threshold: 16384 },
      /^It says none when the likeliest class has a probability below 0\.500\. /,
    ],
    [
      { target: { coverage: 0.9 }, signal: "entropy", threshold: -3072 },
      /entropy of more than 1\.50 bits, chosen so that 90\.0 % of the validation part's examples of a class are answered\./,
    ],
    [
      { target: { maxRisk: 0.005, isCautious: true }, signal: "energy", threshold: -1024 },
      /the energy is below -0\.50 bits, chosen so that at most 0\.50 % of the validation part's answers are wrong, with 95 % confidence\./,
    ],
    [{ target: null, signal: "margin", threshold: null }, /^It never says none: no threshold was asked for\.$/],
  ] as const)("tells %j", (change, expected) => {
    expect(summaryOf(evaluationOf({ decision: { ...decision, ...change } }))[2]).toMatch(expected);
  });

  test("does not blame a part that just keeps the risk", () => {
    const [, , , missed] = summaryOf(evaluationOf({ decision: { ...decision, target: { maxRisk: 1 / 3 } } }));
    expect(missed).toContain("asked for: 50.0 % in the test part. A threshold");
  });

  test("speaks of the part that was tested, and says when nothing was", () => {
    const [validation, tested] = evaluation.parts;
    const named = (...names: string[]) => evaluationOf({ parts: names.map((name) => ({ ...tested, name })) });
    expect(summaryOf(named("test", "later"))[1]).toContain("in the test part");
    expect(summaryOf(named("first", "second", "validation"))[1]).toContain("in the second part");
    expect(summaryOf(evaluationOf({ parts: [validation] }))[1]).toContain("in the validation part");
    expect(summaryOf(evaluationOf({ parts: [] }))[1]).toBe("Nothing was held out, so how good it is was not measured.");
    expect(summaryOf(evaluationOf({ task: "sensor", fit: [] }))[0]).toContain("a classifier of samples of a sensor");
  });
});

describe("reportMarkdown", () => {
  test("has the test part first, and what was said to what", () => {
    expect([...markdown.matchAll(/^## (.*)$/gm)].map(([, title]) => title)).toEqual([
      "Summary",
      "The test part",
      "The validation part",
      "Device fit",
      "Data",
      "Words",
    ]);
    expect(markdown).toContain(
      [
        "**Answers (columns) to examples of each class (rows), at the threshold**",
        "",
        "| class | on | off | none of these |",
        "|---|---:|---:|---:|",
        "| on | 1 | 0 | 0 |",
        "| off | 1 | 1 | 0 |",
        "| none of these | 1 | 0 | 1 |",
      ].join("\n"),
    );
    expect(markdown).toContain(
      "| who are you | none of these | on | 85.0\u00a0% |\n| not on | off | on | 66.7\u00a0% |",
    );
    expect(markdown).toContain("| margin (decides) | 1.000 | 0.111 | 0.667 | 50.0\u00a0% |");
    expect(markdown).toContain(
      "| RP2040 | yes | 26,112 | 4,544 | 12,345 | 84 |\n| CH32V003 | no | 27,000 | 4,544 | – | – |",
    );
    expect(markdown).toContain("- 1 text is there twice.");
  });

  test("has tables whose rows are all as long as their heads, whatever is in them", () => {
    for (const text of [markdown, reportMarkdown(hostile)]) {
      const plain = text.replaceAll(/\\./g, "");
      for (const [block] of plain.matchAll(/(?:^\|.*\n)+/gm)) {
        const lengths = block
          .trimEnd()
          .split("\n")
          .map((row) => row.split("|").length);
        expect(new Set(lengths).size).toBe(1);
      }
      expect(plain).not.toMatch(/<|!\[|`|https?:/);
    }
  });
});

describe("a report on many classes", () => {
  const classNames = Array.from({ length: 31 }, (_, index) => `class ${index}`);
  const logits = (answer: number) => classNames.map((_, index) => (index === answer ? 9000 : 0));
  const many = evaluationOf({ classNames }, [
    { label: 0, logits: logits(0) },
    { label: 3, logits: logits(4) },
    { label: 3, logits: logits(4) },
    { label: 5, logits: logits(6) },
    { label: NONE, logits: logits(7) },
  ]);

  test("lists pairs instead of a matrix", () => {
    const text = reportMarkdown(many);
    expect(text).toContain("**The classes that are most confused: 2 of 2 pairs**");
    expect(text).toContain("| class 3 | class 4 | 2 | 100.0\u00a0% |\n| class 5 | class 6 | 1 | 100.0\u00a0% |");
    expect(text).toContain("**What examples of none of the classes are taken for: 1 of 1 classes**");
    expect(text).toContain("| class 7 | 1 | 100.0\u00a0% |");
    expect(text).toContain("that tells 31 classes apart: class 0, class 1,");
    expect(text).toContain("class 11 and 19 more.");
    expect(reportHtml(many)).not.toContain('class="tinted"');
  });
});

const pages = [
  ["a report", html],
  ["a report on hostile texts", reportHtml(hostile)],
  [
    "a report without a threshold",
    reportHtml(evaluationOf({ decision: { ...decision, threshold: null, target: null } })),
  ],
] as const;

describe.each(pages)("reportHtml of %s", (_, page) => {
  test("is well-formed", () => {
    const open: string[] = [];
    for (const [, closing, name, rest] of page
      .replace("<!doctype html>", "")
      .matchAll(/<(\/?)([a-zA-Z0-9]+)([^<>]*)>/g)) {
      if (closing) expect(open.pop()).toBe(name);
      else if (!rest.endsWith("/") && name !== "meta") open.push(name);
    }
    expect(open).toEqual([]);
    const ids = [...page.matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, id] of page.matchAll(/(?:aria-labelledby="|url\(#)([\w-]+)/g)) expect(ids).toContain(id);
    expect(page).not.toMatch(/NaN|Infinity|undefined|null/);
  });

  test("needs nothing from elsewhere and runs nothing", () => {
    expect(page).toContain(`content="default-src 'none'; style-src 'unsafe-inline'"`);
    expect(page).not.toMatch(/<(?:script|link|img|iframe|object|embed|use|image|base|form)\b/i);
    expect(page).not.toMatch(/<[^>]*\s(?:src|href|on\w+)=/i);
    expect(page).not.toMatch(/@import|url\((?!#)/);
  });

  test("tells its tables and pictures to those who do not see", () => {
    expect(page).toContain('<html lang="en">');
    const count = (pattern: RegExp) => [...page.matchAll(pattern)].length;
    expect(
      count(
        /<svg [^>]*role="img" aria-labelledby="[\w-]+-title [\w-]+-text">\n<title id="[\w-]+-title">[^<]+<\/title>\n<desc id=/g,
      ),
    ).toBe(4);
    expect(count(/<svg/g)).toBe(4);
    expect(count(/<caption>/g)).toBe(count(/<table/g));
    expect(count(/<th /g)).toBe(count(/<th scope="(?:col|row)"/g));
  });
});

test("cells are coloured by their share of the row, but where an answer was withheld", () => {
  // On: right. Off: one right, one wrong at first, then withheld. None: one wrong, one right.
  const row = (page: string, name: string) => page.match(new RegExp(`<th scope="row">${name}</th>(<td.*?)</tr>`))?.[1];
  expect(row(html, "off")).toBe(
    '<td class="number wrong" style="--tint:0.38">1</td><td class="number right" style="--tint:0.38">1</td><td class="number zero">0</td>',
  );
  expect(row(reportHtml(evaluationOf({ decision: { ...decision, threshold: 2049 } })), "off")).toBe(
    '<td class="number zero">0</td><td class="number right" style="--tint:0.38">1</td><td class="number">1</td>',
  );
  expect(row(html, "on")).toContain('<td class="number right" style="--tint:0.60">1</td>');
});

describe("the plots", () => {
  const [calibration, risk] = [...html.matchAll(/<svg[\s\S]*?<\/svg>/g)].map(([svg]) => svg);

  test("draw calibration over 364 by 334 pixels", () => {
    // After: 2/3 sure and wrong, 0.8 and right (margin of two bits), 8/9 and right (three bits).
    expect(calibration).toContain('<path class="line dashed" d="M68.0 350.0L432.0 16.0"/>');
    expect(calibration).toContain('<path class="line first" d="M310.7 350.0L359.2 16.0L391.6 16.0"/>');
    expect(calibration).toContain('<circle class="first-mark" cx="310.7" cy="350.0" r="4"/>');
  });

  test("draw risk against coverage, the target and the threshold", () => {
    // Steps: 0 of 1, 1 of 2, 1 of 3, 2 of 4 and 3 of 5 wrong; a third, a third, two thirds, all and all answered.
    const y = (value: number) => (290 - (value / (1.12 * 0.6)) * 274).toFixed(1);
    expect(risk).toContain(`d="M269.3 ${y(0)}L470.7 ${y(1 / 3)}L672.0 ${y(1 / 2)}L672.0 ${y(3 / 5)}"`);
    expect(risk).toContain(`<path class="line dashed" d="M68.0 ${y(0.25)}L672.0 ${y(0.25)}"/>`);
    expect(risk).toContain(
      `<rect class="second-mark" x="668.5" y="${(Number(y(0.5)) - 3.5).toFixed(1)}" width="7" height="7"/>`,
    );
    expect(risk).toContain(">100.0\u00a0% answered, 50.0\u00a0% wrong</text>");
  });
});

describe.skipIf(!chromiumPath)("in Chromium", () => {
  let web: Awaited<ReturnType<typeof openChromium>>;

  beforeAll(async () => {
    web = await openChromium({ "/report.html": reportHtml(hostile) });
  });
  afterAll(() => web?.close());

  test("a report on hostile texts shows them, asks for nothing and fits a phone", async () => {
    const page = await web.browser.newPage({ viewport: { width: 390, height: 800 } });
    const asked: string[] = [];
    const said: string[] = [];
    page.on("request", (request) => asked.push(new URL(request.url()).pathname));
    page.on("dialog", (dialog) => dialog.dismiss().then(() => said.push("dialog")));
    page.on("console", (message) => said.push(message.text()));
    await page.goto(`${web.origin}/report.html`);
    const shown = HOSTILE.replaceAll(/\s+/g, " ");
    expect(await page.title()).toBe(`Report on ${shown}`);
    expect(await page.locator("li").first().textContent()).toBe(shown);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
    await page.close();
    expect(asked).toEqual(["/report.html"]);
    expect(said).toEqual([]);
  });
});
