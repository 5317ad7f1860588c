import type { ArmLook, Look } from '../../core/gates/index.js';
import { bucketShares, EDGES_MS } from './latency.js';
import { random, type Random } from './random.js';
import type { Conditions, Scenario } from './scenarios.js';

export const LOOK_SEC = 5;
export const STEP_SEC = 1800;
export const GREEN_SHARE = 0.1;

/**
 * One run's traffic, the same for every rule. `greenShare` by look, for rollouts of several steps; `edgesMs`: of the
 * source's histogram.
 */
export function trace(
  scenario: Pick<Scenario, 'make'>,
  rps: number,
  seed: number,
  greenShare: (look: number) => number = () => GREEN_SHARE,
  edgesMs: readonly number[] = EDGES_MS,
): Look[] {
  const source = random(seed);
  const looks = STEP_SEC / LOOK_SEC;
  const moment = scenario.make(source, looks, LOOK_SEC);
  return Array.from({ length: looks }, (_, i): Look => {
    const { blue, green } = moment(i);
    const share = greenShare(i);
    return {
      dtSec: LOOK_SEC,
      blue: armLook(source, rps * LOOK_SEC * (1 - share), edgesMs, blue),
      green: armLook(source, rps * LOOK_SEC * share, edgesMs, green),
      status: { blue: 'ok', green: 'ok' },
    };
  });
}

/** Requests arrive as Poisson does; errors and latency do not depend on each other. */
function armLook(
  source: Random,
  usual: number,
  edgesMs: readonly number[],
  { load, errorRate, cluster, latency }: Conditions,
): ArmLook {
  const counts = new Array<number>(edgesMs.length + 1).fill(0);
  for (const [part, by] of latency)
    addRequests(source, counts, usual * load * part, bucketShares(by, edgesMs));
  let n = 0;
  const le = counts.map((inBucket) => (n += inBucket));
  return {
    n,
    errors: cluster === 1 ? source.binomial(n, errorRate) : clustered(source, n, errorRate, cluster),
    le,
  };
}

function addRequests(source: Random, counts: number[], mean: number, shares: readonly number[]): void {
  if (mean > shares.length) {
    shares.forEach((share, i) => (counts[i] = (counts[i] ?? 0) + source.poisson(mean * share)));
    return;
  }
  for (let left = source.poisson(mean); left > 0; left--) {
    let u = source.next();
    let i = 0;
    while (i < shares.length - 1 && (u -= shares[i] ?? 0) >= 0) i += 1;
    counts[i] = (counts[i] ?? 0) + 1;
  }
}

function clustered(source: Random, n: number, rate: number, size: number): number {
  let errors = 0;
  for (let left = source.poisson((n * rate) / size); left > 0; left--) errors += source.geometric(size);
  return Math.min(n, errors);
}
