import { spawnSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createRandom } from "./make/random.mjs";
import { type } from "./make/spelling.mjs";
import { wordsOf } from "./make/text-set.mjs";
import { expand, readWordings } from "./make/wordings.mjs";

const here = fileURLToPath(new URL("./", import.meta.url));
const read = (path: string) => readFileSync(join(here, path), "utf8");
const make = (folder: string, ...args: string[]) =>
  spawnSync(process.execPath, [join(folder, "make.mjs"), ...args], { encoding: "utf8" });

/** The rows of a CSV file below its header, of which no field has a line break. */
function rowsOf(path: string): string[][] {
  const [, ...lines] = read(path).trimEnd().split("\n");
  return lines.map((line) =>
    [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)]
      .slice(0, line.endsWith(",") ? undefined : -1)
      .map(([, field]) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field)),
  );
}

const count = (values: readonly string[]) => {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};

describe.each(["household", "device-intents", "line-router", "sensor-faults"])("examples/%s", (name) => {
  test("is what its maker makes", () => {
    const { stdout, status } = make(join(here, name), "--check");
    expect(stdout).not.toContain("DIFFERS");
    expect(stdout).toContain("up to date");
    expect(status).toBe(0);
  });
});

describe("a maker", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "atome-examples-"));
    cpSync(here, folder, { recursive: true });
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  test("finds a file that was changed by hand", () => {
    const set = join(folder, "line-router");
    appendFileSync(join(set, "test.csv"), "one more,status\n");
    expect(make(set, "--check")).toMatchObject({ status: 1, stdout: expect.stringContaining("test.csv: DIFFERS") });
    make(set);
    expect(make(set, "--check").status).toBe(0);
  });

  test.each([
    ["## stop\n(pause|hold the music", '")" is missing in: (pause|hold the music'],
    ["## stop\nstop {tunes}", "there is no list {tunes} for: stop {tunes}"],
    ["## snooze\nten more minutes", 'wordings-train.txt:2: the label "snooze" is not one of the set'],
    ["turn it off", "wordings-train.txt:1: a wording before any label"],
  ])("says what is wrong with the wordings %j", (wrong, message) => {
    const set = join(folder, "device-intents");
    writeFileSync(join(set, "wordings-train.txt"), `${wrong}\n${read("device-intents/wordings-train.txt")}`);
    expect(make(set)).toMatchObject({ status: 1, stderr: expect.stringContaining(message) });
  });
});

describe.each([
  {
    name: "device-intents",
    labels: [
      ...["alarm", "cooler", "light-dim", "light-off", "light-on", "lock", "none", "play", "stop"],
      ...["temperature-set", "time", "timer", "unlock", "volume", "warmer", "weather"],
    ],
    rows: { train: 2850, validation: 390, test: 790 },
  },
  {
    name: "line-router",
    labels: ["alert", "command", "greeting", "question", "status"],
    rows: { train: 2050, validation: 270, test: 560 },
  },
])("the texts of examples/$name", ({ name, labels, rows }) => {
  const parts = Object.keys(rows).map((part) => ({ part, rows: rowsOf(`${name}/${part}.csv`) }));

  test("are as many as they should be, of known labels, all of them in every part", () => {
    for (const { part, rows: found } of parts) {
      expect(found.every((row) => row.length === 2 && row[0] !== "")).toBe(true);
      expect(found.length).toBe(rows[part as keyof typeof rows]);
      expect(Object.keys(count(found.map(([, label]) => label))).sort()).toEqual(labels);
      expect(read(`${name}/README.md`)).toMatch(new RegExp(`\\| \`${part}.csv\` +\\| ${found.length} `));
    }
  });

  test("differ in their words, in one part and between parts", () => {
    const repeated = Object.entries(count(parts.flatMap((part) => part.rows.map(([text]) => wordsOf(text)))));
    expect(repeated.filter(([, times]) => times > 1)).toEqual([]);
  });

  test("are printable ASCII", () => {
    for (const { rows: found } of parts) for (const [text] of found) expect(text).toMatch(/^[ -~]+$/);
  });

  test("come from pools that share no wording and no item of a list", () => {
    const [train, held] = ["train", "test"].map((pool) =>
      readWordings(new URL(`${name}/wordings-${pool}.txt`, import.meta.url)),
    );
    const items = (pool: typeof train) => [...pool.lists.values()].flat();
    const texts = (pool: typeof train) => pool.wordings.map(({ text }: { text: string }) => text.toLowerCase());
    expect(items(held).filter((item) => items(train).includes(item))).toEqual([]);
    expect(texts(held).filter((text: string) => texts(train).includes(text))).toEqual([]);
  });
});

describe("the rows of examples/sensor-faults", () => {
  const gaps = ["", "nan", "-999", "65535"];
  const kinds = ["drift", "dropout", "noise", "normal", "spike", "stuck"];
  const parts = ["train", "validation", "test"].map((part) => ({ part, rows: rowsOf(`sensor-faults/${part}.csv`) }));

  test("are series of 600, of known labels, all of them in every part", () => {
    for (const { part, rows } of parts) {
      expect(rows.every((row) => row.length === 5)).toBe(true);
      expect(new Set(Object.values(count(rows.map(([series]) => series))))).toEqual(new Set([600]));
      expect(Object.keys(count(rows.map((row) => row[4]))).sort()).toEqual(kinds);
      expect(read("sensor-faults/README.md")).toMatch(new RegExp(`\\| \`${part}.csv\` +\\| ${rows.length} `));
    }
  });

  test("are of other rigs in every part", () => {
    const rigs = parts.flatMap(({ rows }) => [...new Set(rows.map(([series]) => series.split("-")[0]))]);
    expect(Object.values(count(rigs)).filter((times) => times > 1)).toEqual([]);
    expect(rigs.length).toBe(17);
  });

  test("hold counts of 12 bits; what is missing is a dropout and nothing else is", () => {
    for (const { part, rows } of parts) {
      const seen = new Set<string>();
      const wrong = rows.filter(([, ...fields]) => {
        const label = fields.pop();
        const missing = fields.filter((field) => gaps.includes(field));
        for (const gap of missing) seen.add(gap);
        const isCount = (field: string) => /^\d{1,4}$/.test(field) && Number(field) <= 4095;
        return missing.length > 0 !== (label === "dropout") || !fields.every((f) => missing.includes(f) || isCount(f));
      });
      expect(wrong).toEqual([]);
      if (part !== "validation") expect([...seen].sort()).toEqual([...gaps].sort()); // which has few dropouts
    }
  });

  test("hold one column still while it is stuck, and none for long while all is normal", () => {
    for (const { rows } of parts) {
      const still = [0, 0, 0];
      let longest = 0;
      rows.forEach((row, i) => {
        const before = rows[i - 1];
        for (let c = 0; c < 3; c++)
          still[c] = before?.[c + 1] === row[c + 1] && before[4] === row[4] ? still[c] + 1 : 0;
        if (row[4] === "stuck" && before[4] === "stuck") expect(Math.max(...still)).toBeGreaterThan(0);
        if (row[4] === "normal") longest = Math.max(longest, ...still);
      });
      expect(longest).toBeLessThan(12);
    }
  });
});

describe("expand()", () => {
  const lists = new Map([
    ["room", ["hall"]],
    ["place", ["the {room}"]],
  ]);
  const all = (text: string) => {
    const random = createRandom(1);
    return [...new Set(Array.from({ length: 200 }, () => expand(text, lists, random)))].sort();
  };

  test.each([
    ["(on|off)", ["off", "on"]],
    ["light[s] on", ["light on", "lights on"]],
    ["a (b|c [d])", ["a b", "a c", "a c d"]],
    ["in {place} [now], please", ["in the hall now, please", "in the hall, please"]],
    ["<08-10>", ["08", "09", "10"]],
    ["<8-10>%", ["10%", "8%", "9%"]],
    ["\\{a\\|b\\} \\[<1-1>]", ["{a|b} [1]"]],
  ])("%s stands for %j", (text, expected) => {
    expect(all(text)).toEqual(expected);
  });
});

describe("type()", () => {
  const always = { lower: 0, upper: 0, bare: 0, typo: 0 };

  test("writes capitals or none, and leaves punctuation out", () => {
    expect(type("is Mozart on?", { ...always, upper: 1 }, createRandom(1))).toBe("IS MOZART ON?");
    expect(type("is Mozart on?", { ...always, lower: 1, bare: 1 }, createRandom(1))).toBe("is mozart on");
    expect(type("is Mozart on?", always, createRandom(1))).toBe("Is Mozart on?");
  });

  test("slips once, in a word of five letters or more, and not at its beginning", () => {
    const random = createRandom(1);
    for (let i = 0; i < 500; i++) {
      const [first, word, last, ...more] = type("dim kitchen now", { ...always, typo: 1 }, random).split(" ");
      expect([first, last.replace(".", ""), more]).toEqual(["Dim", "now", []]);
      expect(word).toMatch(/^k.{5,7}$/);
      expect(Math.abs(word.length - 7)).toBeLessThanOrEqual(1);
    }
  });
});
