import { setTimeout as sleep } from 'node:timers/promises';
import { workflowId } from '../../core/plan.js';
import { readRollout } from '../../demo/history.js';
import { type Answer, Load } from '../../demo/load.js';
import { isError } from '../../demo/tally.js';
import type { Fault } from './faults.js';
import type { World } from './world.js';

/** How the rollout looks at its metrics. */
export interface Looks {
  readonly name: string;
  /** Of the spec; empty = the defaults. */
  readonly watching: string;
}

export const DEFAULT_LOOKS: Looks = { name: 'default looks', watching: '' };
export const FAST_LOOKS: Looks = {
  name: 'looks of 1 s, blip 3 s',
  watching: 'watching: { interval: 1s, warm-up: 5s, blip: 3s }\n',
};

/** What a trial measured. All times milliseconds since the epoch. */
export interface Trial {
  readonly fault: Fault;
  /** Green's live share when it fell ill, percent. */
  readonly share: number;
  /** First answer that shows the fault. */
  readonly firstBadMs: number;
  readonly verdictMs: number;
  /** All live traffic read back at blue. */
  readonly backMs: number;
  readonly sentence: string;
  /** When green's share became what it is, and what clients saw from then until the verdict. */
  readonly watchedFromMs: number;
  readonly illFromMs: number;
  readonly answers: readonly Answer[];
}

/** Green answers well for so long at its share before it falls ill: past the warm-up, and a baseline for everyone. */
const WELL_MS = 60_000;
/** So many requests of a trial at most, whatever happens. */
const LONGEST_SEC = 40 * 60;

/**
 * One rollout of a good green that falls ill at its share, under load.
 *
 * @param perSecond - requests of all clients.
 */
export async function trial(
  world: World,
  endpoint: { readonly name: string; readonly scoringUri: string; readonly key: string },
  { fault, share, looks, perSecond }: { fault: Fault; share: number; looks: Looks; perSecond: number },
): Promise<Trial> {
  const { name } = endpoint;
  await world.makeIll(name, null);
  const spec = await world.spec(name, looks.watching + stepsTo(share));
  const answers: Answer[] = [];
  const load = new Load({
    ...endpoint,
    rows: [[1]],
    perSecond,
    atMost: perSecond * LONGEST_SEC,
    onAnswer: (answer) => answers.push(answer),
  });
  try {
    const ended = world.command(['submit', spec, '--wait', '--by', 'bench'], 4);
    // A rollout that ends before green is ill has failed, and nobody waits for it.
    const tooSoon = ended.then(() => Promise.reject(new Error(`${name} ended before green fell ill`)));
    const watchedFromMs = await Promise.race([shareReached(answers, share), tooSoon]);
    await Promise.race([sleep(WELL_MS), tooSoon]);
    const illFromMs = Date.now();
    await world.makeIll(name, fault);
    await ended;
    const handle = world.client.workflow.getHandle(workflowId({ kind: 'host', workspace: 'local' }, name));
    const { raw, runId } = await handle.describe();
    const first = raw.workflowExecutionInfo?.firstRunId || runId;
    const record = await readRollout(world.client, handle.workflowId, first, 'blue');
    const { breach, backAtMs } = record;
    if (breach === null || backAtMs === null || breach.atMs < illFromMs) {
      throw new Error(
        `${name} rolled back for another reason than ${fault.name}: ${breach?.sentence ?? 'no breach'}`,
      );
    }
    const shows = (answer: Answer): boolean => fault.does.errors === undefined || isError(answer);
    const bad = answers.find(
      (a) => a.deployment === 'green' && a.atMs - a.latencyMs >= illFromMs && shows(a),
    );
    return {
      fault,
      share,
      firstBadMs: bad?.atMs ?? illFromMs,
      verdictMs: breach.atMs,
      backMs: backAtMs,
      sentence: breach.sentence,
      watchedFromMs,
      illFromMs,
      answers: answers.filter(({ atMs }) => atMs >= watchedFromMs && atMs < breach.atMs),
    };
  } finally {
    await load.stop();
    await world.makeIll(name, null);
  }
}

/** Gates are the defaults. At 100 % green has been compared with blue before, and is watched alone now. */
function stepsTo(share: number): string {
  const ramp = (percent: number, dwell: string, after: string) =>
    `  - ramp: ${percent}%\n    for: ${dwell}\n    undecided: ${after}\n`;
  return share === 100
    ? `steps:\n  - create\n${ramp(50, '1m .. 3m', 'proceed')}  - cutover\n  - bake: 30m\n`
    : `steps:\n  - create\n${ramp(share, '30m .. 31m', 'hold')}`;
}

/** @returns when a hundred answers in a row had come with about that share of green's, milliseconds since the epoch. */
async function shareReached(answers: readonly Answer[], share: number): Promise<number> {
  for (;;) {
    const last = answers.slice(-100);
    const green = last.filter(({ deployment }) => deployment === 'green').length;
    if (last.length === 100 && (share === 100 ? green === 100 : green > 0)) return Date.now();
    await sleep(100);
  }
}
