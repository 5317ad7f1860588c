import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkflowHandle } from '@temporalio/client';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { ending } from '../../client/find.js';
import { DECISION_WITHIN_MS, ROLLOUT_WORKFLOW } from '../../core/messages.js';
import { TASK_QUEUE } from '../../core/names.js';
import { workflowId } from '../../core/plan.js';
import { Load } from '../../demo/load.js';
import { processIdentity, until } from '../../embedded/processes.js';
import { Sampler } from './sampler.js';
import { planOf, REFERENCE } from './specs.js';
import { HostWorld } from './host-world.js';

vi.setConfig({ testTimeout: 120_000 });

/** After so long without a heartbeat another worker takes over, a watch even sooner; see workflows/proxies.ts. */
const HEARTBEAT_MS = 10_000;
/** What the other worker may take for its own looks and the write. */
const BEYOND_MS = 5_000;

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

/** Who works on such an activity now. */
async function workerOf(handle: WorkflowHandle, activity: string): Promise<number | undefined> {
  const { raw } = await handle.describe();
  const pending = raw.pendingActivities?.find(({ activityType }) => activityType?.name === activity);
  const pid = Number.parseInt(pending?.lastWorkerIdentity ?? '', 10);
  return Number.isNaN(pid) ? undefined : pid;
}

it.each([
  ['while it watches a breach', 'watch'],
  ['while it writes the rollback', 'setTraffic'],
] as const)(
  'a worker killed %s: the other has rolled back within the heartbeat time and five seconds',
  async (_, activity) => {
    if (await lives(second)) process.kill(second, 'SIGKILL');
    await world.mend('worker');
    const endpoint = `two-workers-${activity.toLowerCase()}`;
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
      await until(async () => ((await baking()) ? workerOf(handle, 'watch') : undefined), 60_000);
      // Only now: the first one has the rollout in memory as well, so that Temporal tells a dead one what was decided.
      second = await world.startSecondWorker();
      await world.breakDeployment(endpoint, 'green');
      // Evidence is under way by then, and not enough of it yet.
      if (activity === 'watch') await sleep(2_000);
      const victim = await until(() => workerOf(handle, activity), 30_000, 1);
      const killedAtMs = Date.now();
      process.kill(victim ?? 0, 'SIGKILL');
      const ended = await ending(handle);

      const tookMs = sampler.changedAtMs - killedAtMs;
      console.log(`killed in ${activity}: blue had 100 %, read back, ${tookMs} ms later`);
      expect(ended).toMatchObject({ kind: 'report', report: { outcome: 'rolled-back', left: [] } });
      expect(sampler.way.at(-1)).toEqual({ live: { blue: 100 }, mirror: {} });
      expect(tookMs).toBeLessThan(HEARTBEAT_MS + BEYOND_MS);
    } finally {
      await load.stop();
      await sampler.stop();
    }
  },
);
