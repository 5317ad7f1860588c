import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Container } from '../../../embedded/kubernetes/node/container.js';
import { whyUnschedulable } from '../../../embedded/kubernetes/node/scheduling.js';
import { podStatus } from '../../../embedded/kubernetes/node/status.js';
import { freePort } from '../../../host/ports.js';

const pod = (requests: Record<string, string>): V1Pod => ({
  metadata: { name: 'a' },
  spec: { containers: [{ name: 'model', image: 'local/node', resources: { requests } }] },
});

describe('scheduling on the one node', () => {
  it.each([
    [{ cpu: '500m', memory: '1Gi' }, undefined],
    [{ cpu: '17' }, '0/1 nodes are available: 1 Insufficient cpu.'],
    [{ 'nvidia.com/gpu': '1' }, '0/1 nodes are available: 1 Insufficient nvidia.com/gpu.'],
  ])('a pod that requests %j: %s', (requests, why) => {
    expect(whyUnschedulable(pod(requests), [])).toBe(why);
  });

  it('counts what runs already', () => {
    expect(whyUnschedulable(pod({ cpu: '9' }), [pod({ cpu: '8' })])).toContain('Insufficient cpu');
  });
});

describe('the status of a pod', () => {
  const view = { name: 'model', image: 'local/node', restartCount: 0, started: true };

  it('is ready when all containers are, and a condition that stays keeps its time', () => {
    const first = podStatus(
      pod({}),
      [{ ...view, ready: false, state: {} }],
      '10.244.0.2',
      '10.244.0.1',
      undefined,
    );
    const ready = podStatus(
      pod({}),
      [{ ...view, ready: true, state: { running: {} } }],
      '10.244.0.2',
      '10.244.0.1',
      first,
    );
    const of = (status: typeof first, type: string) => status.conditions?.find((one) => one.type === type);
    expect([first.phase, of(first, 'Ready')?.status]).toEqual(['Pending', 'False']);
    expect(of(first, 'Ready')?.message).toBe('containers with unready status: [model]');
    expect([ready.phase, of(ready, 'Ready')?.status, ready.podIP]).toEqual(['Running', 'True', '10.244.0.2']);
    expect(of(ready, 'Initialized')?.lastTransitionTime).toBe(of(first, 'Initialized')?.lastTransitionTime);
  });
});

describe('a container as a process', () => {
  let folder: string;
  let running: Container | undefined;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'greenlight-container-'));
  });
  afterEach(async () => {
    await running?.end(0);
    await rm(folder, { recursive: true, force: true });
  });

  const start = (container: V1Container, onChange: () => void = () => undefined) => {
    running = new Container({
      container,
      entrypoint: [process.execPath],
      env: { PATH: process.env['PATH'], WORD: 'hello' },
      folder,
      logFile: join(folder, 'log'),
      address: '127.0.0.1',
      enter: [],
      onChange,
    });
    void running.run();
    return running;
  };

  it('runs the image’s program with the container’s arguments, variables put in, and is started again when it ends', async () => {
    const container = start({
      name: 'model',
      args: ['-e', 'console.log("$(WORD) $(NONE)"); process.exit(3)'],
    });
    await vi.waitFor(() => expect(container.restarts).toBe(1), 20_000);
    expect(container.lastState.terminated).toMatchObject({ exitCode: 3, reason: 'Error' });
    expect(await readFile(join(folder, 'log'), 'utf8')).toMatch(/^hello \$\(NONE\)\n/);
  });

  it('is ready while its probe is answered, and ends within the grace period', async () => {
    const port = await freePort();
    const program = `
      let well = true;
      require('node:http').createServer((request, response) => {
        if (request.url === '/break') well = false;
        response.writeHead(well ? 200 : 503).end();
      }).listen(${port}, '127.0.0.1');
      process.on('SIGTERM', () => undefined);`;
    const container = start({
      name: 'model',
      args: ['-e', program],
      ports: [{ name: 'http', containerPort: port }],
      readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 0.1, failureThreshold: 1 },
    });
    await vi.waitFor(() => expect(container.ready).toBe(true), 20_000);
    await fetch(`http://127.0.0.1:${port}/break`);
    await vi.waitFor(() => expect(container.ready).toBe(false), 20_000);
    await container.end(200);
    await vi.waitFor(() => expect(container.state.terminated?.exitCode).toBe(137), 20_000);
  });
});
