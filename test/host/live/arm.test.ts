import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../../host/wait.js';
import { TestHost } from './harness.js';

let host: TestHost;

beforeAll(async () => {
  host = await TestHost.start();
  await host.done('PUT', '/onlineEndpoints/diabetes', host.endpointBody());
});

afterAll(async () => {
  await host.dispose();
});

const path = '/onlineEndpoints/diabetes';

describe('a call that is not right', () => {
  it.each([
    ['no token', { token: null }],
    ['a wrong token', { token: 'wrong' }],
  ])('with %s gets 401 in ARM’s shape', async (_, options) => {
    const answer = await host.arm('GET', path, undefined, options);

    expect(answer.status).toBe(401);
    expect(answer.body.error).toMatchObject({
      code: 'AuthenticationFailed',
      details: [],
      additionalInfo: [],
    });
    expect(answer.headers['www-authenticate']).toContain('Bearer');
  });

  it.each([
    ['no api-version', null, 'MissingApiVersionParameter'],
    ['an old api-version', '2020-01-01', 'InvalidApiVersionParameter'],
    ['nonsense for an api-version', 'newest', 'InvalidApiVersionParameter'],
  ])('with %s gets 400', async (_, apiVersion, code) => {
    const answer = await host.arm('GET', path, undefined, { apiVersion });

    expect([answer.status, answer.body.error.code]).toEqual([400, code]);
  });

  it.each([
    ['an endpoint that is not there', 'GET', '/onlineEndpoints/nowhere'],
    ['a deployment that is not there', 'GET', `${path}/deployments/blue`],
    ['a deployment with a name that JavaScript knows', 'GET', `${path}/deployments/constructor`],
    ['the logs of a deployment that is not there', 'POST', `${path}/deployments/blue/getLogs`],
    ['the keys of an endpoint that is not there', 'POST', '/onlineEndpoints/nowhere/listKeys'],
  ])('for %s gets 404 ResourceNotFound', async (_, method, at) => {
    const answer = await host.arm(method, at);

    expect([answer.status, answer.body.error.code]).toEqual([404, 'ResourceNotFound']);
  });

  it('for another workspace gets 404, and is told which there are', async () => {
    const at =
      '/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices/workspaces/other/onlineEndpoints';
    const answer = await host.arm('GET', at);

    expect(answer.status).toBe(404);
    expect(answer.body.error.message).toContain(
      "workspaces/other' under resource group 'rg' was not found; this host has: local",
    );
  });

  it('with a body that is not JSON gets 400', async () => {
    const answer = await host.arm('PUT', path, undefined, { raw: '{"location":' });

    expect([answer.status, answer.body.error.code]).toEqual([400, 'InvalidRequestContent']);
  });

  it('with a body that is too large gets 413 before it has sent it', async () => {
    const answer = await host.announce('PUT', path, 5 * 1024 * 1024);

    expect([answer.status, answer.body.error.code]).toEqual([413, 'RequestContentTooLarge']);
  });

  it('to somewhere that is nothing gets 404', async () => {
    expect((await host.arm('PUT', '/batchEndpoints/b', {})).status).toBe(404);
  });

  it.each([
    [
      'a name that Azure does not take',
      'PUT',
      '/onlineEndpoints/1st',
      { location: 'x', properties: { authMode: 'Key' } },
      'The endpoint name "1st"',
    ],
    ['no location', 'PUT', path, { properties: { authMode: 'Key' } }, 'location: '],
    [
      'another auth mode',
      'PUT',
      path,
      { location: 'x', properties: { authMode: 'key' } },
      'properties.authMode: ',
    ],
    [
      'a directory’s tokens',
      'PUT',
      path,
      { location: 'x', properties: { authMode: 'AADToken' } },
      'knows no directory to ask',
    ],
    ['traffic in a PATCH', 'PATCH', path, { properties: { traffic: {} } }, 'Unrecognized key: "properties"'],
    [
      'traffic to nobody',
      'PUT',
      path,
      { location: 'x', properties: { authMode: 'Key', traffic: { blue: 100 } } },
      'names deployment blue, which does not exist',
    ],
  ])('with %s gets 400 with the reason', async (_, method, at, body, message) => {
    const answer = await host.arm(method, at, body);

    expect([answer.status, answer.body.error.code]).toEqual([400, 'BadArgument']);
    expect(answer.body.error.message).toContain(message);
  });

  it.each([
    [
      'an asset of Azure for code',
      { codeConfiguration: { codeId: 'azureml:code:1', scoringScript: 'score.py' } },
      'written as file:///absolute/path',
    ],
    [
      'code that is not there',
      { codeConfiguration: { codeId: 'file:///nowhere', scoringScript: 'score.py' } },
      'names /nowhere, and there is nothing there',
    ],
    ['a model that is not there', { model: 'file:///nowhere' }, 'properties.model names /nowhere'],
    [
      'the kind of another endpoint',
      { endpointComputeType: 'Kubernetes' },
      'endpoint diabetes takes Managed deployments',
    ],
    ['no code', { codeConfiguration: null }, 'properties.codeConfiguration is missing'],
  ])('to deploy %s gets 400 with the reason', async (_, properties, message) => {
    const answer = await host.arm(
      'PUT',
      `${path}/deployments/blue`,
      host.deploymentBody('blue', { properties }),
    );

    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain(message);
    expect((await host.arm('GET', `${path}/deployments`)).body.value).toEqual([]);
  });

  it.each([
    ['a script outside of the code', '../score.py', 'expected a path inside the code folder'],
    ['a script that is not there', 'main.py', 'the code folder has no such file'],
  ])('to deploy %s gets 400', async (_, scoringScript, message) => {
    const codeId = pathToFileURL(join(host.folder, 'code')).href;
    const body = host.deploymentBody('blue', {
      properties: { codeConfiguration: { codeId, scoringScript } },
    });

    const answer = await host.arm('PUT', `${path}/deployments/blue`, body);

    expect(answer.status).toBe(400);
    expect(answer.body.error.message).toContain(message);
  });
});

describe('an endpoint', () => {
  it('is created with 201 and an operation, is there when that has succeeded, and is gone after DELETE', async () => {
    const put = await host.arm('PUT', '/onlineEndpoints/Short-Lived', host.endpointBody());
    expect(put.status).toBe(201);
    expect(put.headers['azure-asyncoperation']).toMatch(
      /\/locations\/local\/mfeOperationsStatus\/oeidp:.*api-version=2023-04-01$/,
    );
    expect(put.body.properties.provisioningState).toBe('Creating');
    expect(await host.ended(put)).toMatchObject({
      status: 'Succeeded',
      name: expect.stringMatching(/^oeidp:/),
    });
    expect((await host.arm('GET', '/onlineEndpoints/short-lived')).body.properties).toMatchObject({
      provisioningState: 'Succeeded',
      scoringUri: `${host.file.gatewayUrl}/local/short-lived/score`,
    });

    const deleted = await host.arm('DELETE', '/onlineEndpoints/short-lived');
    expect(deleted.status).toBe(202);
    expect(deleted.headers['location']).toContain('/mfeOperationResults/');
    expect(await host.ended(deleted)).toMatchObject({ status: 'Succeeded' });

    expect((await host.arm('GET', String(deleted.headers['location']))).status).toBe(204);
    expect((await host.arm('GET', '/onlineEndpoints/short-lived')).status).toBe(404);
    expect((await host.arm('DELETE', '/onlineEndpoints/short-lived')).status).toBe(204);
  });

  it('is what the last PUT says: what it leaves out is gone', async () => {
    const body = host.endpointBody() as { properties: object };
    await host.done('PUT', path, {
      ...body,
      tags: { a: '1' },
      properties: { ...body.properties, description: 'x', properties: { p: '1' } },
    });
    await host.done('PUT', path, host.endpointBody());

    const { tags, properties } = (await host.arm('GET', path)).body;

    expect(tags).toEqual({});
    expect(properties.description).toBeUndefined();
    expect(properties.properties).toEqual({ p: '1' }); // these can only be added to
  });

  it('takes back what it gave, read-only fields and all', async () => {
    const given = (await host.arm('GET', path)).body;

    const { status, body } = await host.arm('PUT', path, given);

    expect(status).toBe(200);
    expect(body.properties.provisioningState).toBe('Updating');
    await until(async () => (await host.arm('GET', path)).body.properties.provisioningState === 'Succeeded', {
      timeoutMs: 5_000,
    });
    expect((await host.arm('GET', path)).body.properties).toEqual(given.properties);
  });

  it('takes tags by PATCH', async () => {
    await host.done('PATCH', path, { tags: { team: 'risk' } });

    expect((await host.arm('GET', '/onlineEndpoints?tags=team%3Drisk')).body.value).toHaveLength(1);
    expect((await host.arm('GET', '/onlineEndpoints?tags=team%3Dother')).body.value).toHaveLength(0);
  });

  it('is found whatever the case of names and paths', async () => {
    const at =
      '/subscriptions/S/resourcegroups/RG/providers/microsoft.machinelearningservices/workspaces/LOCAL/onlineendpoints/DIABETES';

    expect((await host.arm('GET', at, undefined, { apiVersion: '2022-02-01-preview' })).body.name).toBe(
      'diabetes',
    );
  });
});

describe('a deployment', () => {
  it('goes through its life: created, busy, scaled, refused while live, deleted', async () => {
    const go = join(host.folder, 'go');
    const body = host.deploymentBody('blue', { env: { WAIT_FOR: go } });
    const put = await host.arm('PUT', `${path}/deployments/blue`, body);
    expect([put.status, put.body.properties.provisioningState]).toEqual([201, 'Creating']);
    const meanwhile = await host.arm('PUT', path, host.endpointBody());
    expect([meanwhile.status, meanwhile.body.error.code]).toEqual([409, 'Conflict']);
    expect(meanwhile.body.error.message).toContain('(deployment-put of deployment blue) runs since');
    await writeFile(go, '');
    expect(await host.ended(put)).toMatchObject({ status: 'Succeeded' });

    await host.setTraffic('diabetes', { blue: 100 });
    const refused = await host.arm('DELETE', `${path}/deployments/blue`);
    expect(refused.status).toBe(400);
    expect(refused.body.error.message).toContain('it has 100 percent of live traffic');

    await host.done('PATCH', `${path}/deployments/blue`, { sku: { name: 'Default', capacity: 2 } });
    expect((await host.arm('GET', `${path}/deployments/blue`)).body).toMatchObject({
      sku: { name: 'Default', capacity: 2 },
      properties: { properties: { 'greenlight.readyInstances': '2', 'greenlight.restarts': '0' } },
    });
    const more = await host.arm('PATCH', `${path}/deployments/blue`, { properties: {} });
    expect([more.status, more.body.error.code]).toEqual([400, 'BadArgument']);

    await host.setTraffic('diabetes', {});
    await host.done('DELETE', `${path}/deployments/blue`);
    expect((await host.arm('GET', `${path}/deployments`)).body.value).toEqual([]);
    expect((await host.arm('DELETE', `${path}/deployments/blue`)).status).toBe(204);
  });

  it('whose init() raises ends as Failed, with the log in the error, and can be put again', async () => {
    const put = host.arm(
      'PUT',
      `${path}/deployments/bad`,
      host.deploymentBody('bad', { env: { FAIL_INIT: '1' } }),
    );

    const { status, error } = await host.ended(put);

    expect(status).toBe('Failed');
    expect(error?.code).toBe('ResourceNotReady');
    expect(error?.message).toContain(
      'its model server ended 3 times before it was ready (last: exit code 3)',
    );
    expect(error?.message).toContain('RuntimeError: init says no');
    const { properties } = (await host.arm('GET', `${path}/deployments/bad`)).body;
    expect(properties.provisioningState).toBe('Failed');
    expect(properties.properties['greenlight.error']).toBe(error?.message);
    const logs = await host.arm('POST', `${path}/deployments/bad/getLogs`, { tail: 20 });
    expect(logs.body.content).toContain('Worker failed to boot');
    const traffic = await host.arm('PUT', path, host.endpointBody({ bad: 100 }));
    expect(traffic.body.error.message).toContain('whose provisioning state is Failed');

    await host.deploy('diabetes', 'bad');
    expect((await host.arm('GET', `${path}/deployments/bad`)).body.properties.provisioningState).toBe(
      'Succeeded',
    );
  });

  it('that never answers its probe ends as Failed at its deadline', async () => {
    const properties = {
      readinessProbe: { period: 'PT0.5S', failureThreshold: 2, timeout: 'PT0.2S' },
      requestSettings: { maxConcurrentRequestsPerInstance: 8, requestTimeout: 'PT1S' },
    };
    const body = host.deploymentBody('late', { env: { SLOW_INIT_S: '60' }, properties });

    const { status, error } = await host.ended(host.arm('PUT', `${path}/deployments/late`, body));

    expect(status).toBe('Failed');
    expect(error?.message).toContain('did not answer its readiness probe within 1 s');
    await until(() => host.instancePids('diabetes', 'late').length === 0, { timeoutMs: 10_000 });
    expect(host.instancePids('diabetes', 'late')).toEqual([]);
  });

  it('with new code comes up beside the old, and takes over when it is ready', async () => {
    await host.deploy('diabetes', 'rolling', { capacity: 2 });
    const key = await host.key('diabetes');
    const pin = { 'azureml-model-deployment': 'rolling' };
    const before = host.instancePids('diabetes', 'rolling');

    const bad = host.deploymentBody('rolling', { capacity: 1, env: { FAIL_INIT: '1' } });
    expect(await host.ended(host.arm('PUT', `${path}/deployments/rolling`, bad))).toMatchObject({
      status: 'Failed',
    });
    expect(host.instancePids('diabetes', 'rolling')).toEqual(expect.arrayContaining(before));
    expect(JSON.parse((await host.score('diabetes', key, {}, pin)).text)).toMatchObject({ name: 'rolling' });

    await host.deploy('diabetes', 'rolling', { env: { NAME: 'rolled' } });
    expect(JSON.parse((await host.score('diabetes', key, {}, pin)).text)).toMatchObject({ name: 'rolled' });
  });

  it('stays as it was put when the files change, also through another PUT', async () => {
    await host.deploy('diabetes', 'frozen');
    await writeFile(join(host.folder, 'code', 'score.py'), 'this is not python');

    await host.deploy('diabetes', 'frozen', { env: { NAME: 'renamed' } });

    const key = await host.key('diabetes');
    const answer = await host.score('diabetes', key, {}, { 'azureml-model-deployment': 'frozen' });
    expect(JSON.parse(answer.text)).toMatchObject({ name: 'renamed' });
  });
});

it('the workspace tells what Microsoft’s client wants to know', async () => {
  const { body } = await host.arm('GET', '', undefined, { apiVersion: '2024-10-01-preview' });

  expect(body).toMatchObject({
    name: 'local',
    type: 'Microsoft.MachineLearningServices/workspaces',
    location: 'local',
  });
  expect(Object.keys(body.properties)).toEqual(
    expect.arrayContaining([
      'workspaceId',
      'discoveryUrl',
      'mlFlowTrackingUri',
      'storageAccount',
      'tenantId',
      'provisioningState',
    ]),
  );
});

describe('the host’s own metrics', () => {
  it('are for Prometheus, with the host’s token', async () => {
    const { status, body } = await host.arm('GET', '/metrics', undefined, { apiVersion: null });

    expect(status).toBe(200);
    expect(body).toMatch(
      /greenlight_host_instances{workspace="local",endpoint="diabetes",.*state="ready"} \d/,
    );
    expect(body).toMatch(/greenlight_host_operation_seconds_count{.*deployment-put.*} [1-9]/);
    expect((await host.arm('GET', '/metrics', undefined, { token: null, apiVersion: null })).status).toBe(
      401,
    );
  });
});

describe('what is told to come back', () => {
  it('a write to an endpoint that is busy gets 409, and after a second', async () => {
    const go = join(host.folder, 'go-slow');
    const body = host.deploymentBody('slow', { env: { WAIT_FOR: go } });
    const operation = await host.arm('PUT', `${path}/deployments/slow`, body);

    const answer = await host.arm('PUT', path, host.endpointBody());

    expect([answer.status, answer.body.error.code, answer.headers['retry-after']]).toEqual([
      409,
      'Conflict',
      '1',
    ]);
    await writeFile(go, '');
    await host.ended(operation);
  });

  it('a wrong method gets 405, and which there are', async () => {
    const answer = await host.arm('POST', path);

    expect([answer.status, answer.body.error.code]).toEqual([405, 'MethodNotAllowed']);
    expect(answer.headers['allow']).toBe('GET, PUT, PATCH, DELETE');
  });
});

describe('an upload', () => {
  it('without the signature of its container gets 403', async () => {
    const start = await host.arm('POST', '/codes/mine/versions/1/startPendingUpload', {});
    const address = new URL(start.body.blobReferenceForConsumption.credential.sasUri as string);
    address.pathname = address.pathname.replace(/codes-.*/, 'codes-other/score.py');

    const answer = await host.arm('PUT', address.href, undefined, { raw: 'x' });

    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([403, 'AuthenticationFailed']);
    expect(answer.body).toContain('is not the one of this container');
  });

  it('to a name that leads out of its container gets 400', async () => {
    const start = await host.arm('POST', '/codes/mine/versions/1/startPendingUpload', {});
    const [base = '', query = ''] = (
      start.body.blobReferenceForConsumption.credential.sasUri as string
    ).split('?');

    const answer = await host.arm('PUT', `${base}/..%2f..%2ftoken?${query}&comp=metadata`, undefined, {
      raw: 'x',
    });

    expect([answer.status, answer.headers['x-ms-error-code']]).toEqual([400, 'InvalidResourceName']);
  });

  it('that nobody made is no code for a deployment', async () => {
    const { id } = (await host.arm('GET', path)).body as { id: string };
    const codeId = id.replace(/onlineEndpoints.*/, 'codes/none/versions/1');
    const codeConfiguration = { codeId, scoringScript: 'score.py' };

    const answer = await host.arm(
      'PUT',
      `${path}/deployments/none`,
      host.deploymentBody('none', { properties: { codeConfiguration } }),
    );

    expect([answer.status, answer.body.error.code]).toEqual([400, 'BadArgument']);
    expect(answer.body.error.message).toContain('which is not registered in workspace local');
  });
});
