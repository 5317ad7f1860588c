import { sameTraffic, trafficText, type Traffic } from '../../core/traffic.js';
import { type CellFacts, CLOCK_MS, killed } from './facts.js';
import { clientProblems } from './judge-answers.js';
import { endProblems } from './judge-end.js';
import { shareProblems } from './judge-shares.js';
import { timeProblems } from './judge-times.js';

/** Reads farther apart than this on average are too few. */
const SELDOM_MS = 2_000;

/** What is not as it must be, in words; empty when all is. */
export function problemsOf(facts: CellFacts): readonly string[] {
  return [
    ...missedProblems(facts),
    ...unseenProblems(facts),
    ...endProblems(facts),
    ...wayProblems(facts),
    ...facts.wrongSums.map((sum) => `shares summed to ${sum}`),
    ...shareProblems(facts),
    ...effectProblems(facts),
    ...clientProblems(facts),
    ...timeProblems(facts),
  ];
}

/** All but green are there from the first moment on; green since it was created; each of both until it is deleted. */
function missedProblems({ victim, killedAtMs, missedAtMs, events, spec }: CellFacts): readonly string[] {
  if (victim === null || killedAtMs !== null) return [];
  if (missedAtMs === null) return ['its moment to be killed did not come'];
  const timeOf = (event: string): number => events.find(({ what }) => what === event)?.atMs ?? Infinity;
  const goes = spec.outcome === 'promoted' ? 'blue' : 'green';
  const comes = victim === 'green' ? timeOf('ActivityTaskCompleted createDeployment') : -Infinity;
  const gone = victim === goes ? timeOf('ActivityTaskScheduled deleteDeployment') : Infinity;
  return missedAtMs < comes || missedAtMs >= gone - CLOCK_MS ? [] : [`${victim} was not there to be killed`];
}

/** Who reads seldom sees nothing wrong. It is ten times a second where nothing is dead. */
function unseenProblems({ reads, events }: CellFacts): readonly string[] {
  const tookMs = (events.at(-1)?.atMs ?? 0) - (events[0]?.atMs ?? 0);
  return reads * SELDOM_MS >= tookMs ? [] : [`it was read only ${reads} times in ${tookMs} ms`];
}

/**
 * Every state at most once and in order; then, at the most once, back to what was before. A short one may not have been
 * seen while the target was dead: that none was left out stands in the report.
 */
function wayProblems({ spec, outcome, way }: CellFacts): readonly string[] {
  const wanted = [...spec.way];
  let at = -1;
  let back = false;
  for (const [i, traffic] of way.entries()) {
    const next = back ? -1 : wanted.findIndex((one, j) => j > at && sameTraffic(one, traffic));
    if (next >= 0) at = next;
    else if (!back && i > 0 && outcome !== 'promoted' && sameTraffic(traffic, wanted[0] as Traffic))
      back = true;
    else return [`its traffic went ${way.map(trafficText).join(' → ')}`];
  }
  return [];
}

/** Nothing was created, deleted or written more often than the way it went needs. */
function effectProblems(facts: CellFacts): readonly string[] {
  const { operations, writes, outcome, restarts, deployments } = facts;
  const victim = killed(facts);
  const count = (what: string): number => operations.filter((one) => one === what).length;
  const limits: Readonly<Record<string, number>> = {
    'deployment-put green': 1,
    'deployment-delete green': outcome === 'promoted' ? 0 : 1,
    'deployment-delete blue': outcome === 'promoted' ? 1 : 0,
    'endpoint-put': writes,
  };
  const often = Object.entries(limits)
    .filter(([what, limit]) => count(what) > limit)
    .map(([what, limit]) => `${what} happened ${count(what)} times instead of ${limit}`);
  const own = victim !== null && deployments.includes(victim) ? 1 : 0;
  return restarts <= own ? often : [...often, `its model server was restarted ${restarts} times`];
}
