/**
 * What kind of refusal it is, for programs.
 *
 * `usage`: an argument is not what it should be; `spec`: the spec was rejected by its check; `already-running`: another
 * rollout holds the endpoint; `unreachable`: Temporal does not answer, or does not let this client in; `no-worker`:
 * Temporal answers, and no worker does the work; `not-found`: there is no such rollout; `refused`: what was asked does not
 * fit now; `unexpected`: Temporal said no otherwise, or the keys for what it keeps cannot be used.
 */
export type ErrorCode =
  'usage' | 'spec' | 'already-running' | 'unreachable' | 'no-worker' | 'not-found' | 'refused' | 'unexpected';

/** The only error that this room throws on purpose: what is wrong, what was expected, what to do. */
export class GreenlightError extends Error {
  override readonly name = 'GreenlightError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** gRPC status codes, as far as people can do something about them. */
export const GRPC = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The gRPC status inside an error of Temporal's client; undefined when there is none. */
export function grpcCode(error: unknown): number | undefined {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { code } = at as { readonly code?: unknown };
    if (typeof code === 'number') return code;
  }
  return undefined;
}

/** Whether it is an error of gRPC as it comes: Temporal's client wraps only those of its own calls. */
function isBareGrpc(error: Error): boolean {
  const { code, details } = error as { readonly code?: unknown; readonly details?: unknown };
  // Processes and aborted requests have numbers for codes, too.
  return typeof code === 'number' && typeof details === 'string';
}

/** Whether Temporal could not be asked, as opposed to having said no. */
export function isUnreachable(error: unknown): boolean {
  const code = grpcCode(error);
  return code === GRPC.unavailable || code === GRPC.deadlineExceeded;
}

/** Whether Temporal was reached, and lets this client do nothing: its key has expired, or the namespace is not for it. */
export function isTurnedAway(error: unknown): boolean {
  const code = grpcCode(error);
  return code === GRPC.permissionDenied || code === GRPC.unauthenticated;
}

/** Whether what Temporal keeps, or what a worker answered, cannot be read with the keys that are here. */
export function isCodecError(error: unknown): boolean {
  return error instanceof Error && error.name === 'CodecError';
}

/** The text that the server gave, which the client's own error only wraps. */
export function detailsOf(error: unknown): string {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { details } = at as { readonly details?: unknown };
    if (typeof details === 'string' && details !== '') return details;
  }
  return error instanceof Error ? error.message : String(error);
}

/**
 * Does what a program asked for. Temporal's errors become ours at this edge only: within, who waits and tries again needs
 * them as they are.
 *
 * @throws {GreenlightError} for every error that {@link asGreenlightError} knows.
 */
export async function inOurWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw asGreenlightError(error);
  }
}

/**
 * What Temporal's client and the codec throw, as an error that says what to do, with theirs as the cause. Any other error
 * is given back as it is.
 *
 * Errors of other rooms are known by name, so that nothing of them has to be loaded to say that they were thrown.
 */
export function asGreenlightError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const ours = (code: ErrorCode, message: string): GreenlightError =>
    new GreenlightError(code, message, { cause: error });
  switch (error.name) {
    case 'ServiceError':
      return ours(...ofService(error));
    case 'NamespaceNotFoundError':
      return ours(...noNamespace((error as { readonly namespace?: string }).namespace));
    case 'WorkflowNotFoundError':
      return ours(
        'not-found',
        'Temporal knows this rollout no more: it keeps one that has ended for the retention of its namespace.',
      );
    case 'CodecError':
      return ours('unexpected', error.message);
    default:
      return isBareGrpc(error) ? ours(...ofService(error)) : error;
  }
}

function noNamespace(namespace = '?'): [ErrorCode, string] {
  return [
    'unreachable',
    `Temporal has no namespace "${namespace}". Set TEMPORAL_NAMESPACE to one that it has, or create it.`,
  ];
}

function ofService(error: Error): [ErrorCode, string] {
  const details = detailsOf(error);
  // Only some calls of Temporal's client give it a name of its own.
  const namespace = /^Namespace (\S+) is not found/.exec(details)?.[1];
  if (grpcCode(error) === GRPC.notFound && namespace !== undefined) return noNamespace(namespace);
  if (isTurnedAway(error)) {
    return [
      'unreachable',
      `Temporal does not let this client in: ${details}\nCheck TEMPORAL_API_KEY or the TLS settings, and the namespace.`,
    ];
  }
  if (isUnreachable(error)) {
    return [
      'unreachable',
      `Temporal stopped answering: ${details}\nRun \`greenlight doctor\` to see what is up.`,
    ];
  }
  return ['unexpected', `Temporal said no: ${details}`];
}
