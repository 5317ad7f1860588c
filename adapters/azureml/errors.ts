import { oneLine } from '../../core/one-line.js';
import { isRestError } from '@azure/core-rest-pipeline';
import { NO_TOKEN, NOT_TRUSTED, UNAUTHORIZED } from '../../core/failures.js';
import { PortError, type PortErrorKind } from '../ports.js';

/** One answer of the service, as far as it matters for an error. */
export interface Refusal {
  /** What was asked, as a verb phrase: `write traffic of endpoint diabetes`. */
  readonly what: string;
  /** Host name that was asked. */
  readonly host: string;
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** The service's own id of the request, for its support. */
  readonly requestId: string | undefined;
  readonly retryAfterMs: number | undefined;
}

/** Waits that are used where the service names none. */
const CONFLICT_DELAY_MS = 5_000;
const THROTTLED_DELAY_MS = 15_000;

/**
 * ARM codes that stay as they are however often one asks (list: Azure ML, "Troubleshooting online endpoints").
 * OutOfQuota can also mean that a region is out of machines: that takes hours, not a retry.
 */
const LASTING = new Set([
  'BadArgument',
  'BadRequest',
  'EndpointAlreadyExists',
  'ImageBuildFailure',
  'OutOfQuota',
  'ScopeLocked',
  'ValidationError',
]);

function lasts(code: string): boolean {
  return LASTING.has(code) || code.startsWith('UserScript');
}

/**
 * "Cannot create a deployment in endpoint X because it is in Updating provisioning state": a conflict by any status. Not an
 * endpoint that "has not been created successfully or is in deleting provisioning state": that never comes to be.
 */
const BUSY = /(?<!\bor )is in (?:the )?'?\w+ing'? provisioning state/i;
/** Azure ML names the code OutOfQuota in a link only, where it refuses a deployment at once. */
const NO_QUOTA = /not enough quota/i;

function kindOf(refusal: Refusal): PortErrorKind {
  const { status, code, message, retryAfterMs } = refusal;
  if (status < 500 && message !== undefined && BUSY.test(message)) return 'throttled';
  if (code !== undefined && lasts(code)) return 'permanent';
  if (status === 409 || status === 429) return 'throttled';
  if (status === 503 && retryAfterMs !== undefined) return 'throttled';
  if (status === 408 || (status >= 500 && status !== 501 && status !== 505)) return 'transient';
  return 'permanent';
}

function isOutOfQuota({ code, message }: Refusal): boolean {
  return code === 'OutOfQuota' || (message !== undefined && NO_QUOTA.test(message));
}

/** 404 of something above the resource: a wrong setting, and never a sign that the resource itself is gone. */
const PARENT_MISSING = new Set(['InvalidSubscriptionId', 'ResourceGroupNotFound', 'SubscriptionNotFound']);

/** Azure answers 404 with several codes (`UserError` among them), and 401 too: one code each, so that callers can tell. */
function codeFor({ status, code }: Refusal): string {
  if (status === 401) return UNAUTHORIZED;
  if (status === 404 && (code === undefined || !PARENT_MISSING.has(code))) return 'ResourceNotFound';
  return code ?? `Http${status}`;
}

function advice(refusal: Refusal, kind: PortErrorKind, delayMs: number | undefined): string {
  if (isOutOfQuota(refusal)) return 'ask for more quota, or use fewer or smaller instances';
  if (refusal.code === 'ScopeLocked') return 'lift the lock that it names';
  if (kind === 'throttled') {
    const why = refusal.status === 429 ? 'too many requests' : 'another operation is running';
    return `${why}; come back in ${Math.ceil((delayMs ?? 0) / 1000)} s`;
  }
  if (kind === 'transient') return 'it may go through when asked again';
  if (refusal.status === 401) return 'check the credential: its token was not accepted';
  if (refusal.status === 403) return 'give the identity a role on the workspace that allows this';
  if (refusal.status === 404) return 'check the subscription, resource group, workspace and names';
  return 'change the request; asking again gives the same answer';
}

/** The port error for an answer that was not a yes. The one place that knows which answer means what. */
export function refused(refusal: Refusal): PortError {
  const kind = kindOf(refusal);
  const said = refusal.message === undefined ? '' : `: ${oneLine(refusal.message)}`;
  const delayMs =
    kind === 'throttled'
      ? (refusal.retryAfterMs ?? (refusal.status === 429 ? THROTTLED_DELAY_MS : CONFLICT_DELAY_MS))
      : undefined;
  const id = refusal.requestId === undefined ? '' : ` (request ${refusal.requestId})`;
  return new PortError(
    `${refusal.host} answered ${refusal.status}${refusal.code === undefined ? '' : ` ${refusal.code}`} to ` +
      `"${refusal.what}"${said}${id}; ${advice(refusal, kind, delayMs)}`,
    { kind, code: codeFor(refusal), ...(delayMs === undefined ? {} : { retryAfterMs: delayMs }) },
  );
}

/**
 * The port error for a change of an endpoint that the service took and then ended as failed or canceled. It had nothing
 * against the request, so what it names is its own trouble, unless it is known to last.
 */
export function operationEnded(facts: {
  readonly what: string;
  readonly host: string;
  readonly status: string;
  readonly code: string | undefined;
  readonly message: string | undefined;
}): PortError {
  const code = facts.code ?? (facts.status === 'Canceled' ? 'OperationCanceled' : 'OperationFailed');
  const said = facts.message === undefined ? 'without a reason' : oneLine(facts.message);
  const passing = !lasts(code);
  return new PortError(
    `${facts.host} took "${facts.what}" and ended it as ${facts.status}, ${code}: ${said}; ` +
      (passing ? 'it may go through when asked again' : 'mend the cause before asking again'),
    { kind: passing ? 'transient' : 'permanent', code },
  );
}

/** The port error for an answer whose shape is not what the API promises. */
export function unexpectedAnswer(what: string, host: string, problem: string): PortError {
  return new PortError(
    `${host} answered "${what}" in an unexpected shape: ${problem}; check the address and the api-version`,
    { kind: 'permanent', code: 'UnexpectedAnswer' },
  );
}

/** The port error for a request that got no answer within its deadline. */
export function noAnswerInTime(what: string, host: string, deadlineMs: number): PortError {
  return new PortError(
    `${host} gave no answer to "${what}" within ${deadlineMs / 1000} s; it may have been done all the same`,
    { kind: 'transient', code: 'DeadlineExceeded' },
  );
}

/** The port error for whatever was thrown before there was an answer: no connection, no trust. */
export function notReached(what: string, host: string, thrown: unknown): PortError {
  if (thrown instanceof PortError) return thrown;
  const code = codeOf(thrown);
  const reason = reasonOf(thrown);
  const trust = code !== undefined && /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(code);
  return new PortError(
    trust
      ? `${host} showed a certificate that is not trusted for "${what}": ${reason}; name its CA file`
      : `${host} could not be reached for "${what}": ${reason}; check the address and that it is running`,
    { kind: trust ? 'permanent' : 'transient', code: trust ? NOT_TRUSTED : (code ?? 'NotReached') },
    { cause: thrown },
  );
}

/** The port error for whatever a credential threw. */
export function noToken(scope: string, thrown: unknown): PortError {
  if (thrown instanceof PortError) return thrown;
  return new PortError(
    `No token for ${scope}: ${reasonOf(thrown)}; sign in (az login) or configure an identity for the worker`,
    { kind: isFinal(thrown) ? 'permanent' : 'transient', code: NO_TOKEN },
    { cause: thrown },
  );
}

/**
 * Only Entra's own no is final. The other errors are an outage as often as a machine without an identity: a managed
 * identity's network errors, 429 and 5xx all come as `CredentialUnavailableError`, the network errors of the others as
 * `AuthenticationRequiredError`, and a chain has both in its aggregate.
 *
 * By name: @azure/identity is the composition root's choice, not the adapter's.
 */
function isFinal(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || thrown.name !== 'AuthenticationError') return false;
  const status = 'statusCode' in thrown && typeof thrown.statusCode === 'number' ? thrown.statusCode : 503;
  return status !== 429 && status < 500;
}

function reasonOf(thrown: unknown): string {
  return oneLine(thrown instanceof Error ? thrown.message : String(thrown));
}

function codeOf(thrown: unknown): string | undefined {
  if (isRestError(thrown)) return thrown.code;
  for (let at: unknown = thrown; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return undefined;
}

/** Longer waits than this are not the service's: a timer would not even count them. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;

/**
 * How long the service asks to wait, milliseconds; an hour at the most.
 *
 * @param header - value of `Retry-After`: seconds, or an HTTP date.
 * @returns undefined when there is no header, or it says nothing usable.
 */
export function retryAfterMs(header: string | undefined, nowMs: number): number | undefined {
  if (header === undefined || header.trim() === '') return undefined;
  const seconds = Number(header);
  const waitMs = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - nowMs;
  return Number.isFinite(waitMs) ? Math.min(Math.max(0, waitMs), LONGEST_RETRY_AFTER_MS) : undefined;
}
