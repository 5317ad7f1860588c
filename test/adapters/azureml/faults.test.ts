import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createAzureMlEndpoints, type AzureMlSettings } from '../../../adapters/azureml/endpoints.js';
import type { Traffic } from '../../../core/traffic.js';
import { FakeArm, settingsFor } from './fake-arm.js';
import { sampleDeployment } from './samples.js';

let arm: FakeArm;
beforeEach(async () => {
  arm = await FakeArm.start();
  arm.seedEndpoint('diabetes', { blue: 100 });
  arm.seedDeployment('diabetes', 'blue');
});
afterEach(() => arm.stop());

function client(changes: Partial<AzureMlSettings> = {}) {
  return createAzureMlEndpoints({ ...settingsFor(arm), ...changes });
}

const half = { live: { blue: 50, green: 50 }, mirror: {} };

describe('a write', () => {
  it('whose answer got lost is transient, meets the conflict, and goes through when repeated', async () => {
    const endpoints = client();
    arm.faults.push({ method: 'PUT', path: 'diabetes', answer: 'lost-after' });

    await expect(endpoints.writeTraffic('diabetes', half)).rejects.toMatchObject({ kind: 'transient' });
    await expect(endpoints.writeTraffic('diabetes', half)).rejects.toMatchObject({
      kind: 'throttled',
      code: 'Conflict',
      retryAfterMs: 3_000,
    });
    await endpoints.writeTraffic('diabetes', half);

    expect((await endpoints.read('diabetes')).traffic).toEqual(half);
  });

  it('is not repeated by the client itself', async () => {
    const answer = { status: 429, headers: { 'retry-after': '9' } };
    arm.faults.push({ method: 'PUT', path: 'diabetes', answer });

    await expect(client().writeTraffic('diabetes', half)).rejects.toMatchObject({
      kind: 'throttled',
      code: 'Http429',
      retryAfterMs: 9_000,
    });

    expect(arm.calls('PUT')).toHaveLength(1);
  });

  it('whose time has gone by since the endpoint was read is not sent', async () => {
    const confirm = (): void => {
      if (arm.calls('GET').length > 0) throw new Error('stood still');
    };

    await expect(client().writeTraffic('diabetes', half, { confirm })).rejects.toThrow('stood still');

    expect(arm.calls('PUT')).toEqual([]);
  });

  it('nor is a creation', async () => {
    const confirm = (): void => {
      if (arm.calls('GET').length > 0) throw new Error('stood still');
    };
    const created = client().createDeployment('diabetes', sampleDeployment('green'), {}, { confirm });

    await expect(created).rejects.toThrow('stood still');

    expect(arm.calls('PUT')).toEqual([]);
  });

  it('is not sent over shares that it may not be made over', async () => {
    const shown: Traffic[] = [];
    const mayShow = (traffic: Traffic) => shown.push(traffic) > 1;

    await expect(client().writeTraffic('diabetes', half, { mayShow })).rejects.toMatchObject({
      kind: 'transient',
      code: 'Outdated',
    });
    expect(arm.calls('PUT')).toEqual([]);
    await client().writeTraffic('diabetes', half, { mayShow });

    expect(shown[0]).toEqual({ live: { blue: 100 }, mirror: {} });
    expect(arm.endpoints.get('diabetes')?.properties['traffic']).toEqual(half.live);
  });

  it('that the service took and failed tells why', async () => {
    arm.nextFailure = { code: 'BadArgument', message: 'green does not exist' };

    await expect(client().writeTraffic('diabetes', half)).rejects.toMatchObject({
      kind: 'permanent',
      code: 'BadArgument',
      message: expect.stringContaining('green does not exist') as string,
    });
  });

  it('that the service refused, or ended, with an empty code has one all the same', async () => {
    const refused = { status: 400, body: { error: { code: '', message: 'No.' } } };
    arm.faults.push({ method: 'PUT', path: 'diabetes', answer: refused });

    await expect(client().writeTraffic('diabetes', half)).rejects.toMatchObject({ code: 'Http400' });
    arm.nextFailure = { code: '', message: 'No.' };
    await expect(client().writeTraffic('diabetes', half)).rejects.toMatchObject({ code: 'OperationFailed' });
  });

  it('says that it was taken before it is followed, which may be refused', async () => {
    arm.faults.push({ method: 'PUT', path: 'diabetes', answer: { status: 429 } });
    arm.faults.push({ method: 'GET', path: '/operations/', answer: { status: 429 } });
    const told: string[] = [];
    const write = () =>
      client().writeTraffic('diabetes', half, {
        confirm: () => told.push('confirm'),
        taken: () => told.push('taken'),
      });

    await expect(write()).rejects.toMatchObject({ kind: 'throttled' });
    await expect(write()).rejects.toMatchObject({ kind: 'throttled' });

    expect(told).toEqual(['confirm', 'confirm', 'taken']);
  });

  it('is followed at the resource when the service has forgotten the operation', async () => {
    const forgotten = { status: 404, body: { error: { code: 'NotFound', message: 'Expired.' } } };
    arm.faults.push({ method: 'GET', path: '/operations/', answer: forgotten });

    await client().writeTraffic('diabetes', half);

    expect(arm.endpoints.get('diabetes')?.properties['traffic']).toEqual(half.live);
  });

  it('may show late: reading back is the caller’s', async () => {
    arm.staleReads = 2;
    const endpoints = client();

    await endpoints.writeTraffic('diabetes', half);

    const shown = [];
    for (let i = 0; i < 3; i++) shown.push((await endpoints.read('diabetes')).traffic.live);
    expect(shown).toEqual([{ blue: 100 }, { blue: 100 }, half.live]);
  });

  it('that is waited for ends with the reason of whoever gives up', async () => {
    arm.questionsPerOperation = Infinity;
    arm.retryAfter = '60';
    const gaveUp = new AbortController();
    const write = client().writeTraffic('diabetes', half, { signal: gaveUp.signal });
    const ended = expect(write).rejects.toThrow('worker is shutting down');
    await vi.waitFor(() => expect(arm.calls('PUT')).toHaveLength(1), 20_000);

    gaveUp.abort(new Error('worker is shutting down'));

    await ended;
  });
});

describe('creating a deployment', () => {
  const tags = { 'greenlight.rollout': 'r1' };

  it('goes on when its first answer got lost', async () => {
    arm.questionsPerOperation = 3;
    arm.faults.push({ method: 'PUT', path: 'deployments/green', answer: 'lost-after' });
    const endpoints = client();
    const create = () => endpoints.createDeployment('diabetes', sampleDeployment('green'), tags);

    await expect(create()).rejects.toMatchObject({ kind: 'transient' });
    await expect(create()).resolves.toBeUndefined();

    expect(arm.calls('PUT')).toHaveLength(2);
  });

  it.each([
    ['another rollout creates one of that name', { 'greenlight.rollout': 'r0' }, 'Creating'],
    ['the endpoint is busy with something else', tags, 'Succeeded'],
  ])('is throttled while %s', async (_why, found, state) => {
    arm.seedDeployment('diabetes', 'green', state, { tags: { owner: 'risk', ...found } });
    const conflict = { status: 409, body: { error: { code: 'Conflict', message: 'Busy.' } } };
    arm.faults.push({ method: 'PUT', path: 'deployments/green', answer: conflict });

    await expect(
      client().createDeployment('diabetes', sampleDeployment('green'), tags),
    ).rejects.toMatchObject({ kind: 'throttled' });
  });

  it('refuses files of this machine where the service cannot read them', async () => {
    await expect(
      client({ localPaths: false }).createDeployment('diabetes', sampleDeployment('green'), tags),
    ).rejects.toMatchObject({ kind: 'permanent', code: 'LocalAsset' });

    expect(arm.calls('PUT')).toEqual([]);
  });
});

it('deletes well what is being deleted already', async () => {
  arm.seedDeployment('diabetes', 'green', 'Deleting');
  arm.faults.push({ method: 'DELETE', path: 'deployments/green', answer: { status: 409 } });

  await expect(client().deleteDeployment('diabetes', 'green')).resolves.toBeUndefined();
});

it('does not delete well what it may not delete yet and is not shown: it may be about to be', async () => {
  arm.faults.push({ method: 'DELETE', path: 'deployments/green', answer: { status: 409 } });

  await expect(client().deleteDeployment('diabetes', 'green')).rejects.toMatchObject({ kind: 'throttled' });
  await expect(client().deleteDeployment('diabetes', 'green')).resolves.toBeUndefined();
});

it('does not delete well what something else holds', async () => {
  arm.seedDeployment('diabetes', 'green', 'Updating');
  arm.faults.push({ method: 'DELETE', path: 'deployments/green', answer: { status: 409 } });

  await expect(client().deleteDeployment('diabetes', 'green')).rejects.toMatchObject({ kind: 'throttled' });
});

describe('no answer', () => {
  it('within the deadline is transient', async () => {
    arm.faults.push({ method: 'GET', path: 'diabetes', answer: 'never' });

    await expect(client({ deadlineMs: 100 }).readDeployment('diabetes', 'blue')).rejects.toMatchObject({
      kind: 'transient',
      code: 'DeadlineExceeded',
    });
  });

  it('because of a broken connection is transient', async () => {
    arm.faults.push({ method: 'GET', path: 'diabetes', answer: 'lost-before' });

    await expect(client().readDeployment('diabetes', 'blue')).rejects.toMatchObject({ kind: 'transient' });
  });

  it('because nobody listens is transient, and says where', async () => {
    const endpoints = client();
    await arm.stop();

    await expect(endpoints.read('diabetes')).rejects.toMatchObject({
      kind: 'transient',
      code: 'ECONNREFUSED',
      message: expect.stringContaining(new URL(arm.url).host) as string,
    });
  });

  it('because of a certificate that is not trusted is permanent, and says so', async () => {
    const { ca: _ca, ...untrusting } = settingsFor(arm);

    await expect(createAzureMlEndpoints(untrusting).read('diabetes')).rejects.toMatchObject({
      kind: 'permanent',
      code: 'NotTrusted',
      message: expect.stringContaining('name its CA file') as string,
    });
  });
});

describe('a reason that stands in the details', () => {
  /** As Azure ML answers: the message says nothing, and the reason is JSON within the text of a detail. */
  function invalid(code: string, reason: string) {
    const inner = {
      errors: { VmSize: [reason] },
      type: 'https://tools.ietf.org/html/rfc7231#section-6.5.1',
      title: 'One or more validation errors occurred.',
      status: 400,
      traceId: '00-a95a95afd7040aa9217f2d51d95c71c1-894d1cf3aba15e15-01',
    };
    const message = `InferencingClient HttpRequest error, error detail: ${JSON.stringify(inner)}`;
    const details = [{ code, message, target: null, details: [], additionalInfo: [] }];
    return { code: 'BadRequest', message: 'The request is invalid.', target: null, details };
  }
  const quota =
    'Not enough quota available for Standard_F4s_v2. Current usage/limit: 0/6. Additional needed: 8';
  const create = () => client().createDeployment('diabetes', sampleDeployment('green'), {});

  it('is told, and with it what to do', async () => {
    const error = invalid('InferencingClientCreateDeploymentFailed', quota);
    arm.faults.push({ method: 'PUT', path: 'deployments/green', answer: { status: 400, body: { error } } });

    await expect(create()).rejects.toMatchObject({
      kind: 'permanent',
      code: 'BadRequest',
      message: expect.stringContaining(
        `The request is invalid; InferencingClientCreateDeploymentFailed: VmSize: ${quota}; ask for more quota`,
      ) as string,
    });
  });

  it('decides whether to ask again', async () => {
    const error = invalid('X', 'Cannot create a deployment because it is in Updating provisioning state.');
    arm.faults.push({ method: 'PUT', path: 'deployments/green', answer: { status: 400, body: { error } } });

    await expect(create()).rejects.toMatchObject({ kind: 'throttled' });
  });

  it('is told of a conflict', async () => {
    const running = { code: 'OperationDuplicationConflict', message: 'Operation o-1 is already running.' };
    const details = [{ code: 'Outer', message: null, details: [running, running] }];
    const error = { code: 'Conflict', message: 'Conflict', details };
    arm.faults.push({ method: 'PUT', path: 'diabetes', answer: { status: 409, body: { error } } });

    await expect(client().writeTraffic('diabetes', half)).rejects.toThrow(
      ': Conflict; Outer; OperationDuplicationConflict: Operation o-1 is already running; another operation',
    );
  });

  it('is told of an operation, and of a deployment, that failed', async () => {
    arm.nextFailure = invalid('X', quota);
    await expect(client().writeTraffic('diabetes', half)).rejects.toThrow(`X: VmSize: ${quota}`);

    arm.nextFailure = invalid('X', quota);
    await create();
    await expect
      .poll(async () => (await client().readDeployment('diabetes', 'green'))?.error)
      .toBe(`BadRequest: The request is invalid; X: VmSize: ${quota}`);
  });

  it.each([['none'], [['text', null, { message: 7 }]], [{ code: 'X' }]])(
    'is not looked for in what cannot be read: %j',
    async (details) => {
      const error = { code: 'Conflict', message: 'Busy.', details };
      arm.faults.push({ method: 'PUT', path: 'diabetes', answer: { status: 409, body: { error } } });

      await expect(client().writeTraffic('diabetes', half)).rejects.toThrow(
        ': Busy; another operation is running',
      );
    },
  );
});

describe('an answer', () => {
  it('of no such endpoint says what was asked, of whom, and what to do', async () => {
    const host = new URL(arm.url).host;

    await expect(client().read('missing')).rejects.toMatchObject({
      kind: 'permanent',
      code: 'ResourceNotFound',
      message:
        `${host} answered 404 UserError to "read endpoint missing": There is no such thing (request req-7); ` +
        'check the subscription, resource group, workspace and names (only online endpoints are found, not batch)',
    });
  });

  it('with null in place of a text reads as one without it', async () => {
    const endpoint = arm.endpoints.get('diabetes');
    Object.assign(endpoint?.tags ?? {}, { owner: null });
    Object.assign(endpoint?.properties.properties ?? {}, { note: null });
    const endpoints = client();

    await endpoints.writeTraffic('diabetes', { live: { blue: 100 }, mirror: {} });

    expect(arm.calls('PUT')[0]?.body).toMatchObject({
      tags: { team: 'risk' },
      properties: { properties: { 'azureml.note': 'kept' } },
    });
    expect(JSON.stringify(arm.calls('PUT')[0]?.body)).not.toContain('null');
  });

  it('in another shape names the field', async () => {
    arm.faults.push({
      method: 'GET',
      path: 'deployments/blue',
      answer: { status: 200, body: { name: 'blue' } },
    });

    await expect(client().readDeployment('diabetes', 'blue')).rejects.toMatchObject({
      code: 'UnexpectedAnswer',
      message: expect.stringMatching(/location|properties/) as string,
    });
  });

  it('that is not JSON is not taken for an empty one', async () => {
    arm.faults.push({ method: 'GET', path: 'deployments/blue', answer: { status: 200, body: '<html>' } });

    await expect(client().readDeployment('diabetes', 'blue')).rejects.toMatchObject({
      code: 'UnexpectedAnswer',
    });
  });

  it('that sends us elsewhere does not get our token', async () => {
    const elsewhere = await FakeArm.start();
    try {
      const nextLink = `${elsewhere.url}/next`;
      arm.faults.push({
        method: 'GET',
        path: '/deployments',
        answer: { status: 200, body: { value: [], nextLink } },
      });

      await expect(client().read('diabetes')).rejects.toMatchObject({ code: 'UnexpectedAnswer' });

      expect(elsewhere.seen).toEqual([]);
    } finally {
      await elsewhere.stop();
    }
  });

  it('that names a foreign operation is followed at the resource', async () => {
    arm.faults.push({
      method: 'PUT',
      path: 'diabetes',
      answer: { status: 201, headers: { 'azure-asyncoperation': 'https://127.0.0.2:1/steal' }, body: {} },
    });

    await expect(client().writeTraffic('diabetes', half)).resolves.toBeUndefined();
  });
});

describe('invoke', () => {
  it('without an answer is transient, and learns the address anew the next time', async () => {
    const endpoints = client();
    await endpoints.invoke('diabetes', 'blue', '{}');
    arm.faults.push({ method: 'POST', path: '/score/', answer: 'lost-before' });

    await expect(endpoints.invoke('diabetes', 'blue', '{}')).rejects.toMatchObject({ kind: 'transient' });
    await expect(endpoints.invoke('diabetes', 'blue', '{}')).resolves.toMatchObject({ status: 200 });

    expect(arm.seen.filter((s) => s.path.endsWith('listKeys'))).toHaveLength(2);
  });

  it('uses the endpoint’s own token where it has no keys', async () => {
    Object.assign(arm.endpoints.get('diabetes')?.properties ?? {}, { authMode: 'AMLToken' });

    await expect(client().invoke('diabetes', 'blue', '{}')).resolves.toMatchObject({ status: 200 });

    expect(arm.seen.filter((s) => s.path.endsWith('/token'))).toHaveLength(1);
  });
});
