import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAzureMonitorMetrics } from '../../../adapters/azure-monitor/metrics.js';
import { fileCredential } from '../../../adapters/azureml/credential.js';
import { until } from '../../../host/wait.js';
import { Load, TestHost } from './harness.js';

/** A model server that costs next to nothing: what is measured here is the gateway. */
const QUICK = `
import { createServer } from 'node:http';
createServer((request, response) => {
  request.resume();
  response.end('{}');
}).listen(Number(process.argv[2]), '127.0.0.1');
`;
const REQUESTS = 20_000;

let host: TestHost;
let key: string;
let startedMs: number;

beforeAll(async () => {
  host = await TestHost.start();
  startedMs = Date.now();
  await writeFile(join(host.folder, 'code', 'quick.mjs'), QUICK);
  await host.done('PUT', '/onlineEndpoints/shares', host.endpointBody());
  key = await host.key('shares');
  const properties = {
    codeConfiguration: { codeId: pathToFileURL(join(host.folder, 'code')).href, scoringScript: 'quick.mjs' },
    properties: { 'greenlight.command': JSON.stringify([process.execPath, 'quick.mjs', '{port}']) },
    requestSettings: { maxConcurrentRequestsPerInstance: 100, requestTimeout: 'PT5S' },
  };
  for (const name of ['blue', 'green', 'violet']) await host.deploy('shares', name, { properties });
});

afterAll(() => host.dispose());

const score = () => host.score('shares', key);
/** Five standard deviations of a count: a sound share falls outside once in two million runs. */
const error = (share: number): number => 5 * Math.sqrt(REQUESTS * share * (1 - share));

it(`live and mirrored shares are within the binomial error over ${REQUESTS} requests`, async () => {
  await host.setTraffic('shares', { blue: 90, green: 10 }, { violet: 20 });
  const copies = () => host.counter('cluster.local~shares~violet~mirror.upstream_rq_completed');

  const load = new Load(16, score, REQUESTS);
  await load.finished();

  expect(load.summary()).toEqual({ 200: REQUESTS });
  expect(Math.abs(load.by('green') - REQUESTS * 0.1)).toBeLessThan(error(0.1));
  expect(load.by('blue') + load.by('green')).toBe(REQUESTS);
  const open = (what: string) => host.counter(`cluster.local~shares~violet~mirror.upstream_rq_${what}`);
  const none = async () => (await open('active')) + (await open('pending_active')) === 0;
  expect(await until(none, { timeoutMs: 20_000, everyMs: 200 })).toBe(true);
  expect(Math.abs((await copies()) - REQUESTS * 0.2)).toBeLessThan(error(0.2));
}, 180_000);

it('no request is lost over 200 changes of live and mirrored shares under load', async () => {
  const load = new Load(8, score);

  for (let change = 0; change < 200; change++) {
    const green = [0, 1, 50, 99, 100][change % 5]!;
    await host.setTraffic('shares', { blue: 100 - green, green }, change % 2 === 0 ? { violet: 50 } : {});
  }
  await load.stop();

  expect(load.summary()).toEqual({ 200: load.answers.length });
  expect(load.by('green')).toBeGreaterThan(100);
}, 180_000);

it('the metrics of Azure Monitor count what clients sent, as the adapter for Azure Monitor reads them', async () => {
  const ca = await readFile(host.file.caFile, 'utf8');
  // A new reader each time: one never asks again for a minute that it has counted, and a stalled host ends one late.
  const reader = () =>
    createAzureMonitorMetrics({
      baseUrl: host.file.url,
      subscription: '00000000-0000-0000-0000-000000000000',
      resourceGroup: 'local',
      workspace: 'local',
      credential: fileCredential(host.file.tokenFile),
      ca,
      settleMs: 2_000,
    });
  const sent = (await Promise.all(['blue', 'green'].map(answered))).reduce((a, b) => a + b);

  const counted = async (): Promise<number> => {
    const { deployments } = await reader().read('shares', ['blue', 'green']);
    return ['blue', 'green'].reduce((sum, name) => sum + (deployments[name]?.live?.requests ?? 0), 0);
  };
  // The minute has to end first; midnight, at which the adapter counts anew, is waited out as well.
  const complete = await until(async () => (await counted()) === sent, { timeoutMs: 75_000, everyMs: 2_000 });

  const nextDay = new Date().getUTCDate() !== new Date(startedMs).getUTCDate();
  expect(complete || nextDay).toBe(true);
}, 90_000);

/** What Envoy has counted as answered by a deployment. */
const answered = (deployment: string): Promise<number> =>
  host.counter(`cluster.local~shares~${deployment}~live.upstream_rq_200`);
