import { InvalidArgumentError } from "commander";

/** Parser of a whole-number option. */
export const wholeNumber =
  (least: number, greatest: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isInteger(value) || value < least || value > greatest) {
      throw new InvalidArgumentError(`Expected a whole number from ${least} to ${greatest}.`);
    }
    return value;
  };

/** Parser of a number option. */
export const realNumber =
  (least: number, greatest: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() === "" || !(value >= least && value <= greatest)) {
      throw new InvalidArgumentError(`Expected a number from ${least} to ${greatest}.`);
    }
    return value;
  };

/** Parser that collects an option given several times. */
export const collect = (text: string, previous: readonly string[] = []): string[] => [...previous, text];

/** Parser of a size in bytes: 92160 or 90k. */
export const byteSize = (text: string): number => {
  const [, digits, kilo] = /^(\d{1,9})(k?)$/i.exec(text) ?? [];
  if (digits === undefined || Number(digits) === 0) {
    throw new InvalidArgumentError("Expected a number of bytes, for example 92160 or 90k.");
  }
  return Number(digits) * (kilo ? 1024 : 1);
};
