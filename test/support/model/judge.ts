import type { RolloutReport } from '../../../core/run.js';
import { stepLabel } from '../../../core/status-text.js';
import { sameTraffic, sumShares, trafficText, type Traffic } from '../../../core/traffic.js';
import type { MemoryTarget } from '../memory-target.js';
import { outcomesOf, wayOf } from './reference.js';
import type { Happened } from './run.js';
import type { Scenario } from './scenario.js';

const BEFORE: Traffic = { live: { blue: 100 }, mirror: {} };

/** @returns what does not hold of a run that is over. */
export function judge(
  scenario: Scenario,
  happened: Happened,
  target: MemoryTarget,
  report: RolloutReport,
): readonly string[] {
  const right = outcomesOf(scenario, happened);
  return [
    ...(right.includes(report.outcome)
      ? []
      : [`ended ${report.outcome} instead of ${right.join(' or ')}: ${report.reason}`]),
    ...wrongShares(target),
    ...wrongWrites(scenario, happened, target, report),
    ...wrongEnd(scenario, happened, target, report),
    ...wrongReport(scenario, happened, report),
  ];
}

function* wrongShares({ everLive }: MemoryTarget): Generator<string> {
  for (const traffic of everLive) {
    if (sumShares(traffic.live) !== 100) yield `shares once summed to ${sumShares(traffic.live)}`;
  }
}

/** Nothing is written twice, nor out of order. */
function* wrongWrites(
  { steps }: Scenario,
  happened: Happened,
  { writes }: MemoryTarget,
  { outcome }: RolloutReport,
): Generator<string> {
  const way = wayOf(steps);
  let come = 0;
  let restored = happened.restored;
  const traffic = writes.flatMap((line) =>
    line.startsWith('traffic ') ? [JSON.parse(line.slice('traffic '.length)) as Traffic] : [],
  );
  for (const [index, each] of traffic.entries()) {
    const due = way[come];
    const last = way[come - 1] ?? BEFORE;
    if (due !== undefined && sameTraffic(each, due)) come += 1;
    else if (restored > 0 && sameTraffic(each, last)) restored -= 1;
    else if (restored > 0 && come > 0 && sameTraffic(each, way[come - 2] ?? BEFORE)) {
      // Its worker died with the answer to its last write, and somebody changed that before the next could see it: as far
      // as the rollout knows it was never written, so it restores what was there, and then goes on.
      restored -= 1;
      come -= 1;
    } else if (!(index === traffic.length - 1 && outcome !== 'promoted' && sameTraffic(each, BEFORE))) {
      yield `wrote ${trafficText(each)} where ${due === undefined ? 'nothing' : trafficText(due)} was due`;
    }
  }
  if (outcome === 'promoted' && come < way.length) yield `never wrote ${trafficText(way[come] ?? BEFORE)}`;
  for (const what of ['create green', 'delete green', 'delete blue']) {
    const times = writes.filter((line) => line === what).length;
    if (times > 1) yield `did "${what}" ${times} times`;
  }
  if (outcome !== 'promoted' && writes.includes('delete blue')) yield 'deleted blue, and was not promoted';
}

function* wrongEnd(
  { steps, afterRollback }: Scenario,
  happened: Happened,
  target: MemoryTarget,
  { outcome, left }: RolloutReport,
): Generator<string> {
  if (outcome === 'rollback-incomplete') {
    if (left.length === 0) yield 'is incomplete, and does not say what is left to do';
    return;
  }
  if (left.length > 0) yield `left to do, though ${outcome}: ${left.join('; ')}`;
  const promoted = outcome === 'promoted';
  const wanted = promoted ? (wayOf(steps).at(-1) ?? BEFORE) : BEFORE;
  const mayDiffer = promoted && happened.adopted > 0;
  if (!mayDiffer && !sameTraffic(target.traffic, wanted)) {
    yield `left the traffic at ${trafficText(target.traffic)} instead of ${trafficText(wanted)}`;
  }
  const names = [...target.deployments.keys()].sort().join(', ');
  const deletes = steps.some(({ kind }) => kind === 'delete-baseline');
  const kept = afterRollback === 'keep-green' && target.writes.includes('create green');
  const expected = promoted ? (deletes ? 'green' : 'blue, green') : kept ? 'blue, green' : 'blue';
  if (names !== expected) yield `left ${names} instead of ${expected}`;
  const instances = target.deployments.get('blue')?.instances.wanted;
  if (instances !== undefined && happened.restored > 0 && happened.adopted === 0 && instances !== 4) {
    yield `left blue with ${instances} of 4 instances, though it was restored`;
  }
}

function* wrongReport({ steps }: Scenario, happened: Happened, report: RolloutReport): Generator<string> {
  const labels = report.steps.map(({ label }) => label);
  const planned = steps.map(stepLabel).slice(0, labels.length);
  if (labels.join() !== planned.join())
    yield `recorded the steps ${labels.join()} instead of ${planned.join()}`;
  const promoted = report.outcome === 'promoted';
  if (promoted && labels.length < steps.length) yield `recorded ${labels.length} of ${steps.length} steps`;
  const stoppedEarly = report.steps.slice(0, -1).some(({ stopped }) => stopped);
  if (stoppedEarly || (promoted && report.steps.at(-1)?.stopped === true))
    yield 'a step that was stopped went on';
  const settled = report.actions.some(({ kind }) => kind === 'drift-adopt' || kind === 'drift-restore');
  if (promoted && happened.shifted && !settled) yield 'overwrote shares that somebody else had changed';
}
