import { PortError } from '../../adapters/ports.js';
import type { Counters, MetricsSnapshot } from '../../core/metrics.js';
import type { MemoryTarget } from './memory-target.js';

type Distort = MemoryTarget['distort'];

/** What a broken source may say of a deployment whose requests all go well. */
export const ABSURD: Readonly<Record<string, Distort>> = {
  'not a number': counters((c) => ({ ...c, requests: NaN, errors: NaN })),
  negative: counters((c) => ({ ...c, requests: -c.requests, errors: -5 })),
  'beyond counting': counters((c) => ({ ...c, requests: 1e18, errors: 1e18, le: c.le.map(() => 1e18) })),
  'more errors than requests': counters((c) => ({ ...c, errors: c.requests + 1000 })),
  'without blue': ({ deployments, ...rest }) => {
    const { green } = deployments;
    return { ...rest, deployments: green === undefined ? {} : { green } };
  },
  stale: (snapshot) => ({ ...snapshot, ageMs: 600_000 }),
  'without green': ({ deployments, ...rest }) => {
    const { blue } = deployments;
    return { ...rest, deployments: blue === undefined ? {} : { blue } };
  },
  'without histograms': counters((c) => ({ ...c, le: [] })),
  'of shrinking buckets': counters((c) => ({ ...c, le: [...c.le].reverse() })),
  'counted anew at every reading': countedAnew(),
};

/** Sources that tell the gates nothing, and what is said of them. */
export const SILENT: Readonly<Record<string, { readonly distort: Distort; readonly why: RegExp }>> = {
  'that is away': { distort: away, why: /the metric source does not answer/ },
  'that counts anew at every reading': {
    distort: countedAnew(),
    why: /no usable metrics of (blue for .* s; no usable metrics of )?green for .* s/,
  },
};

/** Has a target's source tell what it is made to from the reading on for which `when` is true, until `over()`. */
export function distorted(
  target: MemoryTarget,
  distort: Distort,
  when = (): boolean => true,
): { over(): void } {
  target.distort = (snapshot) => (when() ? distort(snapshot) : snapshot);
  return { over: () => (target.distort = (snapshot) => snapshot) };
}

function away(): never {
  throw new PortError('the metric source does not answer', { kind: 'transient', code: 'Unavailable' });
}

/** A source that forgets all it has counted before each reading, of both deployments: fewer each time, from the first on. */
function countedAnew(): Distort {
  let left = 1;
  return (snapshot) => {
    left /= 1.001;
    return counters((c) => ({ ...c, requests: left, errors: 0, le: c.le.map(() => left) }))(snapshot);
  };
}

function counters(change: (counters: Counters) => Counters): Distort {
  return (snapshot: MetricsSnapshot) => ({
    ...snapshot,
    deployments: Object.fromEntries(
      Object.entries(snapshot.deployments).map(([name, kinds]) => [
        name,
        Object.fromEntries(Object.entries(kinds).map(([kind, c]) => [kind, change(c)])),
      ]),
    ),
  });
}
