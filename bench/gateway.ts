/**
 * Requests per second through the endpoint host's gateway, against an Envoy configured by hand for the same backends in
 * the same run; and the time from creating a deployment to its being ready.
 *
 *   npm run bench -- gateway [--seconds N] [--rounds N] [--output json]
 */
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { Agent, request } from 'undici';
import { hostState, startHost, stopHost } from '../embedded/host.js';
import { ensureHostTools } from '../embedded/tools.js';
import { median, tell, wholeNumber } from './support/figures.js';
import { cpuMs, startByHand } from './support/gateway-peer.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '4' },
    rounds: { type: 'string', default: '5' },
    output: { type: 'string', default: 'text' },
  },
});
const seconds = wholeNumber('--seconds', values.seconds);
const rounds = wholeNumber('--rounds', values.rounds);
const CONNECTIONS = 16;
const SHARES = { blue: 90, green: 10 };

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
  const host = await startHost(state, tools);
  const ca = await readFile(host.caFile, 'utf8');
  const token = (await readFile(host.tokenFile, 'utf8')).trim();
  const arm = new Agent({ connect: { ca } });
  const workspace =
    '/subscriptions/s/resourceGroups/r/providers/Microsoft.MachineLearningServices/workspaces/local/onlineEndpoints';
  const call = async (method: 'PUT' | 'POST' | 'GET', at: string, body?: object) => {
    const url = at.startsWith('https') ? at : `${host.url}${workspace}/bench${at}?api-version=2023-04-01`;
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
  const endpoint = (traffic: object) => ({ location: 'local', properties: { authMode: 'Key', traffic } });
  const deployment = (scoringScript: string, more: object) => ({
    location: 'local',
    properties: {
      endpointComputeType: 'Managed',
      codeConfiguration: { codeId: pathToFileURL(join(folder, 'code')).href, scoringScript },
      ...more,
    },
  });

  await done('', endpoint({}));
  const command = JSON.stringify([process.execPath, 'backend.mjs', '{port}']);
  const quick = {
    properties: { 'greenlight.command': command },
    requestSettings: { maxConcurrentRequestsPerInstance: 1000, requestTimeout: 'PT30S' },
  };
  for (const name of Object.keys(SHARES))
    await done(`/deployments/${name}`, deployment('backend.mjs', quick));
  await done('', endpoint(SHARES));

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
  const backends = { blue: [port('blue'), SHARES.blue], green: [port('green'), SHARES.green] } as const;
  const byHand = await startByHand(tools.envoy, folder, [await freePort(), await freePort()], backends);
  try {
    const key = (await call('POST', '/listKeys')).body['primaryKey'] ?? '';
    const ours = { url: `${host.gatewayUrl}/local/bench/score`, pid: record.envoy.pid };
    await load(ours, key, 1);
    await load(byHand, key, 1);
    const pairs = [];
    for (let round = 0; round < rounds; round++) {
      const first = round % 2 === 0 ? await load(ours, key, seconds) : undefined;
      const theirs = await load(byHand, key, seconds);
      pairs.push({ ours: first ?? (await load(ours, key, seconds)), theirs });
    }
    tell(
      {
        bench: 'gateway',
        figures: [
          {
            name: 'throughput, by hand = 1',
            value: median(pairs.map((pair) => pair.ours.perSecond / pair.theirs.perSecond)),
            unit: '',
            want: { atLeast: 0.95 },
          },
          {
            name: 'through the host',
            value: median(pairs.map((pair) => pair.ours.perSecond)),
            unit: 'requests/s',
          },
          {
            name: 'through Envoy by hand',
            value: median(pairs.map((pair) => pair.theirs.perSecond)),
            unit: 'requests/s',
          },
          {
            name: 'processor time a request, host',
            value: median(pairs.map((pair) => pair.ours.cpuMs)) * 1000,
            unit: 'µs',
          },
          {
            name: 'processor time a request, by hand',
            value: median(pairs.map((pair) => pair.theirs.cpuMs)) * 1000,
            unit: 'µs',
          },
          {
            name: 'create to ready, one instance, warm',
            value: median(readyMs.slice(1)) / 1000,
            unit: 's',
            want: { atMost: 3 },
          },
        ],
        notes: [
          `${rounds} rounds of ${seconds} s each, in turns, ${CONNECTIONS} connections, shares 90 and 10.`,
          'By hand: no keys, no limits, no error mapping, no probes, no statistics per kind of traffic.',
        ],
      },
      values.output === 'json',
    );
  } finally {
    await byHand.stop();
    await arm.close();
  }
}

async function load(peer: { readonly url: string; readonly pid: number }, key: string, forSeconds: number) {
  const agent = new Agent({ connections: CONNECTIONS });
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const before = cpuMs(peer.pid);
  const start = performance.now();
  const end = start + forSeconds * 1000;
  let answers = 0;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (performance.now() < end) {
        const answer = await request(peer.url, { method: 'POST', dispatcher: agent, headers, body: '{}' });
        await answer.body.dump();
        if (answer.statusCode !== 200) throw new Error(`${peer.url} answered ${answer.statusCode}`);
        answers++;
      }
    }),
  );
  const took = performance.now() - start;
  await agent.close();
  return { perSecond: answers / (took / 1000), cpuMs: (cpuMs(peer.pid) - before) / answers };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
