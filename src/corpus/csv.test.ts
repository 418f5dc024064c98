import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { UsageError } from "../model/errors.js";
import { type CsvOptions, type Delimiter, parseCsv } from "./csv.js";
import { decodeText } from "./decode-text.js";

const parse = (text: string, options?: CsvOptions) => parseCsv(text, "a.csv", options);
const fieldsOf = (text: string, options?: CsvOptions) => parse(text, options).rows.map(({ fields }) => fields);
const linesOf = (text: string) => parse(text).rows.map(({ line }) => line);

/** Quotes what must be quoted, and of the rest what `quoteAll` says. */
function write(rows: readonly (readonly string[])[], delimiter: string, lineEnd: string, quoteAll: boolean): string {
  const special = new RegExp(`["\r\n${delimiter}]|^\\s*$`);
  const quoted = (field: string) => (quoteAll || special.test(field) ? `"${field.replaceAll('"', '""')}"` : field);
  return rows.map((row) => row.map(quoted).join(delimiter) + lineEnd).join("");
}

describe("parseCsv", () => {
  test("gives back what was written, with the line of each record", () => {
    const field = fc.string({
      unit: fc.constantFrom("a", "é", "\u{1f600}", '"', ",", ";", "\t", "\n", "\r\n", " "),
      maxLength: 6,
    });
    const shape = fc.integer({ min: 2, max: 4 }).chain((width) => {
      return fc.array(fc.array(field, { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 });
    });
    const delimiters = fc.constantFrom<Delimiter>(",", ";", "\t");
    fc.assert(
      fc.property(shape, delimiters, fc.constantFrom("\n", "\r\n", "\r"), fc.boolean(), (rows, delimiter, end, all) => {
        const table = parse(write(rows, delimiter, end, all), { delimiter, header: false });
        expect(table.rows.map(({ fields }) => fields)).toEqual(rows);
        let line = 1;
        for (const [index, row] of rows.entries()) {
          expect(table.rows[index].line).toBe(line);
          line += 1 + (row.join("").match(/\r?\n/g)?.length ?? 0);
        }
      }),
    );
  });

  test("takes all line ends, in one file too, and leaves empty lines out", () => {
    expect(fieldsOf("x,y\r\n1,2\n\n3,4\r5,6\r\n  \r\n7,8")).toEqual([
      ["1", "2"],
      ["3", "4"],
      ["5", "6"],
      ["7", "8"],
    ]);
    expect(linesOf('x,y\r\n"1\r\n\r\n",2\r\n\r\n3,4')).toEqual([2, 6]);
  });

  test("keeps a quote inside of an unquoted field, spaces, and empty fields", () => {
    expect(fieldsOf('x,y,z\n5" pipe, a ,\n"",b"",""""')).toEqual([
      ['5" pipe', " a ", ""],
      ["", 'b""', '"'],
    ]);
  });

  const delimiters: [string, string, string[]][] = [
    ["commas", "a,b\nx;y,1\nz;w;v,2\n", ["x;y", "1"]],
    ["semicolons", "a;b\nx, y;1\nz, w, v;2\n", ["x, y", "1"]],
    ["tabs", "a\tb\nx, y\t1\nz, w, v\t2\n", ["x, y", "1"]],
    ["semicolons by decimal commas", "a;b\n1,5;2,5\n2,5;3,5\n", ["1,5", "2,5"]],
    ["semicolons, though a name has a comma", "a;b, c\nx;1\nz;2\n", ["x", "1"]],
    ["commas, where semicolons would do as well", "a,b;c\nx,1;2\n", ["x", "1;2"]],
    ["nothing", "a\nx y\n", ["x y"]],
  ];
  test.each(delimiters)("finds fields separated by %s", (_, text, first) => {
    expect(fieldsOf(text, { header: true })[0]).toEqual(first);
  });

  test("names columns by the first line, unless it has a number or comes again", () => {
    expect(parse("text,label\nhello,greet\nbye,leave\n").header).toEqual(["text", "label"]);
    expect(parse("hello,greet\nbye,leave\nhi,greet\n").header).toBeUndefined();
    expect(parse("20.5,on\n21,off\n").header).toBeUndefined();
    expect(parse("on, 20.5\noff,21\n").header).toBeUndefined();
    expect(parse("20.5,on\n21,off\n", { header: true }).header).toEqual(["20.5", "on"]);
    expect(fieldsOf("text,label\nhello,greet\n", { header: false })[0]).toEqual(["text", "label"]);
  });

  test("names a column of row numbers, as R writes it, with nothing", () => {
    const table = parse('"date","x"\n"1","May",3\n"2","June",4\n');
    expect(table.header).toEqual(["", "date", "x"]);
    expect(table.rows[1]).toEqual({ fields: ["2", "June", "4"], line: 3 });
  });

  test("drops a delimiter at the end of every row", () => {
    expect(fieldsOf("x,y\na,b,\nc,d,\n")).toEqual([
      ["a", "b"],
      ["c", "d"],
    ]);
  });

  test("takes quotes as text in a tab-separated file that does not quote by the rules", () => {
    const table = parse('label\ttext\nham\t"Gimme a few" was said\nspam\t"free\nham\tok\n');
    expect(table.rows.map(({ fields }) => fields[1])).toEqual(['"Gimme a few" was said', '"free', "ok"]);
    expect(table.notes).toEqual(['Quotes in "a.csv" are part of the texts, not around fields.']);
    expect(parse('label\ttext\nham\t"two\tfields"\nspam\tok\n').rows[0].fields).toEqual(["ham", "two\tfields"]);
  });

  const bad: [string, string, string][] = [
    ["an empty file", "", "it is empty, expected rows of fields"],
    ["empty lines alone", "\n\r\n \n", "it is empty"],
    ["a header alone", "text,label\n", "it has one line, expected names of columns and rows"],
    ["a quote never closed", 'x,y\n"a\nb",1\nc,"d\ne,2\n', "at line 4, a quote opens that is never closed"],
    ["text after a quote", 'x,y\n"a" b,1\n', 'at line 2, " " follows a closing quote, expected the end of the field'],
    [
      "a field too many",
      "x,y\na,b\nc,d, e\n",
      "at line 3, there are 3 fields, expected 2 as in line 1; put fields that hold a comma between quotes",
    ],
    [
      "a field too few",
      "x;y\na;b\nc\n",
      "at line 3, there is 1 field, expected 2 as in line 1; put fields that hold a semicolon",
    ],
    ["odd rows without a header", "1\t2\n3\n", "at line 2, there is 1 field, expected 2 as in line 1"],
    ["one odd row of a tab-separated file", 'x\ty\n"a"\tb\nc\n', "at line 3, there is 1 field"],
  ];
  test.each(bad)("refuses %s", (_, text, message) => {
    expect(() => parse(text)).toThrow(UsageError);
    expect(() => parse(text)).toThrow(`Cannot read "a.csv": ${message}`);
  });

  test("reads a line of 10 MB, quoted or not", () => {
    const long = "word ".repeat(2_000_000);
    expect(fieldsOf(`text,label\n${long},a\n"${long}",b\n`).map(([text]) => text.length)).toEqual([1e7, 1e7]);
    expect(() => parse(`text,label\n"${'""'.repeat(5_000_000)},a\n`)).toThrow("at line 2, a quote opens");
    expect(fieldsOf(`a,b\n${",".repeat(1_000_000)}\n`, { header: false, delimiter: ";" })[1]).toHaveLength(1);
  });
});

describe("decodeText", () => {
  const decode = (...bytes: (number | string)[]) =>
    decodeText(Buffer.concat(bytes.map((part) => Buffer.from(typeof part === "string" ? part : [part]))), "a.csv");

  test("takes UTF-8 with and without a byte order mark, and U+FFFD where the file has it", () => {
    expect(decode("é\ufffdx")).toBe("é\ufffdx");
    expect(decode(0xef, 0xbb, 0xbf, "é")).toBe("é");
  });

  test("takes UTF-16 of either order by its mark", () => {
    expect(decodeText(Buffer.from("\ufeffé,\u{1f600}\n", "utf16le"), "a")).toBe("é,\u{1f600}\n");
    expect(decodeText(Buffer.from("\ufeffé,\u{1f600}\n", "utf16le").swap16(), "a")).toBe("é,\u{1f600}\n");
  });

  const bad: [string, () => string, string][] = [
    [
      "Latin-1",
      () => decode("a\r\nb\ncaf", 0xe9, "\n"),
      'at line 3, byte 8 of the file is E9 ("é" in Latin-1), expected UTF-8',
    ],
    [
      "Latin-1 after UTF-8",
      () => decode(0xef, 0xbb, 0xbf, "é\ufffd\n", 0x93),
      "at line 2, byte 9 of the file is 93, expected UTF-8",
    ],
    ["a character cut off", () => decode("a", 0xe2, 0x82), "at line 1, byte 1 of the file is E2"],
    ["a zero byte", () => decode("text,label\nab", 0, "c"), "at line 2, byte 13 of the file is 0, expected text"],
    ["a zero byte before Latin-1", () => decode(0, "\n", 0xe9), "at line 1, byte 0 of the file is 0"],
    [
      "UTF-16 without a mark",
      () => decode(...[..."text"].flatMap((c) => [c, 0])),
      "byte 1 of the file is 0, as in UTF-16 without",
    ],
    [
      "UTF-16 cut off",
      () => decode(0xff, 0xfe, 0x41, 0, 0x42),
      "at line 1, there is half a character, expected UTF-16LE",
    ],
  ];
  test.each(bad)("refuses %s", (_, read, message) => {
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
    expect(read).toThrow("save the file as UTF-8.");
  });
});
