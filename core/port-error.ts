/** What a target did not do. The only error that adapters throw on purpose. */
export class PortError extends Error {
  override readonly name = 'PortError';
  /** `permanent`: saying it again gives the same answer; `throttled`: come back later; `transient`: may go through. */
  readonly kind: PortErrorKind;
  /** The target's own code, e.g. `ResourceNotFound`, for people and for tests. */
  readonly code: string;
  /** For `throttled`: when to come back, milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, facts: PortErrorFacts, options?: ErrorOptions) {
    super(message, options);
    this.kind = facts.kind;
    this.code = facts.code;
    this.retryAfterMs = facts.retryAfterMs;
  }
}

interface PortErrorFacts {
  readonly kind: PortErrorKind;
  readonly code: string;
  readonly retryAfterMs?: number | undefined;
}

export type PortErrorKind = 'permanent' | 'throttled' | 'transient';

/** The same answer of a port, in other words; without the old ones as its cause, which are what a timeout would be told with. */
export function reworded(err: PortError, message: string): PortError {
  return new PortError(message, err);
}
