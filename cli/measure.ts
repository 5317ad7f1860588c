import { setTimeout as sleep } from 'node:timers/promises';
import type { CallOptions, TargetPorts } from '../adapters/ports.js';
import type { OwnTraffic, TrafficNow } from '../core/gates/index.js';
import type { Counters, MetricsSnapshot } from '../core/metrics.js';
import { ownQueriesOf, type Plan } from '../core/plan.js';
import { PortError } from '../core/port-error.js';
import { wholeHolder } from '../core/traffic.js';

/** What an endpoint's baseline does now. */
export interface Measured extends Omit<TrafficNow, 'rps'> {
  readonly name: string;
  /** null where it was not measured. */
  readonly rps: number | null;
  /** How long its requests were counted, milliseconds. */
  readonly countedMs: number;
}

export interface MeasureOptions {
  /** Longest time to count requests for, milliseconds, where the source has new data by then; 0 = do not count, read once. */
  readonly forMs: number;
  readonly everyMs: number;
  /** Made anew for each call: an answer has its time, however long is counted. */
  readonly call?: () => CallOptions;
}

/** As many requests tell the rate to a few percent. */
const PLENTY = 1_000;

/**
 * Reads what the baseline did until now, and counts its requests for a short while: with a source that gathers, until it
 * has new data, a minute on Azure.
 *
 * @throws {PortError} where the target or its metric source does not answer, or has no such endpoint; a signal's reason
 *   where that took too long.
 */
export async function measureBaseline(
  { endpoints, metrics, own }: TargetPorts,
  plan: Plan,
  { forMs, everyMs, call = () => ({}) }: MeasureOptions,
): Promise<Measured> {
  // Without a holder there is nothing to compare with, and preflight will say so.
  const name = plan.baseline ?? wholeHolder((await endpoints.read(plan.endpoint, call())).traffic.live) ?? '';
  const read = () => metrics.read(plan.endpoint, [name], call());
  const first = await read();
  let last = first;
  const counted = (): number => liveOf(last, name).requests - liveOf(first, name).requests;
  const countedMs = (): number => last.atMs - first.atMs;
  // By the age of the data: a source that gathers by the minute shows one minute more, or none, in ten seconds.
  const dataMs = (): number => last.atMs - last.ageMs - (first.atMs - first.ageMs);
  const newsMs = first.cadence === undefined ? 0 : first.cadence.everyMs + everyMs;
  const longestMs = (): number => (dataMs() > 0 ? forMs : Math.max(forMs, newsMs));
  while (forMs > 0 && countedMs() < longestMs() && counted() < PLENTY) {
    await sleep(Math.min(everyMs, forMs));
    last = await read();
  }
  const sec = dataMs() / 1000;
  // Counters that went back were started anew: nothing was measured.
  const rps = forMs === 0 || sec <= 0 || counted() < 0 ? null : counted() / sec;
  return {
    name,
    rps,
    countedMs: countedMs(),
    baseline: liveOf(last, name),
    edgesMs: last.edgesMs,
    own: await ownTraffic(own, plan, name, rps, call()),
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
    if (error instanceof PortError) return null;
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
