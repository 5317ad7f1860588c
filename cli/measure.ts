import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions, TargetPorts } from '../adapters/ports.js';
import type { OwnTraffic, TrafficNow } from '../core/gates/index.js';
import type { Counters, MetricsSnapshot } from '../core/metrics.js';
import { ownQueriesOf, type Plan } from '../core/plan.js';
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
  { endpoints, metrics, own }: TargetPorts,
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
  return {
    name,
    rps,
    baseline: liveOf(last, name),
    edgesMs: last.edgesMs,
    own: await ownTraffic(own, plan, name, rps, call),
  };
}

/** What the baseline does by the user's own metrics; nothing of what their source cannot tell now. */
async function ownTraffic(
  own: TargetPorts['own'],
  plan: Plan,
  name: string,
  rps: number | null,
  call: CallOptions,
): Promise<Readonly<Record<string, OwnTraffic>>> {
  const queries = ownQueriesOf(plan.gates);
  if (own === undefined || Object.keys(queries).length === 0) return {};
  // The forecast of the other gates needs none of it.
  const snapshot = await own.read(queries, [name], call).catch((error: unknown) => {
    if (error instanceof Error && error.name === 'PortError') return null;
    throw error;
  });
  if (snapshot === null) return {};
  const sec = (snapshot.atMs - snapshot.ageMs - (snapshot.sinceMs ?? 0)) / 1000;
  return Object.fromEntries(
    Object.entries(snapshot.metrics).map(([gate, { edges, deployments }]) => {
      const baseline = deployments[name] ?? null;
      const perSecond = baseline === null || sec <= 0 ? 0 : baseline.requests / sec;
      // Without a measured rate: one event for each request.
      return [gate, { edges, baseline, perRequest: rps && perSecond > 0 ? perSecond / rps : 1 }];
    }),
  );
}

const NOTHING: Counters = { requests: 0, errors: 0, le: [], active: null };

function liveOf(snapshot: MetricsSnapshot, name: string): Counters {
  return snapshot.deployments[name]?.live ?? NOTHING;
}
