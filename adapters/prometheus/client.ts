import { readFile } from 'node:fs/promises';
import { Agent, request } from 'undici';
import { z } from 'zod';
import { oneLine } from '../../core/one-line.js';
import { withOwnSignal } from '../own-signal.js';
import { PortError } from '../ports.js';
import type { PrometheusConnection } from './connection.js';
import type { RawSeries } from './ledger.js';

const DEADLINE_MS = 10_000;
/** More is no answer about two deployments: a query that matches far too much. */
const LARGEST_ANSWER = 64 * 1024 * 1024;

const Value = z
  .string()
  .transform((text) => (text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number(text)));
const Labels = z.record(z.string(), z.string());
const Sample = z.tuple([z.number(), Value]);

const Matrix = z.object({
  resultType: z.literal('matrix'),
  // Series of native histograms have no values.
  result: z.array(z.object({ metric: Labels, values: z.array(Sample).default([]) })),
});
const Vector = z.object({
  resultType: z.literal('vector'),
  result: z.array(z.object({ metric: Labels, value: Sample.optional() })),
});

const Answer = z.object({
  status: z.enum(['success', 'error']),
  data: z.unknown().optional(),
  errorType: z.string().optional(),
  error: z.string().optional(),
  warnings: z.array(z.string()).optional(),
  /** VictoriaMetrics' word for the same. */
  isPartial: z.boolean().optional(),
});

/** Prometheus' HTTP API, or whatever else speaks it, as far as counters need it. */
export class PrometheusClient {
  readonly host: string;
  readonly #connection: PrometheusConnection;
  #agent: Promise<Agent> | undefined;

  constructor(connection: PrometheusConnection) {
    this.#connection = connection;
    this.host = new URL(connection.url).host;
  }

  /**
   * All samples that were scraped in a span of time, as they were scraped: nothing is interpolated.
   *
   * @param selector - PromQL without a range, e.g. `requests_total{deployment="green"}`.
   * @throws {PortError} transient when Prometheus does not answer, or tells only a part; permanent when it refuses.
   */
  async samples(selector: string, fromMs: number, toMs: number, signal?: AbortSignal): Promise<RawSeries[]> {
    const range = Math.max(1, Math.ceil(toMs - fromMs));
    const data = await this.#query(`${selector}[${range}ms]`, toMs, Matrix, signal);
    return data.result.map(({ metric, values }) => ({
      labels: metric,
      samples: values.map(([sec, value]) => [Math.round(sec * 1000), value] as const),
    }));
  }

  /** Which of these metrics have any series within the last five minutes. */
  async known(names: readonly string[], atMs: number, signal?: AbortSignal): Promise<ReadonlySet<string>> {
    if (names.length === 0) return new Set();
    const either = names.map((name) => JSON.stringify(name).slice(1, -1)).join('|');
    const data = await this.#query(`count by (__name__) ({__name__=~"${either}"})`, atMs, Vector, signal);
    return new Set(data.result.map(({ metric }) => metric['__name__'] ?? ''));
  }

  async #query<S extends z.ZodType>(
    query: string,
    atMs: number,
    shape: S,
    signal?: AbortSignal,
  ): Promise<z.output<S>> {
    return withOwnSignal({ signal, withinMs: DEADLINE_MS }, async (own) => {
      try {
        const { statusCode, headers, body } = await request(`${this.#connection.url}/api/v1/query`, {
          method: 'POST',
          headers: { 'content-type': 'application/x-www-form-urlencoded', ...(await this.#authorization()) },
          body: new URLSearchParams({ query, time: (atMs / 1000).toFixed(3) }).toString(),
          dispatcher: await this.#dispatcher(),
          signal: own,
        });
        const text = await body.text();
        return this.#read(query, statusCode, headers['retry-after'], text, shape);
      } catch (thrown) {
        if (thrown instanceof PortError) throw thrown;
        signal?.throwIfAborted();
        throw this.#unreadable(reasonOf(thrown, own), thrown);
      }
    });
  }

  #read<S extends z.ZodType>(
    query: string,
    status: number,
    retryAfter: string | string[] | undefined,
    text: string,
    shape: S,
  ): z.output<S> {
    if (status === 401 || status === 403) throw this.#refused(status, text);
    if (status === 429) {
      throw new PortError(`Prometheus at ${this.host} is asked too often`, {
        kind: 'throttled',
        code: 'PrometheusThrottled',
        retryAfterMs: 1000 * (Number(retryAfter) || 5),
      });
    }
    const answer = parsed(text);
    if (answer === undefined) throw this.#unreadable(`it answered ${status}: ${oneLine(text).slice(0, 200)}`);
    if (answer.status === 'error') {
      const said = `${answer.errorType ?? 'error'}: ${oneLine(answer.error ?? 'no reason')}`;
      // `execution` may be a timeout or a limit; a query that cannot be read stays so.
      if (status !== 400) throw this.#unreadable(said);
      throw new PortError(`Prometheus at ${this.host} does not understand ${query}: ${said}`, {
        kind: 'permanent',
        code: 'PrometheusQuery',
      });
    }
    // Of a store that is spread over several: counts without one of them would fall.
    const [warning = answer.isPartial === true ? 'isPartial' : undefined] = answer.warnings ?? [];
    if (warning !== undefined) throw this.#unreadable(`it told only a part: ${oneLine(warning)}`);
    const data = shape.safeParse(answer.data);
    if (data.success) return data.data;
    throw this.#unreadable(`its answer is not what Prometheus gives: ${data.error.issues[0]?.message ?? ''}`);
  }

  #refused(status: number, text: string): PortError {
    return new PortError(
      `Prometheus at ${this.host} refuses the worker: ${status} ${oneLine(text).slice(0, 200)}; check ` +
        'GREENLIGHT_PROMETHEUS_TOKEN_FILE, or …_USER and …_PASSWORD_FILE',
      { kind: 'permanent', code: 'PrometheusRefused' },
    );
  }

  #unreadable(reason: string, cause?: unknown): PortError {
    return new PortError(
      `Prometheus at ${this.host} could not be read: ${reason}`,
      { kind: 'transient', code: 'MetricsUnreadable' },
      { cause },
    );
  }

  async #authorization(): Promise<Record<string, string>> {
    const { auth } = this.#connection;
    if (auth === undefined) return {};
    if (auth.kind === 'bearer') return { authorization: `Bearer ${await secret(auth.tokenFile)}` };
    const both = `${auth.user}:${await secret(auth.passwordFile)}`;
    return { authorization: `Basic ${Buffer.from(both).toString('base64')}` };
  }

  #dispatcher(): Promise<Agent> {
    this.#agent ??= this.#connect().catch((thrown: unknown) => {
      this.#agent = undefined;
      throw thrown;
    });
    return this.#agent;
  }

  async #connect(): Promise<Agent> {
    const { caFile } = this.#connection;
    const ca = caFile === undefined ? undefined : await readSecretFile(caFile);
    return new Agent({
      connections: 4,
      headersTimeout: DEADLINE_MS,
      bodyTimeout: DEADLINE_MS,
      maxResponseSize: LARGEST_ANSWER,
      ...(ca === undefined ? {} : { connect: { ca } }),
    });
  }
}

function parsed(text: string): z.output<typeof Answer> | undefined {
  try {
    return Answer.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

async function secret(file: string): Promise<string> {
  const text = (await readSecretFile(file)).trim();
  if (text !== '') return text;
  throw new PortError(`The file ${file}, which the sign-in to Prometheus needs, is empty`, {
    kind: 'permanent',
    code: 'PrometheusSettings',
  });
}

async function readSecretFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (thrown) {
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new PortError(
      `A file that the connection to Prometheus needs cannot be read: ${reason}`,
      { kind: 'permanent', code: 'PrometheusSettings' },
      { cause: thrown },
    );
  }
}

function reasonOf(thrown: unknown, own: AbortSignal): string {
  if (own.aborted) return `no answer within ${DEADLINE_MS / 1000} s`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}
