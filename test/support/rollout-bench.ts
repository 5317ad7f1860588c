import {
  Client,
  Connection,
  isGrpcServiceError,
  WorkflowFailedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure, defineSearchAttributeKey, TypedSearchAttributes } from '@temporalio/common';
import { Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, inject } from 'vitest';

import type { Notifier, Secrets, TargetPorts } from '../../adapters/ports.js';
import { machineSecrets } from '../../adapters/secrets.js';
import { createActivities } from '../../activities/index.js';
import {
  MessageName,
  DECISION_WITHIN_MS,
  ROLLOUT_WORKFLOW,
  type RolloutStatus,
} from '../../core/messages.js';
import { workflowId, type Plan, type Target } from '../../core/plan.js';
import type { RolloutReport } from '../../core/run.js';
import { activityMetrics } from '../../worker/activity-metrics.js';
import { createMetrics, type WorkerMetrics } from '../../worker/metrics.js';
import { rolloutSinks } from '../../worker/sinks.js';
import { TUNING } from '../../worker/tuning.js';
import { BenchWorker, installBenchRuntime, type BenchWorkerOptions } from './bench-worker.js';
import { makeNamespace } from './namespace.js';

const grpcFailedPrecondition = 9;

/** What an endpoint of the bench is served by: a memory target, mostly. */
interface BenchTarget {
  ports(): TargetPorts;
}

/**
 * A real Temporal server, real workflows and activities in a namespace that no other test file sees, and memory targets by
 * endpoint name.
 */
export interface Bench {
  readonly client: Client;
  readonly taskQueue: string;
  start(plan: Plan, target: BenchTarget): Promise<Rollout>;
  /** Stops the worker and starts another, as a deployment would. */
  replaceWorker(): Promise<void>;
  /** What a worker that has never seen it finds wrong with the history of a rollout's last run; null: it goes the same way. */
  replayed(rollout: Rollout): Promise<string | null>;
  /** Kills the worker that has lived longest, from one moment to the next, and starts another. */
  killWorker(): Promise<void>;
  /** Kills all workers: nobody is there until another is started. */
  killAll(): void;
  startWorker(more?: Partial<BenchWorkerOptions>): Promise<void>;
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
  async until(condition: (status: RolloutStatus) => boolean, withinMs = 60_000): Promise<RolloutStatus> {
    for (const endMs = Date.now() + withinMs; ; await sleep(50)) {
      const status = await this.status().catch(undecided);
      if (status !== null && condition(status)) return status;
      if (Date.now() > endMs)
        throw new Error(`not so within ${withinMs / 1000} s; it is ${JSON.stringify(status)}`);
    }
  }

  /** An update that meets a run just going on as a new one is refused by the server, and sent again. */
  async send(
    name: keyof typeof MessageName,
    input: object,
    updateId: string = randomUUID(),
  ): Promise<string> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.handle.executeUpdate(name, { args: [input], updateId });
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

/** A decision that a starved machine had no time for has failed, until it is made again: no status can be told meanwhile. */
function undecided(err: unknown): null {
  const cause = err instanceof Error ? err.cause : undefined;
  if (isGrpcServiceError(cause) && cause.code === grpcFailedPrecondition) return null;
  throw err;
}

export interface BenchOptions {
  /** Asked for when a worker starts. */
  readonly notifier?: () => Notifier;
  /** How many workers there are at once; 1 by default. */
  readonly workers?: number;
  /** Default: there are none. */
  readonly secrets?: Secrets;
  /** Gets all that its workers log. */
  readonly log?: Parameters<typeof installBenchRuntime>[0];
}

/** To be called at the top of a test file: a namespace and a worker for it. */
export function useBench({
  notifier,
  workers: count = 1,
  secrets = machineSecrets({}),
  log,
}: BenchOptions = {}): Bench {
  const namespace = `bench-${randomUUID()}`;
  const taskQueue = `test-${randomUUID()}`;
  const workflowBundle = { codePath: inject('workflowCode') };
  const metrics = createMetrics();
  const targets = new Map<string, BenchTarget>();
  const workers: BenchWorker[] = [];
  let clientConnection: Connection | undefined;
  let client: Client | undefined;

  // Each endpoint of a test is a workspace of its own, so that tests of a file cannot meet.
  const portsOf = (target: Target): Promise<TargetPorts> => {
    const found = target.kind === 'host' ? targets.get(target.workspace) : undefined;
    return found === undefined ? Promise.reject(new Error('no such target')) : Promise.resolve(found.ports());
  };

  const startWorker = async (more: Partial<BenchWorkerOptions> = {}): Promise<void> => {
    const worker = await BenchWorker.start(inject('temporalAddress'), {
      namespace,
      taskQueue,
      workflowBundle,
      activities: (mortal) =>
        createActivities({
          targets: async (target) => mortal(await portsOf(target)),
          secrets,
          ...(notifier === undefined ? {} : { notifier: notifier() }),
        }),
      interceptors: { activity: [activityMetrics(metrics)] },
      sinks: rolloutSinks(metrics.rollouts),
      stickyQueueScheduleToStartTimeout: TUNING.stickyQueueScheduleToStartTimeout,
      maxHeartbeatThrottleInterval: '200ms',
      defaultHeartbeatThrottleInterval: '200ms',
      ...more,
    });
    workers.push(worker);
  };

  beforeAll(async () => {
    installBenchRuntime(log);
    clientConnection = await Connection.connect({ address: inject('temporalAddress') });
    client = new Client({ connection: clientConnection, namespace });
    await makeNamespace(namespace);
    for (let i = 0; i < count; i++) await startWorker();
  });

  afterAll(async () => {
    await Promise.all(workers.map((worker) => worker.stop()));
    await clientConnection?.close();
  });

  return {
    metrics,
    taskQueue,
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
        workflowTaskTimeout: DECISION_WITHIN_MS,
        typedSearchAttributes: new TypedSearchAttributes([
          { key: defineSearchAttributeKey('RolloutEndpoint', 'KEYWORD'), value: plan.endpoint },
        ]),
      });
      return new Rollout(handle);
    },
    async replaceWorker() {
      await workers.shift()?.stop();
      await startWorker();
    },
    async replayed({ handle }) {
      const options = { workflowBundle, sinks: rolloutSinks(createMetrics().rollouts) };
      const histories = [{ workflowId: handle.workflowId, history: await handle.fetchHistory() }];
      for await (const { error } of Worker.runReplayHistories(options, histories)) {
        if (error) return error.message;
      }
      return null;
    },
    async killWorker() {
      workers.shift()?.kill();
      await startWorker();
    },
    killAll() {
      for (const worker of workers.splice(0)) worker.kill();
    },
    startWorker,
  };
}
