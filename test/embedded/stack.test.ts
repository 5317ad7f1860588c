import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { DEFAULT_NAMESPACE, TASK_QUEUE } from '../../core/names.js';
import { temporalSettings } from '../../embedded/connection.js';
import { runningDaemon } from '../../embedded/daemons.js';
import { processIdentity, until } from '../../embedded/processes.js';
import { type Stack, startStack, stopStack } from '../../embedded/stack.js';

// Whole processes start and stop here, on a machine that may be busy with other tests.
vi.setConfig({ testTimeout: 120_000 });

const progress = () => undefined;

const pidOf = async (state: string, name: string) => (await runningDaemon(state, name))?.pid;
const gone = (pid: number) =>
  until(async () => ((await processIdentity(pid)) === undefined ? true : undefined), 10_000);

describe('a stack of our own', () => {
  let state: string;
  let stack: Stack;

  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), 'greenlight-stack-'));
    stack = await startStack({ state, progress });
  });
  afterAll(async () => {
    await stopStack({ state });
    await rm(state, { recursive: true, force: true });
  });

  it('is up when it says so: Temporal knows the worker, and the host answers', async () => {
    const connection = await Connection.connect({ address: stack.temporal.address });
    const pollers = await until(async () => {
      const queue = await connection.workflowService.describeTaskQueue({
        namespace: DEFAULT_NAMESPACE,
        taskQueue: { name: TASK_QUEUE },
        taskQueueType: 1,
      });
      return queue.pollers.length > 0 ? queue.pollers : undefined;
    }, 10_000);
    await connection.close();

    expect(pollers).toHaveLength(1);
    expect(stack.temporal).toMatchObject({ own: true, uiUrl: expect.stringMatching(/^http:/) as string });
    await expect(fetch(stack.temporal.uiUrl ?? '').then(({ ok }) => ok)).resolves.toBe(true);
    await expect(temporalSettings(state)).resolves.toMatchObject({
      source: 'stack',
      address: stack.temporal.address,
    });
  });

  it("answers one scrape with the worker's own metrics and the SDK's", async () => {
    const text = await (await fetch(`${stack.worker.healthUrl}/metrics`)).text();

    expect(text).toContain('# TYPE rollout_activity_duration_seconds histogram');
    expect(text).toContain('# TYPE temporal_worker_start_total counter');
    expect(text).toContain('# TYPE nodejs_eventloop_lag_seconds gauge');
  });

  it('leaves running parts alone and starts a dead one again', async () => {
    const before = { temporal: await pidOf(state, 'temporal'), host: await pidOf(state, 'host') };
    const worker = (await pidOf(state, 'worker')) ?? 0;
    process.kill(worker, 'SIGKILL');
    await gone(worker);

    stack = await startStack({ state, progress });

    expect({ temporal: await pidOf(state, 'temporal'), host: await pidOf(state, 'host') }).toEqual(before);
    expect(await pidOf(state, 'worker')).not.toBe(worker);
    await expect(fetch(`${stack.worker.healthUrl}/readyz`).then(({ ok }) => ok)).resolves.toBe(true);
  });

  it('starts its worker again when the server moved', async () => {
    const worker = await pidOf(state, 'worker');
    const server = (await pidOf(state, 'temporal')) ?? 0;
    process.kill(server, 'SIGKILL');
    await gone(server);
    const taken = createServer().listen(Number(stack.temporal.address.split(':')[1]), '127.0.0.1');
    await once(taken, 'listening');

    const before = stack.temporal.address;
    stack = await startStack({ state, progress });
    taken.close();

    expect(stack.temporal.address).not.toBe(before);
    expect(await pidOf(state, 'worker')).not.toBe(worker);
  });

  it('shuts its worker down in an orderly way', async () => {
    const stopped = await stopStack({ state });
    const log = await readFile(join(state, 'worker.log'), 'utf8');
    const again = await stopStack({ state });
    stack = await startStack({ state, progress });

    expect(stopped).toEqual({ temporal: true, host: true, worker: true });
    expect(log).toContain('Worker ended');
    expect(again).toEqual({ temporal: false, host: false, worker: false });
  });
});

describe('with a Temporal server in the environment', () => {
  afterEach(() => {
    delete process.env['TEMPORAL_ADDRESS'];
  });

  it('uses that one and leaves it alone', async () => {
    const state = await mkdtemp(join(tmpdir(), 'greenlight-stack-'));
    process.env['TEMPORAL_ADDRESS'] = inject('temporalAddress');
    try {
      const stack = await startStack({ state, progress });
      const stopped = await stopStack({ state });

      expect(stack.temporal).toEqual({
        address: inject('temporalAddress'),
        namespace: 'default',
        uiUrl: null,
        own: false,
      });
      expect(stopped).toEqual({ temporal: false, host: true, worker: true });
    } finally {
      await stopStack({ state });
      await rm(state, { recursive: true, force: true });
    }
  });
});

it('without any server, says how to get one', async () => {
  await expect(temporalSettings('/nowhere')).rejects.toThrow(
    'There is no Temporal server to talk to: TEMPORAL_ADDRESS is not set, and none was started in /nowhere.\n' +
      'Start one with `greenlight up`, or set TEMPORAL_ADDRESS (and TEMPORAL_NAMESPACE) to one that runs.',
  );
});
