import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { createAzureMlEndpoints } from '../../adapters/azureml/endpoints.js';
import { connect } from '../../adapters/kubernetes/connection.js';
import { createKubernetesEndpoints } from '../../adapters/kubernetes/endpoints.js';
import { createNotifier } from '../../adapters/notify/notifier.js';
import type { Endpoints, TargetPorts } from '../../adapters/ports.js';
import type { NotifyChannel } from '../../core/notification.js';
import type { Plan, Step } from '../../core/plan.js';
import { FakeArm, settingsFor } from '../adapters/azureml/fake-arm.js';
import { FakeApiServer } from '../adapters/kubernetes/fake-api-server.js';
import { deploymentSpec } from '../adapters/kubernetes/specs.js';
import { greenlight, stateWithTemporal, temporaryFolder } from '../cli/cli.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, planOf, SMOKE } from '../support/plans.js';
import { Receiver } from '../support/receiver.js';
import { useBench } from '../support/rollout-bench.js';
import { formsOf } from './forms.js';

// What test/secrets/planted.test.ts plants for the endpoint host comes in other ways where the target is Azure ML or a
// cluster. Their services are stand-ins here, which repeat what they are given, as proxies and model servers may do.

const random = () => randomBytes(16).toString('hex');
const PLANTED = {
  ARM_TOKEN: `planted-arm-${random()}`,
  KEY: `planted-key-${random()}`,
  CLUSTER_TOKEN: `${random()}-planted-cluster`,
  PASSWORD: `planted-password-${random()}`,
  HOOK_PATH: `planted-hook-${random()}`,
  HOOK_SECRET: `planted-hook-secret-${random()}`,
};
const { ARM_TOKEN, KEY, CLUSTER_TOKEN, PASSWORD, HOOK_PATH, HOOK_SECRET } = PLANTED;

const HOOK: NotifyChannel = {
  name: 'hook',
  url: { env: 'HOOK' },
  form: 'cloudevents',
  events: ['started', 'rolled-back'],
  secret: { env: 'HOOK_SECRET' },
  linksFor: null,
};

const receiver = new Receiver();
const logged: string[] = [];
const env: NodeJS.ProcessEnv = { HOOK_SECRET };
const bench = useBench({
  secrets: () => Promise.resolve(PASSWORD),
  log: (entry) => logged.push(inspect(entry, { depth: null })),
  notifier: () => createNotifier({ channels: [], env, links: null, uiLink: () => null }),
});

beforeAll(async () => {
  env['HOOK'] = `${await receiver.open()}/${HOOK_PATH}`;
  receiver.answer = (response, nth) => {
    const { path, headers } = receiver.received[nth - 1] ?? {};
    response.writeHead(400).end(`nobody at ${path}: ${JSON.stringify(headers)}`);
  };
});
afterAll(() => receiver.close());

function planFor(steps: readonly Step[]): Plan {
  const deployment = deploymentSpec('green', {
    environmentVariables: { DB_PASSWORD: '${secret:db-password}' },
  });
  return planOf('diabetes', steps, { deployment, notify: [HOOK] });
}

function portsOf(endpoints: Endpoints): { ports(): TargetPorts } {
  const { metrics } = new MemoryTarget().ports();
  return { ports: () => ({ endpoints, metrics }) };
}

/** All that is kept of the endpoint's last rollout, and told of it. */
async function places(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const { client, metrics } = bench;
  const history = await client.workflow.getHandle('rollout/host/diabetes/diabetes').fetchHistory();
  found.set('history', textOf(history));
  found.set('log', logged.join('\n'));
  found.set('metrics', await metrics.registry.metrics());
  const state = await stateWithTemporal(client.options.namespace);
  const file = join(await temporaryFolder(), 'report.html');
  for (const [command = '', ...more] of [
    ['status', '--output', 'json'],
    ['evidence', '--output', 'json'],
    ['report', '--file', file],
  ]) {
    const args = [command, 'diabetes', '--target', 'host/diabetes', '--state', state, ...more];
    const { stdout, stderr } = await greenlight(args, { env: {} });
    found.set(command, stdout + stderr);
  }
  found.set('page', await readFile(file, 'utf8'));
  found.set('notifications', receiver.received.map(({ text }) => text).join('\n'));
  return found;
}

/** `KEY in history`, in whatever form it stands there. */
function plantedIn(found: ReadonlyMap<string, string>): string[] {
  return Object.entries(PLANTED).flatMap(([what, secret]) => {
    // A parser that quotes what it cannot read quotes how it begins.
    const forms = [...formsOf(secret), ...(what === 'CLUSTER_TOKEN' ? [secret.slice(0, 10)] : [])];
    return [...found]
      .filter(([, text]) => forms.some((form) => text.includes(form)))
      .map(([place]) => `${what} in ${place}`);
  });
}

/** All that a message of Temporal's says, its payloads too. */
function textOf(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('utf8');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.values(value).map(textOf).join('\n');
}

describe('an Azure ML workspace', () => {
  let arm: FakeArm;
  beforeAll(async () => {
    arm = await FakeArm.start();
    arm.token = ARM_TOKEN;
    arm.seedEndpoint('diabetes', { blue: 100 });
    arm.seedDeployment('diabetes', 'blue');
  });
  afterAll(() => arm.stop());

  it('that refuses a creation in the words of what it was given has no secret of it kept', async () => {
    const message = `not accepted: Bearer ${ARM_TOKEN} for DB_PASSWORD=${PASSWORD}`;
    const answer = { status: 400, body: { error: { code: 'BadArgument', message } } };
    arm.faults.push({ method: 'PUT', path: '/deployments/green', answer });

    const rollout = await bench.start(planFor([CREATE, SMOKE]), portsOf(azure()));
    const { type, report } = await rollout.failure();
    const found = await places();

    expect(type).toBe('RolledBack');
    expect(report.reason).toContain('not accepted: Bearer [redacted] for DB_PASSWORD=${secret:db-password}');
    expect(report.notes).toEqual([expect.stringMatching(/^hook could not be told of/)]);
    expect(found.get('page')).toContain('not accepted: Bearer [redacted]');
    expect(plantedIn(found)).toEqual([]);
  });

  it('whose key no header can hold, or whose model repeats it, has it kept nowhere', async () => {
    arm.key = `${KEY}\nX-Other: 1`;
    const body = JSON.stringify({ primaryKey: KEY });
    arm.faults.push({ method: 'POST', path: '/listKeys', answer: { status: 503, body } });
    arm.spoil = (answer) =>
      /\/score\//.test(answer.address)
        ? { ...answer, status: 500, body: `no: {"authorization": "Bearer ${KEY}"}, key ${KEY}, ${PASSWORD}` }
        : answer;

    const rollout = await bench.start(planFor([CREATE, SMOKE]), portsOf(azure()));
    await vi.waitUntil(() => /could not be reached.*invalid header value/.test(logged.join('\n')), {
      timeout: 30_000,
    });
    arm.key = KEY;
    const { type, report } = await rollout.failure();
    const found = await places();

    expect(type).toBe('RolledBack');
    expect(report.reason).toContain(
      'instead of 200: no: {"authorization": "Bearer [redacted]"}, key [redacted], ${secret:db-password}',
    );
    expect(found.get('history')).toContain('key [redacted]');
    expect(plantedIn(found)).toEqual([]);
  });

  function azure(): Endpoints {
    return createAzureMlEndpoints(settingsFor(arm));
  }
});

describe('a cluster', () => {
  const api = new FakeApiServer();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      const { method = '', url: path = '' } = request;
      void api.connection
        .send({ method, path, headers: {}, ...(body === '' ? {} : { body }) })
        .then(({ status, text }) => response.writeHead(status).end(text));
    });
  });
  let kubeconfig: string;

  const configure = (user: object) =>
    writeFile(
      kubeconfig,
      JSON.stringify({
        'current-context': 'here',
        clusters: [{ name: 'one', cluster: { server: addressOf(), 'insecure-skip-tls-verify': true } }],
        users: [{ name: 'ada', user }],
        contexts: [{ name: 'here', context: { cluster: 'one', user: 'ada' } }],
      }),
    );
  const addressOf = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    kubeconfig = join(await temporaryFolder(), 'config');
    vi.stubEnv('KUBECONFIG', kubeconfig);
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  it('whose credential plugin prints a bare token, and which repeats what it refuses, has no secret of it kept', async () => {
    const apiVersion = 'client.authentication.k8s.io/v1';
    await configure({ exec: { apiVersion, command: 'echo', args: [CLUSTER_TOKEN] } });
    api.fault = ({ method, path }) =>
      method === 'PATCH' && path.endsWith('/deployments/diabetes-green')
        ? { status: 403, headers: {}, text: `not accepted: Bearer ${CLUSTER_TOKEN} for ${PASSWORD}` }
        : undefined;

    const { endpoints } = createKubernetesEndpoints({ connection: connect(), namespace: 'models' });
    const rollout = await bench.start(planFor([CREATE]), portsOf(endpoints));
    await vi.waitUntil(() => logged.join('\n').includes('gave no credential'), { timeout: 30_000 });
    await configure({ token: CLUSTER_TOKEN });
    const { type, report } = await rollout.failure();
    const found = await places();

    expect(type).toBe('RolledBack');
    expect(report.reason).toContain('not accepted: Bearer [redacted] for ${secret:db-password}');
    expect(plantedIn(found)).toEqual([]);
  });
});

it('would be found: what a message quotes stands in all of these places', () => {
  const found = new Map([
    ['history', Buffer.from(`{"message":"${KEY}"}`).toString('base64')],
    ['log', `Unexpected token, "${CLUSTER_TOKEN.slice(0, 10)}"... is not valid JSON`],
  ]);

  expect(plantedIn(found)).toEqual(['KEY in history', 'CLUSTER_TOKEN in log']);
});
