import type { OwnQuery, OwnSnapshot, OwnTotals } from '../../core/metrics.js';
import { fillIn, readSelector } from '../../core/promql.js';
import { type CallOptions, type OwnMetrics, PortError } from '../ports.js';
import { PrometheusClient } from './client.js';
import { prometheusConnection } from './connection.js';
import { commonEdges, sumBuckets } from './histogram.js';
import type { Tally } from './ledger.js';
import { CounterReader, type Counted } from './reader.js';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Metrics of the user's own, from the Prometheus that the environment names (`prometheusConnection`).
 *
 * A wrong setting is told by every reading, and by nothing else: a rollback needs no Prometheus.
 *
 * @returns undefined where the environment names none.
 */
export function createOwnMetrics(env: Env, now: () => number = Date.now): OwnMetrics | undefined {
  return env['GREENLIGHT_PROMETHEUS_URL']?.trim() ? new PrometheusOwnMetrics(env, now) : undefined;
}

class PrometheusOwnMetrics implements OwnMetrics {
  readonly #env: Env;
  readonly #now: () => number;
  #opened: { readonly client: PrometheusClient; readonly reader: CounterReader } | undefined;

  constructor(env: Env, now: () => number) {
    this.#env = env;
    this.#now = now;
  }

  async read(
    queries: Readonly<Record<string, OwnQuery>>,
    deployments: readonly string[],
    { signal }: CallOptions = {},
  ): Promise<OwnSnapshot> {
    const { reader } = this.#open();
    const asked = Object.values(queries).flatMap((query) =>
      deployments.flatMap((name) => Object.values(query).map((text) => fillIn(text, { deployment: name }))),
    );
    const counted = await reader.read(asked, signal);
    const atMs = this.#now();
    const newestMs = Math.max(
      counted.sinceMs,
      ...asked.flatMap((text) => counted.ledger.tallies(text).map(({ lastMs }) => lastMs)),
    );
    const of = (name: string) => (query: string) =>
      counted.ledger.tallies(fillIn(query, { deployment: name }));
    return {
      atMs,
      ageMs: Math.max(0, atMs - newestMs),
      cadence: { everyMs: counted.ledger.everyMs() ?? 0, behindMs: reader.settleMs },
      sinceMs: counted.sinceMs,
      metrics: Object.fromEntries(
        Object.entries(queries).map(([gate, query]) => [
          gate,
          metricOf(query, deployments, of, counted, newestMs),
        ]),
      ),
    };
  }

  async check(
    queries: Readonly<Record<string, OwnQuery>>,
    { signal }: CallOptions = {},
  ): Promise<readonly string[]> {
    const { client, reader } = this.#open();
    const named = Object.entries(queries).flatMap(([gate, query]) =>
      Object.entries(query).flatMap(([part, text]) => {
        const read = readSelector(text);
        return read.ok && read.metric !== null ? [{ gate, part, metric: read.metric }] : [];
      }),
    );
    const names = [...new Set(named.map(({ metric }) => metric))];
    const known = await client.known(names, this.#now() - reader.settleMs, signal);
    return named
      .filter(({ metric }) => !known.has(metric))
      .map(
        ({ gate, part, metric }) =>
          `Gate ${gate}: Prometheus at ${client.host} has no series of ${metric} (${part}); ` +
          'check the name, and let the counter be there with 0 before the first event, also in the baseline',
      );
  }

  #open(): { readonly client: PrometheusClient; readonly reader: CounterReader } {
    if (this.#opened !== undefined) return this.#opened;
    const connection = prometheusConnection(this.#env);
    if (connection === undefined) {
      const facts = { kind: 'permanent', code: 'PrometheusSettings' } as const;
      throw new PortError('GREENLIGHT_PROMETHEUS_URL is not set', facts);
    }
    const client = new PrometheusClient(connection);
    const settle = connection.settleMs === undefined ? {} : { settleMs: connection.settleMs };
    this.#opened = { client, reader: new CounterReader(client, { now: this.#now, ...settle }) };
    return this.#opened;
  }
}

type OwnMetric = OwnSnapshot['metrics'][string];
type TalliesOf = (deployment: string) => (query: string) => readonly Tally[];

/** Instances whose newest sample is that much older than the newest of all have gone. */
const GONE_MS = 30_000;

/** @param readMs - the newest sample of all metrics. */
function metricOf(
  query: OwnQuery,
  deployments: readonly string[],
  of: TalliesOf,
  { ledger }: Counted,
  readMs: number,
): OwnMetric {
  const texts = Object.values(query) as string[];
  const lastOf = (name: string) =>
    Math.max(0, ...texts.flatMap((text) => of(name)(text).map(({ lastMs }) => lastMs)));
  const newestMs = Math.max(0, ...deployments.map(lastOf));
  const goneMs = Math.max(GONE_MS, 3 * (ledger.everyMs() ?? 0));
  const there = deployments.filter((name) => lastOf(name) > 0 && newestMs - lastOf(name) <= goneMs);
  const edges =
    'buckets' in query
      ? commonEdges(
          there.flatMap((name) => of(name)(query.buckets)),
          1,
        )
      : [];
  return {
    edges,
    deployments: Object.fromEntries(
      there.flatMap((name) => {
        const totals = totalsOf(query, of(name), edges);
        const olderByMs = readMs - lastOf(name);
        return totals === null ? [] : [[name, { ...totals, ...(olderByMs > 0 && { olderByMs }) }]];
      }),
    ),
  };
}

/** null where what all events are counted by has no series. Bad ones that never happened may have none. */
function totalsOf(
  query: OwnQuery,
  tallies: (query: string) => readonly Tally[],
  edges: readonly number[],
): OwnTotals | null {
  if ('buckets' in query) {
    const le = edges.length === 0 ? null : sumBuckets(tallies(query.buckets), edges, 1);
    return le === null ? null : { requests: le.at(-1) ?? 0, errors: 0, le };
  }
  const bad = sum(tallies(query.bad));
  if ('good' in query) return { requests: sum(tallies(query.good)) + bad, errors: bad, le: [] };
  const all = tallies(query.total);
  return all.length === 0 ? null : { requests: sum(all), errors: bad, le: [] };
}

function sum(tallies: readonly Tally[]): number {
  return tallies.reduce((total, tally) => total + tally.total, 0);
}
