import { TRAFFIC_KINDS, type Counters, type MetricsSnapshot, type TrafficKind } from '../../core/metrics.js';
import { PortError, type CallOptions, type Metrics } from '../ports.js';
import { PrometheusClient } from './client.js';
import type { PrometheusConnection } from './connection.js';
import { commonEdges, sumBuckets } from './histogram.js';
import type { Tally } from './ledger.js';
import { CounterReader, type Counted } from './reader.js';
import type { ArmQueries, TrafficQueries } from './templates.js';

export interface PrometheusMetricsSettings {
  readonly connection: PrometheusConnection;
  readonly queries: TrafficQueries;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: () => number;
}

interface Arm {
  readonly deployment: string;
  readonly kind: TrafficKind;
  readonly queries: ArmQueries;
}

/** An arm whose newest sample is that much older than the other's has gone. */
const GONE_MS = 30_000;
const GONE_SCRAPES = 3;

/**
 * Evidence from the counters that a Prometheus has of a proxy.
 *
 * - Counters are added up from their raw samples, each series by itself (see {@link Ledger}): restarts and instances
 *   that come and go lose nothing and invent nothing. Totals begin anew at full hours, which `sinceMs` says.
 * - All queries of a reading end at the same moment, and at one that is old enough for its scrapes to be stored.
 * - `ageMs` is the age of the newest sample; `cadence` the usual time between scrapes. Where each instance counts for itself, a
 *   deployment's newest sample may be older (`olderByMs`): Prometheus asks each at a moment of its own.
 * - `active` is what each instance last said, without those that have not been scraped for a while: they are gone.
 * - `le` may end below `requests`: a request that failed without an answer has no timing.
 */
export function createPrometheusMetrics(settings: PrometheusMetricsSettings): Metrics {
  return new PrometheusMetrics(settings);
}

class PrometheusMetrics implements Metrics {
  readonly capabilities: Metrics['capabilities'];
  readonly #queries: TrafficQueries;
  readonly #client: PrometheusClient;
  readonly #reader: CounterReader;
  readonly #now: () => number;

  constructor({ connection, queries, now = Date.now }: PrometheusMetricsSettings) {
    // A proxy's counters do not tell which answers belong together.
    this.capabilities = { histograms: queries.histograms, mirrored: queries.mirrored };
    this.#queries = queries;
    this.#now = now;
    this.#client = new PrometheusClient(connection);
    this.#reader = new CounterReader(this.#client, {
      now,
      ...(connection.settleMs === undefined ? {} : { settleMs: connection.settleMs }),
    });
  }

  async read(
    endpoint: string,
    deployments: readonly string[],
    { signal }: CallOptions = {},
  ): Promise<MetricsSnapshot> {
    const arms = await this.#arms(endpoint, deployments, signal);
    const counted = await this.#reader.read(arms.flatMap(queriesOf), signal);
    const atMs = this.#now();
    const newestMs = newest(arms.flatMap((arm) => counted.ledger.tallies(arm.queries.requests)));
    if (newestMs === null) throw this.#nothing(endpoint, arms);
    const everyMs = counted.ledger.everyMs() ?? 0;
    const goneMs = Math.max(GONE_MS, GONE_SCRAPES * everyMs);
    const there = arms.flatMap((arm) => {
      const olderByMs = newestMs - (newest(counted.ledger.tallies(arm.queries.requests)) ?? -Infinity);
      return olderByMs <= goneMs ? [{ arm, olderByMs }] : [];
    });
    const edgesMs = commonEdges(
      there.flatMap(({ arm }) => bucketsOf(counted, arm)),
      scaleOf(arms),
    );
    const activeSinceMs = everyMs === 0 ? -Infinity : newestMs - GONE_SCRAPES * everyMs;
    const found: Record<string, Partial<Record<TrafficKind, Counters>>> = {};
    for (const { arm, olderByMs } of there) {
      const counters = countersOf(counted, arm, edgesMs, activeSinceMs);
      found[arm.deployment] = {
        ...found[arm.deployment],
        [arm.kind]: { ...counters, ...(olderByMs > 0 && { olderByMs }) },
      };
    }
    return {
      atMs,
      ageMs: Math.max(0, atMs - newestMs),
      cadence: { everyMs, behindMs: this.#reader.settleMs },
      sinceMs: counted.sinceMs,
      edgesMs,
      deployments: found,
    };
  }

  async #arms(endpoint: string, deployments: readonly string[], signal?: AbortSignal): Promise<Arm[]> {
    const asked = deployments.flatMap((deployment) => TRAFFIC_KINDS.map((kind) => ({ deployment, kind })));
    const all = await Promise.all(
      asked.map(async (arm) => ({ ...arm, queries: await this.#queries.of({ endpoint, ...arm }, signal) })),
    );
    return all.flatMap(({ queries, ...arm }) => (queries === undefined ? [] : [{ ...arm, queries }]));
  }

  #nothing(endpoint: string, arms: readonly Arm[]): PortError {
    const [first] = arms;
    const asked =
      first === undefined ? 'no deployment of it gets requests' : `${first.queries.requests} has no series`;
    return new PortError(
      `Prometheus at ${this.#client.host} has nothing about ${endpoint}: ${asked}; check that the proxy is scraped, ` +
        'that job and instance labels are kept, and that there was traffic',
      { kind: 'permanent', code: 'NoSeries' },
    );
  }
}

function queriesOf({ queries }: Arm): string[] {
  const { requests, errors, buckets, beyond, active } = queries;
  return [requests, errors, buckets?.query, beyond, active].filter((query) => query !== undefined);
}

function bucketsOf({ ledger }: Counted, { queries }: Arm): readonly Tally[] {
  return queries.buckets === undefined ? [] : ledger.tallies(queries.buckets.query);
}

function scaleOf(arms: readonly Arm[]): number {
  return arms.some(({ queries }) => queries.buckets?.unit === 's') ? 1000 : 1;
}

function countersOf(counted: Counted, arm: Arm, edgesMs: readonly number[], activeSinceMs: number): Counters {
  const { ledger } = counted;
  const beyond = arm.queries.beyond === undefined ? 0 : sum(ledger.tallies(arm.queries.beyond));
  const buckets = bucketsOf(counted, arm);
  // Proxies make a histogram with the first request that needs it.
  const none = edgesMs.length === 0 ? [] : [...edgesMs, Infinity].map(() => 0);
  const le = buckets.length === 0 ? none : (sumBuckets(buckets, edgesMs, scaleOf([arm])) ?? []);
  return {
    requests: sum(ledger.tallies(arm.queries.requests)),
    errors: sum(ledger.tallies(arm.queries.errors)),
    le: le.map((count, i) => (i === edgesMs.length ? count + beyond : count)),
    active: activeOf(counted, arm, activeSinceMs),
  };
}

function activeOf({ ledger }: Counted, { queries }: Arm, sinceMs: number): number | null {
  if (queries.active === undefined) return null;
  const said = ledger.tallies(queries.active);
  // A gauge that was never there is no gauge: the proxy, or what scrapes it, may leave it out.
  if (said.length === 0) return null;
  return said.reduce((sum, { last, lastMs }) => (lastMs >= sinceMs ? sum + last : sum), 0);
}

function sum(tallies: readonly Tally[]): number {
  return tallies.reduce((total, tally) => total + tally.total, 0);
}

function newest(tallies: readonly Tally[]): number | null {
  return tallies.reduce<number | null>((last, { lastMs }) => Math.max(last ?? 0, lastMs), null);
}
