import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { chromiumPath, openChromium } from "../../scripts/chromium.mjs";
import { nodes } from "../../scripts/nodes.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));
const program = join(root, "src", "train", "reproducible", "node.mjs");

// SHA-256 of the checkpoints of reproducible/program.mjs. Every machine must come to them; they change with the order of any
// sum in the kernels and with the checkpoint's format, and only then.
const expected = {
  base: "d5261f438a8d77e84fcfb40ade9a7ea653b3935d0daf0a73209e2119ac8b46fc",
  "gated, every pathway": "7e6d0834f78ec290676b9e559f653ac48542bd0b3ddc0fc3194a4e2bf9821d26",
  tokens: "50f215324c37cf504df1e496dfc664dd6a3460a01c5b915b0a27dab7dec1ca40",
  recall: "601501ba60f23b3797897315f0188aa0a9ff9254e1fe8742c2b2132b82a5132f",
  "n-grams": "762e24ebd134ee7e3f5ad6fad68f5778d537752f50f86372330d52c00eeb425d",
  gpt: "0ea54901c1e18113290f5ea96ceb1b05f08e79d3980a2509b90ce1100973a17b",
  llama: "9829134927f22c596bb62424a3fb0209761334598017fcbacab7ec7c6990c20d",
  muon: "73444bea3736f671fc3bb5366a218e42e9bad60d01127e78442315edb6fa6ec5",
};
const threadCounts = [1, 2, 3, 4];

describe("the same checkpoints with 1, 2, 3 and 4 threads", () => {
  const hashesIn = (node: string) => JSON.parse(execFileSync(node, [program], { encoding: "utf8" }));
  const four = threadCounts.map(() => expected);

  test("in this Node", () => expect(hashesIn(process.execPath)).toEqual(four));

  for (const node of nodes) {
    test.skipIf(!node.isThere())(`in ${node.name}`, () => expect(hashesIn(node.path)).toEqual(four));
  }
});

/** The page of README.md. */
const examplePage = () => /```html\n(.*?)```/s.exec(readFileSync(join(root, "README.md"), "utf8"))?.[1] ?? "";

describe.skipIf(!chromiumPath)("in Chromium", () => {
  let web: Awaited<ReturnType<typeof openChromium>>;

  beforeAll(async () => {
    web = await openChromium({ "/example.html": examplePage() });
  });
  afterAll(() => web?.close());

  /** Calls `hashesWith` of reproducible/page.html; the server does not find what matches `missing`. */
  async function hashesIn(url: string, threads: number, missing?: string): Promise<unknown> {
    const page = await web.browser.newPage();
    try {
      if (missing) await page.route(missing, (route) => route.fulfill({ status: 404 }));
      await page.goto(`${web.origin}${url}`);
      return await page.evaluate(`hashesWith(${threads})`);
    } finally {
      await page.close();
    }
  }

  test.each(threadCounts)("the same checkpoints with %i threads", async (threads) => {
    expect(await hashesIn("/src/train/reproducible/page.html", threads)).toEqual(expected);
  });

  test("the page of README.md trains a model that learnt its text", async () => {
    const page = await web.browser.newPage();
    await page.goto(`${web.origin}/example.html`);
    const answer = await page.getByText("bytes of model.atome").textContent();
    await page.close();
    expect(answer).toMatch(/^\d+ bytes of model.atome say: The cat sat on the mat\.$/);
  });

  test("a page that is not isolated is told which headers it lacks", async () => {
    const hashes = hashesIn("/open/src/train/reproducible/page.html", 1);
    await expect(hashes).rejects.toThrow(
      'UsageError: Cannot train in this page: it is not cross-origin isolated, so its threads cannot share memory; serve it over HTTPS or from localhost with the headers "Cross-Origin-Opener-Policy: same-origin" and "Cross-Origin-Embedder-Policy: require-corp".',
    );
  });

  test.each([
    [
      "**/kernels.wasm",
      /FailureError: Cannot train: the server answers 404 for .*kernels\.wasm; serve the whole folder/,
    ],
    ["**/worker-browser.js", /FailureError: .*a thread stopped with "its script could not be loaded"/],
  ])("a server without %s is told so", async (missing, message) => {
    await expect(hashesIn("/src/train/reproducible/page.html", 2, missing)).rejects.toThrow(message);
  });
});

/** Specifiers of static imports, re-exports and imports by call, as the compiler writes them. */
const importPattern = /^(?:import|export) [^"';]*?\bfrom "([^"]+)"|^import "([^"]+)"|\bimport\("([^"]+)"/gm;

/** What a built module leads to that is no file of the build. */
function outsideImports(path: string, seen = new Set<string>()): string[] {
  if (seen.has(path)) return [];
  seen.add(path);
  const specifiers = [...readFileSync(path, "utf8").matchAll(importPattern)].map(
    (match) => match[1] ?? match[2] ?? match[3],
  );
  return specifiers.flatMap((specifier) =>
    specifier.startsWith(".") ? outsideImports(join(dirname(path), specifier), seen) : [specifier],
  );
}

describe("imports", () => {
  const built = (name: string) => [...new Set(outsideImports(join(root, "dist", name)))];

  test("of a page are those that an import map must name", () => expect(built("browser.js")).toEqual(["valibot"]));

  test("of a page's worker are all by address", () => expect(built("train/worker-browser.js")).toEqual([]));

  test("of Node are found by the same search", () => {
    expect(built("index.js")).toEqual(expect.arrayContaining(["node:fs/promises", "node:worker_threads", "valibot"]));
  });
});

describe("sources", () => {
  // What JavaScript leaves to the engine: to chance, to a clock, or in the last bits. Math.sqrt rounds exactly.
  const inexact = "a?(?:cos|sin|tan)h?|atan2|exp|expm1|log|log2|log10|log1p|pow|cbrt|hypot";
  const forbidden = new RegExp(
    [
      String.raw`\bMath\.(?:random|${inexact})\b`,
      String.raw`\bMath\b(?!\.)`,
      String.raw`\*\*(?! ?\d)`,
      String.raw`\b(?:Date|performance)\b(?=[.(])`,
    ].join("|"),
    "g",
  );
  const withoutComments = (source: string) => source.replace(/\/\*.*?\*\/|\/\/[^\n]*/gs, "");
  const foundIn = (source: string) => withoutComments(source).match(forbidden) ?? [];

  test.each(["train", "model", "tokenizer", "corpus", "checkpoint"])("of src/%s use exact functions alone", (name) => {
    const folder = join(root, "src", name);
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
    const sources = files.filter((file) => /\.(?:ts|mjs)$/.test(file) && !file.endsWith(".test.ts"));
    expect(sources.length).toBeGreaterThan(0);
    const found = sources.flatMap((file) =>
      foundIn(readFileSync(join(folder, file), "utf8")).map((match) => `${file}: ${match}`),
    );
    expect(found).toEqual([]);
  });

  test("with inexact functions would be found", () => {
    const sources = [
      "Math.random()",
      "f(Math.log2(x))",
      "Math.tanh",
      "new Date()",
      "Date.now()",
      "{ exp } = Math;",
      "2 ** k",
    ];
    for (const source of sources) {
      expect(foundIn(source), source).toHaveLength(1);
    }
    expect(foundIn("Math.sqrt(Math.floor(2 ** 31)) // not Math.exp")).toEqual([]);
  });
});
