import { stepLabel } from '../../core/status-text.js';
import { sameTraffic, trafficText, type Traffic } from '../../core/traffic.js';
import { type CellFacts, killed, type Left } from './facts.js';
import { isWatched } from './specs.js';

/** Why a rollout may end so, in its own words: the abort of the cell's person, and breaches of the gate of errors. */
const REASONS: Readonly<Record<string, RegExp>> = {
  promoted: / is served by green$/,
  aborted: /^aborted by ada: changed her mind$/,
  'rolled-back': /\(gate (errors|crash-guard)\)$/,
  rejected: /^Preflight: Baseline blue is /,
};
/** A green that was killed is also one that was not ready, failed a smoke test or kept crashing. */
const GREEN_WAS_KILLED = /^(?!undecided).*\bgreen\b.*(ready|failed|restarted|answered)/;

/** What is not as it must be at the end: the outcome, what it says of itself, and what it left. */
export function endProblems(facts: CellFacts): readonly string[] {
  const { spec, outcome, traffic, deployments } = facts;
  const names = deployments.map(({ name }) => name);
  const left = outcome === 'promoted' ? 'green' : 'blue';
  const end = { live: { [left]: 100 }, mirror: {} };
  return [
    ...(mayEndAs(facts).includes(outcome) ? [] : [`it ended as ${outcome} instead of ${spec.outcome}`]),
    ...reportProblems(facts),
    ...(sameTraffic(traffic, end)
      ? []
      : [`the endpoint shows ${trafficText(traffic)} instead of ${trafficText(end)}`]),
    ...(names.join() === left ? [] : [`it has ${names.join(', ')} instead of ${left} alone`]),
    ...deployments
      .filter((each) => !isWhole(each))
      .map(
        ({ name, state, instances: { wanted, ready } }) =>
          `${name} is ${state}, ${ready} of ${wanted} instances answer; it had one`,
      ),
  ];
}

/** As it was made; also what was killed is so again. */
export function isWhole({ state, instances: { wanted, ready } }: Left): boolean {
  return state === 'ready' && wanted === 1 && ready === 1;
}

/**
 * The undisturbed outcome, or a rollback where what was killed is what the rollout judges: a green whose server dies is
 * a green that fails, and a blue that is dead at preflight is no baseline.
 */
function mayEndAs(facts: CellFacts): readonly string[] {
  const { spec } = facts;
  const victim = killed(facts);
  if (victim === 'green') return [spec.outcome, 'rolled-back'];
  if (victim === 'blue') return [spec.outcome, 'rejected'];
  return [spec.outcome];
}

function reportProblems(facts: CellFacts): readonly string[] {
  const { report, outcome } = facts;
  if (report === null) return [];
  const { reason, left, notes } = report;
  const greenMayFail = killed(facts) === 'green' && outcome === 'rolled-back';
  const fits = (REASONS[outcome]?.test(reason) ?? false) || (greenMayFail && GREEN_WAS_KILLED.test(reason));
  return [
    ...(fits ? [] : [`its reason does not fit ${outcome}: ${reason}`]),
    ...(left.length === 0 ? [] : [`it left something to do: ${left.join('; ')}`]),
    // Whatever is killed: nobody else changed anything, and nothing was left.
    ...notes.map((note) => `it noted, where nothing is to be noted: ${note}`),
    ...stepProblems(facts, greenMayFail),
    ...(greenMayFail || outcome === 'rejected' ? [] : writeProblems(facts)),
  ];
}

/** By its activities, which are seen whatever the sampler saw: each traffic of the way was asked for, and in order. */
function writeProblems({ spec, outcome, events }: CellFacts): readonly string[] {
  const [before] = spec.way;
  const asked = [before, ...events.map(({ to }) => to)].filter((to) => to !== undefined);
  const changes = asked.filter((to, i) => i === 0 || !sameTraffic(to, asked[i - 1] as Traffic));
  const wanted = outcome === 'promoted' || before === undefined ? spec.way : [...spec.way, before];
  const words = changes.map(trafficText).join(' → ');
  return words === wanted.map(trafficText).join(' → ') ? [] : [`it asked for ${words}`];
}

/** Every step of the plan passed, in order, up to the one that stopped it: where something was to happen to it. */
function stepProblems({ spec, report, outcome }: CellFacts, anywhere: boolean): readonly string[] {
  const plan = spec.steps.map(stepLabel);
  const steps = (report?.steps ?? []).map(({ label, stopped }) => (stopped ? `${label} (stopped)` : label));
  const stoppedAt = (index: number): readonly string[] => [
    ...plan.slice(0, index),
    `${plan[index] ?? ''} (stopped)`,
  ];
  const wanted = anywhere
    ? stoppedAt(steps.length - 1)
    : outcome === 'promoted'
      ? plan
      : outcome === 'rejected'
        ? []
        : stoppedAt(spec.steps.findLastIndex(isWatched));
  if (steps.join() === wanted.join()) return [];
  return [`its steps were ${steps.join(', ') || 'none'} instead of ${wanted.join(', ') || 'none'}`];
}
