import {
  Client,
  Connection,
  isGrpcServiceError,
  WorkflowFailedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure, defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, inject } from 'vitest';

import type { Notifier, TargetPorts } from '../../adapters/ports.js';
import { machineSecrets } from '../../adapters/secrets.js';
import { createActivities } from '../../activities/index.js';
import { MessageName, ROLLOUT_WORKFLOW, type RolloutStatus } from '../../core/messages.js';
import { workflowId, type Plan, type Target } from '../../core/plan.js';
import type { RolloutReport } from '../../core/run.js';
import { activityMetrics } from '../../worker/activity-metrics.js';
import { createMetrics, type WorkerMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';

const grpcFailedPrecondition = 9;

/** What an endpoint of the bench is served by: a memory target, mostly. */
export interface BenchTarget {
  ports(): TargetPorts;
}

/** A real Temporal server, real workflows and activities, and memory targets by endpoint name. */
export interface Bench {
  readonly client: Client;
  start(plan: Plan, target: BenchTarget): Promise<Rollout>;
  /** Stops the worker and starts another, as a deployment or a crash would. */
  replaceWorker(): Promise<void>;
  /** What its workers counted. */
  readonly metrics: WorkerMetrics;
}

/** One running rollout. */
export class Rollout {
  readonly handle: WorkflowHandle;
  constructor(handle: WorkflowHandle) {
    this.handle = handle;
  }

  status(): Promise<RolloutStatus> {
    return this.handle.query<RolloutStatus>(MessageName.status);
  }

  /** Waits until the status satisfies the condition. */
  async until(condition: (status: RolloutStatus) => boolean): Promise<RolloutStatus> {
    for (const endMs = Date.now() + 20_000; ; await sleep(50)) {
      const status = await this.status();
      if (condition(status)) return status;
      if (Date.now() > endMs) throw new Error(`not so within 20 s; it is ${JSON.stringify(status)}`);
    }
  }

  /** An update that meets a run just going on as a new one is refused by the server, and sent again. */
  async send(name: keyof typeof MessageName, input: object): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.handle.executeUpdate(name, { args: [input] });
      } catch (err) {
        const cause = err instanceof Error ? err.cause : undefined;
        if (attempt > 3 || !isGrpcServiceError(cause) || cause.code !== grpcFailedPrecondition) throw err;
      }
    }
  }

  async promoted(): Promise<RolloutReport> {
    return (await this.handle.result()) as RolloutReport;
  }

  /** The failure that the rollout ended with, and its report. */
  async failure(): Promise<{ type: string; message: string; report: RolloutReport }> {
    const err: unknown = await this.handle.result().then(
      () => new Error('the rollout was promoted'),
      (e: unknown) => e,
    );
    if (!(err instanceof WorkflowFailedError) || !(err.cause instanceof ApplicationFailure))
      throw err as Error;
    return {
      type: err.cause.type ?? '',
      message: err.cause.message,
      report: err.cause.details?.[0] as RolloutReport,
    };
  }
}

export interface BenchOptions {
  /** Asked for when a worker starts. */
  readonly notifier?: () => Notifier;
}

/** To be called at the top of a test file: one bundle and one worker for it. */
export function useBench({ notifier }: BenchOptions = {}): Bench {
  const taskQueue = `test-${process.pid}`;
  const metrics = createMetrics();
  const targets = new Map<string, BenchTarget>();
  const parts: {
    connection?: NativeConnection;
    clientConnection?: Connection;
    worker?: Worker;
    running?: Promise<void>;
  } = {};
  let client: Client | undefined;
  let bundle: { code: string } | undefined;

  // Each endpoint of a test is a workspace of its own, so that tests of a file cannot meet.
  const portsOf = (target: Target): Promise<TargetPorts> => {
    const found = target.kind === 'host' ? targets.get(target.workspace) : undefined;
    return found === undefined ? Promise.reject(new Error('no such target')) : Promise.resolve(found.ports());
  };

  const startWorker = async (): Promise<void> => {
    const { connection } = parts;
    if (connection === undefined || bundle === undefined) throw new Error('the bench is not set up');
    parts.worker = await Worker.create({
      connection,
      taskQueue,
      workflowBundle: bundle,
      activities: createActivities({
        targets: portsOf,
        secrets: machineSecrets({}),
        ...(notifier === undefined ? {} : { notifier: notifier() }),
      }),
      interceptors: { activity: [activityMetrics(metrics)] },
      sinks: rolloutSinks(metrics.rollouts),
      maxHeartbeatThrottleInterval: '200ms',
      defaultHeartbeatThrottleInterval: '200ms',
    });
    parts.running = parts.worker.run();
  };

  beforeAll(async () => {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
    const address = inject('temporalAddress');
    parts.connection = await NativeConnection.connect({ address });
    parts.clientConnection = await Connection.connect({ address });
    client = new Client({ connection: parts.clientConnection });
    bundle = await bundleWorkflowCode({
      workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)),
      logger: new DefaultLogger('ERROR'),
    });
    await startWorker();
  });

  afterAll(async () => {
    parts.worker?.shutdown();
    await parts.running;
    await parts.connection?.close();
    await parts.clientConnection?.close();
  });

  return {
    metrics,
    get client() {
      if (client === undefined) throw new Error('the bench is not set up');
      return client;
    },
    async start(plan, target) {
      targets.set(plan.endpoint, target);
      const handle = await this.client.workflow.start(ROLLOUT_WORKFLOW, {
        taskQueue,
        workflowId: workflowId(plan.target, plan.endpoint),
        args: [plan],
        typedSearchAttributes: new TypedSearchAttributes([
          { key: defineSearchAttributeKey('RolloutEndpoint', 'KEYWORD'), value: plan.endpoint },
        ]),
      });
      return new Rollout(handle);
    },
    async replaceWorker() {
      parts.worker?.shutdown();
      await parts.running;
      await startWorker();
    },
  };
}
