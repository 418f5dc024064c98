import { describe, expect, test } from "vitest";
import { LossCurve } from "./loss-curve.js";
import { lossSvg } from "./loss-svg.js";
import { lossText } from "./loss-text.js";

const stepEntry = (step: number, loss: number) => ({ step, loss, learningRate: 0.01, gradientNorm: 1 });
const heldOutEntry = (step: number, validationLoss: number) => ({
  step,
  trainingLoss: 9,
  validationLoss,
  bitsPerByte: 9,
});

/** A curve that falls from 5 to 1 in steps of 1; held out: 0.5 above. */
function falling(): LossCurve {
  const curve = new LossCurve(5);
  for (let step = 1; step <= 5; step++) curve.add(stepEntry(step, 6 - step));
  curve.add(heldOutEntry(3, 3.5));
  curve.add(heldOutEntry(5, 1.5));
  return curve;
}

describe("LossCurve", () => {
  test("keeps every step of a short run", () => {
    const { training, heldOut } = falling();
    expect(training).toEqual([1, 2, 3, 4, 5].map((step) => ({ step, loss: 6 - step })));
    expect(heldOut).toEqual([
      { step: 3, loss: 3.5 },
      { step: 5, loss: 1.5 },
    ]);
  });

  test("keeps the means of at most 400 stretches of a long run", () => {
    const curve = new LossCurve(1001);
    for (let step = 1; step <= 1001; step++) curve.add(stepEntry(step, step));
    expect(curve.training.length).toBe(334);
    expect(curve.training[0]).toEqual({ step: 2, loss: 2 });
    expect(curve.training.at(-1)).toEqual({ step: 1000.5, loss: 1000.5 });
  });

  test("shows what the first twentieth of the steps does not squash", () => {
    const curve = new LossCurve(100);
    for (let step = 1; step <= 100; step++) curve.add(stepEntry(step, step <= 3 ? 100 : 2));
    expect(curve.range).toEqual([2, 2]);
    expect(lossText(curve, 60)[10]).toMatch(/^ 2\.000 ┤ +╰─+$/);
    curve.add(heldOutEntry(2, 7));
    expect(curve.range).toEqual([2, 7]);
    expect(new LossCurve(1).range).toEqual([0, 0]);
  });

  test("smooths a wobble and leaves a slope as it is", () => {
    const wobble = new LossCurve(100);
    const slope = new LossCurve(100);
    for (let step = 1; step <= 100; step++) {
      wobble.add(stepEntry(step, step % 5 === 0 ? 2 : 1));
      slope.add(stepEntry(step, step));
    }
    expect(wobble.smoothed[50].loss).toBeCloseTo(1.2, 12);
    const losses = slope.smoothed.map(({ loss }) => loss);
    expect(losses.slice(0, 98)).toEqual(slope.training.map(({ loss }) => loss).slice(0, 98));
    expect(losses.slice(98)).toEqual([98.5, 99]);
  });
});

describe("lossSvg", () => {
  const svg = lossSvg(falling(), "a model of <3 layers & more");

  test("draws both curves over labelled axes", () => {
    // 5 steps over 672 pixels from 64; the losses from 1.5 (the last two are smoothed) to 5 and a margin of 0.28 over 292
    // pixels up from 364.
    expect(svg).toContain(
      '<path class="line training" d="M198.4 92.1L332.8 164.1L467.2 236.0L601.6 307.9L736.0 343.9"/>',
    );
    expect(svg).toContain('<path class="line held-out" d="M467.2 200.0L736.0 343.9"/>');
    expect(svg).toContain(">loss (nats per symbol)</text>");
    expect(svg).toContain(">optimizer steps</text>");
    expect(svg).toContain(">held out, best 1.500 at step 5</text>");
    expect(svg).toContain(">a model of &lt;3 layers &amp; more</text>");
  });

  test("is well-formed", () => {
    const open: string[] = [];
    for (const [, closing, name, rest] of svg.matchAll(/<(\/?)([a-z]+)([^<>]*)>/g)) {
      if (closing) expect(open.pop()).toBe(name);
      else if (!rest.endsWith("/")) open.push(name);
    }
    expect(open).toEqual([]);
    expect(svg.replaceAll(/<[^<>]*>/g, "")).not.toMatch(/[<>]/);
  });

  test("takes a run with nothing held out, of one step, or without any", () => {
    const one = new LossCurve(1);
    expect(lossSvg(one, "")).not.toContain("NaN");
    one.add(stepEntry(1, 2));
    expect(lossSvg(one, "")).not.toMatch(/NaN|Infinity|held out/);
  });
});

describe("lossText", () => {
  test("draws training as a line and held out as dots", () => {
    expect(lossText(falling(), 40)).toEqual([
      "Loss in nats per symbol over the steps:  ─ training  ● held out",
      " 5.000 ┤      ──────╮",
      " 4.611 ┤            │",
      " 4.222 ┤            │",
      " 3.833 ┤            ╰─────╮",
      " 3.444 ┤                  ●",
      " 3.056 ┤                  ╰─────╮",
      " 2.667 ┤                        │",
      " 2.278 ┤                        │",
      " 1.889 ┤                        ╰─────╮",
      " 1.500 ┤                              ●",
      "       └┬─────┬─────┬─────┬─────┬─────┬",
      "        0     1     2     3     4     5",
    ]);
  });

  test("has nothing to draw for a single step", () => {
    expect(lossText(new LossCurve(1), 80)).toEqual([]);
  });
});
