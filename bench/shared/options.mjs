// What the command lines of benches have in common.
import { UsageError } from "../../dist/model/errors.js";

/** The names given for an option, commas or repetition between them. */
export function namesIn(option, given, known) {
  const names = given.flatMap((text) => text.split(","));
  const wrong = names.find((name) => !known.includes(name));
  if (wrong === undefined) return names;
  throw new UsageError(`Cannot use --${option} ${wrong}: expected one of ${known.join(", ")}.`);
}

/** The folder of the data sets. @param holds one of those that the bench needs */
export function dataFolder(bench, holds) {
  if (process.env.ATOME_DATA) return process.env.ATOME_DATA;
  throw new UsageError(
    `Cannot run the bench "${bench}": ATOME_DATA is not set; set it to the folder that holds ${holds} and the others.`,
  );
}
