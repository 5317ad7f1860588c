import { NO_KUBERNETES_METRICS } from '../../core/capabilities.js';
import type { Counters, MetricsSnapshot } from '../../core/metrics.js';
import { ArmClient, type ArmSettings } from '../azureml/arm-client.js';
import { PortError, type CallOptions, type Metrics } from '../ports.js';
import { unlessAborted } from '../unless-aborted.js';
import { addMinutes, MetricsAnswer, startOfDay, untrueIn, wholeMinute, type Tallies } from './minutes.js';

export interface AzureMonitorSettings extends Omit<ArmSettings, 'apiVersion'> {
  /** How long a minute is left to settle before it counts, milliseconds. Default 180,000. */
  readonly settleMs?: number;
  /** Milliseconds since the epoch; for tests. */
  readonly now?: () => number;
}

const API_VERSION = '2023-10-01';
const SETTLE_MS = 180_000;
const MINUTE_MS = 60_000;
/** Series of an answer; the service gives 10 unless asked for more. 20 deployments with 25 statuses each fit. */
const MOST_SERIES = 500;

interface Known {
  /** Midnight from which is counted. */
  readonly sinceMs: number;
  /** Up to which minute is counted. */
  readonly untilMs: number;
  readonly tallies: Tallies;
}

/**
 * Evidence from Azure Monitor's platform metrics of managed online endpoints.
 *
 * - Counted are the requests of the day, UTC, minute by minute: whichever worker asks gets the same totals. At midnight
 *   they begin at 0 again, which `sinceMs` says.
 * - A minute counts once it has settled, so the data is some minutes old (`ageMs`), and every total ends with the same
 *   minute. A figure that Azure corrects later than that is not seen.
 * - Errors are 408, 424, 429 and 5xx; 401, 403 and 404 never reached a model and are left out.
 * - No histograms: Azure keeps averages of percentiles only, of which no share of slow requests can be had. Requests
 *   that named their deployment count as live; whether mirrored ones count at all is not documented.
 * - Asked for is one answer a minute and endpoint, however many read. The identity needs the role Monitoring Reader.
 */
export function createAzureMonitorMetrics(settings: AzureMonitorSettings): Metrics {
  return new AzureMonitorMetrics(settings);
}

class AzureMonitorMetrics implements Metrics {
  readonly capabilities = { histograms: false, mirrored: false, kubernetes: NO_KUBERNETES_METRICS } as const;
  readonly #arm: ArmClient;
  readonly #settleMs: number;
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  readonly #asking = new Map<string, Promise<Known>>();

  constructor(settings: AzureMonitorSettings) {
    this.#arm = new ArmClient({ ...settings, apiVersion: API_VERSION });
    this.#settleMs = settings.settleMs ?? SETTLE_MS;
    this.#now = settings.now ?? Date.now;
  }

  async read(
    endpoint: string,
    deployments: readonly string[],
    { signal }: CallOptions = {},
  ): Promise<MetricsSnapshot> {
    const { tallies, untilMs, sinceMs } = await unlessAborted(this.#upToDate(endpoint.toLowerCase()), signal);
    const atMs = this.#now();
    return {
      atMs,
      ageMs: atMs - untilMs,
      cadence: { everyMs: MINUTE_MS, behindMs: this.#settleMs },
      sinceMs,
      edgesMs: [],
      deployments: Object.fromEntries(
        deployments.map((name) => [name, { live: countersOf(tallies, name.toLowerCase()) }]),
      ),
    };
  }

  async #upToDate(endpoint: string): Promise<Known> {
    const untilMs = wholeMinute(this.#now() - this.#settleMs);
    const known = this.#known.get(endpoint);
    if (known !== undefined && known.untilMs >= untilMs) return known;
    const asking = this.#asking.get(endpoint) ?? this.#ask(endpoint, untilMs);
    this.#asking.set(endpoint, asking);
    try {
      return await asking;
    } finally {
      this.#asking.delete(endpoint);
    }
  }

  async #ask(endpoint: string, untilMs: number): Promise<Known> {
    const sinceMs = startOfDay(untilMs);
    const before = this.#known.get(endpoint);
    const sameDay = before?.sinceMs === sinceMs;
    const span = { fromMs: sameDay ? before.untilMs : sinceMs, toMs: untilMs };
    const old: Tallies = sameDay ? before.tallies : new Map();
    const tallies =
      span.fromMs === span.toMs ? old : addMinutes(old, await this.#minutes(endpoint, span), span);
    const known = { sinceMs, untilMs, tallies };
    this.#known.set(endpoint, known);
    return known;
  }

  async #minutes(endpoint: string, span: { fromMs: number; toMs: number }): Promise<MetricsAnswer> {
    const what = `read RequestsPerMinute of endpoint ${endpoint}`;
    const query = new URLSearchParams({
      metricnames: 'RequestsPerMinute',
      metricnamespace: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints',
      aggregation: 'Average',
      interval: 'PT1M',
      timespan: `${new Date(span.fromMs).toISOString()}/${new Date(span.toMs).toISOString()}`,
      // By status, not by its class: 424, a model's error, is of class 4xx like the caller's own mistakes.
      $filter: "deployment eq '*' and statusCode eq '*'",
      top: String(MOST_SERIES),
    });
    const answer = await this.#arm.read(MetricsAnswer, {
      what,
      method: 'GET',
      at: `/onlineEndpoints/${encodeURIComponent(endpoint)}/providers/Microsoft.Insights/metrics?${query}`,
      accept: [200],
    });
    const failed = answer.value.find(({ errorCode }) => errorCode && errorCode !== 'Success');
    if (failed !== undefined) {
      const reason = `${failed.errorCode}: ${failed.errorMessage ?? 'no reason'}`;
      throw this.#unreadable(what, reason, failed.errorCode ?? undefined);
    }
    // Totals are kept: one such minute would spoil them for the rest of the day.
    const untrue = untrueIn(answer, span);
    if (untrue === undefined) return answer;
    throw this.#unreadable(what, `${untrue.average} requests for the minute ${untrue.timeStamp}`);
  }

  #unreadable(what: string, reason: string, code = 'MetricsUnreadable'): PortError {
    return new PortError(
      `${this.#arm.host} answered "${what}" with ${reason}; it may go through when asked again`,
      { kind: 'transient', code },
    );
  }
}

function countersOf(tallies: Tallies, deployment: string): Counters {
  const { requests, errors } = tallies.get(deployment) ?? { requests: 0, errors: 0 };
  // Averages are not always whole; rounded totals still only grow, and errors stay within requests.
  return { requests: Math.round(requests), errors: Math.round(errors), le: [], active: null };
}
