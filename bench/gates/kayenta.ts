import type { Look } from '../../core/gates/index.js';
import { interpolatedQuantile } from './latency.js';
import { together, type Rule } from './rules.js';
import { LOOK_SEC, STEP_SEC } from './trace.js';

/** Half of 98%, as the judge's classifier has it. */
const Z = 2.3263479;
const TOLERANCE = 0.25;

/**
 * Kayenta's judge with its Mann-Whitney classifier: one point a minute of each metric; a metric is High when the lower
 * end of the 98% interval of the shift lies above a quarter of its Hodges-Lehmann estimate; any High metric fails the
 * canary. Judged once, at the end, as its documentation advises (half an hour).
 */
export const KAYENTA: Rule = {
  name: 'Kayenta',
  judge(looks) {
    const metrics: ((arm: ReturnType<typeof together>) => number | null)[] = [
      ({ n, errors }) => (n === 0 ? null : errors / n),
      ({ le }) => interpolatedQuantile(le, 0.95),
      ({ le }) => interpolatedQuantile(le, 0.99),
    ];
    const points = minutes(looks);
    const high = metrics.some((metric) => {
      const of = (arm: 'blue' | 'green') =>
        points.map((minute) => metric(minute[arm])).filter((value): value is number => value !== null);
      return isHigh(of('blue'), of('green'));
    });
    return { end: high ? 'rolled back' : 'promoted', atSec: STEP_SEC };
  },
};

function minutes(looks: readonly Look[]) {
  const size = 60 / LOOK_SEC;
  return Array.from({ length: Math.floor(looks.length / size) }, (_, i) => {
    const part = looks.slice(i * size, (i + 1) * size);
    return { blue: together(part, 'blue'), green: together(part, 'green') };
  });
}

/** Whether the rank test calls the experiment's points higher than the control's. */
export function isHigh(control: readonly number[], experiment: readonly number[]): boolean {
  if (control.length === 0 || experiment.length === 0) return false;
  const shifts = experiment.flatMap((e) => control.map((c) => e - c)).sort((a, b) => a - b);
  const [m, n] = [experiment.length, control.length];
  const middle = (shifts.length - 1) / 2;
  const estimate = ((shifts[Math.floor(middle)] ?? 0) + (shifts[Math.ceil(middle)] ?? 0)) / 2;
  // Ties make the sum of ranks vary less.
  const spread = Math.sqrt(((m * n) / 12) * (m + n + 1 - tieTerm([...control, ...experiment])));
  const rank = Math.floor((m * n) / 2 - Z * spread);
  const lower = rank < 0 ? -Infinity : (shifts[rank] ?? -Infinity);
  return lower > TOLERANCE * Math.abs(estimate);
}

function tieTerm(values: readonly number[]): number {
  const seen = new Map<number, number>();
  for (const value of values) seen.set(value, (seen.get(value) ?? 0) + 1);
  const total = values.length;
  let sum = 0;
  for (const count of seen.values()) sum += count ** 3 - count;
  return total < 2 ? 0 : sum / (total * (total - 1));
}
