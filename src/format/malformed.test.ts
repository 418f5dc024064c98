import { expect, test } from "vitest";
import { ERROR_NAMES } from "./format-error.js";
import { malformedFiles } from "./malformed.js";
import { checkModel } from "./reader.js";

const files = malformedFiles();

test.each(files.map((file) => [file.name, file] as const))("checkModel() refuses %s", (_, file) => {
  const { error, message } = checkModel(file.bytes, '"m.atome"');
  expect(`${ERROR_NAMES[error]}: ${message}`).toMatch(new RegExp(`^${ERROR_NAMES[file.error]}: `));
  expect(message).toMatch(/^Cannot load "m\.atome": at byte \d+, [^\n;]+; [^\n;]+\.$/);
});

test("malformedFiles() has a unique name for each and a file for every error of a file", () => {
  expect(new Set(files.map((file) => file.name)).size).toBe(files.length);
  const errors = new Set(files.map((file) => file.error));
  // Not of a file: ok, pointer, alignment, arena.
  const ofFiles = ERROR_NAMES.map((_, code) => code).filter((code) => ![0, 1, 2, 18].includes(code));
  expect([...errors].sort((a, b) => a - b)).toEqual(ofFiles);
  expect(files.length).toBeGreaterThanOrEqual(60);
});
