import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createAzureMlEndpoints, type AzureMlEndpoints } from '../../adapters/azureml/endpoints.js';
import { createEnvoyMetrics } from '../../adapters/envoy/metrics.js';
import { hostPairs } from '../../adapters/envoy/pairs.js';
import type { TargetPorts } from '../../adapters/ports.js';
import { decisionRecord } from '../../client/decision-record.js';
import type { DeploymentSpec } from '../../core/deployment.js';
import { requestsToPass } from '../../core/gates/forecast.js';
import { type HostProcess, startHost } from '../adapters/azureml/host-process.js';
import { CREATE, CUTOVER, errorsGate, mirrorStep, planOf } from '../support/plans.js';
import { useBench } from '../support/rollout-bench.js';

vi.setConfig({ testTimeout: 90_000 });

/** Fails requests by what they ask, and as many more of its own accord as its name says. */
const MODEL = `
import { createServer } from 'node:http';
const [, , port, own] = process.argv;
createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    const { hard } = JSON.parse(body || '{}');
    response.statusCode = hard || Math.random() < Number(own) ? 500 : 200;
    response.end('{}');
  });
}).listen(Number(port), '127.0.0.1');
`;

const bench = useBench();
let host: HostProcess;
let code: string;
let direct: AzureMlEndpoints;
let ports: TargetPorts;

beforeAll(async () => {
  host = await startHost();
  code = await mkdtemp(join(tmpdir(), 'greenlight-pairs-'));
  await writeFile(join(code, 'model.mjs'), MODEL);
  direct = createAzureMlEndpoints(host.settings);
  ports = {
    endpoints: direct,
    metrics: createEnvoyMetrics({
      adminUrl: host.file.envoyAdminUrl,
      clusterPattern: host.file.clusterPattern,
      workspace: 'local',
      pairs: hostPairs(() => Promise.resolve(host.settings)),
    }),
  };
});
afterAll(async () => {
  await host.stop();
  await rm(code, { recursive: true, force: true });
});

function deployment(name: string, own: number): DeploymentSpec {
  return {
    ...host.deployment(name),
    code: { source: { kind: 'path', path: code }, scoringScript: 'model.mjs' },
    properties: {
      'greenlight.command': JSON.stringify([process.execPath, 'model.mjs', '{port}', String(own)]),
    },
    requestSettings: {
      maxConcurrentRequestsPerInstance: 50,
      requestTimeoutMs: 5_000,
      maxQueueWaitMs: 500,
    },
  };
}

/** A third of all requests fail on any version; each sender sends about forty a second. */
function traffic(url: string, key: string): () => Promise<void> {
  let going = true;
  let sent = 0;
  const senders = Array.from({ length: 8 }, async () => {
    while (going) {
      const body = JSON.stringify({ hard: ++sent % 3 === 0 });
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
      await (await fetch(url, { method: 'POST', headers, body })).arrayBuffer();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });
  return async () => {
    going = false;
    await Promise.all(senders);
  };
}

/** A rollout that mirrors half of the requests, on an endpoint under traffic, until `done`. */
async function rollout<T>(
  endpoint: string,
  own: number,
  done: (started: Awaited<ReturnType<typeof bench.start>>) => Promise<T>,
): Promise<T> {
  await direct.createEndpoint({ name: endpoint });
  await direct.createDeployment(endpoint, deployment('blue', 0), {});
  await vi.waitFor(async () => expect((await direct.readDeployment(endpoint, 'blue'))?.state).toBe('ready'), {
    timeout: 30_000,
    interval: 100,
  });
  await direct.writeTraffic(endpoint, { live: { blue: 100 }, mirror: {} });
  const stop = traffic(
    `${host.file.gatewayUrl}/local/${endpoint}/score`,
    (await direct.keys(endpoint)).primary,
  );
  const step = mirrorStep(50, { gates: ['errors'], dwell: { atLeastMs: 1_000, atMostMs: 60_000 } });
  const plan = planOf(endpoint, [{ ...CREATE, readyWithinMs: 60_000 } as typeof CREATE, step, CUTOVER], {
    gates: [errorsGate],
    deployment: deployment('green', own),
    watching: { intervalMs: 500, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05 },
  });
  try {
    return await done(await bench.start(plan, { ports: () => ports }));
  } finally {
    await stop();
  }
}

describe('a mirror step on the endpoint host, where a third of the requests fail on any version', () => {
  it('proves a good version by pairs, with a third of the requests that counts would take', async () => {
    const record = await rollout('paired-good', 0, async (started) => {
      await started.promoted();
      const { runId } = await started.handle.describe();
      return decisionRecord(bench.client, started.handle.workflowId, runId);
    });

    const mirror = record.windows.filter(({ label }) => label === 'mirror 50 %').at(-1);
    expect(mirror?.sentence).toMatch(
      /^errors proven: of [\d,]+ requests sent to both, green alone failed 0, blue alone 0, both [\d,]+ /,
    );
    const n = mirror?.evidence.find(({ gate }) => gate === 'errors')?.pairs?.n ?? NaN;
    const metric = { name: 'errors', source: 'errors', r: 1, delta: 0.02, weight: 1 } as const;
    const byCounts = requestsToPass(
      { ...metric, blipSec: 0.3, plannedBlocks: 100 },
      { blue: 1 / 3, green: 1 / 3 },
      0.05,
      { perBlue: 0.5, dispersion: { mode: 'auto' }, chance: 0.5 },
    );
    expect(byCounts).toBeGreaterThan(3 * n);
  });

  it('rolls a worse version back, and says what it alone failed', async () => {
    const { type, message } = await rollout('paired-bad', 0.1, (started) => started.failure());

    expect(type).toBe('RolledBack');
    expect(message).toMatch(
      /of [\d,]+ requests sent to both, green alone failed [\d,]+, blue alone 0, both [\d,]+; a healthy green \(at most 2 pp more than blue\) does worse than this less than once in [\d,]+ \(gate errors\)/,
    );
  });
});
