import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { UsageError } from "../model/errors.js";
import { classNumbers, NO_CLASS } from "./classes.js";
import { type ExampleOptions, readExamples } from "./examples.js";

const folder = mkdtempSync(join(tmpdir(), "atome-examples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes files below a new folder and returns its path. */
let folders = 0;
function tree(files: Record<string, string | Uint8Array>): string {
  const root = join(folder, `${folders++}`);
  mkdirSync(root);
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
  return root;
}
/** The path of a new file. */
const file = (name: string, content: string | Uint8Array) => join(tree({ [name]: content }), name);
const pairsOf = (path: string, options?: ExampleOptions) =>
  readExamples(path, options).examples.map(({ text, label }) => [text, label]);
const csv = (content: string, options?: ExampleOptions) => readExamples(file("a.csv", content), options);

describe("readExamples of a table", () => {
  const two = [
    ["lights on", "light"],
    ["play jazz", "music"],
  ];
  const forms: [string, string, string, ExampleOptions?][] = [
    ["named columns", "a.csv", "id,Intent,Text,x\n1,light,lights on,a\n2,music,play jazz,b\n"],
    ["the first known name", "a.csv", "text,message,label\nlights on,no,light\nplay jazz,no,music\n"],
    ["two columns, one known", "a.csv", "what,class\nlights on,light\nplay jazz,music\n"],
    ["two columns, the other known", "a.csv", "kind,utterance\nlight,lights on\nmusic,play jazz\n"],
    [
      "columns by name",
      "a.csv",
      "text,label,b\n,lights on,light\n,play jazz,music\n",
      { textColumn: "label", labelColumn: "b" },
    ],
    [
      "columns by number, no header",
      "a.csv",
      "1,light,lights on\n2,music,play jazz\n",
      { textColumn: 3, labelColumn: 2 },
    ],
    [
      "two of a name, by number",
      "a.csv",
      "text,text\nlights on,light\nplay jazz,music\n",
      { textColumn: 1, labelColumn: 2 },
    ],
    ["tabs", "a.tsv", "label\ttext\nlight\tlights on\nmusic\tplay jazz\n"],
    [
      "JSON lines",
      "a.jsonl",
      '{"text": "lights on", "label": "light", "x": [1]}\r\n\n{"label": "music", "text": " play jazz\\n"}',
    ],
    ["UTF-16", "a.csv", "\ufefftext,label\nlights on,light\nplay jazz,music\n"],
  ];
  test.each(forms)("takes %s", (_, name, content, options) => {
    const bytes = content.startsWith("\ufeff") ? Buffer.from(content, "utf16le") : content;
    expect(pairsOf(file(name, bytes), options)).toEqual(two);
  });

  test("takes of two unknown columns the one with fewer values for the labels", () => {
    expect(pairsOf(file("a.csv", "x,y\na,1 b\na,2 c\nd,3 e\n"))[0]).toEqual(["1 b", "a"]);
    expect(pairsOf(file("a.csv", "x,y\n1 b,a\n2 c,a\n3 e,d\n"))[0]).toEqual(["1 b", "a"]);
  });

  test("says which columns it took where no name told it", () => {
    const path = file("a.csv", "x,class\na b,1\nc,2\n");
    expect(readExamples(path).notes[0]).toBe(`In "${path}" "x" is taken for the text and "class" for the label.`);
    expect(readExamples(path, { textColumn: "x" }).notes[0]).toContain("with one example");
  });

  test("says where each example is from, and orders classes the same everywhere", () => {
    const path = file("a.csv", 'text,label\n"b\n",zed\na,Zed\nc,\u00e9\nd,10\ne,9\n');
    const { examples, classes } = readExamples(path);
    expect(examples.map(({ place }) => place)).toEqual([2, 4, 5, 6, 7].map((line) => `${path}:${line}`));
    expect(examples[0].text).toBe("b");
    expect(classes).toEqual(["10", "9", "Zed", "zed", "\u00e9"]);
  });

  test("does not count the label for none as a class", () => {
    const content = "text,label\na,x\nb,y\nc,oos\n";
    expect(csv(content, { noneLabel: "oos" }).classes).toEqual(["x", "y"]);
    expect(() => csv("text,label\na,x\nc,oos\n", { noneLabel: "oos" })).toThrow('the only class is "x"');
  });

  test("takes numbers and booleans of JSON as text", () => {
    const content = '{"text": 1, "label": true}\n{"text": "b", "label": false}\n';
    expect(pairsOf(file("a.jsonl", content))).toEqual([
      ["1", "true"],
      ["b", "false"],
    ]);
  });

  const rows = (count: number, row: (i: number) => string) => Array.from({ length: count }, (_, i) => row(i)).join("");
  const bad: [string, string, ExampleOptions, string][] = [
    [
      "no known column",
      "a,b,c\nx,y,z\n",
      {},
      'none is known to hold the texts: the columns are "a", "b", "c"; choose it with --text.',
    ],
    [
      "many columns",
      `${rows(21, (i) => `n${i},`)}\n${",".repeat(21)}\n`,
      {},
      `"n18", "n19" and 2 more; choose it with --text.`,
    ],
    ["a long name", `${"n".repeat(41)},b,c\nx,y,z\n`, {}, `"${"n".repeat(40)}...", "b"`],
    ["a name of 40", `${"n".repeat(40)},b,c\nx,y,z\n`, {}, `"${"n".repeat(40)}", "b"`],
    [
      "no label column",
      "text,b,c\nx,y,z\n",
      {},
      'none is known to hold the labels: the columns are "text", "b", "c"; choose it with --label.',
    ],
    [
      "no header",
      "hello,greet\nhi,greet\nbye,leave\n",
      {},
      'the first line looks like data ("hello", "greet") and not like names of columns; choose columns by number',
    ],
    ["no header, a name", "hello,greet\nhi,greet\n", { labelColumn: "label" }, "the first line looks like data"],
    [
      "an unknown name",
      "text,label\na,b\n",
      { labelColumn: "intent" },
      'there is no column "intent" but "text", "label"; correct --label.',
    ],
    ["column 0", "text,label\na,b\n", { labelColumn: 0 }, "there is no column 0; give --label a number from 1 to 2."],
    ["column 3 of 2", "text,label\na,b\n", { textColumn: 3 }, "there is no column 3; give --text a number"],
    [
      "two columns of the name",
      "text,label,label\na,b,c\n",
      { labelColumn: "label" },
      'columns 2 and 3 are both named "label"; rename one, or give --label a number.',
    ],
    ["two of a known name", "text,Label,label\na,b,c\n", {}, 'columns 2 and 3 are both named "Label"'],
    ["one column twice", "text,label\na,b\n", { labelColumn: "text" }, '"text" is to be both text and label'],
    [
      "one class",
      "text,label\na,x\nb,x\n",
      {},
      'the only class is "x", expected two or more to tell apart; give examples of another class.',
    ],
    [
      "1025 classes",
      `text,label\n${rows(1025, (i) => `a,c${i}\n`)}`,
      {},
      "there are 1025 classes, expected at most 1024",
    ],
    [
      "a long label",
      `text,label\na,x\nb,${"é".repeat(128)}\n`,
      {},
      `that starts with "${"é".repeat(40)}" has 256 bytes, expected at most 255`,
    ],
    [
      "many without a label",
      `text,label\n${rows(17, (i) => `a,c${i % 2}\n`)}b,\n`,
      {},
      "1 of 18 examples have no label (%:19); complete them, or take them out.",
    ],
    [
      "many without both",
      `text,label\n,x\n,y\n,z\n,x\na, \n`,
      {},
      "4 of 5 examples have no text (%:2, %:3, %:4 and 1 more) and 1 of 5 examples have no label (%:6)",
    ],
  ];
  test.each(bad)("refuses %s", (_, content, options, message) => {
    const path = file("a.csv", content);
    const read = () => readExamples(path, options);
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message.replaceAll("%", path));
  });

  test("leaves a few incomplete examples out and says so", () => {
    const path = file("a.csv", `text,label\n${rows(20, (i) => `t,c${i % 2}\n`)},c0\n`);
    const { examples, notes } = readExamples(path);
    expect(examples).toHaveLength(20);
    expect(notes).toEqual([`Left out of "${path}": 1 of 21 examples have no text (${path}:22).`]);
  });

  test("names classes with one example and labels that differ in case or spaces", () => {
    const path = file("a.csv", "text,label\na,On  Off\nb,on off\nb2,on off\nc,x\nd,x\ne,y\nf,z\ng,w\n");
    expect(readExamples(path).notes).toEqual([
      `Labels of "${path}" differ only in case or spaces: "On  Off", "on off".`,
      `4 classes: "On  Off", "y", "z" and 1 more of "${path}" with one example cannot be both learned and validated.`,
    ]);
  });

  test.each([
    ["[1]", "at line 2, there is no JSON object"],
    ["null", "at line 2, there is no JSON object"],
    ['{"text": "a",}', "at line 2, there is no valid JSON"],
    ["[".repeat(100_000), "at line 2, there is no valid JSON"],
  ])("refuses the JSON line %.20s", (line, message) => {
    const path = file("a.jsonl", `{"text": "a", "label": "b"}\n${line}\n`);
    expect(() => readExamples(path)).toThrow(message);
  });

  test("refuses an empty file of JSON lines, and texts that are objects", () => {
    expect(() => readExamples(file("a.jsonl", "\n"))).toThrow("it is empty, expected a JSON object a line");
    const nested = '{"text": "a", "label": "x"}\n{"text": {"a": 1}, "label": "y"}\n';
    expect(() => readExamples(file("a.jsonl", nested))).toThrow('hold the texts: the columns are "label"');
  });

  test("refuses what is not there", () => {
    expect(() => readExamples(join(folder, "none.csv"))).toThrow('none.csv": there is no such file; check the path.');
  });
});

describe("readExamples of a folder", () => {
  test("takes a folder for each class, a file for each example", () => {
    const root = tree({ "b/2.txt": "two\n", "b/1.md": " one \n", "a/x": "three", ".git/x": "no", ".hidden": "no" });
    expect(pairsOf(root)).toEqual([
      ["three", "a"],
      ["one", "b"],
      ["two", "b"],
    ]);
    expect(readExamples(root).examples[0].place).toBe(join(root, "a", "x"));
  });

  test("takes a .txt file for each class, a line for each example", () => {
    const root = tree({ "on.txt": "lights on\r\n\r\n lamp on", "off.txt": "off\n", "README.md": "no" });
    expect(pairsOf(root)).toEqual([
      ["off", "off"],
      ["lights on", "on"],
      ["lamp on", "on"],
    ]);
    expect(readExamples(root).examples[2].place).toBe(`${join(root, "on.txt")}:3`);
  });

  test.each([
    ["seq.in", "label"],
    ["texts.txt", "labels.txt"],
  ])("takes %s and %s, line by line", (texts, labels) => {
    const root = tree({ [texts]: "one\ntwo \n", [labels]: "a\nb\n", "seq.out": "no" });
    expect(pairsOf(root)).toEqual([
      ["one", "a"],
      ["two", "b"],
    ]);
    const uneven = tree({ [texts]: "one\ntwo\n", [labels]: "a\n" });
    expect(() => readExamples(uneven)).toThrow("it has 2 lines but");
  });

  test.each([
    ["nothing", {}, "it has no folders and no .txt files"],
    ["both forms", { "a/x": "1", "b.txt": "2" }, "it has folders and .txt files"],
    ["one class", { "a/x": "1", "a/y": "2" }, 'the only class is "a"'],
    ["folders in a class", { "a/b/x": "1", "c/x": "2" }, "it is a directory, expected a text file"],
  ])("refuses %s", (_, files, message) => {
    expect(() => readExamples(tree(files as Record<string, string>))).toThrow(UsageError);
    expect(() => readExamples(tree(files as Record<string, string>))).toThrow(message);
  });

  test("names the file of an example that is not UTF-8", () => {
    const root = tree({ "a/x": Uint8Array.of(0xe9), "b/x": "2" });
    expect(() => readExamples(root)).toThrow(
      `Cannot read "${join(root, "a", "x")}": at line 1, byte 0 of the file is E9`,
    );
  });
});

test("classNumbers() gives places among the classes and refuses what is none", () => {
  expect([...classNumbers(["b", "oos", "a"], ["a", "b"], "oos", "f")]).toEqual([1, NO_CLASS, 0]);
  expect(() => classNumbers(["b", "oos"], ["a", "b"], undefined, "f")).toThrow(
    'Cannot use "f": its label "oos" is not among the classes ("a", "b"); correct it',
  );
});

const data = process.env.ATOME_DATA;
describe.skipIf(!data)("real sets (skipped without ATOME_DATA)", () => {
  const at = (...names: string[]) => join(data as string, ...names);

  test("SMS spam", () => {
    const { examples, classes, notes } = readExamples(at("sms-spam", "SMSSpamCollection"));
    expect(examples.filter(({ label }) => label === "spam")).toHaveLength(747);
    expect([examples.length, classes]).toEqual([5574, ["ham", "spam"]]);
    expect(notes).toEqual([
      expect.stringContaining("are part of the texts, not around fields"),
      expect.stringContaining('"SMS" is taken for the text and "Label" for the label'),
    ]);
  });

  test("SNIPS", () => {
    const { examples, classes, notes } = readExamples(at("snips-goo2018-split", "train"));
    expect([examples.length, classes.length, notes]).toEqual([13_084, 7, []]);
  });
});
