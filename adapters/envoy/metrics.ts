import { Agent, request } from 'undici';
import { z } from 'zod';
import { TRAFFIC_KINDS, type Counters, type MetricsSnapshot, type TrafficKind } from '../../core/metrics.js';
import { PortError, type CallOptions, type Metrics } from '../ports.js';
import { unlessAborted } from '../unless-aborted.js';
import { checkEdges, defaultEdgesMs } from './ladder.js';
import { pairsOf, type PairSeries } from './pairs.js';
import { cumulative, parseStats, type Stats } from './stats.js';

export interface EnvoySettings {
  /** Address of Envoy's admin, or how to learn it; asked before each scrape, because a restarted Envoy may move. */
  readonly adminUrl: string | (() => Promise<string>);
  /**
   * How the cluster of a deployment and kind of traffic is called, with `{workspace}`, `{endpoint}`, `{deployment}` and
   * `{kind}` (`live`, `mirror` or `direct`) in it. No dots: Envoy would split the name.
   */
  readonly clusterPattern: string;
  readonly workspace: string;
  /** Envoy's `stats_flush_interval`, milliseconds. Default 1,000. */
  readonly flushIntervalMs?: number;
  /** Upper edges of the histograms, milliseconds, two significant digits each. Default 1 ms to 100 s by sqrt(1.1). */
  readonly edgesMs?: readonly number[];
  /** Which answers of mirrored requests belong together, where somebody knows; a failure means not now. */
  readonly pairs?: () => Promise<PairSeries>;
}

const DEADLINE_MS = 2_000;
/** Readers within this time share one scrape: a thousand watchers of one gateway cost one a look. */
const SHARED_MS = 200;
/** A costly scrape is shared for longer, so that scraping takes a quarter of a core at most: see {@link shareMs}. */
const COST_FACTOR = 4;

interface Scrape {
  readonly atMs: number;
  readonly stats: Stats;
  readonly pairs: PairSeries | undefined;
}

/**
 * Evidence from the statistics of an Envoy gateway, per deployment and kind of traffic.
 *
 * What is counted, as seen on Envoy 1.40:
 * - `requests`: every request with an outcome, by its status: an answer, a timeout (504), a broken connection, no
 *   instance, or too many at once (503). A retry of a failed connection is not counted again, and a request that its
 *   client gave up is not counted at all.
 * - `errors`: all of these but 200, because Azure's front end tells clients of any other answer as a failed one. An
 *   answer that breaks off after its status line counts by that status.
 * - `le`: timings of complete answers (`upstream_rq_time`), and timeouts as slower than any edge. Requests that failed
 *   without an answer have no timing, so `le` may end below `requests`.
 *
 * - `pairs`: mirrored requests by both answers, from the endpoint host that runs the gateway. They lag by half a second.
 *
 * Counters are of the moment; histograms are merged once per flush, so they lag by up to `flushIntervalMs`, which is what
 * `ageMs` says. No answer shows a stale picture: Envoy flushes and answers on the same thread. After a restart of Envoy
 * all counts begin at 0 again; whoever takes differences sees them go back.
 *
 * @throws {RangeError} for a cluster pattern or edges that cannot work.
 */
export function createEnvoyMetrics(settings: EnvoySettings): Metrics {
  return new EnvoyMetrics(settings);
}

class EnvoyMetrics implements Metrics {
  readonly capabilities: Metrics['capabilities'];
  readonly #settings: EnvoySettings;
  readonly #edgesMs: readonly number[];
  readonly #query: string;
  readonly #agent = new Agent({ connections: 2, headersTimeout: DEADLINE_MS, bodyTimeout: DEADLINE_MS });
  readonly #flushIntervalMs: number;
  #last: { untilMs: number; readonly scrape: Promise<Scrape> } | undefined;

  constructor(settings: EnvoySettings) {
    this.#settings = settings;
    this.capabilities = { histograms: true, mirrored: true };
    this.#edgesMs = settings.edgesMs ?? defaultEdgesMs();
    checkEdges(this.#edgesMs);
    checkPattern(settings.clusterPattern);
    this.#flushIntervalMs = settings.flushIntervalMs ?? 1_000;
    this.#query = new URLSearchParams({
      format: 'json',
      histogram_buckets: 'detailed',
      filter: statsFilter(settings.clusterPattern, settings.workspace),
    }).toString();
  }

  async read(
    endpoint: string,
    deployments: readonly string[],
    { signal }: CallOptions = {},
  ): Promise<MetricsSnapshot> {
    const { atMs, stats, pairs } = await unlessAborted(this.#sharedScrape(), signal);
    return {
      atMs,
      ageMs: this.#flushIntervalMs,
      edgesMs: this.#edgesMs,
      deployments: Object.fromEntries(
        deployments
          .map((name) => [name, this.#kinds(stats, endpoint, name)] as const)
          .filter(([, kinds]) => Object.keys(kinds).length > 0),
      ),
      ...(pairs && { pairs: pairsOf(pairs, endpoint, deployments) }),
    };
  }

  #kinds(stats: Stats, endpoint: string, deployment: string): Partial<Record<TrafficKind, Counters>> {
    const kinds: Partial<Record<TrafficKind, Counters>> = {};
    for (const kind of TRAFFIC_KINDS) {
      const cluster = fillIn(this.#settings.clusterPattern, {
        workspace: this.#settings.workspace,
        endpoint: endpoint.toLowerCase(),
        deployment: deployment.toLowerCase(),
        kind,
      });
      const counters = countersOf(stats, cluster, this.#edgesMs);
      if (counters !== undefined) kinds[kind] = counters;
    }
    return kinds;
  }

  #sharedScrape(): Promise<Scrape> {
    const nowMs = performance.now();
    if (this.#last !== undefined && nowMs < this.#last.untilMs) return this.#last.scrape;
    const scrape = this.#scrape();
    const mine = { untilMs: Infinity, scrape };
    this.#last = mine;
    scrape.then(
      () => {
        mine.untilMs = nowMs + shareMs(performance.now() - nowMs, this.#flushIntervalMs);
      },
      // A failure is shared by those who wait for it, and by nobody after.
      () => {
        if (this.#last === mine) this.#last = undefined;
      },
    );
    return scrape;
  }

  async #scrape(): Promise<Scrape> {
    const deadline = AbortSignal.timeout(DEADLINE_MS);
    // Counters say enough without: a gate then judges by them.
    const pairs = this.#settings.pairs?.().catch(() => undefined);
    const url = new URL(`/stats?${this.#query}`, await this.#adminUrl(deadline));
    try {
      const { statusCode, body } = await request(url, { dispatcher: this.#agent, signal: deadline });
      const text = await body.text();
      const atMs = Date.now();
      if (statusCode !== 200) {
        throw unreadable(url, `it answered ${statusCode}: ${text.slice(0, 200).trim()}`);
      }
      return { atMs, stats: parseStats(JSON.parse(text)), pairs: await pairs };
    } catch (thrown) {
      throw asPortError(url, thrown);
    }
  }

  async #adminUrl(deadline: AbortSignal): Promise<string> {
    const { adminUrl } = this.#settings;
    if (typeof adminUrl === 'string') return adminUrl;
    try {
      return await unlessAborted(adminUrl(), deadline);
    } catch (thrown) {
      if (thrown instanceof PortError) throw thrown;
      throw new PortError(
        `The address of Envoy's admin is not known: ${messageOf(thrown)}; check that the gateway is running`,
        { kind: 'transient', code: 'MetricsUnreadable' },
        { cause: thrown },
      );
    }
  }
}

function countersOf(stats: Stats, cluster: string, edgesMs: readonly number[]): Counters | undefined {
  const prefix = `cluster.${cluster}.upstream_rq_`;
  // There from the cluster's first moment, unlike the counters of a status.
  const active = stats.values.get(`${prefix}active`);
  if (active === undefined) return undefined;
  const { requests, errors } = outcomes(stats, prefix);
  // Envoy makes a histogram with the first request that needs it.
  const le = cumulative(stats.histograms.get(`${prefix}time`) ?? [], edgesMs);
  const timeouts = stats.values.get(`${prefix}timeout`) ?? 0;
  return {
    requests,
    errors,
    le: le.map((count, index) => (index === edgesMs.length ? count + timeouts : count)),
    active,
  };
}

/**
 * Sums the counters of single statuses. Not `completed` less `200`: Envoy reads counters one by one while traffic goes
 * on, and a request between two reads would show as an error that is gone at the next look. 1xx are not outcomes.
 */
function outcomes(stats: Stats, prefix: string): { readonly requests: number; readonly errors: number } {
  let requests = 0;
  let errors = 0;
  for (let status = 200; status < 600; status++) {
    const count = stats.values.get(prefix + status) ?? 0;
    requests += count;
    if (status !== 200) errors += count;
  }
  return { requests, errors };
}

/**
 * How long a scrape is shared, from its begin: a thousand deployments with traffic are 13 MB and 0.2 s of work, which
 * readers that do not come together must not ask for five times a second. Never longer than Envoy's own flush.
 */
function shareMs(costMs: number, flushIntervalMs: number): number {
  return Math.max(SHARED_MS, Math.min(COST_FACTOR * costMs, flushIntervalMs));
}

/** A pattern for all deployments of the workspace: one scrape serves every reader. */
function statsFilter(clusterPattern: string, workspace: string): string {
  const cluster = clusterPattern
    .split(/(\{\w+\})/)
    .map((part) => {
      if (part === '{workspace}') return escaped(workspace);
      if (part === '{kind}') return `(${TRAFFIC_KINDS.join('|')})`;
      return part.startsWith('{') ? '[^.]+' : escaped(part);
    })
    .join('');
  return `^cluster\\.${cluster}\\.upstream_rq_([2-5][0-9][0-9]|timeout|active|time)$`;
}

/** @throws {RangeError} for a pattern that does not tell deployments and kinds apart, or that Envoy would split. */
function checkPattern(pattern: string): void {
  const missing = ['{endpoint}', '{deployment}', '{kind}'].filter((part) => !pattern.includes(part));
  if (missing.length > 0) {
    throw new RangeError(`the cluster pattern must have ${missing.join(', ')} in it, got "${pattern}"`);
  }
  if (pattern.includes('.')) {
    throw new RangeError(`the cluster pattern must have no dots, which Envoy splits at, got "${pattern}"`);
  }
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function fillIn(pattern: string, values: Readonly<Record<string, string>>): string {
  return pattern.replace(/\{(\w+)\}/g, (all, name: string) => values[name] ?? all);
}

function asPortError(url: URL, thrown: unknown): PortError {
  if (thrown instanceof PortError) return thrown;
  if (thrown instanceof z.ZodError || thrown instanceof SyntaxError) {
    const issue = thrown instanceof z.ZodError ? thrown.issues[0] : thrown;
    return unreadable(
      url,
      `its answer is not what Envoy 1.40 gives: ${issue?.message ?? 'no reason'}`,
      thrown,
    );
  }
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return unreadable(url, `no answer within ${DEADLINE_MS / 1000} s`, thrown);
  }
  return unreadable(url, messageOf(thrown), thrown);
}

function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

function unreadable(url: URL, reason: string, cause?: unknown): PortError {
  return new PortError(
    `Envoy's statistics at ${url.host} could not be read: ${reason}; check that the gateway is running`,
    { kind: 'transient', code: 'MetricsUnreadable' },
    { cause },
  );
}
