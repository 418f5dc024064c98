import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "../model/errors.js";
import { decodeText } from "./decode-text.js";
import type { LabelledExample } from "./examples.js";
import { openingError, readWhole } from "./files.js";

/** Names of two files that hold a text and its label in lines of the same number, without their ends. */
const TEXT_FILES = ["seq.in", "text", "texts"];
const LABEL_FILES = ["label", "labels"];

/**
 * Reads a folder that has a folder for each class (every file in it an example), or a .txt file for each class (every
 * line an example), or two files of texts and labels, line by line. Names that start with a dot are left out.
 *
 * @throws UsageError when the folder is none of these
 */
export function readExampleFolder(path: string): LabelledExample[] {
  const names = visibleNames(path);
  const isFolder = (name: string) => statSync(join(path, name), { throwIfNoEntry: false })?.isDirectory();
  const folders = names.filter(isFolder);
  const texts = names.find((name) => TEXT_FILES.includes(withoutTxt(name)));
  const labels = names.find((name) => LABEL_FILES.includes(withoutTxt(name)));
  if (folders.length === 0 && texts && labels) return pairedLines(join(path, texts), join(path, labels));
  const files = names.filter((name) => name.endsWith(".txt") && !folders.includes(name));
  if (folders.length > 0 && files.length === 0) return folders.flatMap((name) => folderOfClass(path, name));
  if (folders.length === 0 && files.length > 0) return files.flatMap((name) => fileOfClass(path, name));
  const found = files.length > 0 ? "it has folders and .txt files" : "it has no folders and no .txt files";
  throw new UsageError(
    `Cannot read examples from "${path}": ${found}, expected a folder for each class or a .txt file for each class; sort them so.`,
  );
}

/** In an order that no file system changes. */
function visibleNames(path: string): string[] {
  try {
    return readdirSync(path)
      .filter((name) => !name.startsWith("."))
      .sort();
  } catch (error) {
    throw openingError(path, (error as NodeJS.ErrnoException).code);
  }
}

const withoutTxt = (name: string): string => name.replace(/\.txt$/, "");

function folderOfClass(path: string, label: string): LabelledExample[] {
  return visibleNames(join(path, label))
    .map((name) => join(path, label, name))
    .map((file) => ({ label, text: decodeText(readWhole(file), file).trim(), place: file }));
}

function fileOfClass(path: string, name: string): LabelledExample[] {
  const file = join(path, name);
  return numberedLines(file)
    .filter(({ text }) => text !== "")
    .map(({ text, line }) => ({ label: withoutTxt(name).trim(), text, place: `${file}:${line}` }));
}

function pairedLines(textFile: string, labelFile: string): LabelledExample[] {
  const texts = numberedLines(textFile);
  const labels = numberedLines(labelFile);
  if (texts.length !== labels.length) {
    throw new UsageError(
      `Cannot read examples from "${textFile}": it has ${texts.length} lines but "${labelFile}" has ${labels.length}, expected a label for each text; correct the files.`,
    );
  }
  return texts.map(({ text, line }, index) => ({ label: labels[index].text, text, place: `${textFile}:${line}` }));
}

/** The lines of a file without space around them, but not the empty one after the last line end. */
function numberedLines(file: string): { text: string; line: number }[] {
  const lines = decodeText(readWhole(file), file).split(/\r\n|\n|\r/);
  if (lines.at(-1) === "") lines.pop();
  return lines.map((text, index) => ({ text: text.trim(), line: index + 1 }));
}
