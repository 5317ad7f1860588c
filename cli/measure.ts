import { setTimeout as sleep } from 'node:timers/promises';
import type { TargetPorts } from '../adapters/ports.js';
import type { TrafficNow } from '../core/gates/index.js';
import type { Counters, MetricsSnapshot } from '../core/metrics.js';
import type { Plan } from '../core/plan.js';
import { wholeHolder } from '../core/traffic.js';

/** What an endpoint's baseline does now. `rps` is null where it was not measured. */
export type Measured = Omit<TrafficNow, 'rps'> & { readonly rps: number | null; readonly name: string };

export interface MeasureOptions {
  /** Longest time to count requests for, milliseconds; 0 = do not count, read once. */
  readonly forMs: number;
  readonly everyMs: number;
  readonly signal?: AbortSignal;
}

/** As many requests tell the rate to a few percent. */
const PLENTY = 1_000;

/**
 * Reads what the baseline did until now, and counts its requests for a short while.
 *
 * @throws {PortError} where the target or its metric source does not answer, or has no such endpoint; the signal's reason
 *   where that took too long.
 */
export async function measureBaseline(
  { endpoints, metrics }: TargetPorts,
  plan: Plan,
  { forMs, everyMs, ...call }: MeasureOptions,
): Promise<Measured> {
  // Without a holder there is nothing to compare with, and preflight will say so.
  const name = plan.baseline ?? wholeHolder((await endpoints.read(plan.endpoint, call)).traffic.live) ?? '';
  const read = () => metrics.read(plan.endpoint, [name], call);
  const first = await read();
  let last = first;
  const counted = (): number => liveOf(last, name).requests - liveOf(first, name).requests;
  while (last.atMs - first.atMs < forMs && counted() < PLENTY) {
    await sleep(Math.min(everyMs, forMs));
    last = await read();
  }
  // By the age of the data: a source that gathers by the minute shows one minute more, or none, in ten seconds.
  const sec = (last.atMs - last.ageMs - (first.atMs - first.ageMs)) / 1000;
  // Counters that went back were started anew: nothing was measured.
  const rps = forMs === 0 || sec <= 0 || counted() < 0 ? null : counted() / sec;
  return { name, rps, baseline: liveOf(last, name), edgesMs: last.edgesMs };
}

const NOTHING: Counters = { requests: 0, errors: 0, le: [], active: null };

function liveOf(snapshot: MetricsSnapshot, name: string): Counters {
  return snapshot.deployments[name]?.live ?? NOTHING;
}
