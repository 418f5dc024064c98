import type { Decision, EvaluationPart } from "../evaluate/evaluation.js";
import type { RiskPoint } from "../evaluate/selective.js";
import type { Figure, Table } from "./document.js";
import { percent } from "./numbers.js";
import { axes, clipped, frameOf, line, mark, picture, word } from "./plot.js";
import { ticks } from "./ticks.js";

/** Below this coverage a few answers decide the risk, so it may leave the picture. */
const STEADY_COVERAGE = 0.05;
/** Rows of the table. */
const ROWS = 20;

/** How many of the answers are wrong, over how many examples of a class are answered. */
export function riskFigure(part: EvaluationPart, decision: Decision, id: string): Figure {
  const none = part.noneCount > 0 ? ", or belong to an example of none of the classes" : "";
  const caption = `Answers that are wrong${none}, when only the surest are given (by ${decision.signal}).`;
  const reading =
    decision.threshold === null ? "No threshold was asked for." : "The mark is the threshold of the model.";
  return { kind: "figure", caption, reading, svg: svgOf(part, decision, id), table: tableOf(part.riskCoverage) };
}

function svgOf({ name, riskCoverage: curve, outcome }: EvaluationPart, decision: Decision, id: string): string {
  const chosen =
    decision.threshold === null || outcome.risk === null ? undefined : { x: outcome.coverage, y: outcome.risk };
  const steady = curve.filter(({ coverage }) => coverage >= STEADY_COVERAGE).map(({ risk }) => risk);
  const highest = 1.12 * Math.max(0.01, chosen?.y ?? 0, ...steady);
  const frame = frameOf(700, 340, 1, Math.min(1, highest));
  const label = (value: number) => percent(value).replace(".0", "");
  const asked = decision.target && "maxRisk" in decision.target ? decision.target.maxRisk : undefined;
  return picture(
    frame,
    id,
    {
      title: `Risk and coverage on the ${name} part`,
      description:
        "Share of wrong answers over the share of examples that are answered; the table below has the numbers.",
    },
    [
      ...axes(
        frame,
        { name: "examples of a class that are answered", ticks: ticks(0, 1, 5), label },
        { name: "wrong answers", ticks: ticks(0, frame.yMax, 5), label },
      ),
      ...(asked !== undefined && asked < frame.yMax ? askedLine(frame, asked) : []),
      ...clipped(
        frame,
        id,
        line(
          frame,
          curve.map(({ coverage, risk }) => ({ x: coverage, y: risk })),
          "first",
        ),
      ),
      ...(chosen ? chosenMark(frame, chosen) : []),
    ],
  );
}

const askedLine = (frame: ReturnType<typeof frameOf>, risk: number): string[] => [
  line(
    frame,
    [
      { x: 0, y: risk },
      { x: 1, y: risk },
    ],
    "dashed",
  ),
  word(frame, { x: 0, y: risk }, `asked for: at most ${percent(risk)}`, { right: 8, down: -7 }),
];

function chosenMark(frame: ReturnType<typeof frameOf>, at: { x: number; y: number }): string[] {
  const text = `${percent(at.x)} answered, ${percent(at.y)} wrong`;
  const isRight = at.x > 0.5;
  return [
    line(frame, [at, { x: at.x, y: 0 }], "thin"),
    mark(frame, at, "square", "second-mark"),
    word(frame, at, text, { right: isRight ? -10 : 10, down: -10, anchor: isRight ? "end" : "start" }),
  ];
}

function tableOf(curve: readonly RiskPoint[]): Table {
  const isNumber = true;
  const stretch = ({ coverage }: RiskPoint) => Math.floor(coverage * ROWS);
  const rows = curve.filter(
    (point, index) => index === curve.length - 1 || index === 0 || stretch(point) !== stretch(curve[index - 1]),
  );
  return {
    kind: "table",
    caption: "Risk and coverage by the threshold",
    columns: [
      { name: "threshold", isNumber },
      { name: "answered", isNumber },
      { name: "wrong", isNumber },
    ],
    rows: rows.map(({ threshold, coverage, risk }) => [String(threshold), percent(coverage), percent(risk)]),
  };
}
