import { canPair, pairedCounts, plausiblePairs } from './pairs.js';
import type {
  ArmLook,
  BadCounts,
  EdgePair,
  Look,
  MachineConfig,
  MetricConfig,
  PairedCounts,
} from './types.js';

/** Beyond this a double no longer counts single requests; no source means it. */
const MOST_REQUESTS = 1e15;

function isCount(value: number): boolean {
  return Number.isFinite(value) && value >= 0 && value <= MOST_REQUESTS;
}

/** Whether an arm's differences can be true: counts, no more errors than requests, buckets that only grow. */
export function plausible(arm: ArmLook): boolean {
  if (!isCount(arm.n) || !isCount(arm.errors) || arm.errors > arm.n) return false;
  return arm.le.every((value, i) => isCount(value) && value >= (arm.le[i - 1] ?? 0));
}

/** The edges that a metric's indices are about. */
export function edgesOf(config: MachineConfig, metric: MetricConfig): readonly number[] {
  return metric.own?.edges ?? config.edgesMs;
}

/** The look that a metric sees; null where its own source has nothing new. */
export function lookOf(metric: MetricConfig, look: Look): Look | null {
  return metric.own === undefined ? look : (look.own?.[metric.name] ?? null);
}

interface Counted {
  readonly x: number;
  readonly n: number;
}

/** Bad requests and requests of one arm; null where the arm has no (usable) data of that kind in this look. */
function count(
  config: MachineConfig,
  metric: MetricConfig,
  arm: ArmLook,
  edge: number | undefined,
): Counted | null {
  if (metric.source === 'errors') return { x: arm.errors, n: arm.n };
  const { length } = edgesOf(config, metric);
  const total = arm.le[length];
  const within = edge === undefined ? undefined : arm.le[edge];
  if (arm.le.length !== length + 1 || total === undefined || within === undefined) return null;
  return { x: total - within, n: total };
}

function pair(
  config: MachineConfig,
  metric: MetricConfig,
  look: Look,
  edge: EdgePair | undefined,
): BadCounts | null {
  const green = armCount(config, metric, look, 'green', edge?.green);
  const blue = armCount(config, metric, look, 'blue', edge?.blue);
  if (green === null) return null;
  if (blue === null) return metric.r > 0 ? null : { xB: 0, nB: 0, xG: green.x, nG: green.n };
  return { xB: blue.x, nB: blue.n, xG: green.x, nG: green.n };
}

function armCount(
  config: MachineConfig,
  metric: MetricConfig,
  look: Look,
  arm: 'blue' | 'green',
  edge: number | undefined,
): Counted | null {
  if (look.status[arm] !== 'ok' || !plausible(look[arm])) return null;
  return count(config, metric, look[arm], edge);
}

/** What a metric sees in a look, on either side. */
export interface Seen {
  readonly breach: BadCounts | PairedCounts;
  readonly pass: BadCounts | PairedCounts;
}

/** The look's pairs, as a metric counts them; null where it cannot, or there are none. */
export function pairsSeen(metric: MetricConfig, look: Look): PairedCounts | null {
  const { pairs, status } = look;
  const usable = status.green === 'ok' && pairs !== undefined && plausiblePairs(pairs);
  return usable && canPair(metric) ? pairedCounts(pairs) : null;
}

/**
 * A metric's counts of its look; null where it has to skip it: a relative metric needs both arms, an absolute limit goes
 * on without the baseline.
 */
export function seen(config: MachineConfig, metric: MetricConfig, look: Look): Seen | null {
  const breach = pair(config, metric, look, metric.breachEdge);
  const pass = pair(config, metric, look, metric.passEdge ?? metric.breachEdge);
  return breach === null || pass === null ? null : { breach, pass };
}
