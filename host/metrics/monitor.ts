import { badArgument, ArmError } from '../arm/errors.js';
import { parseDuration } from '../serving/duration.js';
import type { Latency, MinuteRecord } from './minute.js';

const MINUTE_MS = 60_000;

/** One value of a metric in one minute, with the dimensions that it can be split by. */
interface Point {
  readonly atMs: number;
  readonly value: number;
  readonly dimensions: Readonly<Record<string, string>>;
}

interface Metric {
  readonly unit: 'Count' | 'MilliSeconds' | 'BytesPerSecond' | 'CountPerSecond' | 'Percent';
  /** How the values of one minute come together: requests add up, the rest is averaged. */
  readonly within: 'sum' | 'mean';
  readonly points: (minute: MinuteRecord) => readonly Omit<Point, 'atMs'>[];
}

const latency = (which: keyof Latency): Metric => ({
  unit: 'MilliSeconds',
  within: 'mean',
  points: ({ latency: timings, deployment }) =>
    timings ? [{ value: timings[which], dimensions: { deployment } }] : [],
});
const perDeployment = (
  unit: Metric['unit'],
  within: Metric['within'],
  value: (minute: MinuteRecord) => number,
): Metric => ({
  unit,
  within,
  points: (minute) => [{ value: value(minute), dimensions: { deployment: minute.deployment } }],
});
/** Known to Azure, and never measured here. */
const unmeasured = (unit: Metric['unit']): Metric => ({ unit, within: 'mean', points: () => [] });

/** Metrics of online endpoints, by the names of Azure Monitor. */
export const ENDPOINT_METRICS: Readonly<Record<string, Metric>> = {
  RequestsPerMinute: {
    unit: 'Count',
    within: 'sum',
    points: ({ requests, deployment }) =>
      requests.map(({ status, model, count }) => ({
        value: count,
        dimensions: {
          ...{ deployment, statusCode: status, statusCodeClass: `${status[0]}xx` },
          modelStatusCode: model,
        },
      })),
  },
  RequestLatency: latency('average'),
  RequestLatency_P50: latency('p50'),
  RequestLatency_P90: latency('p90'),
  RequestLatency_P95: latency('p95'),
  RequestLatency_P99: latency('p99'),
  NetworkBytes: perDeployment('BytesPerSecond', 'sum', (minute) => minute.bytesPerSecond),
  ConnectionsActive: unmeasured('Count'),
  NewConnectionsPerSecond: unmeasured('CountPerSecond'),
  DataCollectionEventsPerMinute: unmeasured('Count'),
  DataCollectionErrorsPerMinute: unmeasured('Count'),
};

/** Metrics of online deployments. */
export const DEPLOYMENT_METRICS: Readonly<Record<string, Metric>> = {
  CpuUtilizationPercentage: perDeployment('Percent', 'mean', (minute) => minute.cpuPercent),
  CpuMemoryUtilizationPercentage: perDeployment('Percent', 'mean', (minute) => minute.memoryPercent),
  GpuUtilizationPercentage: unmeasured('Percent'),
  GpuMemoryUtilizationPercentage: unmeasured('Percent'),
  DiskUtilization: unmeasured('Percent'),
  DeploymentCapacity: {
    unit: 'Count',
    within: 'sum',
    points: ({ instances }) =>
      Object.entries(instances).map(([state, value]) => ({ value, dimensions: { State: state } })),
  },
};

export interface MetricsQuery {
  readonly resourceId: string;
  /** For an endpoint or for a deployment. */
  readonly metrics: Readonly<Record<string, Metric>>;
  readonly names: string | undefined;
  readonly timespan: string | undefined;
  readonly interval: string | undefined;
  readonly aggregation: string | undefined;
  readonly filter: string | undefined;
  readonly top: string | undefined;
}

const AGGREGATIONS: Readonly<Record<string, (values: readonly number[]) => number>> = {
  average: (values) => values.reduce((total, value) => total + value, 0) / values.length,
  minimum: (values) => Math.min(...values),
  maximum: (values) => Math.max(...values),
  total: (values) => values.reduce((total, value) => total + value, 0),
  count: (values) => values.length,
};

/**
 * Answers Azure Monitor's metrics call out of the minutes that were recorded.
 *
 * An interval without a value is a point without one, as in Azure. Only whole minutes are there.
 *
 * @throws {ArmError} 400 for what the call cannot be asked.
 */
export function answerMetrics(
  query: MetricsQuery,
  minutes: readonly MinuteRecord[],
  nowMs: number,
): Record<string, unknown> {
  const { fromMs, toMs } = timespanOf(query.timespan, nowMs);
  const stepMs = query.interval === undefined ? MINUTE_MS : parseDuration(query.interval);
  if (stepMs === undefined || stepMs < MINUTE_MS || stepMs % MINUTE_MS !== 0) {
    throw badArgument(`interval is ${query.interval}; expected whole minutes, such as PT1M or PT5M.`);
  }
  const aggregations = (query.aggregation ?? 'Average').split(',').map((name) => name.trim().toLowerCase());
  const unknown = aggregations.find((name) => !Object.hasOwn(AGGREGATIONS, name));
  if (unknown !== undefined) {
    throw badArgument(`aggregation is ${unknown}; expected ${Object.keys(AGGREGATIONS).join(', ')}.`);
  }
  const filter = parseFilter(query.filter);
  const known = Object.keys(query.metrics);
  const names = query.names === undefined ? known.slice(0, 1) : query.names.split(',').map((n) => n.trim());
  const inside = minutes.filter(({ atMs }) => atMs >= fromMs && atMs < toMs);
  const value = names.map((given) => {
    const name = known.find((each) => each.toLowerCase() === given.toLowerCase());
    const metric = name === undefined ? undefined : query.metrics[name];
    if (name === undefined || metric === undefined) {
      throw new ArmError(
        400,
        'BadRequest',
        `Failed to find metric configuration for metric: ${given}, Valid metrics: ${known.join(',')}`,
      );
    }
    const points = inside.flatMap((minute) =>
      metric.points(minute).map((point) => ({ ...point, atMs: minute.atMs })),
    );
    const series = seriesOf(points, filter, metric.within);
    return {
      id: `${query.resourceId}/providers/Microsoft.Insights/metrics/${name}`,
      type: 'Microsoft.Insights/metrics',
      name: { value: name, localizedValue: name },
      unit: metric.unit,
      timeseries: series.slice(0, topOf(query.top)).map(({ dimensions, perMinute }) => ({
        metadatavalues: Object.entries(dimensions).map(([dimension, text]) => ({
          name: { value: dimension.toLowerCase(), localizedValue: dimension.toLowerCase() },
          value: text,
        })),
        data: steps(fromMs, toMs, stepMs).map((atMs) => {
          const values = [...perMinute].flatMap(([at, v]) => (at >= atMs && at < atMs + stepMs ? [v] : []));
          return {
            timeStamp: new Date(atMs).toISOString(),
            ...(values.length > 0 &&
              Object.fromEntries(aggregations.map((each) => [each, AGGREGATIONS[each]!(values)]))),
          };
        }),
      })),
      errorCode: 'Success',
    };
  });
  return {
    cost: 0,
    timespan: `${new Date(fromMs).toISOString()}/${new Date(toMs).toISOString()}`,
    interval: query.interval ?? 'PT1M',
    namespace: 'Microsoft.MachineLearningServices/workspaces/onlineEndpoints',
    resourceregion: 'local',
    value,
  };
}

function topOf(text: string | undefined): number {
  const top = Number(text ?? '10');
  if (Number.isInteger(top) && top > 0) return top;
  throw badArgument(`top is ${text}; expected a whole number above 0.`);
}

function timespanOf(text: string | undefined, nowMs: number): { fromMs: number; toMs: number } {
  if (text === undefined) return { fromMs: minuteOf(nowMs - 60 * MINUTE_MS), toMs: minuteOf(nowMs) };
  const [from = '', to = ''] = text.split('/');
  const [fromMs, toMs] = [Date.parse(from), Date.parse(to)];
  if (fromMs < toMs) return { fromMs: minuteOf(fromMs), toMs };
  throw badArgument(`timespan is ${text}; expected start/end as ISO 8601 times, the start first.`);
}

function minuteOf(ms: number): number {
  return Math.floor(ms / MINUTE_MS) * MINUTE_MS;
}

function steps(fromMs: number, toMs: number, stepMs: number): number[] {
  const count = Math.max(0, Math.ceil((toMs - fromMs) / stepMs));
  if (count > 50_000) throw badArgument(`timespan holds ${count} intervals; at most 50000 can be asked for.`);
  return Array.from({ length: count }, (_, index) => fromMs + index * stepMs);
}

/** Wanted values by dimension name in lower case; `*` is any. */
type Filter = ReadonlyMap<string, readonly string[]>;

/** `deployment eq '*' and (statusCodeClass eq '4xx' or statusCodeClass eq '5xx')`. */
function parseFilter(text: string | undefined): Filter {
  const filter = new Map<string, string[]>();
  for (const part of (text ?? '').split(/\s+and\s+/i).filter((each) => each.trim() !== '')) {
    for (const term of part.replace(/^\s*\(|\)\s*$/g, '').split(/\s+or\s+/i)) {
      const match = /^\s*(\w+)\s+eq\s+'([^']*)'\s*$/i.exec(term);
      if (!match)
        throw badArgument(`$filter has "${term.trim()}"; expected terms such as deployment eq '*'.`);
      const name = match[1]!.toLowerCase();
      filter.set(name, [...(filter.get(name) ?? []), match[2]!]);
    }
  }
  return filter;
}

interface Series {
  readonly dimensions: Readonly<Record<string, string>>;
  readonly perMinute: ReadonlyMap<number, number>;
}

function seriesOf(points: readonly Point[], filter: Filter, within: Metric['within']): Series[] {
  const groups = new Map<string, { dimensions: Record<string, string>; values: Map<number, number[]> }>();
  for (const { atMs, value, dimensions } of points) {
    const split = Object.entries(dimensions).filter(([name]) => filter.has(name.toLowerCase()));
    const wanted = split.every(([name, text]) =>
      filter
        .get(name.toLowerCase())
        ?.some((each) => each === '*' || each.toLowerCase() === text.toLowerCase()),
    );
    if (!wanted) continue;
    const key = JSON.stringify(split);
    const group = groups.get(key) ?? {
      dimensions: Object.fromEntries(split),
      values: new Map<number, number[]>(),
    };
    groups.set(key, group);
    group.values.set(atMs, [...(group.values.get(atMs) ?? []), value]);
  }
  return [...groups.values()].map(({ dimensions, values }) => ({
    dimensions,
    perMinute: new Map(
      [...values].map(([atMs, all]) => {
        const total = all.reduce((sum, value) => sum + value, 0);
        return [atMs, within === 'sum' ? total : total / all.length];
      }),
    ),
  }));
}
