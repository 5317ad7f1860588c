import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PrometheusClient } from '../../../adapters/prometheus/client.js';
import { prometheusConnection, type PrometheusConnection } from '../../../adapters/prometheus/connection.js';
import { temporaryFolder } from '../../cli/cli.js';
import { startHttps, type HttpsServer } from '../https-server.js';

const MATRIX = {
  status: 'success',
  data: {
    resultType: 'matrix',
    result: [
      {
        metric: { code: '200' },
        values: [
          [1.5, '3'],
          [2.5, '+Inf'],
        ],
      },
    ],
  },
};

let server: HttpsServer;
let folder: string;
let answer: (asked: FastifyRequest, reply: FastifyReply) => unknown;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await startHttps((app) => {
    app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_, body, done) =>
      done(null, body),
    );
    app.post('/api/v1/query', (asked, reply) => answer(asked, reply));
  });
  await writeFile(join(folder, 'ca.pem'), server.ca);
  await writeFile(join(folder, 'token'), 'secret-token\n');
  await writeFile(join(folder, 'empty'), '\n');
});
afterAll(() => server.stop());
beforeEach(() => {
  answer = () => MATRIX;
});

const file = (name: string) => join(folder, name);
function read(more: Partial<PrometheusConnection> = {}) {
  const client = new PrometheusClient({ url: server.url, caFile: file('ca.pem'), ...more });
  return client.samples('up{job="a"}', 1_000, 61_000);
}

it('asks for raw samples, and gives them in milliseconds', async () => {
  let body = '';
  answer = (asked) => {
    body = asked.body as string;
    return MATRIX;
  };

  const found = await read();

  expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
    query: 'up{job="a"}[60000ms]',
    time: '61.000',
  });
  expect(found).toEqual([
    {
      labels: { code: '200' },
      samples: [
        [1500, 3],
        [2500, Infinity],
      ],
    },
  ]);
});

describe('signs in', () => {
  it.each([
    [{ kind: 'bearer', tokenFile: 'token' }, 'Bearer secret-token'],
    [
      { kind: 'basic', user: 'ann', passwordFile: 'token' },
      `Basic ${Buffer.from('ann:secret-token').toString('base64')}`,
    ],
  ] as const)('by %j', async (auth, header) => {
    let got: string | undefined;
    answer = (asked) => {
      got = asked.headers.authorization;
      return MATRIX;
    };
    const inFolder =
      auth.kind === 'bearer'
        ? { ...auth, tokenFile: file(auth.tokenFile) }
        : { ...auth, passwordFile: file(auth.passwordFile) };

    await read({ auth: inFolder });

    expect(got).toBe(header);
  });

  it.each([['empty'], ['absent']])('not with a token file that is %s', async (name) => {
    await expect(read({ auth: { kind: 'bearer', tokenFile: file(name) } })).rejects.toMatchObject({
      kind: 'permanent',
      code: 'PrometheusSettings',
    });
  });
});

describe('an answer that is', () => {
  it.each([
    ['a refusal', 401, { status: 'error' }, { kind: 'permanent', code: 'PrometheusRefused' }],
    [
      'a bad query',
      400,
      { status: 'error', errorType: 'bad_data', error: 'parse error' },
      { kind: 'permanent', code: 'PrometheusQuery' },
    ],
    [
      'a query that took too long',
      422,
      { status: 'error', errorType: 'execution', error: 'timed out' },
      { kind: 'transient' },
    ],
    ['too many questions', 429, {}, { kind: 'throttled', retryAfterMs: 7_000 }],
    ['an outage', 503, 'no healthy upstream', { kind: 'transient', code: 'MetricsUnreadable' }],
    ['a part of the truth', 200, { ...MATRIX, warnings: ['store 2 is away'] }, { kind: 'transient' }],
    ['a part of it, in other words', 200, { ...MATRIX, isPartial: true }, { kind: 'transient' }],
    [
      'something else',
      200,
      { status: 'success', data: { resultType: 'scalar', result: [] } },
      { kind: 'transient' },
    ],
    ['no JSON', 200, '<html>', { kind: 'transient' }],
  ])('%s', async (_, status, body, error) => {
    answer = (_asked, reply) => reply.code(status).header('retry-after', '7').send(body);

    await expect(read()).rejects.toMatchObject({ name: 'PortError', ...error });
  });
});

describe('shows no sign-in that is repeated to it', () => {
  const says = (asked: FastifyRequest): string => `not accepted:\n${asked.headers.authorization}`;

  it.each([
    ['in a refusal', 403, says],
    ['in an answer that is none', 502, says],
    ['in an error', 400, (asked: FastifyRequest) => ({ status: 'error', error: says(asked) })],
    ['in an outage', 503, (asked: FastifyRequest) => ({ status: 'error', error: says(asked) })],
    ['in a warning', 200, (asked: FastifyRequest) => ({ ...MATRIX, warnings: [says(asked)] })],
  ])('%s', async (_, status, body) => {
    answer = (asked, reply) => reply.code(status).send(body(asked));

    await expect(read({ auth: { kind: 'bearer', tokenFile: file('token') } })).rejects.toThrow(
      'not accepted: Bearer [redacted]',
    );
    await expect(read({ auth: { kind: 'basic', user: 'ann', passwordFile: file('token') } })).rejects.toThrow(
      'not accepted: Basic [redacted]',
    );
  });
});

it('does not trust a server that it does not know', async () => {
  const client = new PrometheusClient({ url: server.url });

  await expect(client.samples('up', 0, 1)).rejects.toMatchObject({
    kind: 'transient',
    code: 'MetricsUnreadable',
  });
});

describe('the connection of the environment', () => {
  it('is undefined without an address, and has files in place of secrets', () => {
    expect(prometheusConnection({})).toBeUndefined();
    expect(
      prometheusConnection({
        GREENLIGHT_PROMETHEUS_URL: 'https://mimir/prometheus/',
        GREENLIGHT_PROMETHEUS_USER: 'ann',
        GREENLIGHT_PROMETHEUS_PASSWORD_FILE: '/run/password',
        GREENLIGHT_PROMETHEUS_CA_FILE: '/run/ca.pem',
        GREENLIGHT_PROMETHEUS_SETTLE_MS: '15000',
      }),
    ).toEqual({
      url: 'https://mimir/prometheus',
      auth: { kind: 'basic', user: 'ann', passwordFile: '/run/password' },
      caFile: '/run/ca.pem',
      settleMs: 15_000,
    });
  });

  it.each([
    [{ URL: 'metrics:9090' }, 'GREENLIGHT_PROMETHEUS_URL is "metrics:9090"'],
    [{ URL: 'http://ann:pw@metrics' }, 'has a user or a password in it'],
    [{ URL: 'ann:pw@metrics:9090' }, 'has a user or a password in it'],
    [{ URL: 'http://ann:pw@metrics:port' }, 'has a user or a password in it'],
    [{ URL: 'http://metrics', USER: 'ann' }, 'belong together'],
    [{ URL: 'http://metrics', USER: 'ann', PASSWORD_FILE: 'p', TOKEN_FILE: 't' }, 'keep one of the two'],
    [{ URL: 'http://metrics', SETTLE_MS: '2s' }, 'wanted: whole milliseconds'],
  ])('refuses %j', (given, message) => {
    const env = Object.fromEntries(Object.entries(given).map(([k, v]) => [`GREENLIGHT_PROMETHEUS_${k}`, v]));

    expect(() => prometheusConnection(env)).toThrow(message);
  });
});
