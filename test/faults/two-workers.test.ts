import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ending } from '../../client/find.js';
import { newestBeat } from '../../client/live.js';
import { DECISION_WITHIN_MS, ROLLOUT_WORKFLOW } from '../../core/messages.js';
import { TASK_QUEUE } from '../../core/names.js';
import { workflowId } from '../../core/plan.js';
import { Load } from '../../demo/load.js';
import { processIdentity, until } from '../../embedded/processes.js';
import { Sampler } from './sampler.js';
import { planOf, REFERENCE } from './specs.js';
import { HostWorld } from './host-world.js';
import { killNow } from './world.js';

vi.setConfig({ testTimeout: 240_000 });

/** After so long without a heartbeat another worker takes over, a watch even sooner; see workflows/proxies.ts. */
const HEARTBEAT_MS = 10_000;
/** What the other worker may take for its own looks and the write. */
const BEYOND_MS = 5_000;
/** An activity may be over before the kill reaches its worker: it takes some milliseconds, and shows nothing then. */
const TRIALS = 3;

let world: HostWorld;
let second = 0;

beforeAll(async () => {
  world = await HostWorld.start();
});

afterAll(async () => {
  if (await lives(second)) process.kill(second, 'SIGKILL');
  await world.stop();
});

const lives = async (pid: number): Promise<boolean> => pid > 0 && (await processIdentity(pid)) !== undefined;

/** Who works on such an activity now; 0 when there will be nobody, since the rollout is over. */
async function workerOf(handle: WorkflowHandle, activity: string): Promise<number | undefined> {
  const { raw, status } = await handle.describe();
  if (status.name !== 'RUNNING') return 0;
  const pending = raw.pendingActivities?.find(({ activityType }) => activityType?.name === activity);
  return pidOf(pending?.lastWorkerIdentity);
}

function pidOf(identity: string | null | undefined): number | undefined {
  const pid = Number.parseInt(identity ?? '', 10);
  return Number.isNaN(pid) ? undefined : pid;
}

/** Whether Temporal knows of a failure of green that the watch under way has seen; also when there is none any more. */
async function failuresSeen(handle: WorkflowHandle): Promise<true | undefined> {
  const description = await handle.describe();
  const beat = await newestBeat(world.client, description);
  const seen = beat?.evidence.some(({ gate, green }) => gate === 'errors' && green.bad > 0) ?? false;
  return seen || description.status.name !== 'RUNNING' ? true : undefined;
}

/** Who ended the last such activity, in which of its attempts, and when by Temporal's clock. */
async function lastEnd(handle: WorkflowHandle, activity: string) {
  const events = (await handle.fetchHistory()).events ?? [];
  const scheduled = events.findLast(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activity,
  );
  const isOf = (attributes: { scheduledEventId?: unknown } | null | undefined) =>
    attributes != null && String(attributes.scheduledEventId) === String(scheduled?.eventId);
  const started = events.find((event) => isOf(event.activityTaskStartedEventAttributes));
  const ended = events.find((event) => isOf(event.activityTaskCompletedEventAttributes));
  const { seconds, nanos } = ended?.eventTime ?? {};
  return {
    by: pidOf(started?.activityTaskStartedEventAttributes?.identity),
    attempt: started?.activityTaskStartedEventAttributes?.attempt ?? 0,
    atMs: Number(seconds ?? 0) * 1000 + (nanos ?? 0) / 1e6,
  };
}

/** A rollout whose green breaks while two workers are there, and the one of them killed that is at such an activity. */
async function killOne(activity: 'watch' | 'setTraffic', endpoint: string) {
  if (await lives(second)) process.kill(second, 'SIGKILL');
  await world.mend('worker');
  const door = await world.createEndpoint(endpoint);
  const { endpoints } = await world.ports();
  const sampler = new Sampler(world, endpoint);
  const load = new Load({ ...door, rows: [[1]], perSecond: 80, atMost: 10_000, onAnswer: () => undefined });
  try {
    const handle = await world.client.workflow.start(ROLLOUT_WORKFLOW, {
      workflowId: workflowId(world.target, endpoint),
      taskQueue: TASK_QUEUE,
      args: [planOf(world, REFERENCE['roll-back-in-bake'], endpoint)],
      workflowTaskTimeout: DECISION_WITHIN_MS,
    });
    const baking = async () => (await endpoints.read(endpoint)).traffic.live['green'] === 100;
    const first = await until(async () => ((await baking()) ? workerOf(handle, 'watch') : undefined), 60_000);
    // Only now: the first one has the rollout in memory as well, so that Temporal tells a dead one what was decided.
    second = await world.startSecondWorker();
    await world.breakDeployment(endpoint, 'green');
    // Evidence is under way by then, and not enough of it yet.
    if (activity === 'watch') expect(await until(() => failuresSeen(handle), 30_000, 50)).toBe(true);
    const victim = (await until(() => workerOf(handle, activity), 30_000, 1)) ?? 0;
    const killedAtMs = Date.now();
    if (victim > 0) killNow(victim);
    const ended = await ending(handle);
    return {
      ...{ victim, other: victim === first ? second : first, killedAtMs, ended, sampler },
      activity: await lastEnd(handle, activity),
      write: await lastEnd(handle, 'setTraffic'),
    };
  } finally {
    await load.stop();
    await sampler.stop();
  }
}

it.each([
  ['while it watches a breach', 'watch'],
  ['while it writes the rollback', 'setTraffic'],
] as const)(
  'a worker killed %s: the other has rolled back within the heartbeat time and five seconds',
  async (_, activity) => {
    let shot = await killOne(activity, `two-workers-${activity.toLowerCase()}`);
    for (let trial = 2; shot.activity.by === shot.victim || shot.victim === 0; trial++) {
      expect(trial, `each time, ${activity} was over before its worker was killed`).toBeLessThan(TRIALS + 1);
      shot = await killOne(activity, `two-workers-${activity.toLowerCase()}-${trial}`);
    }

    const { ended, sampler, other, write, killedAtMs } = shot;
    const tookMs = write.atMs - killedAtMs;
    console.log(`killed in ${activity}: blue had 100 %, read back, ${Math.round(tookMs)} ms later`);
    expect(ended).toMatchObject({ kind: 'report', report: { outcome: 'rolled-back', left: [] } });
    expect(sampler.way.at(-1)).toEqual({ live: { blue: 100 }, mirror: {} });
    expect(shot.activity).toMatchObject({ by: other });
    expect(shot.activity.attempt).toBeGreaterThan(1);
    expect(write).toMatchObject({ by: other });
    // A write may have reached the endpoint just before its worker was killed; the other has read it back in any case.
    if (activity === 'watch') expect(sampler.changedAtMs).toBeGreaterThan(killedAtMs);
    expect(tookMs).toBeGreaterThan(0);
    expect(tookMs).toBeLessThan(HEARTBEAT_MS + BEYOND_MS);
  },
);
