import { wayOf } from './reference.js';
import { ACTS, type FaultSpell, type Scenario } from './scenario.js';

const CHANGES = ['writeTraffic', 'createDeployment', 'deleteDeployment'] as const;
const STOPS: ReadonlySet<string> = new Set(['abort', 'reject', 'cancel']);

/** @returns what no scenario has, of all that people do, and of each change that fails or loses its answer. */
export function missingIn(scenarios: readonly Scenario[]): readonly string[] {
  const wanted = [...ACTS, ...CHANGES.flatMap((call) => [`${call} fails`, `${call} loses its answer`])];
  const found = new Set(scenarios.flatMap((scenario) => [...actsIn(scenario), ...faultsIn(scenario)]));
  return wanted.filter((what) => !found.has(what));
}

function actsIn({ acts, steps }: Scenario): readonly string[] {
  return acts.filter(({ atStep }) => atStep < steps.length).map(({ what }) => what);
}

function faultsIn(scenario: Scenario): readonly string[] {
  return scenario.faults
    .filter((spell) => spell.after < callsIn(scenario, spell))
    .map(({ call, how }) => `${call} ${how === 'lose-answer' ? 'loses its answer' : 'fails'}`);
}

/** How often it is called at the least where nothing else goes wrong. */
function callsIn({ steps, acts, breaksAt, afterRollback }: Scenario, { call }: FaultSpell): number {
  const stops = acts.some(
    ({ what, then }) => STOPS.has(what) || (what === 'switch-blue-off' && then === 'abort'),
  );
  const goesBack = breaksAt !== null || stops;
  switch (call) {
    case 'writeTraffic':
      return wayOf(steps).length;
    case 'deleteDeployment':
      return (goesBack ? afterRollback === 'delete-green' : steps.at(-1)?.kind === 'delete-baseline') ? 1 : 0;
    default:
      return 1;
  }
}
