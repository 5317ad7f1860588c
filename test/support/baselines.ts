import { defaultEdgesMs } from '../../adapters/envoy/ladder.js';
import type { TrafficNow } from '../../core/gates/index.js';

/** How slow a baseline is: the 95th percentile, and how far the others lie from it; less `steep` is wider. */
interface Shape {
  readonly p95Ms: number;
  readonly steep: number;
}

/** A baseline of a shape, as the endpoint host counts it: 2,000 requests, a thousandth of them errors. */
function baselineOf({ p95Ms, steep }: Shape): Pick<TrafficNow, 'baseline' | 'edgesMs'> {
  const requests = 2000;
  const edgesMs = defaultEdgesMs();
  const within = edgesMs.map((ms) => Math.round(requests * (1 - 1 / (1 + 19 * (ms / p95Ms) ** steep))));
  return { edgesMs, baseline: { requests, errors: requests / 1000, le: [...within, requests] } };
}

/** Baselines that a forecast may meet: a model at hand, a usual one, and one whose requests differ much. */
export const BASELINES = {
  quick: baselineOf({ p95Ms: 3.5, steep: 6 }),
  usual: baselineOf({ p95Ms: 100, steep: 6 }),
  wide: baselineOf({ p95Ms: 130, steep: 2 }),
} as const;
