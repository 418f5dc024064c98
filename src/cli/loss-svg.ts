import { escapedHtml } from "../report/escape.js";
import { ticks } from "../report/ticks.js";
import type { CurvePoint, LossCurve } from "./loss-curve.js";
import { grouped } from "./output.js";

// In pixels.
const WIDTH = 760;
const HEIGHT = 420;
const LEFT = 64;
const RIGHT = WIDTH - 24;
const TOP = 72;
const BOTTOM = HEIGHT - 56;

// A renderer that knows no media queries draws the light version.
const STYLE = `
  svg { font: 13px system-ui, sans-serif }
  .page { fill: #ffffff } text { fill: #1f2933 } .muted { fill: #5b6875 }
  .title { font-size: 16px; font-weight: 600 }
  .grid { stroke: #e3e8ee } .axis { stroke: #8895a3 }
  .line { fill: none; stroke-width: 2; stroke-linejoin: round }
  .training { stroke: #2563eb } .faint { stroke-width: 1; opacity: 0.35 }
  .held-out { stroke: #c2410c } .dot { fill: #c2410c }
  @media (prefers-color-scheme: dark) {
    .page { fill: #11161d } text { fill: #e6ebf0 } .muted { fill: #9aa7b4 }
    .grid { stroke: #27303a } .axis { stroke: #6b7885 }
    .training { stroke: #7aa7ff } .held-out { stroke: #ffa657 } .dot { fill: #ffa657 }
  }
`;

/**
 * The curve as a picture: an SVG document, the same bytes for the same curve.
 *
 * @param subtitle what was trained
 */
export function lossSvg(curve: LossCurve, subtitle: string): string {
  const { training, smoothed, heldOut } = curve;
  const [low, high] = withMargin(curve.range);
  const x = (step: number) => LEFT + (step / curve.steps) * (RIGHT - LEFT);
  const y = (loss: number) => BOTTOM - ((loss - low) / (high - low)) * (BOTTOM - TOP);
  const path = (points: readonly CurvePoint[]) =>
    points
      .map(({ step, loss }, index) => `${index === 0 ? "M" : "L"}${x(step).toFixed(1)} ${y(loss).toFixed(1)}`)
      .join("");
  const line = (points: readonly CurvePoint[], name: string) =>
    points.length > 1 ? [`<path class="line ${name}" d="${path(points)}"/>`] : [];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${HEIGHT}" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-labelledby="title">`,
    '<title id="title">Loss during training</title>',
    `<style>${STYLE}</style>`,
    `<rect class="page" width="${WIDTH}" height="${HEIGHT}"/>`,
    `<text class="title" x="${LEFT}" y="28">Loss during training</text>`,
    `<text class="muted" x="${LEFT}" y="48">${escapedHtml(subtitle)}</text>`,
    ...legend(heldOut),
    ...lossAxis(low, high, y),
    ...stepAxis(curve.steps, x),
    `<clipPath id="area"><rect x="${LEFT}" y="${TOP}" width="${RIGHT - LEFT}" height="${BOTTOM - TOP}"/></clipPath>`,
    '<g clip-path="url(#area)">',
    ...line(training, "training faint"),
    ...line(smoothed, "training"),
    ...line(heldOut, "held-out"),
    "</g>",
    ...heldOut.map(
      ({ step, loss }) => `<circle class="dot" cx="${x(step).toFixed(1)}" cy="${y(loss).toFixed(1)}" r="2.5"/>`,
    ),
    "</svg>",
    "",
  ].join("\n");
}

/** A little more than the range of the losses, and never nothing. */
function withMargin([low, high]: readonly [number, number]): [low: number, high: number] {
  const margin = high > low ? (high - low) * 0.08 : 0.5;
  return [Math.max(0, low - margin), high + margin];
}

function legend(heldOut: readonly CurvePoint[]): string[] {
  const at = RIGHT - 264;
  const best = heldOut.reduce<CurvePoint | undefined>(
    (least, point) => (least && least.loss <= point.loss ? least : point),
    undefined,
  );
  const training = [`<path class="line training" d="M${at} 24h22"/>`, `<text x="${at + 30}" y="28">training</text>`];
  if (!best) return training;
  return [
    ...training,
    `<path class="line held-out" d="M${at} 44h22"/><circle class="dot" cx="${at + 11}" cy="44" r="2.5"/>`,
    `<text x="${at + 30}" y="48">held out, best ${best.loss.toFixed(3)} at step ${grouped(best.step)}</text>`,
  ];
}

function lossAxis(low: number, high: number, y: (loss: number) => number): string[] {
  const marks = ticks(low, high, 8);
  const decimals = Math.max(...marks.map((mark) => String(mark).split(".")[1]?.length ?? 0));
  return [
    ...marks.flatMap((mark) => [
      `<path class="grid" d="M${LEFT} ${y(mark).toFixed(1)}H${RIGHT}"/>`,
      `<text class="muted" x="${LEFT - 8}" y="${(y(mark) + 4).toFixed(1)}" text-anchor="end">${mark.toFixed(decimals)}</text>`,
    ]),
    `<text transform="translate(18 ${(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">loss (nats per symbol)</text>`,
  ];
}

function stepAxis(steps: number, x: (step: number) => number): string[] {
  const marks = ticks(0, steps, 6).filter(Number.isInteger);
  return [
    `<path class="axis" d="M${LEFT} ${BOTTOM}H${RIGHT}"/>`,
    ...marks.flatMap((mark) => [
      `<path class="axis" d="M${x(mark).toFixed(1)} ${BOTTOM}v5"/>`,
      `<text class="muted" x="${x(mark).toFixed(1)}" y="${BOTTOM + 20}" text-anchor="middle">${grouped(mark)}</text>`,
    ]),
    `<text x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 14}" text-anchor="middle">optimizer steps</text>`,
  ];
}
