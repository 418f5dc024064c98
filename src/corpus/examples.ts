import { statSync } from "node:fs";
import { UsageError } from "../model/errors.js";
import { classesOf, classProblem, firstOf } from "./classes.js";
import { type Delimiter, parseCsv } from "./csv.js";
import { decodeText } from "./decode-text.js";
import { readExampleFolder } from "./example-folder.js";
import { readWhole } from "./files.js";
import { groupBy } from "./groups.js";
import { parseJsonLines } from "./jsonl.js";
import {
  type ColumnChoice,
  columnError,
  columnName,
  findColumn,
  guessColumn,
  headerError,
  listed,
  type Table,
  widthOf,
} from "./table.js";

/** Names by which a column is known, in this order. */
const TEXT_NAMES = ["text", "sentence", "utterance", "message", "query", "input"];
export const LABEL_NAMES = ["label", "class", "intent", "category", "target"];
/** Examples without text or label are left out up to this share of all, and refused above it. */
const MOST_INCOMPLETE = 0.05;

/** A text and the class it belongs to, without space around them. */
export interface LabelledExample {
  text: string;
  label: string;
  /** Where it is from: the file, and the line on which it starts where a file holds several. */
  place: string;
}

export interface LabelledExamples {
  /** In the order of the file. */
  examples: readonly LabelledExample[];
  /** The labels in the order of their code units, without the one for none of the classes: the classes of a model. */
  classes: readonly string[];
  /** What the user should know, one sentence each. */
  notes: readonly string[];
}

export interface ExampleOptions {
  /** Guessed by name, or as the other one of two columns, when left out. */
  textColumn?: ColumnChoice | undefined;
  labelColumn?: ColumnChoice | undefined;
  delimiter?: Delimiter | undefined;
  /** Whether the first line of a table names its columns; found out when left out. */
  header?: boolean | undefined;
  /** The label of texts that belong to no class. */
  noneLabel?: string | undefined;
}

/**
 * Reads texts with their classes from a .csv, .tsv, .txt or .jsonl file, or from a folder (see `readExampleFolder`).
 *
 * @throws UsageError when the columns cannot be told, too many examples have no text or no label, or the classes are
 *   fewer than two or more than a model may have
 */
export function readExamples(path: string, options: ExampleOptions = {}): LabelledExamples {
  if (isFolder(path)) return checkExamples(readExampleFolder(path), path, options.noneLabel);
  const table = readTable(path, options);
  const { text, label, guess } = textAndLabel(table, options);
  const examples = table.rows.map(({ fields, line }) => ({
    text: fields[text].trim(),
    label: fields[label].trim(),
    place: `${path}:${line}`,
  }));
  const { notes, ...checked } = checkExamples(examples, path, options.noneLabel);
  return { ...checked, notes: [...table.notes, ...guess, ...notes] };
}

/**
 * Reads a file as a table by the end of its name: .jsonl (or .ndjson) or separated values.
 * @throws UsageError when it cannot be read as one
 */
export function readTable(path: string, options: Pick<ExampleOptions, "delimiter" | "header"> = {}): Table {
  const text = decodeText(readWhole(path), path);
  if (/\.(jsonl|ndjson)$/i.test(path)) return parseJsonLines(text, path);
  const delimiter = options.delimiter ?? (/\.tsv$/i.test(path) ? "\t" : undefined);
  return parseCsv(text, path, { delimiter, header: options.header });
}

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

/** Which columns hold text and label, and what to say of a guess that no name supports. */
function textAndLabel(table: Table, options: ExampleOptions): { text: number; label: number; guess: string[] } {
  const choose = (choice: ColumnChoice | undefined, names: readonly string[], option: string) =>
    choice === undefined ? guessColumn(table, names, option) : findColumn(table, choice, option);
  let text = choose(options.textColumn, TEXT_NAMES, "--text");
  let label = choose(options.labelColumn, LABEL_NAMES, "--label");
  const needed = text === undefined || label === undefined;
  if (needed && !table.header) throw headerError(table);
  if (needed && widthOf(table) === 2) {
    label ??= text === undefined ? withFewerValues(table) : 1 - text;
    text ??= 1 - label;
  }
  const names = `the columns are ${listed(table.header ?? [])}`;
  if (text === undefined)
    throw columnError(table, `none is known to hold the texts: ${names}`, "choose it with --text");
  if (label === undefined) {
    throw columnError(table, `none is known to hold the labels: ${names}`, "choose it with --label");
  }
  const guess = `In "${table.name}" ${columnName(table, text)} is taken for the text and ${columnName(table, label)} for the label.`;
  if (text !== label) return { text, label, guess: needed ? [guess] : [] };
  const found = `${columnName(table, text)} is to be both text and label`;
  throw columnError(table, found, "choose two columns with --text and --label");
}

/** Of two columns the one that holds labels, if one must: that with fewer distinct values. */
function withFewerValues(table: Table): number {
  const [left, right] = [0, 1].map((index) => new Set(table.rows.map(({ fields }) => fields[index])).size);
  return left < right ? 0 : 1;
}

/** What is left when examples without text or label are taken out, and what there is to say about it. */
function checkExamples(all: readonly LabelledExample[], path: string, noneLabel: string | undefined): LabelledExamples {
  const fail = (found: string, fix: string) =>
    new UsageError(`Cannot use the examples of "${path}": ${found}; ${fix}.`);
  const complete = all.filter(({ text, label }) => text !== "" && label !== "");
  const notes: string[] = [];
  if (complete.length < all.length) {
    const found = incompleteOf(all);
    if (all.length - complete.length > MOST_INCOMPLETE * all.length)
      throw fail(found, "complete them, or take them out");
    notes.push(`Left out of "${path}": ${found}.`);
  }
  const counts = new Map<string, number>();
  for (const { label } of complete) counts.set(label, (counts.get(label) ?? 0) + 1);
  const classes = classesOf(counts.keys(), noneLabel);
  const problem = classProblem(classes);
  if (problem) throw fail(problem.found, problem.fix);
  return { examples: complete, classes, notes: [...notes, ...remarks(counts, path)] };
}

function incompleteOf(all: readonly LabelledExample[]): string {
  const parts = (["text", "label"] as const).map((part) => {
    const places = all.filter((example) => example[part] === "").map(({ place }) => place);
    return places.length > 0 ? `${places.length} of ${all.length} examples have no ${part} (${firstOf(places)})` : "";
  });
  return parts.filter((part) => part !== "").join(" and ");
}

/** Classes that can be learned or measured hardly, and labels that may mean the same. */
function remarks(counts: ReadonlyMap<string, number>, path: string): string[] {
  const single = [...counts].filter(([, count]) => count < 2).map(([label]) => `"${label}"`);
  const alike = groupBy([...counts.keys()].sort(), (label) => label.toLowerCase().replace(/\s+/g, " "));
  const notes = [...alike.values()]
    .filter((labels) => labels.length > 1)
    .map(
      (labels) =>
        `Labels of "${path}" differ only in case or spaces: ${labels.map((label) => `"${label}"`).join(", ")}.`,
    );
  if (single.length > 0) {
    const named = single.length === 1 ? "The class" : `${single.length} classes:`;
    notes.push(`${named} ${firstOf(single)} of "${path}" with one example cannot be both learned and validated.`);
  }
  return notes;
}
