import type { ArmLook, Look } from '../../core/gates/index.js';
import type { Answer } from '../../demo/load.js';
import { isError } from '../../demo/tally.js';
import { EDGES_MS } from '../gates/latency.js';
import { argo, flagger } from '../gates/peers.js';
import type { Rule } from '../gates/rules.js';
import { LOOK_SEC, STEP_SEC } from '../gates/trace.js';
import type { Trial } from './trial.js';

const ALARM_SEC = 60;
const MOST_ERRORS = 0.01;
const SLOWEST_MEAN_MS = 500;

/**
 * The alarms of SageMaker's sample: one period of a minute over both fleets together, on the share of errors and on the
 * mean latency, with the same limits as the other rules. Time that CloudWatch takes beyond the period is not counted.
 */
const CLOUDWATCH: Rule = {
  name: 'CloudWatch alarm',
  judge(looks) {
    const size = ALARM_SEC / LOOK_SEC;
    for (let i = size; i <= looks.length; i += size) {
      const arms = looks.slice(i - size, i).flatMap(({ blue, green }) => [blue, green]);
      const sum = (of: (arm: ArmLook) => number) => arms.reduce((total, arm) => total + of(arm), 0);
      const requests = sum(({ n }) => n);
      if (requests === 0) continue;
      const slow = sum(totalMs) / requests >= SLOWEST_MEAN_MS;
      if (slow || sum(({ errors }) => errors) / requests >= MOST_ERRORS)
        return { end: 'rolled back', atSec: i * LOOK_SEC };
    }
    return { end: 'undecided', atSec: STEP_SEC };
  },
};

/** `documented`: with the settings of the peer's own example; else set as fast as users dare. */
export const PEERS: readonly { readonly rule: Rule; readonly documented: boolean }[] = [
  { rule: argo('Argo, 5 min × 4', 300, 6, 3), documented: true },
  { rule: argo('Argo, 1 min × 4', 60, 30, 3), documented: false },
  { rule: flagger('Flagger, 1 min × 10', 60, 10, 30), documented: true },
  { rule: flagger('Flagger, 10 s × 3', 10, 3, 180), documented: false },
  { rule: CLOUDWATCH, documented: true },
];

/**
 * Seconds from the fault until each rule of PEERS would have rolled back on what this trial's clients saw; null = not within half an
 * hour. Greenlight ends the fault sooner than most rules see it: from the verdict on, the ill stretch is repeated.
 */
export function peerSeconds(trial: Trial): readonly (number | null)[] {
  const looks = looksOf(trial);
  return PEERS.map(({ rule }) => {
    const { end, atSec } = rule.judge(looks);
    return end === 'rolled back' ? atSec - (trial.illFromMs - trial.watchedFromMs) / 1000 : null;
  });
}

function looksOf({ watchedFromMs, illFromMs, verdictMs, answers }: Trial): readonly Look[] {
  const lookMs = LOOK_SEC * 1000;
  const illMs = verdictMs - illFromMs;
  return Array.from({ length: STEP_SEC / LOOK_SEC }, (_, i): Look => {
    const arms = { blue: emptyArm(), green: emptyArm() };
    // A look may lie over the border, or over several repetitions of a short ill stretch.
    for (const [fromMs, toMs] of stretches(i * lookMs, (i + 1) * lookMs, illFromMs - watchedFromMs, illMs)) {
      for (const answer of within(answers, watchedFromMs + fromMs, watchedFromMs + toMs)) {
        if (answer.deployment === 'blue' || answer.deployment === 'green')
          add(arms[answer.deployment], answer);
      }
    }
    return { dtSec: LOOK_SEC, ...arms, status: { blue: 'ok', green: 'ok' } };
  });
}

/** Where in the recorded time a stretch of the repeated time lies; all milliseconds since the watch began. */
export function stretches(
  fromMs: number,
  toMs: number,
  illFromMs: number,
  illMs: number,
): readonly (readonly [fromMs: number, toMs: number])[] {
  const found: [number, number][] = [];
  for (let at = fromMs; at < toMs;) {
    const past = at < illFromMs ? 0 : Math.floor((at - illFromMs) / illMs) * illMs;
    const border = at < illFromMs ? illFromMs : illFromMs + past + illMs;
    const end = Math.min(toMs, border);
    found.push([at - past, end - past]);
    at = end;
  }
  return found;
}

function within(answers: readonly Answer[], fromMs: number, toMs: number): readonly Answer[] {
  return answers.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
}

function emptyArm(): { n: number; errors: number; le: number[] } {
  return { n: 0, errors: 0, le: new Array<number>(EDGES_MS.length + 1).fill(0) };
}

function add(arm: { n: number; errors: number; le: number[] }, answer: Answer): void {
  arm.n += 1;
  if (isError(answer)) arm.errors += 1;
  EDGES_MS.forEach((edge, i) => {
    if (answer.latencyMs <= edge) arm.le[i] = (arm.le[i] ?? 0) + 1;
  });
  arm.le[EDGES_MS.length] = arm.n;
}

/** Total of a look's latencies: each request in the middle of its bucket. */
function totalMs({ le }: ArmLook): number {
  return le.reduce((total, count, i) => {
    const from = EDGES_MS[i - 1] ?? 0;
    const to = EDGES_MS[i] ?? from;
    return total + ((count - (le[i - 1] ?? 0)) * (from + to)) / 2;
  }, 0);
}
