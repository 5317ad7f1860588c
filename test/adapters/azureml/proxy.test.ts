import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { createAzureMlEndpoints } from '../../../adapters/azureml/endpoints.js';
import type { Queries } from '../../../adapters/azureml/queries.js';
import { Scoring } from '../../../adapters/azureml/scoring.js';
import { FakeArm, settingsFor } from './fake-arm.js';

/** Who is asked for a way, and answers in the place of whoever is meant. */
const proxy = createServer();
let asked: (string | undefined)[] = [];
proxy.on('connect', (request, socket) => {
  asked.push(request.url);
  socket.once('data', () =>
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}'),
  );
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
});

beforeEach(async () => {
  asked = [];
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  const { port } = proxy.address() as AddressInfo;
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy']) {
    vi.stubEnv(name, `http://127.0.0.1:${port}`);
  }
  for (const name of ['NO_PROXY', 'no_proxy']) vi.stubEnv(name, '');
});
afterEach(async () => {
  vi.unstubAllEnvs();
  proxy.close();
  await once(proxy, 'close');
});

/** As on Azure: no certificate of its own. */
function scoring(): Scoring {
  const endpoint = {
    scoringUri: 'http://diabetes.test/score',
    authMode: 'Key',
    provisioningState: 'Succeeded',
  };
  const queries = {
    endpoint: () => Promise.resolve({ properties: endpoint }),
    keys: () => Promise.resolve({ primaryKey: 'key-1', secondaryKey: 'key-2' }),
  } as unknown as Queries;
  const tokenFor = () => Promise.reject(new Error('no token is asked for'));
  return new Scoring({ queries, tokenFor, scope: '', ca: undefined, fetch: undefined });
}

it('smoke requests to Azure go by the proxy of the environment', async () => {
  const result = await scoring().invoke('diabetes', 'green', '{}', undefined);

  expect(result).toMatchObject({ status: 200, body: '{}' });
  expect(asked).toEqual(['diabetes.test:80']);
});

it('a proxy that cannot be read keeps nobody from anything but smoke requests', async () => {
  vi.stubEnv('http_proxy', 'http://');
  const unread = scoring();

  await expect(unread.invoke('diabetes', 'green', '{}', undefined)).rejects.toMatchObject({
    kind: 'transient',
  });
});

it('smoke requests to a host with a certificate of its own do not', async () => {
  const arm = await FakeArm.start();
  try {
    arm.seedEndpoint('diabetes', { blue: 100 });
    arm.seedDeployment('diabetes', 'blue');

    await expect(
      createAzureMlEndpoints(settingsFor(arm)).invoke('diabetes', 'blue', '{}'),
    ).resolves.toMatchObject({ status: 200 });
  } finally {
    await arm.stop();
  }
  expect(asked).toEqual([]);
});
