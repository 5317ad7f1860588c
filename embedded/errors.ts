/**
 * Something that has to stand on this machine is missing, too old, or did not start.
 *
 * The message says what is wrong with the value found, what was expected, and what to do; it is for people, as it is.
 */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
