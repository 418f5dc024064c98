// A report before it is HTML or Markdown: plain texts, so that no writer of either can forget to escape one.

export interface Column {
  name: string;
  /** Numbers stand to the right. */
  isNumber?: boolean;
}

export interface Table {
  kind: "table";
  caption: string;
  columns: readonly Column[];
  /** A cell per column; the first names the row. */
  rows: readonly (readonly string[])[];
  /** -1..1 for each cell but the first of a row: how strongly it is coloured, as right (above 0) or as wrong (below). */
  tints?: readonly (readonly number[])[];
}

export interface Figure {
  kind: "figure";
  caption: string;
  /** How to read the picture, where there is one. */
  reading: string;
  /** An svg element that needs nothing of the page but its style (page-style.ts). */
  svg: string;
  /** The numbers that it draws. */
  table: Table;
}

export interface Paragraph {
  kind: "paragraph";
  text: string;
}

export interface List {
  kind: "list";
  items: readonly string[];
}

export type Block = Table | Figure | Paragraph | List;

export interface Section {
  title: string;
  blocks: readonly Block[];
}

/** A figure worth a glance. */
export interface Fact {
  name: string;
  value: string;
  /** Of what it is. */
  note: string;
}

export interface Report {
  title: string;
  facts: readonly Fact[];
  sections: readonly Section[];
}

export const paragraph = (text: string): Paragraph => ({ kind: "paragraph", text });
