import { escapedHtml } from "./escape.js";

/** A picture's frame in pixels, and the ranges of its axes. */
export interface Frame {
  /** Of the whole picture. */
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
  /** Greatest value of each axis; both begin at 0. */
  xMax: number;
  yMax: number;
}

export interface Point {
  x: number;
  y: number;
}

export const frameOf = (width: number, height: number, xMax: number, yMax: number): Frame => ({
  width,
  height,
  left: 68,
  right: width - 28,
  top: 16,
  bottom: height - 50,
  xMax,
  yMax,
});

const xOf = ({ left, right, xMax }: Frame, x: number): string => (left + (x / xMax) * (right - left)).toFixed(1);
const yOf = ({ top, bottom, yMax }: Frame, y: number): string => (bottom - (y / yMax) * (bottom - top)).toFixed(1);

/** Straight lines from point to point. */
export function line(frame: Frame, points: readonly Point[], style: string): string {
  const path = points.map(({ x, y }, index) => `${index === 0 ? "M" : "L"}${xOf(frame, x)} ${yOf(frame, y)}`).join("");
  return points.length > 1 ? `<path class="line ${style}" d="${path}"/>` : "";
}

/** An element of which only what lies between the axes is seen. */
export function clipped({ left, right, top, bottom }: Frame, id: string, element: string): string[] {
  const area = `x="${left - 2}" y="${top}" width="${right - left + 4}" height="${bottom - top + 2}"`;
  return [`<clipPath id="${id}-area"><rect ${area}/></clipPath>`, `<g clip-path="url(#${id}-area)">${element}</g>`];
}

/** A round or square mark on a point. */
export function mark(frame: Frame, { x, y }: Point, shape: "circle" | "square", style: string): string {
  const [cx, cy] = [xOf(frame, x), yOf(frame, y)];
  return shape === "circle"
    ? `<circle class="${style}" cx="${cx}" cy="${cy}" r="4"/>`
    : `<rect class="${style}" x="${(Number(cx) - 3.5).toFixed(1)}" y="${(Number(cy) - 3.5).toFixed(1)}" width="7" height="7"/>`;
}

/** A bar that stands on the lower axis. */
export function bar(frame: Frame, from: number, to: number, y: number): string {
  const width = Number(xOf(frame, to)) - Number(xOf(frame, from)) - 1;
  const height = frame.bottom - Number(yOf(frame, y));
  return `<rect class="bar" x="${xOf(frame, from)}" y="${yOf(frame, y)}" width="${width.toFixed(1)}" height="${height.toFixed(1)}"/>`;
}

/** A word beside a point. */
export function word(
  frame: Frame,
  { x, y }: Point,
  text: string,
  { right = 0, down = 0, anchor = "start" }: { right?: number; down?: number; anchor?: "start" | "end" },
): string {
  const [at, from] = [Number(xOf(frame, x)) + right, Number(yOf(frame, y)) + down];
  return `<text x="${at.toFixed(1)}" y="${from.toFixed(1)}" text-anchor="${anchor}">${escapedHtml(text)}</text>`;
}

/** Both axes with a grid. */
export function axes(
  frame: Frame,
  x: { name: string; ticks: readonly number[]; label: (value: number) => string },
  y: { name: string; ticks: readonly number[]; label: (value: number) => string },
): string[] {
  const { left, right, top, bottom, height } = frame;
  return [
    ...y.ticks.flatMap((value) => [
      `<path class="grid" d="M${left} ${yOf(frame, value)}H${right}"/>`,
      `<text class="muted" x="${left - 8}" y="${(Number(yOf(frame, value)) + 4).toFixed(1)}" text-anchor="end">${y.label(value)}</text>`,
    ]),
    ...x.ticks.flatMap((value) => [
      `<path class="axis" d="M${xOf(frame, value)} ${bottom}v5"/>`,
      `<text class="muted" x="${xOf(frame, value)}" y="${bottom + 20}" text-anchor="middle">${x.label(value)}</text>`,
    ]),
    `<path class="axis" d="M${left} ${bottom}H${right}"/>`,
    `<text x="${(left + right) / 2}" y="${height - 8}" text-anchor="middle">${escapedHtml(x.name)}</text>`,
    `<text transform="translate(14 ${(top + bottom) / 2}) rotate(-90)" text-anchor="middle">${escapedHtml(y.name)}</text>`,
  ];
}

/** The whole picture; `title` and `description` are for those who do not see it. */
export function picture(
  { width, height }: Frame,
  id: string,
  { title, description }: { title: string; description: string },
  content: readonly string[],
): string {
  return [
    `<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="${id}-title ${id}-text">`,
    `<title id="${id}-title">${escapedHtml(title)}</title>`,
    `<desc id="${id}-text">${escapedHtml(description)}</desc>`,
    ...content.filter((element) => element !== ""),
    "</svg>",
  ].join("\n");
}
