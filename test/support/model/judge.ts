import type { RolloutReport } from '../../../core/run.js';
import { stepLabel } from '../../../core/status-text.js';
import { sameTraffic, sumShares, trafficText, type Traffic } from '../../../core/traffic.js';
import type { MemoryTarget } from '../memory-target.js';
import { BEFORE, outcomesOf, wayOf, type Happened } from './reference.js';
import type { Scenario } from './scenario.js';
import { ALL, MINIMUM, type Watcher } from './watcher.js';

const MINIMUM_TOLD = /^set the fewest instances of blue |^the autoscaler of blue still keeps /;
const DELETE_GREEN = 'delete the deployment green ';

/** @returns what does not hold of a run that is over. */
export function judge(
  scenario: Scenario,
  happened: Happened,
  target: MemoryTarget,
  watcher: Watcher,
  report: RolloutReport,
): readonly string[] {
  const right = outcomesOf(scenario, happened);
  return [
    ...(right.includes(report.outcome)
      ? []
      : [`ended ${report.outcome} instead of ${right.join(' or ')}: ${report.reason}`]),
    ...wrongShares(target),
    ...wrongWrites(scenario, happened, target, report),
    ...wrongEnd(scenario, happened, target, watcher, report),
    ...wrongReport(scenario, report),
    ...watcher.problems,
    ...watcher
      .deafIn(scenario.steps, report)
      .map((label) => `${label} went well, though green failed for long`),
    ...(report.outcome === 'promoted' ? watcher.unseen.map((what) => `took no notice of ${what}`) : []),
    ...watcher.overwrites
      .filter((traffic) => report.outcome === 'promoted' || !sameTraffic(traffic, BEFORE))
      .map((traffic) => `asked for ${trafficText(traffic)} over what somebody else had written`),
  ];
}

function* wrongShares({ everLive }: MemoryTarget): Generator<string> {
  for (const traffic of everLive) {
    if (sumShares(traffic.live) !== 100) yield `shares once summed to ${sumShares(traffic.live)}`;
  }
}

/** Nothing is written twice, nor out of order. */
function* wrongWrites(
  { steps, shownAfterMs }: Scenario,
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
    // An attempt whose answer got lost is not shown what it wrote, and a rollback cannot know what is still on its way: to
    // write the same again changes nothing.
    const unsure = shownAfterMs > 0 || (outcome !== 'promoted' && sameTraffic(each, BEFORE));
    if (unsure && sameTraffic(each, traffic[index - 1] ?? BEFORE)) continue;
    if (due !== undefined && sameTraffic(each, due)) come += 1;
    else if (restored > 0 && sameTraffic(each, last)) restored -= 1;
    else if (restored > 0 && come > 0 && sameTraffic(each, way[come - 2] ?? BEFORE)) {
      // Its worker died with the answer to its last write, and somebody changed that before the next could see it: as far
      // as the rollout knows it was never written, so it restores what was there, and then goes on.
      restored -= 1;
      come -= 1;
    } else if (outcome === 'promoted' || !traffic.slice(index).every((later) => sameTraffic(later, BEFORE))) {
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
  { steps, afterRollback, greenInstances }: Scenario,
  happened: Happened,
  target: MemoryTarget,
  watcher: Watcher,
  { outcome, left, notes }: RolloutReport,
): Generator<string> {
  const made = target.writes.includes('create green');
  const goes = afterRollback === 'delete-green' && made;
  const told = [...left, ...notes].some((line) => line.includes('--delete green'));
  if (outcome !== 'promoted' && goes && happened.replaced && !told) {
    yield 'does not say that a green of somebody else stands there';
  }
  // Nobody can tell what becomes of what it has.
  if (target.endpointGone) {
    if (outcome === 'rollback-incomplete' && left.length === 0) yield 'does not say what is left to do';
    return;
  }
  yield* wrongMinimum(happened, target, [...left, ...notes]);
  if (outcome === 'rollback-incomplete') {
    if (left.length === 0) yield 'is incomplete, and does not say what is left to do';
    const ours = left.filter((line) => !happened.replaced || !line.startsWith(DELETE_GREEN));
    yield* wrongLeft(goes && !happened.replaced, target, watcher, ours);
    return;
  }
  if (left.length > 0) yield `left to do, though ${outcome}: ${left.join('; ')}`;
  const promoted = outcome === 'promoted';
  const wanted = promoted ? (wayOf(steps).at(-1) ?? BEFORE) : BEFORE;
  const mayDiffer = watcher.theirsStands || (promoted && happened.adopted > 0);
  if (!mayDiffer && !sameTraffic(target.traffic, wanted)) {
    yield `left the traffic at ${trafficText(target.traffic)} instead of ${trafficText(wanted)}`;
  }
  const deletes = steps.some(({ kind }) => kind === 'delete-baseline');
  const kept = afterRollback === 'keep-green' && made;
  const expected = promoted ? (deletes ? ['green'] : ['blue', 'green']) : kept ? ['blue', 'green'] : ['blue'];
  const names = [...target.deployments.keys()].sort();
  const theirs = [...(happened.replaced ? ['green'] : []), ...(happened.third ? ['red'] : [])];
  const still = [...new Set([...expected.filter((name) => !happened.gone.has(name)), ...theirs])];
  if (names.join() !== still.join()) yield `left ${names.join(', ')} instead of ${still.join(', ')}`;
  const green = target.deployments.get('green')?.instances.wanted;
  const given = promoted && happened.restored > 0 && happened.adopted === 0 && watcher.allSettled;
  if (given && green !== undefined && green !== greenInstances) {
    yield `left green with ${green} of ${greenInstances} instances, though it was restored`;
  }
  const instances = target.deployments.get('blue')?.instances.wanted;
  const unsaid = happened.adopted === 0 && watcher.allSettled;
  if (instances !== undefined && happened.restored > 0 && unsaid && instances !== ALL) {
    yield `left blue with ${instances} of ${ALL} instances, though it was restored`;
  }
  if (instances !== undefined && !promoted && watcher.lacked && happened.adopted === 0 && instances !== ALL) {
    yield `went back to blue with ${instances} of ${ALL} instances`;
  }
}

/** The autoscaler counts as it did at first, or as somebody else said meanwhile. */
function* wrongMinimum(
  { minimum: theirs }: Happened,
  { autoscale }: MemoryTarget,
  said: readonly string[],
): Generator<string> {
  if (autoscale === null) return;
  const wanted = theirs ?? MINIMUM;
  const told = said.some((line) => MINIMUM_TOLD.test(line));
  if (autoscale.minimum !== wanted && !told) {
    yield `left blue's autoscaler at ${autoscale.minimum} instances or more instead of ${wanted}, and does not say so`;
  }
}

/** What is said to be left is what differs from blue alone, neither more nor less. */
function* wrongLeft(
  greenGoes: boolean,
  target: MemoryTarget,
  watcher: Watcher,
  left: readonly string[],
): Generator<string> {
  if (watcher.theirsStands) return;
  const blue = target.deployments.get('blue');
  const differs: Readonly<Record<string, boolean>> = {
    'set the traffic ': !sameTraffic(target.traffic, BEFORE),
    [DELETE_GREEN]: greenGoes && target.deployments.has('green'),
  };
  // Instances that nobody had noticed yet are not given back.
  if (blue?.instances.wanted === ALL && left.some((line) => line.startsWith('scale '))) {
    yield `says that blue is left to scale, which has all: ${left.join('; ')}`;
  }
  for (const [what, is] of Object.entries(differs)) {
    const said = left.some((line) => line.startsWith(what));
    // That green is gone may be seen by no look any more, and who is told all the same is answered so.
    if (said && what === DELETE_GREEN && greenGoes && !target.deployments.has('green')) continue;
    if (said !== is) yield `${is ? 'does not say' : 'says'} "${what}…", and left: ${left.join('; ')}`;
  }
  const known = [...Object.keys(differs), 'scale the deployment blue ', 'set the fewest instances of blue '];
  for (const line of left) {
    if (!known.some((what) => line.startsWith(what))) yield `says that is left: ${line}`;
  }
}

function* wrongReport({ steps }: Scenario, report: RolloutReport): Generator<string> {
  const labels = report.steps.map(({ label }) => label);
  const planned = steps.map(stepLabel).slice(0, labels.length);
  if (labels.join() !== planned.join())
    yield `recorded the steps ${labels.join()} instead of ${planned.join()}`;
  const promoted = report.outcome === 'promoted';
  if (promoted && labels.length < steps.length) yield `recorded ${labels.length} of ${steps.length} steps`;
  const stoppedEarly = report.steps.slice(0, -1).some(({ stopped }) => stopped);
  if (stoppedEarly || (promoted && report.steps.at(-1)?.stopped === true))
    yield 'a step that was stopped went on';
}
