import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createEnvoyMetrics } from '../../../adapters/envoy/metrics.js';
import type { Metrics } from '../../../adapters/ports.js';
import type { Counters } from '../../../core/metrics.js';
import { SLOW_MS, send, startGateway, startUpstream, TIMEOUT_MS, type Gateway } from './gateway.js';

const clusterPattern = '{workspace}~{endpoint}~{deployment}~{kind}';
let upstream: { port: number; stop: () => Promise<void> };
let gateway: Gateway;

beforeAll(async () => {
  upstream = await startUpstream();
  const gone = await startUpstream();
  await gone.stop();
  const deployments = ['counts', 'times', 'gone-by', 'busy', 'waits', 'still'];
  gateway = await startGateway(
    [
      ...deployments.map((d) => ({ name: `local~ep~${d}~live`, port: upstream.port })),
      { name: 'local~ep~shadow~mirror', port: upstream.port },
      { name: 'local~ep~dead~live', port: gone.port },
      { name: 'local~ep~empty~live', port: null },
      { name: 'local~ep~narrow~live', port: upstream.port, maxRequests: 1 },
      { name: 'other~ep~counts~live', port: upstream.port },
    ],
    [
      { prefix: '/mirrored', cluster: 'local~ep~still~live', mirror: 'local~ep~shadow~mirror' },
      ...[...deployments, 'dead', 'empty', 'narrow'].map((d) => ({
        prefix: `/${d}`,
        cluster: `local~ep~${d}~live`,
      })),
    ],
  );
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

function metrics(changes: { edgesMs?: readonly number[] } = {}): Metrics {
  return createEnvoyMetrics({ adminUrl: gateway.adminUrl, clusterPattern, workspace: 'local', ...changes });
}

async function live(deployment: string, source = metrics()): Promise<Counters | undefined> {
  return (await source.read('ep', [deployment])).deployments[deployment]?.live;
}

describe('errors', () => {
  it('are all outcomes but 200, each counted once', async () => {
    const statuses = await send(`${gateway.url}/counts`, [
      'ok',
      'ok',
      '201',
      '302',
      '400',
      '500',
      'close',
      'hang',
    ]);

    expect(statuses).toEqual([200, 200, 201, 302, 400, 500, 503, 504]);
    expect(await live('counts')).toMatchObject({ requests: 8, errors: 6, active: 0 });
  });

  it.each([
    ['dead', 'a connection that is refused, retries included'],
    ['empty', 'no instance'],
  ])('count one for each request to %s: %s', async (deployment) => {
    expect(await send(`${gateway.url}/${deployment}`, ['ok', 'ok'])).toEqual([503, 503]);

    expect(await live(deployment)).toMatchObject({ requests: 2, errors: 2 });
  });

  it('count requests that were one too many', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 4 }, () => send(`${gateway.url}/narrow`, ['slow'])),
    );

    const refused = statuses.flat().filter((status) => status === 503).length;
    expect(refused).toBeGreaterThan(0);
    expect(await live('narrow')).toMatchObject({ requests: 4, errors: refused });
  });

  it('are none while only good answers pass by, whenever one looks', async () => {
    const looks: Counters[] = [];
    let sending = true;
    const traffic = Promise.all(
      Array.from({ length: 8 }, () => send(`${gateway.url}/busy`, new Array<'ok'>(100).fill('ok'))),
    ).finally(() => {
      sending = false;
    });
    while (sending) looks.push((await live('busy')) as Counters);
    await traffic;
    looks.push((await live('busy')) as Counters);

    const requests = looks.map((look) => look.requests);
    expect(new Set(looks.map((look) => look.errors))).toEqual(new Set([0]));
    expect(requests).toEqual([...requests].sort((a, b) => a - b));
    expect(requests.at(-1)).toBe(800);
  });

  it('do not count requests that their client gave up', async () => {
    const impatient = fetch(`${gateway.url}/gone-by`, {
      headers: { 'x-do': 'hang' },
      signal: AbortSignal.timeout(TIMEOUT_MS / 3),
    });
    await expect(impatient).rejects.toThrow();

    await vi.waitFor(async () => expect((await live('gone-by'))?.active).toBe(0), 20_000);
    expect(await live('gone-by')).toMatchObject({ requests: 0, errors: 0 });
  });
});

it('shows requests that wait for their answer as active', async () => {
  const waiting = send(`${gateway.url}/waits`, ['hang']);

  await vi.waitFor(async () => expect((await live('waits'))?.active).toBe(1), {
    interval: 10,
    timeout: 20_000,
  });
  await waiting;
});

it('counts mirrored copies by themselves, with their own outcomes and times', async () => {
  await send(`${gateway.url}/mirrored`, ['ok', '500', 'slow']);

  await vi.waitFor(
    async () => {
      const { shadow, still } = (await metrics().read('ep', ['shadow', 'still'])).deployments;
      expect(shadow).toMatchObject({ mirror: { requests: 3, errors: 1 } });
      expect(shadow?.mirror?.le.at(-1)).toBe(3);
      expect(shadow?.live).toBeUndefined();
      expect(still).toMatchObject({ live: { requests: 3, errors: 1 } });
    },
    { timeout: 20_000 },
  );
});

describe('latency', () => {
  it('is counted at exact edges, with timeouts above all of them and failures without an answer nowhere', async () => {
    await send(`${gateway.url}/times`, ['slow', 'slow', 'hang', 'close']);

    const edgesMs = [SLOW_MS - 10, TIMEOUT_MS - 500, 100_000];
    await vi.waitFor(
      async () => {
        const counters = await live('times', metrics({ edgesMs }));
        expect(counters?.le).toEqual([0, 2, 2, 3]);
        expect(counters?.requests).toBe(4);
      },
      { timeout: 20_000 },
    );
  });

  it.each([
    ['cut a bin of two digits', [125]],
    ['do not ascend', [20, 10]],
    ['are not above 0', [0, 10]],
  ])('refuses edges that %s', (_why, edgesMs) => {
    expect(() => metrics({ edgesMs })).toThrow(RangeError);
  });
});

it.each([
  ['tells no kinds apart', '{workspace}~{endpoint}~{deployment}'],
  ['has a dot', '{endpoint}.{deployment}.{kind}'],
])('refuses a cluster pattern that %s', (_why, pattern) => {
  expect(() =>
    createEnvoyMetrics({ adminUrl: gateway.adminUrl, clusterPattern: pattern, workspace: 'local' }),
  ).toThrow(RangeError);
});

it('says nothing of a deployment that the gateway does not know, and zeros of one without traffic', async () => {
  const source = createEnvoyMetrics({ adminUrl: gateway.adminUrl, clusterPattern, workspace: 'other' });

  const { deployments, edgesMs } = await source.read('EP', ['counts', 'unknown']);

  expect(Object.keys(deployments)).toEqual(['counts']);
  expect(deployments['counts']).toEqual({
    live: { requests: 0, errors: 0, active: 0, le: new Array<number>(edgesMs.length + 1).fill(0) },
  });
});

describe('reading', () => {
  it('costs one scrape for a thousand readers at once', async () => {
    let scrapes = 0;
    await withAdmin(
      () => {
        scrapes++;
        return { status: 200, body: '{"stats":[]}' };
      },
      async (adminUrl) => {
        const source = createEnvoyMetrics({ adminUrl, clusterPattern, workspace: 'local' });

        await Promise.all(Array.from({ length: 1000 }, (_, i) => source.read(`ep-${i}`, ['blue'])));

        expect(scrapes).toBe(1);
      },
    );
  });

  it.each([
    ['a refusal', 503, 'not now', 'it answered 503: not now'],
    ['no JSON', 200, '<html>', 'is not what Envoy 1.40 gives'],
    ['another JSON', 200, '{"stats":[{"name":"a","value":-1}]}', 'is not what Envoy 1.40 gives'],
  ])('fails as transient on %s, and tries anew the next time', async (_what, status, body, text) => {
    const answers = [
      { status, body },
      { status: 200, body: '{"stats":[]}' },
    ];
    await withAdmin(
      () => answers.shift() ?? { status: 500, body: 'asked too often' },
      async (adminUrl) => {
        const source = createEnvoyMetrics({
          adminUrl: async () => adminUrl,
          clusterPattern,
          workspace: 'local',
        });

        await expect(source.read('ep', ['blue'])).rejects.toMatchObject({
          kind: 'transient',
          code: 'MetricsUnreadable',
          message: expect.stringContaining(text) as string,
        });
        await expect(source.read('ep', ['blue'])).resolves.toMatchObject({ deployments: {} });
      },
    );
  });

  it('fails as transient when there is no gateway', async () => {
    const gone = await startUpstream();
    await gone.stop();
    const source = createEnvoyMetrics({
      adminUrl: `http://127.0.0.1:${gone.port}`,
      clusterPattern,
      workspace: 'local',
    });

    await expect(source.read('ep', ['blue'])).rejects.toMatchObject({ kind: 'transient' });
  });

  it('fails as transient when nobody knows where the gateway is', async () => {
    const adminUrl = () => Promise.reject(new Error('no host.json'));
    const source = createEnvoyMetrics({ adminUrl, clusterPattern, workspace: 'local' });

    await expect(source.read('ep', ['blue'])).rejects.toMatchObject({
      kind: 'transient',
      message: "The address of Envoy's admin is not known: no host.json; check that the gateway is running",
    });
  });

  it('ends for the reader that gives up, and goes on for the others', async () => {
    const source = metrics();
    const gaveUp = new AbortController();
    const one = source.read('ep', ['still'], { signal: gaveUp.signal });
    const other = source.read('ep', ['still']);

    gaveUp.abort(new Error('no longer wanted'));

    await expect(one).rejects.toThrow('no longer wanted');
    await expect(other).resolves.toHaveProperty('deployments.still');
  });
});

/** A server in the place of Envoy's admin. */
async function withAdmin(
  answer: () => { status: number; body: string },
  use: (adminUrl: string) => Promise<void>,
): Promise<void> {
  const server = createServer((_request, response) => {
    const { status, body } = answer();
    response.writeHead(status);
    response.end(body);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  }
}
