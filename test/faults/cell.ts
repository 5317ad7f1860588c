import { setTimeout as sleep } from 'node:timers/promises';
import { WorkflowNotFoundError, type WorkflowHandle } from '@temporalio/client';
import { ending, type Ended } from '../../client/find.js';
import { MessageName, DECISION_WITHIN_MS, ROLLOUT_WORKFLOW } from '../../core/messages.js';
import { TASK_QUEUE } from '../../core/names.js';
import { workflowId } from '../../core/plan.js';
import { type Answer, Load } from '../../demo/load.js';
import { until } from '../../embedded/processes.js';
import { isWhole } from './judge-end.js';
import { problemsOf } from './judge.js';
import { type Kill, Killer } from './killer.js';
import { lengthAt, type Seen } from './points.js';
import { rollbackIn, tookMs } from './rollback.js';
import { Sampler } from './sampler.js';
import { planOf, REFERENCE, type SpecName, watchesBefore } from './specs.js';
import type { World } from './world.js';
import { asked } from './writes.js';

/** What became of one cell. */
export interface CellResult {
  readonly spec: SpecName;
  readonly kill: Kill | null;
  /** Events in the history when SIGKILL was sent, by Temporal's clock; null when nothing was killed. */
  readonly hitAt: number | null;
  /** Its moment came, and nothing was there to be killed. */
  readonly missed: boolean;
  readonly outcome: string;
  readonly reason: string;
  readonly seconds: number;
  /** From the verdict or the abort to the endpoint read back, by Temporal's clock; null without a rollback. */
  readonly rollbackMs: number | null;
  readonly requests: number;
  readonly failed: number;
  /** How long clients got errors of what was killed, milliseconds. */
  readonly failedForMs: number;
  readonly reads: number;
  readonly events: readonly Seen[];
  /** Empty = right. */
  readonly problems: readonly string[];
}

/** A rollout with everything that a cell can delay it by; one that takes longer has no end. */
const LONGEST_MS = 240_000;
const REQUESTS_PER_SECOND = 40;
/** Clients and readers go on for a moment: what comes late is seen too. */
const AFTERWARDS_MS = 700;
/** A model server that was killed late may still be starting at the end. */
const BACK_WITHIN_MS = 30_000;

let made = 0;

/** Runs one reference spec under load, kills what is asked for at its moment, starts it again, and judges. */
export async function runCell(world: World, spec: SpecName, kill: Kill | null): Promise<CellResult> {
  const reference = REFERENCE[spec];
  const endpoint = `cell-${++made}`;
  const door = await world.createEndpoint(endpoint);
  const sampler = new Sampler(world, endpoint);
  const answers: Answer[] = [];
  const load = new Load({
    ...door,
    rows: [[1]],
    perSecond: REQUESTS_PER_SECOND,
    atMost: (REQUESTS_PER_SECOND * 2 * LONGEST_MS) / 1000,
    onAnswer: (answer) => answers.push(answer),
  });
  const over = new AbortController();
  const killer = new Killer(world, endpoint, kill);
  const startedMs = Date.now();
  try {
    const id = workflowId(world.target, endpoint);
    const handle = world.client.workflow.getHandle(id);
    const events: Seen[] = [];
    await killer.aim();
    const acting: Promise<number | null>[] = [];
    let watches = watchesBefore(reference);
    const following = killer.follow(
      id,
      (event) => {
        events.push(event);
        if (event.what !== 'ActivityTaskScheduled watch' || --watches !== 0) return;
        acting.push(act(world, reference.then, endpoint, handle));
      },
      over.signal,
    );
    await world.client.workflow.start(ROLLOUT_WORKFLOW, {
      workflowId: id,
      taskQueue: TASK_QUEUE,
      args: [planOf(world, reference, endpoint)],
      workflowTaskTimeout: DECISION_WITHIN_MS,
    });
    const ended = await endOf(handle);
    // A rollout without an end is a wrong cell; its history would be followed for ever.
    if (ended === undefined) over.abort();
    await following;
    await killer.done();
    const [brokeAtMs = null] = await Promise.all(acting);
    await sleep(AFTERWARDS_MS);
    await load.stop();
    await sampler.stop();

    const facts = await factsOf(world, endpoint);
    const report = ended?.kind === 'report' ? ended.report : null;
    const { killedAtMs, mendedAtMs, missedAtMs } = killer;
    const outcome = report?.outcome ?? ended?.kind ?? 'no end';
    const rollbackMs = outcome === 'promoted' ? null : tookMs(rollbackIn(events));
    const failures = answers.filter(({ status }) => status !== 200).map(({ atMs }) => atMs);
    return {
      spec,
      kill,
      hitAt: killedAtMs === null ? null : lengthAt(events, killedAtMs),
      missed: missedAtMs !== null,
      outcome,
      reason: report?.reason ?? '',
      seconds: (Date.now() - startedMs) / 1000,
      rollbackMs,
      requests: answers.length,
      failed: failures.length,
      failedForMs: failures.length === 0 ? 0 : Math.max(...failures) - Math.min(...failures),
      reads: sampler.reads,
      events,
      problems: [
        ...problemsOf({
          ...facts,
          ...{ spec: reference, victim: kill?.victim ?? null, killedAtMs, missedAtMs, mendedAtMs },
          ...{ report, outcome, events, rollbackMs, answers, brokeAtMs },
          ...{ way: sampler.way, wrongSums: sampler.wrongSums, looks: sampler.looks },
          readsMs: sampler.looks.map(({ atMs }) => atMs),
          writes: world.writesOf([
            ...reference.way.slice(0, 1),
            ...asked({ events, victim: kill?.victim ?? null, killedAtMs }),
          ]),
        }),
        ...killer.problems,
      ],
    };
  } finally {
    over.abort();
    await killer.done();
    await load.stop();
    await sampler.stop();
    await world.deleteEndpoint(endpoint);
  }
}

/** @returns when it broke green; null = it did not. */
async function act(
  world: World,
  what: 'nothing' | 'abort' | 'break-green',
  endpoint: string,
  handle: WorkflowHandle,
): Promise<number | null> {
  if (what === 'nothing') return null;
  await sleep(1000);
  if (what === 'break-green') {
    const atMs = Date.now();
    await world.breakDeployment(endpoint, 'green');
    return atMs;
  }
  // A person tries again until there is an answer; the request's id makes that harmless.
  for (;;) {
    try {
      await world.client.withDeadline(Date.now() + 5_000, () =>
        handle.executeUpdate(MessageName.abort, {
          args: [{ by: 'ada', reason: 'changed her mind' }],
          updateId: `abort-${endpoint}`,
        }),
      );
      return null;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return null;
      const { status } = await handle.describe().catch(() => ({ status: { name: 'RUNNING' } }));
      if (status.name !== 'RUNNING') return null;
      await sleep(200);
    }
  }
}

/** @returns undefined when there is none in time. */
async function endOf(handle: WorkflowHandle): Promise<Ended | undefined> {
  for (const endMs = Date.now() + LONGEST_MS; Date.now() < endMs;) {
    const ended = await handle.client
      .withDeadline(Date.now() + 5_000, () => ending(handle))
      .catch(() => undefined);
    if (ended !== undefined) return ended;
    await sleep(100);
  }
  return undefined;
}

async function factsOf(world: World, endpoint: string) {
  const { endpoints } = await world.ports();
  const whole = await until(async () => {
    const state = await endpoints.read(endpoint);
    return state.deployments.every(isWhole) ? state : undefined;
  }, BACK_WITHIN_MS);
  const { traffic, deployments } = whole ?? (await endpoints.read(endpoint));
  return {
    traffic,
    deployments: deployments.map(({ name, state, instances }) => ({ name, state, instances })),
    restarts: Math.max(0, ...deployments.map((deployment) => deployment.restarts ?? 0)),
    operations: await world.operations(endpoint),
  };
}
