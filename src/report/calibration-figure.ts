import type { EvaluationPart } from "../evaluate/evaluation.js";
import type { Figure, Table } from "./document.js";
import { decimal, NO_FIGURE, percent, whole } from "./numbers.js";
import { axes, bar, frameOf, line, mark, picture, word } from "./plot.js";
import { ticks } from "./ticks.js";

type Bins = EvaluationPart["calibration"]["after"]["bins"];

/** Share of the picture's height that the fullest bin's bar takes. */
const BAR_HEIGHT = 0.25;

/** How sure the answers are against how often they are right, before and after the temperature. */
export function calibrationFigure({ name, calibration }: EvaluationPart, temperature: number, id: string): Figure {
  const { before, after } = calibration;
  const caption =
    `How sure the answers are, and how often they are right. Expected calibration error ${decimal(before.ece)} before and ` +
    `${decimal(after.ece)} after the temperature of ${temperature.toFixed(2)}; then ${decimal(after.nllNats)} nats per example, ` +
    `Brier score ${decimal(after.brier)}.`;
  const reading = "On the dashed line answers are right as often as they claim; bars are numbers of answers.";
  return {
    kind: "figure",
    caption,
    reading,
    svg: svgOf(before.bins, after.bins, id, name),
    table: tableOf(before.bins, after.bins),
  };
}

function svgOf(before: Bins, after: Bins, id: string, name: string): string {
  const frame = frameOf(460, 400, 1, 1);
  const axis = { ticks: ticks(0, 1, 5), label: (value: number) => percent(value).replace(".0", "") };
  const most = Math.max(1, ...after.map(({ count }) => count));
  const points = (bins: Bins) =>
    bins.filter(({ count }) => count > 0).map(({ confidence, accuracy }) => ({ x: confidence, y: accuracy }));
  const key = (y: number) => ({ x: 0.04, y });
  return picture(
    frame,
    id,
    {
      title: `Calibration on the ${name} part`,
      description:
        "Share of right answers over their mean probability, before and after calibration; the table below has the numbers.",
    },
    [
      ...axes(frame, { ...axis, name: "probability of the answer" }, { ...axis, name: "right answers" }),
      ...after.map(({ lower, upper, count }) =>
        count > 0 ? bar(frame, lower, upper, (BAR_HEIGHT * count) / most) : "",
      ),
      line(
        frame,
        [
          { x: 0, y: 0 },
          { x: 1, y: 1 },
        ],
        "dashed",
      ),
      line(frame, points(before), "second"),
      ...points(before).map((point) => mark(frame, point, "square", "second-mark")),
      line(frame, points(after), "first"),
      ...points(after).map((point) => mark(frame, point, "circle", "first-mark")),
      mark(frame, key(0.95), "circle", "first-mark"),
      word(frame, key(0.95), "calibrated", { right: 12, down: 4 }),
      mark(frame, key(0.89), "square", "second-mark"),
      word(frame, key(0.89), "before", { right: 12, down: 4 }),
    ],
  );
}

function tableOf(before: Bins, after: Bins): Table {
  const cells = ({ count, confidence, accuracy }: Bins[number]) =>
    count > 0 ? [whole(count), percent(confidence), percent(accuracy)] : ["0", NO_FIGURE, NO_FIGURE];
  const isNumber = true;
  return {
    kind: "table",
    caption: "Answers by their probability",
    columns: [
      { name: "probability" },
      ...["before", "calibrated"].flatMap((when) => [
        { name: `answers, ${when}`, isNumber },
        { name: "mean probability", isNumber },
        { name: "right", isNumber },
      ]),
    ],
    rows: after.flatMap((bin, index) =>
      bin.count + before[index].count > 0
        ? [[`${percent(bin.lower)} to ${percent(bin.upper)}`, ...cells(before[index]), ...cells(bin)]]
        : [],
    ),
  };
}
