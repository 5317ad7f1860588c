/**
 * Requests per second and latency through the endpoint host's gateway, against an Envoy configured by hand for the same
 * backends and against direct calls in the same run, with and without mirroring; and the time from creating a deployment to
 * its being ready.
 *
 *   npm run bench -- gateway [--seconds N] [--rounds N] [--output json]
 */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { hostState, startHost, stopHost } from '../embedded/host.js';
import { freePort } from '../embedded/processes.js';
import { ensureHostTools } from '../embedded/tools.js';
import { median, tell, wholeNumber, type Figure } from './support/figures.js';
import { CONNECTIONS, loadInTurns, medianOf } from './support/gateway-load.js';
import { startByHand } from './support/gateway-peer.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    output: { type: 'string', default: 'text' },
  },
});
const seconds = wholeNumber('--seconds', values.seconds);
const rounds = wholeNumber('--rounds', values.rounds);
const MIRRORS = [0, 10, 50];
const COLUMNS = [
  { head: 'REQUESTS/S', figure: 'perSecond', digits: 0 },
  { head: 'P50 MS', figure: 'p50Ms', digits: 2 },
  { head: 'P99 MS', figure: 'p99Ms', digits: 2 },
  { head: 'CPU µs/REQUEST', figure: 'cpuUs', digits: 0 },
] as const;

const BACKEND = `
import { createServer } from 'node:http';
createServer((request, response) => { request.resume(); response.end('{}'); }).listen(Number(process.argv[2]), '127.0.0.1');
`;
const SCORE = `
def init():
    pass

def run(raw):
    return raw
`;

const folder = await mkdtemp(join(tmpdir(), 'greenlight-bench-'));
const state = join(folder, 'stack');
const tools = await ensureHostTools();
try {
  await mkdir(join(folder, 'code'));
  await writeFile(join(folder, 'code', 'backend.mjs'), BACKEND);
  await writeFile(join(folder, 'code', 'score.py'), SCORE);
  await measure();
} finally {
  await stopHost(state);
  await rm(folder, { recursive: true, force: true });
}

async function measure(): Promise<void> {
  const started = await startHost(state, tools);
  const ca = await readFile(started.caFile, 'utf8');
  const token = (await readFile(started.tokenFile, 'utf8')).trim();
  const arm = new Agent({ connect: { ca } });
  const workspace =
    '/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/local/onlineEndpoints';
  const call = async (method: 'PUT' | 'POST' | 'GET', at: string, body?: object) => {
    const url = at.startsWith('https') ? at : `${started.url}${workspace}/bench${at}?api-version=2023-04-01`;
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    const answer = await request(url, {
      method,
      dispatcher: arm,
      headers,
      body: body ? JSON.stringify(body) : null,
    });
    const parsed = (await answer.body.json()) as Record<string, string>;
    if (answer.statusCode >= 300) throw new Error(JSON.stringify(parsed));
    return { body: parsed, operation: String(answer.headers['azure-asyncoperation']) };
  };
  const done = async (at: string, body: object): Promise<void> => {
    const { operation } = await call('PUT', at, body);
    for (;;) {
      const { status } = (await call('GET', operation)).body;
      if (status === 'Succeeded') return;
      if (status !== 'InProgress') throw new Error(`PUT ${at} ended as ${status}`);
      await sleep(20);
    }
  };
  const endpoint = (traffic: object, mirrorTraffic: object) => ({
    location: 'local',
    properties: { authMode: 'Key', traffic, mirrorTraffic },
  });
  const deployment = (scoringScript: string, more: object) => ({
    location: 'local',
    properties: {
      endpointComputeType: 'Managed',
      codeConfiguration: { codeId: pathToFileURL(join(folder, 'code')).href, scoringScript },
      ...more,
    },
  });

  await done('', endpoint({}, {}));
  const command = JSON.stringify([process.execPath, 'backend.mjs', '{port}']);
  const quick = {
    properties: { 'greenlight.command': command },
    requestSettings: { maxConcurrentRequestsPerInstance: 1000, requestTimeout: 'PT30S' },
  };
  for (const name of ['blue', 'green']) await done(`/deployments/${name}`, deployment('backend.mjs', quick));

  const readyMs: number[] = [];
  for (let turn = 0; turn <= rounds; turn++) {
    const start = performance.now();
    await done(`/deployments/model-${turn}`, deployment('score.py', {}));
    readyMs.push(performance.now() - start);
  }

  const record = JSON.parse(readFileSync(join(hostState(state), 'state.json'), 'utf8')) as {
    envoy: { pid: number };
    endpoints: Record<
      string,
      { deployments: Record<string, { instances: Record<string, { port: number }> }> }
    >;
  };
  const port = (name: string): number => {
    const { instances } = record.endpoints['local/bench']!.deployments[name]!;
    return Object.values(instances)[0]!.port;
  };
  const key = (await call('POST', '/listKeys')).body['primaryKey'] ?? '';
  const host = { url: `${started.gatewayUrl}/local/bench/score`, pid: record.envoy.pid };
  const direct = { url: `http://127.0.0.1:${port('blue')}/`, pid: null };
  const figures: Figure[] = [];
  const table = [['MIRROR', 'WAY', ...COLUMNS.map(({ head }) => head)]];
  try {
    for (const mirror of MIRRORS) {
      // As steps of a rollout have it: who is mirrored to has no live share.
      const shares = mirror === 0 ? { blue: 90, green: 10 } : { blue: 100 };
      const mirrors = mirror === 0 ? {} : { green: mirror };
      await done('', endpoint(shares, mirrors));
      const backends = {
        blue: { port: port('blue'), live: shares.blue, mirror: 0 },
        green: { port: port('green'), live: 100 - shares.blue, mirror },
      };
      const peer = await startByHand(tools.envoy, folder, [await freePort(), await freePort()], backends);
      const ways = { host, 'by hand': peer, direct };
      const loads = await loadInTurns(ways, key, { rounds, seconds }).finally(() => peer.stop());
      const ratios = loads.host.map(
        ({ perSecond }, i) => perSecond / (loads['by hand'][i]?.perSecond ?? NaN),
      );
      figures.push({
        name: `throughput, mirror ${mirror} %, by hand = 1`,
        value: median(ratios),
        unit: '',
        want: { atLeast: 0.95 },
      });
      for (const [way, rows] of Object.entries(loads)) {
        const cells = COLUMNS.map(({ figure, digits }) => medianOf(rows, figure).toFixed(digits));
        table.push([`${mirror} %`, way, ...cells]);
      }
    }
  } finally {
    await arm.close();
  }
  figures.push({
    name: 'create to ready, one instance, warm',
    value: median(readyMs.slice(1)) / 1000,
    unit: 's',
    want: { atMost: 3 },
  });
  const notes = [
    `${rounds} rounds of ${seconds} s each, in turns, ${CONNECTIONS} connections that are always busy; the client and the`,
    'backends are Node, on the same machine. Mirror 0 %: shares 90 and 10; else 100 % blue, mirrored to green.',
    'By hand: no keys, no limits, no error mapping, no probes, no statistics per kind of traffic, no pairs of a request',
    'and its copy. Direct: from the client to one backend.',
  ];
  tell({ bench: 'gateway', figures, table, notes }, values.output === 'json');
}
