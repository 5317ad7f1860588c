import { randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest';
import { createActivities } from '../../activities/index.js';
import { machineSecrets } from '../../adapters/secrets.js';
import { versionsCheck } from '../../cli/service-checks.js';
import { enqueue, queueEntry, untilSettled } from '../../client/queue.js';
import type { Session } from '../../client/temporal.js';
import { workerVersions, type WorkerVersion } from '../../client/versions.js';
import { pollingWorkers } from '../../client/workers.js';
import { ROLLOUT_WORKFLOW } from '../../core/messages.js';
import { TASK_QUEUE } from '../../core/names.js';
import { workflowId, type Plan, type Target } from '../../core/plan.js';
import { queueId } from '../../core/queue.js';
import { createMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import { deploymentOptions, makeCurrent } from '../../worker/versioning.js';
import { MemoryTarget } from '../support/memory-target.js';
import { makeNamespace } from '../support/namespace.js';
import { APPROVE, by, CREATE, CUTOVER, planOf, rampStep, SHORT_WINDOWS } from '../support/plans.js';
import { Rollout } from '../support/rollout-bench.js';
import { WAITER } from '../support/waiter.js';

const namespace = `versions-${randomUUID()}`;
const targets = new Map<string, MemoryTarget>();
let connection: NativeConnection;
let clientConnection: Connection;
let client: Client;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  await makeNamespace(namespace);
  const address = inject('temporalAddress');
  connection = await NativeConnection.connect({ address });
  clientConnection = await Connection.connect({ address });
  client = new Client({ connection: clientConnection, namespace });
});
afterAll(async () => {
  await connection.close();
  await clientConnection.close();
});

/** A worker of one build until the test is over, and of that name in histories. */
async function startWorker(buildId: string): Promise<void> {
  const worker = await Worker.create({
    connection,
    namespace,
    identity: buildId,
    taskQueue: TASK_QUEUE,
    workflowBundle: { codePath: inject('workflowCode') },
    activities: createActivities({
      targets: async (target: Target) => {
        const found = target.kind === 'host' ? targets.get(target.workspace) : undefined;
        if (found === undefined) throw new Error('no such target');
        return found.ports();
      },
      secrets: machineSecrets({}),
    }),
    sinks: rolloutSinks(createMetrics().rollouts),
    workerDeploymentOptions: deploymentOptions(buildId),
  });
  const running = worker.run();
  onTestFinished(async () => {
    worker.shutdown();
    await running;
  });
}

const waits = (rollout: Rollout) => rollout.until(({ phase }) => phase === 'waiting-for-approval', 30_000);

async function start(plan: Plan): Promise<Rollout> {
  targets.set(plan.endpoint, new MemoryTarget());
  const handle = await client.workflow.start(ROLLOUT_WORKFLOW, {
    taskQueue: TASK_QUEUE,
    workflowId: workflowId(plan.target, plan.endpoint),
    args: [plan],
  });
  const rollout = new Rollout(handle);
  await waits(rollout);
  return rollout;
}

/** A rollout that waits for approval. */
function waitingPlan(endpoint: string, more: Partial<Plan> = {}): Plan {
  return planOf(endpoint, [CREATE, rampStep(50), APPROVE, CUTOVER], more);
}

const versions = () => workerVersions(session(), Date.now());
const session = () => ({ client, place: { namespace } }) as Session;

/** The version of a run, by what the server knows; without a run, of the last one under that id. */
async function versionOf(id: string, runId?: string): Promise<string | null | undefined> {
  const { raw } = await client.workflow.getHandle(id, runId).describe();
  return raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;
}

/** The workers that ran its workflow code and its activities. */
async function workersOf(id: string, runId: string): Promise<ReadonlySet<string | null | undefined>> {
  const { events } = await client.workflow.getHandle(id, runId).fetchHistory();
  const done = events?.flatMap(
    (event) => event.workflowTaskCompletedEventAttributes ?? event.activityTaskStartedEventAttributes ?? [],
  );
  return new Set(done?.map(({ identity }) => identity));
}

it('a rollout ends on the version that it began with, while new ones begin with the next, and the old one says when it is drained', async () => {
  expect(await versions()).toEqual([]);
  await startWorker('a');
  expect(await makeCurrent(connection, namespace, 'a')).toBe(true);
  const first = await start(waitingPlan('pinned-first'));
  await startWorker('b');
  expect(await makeCurrent(connection, namespace, 'b')).toBe(true);
  // A worker of the old version that is started again, as on a node that is drained, takes nothing back.
  expect(await makeCurrent(connection, namespace, 'a')).toBe(false);
  const second = await start(waitingPlan('pinned-second'));

  await expect.poll(versions, { interval: 500 }).toEqual(
    expect.arrayContaining([
      { buildId: 'a', state: 'draining', rollouts: 1, polls: true },
      { buildId: 'b', state: 'current', rollouts: 1, polls: true },
    ]),
  );
  expect(await pollingWorkers(session(), Date.now())).not.toEqual([]);
  for (const rollout of [first, second]) {
    await rollout.send('approve', by);
    expect(await rollout.promoted()).toMatchObject({ outcome: 'promoted' });
  }

  expect(await versionOf(first.handle.workflowId)).toBe('a');
  expect(await versionOf(second.handle.workflowId)).toBe('b');
  await expect
    .poll(async () => versionsCheck(await versions()).found, { interval: 500 })
    .toContain('a drained: its workers can be stopped');
}, 120_000);

it('a rollout goes on as a new run on its own version, and what waited behind it begins with the current one', async () => {
  await startWorker('c');
  expect(await makeCurrent(connection, namespace, 'c')).toBe(true);
  // A window of 60 ms stands for one of 20 minutes.
  const plan = waitingPlan('pinned-long', { watching: SHORT_WINDOWS });
  const first = await start(plan);
  const id = first.handle.workflowId;
  const next = queueEntry(waitingPlan('pinned-long'), { digest: 'next', by: 'ada', spec: 'next.yml' });
  expect(await enqueue(session(), { entry: next, first: false })).toBe(1);
  const queue = queueId(plan.target, plan.endpoint);
  expect(await versionOf(queue)).toBe('c');
  await startWorker('d');
  expect(await makeCurrent(connection, namespace, 'd')).toBe(true);

  const run = async () => (await first.handle.describe()).runId;
  const before = await run();
  await expect.poll(run, { interval: 200 }).not.toBe(before);
  const after = await run();
  await first.send('abort', by);
  expect(await first.failure()).toMatchObject({ type: 'Aborted' });

  expect(await workersOf(id, after)).toEqual(new Set(['c']));
  expect(await versionOf(id, after)).toBe('c');
  const started = await untilSettled(session(), next, { ...WAITER, over: AbortSignal.timeout(30_000) });
  expect(started).toMatchObject({ fate: 'started' });
  const second = new Rollout(client.workflow.getHandle(id));
  await waits(second);
  await second.send('approve', by);
  expect(await second.promoted()).toMatchObject({ outcome: 'promoted' });
  expect(await versionOf(id)).toBe('d');
  expect(await versionOf(queue)).toBe('d');
}, 120_000);

describe('what doctor says of versions', () => {
  const old: WorkerVersion = { buildId: 'old', state: 'draining', rollouts: 2, polls: true };
  const now: WorkerVersion = { buildId: 'now', state: 'current', rollouts: 1, polls: true };

  it.each<[string, readonly WorkerVersion[], string, string, string]>([
    ['off', [], 'ok', 'off: any worker goes on with any rollout', ''],
    ['side by side', [now, old], 'ok', 'now current, 1 rollout; old draining, 2 rollouts', ''],
    ['drained', [now, { ...old, rollouts: 0 }], 'ok', 'old drained: its workers can be stopped', ''],
    ['drained and gone', [now, { ...old, rollouts: 0, polls: false }], 'ok', 'old drained', ''],
    [
      'stopped too early',
      [now, { ...old, polls: false }],
      'warning',
      'old draining, 2 rollouts, no worker',
      'stand still: start a worker with `--version old`',
    ],
    ['none current', [{ ...now, state: 'new', rollouts: 0 }], 'warning', 'none is current', '--make-current'],
  ])('%s', (_, versions, state, found, mend) => {
    const check = versionsCheck(versions);

    expect(check.state).toBe(state);
    expect(check.found).toContain(found);
    expect(check.mend).toContain(mend);
  });
});
