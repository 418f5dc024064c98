import { FailureError } from "../model/errors.js";

/** Why a file is refused: SPEC.md section 6. The index is the number that the engine returns. */
export const ERROR_NAMES = [
  "ok",
  "pointer",
  "alignment",
  "size",
  "magic",
  "version",
  "checksum",
  "dimension",
  "option",
  "scale",
  "section",
  "layer",
  "code",
  "tap",
  "state",
  "weights",
  "token",
  "class",
  "arena",
  "recall",
  "ngrams",
  "sensor",
  "decision",
] as const;
export type ErrorName = (typeof ERROR_NAMES)[number];

const DAMAGED = "the file is damaged or incomplete: copy it again or export it again";
const FOREIGN = 'give a file written by "atome export" or "atome import"';
const FIXES: Partial<Record<ErrorName, string>> = {
  size: DAMAGED,
  checksum: DAMAGED,
  magic: FOREIGN,
  version: 'export it again with this build\'s "atome export"',
};
const FIX = 'its writer broke the format: export it again with "atome export"';

/** A file that is not a valid .atome file. */
export class FormatError extends FailureError {
  override name = "FormatError";
  /** The engine's number for this reason: SPEC.md section 6. */
  readonly code: number;
  readonly codeName: ErrorName;

  /**
   * @param place what the user calls the file, e.g. `"a.atome"`
   * @param at byte offset in the file of what is wrong
   * @param problem what was found there and what must be there
   */
  constructor(codeName: ErrorName, place: string, at: number, problem: string) {
    super(`Cannot load ${place}: at byte ${at}, ${problem}; ${FIXES[codeName] ?? FIX}.`);
    this.codeName = codeName;
    this.code = ERROR_NAMES.indexOf(codeName);
  }
}
