import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../../../host/wait.js';
import { TestHost } from './harness.js';

/** A model server that fails, or never answers, where the request names it. */
const CHOOSY = `
import { createServer } from 'node:http';
const [, , port, name] = process.argv;
createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    const ask = JSON.parse(body || '{}');
    if (ask.hang?.includes(name)) return;
    response.statusCode = ask.fail?.includes(name) ? 500 : 200;
    response.end('{}');
  });
}).listen(Number(port), '127.0.0.1');
`;

interface Series {
  readonly sinceMs: number;
  readonly pairs: readonly (Record<'n00' | 'n01' | 'n10' | 'n11', number> & Record<string, unknown>)[];
}

let host: TestHost;
let key: string;
let endpoint: string;
let made = 0;

beforeAll(async () => {
  host = await TestHost.start();
  await writeFile(join(host.folder, 'code', 'choosy.mjs'), CHOOSY);
});
afterAll(() => host.dispose());

beforeEach(async () => {
  endpoint = `pairs-${++made}`;
  await host.done('PUT', `/onlineEndpoints/${endpoint}`, host.endpointBody());
  key = await host.key(endpoint);
  const properties = (name: string) => ({
    codeConfiguration: { codeId: pathToFileURL(join(host.folder, 'code')).href, scoringScript: 'choosy.mjs' },
    properties: { 'greenlight.command': JSON.stringify([process.execPath, 'choosy.mjs', '{port}', name]) },
    requestSettings: { maxConcurrentRequestsPerInstance: 20, requestTimeout: 'PT5S' },
  });
  for (const name of ['blue', 'green']) await host.deploy(endpoint, name, { properties: properties(name) });
  // Half is the most that may be mirrored: whether a request was copied is for the gateway to know.
  await host.setTraffic(endpoint, { blue: 100 }, { green: 50 });
});

const series = async (): Promise<Series> => (await host.arm('GET', '/mirroredPairs')).body as Series;
async function cells() {
  const found = (await series()).pairs.filter((each) => each['endpoint'] === endpoint);
  expect(found.length).toBeLessThanOrEqual(1);
  return found[0] ?? { n00: 0, n01: 0, n10: 0, n11: 0 };
}

async function send(count: number, ask: object): Promise<number> {
  const copies = () => host.counter(`cluster.local~${endpoint}~green~mirror.upstream_rq_total`);
  const before = await copies();
  for (let sent = 0; sent < count; sent += 10)
    await Promise.all(Array.from({ length: 10 }, () => host.score(endpoint, key, ask)));
  return (await copies()) - before;
}

/** Waits until so many requests are in the cells. */
async function known(wanted: object): Promise<void> {
  let last: object = {};
  const there = async () => {
    last = await cells();
    return Object.entries(wanted).every(([cell, count]) => (last as Record<string, number>)[cell] === count);
  };
  await until(there, { timeoutMs: 20_000, everyMs: 100 });
  expect(last).toMatchObject(wanted);
}

describe('pairs of a mirrored endpoint', () => {
  it('count every copied request in the cell of its two answers, and no other', async () => {
    const both = await send(60, { fail: ['blue', 'green'] });
    const greenAlone = await send(40, { fail: ['green'] });
    const blueAlone = await send(40, { fail: ['blue'] });
    const none = await send(60, {});

    await known({ n00: none, n01: greenAlone, n10: blueAlone, n11: both });
    expect(both + greenAlone + blueAlone + none).toBeLessThan(150);
    expect(await cells()).toMatchObject({
      ...{ live: 'blue', mirror: 'green' },
      ...{ blue: { requests: 0, errors: 0 }, green: { requests: 0, errors: 0 } },
    });
  });

  it('count a copy that hangs as a bad one when its time is up', async () => {
    const hung = await send(20, { hang: ['green'] });
    const refused = await send(20, {});

    await known({ n00: refused, n01: hung });
  });

  it('begin anew, and say so, with another host', async () => {
    // All of it is in the log: what Envoy writes down later would be the next host's.
    await known({ n00: await send(20, {}) });
    const before = await series();

    await host.end('SIGKILL');
    await host.run();
    const after = await series();
    const copied = await send(20, {});

    expect(after.sinceMs).toBeGreaterThan(before.sinceMs);
    expect(after.pairs).toEqual([]);
    await known({ n00: copied });
  });
});
