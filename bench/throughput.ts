/**
 * Rollouts per second through the engine, against a bare workflow with as many activities on the same worker and server.
 *
 *   npm run bench -- throughput [--rollouts N] [--rounds N] [--output json]
 */
import { parseArgs } from 'node:util';
import { startAttributes } from '../client/start-rollout.js';
import { ensureTemporal } from '../embedded/temporal.js';
import { DECISION_WITHIN_MS, ROLLOUT_WORKFLOW } from '../core/messages.js';
import { workflowId } from '../core/plan.js';
import { type Figure, median, tell, wholeNumber } from './support/figures.js';
import { benchPlan, STANDARD_WITHOUT_DWELL } from './support/plans.js';
import { type BenchServer, benchServer } from './support/server.js';
import { BARE_QUEUE, ROLLOUT_QUEUE, startBenchWorker } from './support/worker-process.js';

const { values } = parseArgs({
  options: {
    rollouts: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '3' },
    output: { type: 'string', default: 'text' },
  },
});
const count = wholeNumber('--rollouts', values.rollouts);
const rounds = wholeNumber('--rounds', values.rounds);
/** A step without dwell needs two looks, and waiting between them is no work of the engine's. */
const LOOKS_MS = 20;

interface Round {
  readonly rollouts: number;
  readonly bare: number;
}

interface Measured {
  readonly rounds: readonly Round[];
  readonly history: History;
}

interface History {
  readonly events: number;
  readonly bytes: number;
  readonly activities: number;
  readonly largestPayload: number;
}

async function measure(executable: string, database: 'file' | 'memory'): Promise<Measured> {
  const server = await benchServer(executable, database);
  try {
    const worker = await startBenchWorker(server.address, { bare: true });
    try {
      // The first ones warm both workflows up, and tell how many activities a rollout has.
      await rollouts(server, 'warm', 5);
      const history = await historyOf(server, 'warm-0');
      await bares(server, 'warm', 5, history.activities);
      const done: Round[] = [];
      for (let round = 0; round < rounds; round++) {
        const bare = await bares(server, `bare-${round}`, count, history.activities);
        done.push({ bare, rollouts: await rollouts(server, `round-${round}`, count) });
      }
      return { rounds: done, history };
    } finally {
      await worker.stop();
    }
  } finally {
    await server.stop();
  }
}

/** @returns rollouts per second; all are started at once. */
async function rollouts({ client }: BenchServer, name: string, many: number): Promise<number> {
  return perSecond(many, async (index) => {
    const plan = benchPlan(`${name}-${index}`, STANDARD_WITHOUT_DWELL, LOOKS_MS);
    const handle = await client.workflow.start(ROLLOUT_WORKFLOW, {
      taskQueue: ROLLOUT_QUEUE,
      workflowId: workflowId(plan.target, plan.endpoint),
      args: [plan],
      typedSearchAttributes: startAttributes(plan),
      workflowTaskTimeout: DECISION_WITHIN_MS,
    });
    await handle.result();
  });
}

async function bares(
  { client }: BenchServer,
  name: string,
  many: number,
  activities: number,
): Promise<number> {
  return perSecond(many, async (index) => {
    const options = { taskQueue: BARE_QUEUE, workflowId: `${name}-${index}`, args: [activities] };
    const handle = await client.workflow.start('bare', options);
    await handle.result();
  });
}

async function perSecond(many: number, run: (index: number) => Promise<void>): Promise<number> {
  const from = performance.now();
  await Promise.all(Array.from({ length: many }, (_, index) => run(index)));
  return (many * 1000) / (performance.now() - from);
}

async function historyOf({ client }: BenchServer, endpoint: string): Promise<History> {
  const { target } = benchPlan(endpoint, []);
  const handle = client.workflow.getHandle(workflowId(target, endpoint));
  const { historyLength, historySize } = await handle.describe();
  const events = (await handle.fetchHistory()).events ?? [];
  const sizes = events.flatMap((event) =>
    [
      event.activityTaskScheduledEventAttributes?.input,
      event.activityTaskCompletedEventAttributes?.result,
      event.workflowExecutionStartedEventAttributes?.input,
      event.workflowExecutionCompletedEventAttributes?.result,
    ].flatMap((payloads) => payloads?.payloads?.map(({ data }) => data?.length ?? 0) ?? []),
  );
  return {
    events: historyLength,
    bytes: historySize ?? 0,
    activities: events.filter((event) => event.activityTaskScheduledEventAttributes != null).length,
    largestPayload: Math.max(...sizes),
  };
}

function figuresOf(database: string, { rounds: done, history }: Measured): readonly Figure[] {
  return [
    {
      name: `rollouts per second, database in ${database}`,
      value: median(done.map((r) => r.rollouts)),
      unit: '/s',
    },
    {
      name: `bare workflows per second, database in ${database}`,
      value: median(done.map((r) => r.bare)),
      unit: '/s',
    },
    {
      name: `ratio, database in ${database}`,
      value: median(done.map((r) => r.rollouts / r.bare)),
      unit: '',
      want: { atLeast: 0.8 },
    },
    ...(database === 'file'
      ? [
          { name: 'activities per rollout', value: history.activities, unit: '' },
          { name: 'history events per rollout', value: history.events, unit: '', want: { atMost: 150 } },
          { name: 'history per rollout', value: history.bytes / 1024, unit: 'KiB' },
          { name: 'largest payload', value: history.largestPayload / 1024, unit: 'KiB' },
        ]
      : []),
  ];
}

const executable = await ensureTemporal();
const figures: Figure[] = [];
for (const database of ['file', 'memory'] as const) {
  figures.push(...figuresOf(database, await measure(executable, database)));
}
tell(
  {
    bench: 'throughput',
    figures,
    notes: [
      `${count} at once, ${rounds} rounds of bare and rollouts in turn; medians, the ratio round by round`,
      `standard pipeline of 9 steps without dwell, two looks ${LOOKS_MS} ms apart in each step that watches, on endpoints in memory that answer at once`,
    ],
  },
  values.output === 'json',
);
