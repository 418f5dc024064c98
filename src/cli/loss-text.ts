import { ticks } from "../report/ticks.js";
import type { CurvePoint, LossCurve } from "./loss-curve.js";
import { grouped } from "./output.js";

const ROWS = 10;
/** So that the labels of the rows differ. */
const LEAST_SPAN = 0.01;

/**
 * The curve as lines of text: the smoothed training loss as a line, the held-out loss as dots.
 *
 * @param columns width of a line, at least 40
 * @returns no lines when there are fewer than two points
 */
export function lossText(curve: LossCurve, columns: number): string[] {
  const { smoothed, heldOut } = curve;
  if (smoothed.length < 2) return [];
  const [low, most] = curve.range;
  const high = Math.max(most, low + LEAST_SPAN);
  const labels = Array.from({ length: ROWS }, (_, row) => (high - ((high - low) * row) / (ROWS - 1)).toFixed(3));
  const margin = Math.max(...labels.map((label) => label.length));
  const width = columns - margin - 4;
  // What lies above the range is drawn above the first row: not at all.
  const rowOf = (loss: number) => Math.max(-1, Math.round(((high - loss) / (high - low)) * (ROWS - 1)));
  const columnOf = (step: number) => Math.round((step / curve.steps) * (width - 1));
  const grid = Array.from({ length: ROWS }, () => new Array<string>(width).fill(" "));
  drawLine(
    grid,
    columnsOf(smoothed, columnOf, width).map((loss) => (loss === undefined ? undefined : rowOf(loss))),
  );
  for (const { step, loss } of heldOut) grid[rowOf(loss)][columnOf(step)] = "●";
  return [
    `Loss in nats per symbol over the steps:  ─ training${heldOut.length > 0 ? "  ● held out" : ""}`,
    ...grid.map((cells, row) => ` ${labels[row].padStart(margin)} ┤${cells.join("").trimEnd()}`),
    ...stepAxis(curve.steps, margin, width, columnOf),
  ];
}

/** Mean loss of the points of each column; columns between points take the one before, those outside have none. */
function columnsOf(
  points: readonly CurvePoint[],
  columnOf: (step: number) => number,
  width: number,
): (number | undefined)[] {
  const columns = Array.from({ length: width }, () => ({ sum: 0, count: 0 }));
  for (const { step, loss } of points) {
    const column = columns[columnOf(step)];
    column.sum += loss;
    column.count++;
  }
  const last = columnOf((points.at(-1) as CurvePoint).step);
  let before: number | undefined;
  return columns.map(({ sum, count }, index) => {
    before = count > 0 ? sum / count : before;
    return index <= last ? before : undefined;
  });
}

/** Joins the rows of neighbouring columns with box-drawing characters; rows that the grid does not have are left out. */
function drawLine(grid: string[][], rows: readonly (number | undefined)[]): void {
  const set = (row: number, column: number, character: string) => {
    if (grid[row]) grid[row][column] = character;
  };
  rows.forEach((row, column) => {
    if (row === undefined) return;
    const before = rows[column - 1] ?? row;
    for (let between = Math.min(row, before) + 1; between < Math.max(row, before); between++) set(between, column, "│");
    set(before, column, row > before ? "╮" : "╯");
    set(row, column, row === before ? "─" : row > before ? "╰" : "╭");
  });
}

function stepAxis(steps: number, margin: number, width: number, columnOf: (step: number) => number): string[] {
  const axis = new Array<string>(width).fill("─");
  const names = new Array<string>(width).fill(" ");
  for (const mark of ticks(0, steps, 5).filter(Number.isInteger)) {
    const column = columnOf(mark);
    axis[column] = "┬";
    const name = grouped(mark);
    const from = Math.max(0, Math.min(column - (name.length >> 1), width - name.length));
    [...name].forEach((character, index) => {
      names[from + index] = character;
    });
  }
  const indent = " ".repeat(margin + 2);
  return [`${indent}└${axis.join("")}`, `${indent} ${names.join("")}`];
}
