import { oneLine } from '../../core/one-line.js';
import { z } from 'zod';
import { FIELD_CONFLICT, NOT_TRUSTED, OUTDATED, UNAUTHORIZED } from '../../core/failures.js';
import { PortError, type PortErrorKind } from '../ports.js';

/** The API server's `Status`, as far as it matters for an error. */
const Status = z.object({
  message: z.string().optional(),
  reason: z.string().optional(),
  details: z
    .object({
      retryAfterSeconds: z.number().optional(),
      causes: z
        .array(
          z.object({
            reason: z.string().optional(),
            message: z.string().optional(),
            field: z.string().optional(),
          }),
        )
        .optional(),
    })
    .optional(),
});

const MISFIT = /failed to create typed patch object/;

/**
 * Makes a port error of an answer that is no success.
 *
 * @param what - what was asked, as a verb phrase: `write the traffic of endpoint diabetes`.
 * @param may - what the identity would have to be allowed, for a 403.
 */
export function refused(
  what: string,
  may: string,
  answer: { readonly status: number; readonly text: string; readonly retryAfter: string | undefined },
): PortError {
  const status = statusOf(answer.text);
  const owners = (status?.details?.causes ?? []).filter((cause) => cause.reason === FIELD_CONFLICT);
  const code =
    owners.length > 0
      ? FIELD_CONFLICT
      : answer.status === 409 && status?.reason === 'Conflict'
        ? OUTDATED
        : // What the schema does not know gets 500 from server-side apply, and stays so.
          MISFIT.test(status?.message ?? '')
          ? 'Invalid'
          : answer.status === 404
            ? 'ResourceNotFound'
            : answer.status === 401
              ? UNAUTHORIZED
              : (status?.reason ?? `Http${answer.status}`);
  const kind = kindOf(answer.status, code);
  const seconds = status?.details?.retryAfterSeconds ?? Number(answer.retryAfter ?? NaN);
  const said = status?.message ?? (answer.text === '' ? `status ${answer.status}` : answer.text);
  return new PortError(
    `Kubernetes refused to ${what}: ${oneLine(said)}; ${advice(answer.status, code, may)}`,
    {
      kind,
      code,
      ...(kind === 'throttled' ? { retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : 5_000 } : {}),
    },
  );
}

/** The cluster knows no such kind of object. */
export const NOT_SERVED = 'NotServed';

export function notServed(
  what: string,
  server: string,
  { kind, apiVersion }: { readonly kind: string; readonly apiVersion: string },
): PortError {
  return new PortError(
    `The cluster at ${server} does not know what ${kind} of ${apiVersion} is, asked to ${what}; install the resource definitions of ${apiVersion.split('/')[0]} and its controller, or name another cluster`,
    { kind: 'permanent', code: NOT_SERVED },
  );
}

/** Nothing was asked: the kubeconfig's user has no credential to ask with. */
export function noCredential(what: string, thrown: Error): PortError {
  return new PortError(
    `The kubeconfig's user gave no credential to ${what}: ${oneLine(thrown.message)}; see that its plugin, token or certificate can be used without anybody's help`,
    { kind: 'transient', code: codeOf(thrown) ?? 'NoCredential' },
    { cause: thrown },
  );
}

/** No answer came. */
export function notReached(what: string, server: string, thrown: unknown): PortError {
  const code = codeOf(thrown);
  const trust = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS/.test(code ?? '');
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new PortError(
    trust
      ? `${server} showed a certificate that is not trusted, asked to ${what}: ${oneLine(why)}; name its authority in the kubeconfig`
      : `${server} could not be reached to ${what}: ${oneLine(why)}; check the address and that it is running`,
    { kind: trust ? 'permanent' : 'transient', code: trust ? NOT_TRUSTED : (code ?? 'NotReached') },
    { cause: thrown },
  );
}

function statusOf(text: string): z.infer<typeof Status> | undefined {
  try {
    return Status.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function kindOf(status: number, code: string): PortErrorKind {
  if (code === 'Invalid') return 'permanent';
  if (status === 429 || code === 'ServerTimeout') return 'throttled';
  if (code === OUTDATED || status === 408 || status >= 500) return 'transient';
  return 'permanent';
}

function advice(status: number, code: string, may: string): string {
  if (status === 401) {
    return "its token may have run out: renew the credential of the kubeconfig's user (`kubectl create token`, say), which is read again at the next call, without a restart";
  }
  if (status === 403 && code === 'Forbidden') {
    return `give its user or service account the right to ${may} (deploy/kubernetes has the roles), or check the quota and policies of the namespace if these refused it`;
  }
  if (status === 404) return 'check the name, the namespace, and that the API is installed in the cluster';
  if (code === FIELD_CONFLICT) return 'someone else manages these fields now';
  if (code === 'Invalid' || status === 422 || status === 400) return 'mend the value that it names';
  if (status === 429 || status >= 500 || code === OUTDATED) return 'it may go through when asked again';
  return 'see the message';
}

/** Whether it may not be looked at, and not only for the moment. */
export function isForbidden(thrown: unknown): boolean {
  return thrown instanceof PortError && thrown.code === 'Forbidden' && thrown.kind === 'permanent';
}

function codeOf(thrown: unknown): string | undefined {
  for (let at: unknown = thrown; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return undefined;
}
