import { readFileSync } from 'node:fs';
import { Agent, request } from 'undici';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestHost } from './harness.js';

/** A model server of its own kind: shows the request it got. */
const ECHO = `
import { createServer } from 'node:http';
createServer((request, response) => {
  response.setHeader('connection', 'close');
  response.end(JSON.stringify({ url: request.url, headers: request.headers }));
}).listen(Number(process.argv[2]), '127.0.0.1');
`;

let host: TestHost;
let key: string;

beforeAll(async () => {
  host = await TestHost.start();
  await host.done('PUT', '/onlineEndpoints/diabetes', host.endpointBody());
  key = await host.key('diabetes');
  await host.deploy('diabetes', 'blue', {
    properties: { requestSettings: { maxConcurrentRequestsPerInstance: 4, requestTimeout: 'PT1S' } },
  });
  await host.deploy('diabetes', 'full', {
    properties: { requestSettings: { maxConcurrentRequestsPerInstance: 4, requestTimeout: 'PT60S' } },
  });
  await host.setTraffic('diabetes', { blue: 100 });
});

afterAll(async () => {
  await host.dispose();
});

/** Takes four at once, and no time limit comes in between. */
const FULL = { 'azureml-model-deployment': 'full' };
const score = (ask: object = {}, headers: Record<string, string> = {}) =>
  host.score('diabetes', key, ask, headers);

describe('who may score', () => {
  it.each(['primary', 'secondary'])('the %s key opens the endpoint', async (which) => {
    const keys = (await host.arm('POST', '/onlineEndpoints/diabetes/listKeys')).body;

    expect((await host.score('diabetes', keys[`${which}Key`])).status).toBe(200);
  });

  it.each([
    ['no key', null],
    ['a wrong key', 'wrong'],
  ])('%s is answered with 401', async (_, wrong) => {
    expect((await host.score('diabetes', wrong)).status).toBe(401);
  });

  it('a key that was made anew replaces the old one at once', async () => {
    const before = (await host.arm('POST', '/onlineEndpoints/diabetes/listKeys')).body.secondaryKey;

    await host.done('POST', '/onlineEndpoints/diabetes/regenerateKeys', { keyType: 'Secondary' });

    const after = (await host.arm('POST', '/onlineEndpoints/diabetes/listKeys')).body.secondaryKey;
    expect(after).not.toBe(before);
    expect((await host.score('diabetes', before)).status).toBe(401);
    expect((await host.score('diabetes', after)).status).toBe(200);
  });

  it('an endpoint with tokens takes its token and no key', async () => {
    const body = { location: 'local', properties: { authMode: 'AMLToken' } };
    await host.done('PUT', '/onlineEndpoints/tokens', body);

    const { body: token } = await host.arm('POST', '/onlineEndpoints/tokens/token');

    expect(token).toMatchObject({ tokenType: 'Bearer', expiryTimeUtc: expect.any(Number) });
    expect((await host.score('tokens', token.accessToken)).status).toBe(404); // let in, and nobody there
    expect((await host.score('tokens', key)).status).toBe(401);
    expect((await host.arm('POST', '/onlineEndpoints/tokens/listKeys')).status).toBe(400);
  });

  it('an endpoint that does not exist is answered with 404', async () => {
    expect((await host.score('nowhere', key)).status).toBe(404);
  });
});

describe('which deployment answers', () => {
  it('the one that the header names, whatever the traffic', async () => {
    await host.deploy('diabetes', 'green');

    const answer = await score({}, { 'azureml-model-deployment': 'Green' });

    expect(JSON.parse(answer.text)).toMatchObject({ name: 'green' });
    expect(answer.headers['azureml-model-deployment']).toBe('green');
  });

  it('none when the header names one that is not there: 404', async () => {
    expect((await score({}, { 'azureml-model-deployment': 'violet' })).status).toBe(404);
  });
});

describe('how errors are told to clients', () => {
  it('an exception in run() is 424, and the headers say 500', async () => {
    const answer = await score({ fail: true });

    expect(answer.status).toBe(424);
    expect(answer.headers).toMatchObject({
      'ms-azureml-model-error-statuscode': '500',
      'ms-azureml-model-error-reason': 'model_error',
    });
    expect(await host.counter('cluster.local~diabetes~blue~live.upstream_rq_500')).toBe(1);
  });

  it('an answer past the request timeout is 408', async () => {
    expect((await score({ ms: 1500 })).status).toBe(408);
  });

  it('is 408 by the timeout of the deployment that it reached, also when another one has a longer one', async () => {
    await host.deploy('diabetes', 'patient', { properties: { requestSettings: { requestTimeout: 'PT5S' } } });
    await host.setTraffic('diabetes', { blue: 50, patient: 50 });

    const seen = new Set<string>();
    // Twenty times the same deployment: once in 500,000 runs.
    for (let turn = 0; turn < 20 && seen.size < 2; turn++) {
      const { status, headers } = await score({ ms: 1300 });
      seen.add(`${String(headers['azureml-model-deployment'])} ${status}`);
    }

    expect([...seen].sort()).toEqual(['blue 408', 'patient 200']);
    await host.setTraffic('diabetes', { blue: 100 });
    await host.done('DELETE', '/onlineEndpoints/diabetes/deployments/patient');
  });

  it('more at once than twice what the instances work on is 429', async () => {
    const enough = join(host.folder, 'enough');
    let refused = 0;
    const asked = Array.from({ length: 12 }, async () => {
      const { status } = await score({ until: enough }, FULL);
      if (status === 429) refused += 1;
      return status;
    });
    await expect.poll(() => refused).toBe(4);
    await writeFile(enough, '');

    const statuses = await Promise.all(asked);
    expect(statuses.filter((status) => status === 429).length).toBe(4);
    expect(statuses.filter((status) => status === 200).length).toBe(8);
  });

  it('bursts past the limit leave a deployment that answers at once', async () => {
    let late = 0;
    for (let burst = 0; burst < 20; burst++) {
      await Promise.all(Array.from({ length: 16 }, () => score({ ms: 20 }, FULL)));
      const start = Date.now();
      expect((await score({}, FULL)).status).toBe(200);
      if (Date.now() - start >= 800) late += 1;
    }
    // Connections opened for requests that got no place held gunicorn's threads for seconds; a stall meets one burst or two.
    expect(late).toBeLessThan(4);
  });

  it('a model server that dies under a request is 424, and is not tried again', async () => {
    const before = await host.counter('cluster.local~diabetes~green~direct.upstream_rq_retry');

    const answer = await score({ die: true }, { 'azureml-model-deployment': 'green' });

    expect(answer.status).toBe(424);
    expect(answer.headers['ms-azureml-model-error-reason']).toBe('model_unreachable');
    expect(await host.counter('cluster.local~diabetes~green~direct.upstream_rq_retry')).toBe(before);
  });
});

describe('what reaches the model server', () => {
  it('is the path behind the endpoint, without the key, with a request id of the gateway', async () => {
    await writeFile(join(host.folder, 'code', 'echo.mjs'), ECHO);
    const properties = {
      codeConfiguration: { codeId: pathToFileURL(join(host.folder, 'code')).href, scoringScript: 'echo.mjs' },
      properties: { 'greenlight.command': JSON.stringify([process.execPath, 'echo.mjs', '{port}']) },
    };
    await host.deploy('diabetes', 'echo', { properties });

    const answer = await score(
      {},
      {
        'azureml-model-deployment': 'echo',
        'x-request-id': 'mine',
        'x-ms-client-request-id': `a b.c!${'x'.repeat(60)}`,
        'x-ms-request-id': 'y'.repeat(200),
        'x-envoy-upstream-rq-timeout-ms': '1',
      },
    );

    expect(answer.status).toBe(200);
    const { url, headers } = JSON.parse(answer.text) as { url: string; headers: Record<string, string> };
    expect(url).toBe('/score');
    expect(headers['authorization']).toBeUndefined();
    expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    expect(headers['x-request-id']).toBe(answer.headers['x-request-id']);
    expect(headers['x-ms-client-request-id']).toBe(`abc${'x'.repeat(37)}`);
    expect(headers['x-ms-request-id']).toBeUndefined();
  });

  it('is none of the environment of the host', async () => {
    const environment = JSON.parse((await score({ env: true })).text) as Record<string, string>;

    expect(environment['SECRET_OF_THE_HOST']).toBeUndefined();
    expect(environment['HOME']).toContain(host.state);
    expect(environment['NAME']).toBe('blue');
  });

  it('is the model as it was when the deployment was put', async () => {
    const path = join(host.folder, 'model.txt');
    await writeFile(path, 'first');
    await host.deploy('diabetes', 'keeps', { properties: { model: pathToFileURL(path).href } });
    await writeFile(path, 'second');

    await host.deploy('diabetes', 'keeps', { capacity: 2, properties: { model: pathToFileURL(path).href } });

    const answer = await score({ model: 'model.txt' }, { 'azureml-model-deployment': 'keeps' });
    expect(JSON.parse(answer.text)).toBe('first');
  });
});

describe('the gateway behind TLS', () => {
  it('serves the same endpoints with the certificate of the host', async () => {
    const tls = new Agent({ connect: { ca: readFileSync(host.file.caFile, 'utf8') } });

    const answer = await request(`${host.file.gatewayTlsUrl}/local/diabetes/score`, {
      dispatcher: tls,
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: '{}',
    });

    expect([answer.statusCode, await answer.body.json()]).toMatchObject([200, { name: 'blue' }]);
    await tls.close();
  });
});
