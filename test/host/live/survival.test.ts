import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { findInSessions, isAlive, lookUp } from '../../../host/processes.js';
import { until } from '../../../host/wait.js';
import { Load, TestHost } from './harness.js';

// Python, its packages and a model are loaded anew: seconds on a quiet machine, half a minute on one that is busy.
const STARTED = { timeoutMs: 45_000 };
vi.setConfig({ testTimeout: 120_000 });

const ECHO = `
import { createServer } from 'node:http';
createServer((_, answer) => answer.end('here')).listen(process.argv[2], '127.0.0.1');
`;

let host: TestHost;
let endpoint: string;
let key: string;
let made = 0;

beforeAll(async () => {
  host = await TestHost.start();
});

beforeEach(async () => {
  endpoint = `diabetes-${++made}`;
  await host.done('PUT', `/onlineEndpoints/${endpoint}`, host.endpointBody());
  key = await host.key(endpoint);
});

afterEach(async () => {
  await host.done('DELETE', `/onlineEndpoints/${endpoint}`);
});

afterAll(async () => {
  await host.dispose();
});

const score = (ask: object = {}, headers: Record<string, string> = {}) =>
  host.score(endpoint, key, ask, headers);

async function blueWith(capacity: number): Promise<void> {
  await host.deploy(endpoint, 'blue', { capacity });
  await host.setTraffic(endpoint, { blue: 100 });
}

/** Ends all processes of the oldest instance, as an out-of-memory killer would, and sees them gone. */
async function killInstance(): Promise<number> {
  const [{ process: { pid = 0 } = {}, port } = { port: 0 }] = host.instances(endpoint, 'blue');
  const processes = host.processes();
  const mark = processes.find((process) => process.pid === pid)?.mark;
  const victims = processes.filter((process) => process.mark === mark);
  for (const victim of victims) process.kill(victim.pid, 'SIGKILL');
  await until(() => !victims.some(isAlive), { timeoutMs: 5_000, everyMs: 5 });
  // A process counts as dead while its threads still end, and until they have its socket takes connections.
  await until(() => refuses(port), { timeoutMs: 5_000, everyMs: 5 });
  return pid;
}

async function refuses(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
}

const blue = async () =>
  (await host.arm('GET', `/onlineEndpoints/${endpoint}/deployments/blue`)).body.properties;

describe('a killed model server', () => {
  it('is replaced and counted, and costs clients at most what it was working on while others live', async () => {
    await blueWith(2);
    const load = new Load(4, () => score());
    await until(() => load.answers.length > 50, STARTED);

    const killed = await killInstance();
    await until(async () => (await blue()).properties['greenlight.restarts'] === '1', STARTED);
    await until(async () => (await blue()).properties['greenlight.readyInstances'] === '2', STARTED);
    await load.stop();

    expect(host.instancePids(endpoint, 'blue')).not.toContain(killed);
    const { 200: good = 0, ...bad } = load.summary();
    expect(good).toBeGreaterThan(50);
    // Four requests at most were in it; they ran, or may have, so nobody sends them again.
    expect(Object.values(bad).reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(4);
  });

  it('that dies while the host is down costs clients nothing after that, and is replaced by the next host', async () => {
    await blueWith(2);
    await host.end('SIGKILL');
    await killInstance();

    const load = new Load(4, () => score(), 100);
    await load.finished();
    await host.run();

    expect(load.summary()).toEqual({ 200: 100 });
    await until(async () => (await blue()).properties['greenlight.readyInstances'] === '2', STARTED);
    expect((await blue()).properties).toMatchObject({
      'greenlight.readyInstances': '2',
      'greenlight.restarts': '1',
    });
  });
});

describe('a killed Envoy', () => {
  it('is replaced on the same port with the same routes', async () => {
    await blueWith(1);
    const { pid } = host.stateRecord.envoy;

    process.kill(pid, 'SIGKILL');
    const answers = await until(async () => (await score().catch(() => undefined))?.status === 200, STARTED);

    expect(answers).toBe(true);
    await until(() => host.stateRecord.envoy.pid !== pid, { timeoutMs: 5_000 });
    expect(lookUp(host.stateRecord.envoy.pid)).toBeDefined();
  });
});

describe('a killed host', () => {
  it('leaves clients served, and the next one finds endpoints, processes and routes', async () => {
    await blueWith(2);
    const pids = host.instancePids(endpoint, 'blue').sort();
    const envoy = host.stateRecord.envoy.pid;
    const { url, gatewayUrl } = host.file;
    const load = new Load(2, () => score());

    await host.end('SIGKILL');
    await host.run();
    await load.stop();

    expect(load.summary()).toEqual({ 200: load.answers.length });
    expect(host.file).toMatchObject({ url, gatewayUrl });
    expect(host.instancePids(endpoint, 'blue').sort()).toEqual(pids);
    expect(host.stateRecord.envoy.pid).toBe(envoy);
    expect((await host.arm('GET', `/onlineEndpoints/${endpoint}`)).body.properties).toMatchObject({
      provisioningState: 'Succeeded',
      traffic: { blue: 100 },
    });
    await host.setTraffic(endpoint, {});
    expect((await score()).status).toBe(404);
  });

  it('in the middle of an operation: the next one brings it to its end', async () => {
    const body = host.deploymentBody('green', { env: { SLOW_INIT_S: '1.5' } });
    const call = await host.arm('PUT', `/onlineEndpoints/${endpoint}/deployments/green`, body);
    await until(() => host.instancePids(endpoint, 'green').length === 1, { timeoutMs: 5_000 });
    const pids = host.instancePids(endpoint, 'green');

    await host.end('SIGKILL');
    await host.run();

    expect(await host.ended(call)).toMatchObject({ status: 'Succeeded' });
    expect(host.instancePids(endpoint, 'green')).toEqual(pids);
    expect((await score({}, { 'azureml-model-deployment': 'green' })).status).toBe(200);
  });

  it('in the middle of a delete: the next one deletes on', async () => {
    await blueWith(1);
    await host.setTraffic(endpoint, {});
    const call = await host.arm('DELETE', `/onlineEndpoints/${endpoint}/deployments/blue`);

    await host.end('SIGKILL');
    await host.run();

    expect(await host.ended(call)).toMatchObject({ status: 'Succeeded' });
    expect((await host.arm('GET', `/onlineEndpoints/${endpoint}/deployments/blue`)).status).toBe(404);
    expect(host.processes().map((process) => process.mark)).toEqual(['envoy']);
    expect(existsSync(join(host.state, 'endpoints', 'local', endpoint, 'blue'))).toBe(false);
  });

  it('in the middle of a write: the next one removes the copy, which may hold secrets that were made anew', async () => {
    const copies = [
      'state.json.0a1b2c3d.tmp',
      'token.0a1b2c3d.tmp',
      'tls/key.pem.0a1b2c3d.tmp',
      'gateway/routes.json.0a1b2c3d.tmp',
      'metrics/last.json.0a1b2c3d.tmp',
      'blobs/account/code/metadata/x.json.0a1b2c3d.tmp',
      'blobs/account/code/parts/0a1b2c3d4e5f6071',
    ].map((name) => join(host.state, name));
    const upload = join(host.state, 'blobs/account/code/files/a.0a1b2c3d.tmp');
    await host.end('SIGKILL');
    for (const file of [...copies, upload]) {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, 'secret');
    }

    await host.run();

    expect(copies.filter((file) => existsSync(file))).toEqual([]);
    expect(existsSync(upload)).toBe(true);
  });

  it('by SIGTERM goes alone', async () => {
    await blueWith(1);

    await host.end('SIGTERM');

    expect((await score()).status).toBe(200);
    expect(existsSync(join(host.state, 'host.json'))).toBe(false);
    expect(existsSync(join(host.state, 'host.lock'))).toBe(false);
    await host.run();
  });
});

describe('one state folder', () => {
  it('takes one host: a second is refused and told who holds it', async () => {
    const second = host.spawn();
    let text = '';
    second.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(second, 'exit');

    expect(second.exitCode).toBe(3);
    expect(text).toContain(`held by process ${host.file.pid} (endpoint host`);
    expect((await host.arm('GET', '/onlineEndpoints')).status).toBe(200);
  });

  it('has no process left after stop, whether the host lived or not', async () => {
    await blueWith(2);
    const started = [...host.processes(), lookUp(host.file.pid)!];
    expect(started.length).toBeGreaterThan(4);

    expect(await host.stop()).toBe(0);

    expect(started.filter(isAlive)).toEqual([]);
    expect(await host.stop()).toBe(0);
    await host.run();
    expect(await until(async () => (await score()).status === 200, STARTED)).toBe(true);
    await host.end('SIGKILL');
    const left = host.processes();
    expect(await host.stop()).toBe(0);
    expect(left.filter(isAlive)).toEqual([]);
    await host.run();
  });

  it('has no process left after stop, also none that lost the environment that marked it', async () => {
    const code = join(host.folder, 'echo');
    await mkdir(code, { recursive: true });
    await writeFile(join(code, 'echo.mjs'), ECHO);
    const command = ['env', '-i', 'sh', '-c', `${process.execPath} echo.mjs {port} & wait`];
    await host.deploy(endpoint, 'blue', {
      properties: {
        codeConfiguration: { codeId: pathToFileURL(code).href, scoringScript: 'echo.mjs' },
        properties: { 'greenlight.command': JSON.stringify(command) },
      },
    });
    const started = findInSessions(host.instancePids(endpoint, 'blue'));
    expect(started).toHaveLength(2);

    expect(await host.stop()).toBe(0);

    expect(started.filter(isAlive)).toEqual([]);
    await host.run();
  });
});
