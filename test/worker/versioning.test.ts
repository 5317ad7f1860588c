import { Client, Connection, type WorkflowHandle } from '@temporalio/client';
import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createActivities } from '../../activities/index.js';
import { machineSecrets } from '../../adapters/secrets.js';
import { versionsCheck } from '../../cli/service-checks.js';
import type { Session } from '../../client/temporal.js';
import { workerVersions, type WorkerVersion } from '../../client/versions.js';
import { pollingWorkers } from '../../client/workers.js';
import { MessageName, ROLLOUT_WORKFLOW, type RolloutStatus } from '../../core/messages.js';
import { TASK_QUEUE } from '../../core/names.js';
import { workflowId, type Plan, type Target } from '../../core/plan.js';
import { createMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import { deploymentOptions, makeCurrent } from '../../worker/versioning.js';
import { MemoryTarget } from '../support/memory-target.js';
import { makeNamespace } from '../support/namespace.js';
import { CREATE, CUTOVER, planOf, rampStep } from '../support/plans.js';

const namespace = `versions-${process.pid}`;
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

/** A worker of one build. */
async function startWorker(buildId: string): Promise<{ stop(): Promise<void> }> {
  const worker = await Worker.create({
    connection,
    namespace,
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
  return {
    stop: async () => {
      worker.shutdown();
      await running;
    },
  };
}

async function start(endpoint: string) {
  const approve = { kind: 'approve', withinMs: 60_000, gates: ['errors', 'slow'] } as const;
  const plan: Plan = planOf(endpoint, [CREATE, rampStep(50), approve, CUTOVER]);
  targets.set(endpoint, new MemoryTarget());
  const handle = await client.workflow.start(ROLLOUT_WORKFLOW, {
    taskQueue: TASK_QUEUE,
    workflowId: workflowId(plan.target, endpoint),
    args: [plan],
  });
  await expect
    .poll(async () => (await handle.query<RolloutStatus>(MessageName.status)).phase, { timeout: 30_000 })
    .toBe('waiting-for-approval');
  return handle;
}

const versions = () => workerVersions(session(), Date.now());
const session = () => ({ client, place: { namespace } }) as Session;
const approve = (rollout: WorkflowHandle) =>
  rollout.executeUpdate(MessageName.approve, { args: [{ by: 'ada', reason: '' }] });

it('a rollout ends on the version that it began with, while new ones begin with the next, and the old one says when it is drained', async () => {
  expect(await versions()).toEqual([]);
  const a = await startWorker('a');
  expect(await makeCurrent(connection, namespace, 'a')).toBe(true);
  const first = await start('pinned-first');
  const b = await startWorker('b');
  expect(await makeCurrent(connection, namespace, 'b')).toBe(true);
  // A worker of the old version that is started again, as on a node that is drained, takes nothing back.
  expect(await makeCurrent(connection, namespace, 'a')).toBe(false);
  const second = await start('pinned-second');

  await expect.poll(versions, { timeout: 20_000, interval: 500 }).toEqual(
    expect.arrayContaining([
      { buildId: 'a', state: 'draining', rollouts: 1, polls: true },
      { buildId: 'b', state: 'current', rollouts: 1, polls: true },
    ]),
  );
  expect(await pollingWorkers(session(), Date.now())).not.toEqual([]);
  for (const rollout of [first, second]) {
    await approve(rollout);
    expect(await rollout.result()).toMatchObject({ outcome: 'promoted' });
  }
  const versionOf = async (rollout: typeof first) =>
    (await rollout.describe()).raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;

  expect(await versionOf(first)).toBe('a');
  expect(await versionOf(second)).toBe('b');
  await expect
    .poll(async () => versionsCheck(await versions()).found, { timeout: 20_000, interval: 500 })
    .toContain('a drained: its workers can be stopped');
  await a.stop();
  await b.stop();
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
