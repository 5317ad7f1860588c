import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type * as Fs from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EnvoyAdmin } from '../../../host/gateway/admin.js';
import { findInSessions, isAlive, lookUp, signal } from '../../../host/processes.js';
import { DeploymentRunner } from '../../../host/serving/runner.js';
import type { ServingContext } from '../../../host/serving/supervisor.js';
import type { DeploymentRecord, InstanceRecord, ProcessRef } from '../../../host/state/model.js';
import { StatePaths } from '../../../host/state/paths.js';
import { Store } from '../../../host/state/store.js';
import { until } from '../../../host/wait.js';

/** Files that cannot be opened the next time that somebody tries. */
const unreadable = vi.hoisted(() => new Set<unknown>());
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof Fs>();
  const readFileSync = (...args: Parameters<typeof fs.readFileSync>) => {
    if (unreadable.delete(args[0])) throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
    return fs.readFileSync(...args);
  };
  return { ...fs, readFileSync };
});

const HOUR_MS = 3_600_000;
const PATIENCE = { timeoutMs: 10_000, everyMs: 10 };
const PROBE = { failureThreshold: 3, successThreshold: 1, timeout: 'PT2S', period: 'PT10S' };

let root: string;
let store: Store;
let deployment: DeploymentRecord;
let runner: DeploymentRunner;
let server: Server;
/** Envoy's admin page, which says where requests are routed to, but not to the first so many questions. */
let envoy: Server;
let routed: readonly number[] = [];
let silences = 0;
let asked = 0;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'greenlight-runner-'));
  server = createServer((_, answer) => answer.end()).listen(0, '127.0.0.1');
  routed = [];
  silences = asked = 0;
  envoy = createServer((_, answer) => {
    answer.statusCode = ++asked > silences ? 200 : 503;
    const hosts = routed.map((port) => ({ address: { socket_address: { port_value: port } } }));
    answer.end(JSON.stringify({ cluster_statuses: [{ host_statuses: hosts }] }));
  }).listen(0, '127.0.0.1');
  await Promise.all([once(server, 'listening'), once(envoy, 'listening')]);
});

afterEach(async () => {
  await runner.release();
  for (const { process } of Object.values(deployment.instances)) if (process) signal(process, 'SIGKILL');
  server.close();
  envoy.close();
  await store.save(); // behind those in the background
  await rm(root, { recursive: true, force: true });
});

/** A host that finds these instances, which an earlier one wrote down as starting, an hour ago. */
async function hostFinds(...found: InstanceRecord['process'][]): Promise<void> {
  const port = portOf(server);
  deployment = {
    name: 'blue',
    sku: { name: 'Default', capacity: found.length },
    properties: { requestSettings: { requestTimeout: 'PT1S' }, readinessProbe: PROBE, livenessProbe: PROBE },
    state: 'Creating',
    generation: 1,
    serving: null,
    specs: { 1: { command: ['sleep', '60'], environment: {}, probePath: '/', codeDir: root } },
    instances: Object.fromEntries(
      found.map((process, index) => {
        const startedAt = Date.now() - HOUR_MS;
        const id = String(index + 1);
        return [id, { id, generation: 1, port, process, startedAt, state: 'starting' }];
      }),
    ),
    restarts: 0,
    nextInstance: found.length + 1,
  } as unknown as DeploymentRecord;
  store = await Store.open(join(root, 'state.json'));
  const context: ServingContext = {
    store,
    paths: new StatePaths(root),
    log: pino({ enabled: false }),
    python: 'python3',
    faultsAllowed: false,
    membershipChanged: () => undefined,
    admin: new EnvoyAdmin(`http://127.0.0.1:${portOf(envoy)}`),
    takenPorts: () => new Set(),
    background: (work) => void work.catch(() => undefined),
  };
  runner = new DeploymentRunner(context, 'local', 'diabetes', deployment);
  runner.start();
}

const portOf = (listening: Server): number => (listening.address() as AddressInfo).port;

const ended = () => Object.keys(deployment.instances).length === 0;

/** A process that stands for a model server. */
async function running(command = 'exec sleep 60'): Promise<ProcessRef> {
  const child = spawn('sh', ['-c', command], { detached: true });
  await once(child, 'spawn');
  const { pid, startTime } = lookUp(child.pid!)!;
  return { pid, startTime };
}

describe('a host that comes back in the middle of a start', () => {
  it('starts what died without it anew, which counts as no failed start', async () => {
    const gone = { pid: 2 ** 30, startTime: 'gone' };
    await hostFinds(gone, gone, gone);

    expect(await until(() => Object.keys(deployment.instances).join() === '4,5,6', PATIENCE)).toBe(true);
    expect(runner.verdict()).toEqual({ is: 'waiting' });
    expect(deployment.restarts).toBe(3);
  });

  it('gives what still runs its time to get ready, however long it was away', async () => {
    await hostFinds(await running());

    expect(runner.verdict()).toEqual({ is: 'waiting' });
    expect(await until(() => deployment.instances['1']?.state === 'ready', PATIENCE)).toBe(true);
    expect(runner.verdict()).toEqual({ is: 'ready' });
    expect(deployment.restarts).toBe(0);
  });
});

it('takes an instance for dead only where the machine can tell that it is', async () => {
  const instance = await running();
  unreadable.add(`/proc/${instance.pid}/stat`);
  await hostFinds(instance);

  expect(await until(() => deployment.instances['1']?.state === 'ready', PATIENCE)).toBe(true);
  expect(unreadable.size).toBe(0);
  expect(deployment.restarts).toBe(0);
});

it('does not end an instance that is no longer wanted while Envoy does not say where it routes', async () => {
  silences = 3;
  await hostFinds(await running());
  deployment.sku.capacity = 0;

  expect(await until(ended, PATIENCE)).toBe(true);
  expect(asked).toBeGreaterThan(silences);
});

it('does not end an instance that is no longer wanted as long as Envoy sends requests to it', async () => {
  routed = [portOf(server)];
  await hostFinds(await running());
  deployment.sku.capacity = 0;

  // Longer than a request may take, and what is added to it.
  expect(await until(ended, { timeoutMs: 8_000 })).toBe(false);
  routed = [];
  expect(await until(ended, PATIENCE)).toBe(true);
});

it('ends the instances of a deployment that is deleted, wherever Envoy sends requests', async () => {
  routed = [portOf(server)];
  await hostFinds(await running());

  await runner.retire();

  expect(ended()).toBe(true);
});

it.each(['127.0.0.1', '::'])(
  'does not end an instance that listens on %s while a connection to it is open',
  async (address) => {
    server.close();
    server = createServer((_, answer) => answer.end()).listen(0, address);
    await once(server, 'listening');
    const request = connect(portOf(server), '127.0.0.1');
    await once(request, 'connect');
    await hostFinds(await running());
    deployment.sku.capacity = 0;

    expect(await until(ended, { timeoutMs: 2_000 })).toBe(false);
    request.destroy();
    expect(await until(ended, PATIENCE)).toBe(true);
  },
);

describe('what an instance that died has left', () => {
  const WITHOUT_MARKS = 'env -i sleep 60 & wait';

  it('is ended, also where it has lost the environment that marks it', async () => {
    const leader = await running(WITHOUT_MARKS);
    await hostFinds(leader);
    expect(await until(() => deployment.instances['1']?.state === 'ready', PATIENCE)).toBe(true);
    const others = () => findInSessions([leader.pid]).filter(({ pid }) => pid !== leader.pid);
    expect(await until(() => others().length === 1, PATIENCE)).toBe(true);
    const left = others();

    signal(leader, 'SIGKILL');

    expect(await until(() => !left.some(isAlive), PATIENCE)).toBe(true);
  });

  it('is not what another process leads that has its number by now', async () => {
    const other = await running(WITHOUT_MARKS);
    await hostFinds({ pid: other.pid, startTime: 'before' });

    expect(await until(() => deployment.instances['2'] !== undefined, PATIENCE)).toBe(true);
    expect(isAlive(other)).toBe(true);
    for (const process of findInSessions([other.pid])) signal(process, 'SIGKILL');
  });
});

it('gives a generation up of which instances that had got ready keep ending before it serves', async () => {
  const found = await Promise.all([running(), running(), running()]);
  await hostFinds(...found, { pid: 2 ** 30, startTime: 'gone' });
  const ready = () => Object.values(deployment.instances).filter(({ state }) => state === 'ready').length;
  expect(await until(() => ready() === 3, PATIENCE)).toBe(true);

  for (const process of found) signal(process, 'SIGKILL');

  expect(await until(() => runner.verdict().is === 'failed', PATIENCE)).toBe(true);
});
