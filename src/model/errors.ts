/** Base of every error a user can meet: one sentence with the action, the place, what was found, what was expected and the fix. */
export class AtomeError extends Error {
  override name = "AtomeError";
}

/** The request itself is wrong (arguments, configuration, input of the wrong kind): exit code 2. */
export class UsageError extends AtomeError {
  override name = "UsageError";
}

/** The request was fine but could not be carried out (damaged file, full disk, unreadable path): exit code 1. */
export class FailureError extends AtomeError {
  override name = "FailureError";
}
