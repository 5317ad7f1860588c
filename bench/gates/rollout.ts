import { advance, initialState } from '../../core/gates/index.js';
import { configOf, RELATIVE } from './ours.js';
import { LATE_STEPS } from './scenarios.js';
import { markdown, percentOf, quantile } from './tables.js';
import { LOOK_SEC, STEP_SEC, trace } from './trace.js';

const SHARES = [0.1, 0.25, 0.5];
const LOOKS = STEP_SEC / LOOK_SEC;
const PER_STEP = LOOKS / SHARES.length;

/** Seconds into the rollout at which it was rolled back; null = it never was. No early pass: the longest exposure. */
function rolledBackAt(scenario: (typeof LATE_STEPS)[number], rps: number, seed: number): number | null {
  const config = configOf(RELATIVE);
  const looks = trace(scenario, rps, seed, (look) => SHARES[Math.floor(look / PER_STEP)] ?? 0);
  let state = initialState(config);
  for (const [i, look] of looks.entries()) {
    const newStep = i % PER_STEP === 0;
    const step = advance(config, state, { ...look, newStep }, { bounds: false });
    state = step.state;
    if (step.result.decision === 'breach') return (i + 1) * LOOK_SEC;
  }
  return null;
}

/** Whole rollouts of three steps of ten minutes at 10, 25 and 50%: what is wrong, and how soon it is found. */
export function wholeRollouts(runs: number, seed: number, levels: readonly number[]): string {
  const rows = LATE_STEPS.flatMap((scenario, s) =>
    levels.map((rps) => {
      const ends = Array.from({ length: runs }, (_, run) =>
        rolledBackAt(scenario, rps, seed * 1_000_003 + s * 10_007 + rps * 101 + run * 7919),
      );
      const found = ends.filter((at) => at !== null).sort((a, b) => a - b);
      const late = scenario.name.includes('last step');
      const onset = late ? (2 * STEP_SEC) / SHARES.length : 0;
      const delays = found.filter((at) => at > onset).map((at) => at - onset);
      const times = late && delays.length > 0 ? `${quantile(delays, 0.5)}/${quantile(delays, 0.95)}` : '';
      return [scenario.name, String(rps), String(runs), percentOf(found.length, runs), times];
    }),
  );
  return markdown(['rollout', 'rps', 'runs', 'rolled back %', 'seconds after it began, median/95%'], rows);
}
