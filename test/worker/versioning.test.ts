import { fileURLToPath } from 'node:url';
import { Client, Connection } from '@temporalio/client';
import {
  bundleWorkflowCode,
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { createActivities } from '../../activities/index.js';
import { machineSecrets } from '../../adapters/secrets.js';
import { MessageName, ROLLOUT_WORKFLOW, type RolloutStatus } from '../../core/messages.js';
import { workflowId, type Plan, type Target } from '../../core/plan.js';
import { createMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import { deploymentOptions, makeCurrent } from '../../worker/versioning.js';
import { makeNamespace } from '../cli/cli-bench.js';
import { MemoryTarget } from '../support/memory-target.js';
import { CREATE, CUTOVER, planOf, rampStep } from '../support/plans.js';

const namespace = `versions-${process.pid}`;
const targets = new Map<string, MemoryTarget>();
let connection: NativeConnection;
let clientConnection: Connection;
let client: Client;
let workflowBundle: WorkflowBundleWithSourceMap;

beforeAll(async () => {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  await makeNamespace(namespace);
  const address = inject('temporalAddress');
  connection = await NativeConnection.connect({ address });
  clientConnection = await Connection.connect({ address });
  client = new Client({ connection: clientConnection, namespace });
  workflowBundle = await bundleWorkflowCode({
    workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
    logger: new DefaultLogger('ERROR'),
  });
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
    taskQueue: 'versions',
    workflowBundle,
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
    taskQueue: 'versions',
    workflowId: workflowId(plan.target, endpoint),
    args: [plan],
  });
  await expect
    .poll(async () => (await handle.query<RolloutStatus>(MessageName.status)).phase, { timeout: 30_000 })
    .toBe('waiting-for-approval');
  return handle;
}

it('a rollout ends on the version that it began with, while new ones begin with the next', async () => {
  const a = await startWorker('a');
  await makeCurrent(connection, namespace, 'a');
  const first = await start('pinned-first');
  const b = await startWorker('b');
  await makeCurrent(connection, namespace, 'b');

  const second = await start('pinned-second');
  for (const rollout of [first, second]) {
    await rollout.executeUpdate(MessageName.approve, { args: [{ by: 'ada', reason: '' }] });
    expect(await rollout.result()).toMatchObject({ outcome: 'promoted' });
  }
  const versionOf = async (rollout: typeof first) =>
    (await rollout.describe()).raw.workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId;

  expect(await versionOf(first)).toBe('a');
  expect(await versionOf(second)).toBe('b');
  await a.stop();
  await b.stop();
}, 120_000);
