import { describe, expect, test } from "vitest";
import { atanh, cosine, exp, log } from "./elementary.js";

const near = (value: number, truth: number, relative = 4e-16) =>
  expect(Math.abs(value - truth)).toBeLessThanOrEqual(relative * Math.abs(truth));

describe("elementary functions agree with the built-in ones", () => {
  test("exp()", () => {
    for (let x = -600; x < 600; x += 0.37) near(exp(x), Math.exp(x));
    expect(exp(0)).toBe(1);
    expect(exp(-1e9)).toBe(0);
  });

  test("log()", () => {
    for (let x = 1e-9; x < 1e9; x *= 1.37) near(log(x), Math.log(x));
    expect(log(1)).toBe(0);
  });

  test("atanh()", () => {
    for (let x = 0.05; x < 0.999; x += 0.013) near(atanh(x), Math.atanh(x), 1e-14);
  });

  test("cosine()", () => {
    for (let x = 0; x <= Math.PI; x += 0.01) expect(Math.abs(cosine(x) - Math.cos(x))).toBeLessThan(3e-16);
    for (let x = -5000; x <= 5000; x += 0.37) expect(Math.abs(cosine(x) - Math.cos(x))).toBeLessThan(1e-12);
  });
});
