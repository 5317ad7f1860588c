import { describe, expect, it } from 'vitest';
import {
  noToken,
  notReached,
  operationEnded,
  refused,
  retryAfterMs,
} from '../../../adapters/azureml/errors.js';
import { notReached as notReachedInCluster } from '../../../adapters/kubernetes/errors.js';
import { MENDED_BY_PEOPLE } from '../../../core/failures.js';
import { isoDuration } from '../../../adapters/azureml/durations.js';

const asked = { what: 'write the traffic of endpoint diabetes', host: 'management.azure.com' };

function refusal(status: number, code?: string, message?: string, waitMs?: number) {
  return refused({ ...asked, status, code, message, requestId: undefined, retryAfterMs: waitMs });
}

describe('an answer that is not a yes', () => {
  const busy = 'Cannot create a deployment in endpoint e because it is in Updating provisioning state.';
  const broken =
    'This endpoint has not been created successfully or is in deleting provisioning state. Please recreate.';
  it.each`
    status | code                       | message      | waitMs       | kind           | delayMs      | because
    ${400} | ${'BadArgument'}           | ${undefined} | ${undefined} | ${'permanent'} | ${undefined} | ${'the request is wrong'}
    ${400} | ${'BadArgument'}           | ${busy}      | ${undefined} | ${'throttled'} | ${5000}      | ${'the endpoint is busy, whatever the code'}
    ${400} | ${'BadRequest'}            | ${broken}    | ${undefined} | ${'permanent'} | ${undefined} | ${'the endpoint never came to be'}
    ${401} | ${undefined}               | ${undefined} | ${undefined} | ${'permanent'} | ${undefined} | ${'the token is not accepted'}
    ${403} | ${'AuthorizationFailed'}   | ${undefined} | ${undefined} | ${'permanent'} | ${undefined} | ${'a role is missing'}
    ${404} | ${'ResourceNotFound'}      | ${undefined} | ${undefined} | ${'permanent'} | ${undefined} | ${'it is not there'}
    ${408} | ${undefined}               | ${undefined} | ${undefined} | ${'transient'} | ${undefined} | ${'it took too long'}
    ${409} | ${'Conflict'}              | ${undefined} | ${undefined} | ${'throttled'} | ${5000}      | ${'an operation runs'}
    ${409} | ${'Conflict'}              | ${undefined} | ${20000}     | ${'throttled'} | ${20000}     | ${'the service says when'}
    ${409} | ${'EndpointAlreadyExists'} | ${undefined} | ${undefined} | ${'permanent'} | ${undefined} | ${'the name is taken'}
    ${409} | ${'ScopeLocked'}           | ${undefined} | ${undefined} | ${'permanent'} | ${undefined} | ${'a lock holds until someone lifts it'}
    ${409} | ${'OutOfQuota'}            | ${undefined} | ${undefined} | ${'permanent'} | ${undefined} | ${'quota does not come by waiting'}
    ${429} | ${'TooManyRequests'}       | ${undefined} | ${undefined} | ${'throttled'} | ${15000}     | ${'too many requests'}
    ${429} | ${'TooManyRequests'}       | ${undefined} | ${0}         | ${'throttled'} | ${0}         | ${'the service says now'}
    ${500} | ${'InternalServerError'}   | ${undefined} | ${undefined} | ${'transient'} | ${undefined} | ${'the platform stumbled'}
    ${500} | ${'UserScriptInitFailed'}  | ${undefined} | ${undefined} | ${'permanent'} | ${undefined} | ${'the script fails each time'}
    ${501} | ${undefined}               | ${undefined} | ${undefined} | ${'permanent'} | ${undefined} | ${'it cannot do that'}
    ${503} | ${'ServerBusy'}            | ${undefined} | ${undefined} | ${'transient'} | ${undefined} | ${'the platform stumbled'}
    ${503} | ${'ServerBusy'}            | ${undefined} | ${7000}      | ${'throttled'} | ${7000}      | ${'the service says when'}
  `('is $kind for $status $code when $because', ({ status, code, message, waitMs, kind, delayMs }) => {
    const error = refusal(
      status as number,
      code as string | undefined,
      message as string | undefined,
      waitMs as number | undefined,
    );

    expect({ kind: error.kind, delayMs: error.retryAfterMs }).toEqual({ kind, delayMs });
  });

  it.each([
    ['UserError', 'ResourceNotFound'],
    [undefined, 'ResourceNotFound'],
    ['ResourceGroupNotFound', 'ResourceGroupNotFound'],
  ])('of 404 %s has the code %s', (code, expected) => {
    expect(refusal(404, code).code).toBe(expected);
  });

  it.each([
    [401, 'ExpiredAuthenticationToken'],
    [401, undefined],
  ])('of %i %s is what people mend, and a rollback waits for', (status, code) => {
    const error = refusal(status, code);

    expect(error.kind).toBe('permanent');
    expect(MENDED_BY_PEOPLE).toContain(error.code);
  });

  it('says what was asked, of whom, what it answered, and what to do', () => {
    const error = refused({
      ...asked,
      status: 409,
      code: 'Conflict',
      message: 'Another operation\n  is running.',
      requestId: 'r-1',
      retryAfterMs: 2_500,
    });

    expect(error.message).toBe(
      'management.azure.com answered 409 Conflict to "write the traffic of endpoint diabetes": ' +
        'Another operation is running (request r-1); another operation is running; come back in 3 s',
    );
  });
});

describe('an operation that failed', () => {
  it.each([
    ['ImageBuildFailure', 'permanent'],
    ['BadArgument', 'permanent'],
    ['InternalServerError', 'transient'],
    ['OperationCanceled', 'transient'],
    // The service took the request: these are its own troubles, and there is no end of their names.
    ['Conflict', 'transient'],
    ['ResourceNotReady', 'transient'],
    [undefined, 'transient'],
  ])('with %s is %s', (code, kind) => {
    expect(operationEnded({ ...asked, status: 'Failed', code, message: 'why' }).kind).toBe(kind);
  });

  it('says how it ended', () => {
    const error = operationEnded({
      ...asked,
      status: 'Failed',
      code: 'OutOfQuota',
      message: 'No cores left.',
    });

    expect(error.message).toBe(
      'management.azure.com took "write the traffic of endpoint diabetes" and ended it as Failed, OutOfQuota: ' +
        'No cores left; mend the cause before asking again',
    );
  });
});

const scope = 'https://management.azure.com/.default';

describe('a credential that gives no token', () => {
  it.each([
    // An outage of Entra, or of the machine's own identity service, has these names too.
    ['AggregateAuthenticationError', {}, 'transient'],
    ['AuthenticationRequiredError', {}, 'transient'],
    ['CredentialUnavailableError', {}, 'transient'],
    ['AuthenticationError', { statusCode: 400 }, 'permanent'],
    ['AuthenticationError', { statusCode: 401 }, 'permanent'],
    ['AuthenticationError', { statusCode: 503 }, 'transient'],
    ['AuthenticationError', {}, 'transient'],
    ['Error', {}, 'transient'],
  ])('because of %s %o is %s', (name, facts, kind) => {
    const thrown = Object.assign(new Error('no'), { name }, facts);

    expect(noToken(scope, thrown)).toMatchObject({ kind, code: 'NoToken' });
  });

  it('is told with its own words', () => {
    expect(noToken(scope, new Error('Entra is away')).message).toBe(
      'No token for https://management.azure.com/.default: Entra is away; ' +
        'sign in (az login) or configure an identity for the worker',
    );
  });
});

describe('a request without an answer', () => {
  it.each(['CERT_HAS_EXPIRED', 'SELF_SIGNED_CERT_IN_CHAIN', 'ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED'])(
    'because of %s is what people mend, and a rollback waits for, by whatever target',
    (code) => {
      const thrown = Object.assign(new Error('certificate has expired'), { code });

      for (const error of [
        notReached(asked.what, asked.host, thrown),
        notReachedInCluster(asked.what, asked.host, thrown),
      ]) {
        expect(error.kind).toBe('permanent');
        expect(MENDED_BY_PEOPLE).toContain(error.code);
      }
    },
  );

  it('never shows a token that a foreign message holds', () => {
    const thrown = new Error('Authorization: Bearer eyJ0.abc-_~+/= was refused');

    expect(notReached(asked.what, asked.host, thrown).message).not.toContain('eyJ0');
  });
});

it.each([
  [undefined, undefined],
  ['', undefined],
  ['soon', undefined],
  ['0', 0],
  ['1.5', 1_500],
  ['-3', 0],
  ['Thu, 01 Jan 1970 00:01:00 GMT', 50_000],
])('reads Retry-After %s as %s ms', (header, expected) => {
  expect(retryAfterMs(header, 10_000)).toBe(expected);
});

it.each([
  [0, 'PT0S'],
  [500, 'PT0.5S'],
  [5_000, 'PT5S'],
  [60_000, 'PT1M'],
  [90_500, 'PT1M30.5S'],
  [7_200_001, 'PT2H0.001S'],
])('writes %d ms as %s', (ms, text) => {
  expect(isoDuration(ms)).toBe(text);
});
