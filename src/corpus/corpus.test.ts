import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { FailureError, UsageError } from "../model/errors.js";
import { Corpus, checkWindow, type TextSpan } from "./corpus.js";
import { findCut } from "./cut.js";

const folder = mkdtempSync(join(tmpdir(), "atome-corpus-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
function file(content: string | Uint8Array): string {
  const path = join(folder, `${files++}.txt`);
  writeFileSync(path, content);
  return path;
}
const read = (span: TextSpan) => Buffer.concat([...span.pieces()]).toString();

describe("Corpus.open", () => {
  test("joins files in order and hashes what it reads", () => {
    const corpus = Corpus.open([file("one\n"), file("two")]);
    expect(corpus.byteCount).toBe(7);
    expect(read(corpus.all)).toBe("one\ntwo");
    expect(corpus.sha256).toBe(createHash("sha256").update("one\ntwo").digest("hex"));
    expect(corpus.files[1]).toMatchObject({ byteCount: 3, sha256: createHash("sha256").update("two").digest("hex") });
  });

  test("reads large files in pieces", () => {
    const bytes = Buffer.alloc(2_500_000, "abcdefg\n");
    const corpus = Corpus.open([file(bytes), file("end")]);
    const sizes = [...corpus.all.pieces()].map((piece) => piece.length);
    expect(sizes).toEqual([1 << 20, 1 << 20, 2_500_000 - (2 << 20), 3]);
    expect(Buffer.concat([...corpus.all.pieces()]).equals(Buffer.concat([bytes, Buffer.from("end")]))).toBe(true);
  });

  test("keeps <|endoftext|> as text", () => {
    expect(read(Corpus.open([file("a<|endoftext|>b")]).all)).toBe("a<|endoftext|>b");
  });

  mkdirSync(join(folder, "directory"));
  const bad: [string, () => string, RegExp][] = [
    ["a missing file", () => join(folder, "none.txt"), /none\.txt": there is no such file; check the path\./],
    ["a path through a file", () => join(file("text"), "x"), /there is no such file/],
    ["a directory", () => join(folder, "directory"), /directory": it is a directory, expected a text file/],
    ["a device", () => "/dev/null", /"\/dev\/null": it is a pipe or a device, expected a text file/],
    ["an empty file", () => file(""), /it is empty, expected text/],
    ["a one-byte file", () => file("x"), /it has 1 byte, expected a text to learn from/],
    ["a file with a zero byte", () => file("text\0text"), /byte 4 is 0, expected text; .* --allow-binary/],
    ["a file of control characters", () => file("\x01\x02text"), /2 of 6 bytes are control characters/],
  ];
  test.each(bad)("refuses %s", (_, path, message) => {
    const open = () => Corpus.open([path()]);
    expect(open).toThrow(UsageError);
    expect(open).toThrow(message);
  });

  test("refuses no file at all", () => {
    expect(() => Corpus.open([])).toThrow("no file is given");
  });

  test("takes binary bytes when allowed, and bytes of any encoding always", () => {
    expect(Corpus.open([file("text\0")], { allowBinary: true }).byteCount).toBe(5);
    expect(Corpus.open([file(Uint8Array.of(0xe9, 0xff, 0x80))]).byteCount).toBe(3);
  });

  test.skipIf(process.getuid?.() === 0)("says when a file may not be read (skipped as root)", () => {
    const path = file("text");
    chmodSync(path, 0);
    expect(() => Corpus.open([path])).toThrow(FailureError);
    expect(() => Corpus.open([path])).toThrow("permission is denied");
  });

  test("says when a file has changed after it was opened", () => {
    const path = file("some text");
    utimesSync(path, 1, 1);
    const corpus = Corpus.open([path]);
    writeFileSync(path, "some test");
    expect(() => read(corpus.all)).toThrow("it has changed since it was first read");
  });

  test("says when a file becomes shorter while it is read", () => {
    const path = file("some text".repeat(200_000));
    const pieces = Corpus.open([path]).all.pieces()[Symbol.iterator]();
    expect(pieces.next().value.length).toBe(1 << 20);
    truncateSync(path, 1 << 20);
    expect(() => pieces.next()).toThrow("it ends at byte 1048576 but had 1800000");
  });

  test("tells of every piece it reads", () => {
    const counts: number[] = [];
    const corpus = Corpus.open([file("x".repeat(1_100_000)), file("yz")], { onRead: (count) => counts.push(count) });
    expect(counts).toEqual([1 << 20, 1_100_000 - (1 << 20), 2]);
    read(corpus.all);
    expect(counts.length).toBe(6);
  });
});

describe("Corpus.split", () => {
  test("holds out the end, without gap or overlap", () => {
    const content = "x".repeat(1000);
    const { training, validation } = Corpus.open([file(content)]).split(0.1);
    expect([training.byteCount, validation.byteCount]).toEqual([900, 100]);
    expect(read(training) + read(validation)).toBe(content);
  });

  test("fraction 0 holds nothing out", () => {
    const { training, validation } = Corpus.open([file("text")]).split(0);
    expect([read(training), read(validation)]).toEqual(["text", ""]);
  });

  test("splits over files at any fraction", () => {
    const part = fc.string({ unit: fc.constantFrom("a", "\n", "."), minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(
        fc.array(part, { minLength: 1, maxLength: 3 }),
        fc.double({ min: 0, max: 0.5, noNaN: true }),
        (parts, fraction) => {
          const { training, validation } = Corpus.open(parts.map(file)).split(fraction);
          expect(read(training) + read(validation)).toBe(parts.join(""));
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe("findCut", () => {
  const cut = (text: string, wanted: number, ends: number[] = []) =>
    findCut(wanted, text.length, ends, (from, to) => Buffer.from(text).subarray(from, to));
  const line = `${"x".repeat(9)}\n`;

  test("prefers the end of a document to nearer paragraphs and lines", () => {
    const text = `${line.repeat(7)}<|endoftext|>\n${line}\n${line.repeat(9)}`;
    expect(cut(text, 96)).toBe(84);
  });

  test("takes the end of a file as the end of a document", () => {
    expect(cut(line.repeat(20), 100, [83])).toBe(83);
    expect(cut(line.repeat(20), 100, [60])).toBe(100);
  });

  test("prefers an empty line to a nearer line", () => {
    const text = `${line.repeat(8)}\n${line.repeat(10)}`;
    expect(cut(text, 91)).toBe(81);
  });

  test("takes the nearest line end, the earlier of two", () => {
    expect(cut(line.repeat(20), 103)).toBe(100);
    expect(cut(line.repeat(20), 105)).toBe(100);
    expect(cut(line.repeat(20), 106)).toBe(110);
  });

  test("cuts where wanted when no line ends near", () => {
    expect(cut("x".repeat(100), 57)).toBe(57);
  });
});

test("checkWindow() asks for one window and the symbol after it", () => {
  expect(() => checkWindow("the training text", 65, 64)).not.toThrow();
  expect(() => checkWindow("the training text", 64, 64)).toThrow(
    "Cannot use the training text: it has 64 symbols, expected at least 65",
  );
});
