import type { Random } from './random.js';

/** One arm during one look. */
export interface Conditions {
  /** Factor on the arm's share of the traffic. */
  readonly load: number;
  readonly errorRate: number;
  /** Errors come in clusters of this mean size. */
  readonly cluster: number;
  /** Parts of the requests, each with a factor on latency; parts sum to 1. */
  readonly latency: readonly (readonly [part: number, by: number])[];
}

export interface Moment {
  readonly blue: Conditions;
  readonly green: Conditions;
}

export type Kind = 'healthy' | 'noisy' | 'margin' | 'regression' | 'late';

export interface Scenario {
  readonly name: string;
  /**
   * `healthy`: green is as good as blue. `noisy`: no worse than allowed, but with noise of green alone, which no test can
   * tell from a regression while it lasts. `margin`: exactly as bad as allowed. `regression`: worse than that. `late`: the same, but only after a while.
   */
  readonly kind: Kind;
  /** What happens at each look of one run. */
  readonly make: (random: Random, looks: number, lookSec: number) => (look: number) => Moment;
  /** For the information limit: share of errors of either arm. */
  readonly rates?: { readonly blue: number; readonly green: number };
}

export const PLAIN: Conditions = { load: 1, errorRate: 0.001, cluster: 1, latency: [[1, 1]] };

export const slow = (by: number): Conditions => ({ ...PLAIN, latency: [[1, by]] });
export const errors = (errorRate: number): Conditions => ({ ...PLAIN, errorRate });
export const always = (blue: Conditions, green: Conditions) => () => () => ({ blue, green });

function errorScenario(name: string, kind: Kind, blue: number, green: number): Scenario {
  return { name, kind, make: always(errors(blue), errors(green)), rates: { blue, green } };
}

/** A day in half an hour, with bursts of three times the load; both arms get slower under it. */
function burstyLoad(random: Random, looks: number, lookSec: number) {
  const burstUntil: number[] = [];
  let until = 0;
  for (let i = 0; i < looks; i++) {
    if (random.next() < lookSec / 180) until = i + Math.ceil(random.exponential(20) / lookSec);
    burstUntil.push(until);
  }
  return (i: number): Moment => {
    const day = 1 + 0.5 * Math.sin((2 * Math.PI * i) / looks);
    const load = i < (burstUntil[i] ?? 0) ? 3 * day : day;
    const both: Conditions = {
      ...PLAIN,
      load,
      latency: [[1, Math.round(20 * (1 + 0.15 * Math.max(0, load - 1))) / 20]],
    };
    return { blue: both, green: both };
  };
}

/** From minute 2 to 4, whatever both arms depend on fails a tenth of the requests and is slow. */
export function sharedIncident(_: Random, __: number, lookSec: number) {
  const bad: Conditions = { ...PLAIN, errorRate: 0.1, latency: [[1, 2]] };
  return (i: number): Moment => {
    const hit = i * lookSec >= 120 && i * lookSec < 240;
    return hit ? { blue: bad, green: bad } : { blue: PLAIN, green: PLAIN };
  };
}

export function coldStart(_: Random, __: number, lookSec: number) {
  const cold: Conditions = { ...PLAIN, errorRate: 0.05, latency: [[1, 3]] };
  return (i: number): Moment => ({ blue: PLAIN, green: i * lookSec < 30 ? cold : PLAIN });
}

/** Ten pods, green is one of them; each has slow spells of its own of about 5 s every 2 min. */
function podSpells(random: Random, looks: number, lookSec: number) {
  const part = podParts(random, looks, lookSec, { everySec: 120, lastSec: 5 });
  const at = (share: number): Conditions => ({
    ...PLAIN,
    latency: [
      [1 - share, 1],
      [share, 5],
    ],
  });
  return (i: number): Moment => ({ blue: at(part('blue', i)), green: at(part('green', i)) });
}

/** Half of the requests of a pod in a spell fail; ten pods, green is one of them. */
export function podErrors(lastSec: number) {
  return (random: Random, looks: number, lookSec: number) => {
    const part = podParts(random, looks, lookSec, { everySec: 600, lastSec });
    const at = (share: number) => errors(PLAIN.errorRate * (1 - share) + 0.5 * share);
    return (i: number): Moment => ({ blue: at(part('blue', i)), green: at(part('green', i)) });
  };
}

interface Spells {
  /** Means: from the end of one spell to the next, and how long it lasts. */
  readonly everySec: number;
  readonly lastSec: number;
}

/** Share of an arm's pods and of the look that lies in a spell. */
function podParts(random: Random, looks: number, lookSec: number, spell: Spells) {
  const pods = Array.from({ length: 10 }, () => spells(random, looks, lookSec, spell));
  return (arm: 'blue' | 'green', i: number): number => {
    const of = arm === 'green' ? pods.slice(0, 1) : pods.slice(1);
    return of.reduce((sum, pod) => sum + (pod[i] ?? 0), 0) / of.length;
  };
}

/** Part of each look that lies in a spell. */
function spells(random: Random, looks: number, lookSec: number, { everySec, lastSec }: Spells): number[] {
  const parts = new Array<number>(looks).fill(0);
  let at = random.exponential(everySec);
  while (at < looks * lookSec) {
    const end = at + random.exponential(lastSec);
    for (let i = Math.floor(at / lookSec); i < looks && i * lookSec < end; i++) {
      const inside = Math.min(end, (i + 1) * lookSec) - Math.max(at, i * lookSec);
      parts[i] = Math.min(1, (parts[i] ?? 0) + inside / lookSec);
    }
    at = end + random.exponential(everySec);
  }
  return parts;
}

/** Green alone fails nine of ten requests and is ten times slower, for 10 s somewhere in its first two minutes. */
export function greenBlip(random: Random, _: number, lookSec: number) {
  const start = 30 + 5 * Math.floor(random.next() * 18);
  const out: Conditions = { ...PLAIN, errorRate: 0.9, latency: [[1, 10]] };
  return (i: number): Moment => {
    const sec = i * lookSec;
    return { blue: PLAIN, green: sec >= start && sec < start + 10 ? out : PLAIN };
  };
}

export function lateErrors(_: Random, __: number, lookSec: number) {
  return (i: number): Moment => ({ blue: PLAIN, green: i * lookSec < 600 ? PLAIN : errors(0.051) });
}

/** For rollouts of three steps of ten minutes: green is good until the third. */
export const LATE_STEPS: readonly Pick<Scenario, 'name' | 'make'>[] = [
  { name: 'no regression', make: always(PLAIN, PLAIN) },
  { name: 'bursty load on both', make: burstyLoad },
  { name: 'incident that hits both (2 min of 10% errors, 2x latency)', make: sharedIncident },
  {
    name: 'every gate at its margin',
    make: always(PLAIN, { ...PLAIN, errorRate: 0.006, latency: [[1, 1.1]] }),
  },
  { name: '+5 pp errors in the last step alone', make: inLastStep(errors(0.051)) },
  { name: '+25% latency in the last step alone', make: inLastStep(slow(1.25)) },
];

export function inLastStep(green: Conditions) {
  return (_: Random, looks: number) =>
    (i: number): Moment => ({ blue: PLAIN, green: i < (2 * looks) / 3 ? PLAIN : green });
}

const CLUSTERED: Conditions = { ...PLAIN, errorRate: 0.01, cluster: 5 };

export const SCENARIOS: readonly Scenario[] = [
  errorScenario('no regression, 0.1% errors', 'healthy', 0.001, 0.001),
  errorScenario('no regression, 1% errors', 'healthy', 0.01, 0.01),
  errorScenario('no regression, no errors at all', 'healthy', 0, 0),
  { name: 'bursty load on both', kind: 'healthy', make: burstyLoad },
  {
    name: 'incident that hits both (2 min of 10% errors, 2x latency)',
    kind: 'healthy',
    make: sharedIncident,
  },
  { name: 'errors in clusters of 5 on both, 1%', kind: 'healthy', make: always(CLUSTERED, CLUSTERED) },
  { name: 'green latency +5%, half of the margin', kind: 'healthy', make: always(PLAIN, slow(1.05)) },
  { name: 'green cold for its first 30 s', kind: 'noisy', make: coldStart },
  { name: 'green alone out for 10 s', kind: 'noisy', make: greenBlip },
  { name: 'slow spells of single pods, green is one of ten', kind: 'noisy', make: podSpells },
  {
    name: 'errors +0.5 pp, exactly at the margin, in clusters of 5 on both',
    kind: 'noisy',
    make: always({ ...PLAIN, cluster: 5 }, { ...PLAIN, errorRate: 0.006, cluster: 5 }),
  },
  errorScenario('errors +0.5 pp, exactly at the margin', 'margin', 0.001, 0.006),
  { name: 'latency +10%, exactly at the margin', kind: 'margin', make: always(PLAIN, slow(1.1)) },
  errorScenario('errors +1 pp', 'regression', 0.001, 0.011),
  errorScenario('errors +5 pp', 'regression', 0.001, 0.051),
  errorScenario('every request fails', 'regression', 0.001, 1),
  { name: 'latency +25%', kind: 'regression', make: always(PLAIN, slow(1.25)) },
  { name: 'latency 2x', kind: 'regression', make: always(PLAIN, slow(2)) },
  {
    name: '3% of requests 5x slower',
    kind: 'regression',
    make: always(PLAIN, {
      ...PLAIN,
      latency: [
        [0.97, 1],
        [0.03, 5],
      ],
    }),
  },
  { name: 'errors +5 pp from minute 10 on', kind: 'late', make: lateErrors },
];
