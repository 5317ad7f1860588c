import { advance, initialState, type Look, type MachineConfig } from '../../core/gates/index.js';
import { configOf, RELATIVE, withoutBets } from './ours.js';
import { LATE_STEPS, type Scenario } from './scenarios.js';
import { markdown, percentOf, quantile } from './tables.js';
import { LOOK_SEC, STEP_SEC, trace } from './trace.js';

const SHARES = [0.1, 0.25, 0.5];
const LOOKS = STEP_SEC / LOOK_SEC;

/** Half an hour's traffic in steps of the same length. */
export function steppedTrace(
  scenario: Pick<Scenario, 'make'>,
  rps: number,
  seed: number,
  shares: readonly number[] = SHARES,
): Look[] {
  return trace(scenario, rps, seed, (look) => shares[Math.floor((look * shares.length) / LOOKS)] ?? 0);
}

/** Seconds into the rollout at which it was rolled back; null = it never was. No early pass: the longest exposure. */
export function rolledBackAt(
  config: MachineConfig,
  looks: readonly Look[],
  steps = SHARES.length,
): number | null {
  let state = initialState(config);
  for (const [i, look] of looks.entries()) {
    const newStep = i % (LOOKS / steps) === 0;
    const step = advance(config, state, { ...look, newStep }, { bounds: false });
    state = step.state;
    if (step.result.decision === 'breach') return (i + 1) * LOOK_SEC;
  }
  return null;
}

/** Seconds until each step passed, of a rollout that goes on once a step is proven; null = it was not, and it ends. */
function stepTimes(config: MachineConfig, rps: number, seed: number): (number | null)[] {
  const healthy = LATE_STEPS[0] as (typeof LATE_STEPS)[number];
  let state = initialState(config);
  const times: (number | null)[] = [];
  for (const [i, share] of [SHARES[0] ?? 0, ...SHARES].entries()) {
    let passed: number | null = null;
    for (const [at, look] of trace(healthy, rps, seed + 31 * i, () => share).entries()) {
      const step = advance(config, state, { ...look, newStep: at === 0 }, { bounds: false });
      state = step.state;
      if (step.result.decision === 'continue') continue;
      if (step.result.decision === 'pass') passed = step.result.elapsedSec;
      break;
    }
    times.push(passed);
    if (passed === null) break;
  }
  return times;
}

/** Healthy rollouts of up to half an hour at 10, 10 (mirror and ramp), 25 and 50%: how many get through, and when. */
export function standardRollouts(runs: number, seed: number, levels: readonly number[]): string {
  const rows = levels.flatMap((rps) => {
    const bets = configOf(RELATIVE, rps, SHARES.length + 1);
    return [['with bets', bets] as const, ['without', withoutBets(bets)] as const].map(([name, config]) => {
      const all = Array.from({ length: runs }, (_, run) =>
        stepTimes(config, rps, seed * 1_000_003 + rps * 101 + run * 7919),
      );
      const steps = [0, 1, 2, 3].map((i) => {
        const reached = all.map((times) => times[i]).filter((time) => time !== undefined);
        const times = reached.filter((time) => time !== null).sort((a, b) => a - b);
        return reached.length === 0
          ? ''
          : `${percentOf(times.length, reached.length)} (${quantile(times, 0.5) ?? '–'})`;
      });
      const through = all.filter((times) => times.length === 4 && times[3] !== null);
      return [String(rps), name, String(runs), ...steps, percentOf(through.length, runs)];
    });
  });
  return markdown(
    ['rps', 'pass side', 'runs', 'mirror 10%', 'ramp 10%', 'ramp 25%', 'ramp 50%', 'all four %'],
    rows,
  );
}

/** Whole rollouts of three steps of ten minutes at 10, 25 and 50%: what is wrong, and how soon it is found. */
export function wholeRollouts(runs: number, seed: number, levels: readonly number[]): string {
  const rows = LATE_STEPS.flatMap((scenario, s) =>
    levels.map((rps) => {
      const config = configOf(RELATIVE, rps, SHARES.length);
      const ends = Array.from({ length: runs }, (_, run) =>
        rolledBackAt(
          config,
          steppedTrace(scenario, rps, seed * 1_000_003 + s * 10_007 + rps * 101 + run * 7919),
        ),
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
