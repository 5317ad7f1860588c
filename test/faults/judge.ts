import { sameTraffic, trafficText, type Traffic } from '../../core/traffic.js';
import { type CellFacts, CLOCK_MS, killed, mayBeDead } from './facts.js';
import { clientProblems } from './judge-answers.js';
import { endProblems } from './judge-end.js';
import { shareProblems } from './judge-shares.js';
import { timeProblems } from './judge-times.js';
import type { Victim } from './world.js';

/** Nobody looked for longer than this: much may have been wrong. Longest seen on a busy machine: 1.7 s. */
const UNSEEN_MS = 3_000;
/** Without whom nobody reads an endpoint. */
const ANSWERS = ['host', 'kube-apiserver', 'etcd'] satisfies readonly Victim[];

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
    ...repeatProblems(facts),
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

/** Who does not look sees nothing wrong. It is ten times a second where nothing is dead. */
function unseenProblems(facts: CellFacts): readonly string[] {
  const { readsMs, events } = facts;
  const [from, to] = [events[0]?.atMs ?? 0, events.at(-1)?.atMs ?? 0];
  const looks = [from, ...readsMs.filter((atMs) => atMs > from && atMs < to), to];
  const away = ANSWERS.some((part) => part === killed(facts));
  const gaps = looks.slice(1).flatMap((atMs, i) => {
    const gapMs = Math.round(atMs - (looks[i] ?? 0));
    return gapMs <= UNSEEN_MS || (away && mayBeDead(atMs, facts)) ? [] : [gapMs];
  });
  return gaps.length === 0 ? [] : [`nobody could read it for ${Math.max(...gaps)} ms`];
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
    'deployment-put blue': 1,
    'deployment-put green': 1,
    'deployment-delete green': outcome === 'promoted' ? 0 : 1,
    'deployment-delete blue': outcome === 'promoted' ? 1 : 0,
    'endpoint-put': writes,
  };
  const often = [...new Set(operations)].flatMap((what) => {
    const limit = limits[what] ?? 0;
    return count(what) > limit ? [`${what} happened ${count(what)} times instead of ${limit}`] : [];
  });
  const own = deployments.some(({ name }) => name === victim) ? 1 : 0;
  return restarts <= own ? often : [...often, `its model server was restarted ${restarts} times`];
}

const ONCE = ['preflight', 'createDeployment', 'smoke', 'setTraffic', 'deleteDeployment'];
const DELETED = 'ActivityTaskScheduled deleteDeployment';
const UNDONE = /^ActivityTask(Failed|TimedOut) /;

/**
 * Nothing is scheduled again that did not fail; attempts of what was cut off are those of one activity. Only before the
 * baseline goes its traffic is asked for once more, to find at the last moment that somebody else changed it.
 */
function repeatProblems({ events, outcome }: CellFacts): readonly string[] {
  return ONCE.flatMap((activity) => {
    const asked = `ActivityTaskScheduled ${activity}`;
    const own = events.filter(({ what }) => what.endsWith(` ${activity}`));
    const again = own.some(({ id, what, to }, i) => {
      const before = own.slice(0, i).findLast((event) => event.what === asked);
      if (what !== asked || before === undefined || UNDONE.test(own[i - 1]?.what ?? '')) return false;
      const next = events.find((event) => event.id > id && event.what.startsWith('ActivityTaskScheduled '));
      if (outcome === 'promoted' && next?.what === DELETED && activity === 'setTraffic') return false;
      return to === undefined || before.to === undefined || sameTraffic(to, before.to);
    });
    return again ? [`${activity} was scheduled again that had not failed`] : [];
  });
}
