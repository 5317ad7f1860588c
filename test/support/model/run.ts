import { setTimeout as sleep } from 'node:timers/promises';

import type { RolloutReport } from '../../../core/run.js';
import { greenDeployment } from '../../../bench/support/plans.js';
import { ofFour } from '../memory-target.js';
import { planOf } from '../plans.js';
import type { Bench, Rollout } from '../rollout-bench.js';
import { judge } from './judge.js';
import { People } from './people.js';
import type { Scenario } from './scenario.js';
import { ALL, MINIMUM } from './watcher.js';
import { wordsIn } from './words.js';

/** Longer than any scenario takes, with all its faults, on a busy machine. */
const ENDS_WITHIN_MS = 240_000;

/** How a run went. */
export interface Ran {
  /** Empty when all invariants held. */
  readonly problems: readonly string[];
  /** `act in phase, outcome`, of all that was done. */
  readonly did: readonly string[];
}

export async function runScenario(bench: Bench, name: string, scenario: Scenario): Promise<Ran> {
  const target = ofFour();
  if (scenario.quiet) target.requestsPerSecond = 0;
  if (scenario.smokeFails) target.smokeStatus = 500;
  if (scenario.autoscaled) {
    target.autoscale = { minimum: MINIMUM, maximum: 8, instances: ALL };
    target.autoscaled.add('blue');
  }
  target.createDelayMs = scenario.createDelayMs;
  const people = new People(bench, target, scenario);
  const { afterRollback, greenInstances, steps, windowMs } = scenario;
  const deployment = { ...greenDeployment, instanceCount: greenInstances };
  const watching = { intervalMs: 50, warmUpMs: 0, alpha: 0.01, alphaPass: 0.05, windowMs };
  const rollout = await bench.start(planOf(name, steps, { watching, afterRollback, deployment }), target);

  const over = rollout.handle.result().then(
    (value) => value as RolloutReport,
    (error: unknown) => reportOf(error),
  );
  const ended = { yes: false };
  void over.finally(() => (ended.yes = true));
  const limitMs = Date.now() + ENDS_WITHIN_MS;
  while (!ended.yes) {
    if (Date.now() > limitMs) {
      const because = await whyStuck(rollout);
      await rollout.handle.terminate('it did not end');
      return { problems: [`did not end: ${because}`], did: [] };
    }
    await people.act(rollout);
    await sleep(25);
  }
  await Promise.all(people.killing);
  const report = await over;
  if (report === null) return { problems: ['ended without a report'], did: [] };
  const words = wordsIn(await rollout.handle.fetchHistory());
  people.took(words.before);
  const replayed = await bench.replayed(rollout);
  return {
    problems: [
      ...(replayed === null ? [] : [`its history does not replay: ${replayed}`]),
      ...people.problems,
      ...words.after.filter((word) => word !== 'cancel').map((word) => `took "${word}" while it rolled back`),
      ...judge(scenario, people.happened, target, people.watcher, report),
    ],
    did: people.did.map((what) => `${what}, ${report.outcome}`),
  };
}

/** Where it stands, or, where it cannot even tell that, what its code failed with. */
async function whyStuck(rollout: Rollout): Promise<string> {
  try {
    const { phase, stepIndex, hold, verdict } = await rollout.status();
    return JSON.stringify({ phase, stepIndex, hold, verdict });
  } catch (error) {
    const { events } = await rollout.handle.fetchHistory();
    const failed = events?.findLast((event) => event.workflowTaskFailedEventAttributes);
    const failure = failed?.workflowTaskFailedEventAttributes?.failure;
    return `${String(error)}: ${failure?.message ?? 'no task failed'} ${failure?.stackTrace ?? ''}`;
  }
}

function reportOf(error: unknown): RolloutReport | null {
  const cause = error instanceof Error ? error.cause : undefined;
  const details = (cause as { details?: readonly unknown[] } | undefined)?.details;
  return (details?.[0] as RolloutReport | undefined) ?? null;
}
