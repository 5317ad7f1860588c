/**
 * Many rollouts that watch at once on one worker: how late do their looks come, and what does it take?
 *
 *   npm run bench -- watchers [--rollouts 1000] [--seconds 60] [--output json]
 */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DECISION_WITHIN_MS, ROLLOUT_WORKFLOW } from '../core/messages.js';
import { workflowId } from '../core/plan.js';
import { until } from '../embedded/processes.js';
import { ensureTemporal } from '../embedded/temporal.js';
import { quantileOf, tell, wholeNumber } from './support/figures.js';
import { benchPlan, WATCHING } from './support/plans.js';
import { type BenchServer, benchServer } from './support/server.js';
import { type BenchWorker, ROLLOUT_QUEUE, startBenchWorker } from './support/worker-process.js';

const { values } = parseArgs({
  options: {
    rollouts: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    output: { type: 'string', default: 'text' },
  },
});
const count = wholeNumber('--rollouts', values.rollouts);
const seconds = wholeNumber('--seconds', values.seconds);
/** Started by so many at a time: the bench is about watching, and not about a thousand starts in a second. */
const AT_ONCE = 25;
const SETTLE_MS = 10_000;

async function startAll({ client }: BenchServer): Promise<void> {
  for (let first = 0; first < count; first += AT_ONCE) {
    const names = Array.from({ length: Math.min(AT_ONCE, count - first) }, (_, i) => `watched-${first + i}`);
    await Promise.all(
      names.map(async (name) => {
        const plan = benchPlan(name, WATCHING);
        await client.workflow.start(ROLLOUT_WORKFLOW, {
          taskQueue: ROLLOUT_QUEUE,
          workflowId: workflowId(plan.target, plan.endpoint),
          args: [plan],
          workflowTaskTimeout: DECISION_WITHIN_MS,
        });
      }),
    );
  }
}

/** Until each of them looks: as many looks in five seconds as there must be. */
async function allWatch(worker: BenchWorker): Promise<void> {
  const watching = await until(
    async () => {
      await worker.ask('reset');
      await sleep(5_000);
      const { looks } = await worker.ask('stats');
      return looks.length >= count * 3.5 || undefined;
    },
    300_000,
    0,
  );
  if (watching === undefined) throw new Error(`${count} rollouts do not all look within five minutes`);
}

/** User and system time of a process so far, in microseconds; where the system shows it. */
async function cpuMicrosOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  return (user + system) * 10_000;
}

async function rssOf(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
}

const server = await benchServer(await ensureTemporal(), 'file');
const worker = await startBenchWorker(server.address, { bare: false });
try {
  await startAll(server);
  await allWatch(worker);
  await sleep(SETTLE_MS);
  const before = await worker.ask('reset');
  const serverBefore = await cpuMicrosOf(server.pid);
  await sleep(seconds * 1000);
  const after = await worker.ask('stats');
  const serverCpu = (await cpuMicrosOf(server.pid)) - serverBefore;
  const { looks } = after;
  const MIB = 1024 * 1024;
  tell(
    {
      bench: 'watchers',
      figures: [
        { name: 'rollouts that watch', value: count, unit: '' },
        { name: 'looks per second', value: looks.length / seconds, unit: '/s' },
        { name: 'look delay, median', value: quantileOf(looks, 0.5), unit: 'ms' },
        { name: 'look delay, p99', value: quantileOf(looks, 0.99), unit: 'ms', want: { atMost: 250 } },
        { name: 'look delay, worst', value: quantileOf(looks, 1), unit: 'ms' },
        { name: 'worker memory', value: after.rssBytes / MIB, unit: 'MiB', want: { atMost: 600 } },
        { name: 'worker, cores', value: (after.cpuMicros - before.cpuMicros) / 1e6 / seconds, unit: '' },
        { name: 'Temporal memory', value: (await rssOf(server.pid)) / MIB, unit: 'MiB' },
        { name: 'Temporal, cores', value: serverCpu / 1e6 / seconds, unit: '' },
      ],
      notes: [
        `looks of one second over ${seconds} s, worker and Temporal (database in a file) on this machine; endpoints in memory`,
        'delay: time between two looks of one rollout, above one second',
      ],
    },
    values.output === 'json',
  );
} finally {
  await worker.stop();
  await server.stop();
}
