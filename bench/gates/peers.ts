import type { Look } from '../../core/gates/index.js';
import { EDGES_MS, interpolatedQuantile } from './latency.js';
import { together, type Outcome, type Rule } from './rules.js';
import { LOOK_SEC, STEP_SEC } from './trace.js';

const MOST_ERRORS = 0.01;
const SLOWEST_P99_MS = 500;

/** Green alone against fixed thresholds, as both peers' metric templates ask by default. null = no data. */
function check(looks: readonly Look[]): { readonly errors: boolean; readonly latency: boolean } | null {
  const { n, errors, le } = together(looks, 'green');
  const p99 = interpolatedQuantile(le, 0.99);
  return n === 0 || p99 === null
    ? null
    : { errors: errors / n <= MOST_ERRORS, latency: p99 <= SLOWEST_P99_MS };
}

function windows(looks: readonly Look[], everySec: number): Look[][] {
  const size = everySec / LOOK_SEC;
  return Array.from({ length: Math.floor(looks.length / size) }, (_, i) =>
    looks.slice(i * size, (i + 1) * size),
  );
}

/**
 * Flagger's scheduler: a check at every interval; failed checks add up and never go away; once there are as many as the
 * threshold, the next tick rolls back. A check without data fails. Promoted after so many good checks.
 */
export function flagger(name: string, everySec: number, threshold: number, good: number): Rule {
  return {
    name,
    judge(looks) {
      let failed = 0;
      let passed = 0;
      for (const [i, window] of windows(looks, everySec).entries()) {
        const atSec = (i + 1) * everySec;
        if (failed >= threshold) return { end: 'rolled back', atSec };
        const seen = check(window);
        if (seen?.errors === true && seen.latency) passed += 1;
        else failed += 1;
        if (passed >= good) return { end: 'promoted', atSec };
      }
      return { end: 'undecided', atSec: STEP_SEC };
    },
  };
}

/**
 * Argo Rollouts' analysis: `count` measurements of each metric, `interval` apart; more than `failureLimit` failed ones of
 * any metric fail the run. A measurement without data is an error; more than four in a row fail the run as well.
 */
export function argo(name: string, everySec: number, count: number, failureLimit: number): Rule {
  return {
    name,
    judge(looks) {
      const failed = { errors: 0, latency: 0 };
      let blind = 0;
      for (const [i, window] of windows(looks, everySec).slice(0, count).entries()) {
        const seen = check(window);
        blind = seen === null ? blind + 1 : 0;
        if (seen?.errors === false) failed.errors += 1;
        if (seen?.latency === false) failed.latency += 1;
        if (failed.errors > failureLimit || failed.latency > failureLimit || blind > 4) {
          return { end: 'rolled back', atSec: (i + 1) * everySec };
        }
      }
      return { end: 'promoted', atSec: count * everySec };
    },
  };
}

/** One-sided 1% for three metrics together, each look anew: what a dashboard with a z-test does. */
const Z_LIMIT = 2.7131;
const FEWEST = 30;

export const PEEKING: Rule = {
  name: 'z-test at every look',
  judge(looks) {
    for (const { atSec, blue, green } of sumsOf(looks, 0)) {
      if ([1, 2, 3].some((j) => pooledZ(blue, green, j) > Z_LIMIT)) return { end: 'rolled back', atSec };
    }
    return { end: 'promoted', atSec: STEP_SEC };
  },
};

/** The same with this gate's margins, and a 5% test that green is within them, which may promote at any look. */
export const PEEKING_WITH_MARGIN = peekingWithMargin('z-test with margins and early pass', true);

export function peekingWithMargin(name: string, earlyPass: boolean): Rule {
  return { name, judge: (looks) => judgeWithMargin(looks, earlyPass) };
}

function judgeWithMargin(looks: readonly Look[], earlyPass: boolean): Outcome {
  for (const { atSec, blue, green } of sumsOf(looks, MARGIN_STEPS)) {
    const z = [0, MARGIN, 0, 0].map((margin, j) => marginZ(blue, green, j, margin));
    if (z.slice(1).some((each) => each > Z_LIMIT)) return { end: 'rolled back', atSec };
    const within = z.slice(1, 3).every((each) => each < -Z_PASS);
    if (earlyPass && atSec >= 60 && within) return { end: 'promoted', atSec };
  }
  return { end: 'undecided', atSec: STEP_SEC };
}

const Z_PASS = 1.6449;
const MARGIN = 0.005;
/** Two steps of the ladder are 10%. */
const MARGIN_STEPS = 2;

/** Requests, errors, and requests slower than blue's p95 and p99 so far; green's edges so many steps above. */
function* sumsOf(looks: readonly Look[], steps: number) {
  const edges = [0.05, 0.01].map((share) => EDGES_MS.findIndex((_, i) => aboveInBlue(looks, i) <= share));
  const sums = { blue: [0, 0, 0, 0], green: [0, 0, 0, 0] };
  for (const [i, look] of looks.entries()) {
    for (const arm of ['blue', 'green'] as const) {
      const { n, errors, le } = look[arm];
      const more = arm === 'green' ? steps : 0;
      const bad = [n, errors, ...edges.map((edge) => n - (le[edge + more] ?? n))];
      bad.forEach((value, j) => (sums[arm][j] = (sums[arm][j] ?? 0) + value));
    }
    yield { atSec: (i + 1) * LOOK_SEC, ...sums };
  }
}

/** Of the excess over the margin; 0 = too little seen. */
function marginZ(blue: readonly number[], green: readonly number[], j: number, margin: number): number {
  const [nB = 0] = blue;
  const [nG = 0] = green;
  if (nB < FEWEST || nG < FEWEST) return 0;
  const [pB, pG] = [(blue[j] ?? 0) / nB, (green[j] ?? 0) / nG];
  const excess = pG - pB - margin;
  return excess === 0 ? 0 : excess / Math.sqrt((pB * (1 - pB)) / nB + (pG * (1 - pG)) / nG);
}

/** Share of blue's requests above an edge over the whole run: a dashboard is drawn up with hindsight. */
function aboveInBlue(looks: readonly Look[], edge: number): number {
  let n = 0;
  let above = 0;
  for (const { blue } of looks) {
    n += blue.n;
    above += blue.n - (blue.le[edge] ?? blue.n);
  }
  return n === 0 ? 0 : above / n;
}

function pooledZ(blue: readonly number[], green: readonly number[], j: number): number {
  const [nB = 0] = blue;
  const [nG = 0] = green;
  if (nB < FEWEST || nG < FEWEST) return 0;
  const pooled = ((blue[j] ?? 0) + (green[j] ?? 0)) / (nB + nG);
  const variance = pooled * (1 - pooled) * (1 / nB + 1 / nG);
  return variance === 0 ? 0 : ((green[j] ?? 0) / nG - (blue[j] ?? 0) / nB) / Math.sqrt(variance);
}
