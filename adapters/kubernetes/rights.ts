import { UNAUTHORIZED } from '../../core/failures.js';
import { PortError } from '../ports.js';

/** What an identity is told that it may not, by reason of the answer. */
const DENIALS: ReadonlySet<string> = new Set(['Forbidden', UNAUTHORIZED]);
/** An API server that has just started knows its roles and accounts within seconds. */
const BELIEVED_AFTER_MS = 15_000;

/**
 * What this client was allowed to do so far.
 *
 * An API server that has just started denies everything for a moment, until it has read the roles: a rollout must not end
 * by that. So a right that was there before counts as gone only when it is still denied some seconds later.
 */
export class Rights {
  /** By right: when it was denied first since it was there last; null = it is there. */
  readonly #known = new Map<string, number | null>();

  /** @param right - verbs and kind: `get httproutes`. */
  granted(right: string): void {
    this.#known.set(right, null);
  }

  /** @returns the error as it is, or as a transient one where it may pass. */
  judged(right: string, error: PortError): PortError {
    const known = this.#known.get(right);
    if (!DENIALS.has(error.code) || known === undefined) return error;
    const sinceMs = known ?? Date.now();
    this.#known.set(right, sinceMs);
    if (Date.now() - sinceMs >= BELIEVED_AFTER_MS) return error;
    return new PortError(
      `${error.message}. It was allowed before, and may be again: an API server that has just started denies for a moment`,
      { kind: 'transient', code: error.code },
      { cause: error },
    );
  }
}
